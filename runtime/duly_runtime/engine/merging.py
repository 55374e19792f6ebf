"""Cards that become one, and cards that part.

A card that is merged into another is finished where it stands: its clocks are cancelled and count neither way (what was
missed stays missed), its ladders stop, and nothing of it falls due. What waits for an answer, waits on the other card.
Undone, its clocks go on, and the time it was merged counts as a pause.
"""

from __future__ import annotations

from msgspec.structs import replace

from duly_runtime import participants
from duly_runtime.card import Absorbed, Card, Merged, Pause
from duly_runtime.engine import clocks, ladders
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.work import Work
from duly_runtime.events import AbsorbCard, MergeCard, ReleaseCard, SplitCard, UnmergeCard

MERGED = "merged"
"""Why a clock was cancelled, or a ladder stopped."""
REPLIES = ("first reply", "next reply")


def merge(work: Work, body: MergeCard) -> None:
    """What the card does that is merged into another (`World.other`, where it is known)."""
    card, other = work.card, work.world.other
    if other is not None:
        _check(card, other)
        if work.graph.pipeline(other.pipeline) is None:
            raise Refusal("unknown-pipeline", pipeline=other.pipeline)
    for clock in card.clocks:
        if clock.open:
            clocks.cancel(work, clock, MERGED)
    for ladder in ladders.running(work):
        work.put_ladder(ladder, replace(ladder, stopped_at=work.at, stopped_by=MERGED))
        work.say("ladder.stopped", {"ladder": ladder.name, "metric": ladder.metric, "why": MERGED}, author=body.author)
    merged = Merged(
        card=body.into,
        number=body.number,
        at=work.at,
        finished_at=card.finished_at,
        unanswered_since=card.unanswered_since,
    )
    work.update(merged=merged, finished_at=card.finished_at or work.at, unanswered_since=None)
    work.say("card.merged", {"number": str(body.number)}, author=body.author)


def _check(card: Card, other: Card) -> None:
    if other.id == card.id or (other.merged is not None and other.merged.card == card.id):
        raise Refusal("merge-into-itself")
    if other.merged is not None:
        raise Refusal("merged", number=str(other.merged.number))
    if other.finished_at is not None and card.finished_at is None:
        raise Refusal("merge-into-finished", number=str(other.number))


def unmerge(work: Work, body: UnmergeCard) -> None:
    card = work.card
    merged = card.merged
    if merged is None:
        raise Refusal("not-merged")
    work.update(merged=None, finished_at=merged.finished_at, unanswered_since=merged.unanswered_since)
    work.say("card.unmerged", {"number": str(merged.number)}, author=body.author)
    for clock in card.clocks:
        if clock.cancelled_by == MERGED:
            clocks.go_on(work, clock, Pause(merged.at, work.at))
    for ladder in card.ladders:
        if ladder.stopped_by == MERGED:
            work.put_ladder(ladder, replace(ladder, stopped_at=None, stopped_by=""))


def absorb(work: Work, body: AbsorbCard) -> None:
    """What the card does that another was merged into. Whom that one had to answer, this one has to: from when they wrote,
    or from now on, where that promise is broken already and is counted over there."""
    card = work.card
    new = participants.added(card, body.writers)
    absorbed = Absorbed(card=body.card, number=body.number, at=work.at, participants=new)
    work.update(absorbed=(*card.absorbed, absorbed), participants=(*card.participants, *new))
    work.say("card.absorbed", {"number": str(body.number), "title": body.title}, author=body.author)
    last = card.last_customer_at
    if body.last_customer_at is not None and (last is None or body.last_customer_at > last):
        work.update(last_customer_at=body.last_customer_at)
        clocks.speaks(work)
    if body.unanswered_since is not None and card.finished_at is None:
        since = work.at if body.missed else body.unanswered_since
        work.update(unanswered_since=min(since, card.unanswered_since or since))


def release(work: Work, body: ReleaseCard) -> None:
    """A merge is undone: what came in meanwhile stays here."""
    card = work.card
    gone = [each for each in card.absorbed if each.card == body.card]
    names = {name for each in gone for name in each.participants}
    work.update(
        absorbed=tuple(each for each in card.absorbed if each.card != body.card),
        participants=tuple(name for name in card.participants if name not in names),
    )
    work.say("card.released", {"number": str(body.number)}, author=body.author)


def split(work: Work, body: SplitCard) -> None:
    """What the card does that messages are taken from: it waits for an answer to what is left, and no longer to what is
    gone."""
    card = work.card
    if work.world.unfit or not body.messages:
        raise Refusal("unfit-messages")
    if body.pipeline and work.graph.pipeline(body.pipeline) is None:
        raise Refusal("unknown-pipeline", pipeline=body.pipeline)
    if card.last_customer_at != body.last_customer_at:
        raise Refusal("written-meanwhile")
    number = str(work.world.next_card_number or "")
    work.say("card.split", {"number": number, "messages": str(len(body.messages))}, author=body.author)
    since = body.unanswered_since if card.finished_at is None else None
    if since == card.unanswered_since:
        return
    clock = clocks.open_clock(card, "next reply")
    if clock is not None and (since is None or since > clock.started_at):
        clocks.cancel(work, clock, "split")
    work.update(unanswered_since=since)
