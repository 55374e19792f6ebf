"""What falls due by itself: alerts, misses, levels, silences, what was held, occasions of scheduled rules. One list serves
both to act and to set timers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from operator import attrgetter

from msgspec.structs import replace

from duly_dsl.program import Alert, Send, Silence
from duly_runtime.card import Clock, Held, Ladder
from duly_runtime.decision import Timer
from duly_runtime.engine import actions, alerts, announcing, cascade, clocks, ladders, named, schedules, sending
from duly_runtime.engine.silences import silent_since
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Cause, Due, Work

MOST_AT_ONCE = 1000
"""Due things handled with one event; the rest have timers that are due already, so that the next event takes them."""

MOST_KEPT = 64
"""Clocks, in all their states, whose due instants are kept for a card; ladders likewise."""

ORDER = attrgetter("at", "rank", "key")
"""Instant, rank, key."""


def catch_up(work: Work, until: dt.datetime, *, inclusive: bool) -> None:
    """Handle what is due up to an instant in the order of the due instants, each at its own (CLOCKS, point 17).

    What a change has put into the past is handled at the moment of the change.
    """
    for _ in range(MOST_AT_ONCE):
        card, awaited = work.memory.listed
        if card is not work.card:
            awaited = _in_order(work)
        if not awaited or (at := awaited[0].at) > until or (at == until and not inclusive):
            return
        first = awaited[0]
        work.overdue = True
        work.at = max(work.at, first.at)
        work.begin()
        first.act(work, until)
        come_to_rest(work)
        work.overdue = False


def come_to_rest(work: Work) -> None:
    """All that an event or due instant leads to; then clocks and schedules are brought in line with the card."""
    if work.queue or work.graph.limited:
        cascade.run(work)
    clocks.settle(work)
    if work.pipeline.clocks:
        named.settle(work)
    if work.pipeline.schedules or work.card.schedules:
        schedules.settle(work)


def timers(work: Work) -> tuple[Timer, ...]:
    """Everything the card waits for, soonest first."""
    card, found = work.memory.listed
    if card is not work.card:
        found = _in_order(work)
    return tuple([due.timer for due in found])


def keep(work: Work) -> None:
    """What the card waits for is known for the next step too: since it was listed, only the revision has changed."""
    work.memory.listed = (work.card, work.memory.listed[1])


def _in_order(work: Work) -> list[Due]:
    """Soonest first. It depends on the card alone, so the list is kept (`Memory.listed`) while the card is the same."""
    found = _all(work)
    if len(found) > 1:
        found.sort(key=ORDER)
    work.memory.listed = (work.card, found)
    return found


def _all(work: Work) -> list[Due]:
    card, stage, kept = work.card, work.stage, work.memory.clocks
    found: list[Due] = []
    if card.merged is not None:
        return found
    for clock in card.clocks:
        if clock.stopped_at is None:
            known = kept.get(id(clock))
            # The entry holds the clock, so its id can't have passed to another one.
            found += known[2] if known and known[0] is clock and known[1] is stage else _of_clock(work, clock)
    for ladder in card.ladders:
        if ladder.next_at is not None and ladder.stopped_at is None:
            found.append(_of_ladder(work, ladder, ladder.next_at))
    if stage.silences:
        visit, since = card.visit, silent_since(card)
        for silence, at in _silences(work, since):
            if silence.index not in visit.silences and silence.index not in visit.silences_once:
                found.append(Due.of(at, 3, f"silence/{visit.number}/{silence.index}", _silent(silence, at, since)))
    if card.schedules:
        for key, since in card.schedules.items():
            at = schedules.upcoming(work, key, since)
            if at is not None:
                found.append(Due.of(at, 5, f"every/{key}/{instant(at)}", _occasion(key, at)))
    for held in card.held:
        found.append(Due.of(held.until, 4, f"held/{held.effect.key}", _held(held)))
    return found


def _of_ladder(work: Work, ladder: Ladder, at: dt.datetime) -> Due:
    known = work.memory.ladders.get(id(ladder))
    if known is not None and known[0] is ladder:
        return known[1]
    key = f"ladder/{ladder.name}/{ladder.metric}/{ladder.cycle}/{ladder.level}/{ladder.repeats}"
    found = Due.of(at, 2, key, _level(ladder))
    if len(work.memory.ladders) >= MOST_KEPT:
        work.memory.ladders.clear()
    work.memory.ladders[id(ladder)] = (ladder, found)
    return found


def _silences(work: Work, since: dt.datetime) -> tuple[tuple[Silence, dt.datetime], ...]:
    stage, then, found = work.memory.silences
    if stage is not work.stage or then != since:
        found = tuple((silence, work.time.add(since, silence.amount)) for silence in work.stage.silences)
        work.memory.silences = (work.stage, since, found)
    return found


def _of_clock(work: Work, clock: Clock) -> list[Due]:
    """Worked out anew, and kept while clock and stage are the same."""
    found: list[Due] = []
    for alert in alerts.alerts_of(work, clock):
        # Some are counted from the miss, the others come before it.
        if alert.key not in clock.sent and (alert.after is not None) is (clock.missed_at is not None):
            at = alerts.threshold(work, clock, alert)
            if at is not None:
                found.append(Due.of(at, 0, f"{clock.metric}/{clock.cycle}/{alert.key}", _alert(clock, alert, at)))
    if work.subscribed and (risk := announcing.at_risk(work, clock)) is not None:
        found.append(risk)
    if clock.due_at is not None and clock.missed_at is None:
        found.append(Due.of(clock.due_at, 1, f"{clock.metric}/{clock.cycle}/due", _miss(clock)))
    memory = work.memory.clocks
    if len(memory) >= MOST_KEPT:
        memory.clear()
    memory[id(clock)] = (clock, work.stage, found)
    return found


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
        work.graph.saw(silence)
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


def _occasion(key: str, at: dt.datetime) -> Callable[[Work, dt.datetime], None]:
    return lambda work, until: schedules.occur(work, key, at, until)


def _held(held: Held) -> Callable[[Work, dt.datetime], None]:
    return lambda work, until: sending.release(work, held)
