"""Open time laid out for bisection: sorted, disjoint UTC intervals with the open time before each.

Adding an amount is two bisections, whether it ends this afternoon or in three years. The table covers whole years and is
immutable: growing it makes a new one, so that readers in other threads never see half of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

Interval = tuple[int, int]


class Table:
    """Open intervals of the instants [lo, hi). Intervals that go on past an end are cut there."""

    __slots__ = ("_before", "_ends", "_starts", "_through", "hi", "lo")

    def __init__(self, lo: int, hi: int, intervals: list[Interval]) -> None:
        self.lo = lo
        self.hi = hi
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]
        self._before: list[int] = []
        self._through: list[int] = []
        total = 0
        for start, end in intervals:
            self._before.append(total)
            total += end - start
            self._through.append(total)

    def extended(self, lo: int, hi: int, before: list[Interval], after: list[Interval]) -> Table:
        """A wider table, with the intervals that come before and after this one's."""
        merged: list[Interval] = []
        for interval in (*before, *zip(self._starts, self._ends, strict=True), *after):
            if merged and merged[-1][1] == interval[0]:
                merged[-1] = (merged[-1][0], interval[1])
            else:
                merged.append(interval)
        return Table(lo, hi, merged)

    @property
    def total(self) -> int:
        return self._through[-1] if self._through else 0

    def position(self, instant: int) -> int:
        """Open time between `lo` and the instant."""
        at = bisect_right(self._starts, instant) - 1
        if at < 0:
            return 0
        return self._before[at] + min(instant, self._ends[at]) - self._starts[at]

    def add(self, instant: int, amount: int) -> int | None:
        """The first instant with `amount` > 0 of open time between `instant` and it (a closing rather than the next
        opening); None where the table ends before."""
        at = bisect_right(self._starts, instant) - 1
        if at < 0:
            at = 0
        elif instant < self._ends[at]:
            amount += self._before[at] + instant - self._starts[at]
        else:
            amount += self._through[at]
        at = bisect_left(self._through, amount, at)
        if at == len(self._through):
            return None
        return self._ends[at] - (self._through[at] - amount)

    def latest(self, position: int) -> int:
        """The last instant with that much open time before it (an opening rather than the closing before).
        0 <= `position` < `total`."""
        at = bisect_right(self._before, position) - 1
        return self._starts[at] + position - self._before[at]

    def holding(self, instant: int) -> Interval | None:
        """The interval the instant lies in, or None while closed."""
        at = bisect_right(self._starts, instant) - 1
        if at >= 0 and instant < self._ends[at]:
            return self._starts[at], self._ends[at]
        return None

    def after(self, instant: int) -> Interval | None:
        """The first interval that ends after the instant."""
        at = bisect_right(self._ends, instant)
        return (self._starts[at], self._ends[at]) if at < len(self._ends) else None

    def before(self, instant: int) -> Interval | None:
        """The last interval that begins before the instant."""
        at = bisect_left(self._starts, instant) - 1
        return (self._starts[at], self._ends[at]) if at >= 0 else None

    def between(self, start: int, end: int) -> list[Interval]:
        """The open intervals inside [start, end), cut to it."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        pairs = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return [(max(opens, start), min(closes, end)) for opens, closes in pairs]
