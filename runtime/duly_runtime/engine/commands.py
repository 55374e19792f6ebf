"""What an event does to a card that exists, before any rule is asked."""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_dsl.program import Pipeline, Stage
from duly_runtime import participants
from duly_runtime.addresses import folded
from duly_runtime.card import Card
from duly_runtime.engine import assignment, clocks, excuses, ladders, merging, moves, replying
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.values import checked
from duly_runtime.engine.work import Work
from duly_runtime.events import (
    AbsorbCard,
    Acknowledge,
    AgentMessage,
    AnyBody,
    AssignCard,
    ChangeParticipants,
    Contact,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    ExcuseMiss,
    InternalNote,
    MergeCard,
    MessageChanged,
    MoveCard,
    OpenCard,
    Recompute,
    ReleaseCard,
    SentElsewhere,
    SetFields,
    SplitCard,
    SplitOff,
    TagCard,
    TemplateChanged,
    TimerFired,
    UnmergeCard,
    WithdrawExcuse,
)

OF_MERGED = (UnmergeCard, ReleaseCard, TimerFired, DeliveryStatus, Recompute)
"""What may still happen to a card that is part of another."""


def carry_out(work: Work, body: AnyBody) -> None:
    """Refusal where a person may not do this; then nothing of it is kept."""
    merged = work.card.merged
    if merged is not None and not isinstance(body, OF_MERGED):
        raise Refusal("merged", number=str(merged.number))
    match body:
        case CustomerMessage():
            _customer_writes(work, body)
        case AgentMessage():
            _agent_writes(work, body)
        case MoveCard(stage=name, author=author, reason=reason):
            moves.move(work, moves.check_move(work, name, by_person=True), author=author, reason=reason)
        case SetFields(values=values, author=author):
            good = {operand: checked(work.graph, work.pipeline, operand, value) for operand, value in values.items()}
            for operand, value in good.items():
                moves.put(work, operand, value, author=author)
        case SentElsewhere():
            _sent_elsewhere(work, body)
        case MessageChanged(change=change, text=text, ours=ours):
            work.say(f"message.{change}", {"text": text, "ours": "yes" if ours else ""}, author="" if ours else "customer")
        case ContactChanged():
            _goes_by_another_name(work, body)
        case InternalNote(text=text, author=author):
            work.say("note.added", {"text": text}, author=author)
        case TagCard(add=add, remove=remove, author=author):
            moves.tag(work, add, remove, author=author)
        case ChangeParticipants():
            _participants(work, body)
        case AssignCard():
            _assign(work, body)
        case Acknowledge(ladder=ladder, author=author):
            ladders.acknowledge(work, ladder, author)
        case ExcuseMiss():
            excuses.by_person(work, body)
        case WithdrawExcuse():
            excuses.withdraw(work, body)
        case OpenCard():
            raise Refusal("already-open")
        case DeliveryStatus():
            replying.instead(work)
        case MergeCard():
            merging.merge(work, body)
        case AbsorbCard():
            merging.absorb(work, body)
        case UnmergeCard():
            merging.unmerge(work, body)
        case ReleaseCard():
            merging.release(work, body)
        case SplitCard():
            merging.split(work, body)
        case SplitOff():
            raise Refusal("already-open")
        case TimerFired() | TemplateChanged() | Recompute():
            pass


def reopens_to(graph: Graph, pipeline: Pipeline, card: Card, at: dt.datetime) -> Stage | None:
    """The stage a customer's message brings a finished card back to; None where it came too late or never does."""
    reopen = graph.stage(pipeline, card.stage).reopen
    if reopen is None or card.finished_at is None or at < card.finished_at:
        return None
    last = graph.working(pipeline).add(card.finished_at, reopen.amount)
    return graph.known_stage(pipeline, reopen.stage) if at <= last else None


def _customer_writes(work: Work, body: CustomerMessage) -> None:
    card = work.card
    work.say("message.in", {"text": body.text, "automatic": "yes" if body.automatic else ""}, author="customer")
    if body.contact != card.contact:
        work.update(contact=_completed(card.contact, body.contact))
    moves.put_all(work, body.fields, author="customer")
    if body.automatic:
        return
    stage = reopens_to(work.graph, work.pipeline, card, work.at)
    if stage is not None:
        moves.move(work, stage, author="customer")
    clocks.speaks(work)
    at, since = work.at, work.card.unanswered_since
    answered = card.last_agent_at is not None and card.last_agent_at > at
    if work.card.finished_at is None and not answered:
        since = min(at, since or at)
    work.update(last_customer_at=max(at, card.last_customer_at or at), unanswered_since=since, by_machine=False)
    work.fact("customer replies")


def _agent_writes(work: Work, body: AgentMessage) -> None:
    """A reply by a person: sent, and the clocks that wait for one stop."""
    for effect in replying.messages(work, body):
        work.do(effect)
    work.say("message.out", {"template": body.template} if body.template else {"text": body.text}, author=body.author)
    _answered(work)


def _sent_elsewhere(work: Work, body: SentElsewhere) -> None:
    work.say("message.elsewhere", {"text": body.text, "automatic": "yes" if body.automatic else ""})
    if not body.automatic:
        _answered(work)


def _answered(work: Work) -> None:
    """A person of ours has written to the customer."""
    card, at = work.card, work.at
    clocks.speaks(work)
    since = card.unanswered_since
    work.update(
        last_agent_at=max(at, card.last_agent_at or at),
        first_replied_at=min(at, card.first_replied_at or at),
        unanswered_since=None if since is not None and since <= at else since,
        by_machine=False,
    )
    clocks.stop(work, "first reply", at)
    clocks.stop(work, "next reply", at)
    work.fact("agent replies")


def _goes_by_another_name(work: Work, body: ContactChanged) -> None:
    """The new names take the place of the old ones; what is not told anew stays."""
    known = work.card.contact
    told = {name: given for name in Contact.__struct_fields__ if (given := getattr(body.contact, name))}
    work.update(contact=msgspec.structs.replace(known, **told))
    before, after = known.address or known.phone, body.contact.address or body.contact.phone
    work.say("contact.changed", {"from": before, "to": after, "text": body.text}, author="customer")


def _participants(work: Work, body: ChangeParticipants) -> None:
    """Who may write on the card changes; its clocks take no notice."""
    for address in body.add:
        if not folded(address):
            raise Refusal("no-address", address=address)
    before = work.card.participants
    going = {folded(address) for address in body.remove}
    work.update(participants=tuple(name for name in before if name not in going))
    coming = participants.added(work.card, body.add)
    if len(work.card.participants) + len(coming) > participants.MOST:
        raise Refusal("too-many-participants", limit=str(participants.MOST))
    work.update(participants=(*work.card.participants, *coming))
    after = work.card.participants
    for address in (name for name in before if name not in after):
        work.say("participant.removed", {"address": address}, author=body.author)
    for address in (name for name in after if name not in before):
        work.say("participant.added", {"address": address}, author=body.author)


def _assign(work: Work, body: AssignCard) -> None:
    program = work.graph.program
    if body.owner and body.owner not in program.people:
        raise Refusal("unknown-person", person=body.owner)
    if body.team and body.team not in program.teams:
        raise Refusal("unknown-team", team=body.team)
    team = body.team or (assignment.team_for(work, body.owner) if body.owner else "")
    assignment.give(work, body.owner, team, author=body.author)


def _completed(known: Contact, given: Contact) -> Contact:
    """What was known stays; what wasn't is filled in."""
    missing = {name: getattr(given, name) for name in Contact.__struct_fields__ if not getattr(known, name)}
    return msgspec.structs.replace(known, **missing)
