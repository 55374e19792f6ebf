"""Business time: adding, taking away and measuring amounts on one calendar (CLOCKS, points 1 to 9).

Two conventions carry everything else. An amount added ends at the first instant that has it behind it, so what ends at
closing time is due at closing, not at the next opening. An amount taken away ends at the last such instant, an opening
rather than the closing before it: so taking away undoes adding.

A window belongs to the local date it begins on, and runs to its end even where that is past midnight on a closed day.
"""

from __future__ import annotations

import datetime as dt
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from typing import NamedTuple

from duly_dsl.program import Calendar, Program
from duly_dsl.units import DAY, MINUTE, Duration, Unit
from duly_runtime.calendars.days import Day, Days
from duly_runtime.calendars.table import Interval, Table
from duly_runtime.calendars.zone import (
    EPOCH_ORDINAL,
    FARTHEST,
    FIRST,
    LAST,
    Zone,
    cut,
    datetime_of,
    instant_of,
    midnight,
    ordinal_of,
    year_start,
)
from duly_runtime.card import Pause

SEARCH_YEARS = 40
"""How long a calendar may stay closed before it counts as never opening: longer than any closure a person writes down,
and than leap days or holidays take to come round to the same weekday."""

GROWTH_LIMIT = 16
"""Years laid out at a time at most, so that one long search doesn't lay out centuries."""

MOST_KEPT = 256
"""Sums of an instant and working days that are kept."""

OWN = {
    Unit.BUSINESS: Unit.BUSINESS,
    Unit.WORKING_DAYS: Unit.BUSINESS,
    Unit.ELAPSED: Unit.ELAPSED,
    Unit.CALENDAR_DAYS: Unit.ELAPSED,
}
"""Unit of a target -> what a clock counts while it runs: open time, or time on the wall."""


class CalendarNeverOpens(Exception):
    """The calendar has no opening where one is needed: the compiler refuses such calendars."""


class Stretch(NamedTuple):
    """A part of time with one reason. `label` is `open`, `open:REASON` (a short day or an extra opening), `closed`,
    `closed:REASON` or `holiday:NAME`."""

    start: dt.datetime
    end: dt.datetime
    label: str


class WorkingTime:
    """The open time of one calendar. Instants taken may be in any zone, those given are UTC, exact to the microsecond.

    Naive datetimes raise TypeError, results past the year 9999 OverflowError.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._zone = Zone(calendar.zone)
        self._days = Days(calendar)
        self._days_added: dict[tuple[int, int], int] = {}
        self._open_days: dict[int, list[int]] = {}
        self._openings_of: dict[int, list[Interval]] = {}
        self._lock = threading.Lock()
        self._table: Table | None = None

    # --- amounts ------------------------------------------------------------------------------------------------------

    def add(self, start: dt.datetime, amount: Duration) -> dt.datetime:
        """The instant `amount` after `start`. Nothing added is `start` itself, open or not."""
        return datetime_of(self._add(instant_of(start), amount))

    def subtract(self, end: dt.datetime, amount: Duration) -> dt.datetime:
        """The instant from which `amount` leads to `end`; the last one where closed time leaves a choice."""
        return datetime_of(self._subtract(instant_of(end), amount))

    def between(self, start: dt.datetime, end: dt.datetime) -> int:
        """Open microseconds in [start, end); 0 where `end` is not after `start`."""
        return self._open(instant_of(start), instant_of(end))

    def _add(self, start: int, amount: Duration) -> int:
        if amount.amount < 0:
            raise ValueError(f"negative amount: {amount.amount} {amount.unit}")
        if amount.amount == 0:
            return start
        match amount.unit:
            case Unit.BUSINESS:
                return self._add_open(start, amount.amount)
            case Unit.ELAPSED:
                return start + amount.amount
            case Unit.CALENDAR_DAYS:
                return self._shift_dates(start, amount.amount)
            case Unit.WORKING_DAYS:
                return self._add_days(start, amount.amount)

    def _add_days(self, start: int, days: int) -> int:
        """Working days later. A clock and each of its alerts ask for the same, so the last answers are kept."""
        found = self._days_added.get((start, days))
        if found is None:
            opening = self._next_open(start)
            found = self._same_time(self._day_of_open(opening), opening, days)
            if len(self._days_added) >= MOST_KEPT:
                self._days_added.clear()
            self._days_added[start, days] = found
        return found

    def _subtract(self, end: int, amount: Duration) -> int:
        if amount.amount < 0:
            raise ValueError(f"negative amount: {amount.amount} {amount.unit}")
        if amount.amount == 0:
            return end
        match amount.unit:
            case Unit.BUSINESS:
                return self._subtract_open(end, amount.amount)
            case Unit.ELAPSED:
                return end - amount.amount
            case Unit.CALENDAR_DAYS:
                return self._shift_dates(end, -amount.amount)
            case Unit.WORKING_DAYS:
                closing = self._last_open(end)
                # The microsecond before a closing still lies on the day that closes.
                return self._same_time(self._day_of_open(closing - 1), closing, -amount.amount)

    def _add_open(self, start: int, amount: int) -> int:
        table = self._table
        if table is None or not table.lo <= start < table.hi:
            table = self._cover(start)
        while True:
            found = table.add(start, amount)
            if found is not None:
                return found
            table = self._later(table)

    def _subtract_open(self, end: int, amount: int) -> int:
        table = self._cover(end)
        while True:
            position = table.position(end) - amount
            if position >= 0:
                return table.latest(position)
            table = self._earlier(table)

    def _open(self, start: int, end: int) -> int:
        if end <= start:
            return 0
        table = self._table
        if table is None or start < table.lo or end >= table.hi:
            self._cover(start)
            table = self._cover(end)
        return table.position(end) - table.position(start)

    # --- days ---------------------------------------------------------------------------------------------------------

    def _shift_dates(self, start: int, dates: int) -> int:
        """The same wall time on another date. In a gap the gap's end; in a repeated hour the same pass as at `start`."""
        return self._zone.same_time(start, dates)

    def _same_time(self, ordinal: int, at: int, days: int) -> int:
        """The time of day `at` has on its day, that many open days away, moved into that day's windows.

        Before the first opening that is the opening; in a break or after the last closing it is the closing before, for
        what ends in a break was due when the break began. Windows on the near side of `at` don't count: a day whose
        hours lie whole inside the night before has none left when that night's work begins to count.
        """
        step = 1 if days > 0 else -1
        other = self._open_day(ordinal, step)
        while not self._openings_beyond(other, at, step):
            other = self._open_day(other, step)
        if days != step:
            other = self._open_day(other, days - step)
        wanted = self._zone.same_time(at, other - ordinal)
        openings = self._openings_beyond(other, at, step)
        found = openings[0][0]
        for opens, closes in openings:
            if wanted < opens:
                break
            found = min(wanted, closes)
        return found

    def _openings_beyond(self, ordinal: int, at: int, step: int) -> list[Interval]:
        """Of a date's windows those with time after `at` or (step -1) before it."""
        openings = self._openings(ordinal)
        if step > 0:
            all_beyond = not openings or openings[0][1] > at
            return openings if all_beyond else [interval for interval in openings if interval[1] > at]
        all_beyond = not openings or openings[-1][0] < at
        return openings if all_beyond else [interval for interval in openings if interval[0] < at]

    def _day_of_open(self, instant: int) -> int:
        """The date on which the window that holds an open instant began; its own date where both have one."""
        ordinal = ordinal_of(self._zone.wall(instant))
        while True:
            for opens, closes in self._openings(ordinal):
                if opens <= instant < closes:
                    return ordinal
            ordinal -= 1

    def _openings(self, ordinal: int) -> list[Interval]:
        """The UTC intervals of the windows that begin on a date."""
        found = self._openings_of.get(ordinal)
        if found is None:
            walls = _merged(_walls(ordinal, self._days.day(ordinal)))
            found = cut(walls, self._zone.segments(walls[0][0] - FARTHEST, walls[-1][1] + FARTHEST)) if walls else []
            self._openings_of[ordinal] = found
        return found

    def _open_day(self, ordinal: int, days: int) -> int:
        """The open day so many open days after (or, negative, before) a date. An open day is one on which a window
        begins that a DST gap doesn't swallow whole."""
        year = dt.date.fromordinal(ordinal).year
        step, left, empty = (1, days, 0) if days > 0 else (-1, -days, 0)
        while empty < SEARCH_YEARS and 1 < year < 9999:
            open_days = self._open_days_of(year)
            if step > 0:
                passed = bisect_right(open_days, ordinal)
                ahead = len(open_days) - passed
                if left <= ahead:
                    return open_days[passed + left - 1]
            else:
                ahead = bisect_left(open_days, ordinal)
                if left <= ahead:
                    return open_days[ahead - left]
            left -= ahead
            empty = 0 if ahead else empty + 1
            year += step
        raise self._never(midnight(ordinal))

    def _open_days_of(self, year: int) -> list[int]:
        found = self._open_days.get(year)
        if found is None:
            first, last = dt.date(year, 1, 1).toordinal(), dt.date(year, 12, 31).toordinal()
            found = [ordinal for ordinal in range(first, last + 1) if self._days.day(ordinal).windows]
            found = [ordinal for ordinal in found if self._openings(ordinal)]
            self._open_days[year] = found
        return found

    # --- clocks -------------------------------------------------------------------------------------------------------

    def spent(self, start: dt.datetime, at: dt.datetime, pauses: Sequence[Pause], unit: Unit) -> int:
        """Microseconds of the clock's own time from `start` to `at`: open time for business time and working days, else
        elapsed time; pauses left out, an open one up to `at`."""
        begin, end = instant_of(start), instant_of(at)
        spent = self._own(unit, begin, end)
        for paused, resumed in _pauses(pauses, begin):
            spent -= self._own(unit, min(paused, end), end if resumed is None else min(resumed, end))
        return spent

    def due(
        self, start: dt.datetime, target: Duration, pauses: Sequence[Pause] = (), carried: int = 0
    ) -> dt.datetime | None:
        """When a clock falls due; None while it is paused with time left.

        `carried` is the clock's own time already spent, in microseconds; a target used up is due at `start`. A pause
        moves the due instant by its own time. One that begins at the due instant or later moves nothing: what is
        missed is missed.
        """
        if not pauses and not carried:
            return self.add(start, target)
        return _datetime(self._due(instant_of(start), target, pauses, carried))

    def threshold(
        self,
        start: dt.datetime,
        target: Duration,
        pauses: Sequence[Pause] = (),
        carried: int = 0,
        percent: int | None = None,
        before: Duration | None = None,
    ) -> dt.datetime | None:
        """When an alert falls due, at `percent` of the target or some time `before` it; exactly one of the two is given.

        Counted forwards in the clock's own time, so that an alert which a pause or an earlier cycle has put behind it
        stays where it was. A lead of the other kind (elapsed time before a business target) is counted backwards from
        the due instant. Never before `start`; None while the clock is paused before reaching it.
        """
        begin = instant_of(start)
        if (percent is None) == (before is None):
            raise ValueError("an alert has either a percentage or a lead")
        if percent is not None:
            share = self._budget(begin, target) * percent // 100
            return _datetime(self._own_due(begin, OWN[target.unit], max(0, share - carried), pauses))
        assert before is not None
        if before.unit is target.unit:
            left = max(0, target.amount - before.amount)
            return _datetime(self._due(begin, Duration(target.unit, left), pauses, carried))
        if before.unit is OWN[target.unit]:
            left = max(0, self._budget(begin, target) - before.amount - carried)
            return _datetime(self._own_due(begin, before.unit, left, pauses))
        due = self._due(begin, target, pauses, carried)
        return None if due is None else datetime_of(max(begin, self._subtract(due, before)))

    def _due(self, start: int, target: Duration, pauses: Sequence[Pause], carried: int) -> int | None:
        unit = OWN[target.unit]
        if target.unit is unit:
            return self._own_due(start, unit, max(0, target.amount - carried), pauses)
        due = self._add(start, target)
        if carried:
            left = self._own(unit, start, due) - carried
            due = self._subtract(due, Duration(unit, carried)) if left > 0 else start
        return self._moved(start, unit, due, pauses) if pauses else due

    def _own_due(self, start: int, unit: Unit, amount: int, pauses: Sequence[Pause]) -> int | None:
        """When `amount` of a clock's own time has passed; None while it is paused before."""
        due = self._add_own(unit, start, amount)
        return self._moved(start, unit, due, pauses) if pauses else due

    def _moved(self, start: int, unit: Unit, due: int, pauses: Sequence[Pause]) -> int | None:
        """A due instant, with each pause before it added."""
        for paused, resumed in _pauses(pauses, start):
            if paused >= due:
                break
            if resumed is None:
                return None
            due = self._add_own(unit, due, self._own(unit, paused, resumed))
        return due

    def _add_own(self, unit: Unit, start: int, amount: int) -> int:
        """`amount` microseconds of a clock's own time later."""
        if not amount:
            return start
        return self._add_open(start, amount) if unit is Unit.BUSINESS else start + amount

    def _budget(self, start: int, target: Duration) -> int:
        """The target in the clock's own time."""
        unit = OWN[target.unit]
        return target.amount if target.unit is unit else self._own(unit, start, self._add(start, target))

    def _own(self, unit: Unit, start: int, end: int) -> int:
        return self._open(start, end) if OWN[unit] is Unit.BUSINESS else max(0, end - start)

    # --- openings -----------------------------------------------------------------------------------------------------

    def is_open(self, at: dt.datetime) -> bool:
        instant = instant_of(at)
        return self._cover(instant).holding(instant) is not None

    def next_at(self, after: dt.datetime, minutes: int, days: Collection[int] | None) -> dt.datetime:
        """The first instant after `after` at which the wall shows so many minutes after midnight, on one of the weekdays
        `days` (0 is Monday), or (None) on a day on which the calendar opens. Where the wall leaves the time out, the end of
        the gap; where it shows it twice, the first time."""
        instant = instant_of(after)
        first = ordinal_of(self._zone.wall(instant)) - 1
        for ordinal in range(first, first + SEARCH_YEARS * 366):
            if (ordinal + 6) % 7 in days if days is not None else self._openings(ordinal):
                found = self._zone.instant(midnight(ordinal) + minutes * MINUTE)
                if found > instant:
                    return datetime_of(found)
        raise self._never(instant)

    def midnight(self, at: dt.datetime, days: int = 0) -> dt.datetime:
        """When the local date of `at`, or one so many dates later, begins."""
        ordinal = ordinal_of(self._zone.wall(instant_of(at))) + days
        return datetime_of(self._zone.instant(midnight(ordinal)))

    def next_open(self, at: dt.datetime) -> dt.datetime:
        """`at` itself while open, else the next opening."""
        return datetime_of(self._next_open(instant_of(at)))

    def next_close(self, at: dt.datetime) -> dt.datetime | None:
        """The first closing after `at`; None where nothing closes within SEARCH_YEARS (a calendar open day and night)."""
        instant = instant_of(at)
        table = self._cover(instant)
        while True:
            found = table.after(instant)
            if found is not None and found[1] < table.hi:
                return datetime_of(found[1])
            if table.hi >= LAST or table.hi - instant > SEARCH_YEARS * 366 * DAY:
                return None
            table = self._later(table)

    def stretches(self, start: dt.datetime, end: dt.datetime) -> list[Stretch]:
        """[start, end) as open and closed stretches in order, neighbours with the same label joined."""
        begin, finish = instant_of(start), instant_of(end)
        if finish <= begin:
            return []
        # Two days early, for windows that run past midnight.
        first, last = ordinal_of(self._zone.wall(begin)) - 2, ordinal_of(self._zone.wall(finish)) + 1
        openings = [
            (opens, closes, self._days.day(ordinal).open)
            for ordinal in range(first, last + 1)
            for opens, closes in self._openings(ordinal)
        ]
        found: list[tuple[int, int, str]] = []
        reached = begin
        for opens, closes, label in [*sorted(openings), (finish, finish, "")]:
            opens, closes = min(max(opens, reached), finish), min(closes, finish)
            if opens > reached:
                found += self._closed(reached, opens)
                reached = opens
            if closes > reached:
                found.append((reached, closes, label))
                reached = closes
        return _joined(found)

    def _closed(self, start: int, end: int) -> list[tuple[int, int, str]]:
        """[start, end), all closed, by the reason of each local date."""
        found: list[tuple[int, int, str]] = []
        first, last = ordinal_of(self._zone.wall(start)) - 1, ordinal_of(self._zone.wall(end)) + 1
        for ordinal in range(first, last + 1):
            day, openings = self._days.day(ordinal), self._openings(ordinal)
            for begins, ends in self._zone.images(midnight(ordinal), midnight(ordinal + 1)):
                begins, ends = max(begins, start), min(ends, end)
                if begins < ends:
                    found.append((begins, ends, day.after if openings and begins >= openings[-1][1] else day.closed))
        return sorted(found)

    def _next_open(self, instant: int) -> int:
        table = self._cover(instant)
        while True:
            found = table.after(instant)
            if found is not None:
                return max(instant, found[0])
            table = self._later(table)

    def _last_open(self, instant: int) -> int:
        """`instant` where open time comes right before it, else the closing before."""
        table = self._cover(instant)
        while True:
            found = table.before(instant)
            if found is not None:
                return min(instant, found[1])
            table = self._earlier(table)

    # --- the table ----------------------------------------------------------------------------------------------------

    def _cover(self, instant: int) -> Table:
        table = self._table
        if table is None:
            with self._lock:
                table = self._table
                if table is None:
                    year = datetime_of(instant).year
                    lo, hi = year_start(year), year_start(year + 1)
                    table = self._table = Table(lo, hi, self._intervals(year))
        while instant >= table.hi:
            table = self._grown(table, forwards=True)
        while instant < table.lo:
            table = self._grown(table, forwards=False)
        return table

    def _later(self, table: Table) -> Table:
        """A table that reaches further; CalendarNeverOpens where it has seen nothing but closed time for too long."""
        last = table.before(table.hi)
        if table.hi - (last[1] if last else table.lo) > SEARCH_YEARS * 366 * DAY:
            raise self._never(last[1] if last else table.lo)
        return self._grown(table, forwards=True)

    def _earlier(self, table: Table) -> Table:
        first = table.after(table.lo)
        if (first[0] if first else table.hi) - table.lo > SEARCH_YEARS * 366 * DAY:
            raise self._never(table.lo)
        return self._grown(table, forwards=False)

    def _grown(self, table: Table, *, forwards: bool) -> Table:
        with self._lock:
            newest = self._table
            assert newest is not None
            if newest.hi > table.hi if forwards else newest.lo < table.lo:
                return newest  # another thread was faster
            low, high = datetime_of(newest.lo).year, datetime_of(newest.hi - 1).year
            years = min(high - low + 1, GROWTH_LIMIT)
            if forwards:
                more = range(high + 1, min(high + years, 9999) + 1)
            else:
                more = range(max(low - years, 1), low)
            if not more:
                raise OverflowError("instants outside the years 1 to 9999")
            intervals = [interval for year in more for interval in self._intervals(year)]
            if forwards:
                self._table = newest.extended(newest.lo, year_start(more[-1] + 1), [], intervals)
            else:
                self._table = newest.extended(year_start(more[0]), newest.hi, intervals, [])
            return self._table

    def _intervals(self, year: int) -> list[Interval]:
        """The open intervals of one UTC year."""
        lo, hi = year_start(year), year_start(year + 1)
        # Three days of margin: a day for the offset, two for windows that run past midnight.
        first, last = max(ordinal_of(lo) - 3, ordinal_of(FIRST)), min(ordinal_of(hi) + 3, ordinal_of(LAST))
        walls = [wall for ordinal in range(first, last) for wall in _walls(ordinal, self._days.day(ordinal))]
        return cut(_merged(walls), self._zone.segments(lo, hi))

    def _never(self, instant: int) -> CalendarNeverOpens:
        date = dt.date.fromordinal(instant // DAY + EPOCH_ORDINAL)
        return CalendarNeverOpens(
            f"calendar {self.calendar.name!r} has no opening within {SEARCH_YEARS} years of {date}: give it opening hours"
        )


class Calendars:
    """The working time of each calendar of a program, laid out once."""

    def __init__(self, program: Program) -> None:
        self._calendars = program.calendars
        self._made: dict[str, WorkingTime] = {}

    def of(self, name: str) -> WorkingTime:
        """KeyError where the program has no such calendar."""
        made = self._made.get(name)
        if made is None:
            made = self._made.setdefault(name, WorkingTime(self._calendars[name]))
        return made


def _datetime(instant: int | None) -> dt.datetime | None:
    return None if instant is None else datetime_of(instant)


def _pauses(pauses: Sequence[Pause], start: int) -> list[tuple[int, int | None]]:
    """The pauses after `start`, in order and without overlaps; the last may be open."""
    found: list[tuple[int, int | None]] = []
    spans = [(max(start, instant_of(p.start)), None if p.until is None else instant_of(p.until)) for p in pauses]
    for paused, resumed in sorted(spans, key=lambda span: span[0]):
        if resumed is not None and resumed <= paused:
            continue
        if found and (found[-1][1] is None or paused <= found[-1][1]):
            before = found[-1][1]
            found[-1] = (found[-1][0], None if before is None or resumed is None else max(before, resumed))
        else:
            found.append((paused, resumed))
    return found


def _walls(ordinal: int, day: Day) -> list[Interval]:
    start = midnight(ordinal)
    return [(start + window.opens * MINUTE, start + window.closes * MINUTE) for window in day.windows]


def _merged(intervals: list[Interval]) -> list[Interval]:
    """Sorted, overlapping and touching ones made one, empty ones left out."""
    merged: list[Interval] = []
    for opens, closes in sorted(intervals):
        if merged and opens <= merged[-1][1]:
            if closes > merged[-1][1]:
                merged[-1] = (merged[-1][0], closes)
        elif opens < closes:
            merged.append((opens, closes))
    return merged


def _joined(stretches: list[tuple[int, int, str]]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end, label in stretches:
        if joined and joined[-1].label == label and joined[-1].end == datetime_of(start):
            joined[-1] = joined[-1]._replace(end=datetime_of(end))
        else:
            joined.append(Stretch(datetime_of(start), datetime_of(end), label))
    return joined
