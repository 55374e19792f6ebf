"""`step`: what one event means for one card. Pure: everything it needs is handed in, and it performs nothing.

An event takes effect when it happened (`event.at`), not when it is handled. What fell due before comes first, then the
event and all its rules lead to, then what falls due up to `now`. So a late wake-up decides what a timely one would have
decided.

An event from before the card's latest (a message that was slow to arrive) takes effect with the latest; an imported or
corrected one (`backfill`) at its own time, and of what lies before the import nothing is ever sent.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.program import Pipeline
from duly_dsl.words import fold
from duly_runtime.card import Card
from duly_runtime.decision import Decision, Entry, World
from duly_runtime.engine import announcing, clocks, commands, due, ladders, named, opening
from duly_runtime.engine.graph import Graph, load
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.work import Memory, Work
from duly_runtime.events import (
    AgentMessage,
    AssignCard,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    Event,
    InternalNote,
    MessageChanged,
    OpenCard,
    Recompute,
    Said,
    SentElsewhere,
    SplitOff,
    TemplateChanged,
    TimerFired,
)

__all__ = ["Graph", "Memory", "load", "step", "wants_new_card"]


def step(
    graph: Graph,
    card: Card | None,
    event: Event,
    now: dt.datetime,
    world: World | None = None,
    *,
    traced: bool = True,
    memory: Memory | None = None,
) -> Decision:
    """Judge an event. `card` None: the event opens one, or concerns none. The same arguments give an equal Decision.

    Without `traced` the decision is the same but for its trace, which is empty. `memory` saves work where one process takes
    all steps of a card; it may ask for some kinds of history lines only.

    A refused command leaves the card as it was, its revision included; what fell due is then for its timer.
    """
    world = world or World()
    try:
        if card is None:
            return _open(graph, event, now, world, traced, memory)
        return _handle(graph, card, event, now, world, traced, memory)
    except Refusal as refusal:
        author = getattr(event.body, "author", "")
        entry = Entry(kind="refused", at=now, author=author, details={**refusal.details, "code": refusal.code})
        if card is None:
            return Decision(card=None, refused=str(refusal))
        pipeline = graph.pipeline(card.pipeline)
        wanted = due.timers(Work(graph, pipeline, card, now, world)) if pipeline else ()
        return Decision(card=card, timers=wanted, entries=(entry,), refused=str(refusal))


def wants_new_card(graph: Graph, card: Card, event: Event, now: dt.datetime) -> bool:
    """Whether a customer's message opens a card of its own, though its conversation has one: it comes after the time the
    connector keeps them together (`same card when … within …`, from the customer's last message), or too late to reopen a
    finished card."""
    body = event.body
    if not isinstance(body, CustomerMessage) or body.automatic:
        return False
    at = min(event.at, now)
    pipeline = graph.pipeline(card.pipeline)
    if body.same_within is not None and pipeline is not None:
        last = card.last_customer_at or card.created_at
        if at > graph.working(pipeline).add(last, body.same_within):
            return True
    if card.finished_at is None:
        return False
    return pipeline is None or commands.reopens_to(graph, pipeline, card, at) is None


def _open(graph: Graph, event: Event, now: dt.datetime, world: World, traced: bool, memory: Memory | None) -> Decision:
    body = event.body
    if isinstance(body, (DeliveryStatus, TemplateChanged, MessageChanged, SentElsewhere, ContactChanged)):
        return Decision(card=None)
    if isinstance(body, SplitOff):
        return _split_off(graph, event, body, now, world, traced, memory)
    if not isinstance(body, (CustomerMessage, OpenCard)):
        raise Refusal("no-card")
    pipeline = graph.pipeline(body.pipeline) if body.pipeline else graph.only_pipeline()
    if pipeline is None:
        raise Refusal("unknown-pipeline", pipeline=body.pipeline)
    at = min(event.at, now)
    work = opening.begin(graph, pipeline, event, at, now, world, traced=traced, memory=memory)
    opening.open_card(work, body)
    return _finish(work, event)


def _split_off(
    graph: Graph, event: Event, body: SplitOff, now: dt.datetime, world: World, traced: bool, memory: Memory | None
) -> Decision:
    """A card begins with messages another had: each takes effect at its own time, and nothing is sent for the past."""
    first = body.said[0]
    opened = Event(id=event.id, at=first.at, body=_opening(body, first), backfill=True)
    decision = _open(graph, opened, now, world, traced, memory)
    for said in body.said[1:] if first.direction == "in" else body.said:
        assert decision.card is not None
        message = _message(body, said)
        if message is None:
            continue
        told = Event(id=event.id, at=said.at, body=message, backfill=True)
        decision = _joined(decision, _handle(graph, decision.card, told, now, _since(world, decision), traced, memory))
    assert decision.card is not None
    if not decision.card.owner and (body.owner in graph.program.people or body.team in graph.program.teams):
        owner = body.owner if body.owner in graph.program.people else ""
        team = body.team if body.team in graph.program.teams else ""
        given = Event(id=event.id, at=now, body=AssignCard(owner=owner, team=team, author=body.author))
        decision = _joined(decision, _handle(graph, decision.card, given, now, _since(world, decision), traced, memory))
    entry = Entry(kind="card.split_off", at=now, author=body.author, details={"number": str(body.number)})
    return replace(decision, entries=(*decision.entries, entry))


def _opening(body: SplitOff, said: Said) -> CustomerMessage | OpenCard:
    if said.direction != "in":
        return OpenCard(
            pipeline=body.pipeline,
            title=body.title,
            contact=body.contact,
            channel=body.channel,
            connector=body.connector,
            conversation=body.conversation,
        )
    message = _message(body, said)
    assert isinstance(message, CustomerMessage)
    return message


def _message(body: SplitOff, said: Said) -> CustomerMessage | AgentMessage | InternalNote | None:
    """None for what Duly itself has sent: it is no reply."""
    if said.direction == "in":
        return CustomerMessage(
            text=said.text,
            title=body.title,
            contact=body.contact,
            channel=body.channel,
            connector=body.connector,
            conversation=body.conversation,
            pipeline=body.pipeline,
            automatic=said.automatic,
        )
    if said.direction == "out":
        return AgentMessage(text=said.text.strip() or "…", author=said.author) if said.author else None
    return InternalNote(text=said.text, author=said.author)


def _since(world: World, decision: Decision) -> World:
    """The world after a decision, for the next of the same card."""
    over = (world.over - decision.over.keys()) | {place for place, now in decision.over.items() if now}
    return replace(world, cursors={**world.cursors, **decision.cursors}, over=frozenset(over))


def _joined(one: Decision, other: Decision) -> Decision:
    """Two decisions of one card as one; Refusal where the second was refused."""
    return Decision(
        card=other.card,
        timers=other.timers,
        effects=(*one.effects, *other.effects),
        entries=(*one.entries, *other.entries),
        trace=(*one.trace, *other.trace),
        cursors={**one.cursors, **other.cursors},
        over={**one.over, **other.over},
        answered=(*one.answered, *other.answered),
    )


def _handle(
    graph: Graph, card: Card, event: Event, now: dt.datetime, world: World, traced: bool, memory: Memory | None
) -> Decision:
    pipeline = graph.pipeline(card.pipeline)
    if pipeline is None:
        raise Refusal("unknown-pipeline", pipeline=card.pipeline)
    # What the last step left behind under this graph holds the names of this graph.
    known = memory is not None and memory.listed[0] is card
    if not known:
        card = _renamed(graph, pipeline, card)
    work = Work(graph, pipeline, card, now, world, traced=traced, memory=memory)
    body = event.body
    fired = isinstance(body, TimerFired)
    at = now if fired else _takes_effect(card, event, now)
    if not known:
        named.drop_removed(work)
    work.at = card.created_at
    # A correction to a card that lives: what is due by now was promised before it, and is still said.
    live = event.backfill and (card.imported_until is None or at > card.imported_until)
    due.catch_up(work, now if live else at, inclusive=False)
    if fired and known and work.card is card and graph.steady(pipeline):
        return _finish(work, event, settled=True)
    work.at = at
    work.begin()
    if event.backfill:
        work.backfill = True
        work.update(imported_until=max(now, card.imported_until or now))
    if isinstance(body, (CustomerMessage, AgentMessage, SentElsewhere)):
        work.message = fold(body.text)
    work.answering = opening.written_by(body)
    if not fired:
        commands.carry_out(work, body)
    if isinstance(body, Recompute):
        if body.choice == "keep":
            work.update(kept=card.kept or body.before)
        else:
            work.update(kept="")
        if body.choice == "recompute":
            clocks.recompute(work)
            ladders.recompute(work)
    return _finish(work, event)


def _finish(work: Work, event: Event, *, settled: bool = False) -> Decision:
    """What the event leads to, what is due since, and the books. `settled`: it led to nothing, and the last step has left
    all clocks in line with the card."""
    if not settled:
        due.come_to_rest(work)
        work.message = work.answering = ""
    # Of an import the next event may lie before what is due by now: only its own time is caught up.
    due.catch_up(work, work.at if event.backfill else work.now, inclusive=True)
    timers = due.timers(work)
    if work.card.revision != work.revision:
        work.update()
        due.keep(work)
    if work.news or work.effects:
        announcing.post(work)
    return Decision(
        card=work.card,
        timers=timers,
        effects=tuple(work.effects.values()),
        entries=tuple(work.entries),
        trace=tuple(work.trace),
        cursors=work.cursors,
        over=work.over,
        answered=work.answered,
    )


def _takes_effect(card: Card, event: Event, now: dt.datetime) -> dt.datetime:
    at = min(event.at, now)
    if event.backfill:
        return max(at, card.created_at)
    if at == now:
        return now
    latest = due.silent_since(card)
    for clock in card.clocks:
        if clock.open:
            latest = max(latest, clock.started_at)
            if clock.missed_at is not None:
                latest = max(latest, clock.missed_at)
            for pause in clock.pauses:
                latest = max(latest, pause.start, pause.until or pause.start)
    return max(at, min(now, latest))


def _renamed(graph: Graph, pipeline: Pipeline, card: Card) -> Card:
    """The card under the names this version has for its pipeline, stages, fields and clocks."""
    if card.pipeline == pipeline.name and graph.same_names(pipeline, card.stage):
        return card
    former = graph.former_fields(pipeline)
    if former and not former.keys().isdisjoint(card.fields):
        # A value under the new name is newer than one under the old.
        brought = {former[old]: value for old, value in card.fields.items() if old in former}
        rest = {name: value for name, value in card.fields.items() if name not in former}
        card = replace(card, fields={**brought, **rest})
    here = graph.known_stage(pipeline, card.stage)
    moved = card.pipeline != pipeline.name or (here is not None and here.name != card.stage)
    if not moved and not any(clock.was for clock in pipeline.clocks):
        return card

    def name(old: str) -> str:
        stage = graph.known_stage(pipeline, old) if old else None
        return stage.name if stage else old

    def metric(old: str) -> str:
        clock = graph.clock(pipeline, old)
        return clock.name if clock else old

    return replace(
        card,
        pipeline=pipeline.name,
        stage=name(card.stage),
        visits=tuple(replace(visit, stage=name(visit.stage)) for visit in card.visits),
        clocks=tuple(replace(clock, stage=name(clock.stage), metric=metric(clock.metric)) for clock in card.clocks),
        ladders=tuple(replace(ladder, metric=metric(ladder.metric)) for ladder in card.ladders),
        unpromised={metric(old): at for old, at in card.unpromised.items()},
    )
