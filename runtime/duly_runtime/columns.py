"""Facts in columns: many of them counted by group, with exact quantiles, at the speed of bytes.

Facts that are alike in everything they can be parted by lie together as a run, so that what is done for each run is little.
Beside each time stands its bucket, a byte that grows with it. The k-th smallest of a million times is found by counting
bytes until its bucket is known, and sorting that bucket alone. Pure.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, groupby
from typing import Any

import msgspec

DIMENSIONS = ("pipeline", "stage", "owner", "team", "priority", "type", "channel", "outcome", "reason", "version")
"""What a run is alike in, in the order of its key."""
OUTCOME, VERSION = DIMENSIONS.index("outcome"), DIMENSIONS.index("version")
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
SPARSE = 8
"""Where fewer than one in so many are looked for, finding each is faster than going through all."""
UP_TO = [bytes(int(bucket <= most) for bucket in range(256)) for most in range(256)]
"""Tables that make 1 of the buckets up to one, and 0 of the others."""


def bucket(seconds: float) -> int:
    if seconds != seconds:
        return UNKNOWN
    return min(LAST, int(math.log2(max(seconds, 0.0) + 1) * STEPS))


class Times(msgspec.Struct, array_like=True):
    """Times in seconds (doubles as this machine writes them), and the bucket of each."""

    values: bytes
    buckets: bytes


class Column(msgspec.Struct, array_like=True):
    """One dimension of the runs: the values there are, and for each run the place of its value among them (a byte, or two
    bytes where there are more than 256)."""

    values: list[str]
    places: memoryview

    @property
    def codes(self) -> memoryview:
        return self.places.cast("H") if len(self.values) > 256 else self.places


class Columns(msgspec.Struct, array_like=True):
    """Runs one after the other, by outcome first. `counts` (unsigned 4-byte numbers) says how many facts each holds;
    `outcomes` how many runs and facts there are of each outcome, in order."""

    dimensions: list[Column]
    counts: memoryview
    outcomes: list[tuple[str, int, int]]
    seconds: Times
    wall: Times

    def runs(self) -> Iterator[tuple[Key, int]]:
        """Each run's key, and how many facts it has."""
        values = [map(column.values.__getitem__, column.codes) for column in self.dimensions]
        keys: Any = zip(*values, strict=True)
        return zip(keys, self.counts.cast("I"), strict=True)


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
    keys = _ordered(runs)
    times = [_times(runs[key][which] for key in keys) for which in (0, 1)]
    return _laid_out(keys, [len(runs[key][0]) for key in keys], *times)


def _ordered(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: (key[OUTCOME], key))


def _laid_out(keys: Sequence[Key], counts: Sequence[int], seconds: Times, wall: Times) -> Columns:
    dimensions: list[Column] = []
    for place in range(len(DIMENSIONS)):
        values = sorted({key[place] for key in keys})
        number = {value: code for code, value in enumerate(values)}
        codes = array("H" if len(values) > 256 else "B", (number[key[place]] for key in keys))
        dimensions.append(Column(values, memoryview(codes.tobytes())))
    outcomes: list[tuple[str, int, int]] = []
    for outcome, group in groupby(zip(keys, counts, strict=True), key=lambda run: run[0][OUTCOME]):
        sizes = [count for _, count in group]
        outcomes.append((outcome, len(sizes), sum(sizes)))
    return Columns(dimensions, memoryview(array("I", counts).tobytes()), outcomes, seconds, wall)


def _times(runs: Iterable[list[float]]) -> Times:
    values = array("d")
    for run in runs:
        values.extend(run)
    return Times(values.tobytes(), bytes(map(bucket, values)))


def joined(parts: Sequence[Columns]) -> Columns:
    """Several as one, equal runs put together."""
    runs: dict[Key, list[tuple[Columns, int, int]]] = {}
    for part in parts:
        start = 0
        for key, count in part.runs():
            runs.setdefault(key, []).append((part, start, start + count))
            start += count
    keys = _ordered(runs)
    pieces = [piece for key in keys for piece in runs[key]]
    counts = [sum(end - start for _, start, end in runs[key]) for key in keys]
    seconds = _cut(pieces, operator.attrgetter("seconds"))
    return _laid_out(keys, counts, seconds, _cut(pieces, operator.attrgetter("wall")))


def _cut(pieces: Sequence[tuple[Columns, int, int]], which: Callable[[Columns], Times]) -> Times:
    return Times(
        b"".join(which(part).values[start * WIDTH : end * WIDTH] for part, start, end in pieces),
        b"".join(which(part).buckets[start:end] for part, start, end in pieces),
    )


Pieces = tuple[list[bytes], list[bytes]]
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
        return Times(*(b"".join(pieces) for pieces in self._seconds))

    def wall(self) -> Times:
        return Times(*(b"".join(pieces) for pieces in self._wall))

    def count_in(self, outcome: str, version: str, facts: int) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + facts
        self.versions.add(version)

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
    """Facts counted by group. `group` says from the values of `dimensions` which group a run belongs to, None for none;
    where `net`, the times of excused misses are left out."""

    def __init__(self, dimensions: Sequence[str], group: Callable[[tuple[str, ...]], Group | None], *, net: bool) -> None:
        self._places = [DIMENSIONS.index(name) for name in dimensions]
        self._group = group
        self._net = net
        self._known: dict[tuple[str, ...], Group | None] = {}
        self.found: dict[tuple[Group, Group], Tally] = {}

    def add(self, part: Columns, when: Group = ()) -> None:
        """`when` parts the groups further: the day, week or month of the part."""
        run = fact = 0
        for outcome, runs, facts in part.outcomes:
            timed = not (self._net and outcome == "excused")
            if not self._whole(part, outcome, (fact, fact + facts), when, timed=timed):
                self._run_by_run(part, outcome, (run, run + runs), fact, when, timed=timed)
            run, fact = run + runs, fact + facts

    def _tally(self, values: tuple[str, ...], when: Group) -> Tally | None:
        if values not in self._known:
            self._known[values] = self._group(values)
        group = self._known[values]
        if group is None:
            return None
        tally = self.found.get((group, when))
        if tally is None:
            tally = self.found[group, when] = Tally()
        return tally

    def _whole(self, part: Columns, outcome: str, facts: tuple[int, int], when: Group, *, timed: bool) -> bool:
        """Take all facts of an outcome at once; False where they may belong to several groups."""
        columns = [(place, part.dimensions[place].values) for place in (*self._places, VERSION)]
        if any(len(values) > 1 for place, values in columns if place != OUTCOME):
            return False
        *values, version = (outcome if place == OUTCOME else values[0] for place, values in columns)
        tally = self._tally(tuple(values), when)
        if tally is not None:
            tally.count_in(outcome, version, facts[1] - facts[0])
            if timed:
                tally.take(part, *facts)
        return True

    def _run_by_run(
        self, part: Columns, outcome: str, runs: tuple[int, int], fact: int, when: Group, *, timed: bool
    ) -> None:
        columns = [part.dimensions[place] for place in (*self._places, VERSION)]
        codes = [column.codes[slice(*runs)] for column in columns]
        known: dict[tuple[int, ...], _Counted] = {}
        open_: Tally | None = None
        began, end = fact, fact
        each: Any = zip(*codes, strict=True)
        for code, count in zip(each, part.counts.cast("I")[slice(*runs)], strict=True):
            start, end = end, end + count
            counted = known.get(code)
            if counted is None:
                pairs: Any = zip(columns, code, strict=True)
                parts: list[str] = [column.values[place] for column, place in pairs]
                *values, version = parts
                tally = self._tally(tuple(values), when)
                counted = known[code] = _Counted(tally, version, tally if timed else None)
            counted.facts += count
            if counted.timed is not open_:  # neighbours of one group are taken in one piece
                if open_ is not None:
                    open_.take(part, began, start)
                open_, began = counted.timed, start
        if open_ is not None:
            open_.take(part, began, end)
        for counted in known.values():
            if counted.tally is not None:
                counted.tally.count_in(outcome, counted.version, counted.facts)


class _Counted:
    """How many facts of a part have the same values; `timed` is the tally that takes their times."""

    __slots__ = ("facts", "tally", "timed", "version")

    def __init__(self, tally: Tally | None, version: str, timed: Tally | None) -> None:
        self.tally, self.version, self.timed = tally, version, timed
        self.facts = 0


def quantiles(times: Times, shares: Sequence[float]) -> list[float | None]:
    """For each share the value with that share of the others below it, between neighbours in proportion; None of
    nothing."""
    buckets = times.buckets
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
            known = self._sorted[bucket] = sorted(self._in(bucket))
        return known

    def _in(self, bucket: int) -> Iterable[float]:
        count = self._count(bucket) - self._count(bucket - 1)
        if count * SPARSE > len(self._buckets):
            return compress(self._values, self._buckets.translate(bytes(int(other == bucket) for other in range(256))))
        found: list[float] = []
        place = self._buckets.find(bucket)
        while place >= 0:
            found.append(self._values[place])
            place = self._buckets.find(bucket, place + 1)
        return found
