"""Finished days and months of facts kept in columns, and reading a period from them and from the facts of other days.

Packs are a copy that may be missing anywhere and is never wrong: they are removed by whatever changes a fact of theirs
(`facts.write`). Each function is a unit of work (`store.unit`) or part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: clauses, never values
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from duly_runtime.columns import Columns, columns, decoder, encoder, joined
from duly_runtime.store import facts, unit
from duly_runtime.store.reports_api import STAY, Asked, Day, FactRow, Part

DAY, MONTH = "day", "month"
OVER = dt.timedelta(hours=1)
"""A day is packed when it is over for so long; more than `facts.SLACK`."""
ONE = dt.timedelta(days=1)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class StoredReports:
    """`ReportStore`, for the store to inherit."""

    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def facts(self, asked: Asked, zone: str, days: Sequence[Day], *, fine: bool) -> list[Part]:
        return await self._read(lambda: read(asked, zone, days, fine))

    async def fact_rows(
        self, asked: Asked, since: dt.datetime, until: dt.datetime, limit: int, before: int = 0
    ) -> list[FactRow]:
        return await self._read(lambda: facts.rows(asked, since, until, limit, before))

    async def pack_facts(self, zone: str, now: dt.datetime) -> bool:
        chosen = await self._read(lambda: missing(zone, now))
        if chosen is None:
            return False
        await self._write(lambda: pack(zone, *chosen))
        return True


def midnight(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(), zone).astimezone(dt.UTC)


def day_of(date: dt.date, zone: ZoneInfo) -> Day:
    return Day(date, midnight(date, zone), midnight(date + ONE, zone))


def month_after(first: dt.date) -> dt.date:
    return (first + 31 * ONE).replace(day=1)


# --- reading ----------------------------------------------------------------------------------------------------------


async def read(asked: Asked, zone: str, days: Sequence[Day], fine: bool) -> list[Part]:
    """Whole months from their packs (not where it must be `fine`), other days from theirs, and the rest fact by fact."""
    if not days:
        return []
    there = await _there(asked, zone, days[0].since, days[-1].until)
    chosen: dict[str, list[dt.date]] = {DAY: [], MONTH: []}
    loose: list[list[Day]] = []
    after = days[0].date
    for day in days:
        if day.date < after:
            continue
        if not fine and (MONTH, day.date.isoformat()) in there:
            chosen[MONTH].append(day.date)
            after = month_after(day.date)
        elif (DAY, day.date.isoformat()) in there:
            chosen[DAY].append(day.date)
        elif not fine and loose and loose[-1][-1].until == day.since and day.date.day > 1:
            loose[-1].append(day)
        else:
            loose.append([day])
    found = [part for kind, dates in chosen.items() for part in await _packed(asked, zone, kind, dates)]
    for span in loose:
        found.append(Part(span[0].date, columns(await facts.values(asked, span[0].since, span[-1].until))))
    return found


async def _there(asked: Asked, zone: str, since: dt.datetime, until: dt.datetime) -> set[tuple[str, str]]:
    """(kind, first day) of each pack within [since, until) that says what was known then."""
    text = "SELECT kind, first FROM report_pack WHERE zone = ? AND measure = '' AND since >= ? AND until <= ?"
    args: tuple[Any, ...] = (zone, since, until)
    if asked.as_of is not None:
        text, args = f"{text} AND changed_at <= ?", (*args, asked.as_of)
    return {(kind, first) for kind, first in await unit.values(text, *args)}


async def _packed(asked: Asked, zone: str, kind: str, dates: Sequence[dt.date]) -> list[Part]:
    if asked.measures:
        which, named = f"measure IN ({unit.marks(len(asked.measures))})", asked.measures
    else:
        which, named = "measure NOT IN ('', ?)", (STAY,)
    found: list[Part] = []
    for some in unit.chunks(dates, 5_000):
        rows = await unit.values(
            "SELECT first, data FROM report_pack WHERE zone = ? AND kind = ?"
            f" AND first IN ({unit.marks(len(some))}) AND {which}",
            zone,
            kind,
            *(date.isoformat() for date in some),
            *named,
        )
        found += [Part(dt.date.fromisoformat(first), decoder.decode(data)) for first, data in rows]
    return found


# --- packing ----------------------------------------------------------------------------------------------------------


async def missing(zone: str, now: dt.datetime) -> tuple[str, dt.date] | None:
    """The first day that is over and not packed, else such a month; (kind, first day)."""
    local = ZoneInfo(zone)
    began = await _first_day(local)
    if began is None:
        return None
    there = await unit.values("SELECT kind, first FROM report_pack WHERE zone = ? AND measure = ''", zone)
    packed = {(kind, first) for kind, first in there}
    end = (now - OVER).astimezone(local).date()  # the first day that is not over
    date = began
    while date < end:
        if (DAY, date.isoformat()) not in packed:
            return DAY, date
        date += ONE
    date = began.replace(day=1)
    while month_after(date) <= end:
        if (MONTH, date.isoformat()) not in packed:
            return MONTH, date
        date = month_after(date)
    return None


async def _first_day(zone: ZoneInfo) -> dt.date | None:
    """The day of the oldest fact."""
    row = await unit.first("SELECT MIN(at) AS first FROM fact")
    return None if row is None or row["first"] is None else _instant(row["first"]).astimezone(zone).date()


async def pack(zone: str, kind: str, first: dt.date) -> None:
    if unit.on_postgres():
        await unit.fetch("SELECT pg_advisory_xact_lock(?)", facts.PACKS_LOCK)
    local = ZoneInfo(zone)
    since = midnight(first, local)
    until = midnight(month_after(first) if kind == MONTH else first + ONE, local)
    if kind == MONTH and not await _all_packed(zone, first, since, until):
        return  # a fact of a day has changed meanwhile
    found = await (_of_days(zone, since, until) if kind == MONTH else _of_facts(since, until))
    row = await unit.first("SELECT MAX(known_at) AS a, MAX(gone_at) AS b FROM fact WHERE at >= ? AND at < ?", since, until)
    changes = [_instant(value) for value in (row["a"], row["b"]) if value is not None] if row else []
    shared = {
        "zone": zone,
        "kind": kind,
        "first": first.isoformat(),
        "since": since,
        "until": until,
        "changed_at": max(changes, default=EVER),
    }
    rows = [shared | {"measure": measure, "data": data} for measure, data in (("", b""), *found.items())]
    for row in rows:  # one by one: some are large
        await unit.insert("report_pack", [row], "ON CONFLICT (zone, kind, first, measure) DO NOTHING")


async def _all_packed(zone: str, first: dt.date, since: dt.datetime, until: dt.datetime) -> bool:
    began = await _first_day(ZoneInfo(zone))
    row = await unit.first(
        "SELECT COUNT(*) AS n FROM report_pack WHERE zone = ? AND kind = ? AND measure = '' AND since >= ? AND until <= ?",
        zone,
        DAY,
        since,
        until,
    )
    return began is not None and row is not None and row["n"] == (month_after(first) - max(first, began)).days


def _instant(value: Any) -> dt.datetime:
    """SQLite tells the type of a column, not of an expression."""
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)


async def _of_facts(since: dt.datetime, until: dt.datetime) -> dict[str, bytes]:
    """Measure -> the facts of a day as they are known now."""
    rows = await unit.values(
        f"SELECT measure, {facts.VALUES} FROM fact WHERE at >= ? AND at < ? AND gone_at IS NULL", since, until
    )
    parts: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        parts.setdefault(row[0], []).append(row[1:])
    return {measure: encoder.encode(columns(mine)) for measure, mine in parts.items()}


async def _of_days(zone: str, since: dt.datetime, until: dt.datetime) -> dict[str, bytes]:
    """The same of a month, from its days, of which those before the first fact have no pack."""
    rows = await unit.values(
        "SELECT measure, data FROM report_pack WHERE zone = ? AND kind = ? AND since >= ? AND until <= ? AND measure <> ''",
        zone,
        DAY,
        since,
        until,
    )
    parts: dict[str, list[Columns]] = {}
    for measure, data in rows:
        parts.setdefault(measure, []).append(decoder.decode(data))
    return {measure: encoder.encode(joined(mine)) for measure, mine in parts.items()}
