"""What rules, levels and silences do."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from duly_dsl import program as p
from duly_runtime.decision import CallWebhook, MessageCustomer, NotifyPerson
from duly_runtime.engine import assignment, excuses, moves, named, notes, people, sending
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.silences import silent_since
from duly_runtime.engine.values import checked
from duly_runtime.engine.work import Cause, Work

MOST_ACTIONS = 100
"""For one event or due instant: a limit for mistakes, far above what anybody writes on purpose (PROMISES, 14)."""

DEEPEST = 8
"""Facts that lead to facts."""


def perform(work: Work, actions: Sequence[p.AnyAction], cause: Cause) -> None:
    for number, action in enumerate(actions, 1):
        if work.stopped:
            return
        if work.actions == MOST_ACTIONS:
            stop_cascade(work, "actions", cause.details.get("rule", ""))
            return
        work.actions += 1
        _perform(work, action, replace(cause, key=f"{cause.key}/{number}"))


def stop_cascade(work: Work, why: str, rule: str = "") -> None:
    """Drop what is still to come of this event: a mistake in the rules must not run for ever. What is done stays."""
    work.stopped = True
    work.queue.clear()
    limit = DEEPEST if why == "depth" else MOST_ACTIONS
    work.say("cascade.stopped", {"why": why, "limit": str(limit), "rule": rule})


def _perform(work: Work, action: p.AnyAction, cause: Cause) -> None:
    rule = cause.details.get("rule") or cause.details.get("ladder") or cause.details.get("silence", "")
    match action:
        case p.Notify():
            _notify(work, action, cause)
        case p.SetField(operand="owner", value=value):
            assignment.assign(work, p.Actor(kind="agent", name=str(value)))
        case p.SetField(operand="team", value=value):
            assignment.assign(work, p.Actor(kind="team", name=str(value)))
        case p.SetField(operand=operand, value=value):
            try:
                moves.put(work, operand, checked(work.graph, work.pipeline, operand, value), rule=rule)
            except Refusal as refusal:
                moves.refused(work, refusal, rule=rule)
        case p.Tag(tag=tag, remove=remove):
            moves.tag(work, () if remove else (tag,), (tag,) if remove else (), rule=rule)
        case p.AssignTo(actor=actor):
            assignment.assign(work, actor)
        case p.Move(stage=stage, reason=reason):
            try:
                moves.move(work, moves.check_move(work, stage, by_person=False), reason=reason, rule=rule)
            except Refusal as refusal:
                moves.refused(work, refusal, rule=rule)
        case p.Send():
            _send(work, action, cause)
        case p.Reply(text=text, outside=outside):
            _message(work, MessageCustomer(key=f"{cause.key}/customer", text=text, outside=outside), cause, rule)
        case p.Call(connector=connector):
            key = f"{cause.key}/{connector}"
            work.do(CallWebhook(key=key, connector=connector, event="rule.fired", details=cause.details, at=work.at))
        case p.ShiftPriority(raised=raised):
            _shift(work, raised, rule)
        case p.ExcuseMiss(metric=metric, reason=reason):
            excuses.by_rule(work, metric, reason, rule)
        case p.RunClock(clock=name, starts=starts):
            (named.begin if starts else named.halt)(work, name)
        case p.AddNote(text=text):
            work.say("note.added", {"text": notes.fill(work, text), "rule": rule})


def _notify(work: Work, action: p.Notify, cause: Cause) -> None:
    for person in people.recipients(work.graph, work.card, action.actors):
        sending.notice(
            work,
            NotifyPerson(
                key=f"{cause.key}/{person}",
                person=person,
                channel=action.channel,
                about=cause.about,
                template=action.template,
                details=cause.details,
            ),
        )


def _send(work: Work, action: p.Send, cause: Cause) -> None:
    """`once` means once a card; for a silence it means once a visit, which is kept with the visit."""
    once = action.once and not cause.details.get("silence")
    if once and action.template in work.card.sent_once:
        return
    effect = MessageCustomer(key=f"{cause.key}/customer", template=action.template, outside=action.outside)
    if _message(work, effect, cause, cause.details.get("rule", "")) and once:
        work.update(sent_once=(*work.card.sent_once, action.template))


def _message(work: Work, effect: MessageCustomer, cause: Cause, rule: str) -> bool:
    if cause.details.get("silence"):
        card = work.card
        return sending.message(work, effect, rule, visit=card.visit.number, since=silent_since(card))
    return sending.message(work, effect, rule)


def _shift(work: Work, raised: bool, rule: str) -> None:
    order = work.pipeline.priorities
    if work.card.priority not in order:
        return
    place = order.index(work.card.priority) + (-1 if raised else 1)
    if 0 <= place < len(order):
        moves.put(work, "priority", order[place], rule=rule)
    else:
        moves.refused(work, Refusal("no-higher-priority" if raised else "no-lower-priority"), rule=rule)
