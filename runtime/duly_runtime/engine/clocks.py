"""The clocks of a card (CLOCKS, points 9 to 13).

A clock stops at once when what it waits for happens. Everything else is settled at the end of an event or due instant,
when the card has come to rest: clocks are measured anew, paused, resumed and started. So within one event stop beats pause
beats start, and a stage the card only passed through starts nothing.

Finishing a card stops `resolved` and cancels the replies nobody waits for any more.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.program import REOPEN_DEFAULTS, Target
from duly_dsl.units import Duration
from duly_runtime.card import PAUSED, RUNNING, Card, Clock, ClockState, Pause
from duly_runtime.engine.alerts import alerts_of, threshold
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Fact, Work

JUDGED = Fact("")
"""Targets are looked up outside any fact."""


def open_clock(card: Card, metric: str) -> Clock | None:
    for clock in card.clocks:
        if clock.stopped_at is None and clock.metric == metric:
            return clock
    return None


def stop(work: Work, metric: str, at: dt.datetime) -> None:
    """What a clock waits for has happened: met or missed. A reply from before the clock began stops nothing."""
    clock = open_clock(work.card, metric)
    if clock is None or clock.started_at > at:
        return
    done = replace(clock, state=ClockState.DONE, stopped_at=at, pauses=_closed(clock.pauses, at))
    details: dict[str, str] = {}
    if clock.missed_at is not None and work.backfill and clock.due_at is not None and at <= clock.due_at:
        # A fact that came in late says it was in time after all; the cycle was still open, so it may.
        details["withdrawn"] = instant(clock.missed_at)
        done = replace(done, missed_at=None, detected_at=None, owner_at_miss="", excuse=None)
    if clock.due_at is None:
        done = replace(done, due_at=_due(work, done))
        details["due_at"] = instant(done.due_at)
    work.put_clock(clock, done)
    kind = "clock.met" if done.missed_at is None else "clock.stopped"
    if work.wants(kind):
        work.say(kind, {**told(clock), **details})


def cancel(work: Work, clock: Clock, why: str) -> None:
    work.put_clock(
        clock,
        replace(
            clock,
            state=ClockState.CANCELLED,
            stopped_at=work.at,
            cancelled_by=why,
            pauses=_closed(clock.pauses, work.at),
        ),
    )
    work.say("clock.cancelled", {**told(clock), "why": why})


def go_on(work: Work, clock: Clock, gap: Pause) -> None:
    """A clock that was cancelled runs as if it had only stood still since."""
    fresh = replace(clock, state=RUNNING, stopped_at=None, cancelled_by="", pauses=(*clock.pauses, gap))
    if clock.missed_at is None:
        fresh = replace(fresh, due_at=_due(work, fresh))
    work.put_clock(clock, fresh)
    work.say("clock.resumed", told(fresh))


def speaks(work: Work) -> None:
    """A message of either side: silence begins anew."""
    if work.card.visit.silences:
        work.put_visit(replace(work.card.visit, silences=()))


def finished(work: Work) -> None:
    """The card came to a finish."""
    stop(work, "resolved", work.at)
    for metric in ("first reply", "next reply"):
        clock = open_clock(work.card, metric)
        if clock is not None:
            cancel(work, clock, "resolved")


def reopened(work: Work) -> None:
    """The card left a finish: where the first reply is measured again, it has not been given yet."""
    if reopen_choice(work, "first reply") != "first only":
        work.update(first_replied_at=None)
    work.reopened = True


def reopen_choice(work: Work, metric: str) -> str:
    return work.pipeline.reopens.get(metric, REOPEN_DEFAULTS.get(metric, "new cycle"))


def settle(work: Work) -> None:
    """Bring the built-in clocks in line with the card, after all that happened at this instant."""
    if work.card.merged is not None:
        return
    changed, arrived = work.changed, work.arrived
    if changed or arrived:
        work.changed, work.arrived = set(), False
        for clock in work.card.clocks:
            if clock.missed_at is None and clock.stopped_at is None and _touched(work, clock, changed, arrived):
                _retarget(work, clock, arrived)
    stage, card = work.stage, work.card
    pauses = () if not stage.pauses or card.visit.resumed else stage.pauses
    running: list[str] = []
    for clock in card.clocks:
        if clock.stopped_at is None:
            running.append(clock.metric)
            if (clock.held or clock.metric in pauses) is not (clock.state is PAUSED):
                _pause_or_resume(work, clock)
    if stage.finish:
        return
    for metric, (place, target) in work.promises.items():
        if metric not in running and not _needless(card, metric):
            _start(work, metric, place, target, latest(card, metric))


def _needless(card: Card, metric: str) -> bool:
    """Whether a reply is not waited for, however its clock stands."""
    if metric == "first reply":
        return card.first_replied_at is not None
    return metric == "next reply" and (card.first_replied_at is None or card.unanswered_since is None)


def latest(card: Card, metric: str) -> Clock | None:
    """The last cycle of a clock, open or not."""
    for clock in reversed(card.clocks):
        if clock.metric == metric:
            return clock
    return None


def recompute(work: Work) -> None:
    """Measure every open clock anew under this version; what was missed stays missed."""
    for clock in work.card.clocks:
        if clock.open and clock.missed_at is None:
            named = work.graph.clock(work.pipeline, clock.metric)
            calendar = (named.calendar if named else "") or work.pipeline.calendar
            fresh = replace(clock, calendar=calendar, version=work.graph.program.hash)
            work.put_clock(clock, fresh)
            _retarget(work, fresh, True, always=True)


# --- targets ----------------------------------------------------------------------------------------------------------


def look_up(work: Work, target: Target) -> Duration | None:
    """What the first row that matches promises; None where that is nothing."""
    place = work.first(target.rows, JUDGED)
    if place < 0:
        return None
    work.graph.saw(target.rows[place])
    return target.rows[place].amount


def _touched(work: Work, clock: Clock, changed: set[str], arrived: bool) -> bool:
    promise = _promise(work, clock, arrived)
    if promise is None:
        return False
    place, target = promise
    return (arrived and place != clock.stage) or any(operand in changed for operand in target.reads)


def _promise(work: Work, clock: Clock, arrived: bool) -> tuple[str, Target] | None:
    """Who answers for a running clock: on arrival the new stage, if it promises this itself; else whoever did before."""
    named = work.graph.clock(work.pipeline, clock.metric)
    if named is not None:
        return "", named.target
    here = work.graph.target(work.pipeline, work.stage, clock.metric)
    if here is not None and (here[0] or (arrived and not clock.stage)):
        return here
    there = work.graph.stage(work.pipeline, clock.stage) if clock.stage else None
    if there is None:
        return next((("", target) for target in work.pipeline.targets if target.metric == clock.metric), None)
    return work.graph.target(work.pipeline, there, clock.metric)


def _retarget(work: Work, clock: Clock, arrived: bool, *, always: bool = False) -> None:
    promise = _promise(work, clock, arrived)
    amount = look_up(work, promise[1]) if promise else None
    if promise is None or amount is None:
        cancel(work, clock, "no promise")
        return
    place = promise[0]
    if not always and (amount, place) == (clock.target, clock.stage):
        return
    fresh = replace(clock, target=amount, stage=place, version=work.graph.program.hash)
    fresh = replace(fresh, due_at=_due(work, fresh))
    work.put_clock(clock, fresh)
    if (fresh.target, fresh.due_at) != (clock.target, clock.due_at):
        work.say("clock.retargeted", {**told(fresh), "from": str(clock.target), "was_due_at": instant(clock.due_at)})


# --- pauses -----------------------------------------------------------------------------------------------------------


def stands_still(work: Work, metric: str) -> bool:
    """Whether the stage the card is in pauses a clock."""
    return metric in work.stage.pauses and not work.card.visit.resumed


def _pause_or_resume(work: Work, clock: Clock) -> None:
    still = clock.state is not PAUSED
    if still:
        fresh = replace(clock, state=ClockState.PAUSED, pauses=(*clock.pauses, Pause(work.at)))
    else:
        fresh = replace(clock, state=ClockState.RUNNING, pauses=_closed(clock.pauses, work.at))
    if clock.missed_at is None:
        fresh = replace(fresh, due_at=_due(work, fresh))
    work.put_clock(clock, fresh)
    work.say("clock.paused" if still else "clock.resumed", told(fresh))


def _closed(pauses: tuple[Pause, ...], at: dt.datetime) -> tuple[Pause, ...]:
    if pauses and pauses[-1].until is None:
        return (*pauses[:-1], Pause(pauses[-1].start, max(at, pauses[-1].start)))
    return pauses


# --- starts -----------------------------------------------------------------------------------------------------------


def _start(work: Work, metric: str, place: str, target: Target, previous: Clock | None) -> None:
    """Start a clock where one is wanted: at the later of what sets it off and the arrival where it is promised."""
    visit = work.card.visit
    wanted = _wanted(work, metric, previous)
    if wanted is None:
        return
    since, carried = wanted
    amount = look_up(work, target)
    if amount is None:
        return
    started = max(since, visit.entered_at) if place else since
    if previous is not None and previous.cancelled_by == "no promise" and previous.started_at >= since:
        clock = replace(previous, state=ClockState.RUNNING, stopped_at=None, cancelled_by="", stage=place, target=amount)
    else:
        clock = Clock(
            metric=metric,
            cycle=visit.number if metric == "leave stage" else previous.cycle + 1 if previous else 1,
            stage=place,
            visit=visit.number,
            calendar=work.pipeline.calendar,
            target=amount,
            version=work.graph.program.hash,
            started_at=started,
            carried=carried,
        )
    launch(work, clock, previous, max(started, visit.entered_at) if stands_still(work, metric) else None)


def launch(work: Work, clock: Clock, previous: Clock | None, paused: dt.datetime | None) -> None:
    """Put a clock to run, or to stand still from an instant on. One with the cycle of `previous` takes its place."""
    if paused is not None:
        clock = replace(clock, state=ClockState.PAUSED, pauses=(*clock.pauses, Pause(paused)))
    sent = (*clock.sent, *_behind(work, clock)) if clock.carried else clock.sent
    clock = replace(clock, due_at=_due(work, clock), sent=sent)
    work.put_clock(previous if previous is not None and clock.cycle == previous.cycle else None, clock)
    if work.wants("clock.started"):
        work.say("clock.started", {**told(clock), "started_at": instant(clock.started_at)})


def _wanted(work: Work, metric: str, previous: Clock | None) -> tuple[dt.datetime, int] | None:
    """What sets a clock off that is not `_needless`, and the time it brings along; None where nothing does."""
    card = work.card
    since = card.created_at
    match metric:
        case "next reply":
            assert card.unanswered_since is not None
            again = reopened_at(work)
            since = card.unanswered_since
        case "first reply" | "resolved":
            again = reopened_at(work)
            since = again or since
        case _:
            return _wanted_in_stage(work, previous)
    if previous is None or previous.cancelled_by == "no promise":
        return since, previous.carried if previous else 0
    if again is None or previous.stopped_at is None or previous.stopped_at > again:
        return (since, 0) if metric == "next reply" else None
    match reopen_choice(work, metric):
        case "first only":
            return None
        case "continue" if metric != "next reply" or previous.state is ClockState.CANCELLED:
            return since, spent(work, previous)
        case _:
            return since, 0


def _wanted_in_stage(work: Work, previous: Clock | None) -> tuple[dt.datetime, int] | None:
    visit = work.card.visit
    if previous is not None and previous.visit == visit.number and previous.cancelled_by != "no promise":
        return None
    if not work.stage.total:
        return visit.entered_at, 0
    numbers = {other.number for other in work.card.visits[:-1] if other.stage == visit.stage}
    earlier = [clock for clock in work.card.clocks if clock.metric == "leave stage" and clock.visit in numbers]
    return visit.entered_at, spent(work, earlier[-1]) if earlier else 0


def reopened_at(work: Work) -> dt.datetime | None:
    """When the card last left a finish."""
    visits = work.card.visits
    if len(visits) < 2:
        return None
    for before, after in zip(reversed(visits[:-1]), reversed(visits), strict=False):
        if work.graph.stage(work.pipeline, before.stage).finish:
            return after.entered_at
    return None


def spent(work: Work, clock: Clock) -> int:
    """The clock's own time used so far, with what it brought along, in microseconds."""
    until = clock.stopped_at or work.at
    time = work.working(clock.calendar)
    return clock.carried + time.spent(clock.started_at, until, clock.pauses, clock.target.unit)


def _behind(work: Work, clock: Clock) -> list[str]:
    """Alerts of a clock that brings time along which were reached in that time: they are not given again."""
    reached: list[str] = []
    for alert in alerts_of(work, clock):
        if alert.after is not None:
            continue
        at = threshold(work, clock, alert)
        if at is not None and at <= clock.started_at:
            reached.append(alert.key)
    return reached


# --- instants ---------------------------------------------------------------------------------------------------------


def _due(work: Work, clock: Clock) -> dt.datetime | None:
    time = work.working(clock.calendar)
    return time.due(clock.started_at, clock.target, clock.pauses, clock.carried)
