"""A card comes into being, by a customer's message or by hand."""

from __future__ import annotations

import datetime as dt

from duly_dsl.program import Pipeline
from duly_dsl.words import fold
from duly_runtime.card import Card
from duly_runtime.decision import World
from duly_runtime.engine import moves
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.values import checked
from duly_runtime.engine.work import Memory, Work
from duly_runtime.events import AnyBody, CustomerMessage, Event, OpenCard

TITLE_LENGTH = 80
"""Of a title made from the first line of a message."""


def begin(
    graph: Graph,
    pipeline: Pipeline,
    event: Event,
    at: dt.datetime,
    now: dt.datetime,
    world: World,
    *,
    traced: bool = True,
    memory: Memory | None = None,
) -> Work:
    """A card with nothing but its defaults."""
    body = event.body
    assert isinstance(body, (CustomerMessage, OpenCard))
    card = Card(
        id=world.next_card_id,
        number=world.next_card_number,
        pipeline=pipeline.name,
        stage="",
        title=body.title or _first_line(body.text) or _first_line(_first_file(body)),
        contact=body.contact,
        channel=body.channel,
        connector=body.connector,
        conversation=body.conversation,
        priority=pipeline.default_priority,
        fields={field.name: field.default for field in pipeline.fields if field.default is not None},
        created_at=at,
        by_machine=written_by(body) == "machine",
        imported_until=now if event.backfill else None,
    )
    work = Work(graph, pipeline, card, now, world, backfill=event.backfill, traced=traced, memory=memory)
    work.message = fold(body.text)
    work.answering = written_by(body)
    work.at = at
    return work


def written_by(body: AnyBody) -> str:
    """`person` or `machine` for a message of the customer, empty for anything else."""
    if isinstance(body, CustomerMessage):
        return "machine" if body.automatic else "person"
    return ""


def open_card(work: Work, body: CustomerMessage | OpenCard) -> None:
    """The facts are, in this order: `card is created`, `card enters` its stage, and for a customer's message
    `customer replies` (the first message counts as one; an auto-reply doesn't)."""
    stage = work.pipeline.start
    if isinstance(body, OpenCard):
        if body.stage:
            named = work.graph.known_stage(work.pipeline, body.stage)
            if named is None:
                raise Refusal("unknown-stage", stage=body.stage, pipeline=work.pipeline.name)
            stage = named
        for operand, value in body.fields.items():
            checked(work.graph, work.pipeline, operand, value)
    # Stands in the stage already while its first values are set: conditions may read it.
    work.enter(stage)
    work.say("card.created", {"title": work.card.title, "channel": body.channel, "connector": body.connector})
    moves.fill_in(work, body.fields)
    work.fact("card is created")
    moves.arrive(work, stage)
    if isinstance(body, OpenCard) and body.text:
        work.say("note.added", {"text": body.text})
    if isinstance(body, CustomerMessage):
        work.say("message.in", {"text": body.text, "automatic": "yes" if body.automatic else ""}, author="customer")
        if not body.automatic:
            work.update(last_customer_at=work.at, unanswered_since=None if stage.finish else work.at)
            work.fact("customer replies")


def _first_file(body: CustomerMessage | OpenCard) -> str:
    return next((file.name for file in body.files if file.name), "") if isinstance(body, CustomerMessage) else ""


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    line = lines[0].strip() if lines else ""
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
