"""A card changes: it enters and leaves stages, its fields and tags are set. Each change leaves its facts in the queue."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from duly_dsl.program import Stage
from duly_runtime.card import Visit
from duly_runtime.engine import assignment, clocks, ladders
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.values import FIELD, checked, read, text_of
from duly_runtime.engine.work import Work
from duly_runtime.events import Scalar


def arrive(work: Work, stage: Stage, *, author: str = "", details: dict[str, str] | None = None) -> None:
    """A new visit begins here. The stage's owner takes the card."""
    work.graph.saw(stage)
    number = work.card.visits[-1].number + 1 if work.card.visits else 1
    visit = Visit(number=number, stage=stage.name, entered_at=work.at)
    work.enter(stage, visits=(*work.card.visits, visit))
    work.arrived = True
    work.changed.add("stage")
    work.say("stage.entered", {"stage": stage.name, **(details or {})}, author=author)
    if stage.finish and work.card.finished_at is None:
        work.update(finished_at=work.at, unanswered_since=None)
        clocks.finished(work)
        work.say("card.finished", {"stage": stage.name}, author=author)
    work.fact("card enters", stage=stage.name)
    if stage.owner is not None:
        assignment.assign(work, stage.owner)


def move(work: Work, stage: Stage, *, author: str = "", reason: str = "", rule: str = "") -> None:
    """From the stage the card is in to another; whether it may is judged by `check_move`."""
    left = work.stage
    visit = work.card.visit
    # What is recorded afterwards can't end a visit before it began.
    work.at = max(work.at, visit.entered_at)
    clocks.stop(work, "leave stage", work.at)
    ladders.left_stage(work)
    work.put_visit(replace(visit, left_at=work.at))
    work.say("stage.left", {"stage": left.name, "to": stage.name}, author=author)
    work.fact("card leaves", stage=left.name)
    if left.finish and not stage.finish:
        work.update(finished_at=None)
        clocks.reopened(work)
        work.say("card.reopened", {"from": left.name, "stage": stage.name}, author=author)
        work.fact("card is reopened", stage=stage.name)
    arrive(work, stage, author=author, details={"from": left.name, "reason": reason, "rule": rule})
    work.fact("changes", subject="stage")


def check_move(work: Work, name: str, *, by_person: bool) -> Stage:
    """The stage of that name, if the card may go there; Refusal otherwise. People must fill in fields first, rules not."""
    here, card = work.stage, work.card
    stage = work.graph.known_stage(work.pipeline, name)
    if stage is None:
        raise Refusal("unknown-stage", stage=name, pipeline=work.pipeline.name)
    if stage.name == here.name:
        raise Refusal("already-there", stage=here.name)
    allowed = list(here.next)
    if here.reopen is not None and card.finished_at is not None:
        allowed.append(here.reopen.stage)
    if (allowed or here.finish) and stage.name not in allowed:
        raise Refusal("stage-order", **{"from": here.name, "stage": stage.name, "next": ", ".join(allowed) or "–"})
    if by_person:
        for field in work.pipeline.fields:
            if here.name in field.required_to_leave and card.fields.get(field.name, "") == "":
                raise Refusal("required-field", field=field.name, stage=here.name)
    return stage


def put(work: Work, operand: str, value: Scalar | None, *, author: str = "", rule: str = "") -> None:
    """Set an operand to a value that was checked; nothing happens where it stands there already."""
    before = read(work.card, operand)
    if before == value and type(before) is type(value):
        return
    if operand.startswith(FIELD):
        name = operand.removeprefix(FIELD)
        fields = {key: old for key, old in work.card.fields.items() if key != name}
        work.update(fields=fields if value is None else {**fields, name: value})
    else:
        work.update(**{operand: value or ""})
    work.changed.add(operand)
    work.say(
        "field.changed",
        {"field": operand, "from": text_of(before), "to": text_of(value), "rule": rule},
        author=author,
    )
    work.fact("changes", subject=operand)


def put_all(work: Work, values: dict[str, Scalar], *, author: str = "") -> None:
    """Set what a message brought along; what can't stand there is noted and left out, for the message itself counts."""
    for operand, value in values.items():
        try:
            put(work, operand, checked(work.graph, work.pipeline, operand, value), author=author)
        except Refusal as refusal:
            refused(work, refusal, author=author)


def fill_in(work: Work, values: dict[str, Scalar]) -> None:
    """The first values of a new card: they are no changes."""
    put_all(work, values)
    work.queue.clear()


def tag(work: Work, add: Iterable[str] = (), remove: Iterable[str] = (), *, author: str = "", rule: str = "") -> None:
    for name in remove:
        if name in work.card.tags:
            work.update(tags=tuple(other for other in work.card.tags if other != name))
            work.changed.add("tags")
            work.say("tag.removed", {"tag": name, "rule": rule}, author=author)
    for name in add:
        if name not in work.card.tags:
            work.update(tags=(*work.card.tags, name))
            work.changed.add("tags")
            work.say("tag.added", {"tag": name, "rule": rule}, author=author)


def refused(work: Work, refusal: Refusal, *, author: str = "", rule: str = "") -> None:
    """Note what could not be done, without giving up the rest."""
    work.say("refused", {**refusal.details, "code": refusal.code, "rule": rule}, author=author)
