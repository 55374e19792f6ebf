"""What falls due by itself: alerts, misses, levels and silences. One list serves both to act and to set timers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from duly_dsl.program import Alert, Send, Silence
from duly_runtime.card import Card, Clock, Ladder
from duly_runtime.decision import Timer
from duly_runtime.engine import actions, alerts, cascade, clocks, ladders
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Cause, Due, Work

MOST_AT_ONCE = 1000
"""Due things handled with one event; the rest have timers that are due already, so that the next event takes them."""


def catch_up(work: Work, until: dt.datetime, *, inclusive: bool) -> None:
    """Handle what is due up to an instant in the order of the due instants, each at its own (CLOCKS, point 17).

    What a change has put into the past is handled at the moment of the change.
    """
    for _ in range(MOST_AT_ONCE):
        first = next(iter(_in_order(work)), None)
        if first is None or first.at > until or (first.at == until and not inclusive):
            return
        work.overdue = True
        work.at = max(work.at, first.at)
        work.begin()
        first.act(work, until)
        cascade.run(work)
        clocks.settle(work)
        work.overdue = False


def timers(work: Work) -> tuple[Timer, ...]:
    """Everything the card waits for, soonest first."""
    return tuple(Timer(key=due.key, due_at=due.at) for due in _in_order(work))


def _in_order(work: Work) -> list[Due]:
    """Soonest first. It depends on the card alone, so the list is kept while the card is the same."""
    card, found = work.listed
    if card is not work.card:
        found = sorted(_all(work), key=lambda due: due[:3])
        work.listed = (work.card, found)
    return found


def _all(work: Work) -> Iterator[Due]:
    card = work.card
    for clock in card.clocks:
        if clock.open and clock.missed_at is None:
            yield from _of_clock(work, clock)
    for ladder in card.ladders:
        if ladder.stopped_at is None and ladder.next_at is not None:
            key = f"ladder/{ladder.name}/{ladder.metric}/{ladder.cycle}/{ladder.level}/{ladder.repeats}"
            yield Due(ladder.next_at, 2, key, _level(ladder))
    visit = card.visit
    since = silent_since(card)
    for silence in work.stage.silences:
        if silence.index not in visit.silences and silence.index not in visit.silences_once:
            at = work.time.add(since, silence.amount)
            yield Due(at, 3, f"silence/{visit.number}/{silence.index}", _silent(silence, at, since))


def silent_since(card: Card) -> dt.datetime:
    """The last message of a person on either side, or the arrival in the stage, whichever is later."""
    moments = (card.visit.entered_at, card.last_customer_at, card.last_agent_at)
    return max(moment for moment in moments if moment is not None)


def _of_clock(work: Work, clock: Clock) -> Iterator[Due]:
    for alert in alerts.alerts_of(work, clock):
        if alert.key not in clock.sent:
            at = alerts.threshold(work, clock, alert)
            if at is not None:
                yield Due(at, 0, f"{clock.metric}/{clock.cycle}/{alert.key}", _alert(clock, alert, at))
    if clock.due_at is not None:
        yield Due(clock.due_at, 1, f"{clock.metric}/{clock.cycle}/due", _miss(clock))


def _alert(clock: Clock, alert: Alert, at: dt.datetime) -> Callable[[Work, dt.datetime], None]:
    return lambda work, until: alerts.give(work, clock, alert, at)


def _miss(clock: Clock) -> Callable[[Work, dt.datetime], None]:
    def act(work: Work, until: dt.datetime) -> None:
        missed = replace(clock, missed_at=work.at, detected_at=work.now, owner_at_miss=work.card.owner)
        work.put_clock(clock, missed)
        work.say("clock.missed", {**told(missed), "owner": work.card.owner, "detected_at": instant(work.now)})
        ladders.start(work, missed, work.at)
        work.fact("missed", metric=clock.metric)

    return act


def _level(ladder: Ladder) -> Callable[[Work, dt.datetime], None]:
    def act(work: Work, until: dt.datetime) -> None:
        reached = ladders.climb(work, ladder, until)
        if reached is None:
            return
        level, key = reached
        details = {
            "ladder": ladder.name,
            "level": str(level.number),
            "metric": ladder.metric,
            "due_at": instant(ladder.began_at),
        }
        actions.perform(work, level.actions, Cause(key, "escalation", details))
        ladders.end_of_levels(work, ladder)

    return act


def _silent(silence: Silence, at: dt.datetime, since: dt.datetime) -> Callable[[Work, dt.datetime], None]:
    def act(work: Work, until: dt.datetime) -> None:
        card, visit = work.card, work.card.visit
        if isinstance(silence.action, Send) and silence.action.once:
            work.put_visit(replace(visit, silences_once=(*visit.silences_once, silence.index)))
        else:
            work.put_visit(replace(visit, silences=(*visit.silences, silence.index)))
        details = {"silence": str(silence.amount), "stage": visit.stage}
        work.say("silence.acted", {**details, "due_at": instant(at)})
        key = f"silence/{card.id}/{visit.number}/{silence.index}/{instant(since)}"
        actions.perform(work, (silence.action,), Cause(key, "rule", details))

    return act
