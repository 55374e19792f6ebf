"""A time zone as stretches of constant UTC offset: the way between wall time and instants, gaps and folds included.

Instants and wall times are microseconds since 1970-01-01T00:00, of UTC and of the wall clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
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


def instant_of(at: dt.datetime) -> int:
    """Microseconds of an aware datetime; TypeError for a naive one."""
    return (at - EPOCH) // MICROSECOND


def datetime_of(instant: int) -> dt.datetime:
    """The UTC datetime of an instant; OverflowError outside the years 1 to 9999."""
    return EPOCH + dt.timedelta(microseconds=instant)


class Zone:
    """Wall time of one IANA zone."""

    def __init__(self, key: str) -> None:
        self._info = ZoneInfo(key)

    def offset(self, instant: int) -> int:
        """Microseconds the wall clock is ahead of UTC."""
        offset = datetime_of(instant).astimezone(self._info).utcoffset()
        assert offset is not None
        return offset // MICROSECOND

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(from, to, offset) covering [start, end) of UTC, in order."""
        start, end = max(start, FIRST), min(end, LAST)
        if start >= end:
            return
        begun, offset, seen = start, self.offset(start), start
        while seen < end:
            after = min(seen + STEP, end)
            other = self.offset(after)
            if other != offset:
                change = self._change(seen, after, offset)
                yield begun, change, offset
                begun, offset = change, other
            seen = after
        if begun < end:
            yield begun, end, offset

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
        return instant + self.offset(instant)

    def fold(self, instant: int) -> int:
        """1 where the same wall time was shown before (the second pass of a repeated hour), else 0."""
        return datetime_of(instant).astimezone(self._info).fold

    def instant(self, wall: int, fold: int = 0) -> int:
        """When the wall clock shows `wall`: the first or (fold 1) the last time; the end of the gap if it never does."""
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

    def images(self, opens: int, closes: int) -> list[tuple[int, int]]:
        """The UTC intervals during which the wall clock shows a time in [opens, closes)."""
        return cut([(opens, closes)], list(self.segments(opens - FARTHEST, closes + FARTHEST)))


def cut(walls: list[tuple[int, int]], segments: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
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


def ordinal_of(wall: int) -> int:
    """The date a wall time belongs to."""
    return wall // DAY + EPOCH_ORDINAL
