"""Facts in columns: many of them counted by group, with exact quantiles, at the speed of bytes.

Facts that are alike in everything they can be parted by lie together as a run, so that what is done for each run is little.
Beside each time stands its bucket, a byte that grows with it. The k-th smallest of a million times is found by counting
bytes until its bucket is known, and sorting that bucket alone. Pure.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any

import msgspec

DIMENSIONS = ("pipeline", "stage", "owner", "team", "priority", "type", "channel", "outcome", "reason", "version")
"""What a run is alike in, in the order of its key."""
Key = tuple[str, str, str, str, str, str, str, str, str, str]

WIDTH = 8
"""Bytes of a time."""
STEPS = 10
"""Buckets for each doubling of a time: 254 of them reach to 500 days."""
LAST = 254
UNKNOWN = 255
"""The bucket of a time that is not known (yet)."""
FEW = 2_000
"""So many times are simply sorted."""
UP_TO = [bytes(int(bucket <= most) for bucket in range(256)) for most in range(256)]
"""Tables that make 1 of the buckets up to one, and 0 of the others."""


def bucket(seconds: float) -> int:
    if seconds != seconds:
        return UNKNOWN
    return min(LAST, int(math.log2(max(seconds, 0.0) + 1) * STEPS))


class Times(msgspec.Struct, array_like=True):
    """Times in seconds (doubles as this machine writes them), and the bucket of each."""

    values: memoryview
    buckets: memoryview


class Columns(msgspec.Struct, array_like=True):
    """`counts[i]` facts are of the run `keys[i]`. Keys come in order; the columns hold the runs one after the other."""

    keys: list[Key]
    counts: list[int]
    seconds: Times
    wall: Times


encoder = msgspec.msgpack.Encoder()
decoder = msgspec.msgpack.Decoder(Columns)


def columns(rows: Iterable[Sequence[Any]]) -> Columns:
    """Of rows of the ten values of a key, seconds and wall seconds."""
    runs: dict[Key, tuple[list[float], list[float]]] = {}
    for row in rows:
        *parts, seconds, wall = row
        key: Any = tuple(parts)
        run = runs.get(key)
        if run is None:
            run = runs[key] = ([], [])
        run[0].append(math.nan if seconds is None else seconds)
        run[1].append(math.nan if wall is None else wall)
    keys = sorted(runs)
    counts = [len(runs[key][0]) for key in keys]
    return Columns(keys, counts, *(_times(runs[key][which] for key in keys) for which in (0, 1)))


def _times(runs: Iterable[list[float]]) -> Times:
    values = array("d")
    for run in runs:
        values.extend(run)
    return _made(values.tobytes(), bytes(map(bucket, values)))


def _made(values: bytes, buckets: bytes) -> Times:
    return Times(memoryview(values), memoryview(buckets))


def joined(parts: Sequence[Columns]) -> Columns:
    """Several as one, equal runs put together."""
    runs: dict[Key, list[tuple[Columns, int, int]]] = {}
    for part in parts:
        start = 0
        for key, count in zip(part.keys, part.counts, strict=True):
            runs.setdefault(key, []).append((part, start, start + count))
            start += count
    keys = sorted(runs)
    pieces = [piece for key in keys for piece in runs[key]]
    counts = [sum(end - start for _, start, end in runs[key]) for key in keys]
    return Columns(keys, counts, _cut(pieces, operator.attrgetter("seconds")), _cut(pieces, operator.attrgetter("wall")))


def _cut(pieces: Sequence[tuple[Columns, int, int]], which: Callable[[Columns], Times]) -> Times:
    return _made(
        b"".join(which(part).values[start * WIDTH : end * WIDTH] for part, start, end in pieces),
        b"".join(which(part).buckets[start:end] for part, start, end in pieces),
    )


Pieces = tuple[list[memoryview], list[memoryview]]
"""Of values and of buckets."""


class Tally:
    """What a group holds: facts by outcome, and the pieces of its times."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.versions: set[str] = set()
        self._seconds: Pieces = ([], [])
        self._wall: Pieces = ([], [])

    def count(self, outcome: str) -> int:
        return self.outcomes.get(outcome, 0)

    def seconds(self) -> Times:
        return _made(*(b"".join(pieces) for pieces in self._seconds))

    def wall(self) -> Times:
        return _made(*(b"".join(pieces) for pieces in self._wall))

    def take(self, part: Columns, start: int, end: int) -> None:
        """The times of facts `start` to `end` of a part."""
        for mine, theirs in ((self._seconds, part.seconds), (self._wall, part.wall)):
            mine[0].append(theirs.values[start * WIDTH : end * WIDTH])
            mine[1].append(theirs.buckets[start:end])

    def add(self, other: Tally) -> None:
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.versions |= other.versions
        for mine, theirs in ((self._seconds, other._seconds), (self._wall, other._wall)):
            mine[0].extend(theirs[0])
            mine[1].extend(theirs[1])


Group = tuple[str, ...]


class Tallies:
    """Facts counted by group. `group` says which group a run belongs to, None for none; where `net`, the times of excused
    misses are left out."""

    def __init__(self, group: Callable[[Key], Group | None], *, net: bool) -> None:
        self._group = group
        self._net = net
        self._known: dict[Key, Group | None] = {}
        self.found: dict[tuple[Group, str], Tally] = {}

    def add(self, part: Columns, when: str = "") -> None:
        """`when` parts the groups further: the day, week or month of the part."""
        known, found = self._known, self.found
        open_, began, end = None, 0, 0
        for key, count in zip(part.keys, part.counts, strict=True):
            start, end = end, end + count
            if key in known:
                group = known[key]
            else:
                group = known[key] = self._group(key)
            mine = None
            if group is not None:
                mine = found.get((group, when))
                if mine is None:
                    mine = found[group, when] = Tally()
                outcome = key[7]
                mine.outcomes[outcome] = mine.outcomes.get(outcome, 0) + count
                mine.versions.add(key[9])
                if self._net and outcome == "excused":
                    mine = None
            if mine is not open_:  # neighbours of one group are taken in one piece
                if open_ is not None:
                    open_.take(part, began, start)
                open_, began = mine, start
        if open_ is not None:
            open_.take(part, began, end)


def quantiles(times: Times, shares: Sequence[float]) -> list[float | None]:
    """For each share the value with that share of the others below it, between neighbours in proportion; None of
    nothing."""
    buckets = bytes(times.buckets)
    known = len(buckets) - buckets.count(UNKNOWN)
    if not known:
        return [None] * len(shares)
    values = array("d")
    values.frombytes(times.values)
    if known <= FEW:
        ordered = sorted(value for value in values if value == value)
        return [between(share, known, ordered.__getitem__) for share in shares]
    ranks = _Ranks(values, buckets)
    return [between(share, known, ranks.value) for share in shares]


def between(share: float, count: int, value: Callable[[int], float]) -> float:
    """The quantile of `count` values, of which `value` gives the n-th smallest."""
    place = share * (count - 1)
    below = int(place)
    first = value(below)
    return first + (value(min(below + 1, count - 1)) - first) * (place - below)


class _Ranks:
    """The n-th smallest of values by their buckets."""

    def __init__(self, values: array[float], buckets: bytes) -> None:
        self._values = values
        self._buckets = buckets
        self._up_to: dict[int, int] = {-1: 0}
        self._sorted: dict[int, list[float]] = {}

    def value(self, rank: int) -> float:
        low, high = 0, LAST
        while low < high:
            middle = (low + high) // 2
            if self._count(middle) > rank:
                high = middle
            else:
                low = middle + 1
        return self._members(low)[rank - self._count(low - 1)]

    def _count(self, most: int) -> int:
        """How many are in the buckets up to this one."""
        known = self._up_to.get(most)
        if known is None:
            known = self._up_to[most] = self._buckets.translate(UP_TO[most]).count(1)
        return known

    def _members(self, bucket: int) -> list[float]:
        known = self._sorted.get(bucket)
        if known is None:
            chosen = self._buckets.translate(bytes(int(other == bucket) for other in range(256)))
            known = self._sorted[bucket] = sorted(compress(self._values, chosen))
        return known
