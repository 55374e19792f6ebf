"""Due instants: adding business hours against the same by hand on ready-made intervals, and flat however far they reach."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from zoneinfo import ZoneInfo

from duly_dsl.program import Calendar, DayRule, Window
from duly_dsl.units import HOUR, Duration, Unit
from duly_runtime.calendars import WorkingTime

ZONE = "America/Sao_Paulo"
FIRST, LAST = dt.date(2024, 1, 1), dt.date(2036, 1, 1)
HOURS = (9, 90, 450, 2250)
STARTS = 500
ROUNDS = 7

Add = Callable[[dt.datetime, int], dt.datetime]


def calendar() -> Calendar:
    """09:00-12:00 and 13:00-19:00 from Monday to Friday, closed on Christmas Eve."""
    day = (Window(opens=540, closes=720), Window(opens=780, closes=1140))
    return Calendar(name="office", zone=ZONE, week=(*(day,) * 5, (), ()), days=(DayRule(kind="closed", month=12, day=24),))


def by_hand() -> Add:
    """What a careful programmer writes for this one calendar: its intervals listed, and two bisections."""
    zone, epoch = ZoneInfo(ZONE), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    starts: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    through: list[int] = []
    total = 0
    date = FIRST
    while date < LAST:
        if date.weekday() < 5 and (date.month, date.day) != (12, 24):
            for opens, closes in ((9, 12), (13, 19)):
                start = int(dt.datetime(date.year, date.month, date.day, opens, tzinfo=zone).timestamp()) * 1_000_000
                end = int(dt.datetime(date.year, date.month, date.day, closes, tzinfo=zone).timestamp()) * 1_000_000
                starts.append(start)
                ends.append(end)
                before.append(total)
                total += end - start
                through.append(total)
        date += dt.timedelta(days=1)
    microsecond = dt.timedelta(microseconds=1)

    def add(start: dt.datetime, amount: int) -> dt.datetime:
        instant = (start - epoch) // microsecond
        at = bisect_right(starts, instant) - 1
        goal = before[at] + min(instant, ends[at]) - starts[at] + amount
        at = bisect_left(through, goal)
        return epoch + dt.timedelta(microseconds=ends[at] - (through[at] - goal))

    return add


def microseconds(add: Callable[[dt.datetime], object], starts: list[dt.datetime]) -> float:
    """Of one call: the fastest of some rounds, for what disturbs a round only makes it slower."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for start in starts:
            add(start)
        best = min(best, time.perf_counter() - began)
    return best / len(starts) * 1e6


def run() -> list[tuple[str, float, str, str]]:
    """Ratios, after both ways have given the same answers. No goal is set for them yet."""
    starts = [dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=17 * n, minutes=n) for n in range(STARTS)]
    began = time.perf_counter()
    working = WorkingTime(calendar())
    working.between(dt.datetime(2024, 2, 1, tzinfo=dt.UTC), dt.datetime(2035, 12, 1, tzinfo=dt.UTC))
    built = time.perf_counter() - began
    hand = by_hand()
    ours: dict[int, float] = {}
    theirs: dict[int, float] = {}
    for hours in HOURS:
        target = Duration(Unit.BUSINESS, hours * HOUR)
        wrong = [start for start in starts if working.add(start, target) != hand(start, target.amount)]
        if wrong:
            raise RuntimeError(f"{hours} h from {wrong[0]} differ from the intervals by hand")
        ours[hours] = microseconds(lambda start, t=target: working.add(start, t), starts)
        theirs[hours] = microseconds(lambda start, t=target: hand(start, t.amount), starts)
    rows = [
        (
            f"add {hours:,} business hours, over a bisection by hand",
            ours[hours] / theirs[hours],
            "",
            f"{ours[hours]:.2f} us against {theirs[hours]:.2f} us",
        )
        for hours in HOURS
    ]
    median = statistics.median(ours.values())
    rows.append((f"add {HOURS[-1]:,} h over {HOURS[0]} h", ours[HOURS[-1]] / ours[HOURS[0]], "", f"median {median:.2f} us"))
    rows.append(("lay out 12 years, over one addition", built * 1e6 / median, "", f"{built * 1000:.1f} ms"))
    return rows
