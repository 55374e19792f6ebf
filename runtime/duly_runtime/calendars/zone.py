"""A time zone as stretches of constant UTC offset: the way between wall time and instants, gaps and folds included.

Instants and wall times are microseconds since 1970-01-01T00:00, of UTC and of the wall clock.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from duly_dsl.units import DAY, HOUR, SECOND

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
MICROSECOND = dt.timedelta(microseconds=1)

FIRST = (dt.datetime(1, 1, 3, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
LAST = (dt.datetime(9999, 12, 29, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
"""Instants outside these have no wall time in some zone."""

STEP = 12 * HOUR
"""How far apart offsets are sampled. No zone changes twice in less (a test reads the whole database to make sure)."""

FARTHEST = 26 * HOUR
"""More than any offset from UTC."""

Segment = tuple[int, int, int]
"""(from, to, offset): an instant in [from, to) shows the wall time that is `offset` later."""


def instant_of(at: dt.datetime) -> int:
    """Microseconds of an aware datetime; TypeError for a naive one."""
    return (at - EPOCH) // MICROSECOND


def datetime_of(instant: int) -> dt.datetime:
    """The UTC datetime of an instant; OverflowError outside the years 1 to 9999."""
    seconds, microseconds = divmod(instant, SECOND)
    return EPOCH + dt.timedelta(0, seconds, microseconds)


class Zone:
    """Wall time of one IANA zone."""

    def __init__(self, key: str) -> None:
        self._info = ZoneInfo(key)
        self._years: dict[int, list[Segment]] = {}
        self._last: Segment = (0, 0, 0)
        """The segment asked for last, within one year of UTC: the next instant mostly lies in it, too."""

    def _at(self, instant: int) -> Segment:
        """The segment an instant lies in, cut at the ends of its year; an empty one for instants without a wall time."""
        last = self._last
        if last[0] <= instant < last[1]:
            return last
        if not FIRST <= instant < LAST:
            return (0, 0, 0)
        for segment in self._year(datetime_of(instant).year):
            if instant < segment[1]:
                self._last = segment
                return segment
        raise AssertionError("a year's segments cover it")

    def _year(self, year: int) -> list[Segment]:
        segments = self._years.get(year)
        if segments is None:
            segments = self._years[year] = self._sampled(year_start(year), year_start(year + 1))
        return segments

    def offset(self, instant: int) -> int:
        """Microseconds the wall clock is ahead of UTC."""
        offset = datetime_of(instant).astimezone(self._info).utcoffset()
        assert offset is not None
        return offset // MICROSECOND

    def segments(self, start: int, end: int) -> list[Segment]:
        """The segments of [start, end) of UTC, in order; the first and the last are cut there."""
        start, end = max(start, FIRST), min(end, LAST)
        found: list[Segment] = []
        if start >= end:
            return found
        for year in range(datetime_of(start).year, datetime_of(end - 1).year + 1):
            for begins, ends, offset in self._year(year):
                begins, ends = max(begins, start), min(ends, end)
                if begins >= ends:
                    continue
                if found and found[-1][2] == offset:
                    found[-1] = (found[-1][0], ends, offset)
                else:
                    found.append((begins, ends, offset))
        return found

    def _sampled(self, start: int, end: int) -> list[Segment]:
        start, end = max(start, FIRST), min(end, LAST)
        found: list[Segment] = []
        begun, offset, seen = start, self.offset(start), start
        while seen < end:
            after = min(seen + STEP, end)
            other = self.offset(after)
            if other != offset:
                change = self._change(seen, after, offset)
                found.append((begun, change, offset))
                begun, offset = change, other
            seen = after
        if begun < end:
            found.append((begun, end, offset))
        return found

    def _change(self, before: int, after: int, offset: int) -> int:
        """The instant between the two at which the offset stops being `offset`: transitions are at whole seconds."""
        low, high = before // SECOND, -(-after // SECOND)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle * SECOND) == offset:
                low = middle
            else:
                high = middle
        return high * SECOND

    def wall(self, instant: int) -> int:
        _, ends, offset = self._at(instant)
        return instant + (offset if ends else self.offset(instant))

    def fold(self, instant: int) -> int:
        """1 where the same wall time was shown before (the second pass of a repeated hour), else 0."""
        begins, ends, _ = self._at(instant)
        if ends and instant - begins >= FARTHEST:
            return 0  # no change takes the clock back further
        return datetime_of(instant).astimezone(self._info).fold

    def instant(self, wall: int, fold: int = 0) -> int:
        """When the wall clock shows `wall`: the first or (fold 1) the last time; the end of the gap if it never does."""
        begins, ends, offset = self._at(wall)
        if begins <= wall - FARTHEST and wall + FARTHEST <= ends:
            return wall - offset  # no change anywhere near
        found: int | None = None
        gap_end = wall
        for start, end, offset in self.segments(wall - FARTHEST, wall + FARTHEST):
            if start + offset <= wall < end + offset:
                found = wall - offset
                if fold == 0:
                    return found
            elif end + offset <= wall:
                gap_end = end
        return gap_end if found is None else found

    def same_time(self, instant: int, dates: int) -> int:
        """The same wall time so many dates later (or, negative, earlier), as `instant` finds it in the same pass."""
        begins, ends, offset = self._at(instant)
        wall = instant + offset + dates * DAY
        if ends and begins <= wall - FARTHEST and wall + FARTHEST <= ends:
            return wall - offset  # no change in between nor anywhere near
        return self.instant(self.wall(instant) + dates * DAY, self.fold(instant))

    def images(self, opens: int, closes: int) -> list[tuple[int, int]]:
        """The UTC intervals during which the wall clock shows a time in [opens, closes)."""
        return cut([(opens, closes)], self.segments(opens - FARTHEST, closes + FARTHEST))


def cut(walls: list[tuple[int, int]], segments: list[Segment]) -> list[tuple[int, int]]:
    """Sorted, disjoint wall intervals to merged UTC intervals: those instants whose wall time lies in one of them.

    In a gap an interval shrinks or vanishes; in a fold it grows, and one that ends or begins inside the repeated hour
    comes twice.
    """
    merged: list[tuple[int, int]] = []
    first = 0
    for start, end, offset in segments:
        # A fold takes the wall clock back, so intervals already passed may come again.
        while first > 0 and walls[first - 1][1] > start + offset:
            first -= 1
        while first < len(walls) and walls[first][1] <= start + offset:
            first += 1
        at = first
        while at < len(walls) and walls[at][0] < end + offset:
            opens = max(walls[at][0] - offset, start)
            closes = min(walls[at][1] - offset, end)
            if merged and merged[-1][1] == opens:
                merged[-1] = (merged[-1][0], closes)
            else:
                merged.append((opens, closes))
            at += 1
    return merged


def midnight(ordinal: int) -> int:
    """Wall time of the start of a date given by its proleptic ordinal."""
    return (ordinal - EPOCH_ORDINAL) * DAY


def year_start(year: int) -> int:
    """The start of a year; past the last one, the end of time."""
    return midnight(dt.date(year, 1, 1).toordinal()) if year <= 9999 else midnight(dt.date.max.toordinal())


def ordinal_of(wall: int) -> int:
    """The date a wall time belongs to."""
    return wall // DAY + EPOCH_ORDINAL
