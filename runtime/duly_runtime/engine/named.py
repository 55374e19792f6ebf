"""Named clocks: what their conditions and `start clock`, `stop clock` do (CLOCKS, points 9 to 11).

They stop at once and start when the event is over. So within one event a stop beats whatever would have started the clock
before it; what starts it after the stop begins its next cycle. What both starts and pauses it starts it paused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from duly_dsl.program import METRICS, NamedClock
from duly_runtime.card import Clock, ClockState
from duly_runtime.engine import clocks
from duly_runtime.engine.work import Fact, Work


def heed(work: Work, fact: Fact, waiting: Sequence[NamedClock]) -> None:
    """What a fact does to the clocks that wait for its kind: stop beats pause beats start."""
    for named in waiting:
        if named.stop is not None and work.holds(named.stop, fact):
            halt(work, named.name)
            continue
        if named.start is not None and work.holds(named.start, fact):
            begin(work, named.name)
        if named.pause is not None and work.holds(named.pause, fact):
            _hold(work, named.name, True)
        elif named.resume is not None and work.holds(named.resume, fact):
            _hold(work, named.name, False)


def begin(work: Work, name: str) -> None:
    """Start a clock when the event is over, if it doesn't run by then."""
    if work.graph.clock(work.pipeline, name) is not None:
        work.begun.setdefault(name, work.at)


def halt(work: Work, name: str) -> None:
    """Stop a clock now: met or missed. What was to start it in this event no longer does."""
    work.begun.pop(name, None)
    work.held.discard(name)
    work.halted.add(name)
    _waits(work, name, None)
    clocks.stop(work, name, work.at)
    latest = clocks.latest(work.card, name)
    if latest is not None and latest.cancelled_by == "no promise":
        work.put_clock(latest, replace(latest, cancelled_by="stopped"))


def settle(work: Work) -> None:
    """Bring them in line with the card, after all that happened at this instant."""
    if work.card.merged is not None:
        return
    begun, held, halted, reopened = work.begun, work.held, work.halted, work.reopened
    work.begun, work.held, work.halted, work.reopened = {}, set(), set(), False
    if work.stage.finish:
        if work.card.unpromised:
            work.update(unpromised={})
        for clock in work.card.clocks:
            if clock.open and clock.metric not in METRICS:
                clocks.cancel(work, clock, "resolved")
        return
    for named in work.pipeline.clocks:
        name = named.name
        since = begun.get(name)
        if reopened and since is None and name not in halted:
            since = _goes_on(work, name)
        _start(work, named, since, name in held)


def drop_removed(work: Work) -> None:
    """Cancel clocks the live version no longer has: nothing could stop them."""
    for clock in work.card.clocks:
        if clock.metric not in METRICS and clock.open and work.graph.clock(work.pipeline, clock.metric) is None:
            clocks.cancel(work, clock, "removed")


def _goes_on(work: Work, name: str) -> dt.datetime | None:
    """From when a clock the finish had cut off goes on, with `on reopen continue`."""
    latest = clocks.latest(work.card, name)
    cut_off = latest is not None and latest.cancelled_by == "resolved"
    return clocks.reopened_at(work) if cut_off and clocks.reopen_choice(work, name) == "continue" else None


def _start(work: Work, named: NamedClock, since: dt.datetime | None, held: bool) -> None:
    name, card = named.name, work.card
    previous = clocks.latest(work.card, name)
    if previous is not None and previous.open:
        return
    since = card.unpromised.get(name, since)
    again = previous is not None and previous.cancelled_by == "no promise"
    if since is None and not again:
        return
    carried = 0
    if previous is not None and not again and _closed_before_reopening(work, previous):
        choice = clocks.reopen_choice(work, name)
        if choice == "first only":
            return
        carried = clocks.spent(work, previous) if choice == "continue" else 0
    amount = clocks.look_up(work, named.target)
    if amount is None:
        if not again:
            _waits(work, name, since)
        return
    _waits(work, name, None)
    if previous is not None and again:
        held = held or previous.held
        clock = replace(previous, state=ClockState.RUNNING, stopped_at=None, cancelled_by="", target=amount)
    else:
        assert since is not None
        clock = Clock(
            metric=name,
            cycle=previous.cycle + 1 if previous is not None else 1,
            stage="",
            visit=card.visit.number,
            calendar=named.calendar or work.pipeline.calendar,
            target=amount,
            version=work.graph.program.hash,
            started_at=since,
            carried=carried,
        )
    paused: dt.datetime | None = None
    if held:
        paused = work.at
    elif clocks.stands_still(work, name):
        paused = work.at if again else max(clock.started_at, card.visit.entered_at)
    clocks.launch(work, replace(clock, held=held), previous, paused)


def _closed_before_reopening(work: Work, clock: Clock) -> bool:
    again = clocks.reopened_at(work)
    return again is not None and clock.stopped_at is not None and clock.stopped_at <= again


def _hold(work: Work, name: str, still: bool) -> None:
    """Note a pause or its end; the clock follows when the event is over."""
    clock = clocks.open_clock(work.card, name)
    if clock is not None:
        if clock.held is not still:
            work.put_clock(clock, replace(clock, held=still))
    elif still:
        work.held.add(name)
    else:
        work.held.discard(name)


def _waits(work: Work, name: str, since: dt.datetime | None) -> None:
    """Remember, or forget, that a clock would run if anything were promised."""
    if work.card.unpromised.get(name) != since:
        others = {other: at for other, at in work.card.unpromised.items() if other != name}
        work.update(unpromised=others if since is None else {**others, name: since})
