"""Business time against the minute-by-minute oracle: every IANA zone, around its gaps and folds.

One change of offset for each zone in the quick tier (names with the same data count once). DULY_FULL=1 takes every name and
twelve of its changes since 1972: some 200,000 answers compared.
"""

from __future__ import annotations

import datetime as dt
import importlib.resources
import itertools
import os
import random
import struct
import zoneinfo
from pathlib import Path

import pytest

from duly_dsl.program import Calendar, DayRule, Window
from duly_dsl.units import HOUR, MINUTE, Duration, Unit
from duly_runtime.calendars import WorkingTime, zone
from duly_runtime.card import Pause
from runtime.clock_oracle import Oracle

FULL = os.environ.get("DULY_FULL") == "1"
ZONES = sorted(zoneinfo.available_timezones())
SHARDS = 16
ROOM = dt.timedelta(hours=48)
"""How long before and after a change the oracle looks."""

QUESTIONS = 3
"""Starts asked about in each calendar."""


def zone_file(key: str) -> bytes:
    """The zone's data from where zoneinfo takes it: the system's files, else the tzdata package."""
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder, key)).is_file():
            return path.read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", *key.split("/")).read_bytes()


def distinct(keys: list[str]) -> list[str]:
    """One name for each content: most of the names are links."""
    return sorted({zone_file(key): key for key in reversed(keys)}.values())


def changes(key: str) -> list[int]:
    """Every instant (in seconds) at which the zone file changes the offset from UTC (RFC 9636, the 64-bit block)."""
    data = zone_file(key)
    header = struct.Struct(">4sc15x6l")
    magic, version, isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt = header.unpack_from(data)
    assert (magic, version >= b"2") == (b"TZif", True)
    at = header.size + timecnt * 5 + typecnt * 6 + charcnt + leapcnt * 8 + isstdcnt + isutcnt
    *_, timecnt, typecnt, charcnt = header.unpack_from(data, at)
    at += header.size
    times = struct.unpack_from(f">{timecnt}q", data, at)
    kinds = data[at + timecnt * 8 : at + timecnt * 9]
    offsets = [struct.unpack_from(">l", data, at + timecnt * 9 + kind * 6)[0] for kind in range(typecnt)]
    found: list[int] = []
    offset = offsets[0]
    for time, kind in zip(times, kinds, strict=True):
        if offsets[kind] != offset:
            found.append(time)
        offset = offsets[kind]
    return found


def shown_changes(key: str) -> list[dt.datetime]:
    """Changes after 1972, on whole minutes, into the years that only the rule at the file's end tells (to 2033)."""
    info = zoneinfo.ZoneInfo(key)
    told = [dt.datetime.fromtimestamp(time, dt.UTC) for time in changes(key) if time > 2 * 366 * 86400]
    found = [time for time in told if time.second == 0]
    at = max([dt.datetime(2030, 1, 1, tzinfo=dt.UTC), *found])
    day, hour, minute = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
    while at.year < 2033:
        before = at.astimezone(info).utcoffset()
        if (at + day).astimezone(info).utcoffset() != before:
            change = at
            for step in (hour, minute):
                while (change + step).astimezone(info).utcoffset() == before:
                    change += step
            found.append(change + minute)
        at += day
    return found


def any_windows(rng: random.Random) -> tuple[Window, ...]:
    """None to three windows, some past midnight, some overlapping, many around the hours when clocks change."""
    found: list[Window] = []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        opens = rng.choice((0, 60, 90, 120, 150, 180, 540, 1320, rng.randrange(1440)))
        length = rng.choice((15, 30, 60, 120, 480, 1440, rng.randint(1, 1440)))
        found.append(Window(opens=opens, closes=opens + length))
    return tuple(found)


def any_calendar(rng: random.Random, key: str, around: dt.date) -> Calendar:
    """A week, and near the date a closure, an extra or short day and a yearly closure."""

    def near() -> dt.date:
        return around + dt.timedelta(days=rng.randint(-4, 4))

    rules: list[DayRule] = []
    if rng.random() < 0.3:
        first = near()
        rules.append(DayRule(kind="closed", first=first, last=first + dt.timedelta(days=rng.randint(0, 2))))
    if rng.random() < 0.3:
        day = near()
        rules.append(
            DayRule(kind="extra", first=day, last=day, windows=any_windows(rng) or (Window(opens=0, closes=1440),))
        )
    if rng.random() < 0.3:
        day = near()
        rules.append(DayRule(kind="closed", month=day.month, day=day.day))
    rng.shuffle(rules)
    week = tuple(any_windows(rng) for _ in range(7))
    if not any(week):
        week = ((Window(opens=540, closes=1020),),) * 7
    regions = rng.choice(((), (), (), ("BR-SP",), ("DE-BY",), ("US", "PT")))
    return Calendar(name=key, zone=key, week=week, days=tuple(rules), holidays=regions)


class Comparison:
    """The same questions to a calendar and to the oracle."""

    def __init__(self, calendar: Calendar, middle: dt.datetime) -> None:
        self.calendar = calendar
        self.time = WorkingTime(calendar)
        self.oracle = Oracle(calendar, middle - ROOM, middle + ROOM)
        self.answers = 0

    def run(self, rng: random.Random) -> None:
        minutes = len(self.oracle.began)
        shown = [index for index in range(minutes) if self.oracle.opens(index)]
        self.stretches(minutes, shown)
        for _ in range(QUESTIONS):
            start = rng.choice((minutes // 2, rng.randrange(minutes - 10), *(rng.sample(shown, 1) if shown else ())))
            self.ask(start, rng)

    def stretches(self, minutes: int, shown: list[int]) -> None:
        found: list[int] = []
        for begin, end, label in self.time.stretches(self.oracle.at(0), self.oracle.at(minutes)):
            if label.split(":")[0] == "open":
                found += range(self.oracle.index(begin), self.oracle.index(end))
        assert found == shown, self.calendar

    def ask(self, start: int, rng: random.Random) -> None:
        time, oracle = self.time, self.oracle
        begin = oracle.at(start)
        assert time.is_open(begin) is oracle.opens(start), self.story(start)
        end = rng.randrange(start, len(oracle.began))
        assert time.between(begin, oracle.at(end)) == oracle.between(start, end) * MINUTE, self.story(start)

        amount = rng.choice((1, 15, 60, 240, rng.randint(1, 1500)))
        spans = [(start + rng.randint(-60, 600), rng.randint(0, 600)) for _ in range(rng.randrange(3))]
        pauses: list[tuple[int, int | None]] = [(first, first + length) for first, length in spans]
        if rng.random() < 0.3:
            pauses.append((start + rng.randint(0, 900), None))
        held = [Pause(oracle.at(first), None if last is None else oracle.at(last)) for first, last in pauses]
        for unit in (Unit.BUSINESS, Unit.ELAPSED):
            target = Duration(unit, amount * MINUTE)
            self.same(start, oracle.due(start, amount, unit), time.add(begin, target))
            self.same(start, oracle.due(start, amount, unit, pauses), time.due(begin, target, held))
        days = rng.randint(1, 2)
        self.same(start, oracle.back(start, amount), time.subtract(begin, Duration(Unit.BUSINESS, amount * MINUTE)))
        self.same(start, oracle.calendar_days(start, days), time.add(begin, Duration(Unit.CALENDAR_DAYS, days)))
        self.same(start, oracle.working_days(start, days), time.add(begin, Duration(Unit.WORKING_DAYS, days)))

    def same(self, start: int, expected: int | str, found: dt.datetime | None) -> None:
        """Where the oracle sees far enough, the answers must be equal."""
        if expected == "beyond":
            return
        wanted = None if expected == "paused" else self.oracle.at(int(expected))
        assert found == wanted, f"{self.story(start)}: expected {wanted}"
        self.answers += 1

    def story(self, start: int) -> str:
        return f"{self.calendar} from {self.oracle.at(start)}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_zone_equals_the_minute_by_minute_oracle(shard: int) -> None:
    cases = answers = 0
    zones = (ZONES if FULL else distinct(ZONES))[shard::SHARDS]
    for key in zones:
        rng = random.Random(f"duly {key}")
        middles = shown_changes(key)
        middles = rng.sample(middles, min(12 if FULL else 1, len(middles)))
        # Zones that never changed get an ordinary week.
        for middle in middles or [dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC)]:
            comparison = Comparison(any_calendar(rng, key, middle.date()), middle)
            comparison.run(rng)
            cases += 1
            answers += comparison.answers
    assert cases >= len(zones)
    # A test that asks nothing would pass; of the seven amounts of a question most are within what the oracle sees.
    assert answers >= 4 * QUESTIONS * cases


def test_all_zones_were_found() -> None:
    assert len(ZONES) > 400
    assert len(distinct(ZONES)) > 300
    assert {"Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"} <= set(ZONES)


def test_no_zone_changes_its_offset_twice_between_two_samples() -> None:
    """What Zone.segments takes for granted, read from the zone files themselves."""
    closest: dict[str, int] = {}
    seen = 0
    for key in ZONES:
        times = changes(key)
        seen += len(times)
        if len(times) > 1:
            closest[key] = min(later - earlier for earlier, later in itertools.pairwise(times))
    assert seen > 5000
    near = {key: seconds for key, seconds in closest.items() if seconds * 1_000_000 <= zone.STEP}
    assert near == {}
    assert zone.STEP == 12 * HOUR


@pytest.mark.parametrize("shard", range(SHARDS))
def test_segments_know_every_change_of_the_zone_files(shard: int) -> None:
    for key in ZONES[shard::SHARDS]:
        here = zone.Zone(key)
        times = [time for time in changes(key) if 0 < time < 2_208_988_800]  # 1970 to 2040
        told = times if FULL else times[-4:]
        for time in told:
            before, after = here.segments(time * 10**6 - 2 * HOUR, time * 10**6 + 2 * HOUR)
            assert (before[1], after[0]) == (time * 10**6, time * 10**6), key
