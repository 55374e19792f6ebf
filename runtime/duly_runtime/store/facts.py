"""Facts: what reports count, written beside the card, and read for a period, as it is known now or was known at an instant.

Nothing is changed but the end of what was known: a fact that turns out otherwise (a miss is excused, a late clock stops)
is followed by another. Finished days are kept in columns as well (`report_pack`); whatever changes a fact of such a day
removes them in the same transaction. Each function is a unit of work (`store.unit`) or part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Sequence
from typing import Any

from duly_runtime.card import Card, Clock, Visit
from duly_runtime.columns import DIMENSIONS
from duly_runtime.store import unit
from duly_runtime.store.reports_api import STAY, Asked, FactRow
from duly_runtime.store.unit import Row

PACKS_LOCK = 0x64756C7A
"""The advisory lock between those who pack days and those who change facts of finished days, on PostgreSQL."""
SLACK = dt.timedelta(minutes=30)
"""No day is packed until it is over for longer than this: transactions and clocks of machines may be late by so much."""

VALUES = ", ".join((*DIMENSIONS, "seconds", "wall_seconds"))
"""What `columns.columns` takes, in its order."""
COLUMNS = tuple(each for each in DIMENSIONS if each not in ("pipeline", "version"))
"""What a question may ask for by value, beside pipelines."""


# --- writing ----------------------------------------------------------------------------------------------------------


async def write(
    card: Card,
    old: Card | None,
    visits: Sequence[tuple[Visit, Row]],
    clocks: Sequence[tuple[Clock, Row]],
    now: dt.datetime,
) -> None:
    """The facts of changed visits and clocks, each with its row."""
    had_visits = {visit.number: visit for visit in old.visits} if old else {}
    had_clocks = {(clock.metric, clock.cycle): clock for clock in old.clocks} if old else {}
    gone: list[tuple[str, int, dt.datetime]] = []
    new: list[Row] = []
    for visit, row in visits:
        before = had_visits.get(visit.number)
        if _ended(before) == _ended(visit):
            continue
        if before is not None and before.left_at is not None:
            gone.append((STAY, visit.number, before.left_at))
        if visit.left_at is not None:
            new.append(_stay(card, visit, row, now))
    for clock, row in clocks:
        known = had_clocks.get((clock.metric, clock.cycle))
        if _counted(known) == _counted(clock):
            continue
        if (was := _at(known)) is not None:
            gone.append((clock.metric, clock.cycle, was))
        if (at := _at(clock)) is not None:
            new.append(_outcome(card, clock, row, at, now))
    if not gone and not new:
        return
    await _unpack({at for _, _, at in gone} | {row["at"] for row in new}, now)
    for measure, number, _ in gone:
        await unit.fetch(
            "UPDATE fact SET gone_at = ? WHERE card_id = ? AND measure = ? AND number = ? AND gone_at IS NULL",
            now,
            card.id,
            measure,
            number,
        )
    await unit.insert("fact", new)


def _ended(visit: Visit | None) -> Any:
    """What a fact says of a stay."""
    return (visit.stage, visit.entered_at, visit.left_at) if visit is not None and visit.left_at is not None else None


def _at(clock: Clock | None) -> dt.datetime | None:
    """When it was missed or met; None where it counts neither way so far."""
    if clock is None or not clock.outcome:
        return None
    return clock.missed_at or clock.stopped_at


def _counted(clock: Clock | None) -> Any:
    if clock is None or _at(clock) is None:
        return None
    return (clock.stage, clock.started_at, clock.missed_at, clock.stopped_at, clock.owner_at_miss, clock.excuse)


def _stay(card: Card, visit: Visit, row: Row, now: dt.datetime) -> Row:
    assert visit.left_at is not None
    return _fact(card, STAY, visit.number, row, now) | {
        "owner": card.owner,
        "outcome": "",
        "reason": "",
        "version": "",
        "started_at": visit.entered_at,
        "at": visit.left_at,
        "wall_seconds": (visit.left_at - visit.entered_at).total_seconds(),
    }


def _outcome(card: Card, clock: Clock, row: Row, at: dt.datetime, now: dt.datetime) -> Row:
    stopped = clock.stopped_at
    return _fact(card, clock.metric, clock.cycle, row, now) | {
        "owner": clock.owner_at_miss if clock.missed_at is not None else card.owner,
        "outcome": "excused" if clock.excuse is not None else clock.outcome,
        "reason": clock.excuse.reason if clock.excuse is not None else "",
        "version": clock.version,
        "started_at": clock.started_at,
        "at": at,
        "wall_seconds": (stopped - clock.started_at).total_seconds() if stopped is not None else None,
    }


def _fact(card: Card, measure: str, number: int, row: Row, now: dt.datetime) -> Row:
    return {
        "card_id": card.id,
        "measure": measure,
        "number": number,
        "pipeline": card.pipeline,
        "stage": row["stage"],
        "team": card.team,
        "priority": card.priority,
        "type": card.type,
        "channel": card.channel,
        "seconds": row["business_seconds"],
        "known_at": now,
        "gone_at": None,
    }


async def _unpack(instants: set[dt.datetime], now: dt.datetime) -> None:
    """Remove the packs of days and months in which facts change."""
    old = sorted(at for at in instants if at <= now - SLACK)
    if old and unit.on_postgres():
        await unit.fetch("SELECT pg_advisory_xact_lock_shared(?)", PACKS_LOCK)
    for at in old:
        await unit.fetch("DELETE FROM report_pack WHERE since <= ? AND until > ?", at, at)


# --- reading ----------------------------------------------------------------------------------------------------------


def where(asked: Asked, since: dt.datetime, until: dt.datetime) -> tuple[str, list[Any]]:
    """The clause of the facts in [since, until) a question is about."""
    parts = ["at >= ?", "at < ?"]
    args: list[Any] = [since, until]
    if asked.as_of is None:
        parts.append("gone_at IS NULL")
    else:
        parts.append("known_at <= ? AND (gone_at IS NULL OR gone_at > ?)")
        args += [asked.as_of, asked.as_of]
    if asked.measures:
        parts.append(f"measure IN ({unit.marks(len(asked.measures))})")
        args += asked.measures
    else:
        parts.append("measure <> ?")
        args.append(STAY)
    for column, wanted in (("pipeline", asked.pipelines), *((each, asked.only.get(each)) for each in COLUMNS)):
        if wanted is not None:
            parts.append(f"{column} IN ({unit.marks(len(wanted))})" if wanted else "1 = 0")
            args += wanted
    return " AND ".join(parts), args


async def values(asked: Asked, since: dt.datetime, until: dt.datetime) -> Sequence[Sequence[Any]]:
    """Rows for `columns.columns`."""
    clause, args = where(asked, since, until)
    return await unit.values(f"SELECT {VALUES} FROM fact WHERE {clause}", *args)


async def rows(asked: Asked, since: dt.datetime, until: dt.datetime, limit: int, before: int) -> list[FactRow]:
    """The facts themselves with their cards, the latest first. `before`: the id of the last one that was read."""
    clause, args = where(asked, since, until)
    if before:
        last = await unit.first("SELECT at FROM fact WHERE id = ?", before)
        if last is None:
            return []
        clause += " AND (at < ? OR (at = ? AND id < ?))"
        args += [last["at"], last["at"], before]
    found = await unit.fetch(
        f"SELECT * FROM fact WHERE {clause} ORDER BY at DESC, id DESC LIMIT ?",
        *args,
        limit,
    )
    ids = sorted({int(row["card_id"]) for row in found})
    cards: dict[int, Row] = {}
    for part in unit.chunks(ids, unit.MAX_ARGUMENTS):
        texts = await unit.fetch(f"SELECT id, number, title FROM card WHERE id IN ({unit.marks(len(part))})", *part)
        cards |= {int(row["id"]): row for row in texts}
    return [_shown(row, cards[int(row["card_id"])]) for row in found if int(row["card_id"]) in cards]


def _shown(row: Row, card: Row) -> FactRow:
    names = ("measure", *DIMENSIONS, "started_at", "at", "seconds", "wall_seconds")
    return FactRow(
        id=int(row["id"]),
        card_id=int(row["card_id"]),
        card=int(card["number"]),
        title=card["title"],
        number=int(row["number"]),
        **{name: row[name] for name in names},
    )
