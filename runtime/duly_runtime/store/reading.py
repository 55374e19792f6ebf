"""What screens and the API read. Each function is a unit of work (`store.unit`) of one or two statements."""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from typing import Any

import msgspec

from duly_runtime import card as cards_
from duly_runtime import doors
from duly_runtime.decision import FactTrace
from duly_runtime.store import api, deliveries, parking, unit
from duly_runtime.store.api import Missing
from duly_runtime.store.tables import Card, Event
from duly_runtime.store.unit import Row

_cards = msgspec.json.Decoder(cards_.Card)
_texts = msgspec.json.Decoder(tuple[str, ...])
_details = msgspec.json.Decoder(dict[str, str])
_facts = msgspec.json.Decoder(tuple[FactTrace, ...])
_raws = msgspec.msgpack.Decoder(doors.Raw)

BOARD = (
    "id, number, title, stage, customer, channel, priority, type, owner, team, tags, entered_at, clock, started_at, due_at,"
    " risk_at, paused, paused_at, missed, revision"
)


async def card(card_id: int) -> cards_.Card:
    row = await Card.select(Card.data).where(Card.id == card_id).first()
    if row is None:
        raise Missing(f"there is no card with the id {card_id}")
    return _cards.decode(row["data"])


async def open_cards(after: int, limit: int) -> list[cards_.Card]:
    rows = await unit.fetch("SELECT data FROM card WHERE finished_at IS NULL AND id > ? ORDER BY id LIMIT ?", after, limit)
    return [_cards.decode(row["data"]) for row in rows]


async def card_id(number: int) -> int:
    row = await Card.select(Card.id).where(Card.number == number).first()
    if row is None:
        raise Missing(f"there is no card {number}")
    return int(row["id"])


def _board_card(row: Row) -> api.BoardCard:
    return api.BoardCard(
        id=int(row["id"]),
        number=int(row["number"]),
        title=row["title"],
        stage=row["stage"],
        customer=row["customer"],
        channel=row["channel"],
        priority=row["priority"],
        type=row["type"],
        owner=row["owner"],
        team=row["team"],
        tags=_texts.decode(row["tags"]),
        entered_at=row["entered_at"],
        clock=row["clock"],
        started_at=row["started_at"],
        due_at=row["due_at"],
        risk_at=row["risk_at"],
        paused=bool(row["paused"]),
        paused_at=row["paused_at"],
        missed=bool(row["missed"]),
        revision=int(row["revision"]),
    )


async def board(pipeline: str, finished_since: dt.datetime) -> list[api.BoardCard]:
    """Open cards, the most urgent first, and those finished since."""
    rows = await unit.fetch(
        f"SELECT {BOARD} FROM card WHERE pipeline = ? AND finished_at IS NULL"
        f" UNION ALL SELECT {BOARD} FROM card WHERE pipeline = ? AND finished_at >= ? AND merged_into = 0",
        pipeline,
        pipeline,
        finished_since,
    )
    found = [_board_card(row) for row in rows]
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    return sorted(found, key=lambda one: (one.due_at or far, one.id))


async def cards(pipeline: str, stage: str, owner: str, query: str, limit: int, before: int) -> list[api.BoardCard]:
    """Newest first. `query` is words, each of which must occur (title, customer, address, number, tags)."""
    parts: list[str] = []
    args: list[Any] = []
    for column, value in (("pipeline", pipeline), ("stage", stage), ("owner", owner)):
        if value:
            parts.append(f"{column} = ?")
            args.append(value)
    for word in query.casefold().split():
        parts.append("search LIKE ? ESCAPE '!'")
        args.append(unit.containing(word))
    if before:
        parts.append("id < ?")
        args.append(before)
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    rows = await unit.fetch(f"SELECT {BOARD} FROM card {where} ORDER BY id DESC LIMIT ?", *args, limit)
    return [_board_card(row) for row in rows]


async def changed_since(since: dt.datetime, limit: int) -> list[api.Changed]:
    rows = await (
        Card.select(Card.id, Card.pipeline, Card.revision, Card.changed_at)
        .where(Card.changed_at >= since)
        .order_by(Card.changed_at)
        .limit(limit)
    )
    return [
        api.Changed(card_id=int(row["id"]), pipeline=row["pipeline"], revision=int(row["revision"]), at=row["changed_at"])
        for row in rows
    ]


async def received_ids(card_id: int, channel: str, limit: int) -> list[str]:
    rows = await unit.fetch(
        "SELECT provider_id FROM message WHERE card_id = ? AND direction = 'in' AND channel = ? AND provider_id <> ''"
        " ORDER BY id DESC LIMIT ?",
        card_id,
        channel,
        limit,
    )
    return [row["provider_id"] for row in reversed(rows)]


async def history(card_id: int) -> list[api.HistoryRow]:
    rows = await unit.fetch(
        "SELECT id, event_id, kind, at, author, details FROM history WHERE card_id = ? ORDER BY id", card_id
    )
    return [
        api.HistoryRow(
            id=int(row["id"]),
            event_id=int(row["event_id"]),
            kind=row["kind"],
            at=row["at"],
            author=row["author"],
            details=_details.decode(row["details"]),
        )
        for row in rows
    ]


async def trace(card_id: int) -> list[api.TraceRow]:
    rows = await unit.fetch(
        "SELECT event_id, at, version, event_kind, facts FROM trace WHERE card_id = ? ORDER BY event_id", card_id
    )
    return [
        api.TraceRow(
            event_id=int(row["event_id"]),
            at=row["at"],
            version=row["version"],
            event_kind=row["event_kind"],
            facts=_facts.decode(row["facts"]),
        )
        for row in rows
    ]


async def visits(card_id: int) -> list[api.VisitRow]:
    rows = await unit.fetch(
        "SELECT number, stage, entered_at, left_at, owner, business_seconds FROM visit WHERE card_id = ? ORDER BY number",
        card_id,
    )
    return [
        api.VisitRow(
            number=int(row["number"]),
            stage=row["stage"],
            entered_at=row["entered_at"],
            left_at=row["left_at"],
            owner=row["owner"],
            business_seconds=row["business_seconds"],
        )
        for row in rows
    ]


async def notices(person: str, limit: int) -> list[api.OutboxRow]:
    """Newest first: those for the app, and those without a channel, which are in the app whatever else they are."""
    rows = await unit.fetch(
        f"SELECT {deliveries.COLUMNS} FROM outbox"
        " WHERE recipient = ? AND kind IN ('notice', 'digest') AND channel IN ('', 'app') ORDER BY id DESC LIMIT ?",
        person,
        limit,
    )
    return [deliveries.shown(row) for row in rows]


async def counts(now: dt.datetime | None) -> dict[str, int]:
    """Keys: `events`, `unhandled`, `cards`, `open_cards`, `timers`, `overdue_timers` (with `now`), `parked_requests`,
    `parked_events`, `parked_deliveries`, `quarantined`, and `outbox_STATE` for each state there is."""
    row = (
        await unit.fetch(
            "SELECT (SELECT COUNT(*) FROM event) AS events,"
            " (SELECT COUNT(*) FROM event WHERE handled_at IS NULL AND parked_at IS NULL) AS unhandled,"
            f" (SELECT COUNT(*) FROM event WHERE {parking.EVENT_WAITS}) AS parked_events,"
            " (SELECT COUNT(*) FROM quarantine WHERE decision = '') AS quarantined,"
            f" (SELECT COUNT(*) FROM raw WHERE {parking.RAW_WAITS}) AS parked_requests,"
            f" (SELECT COUNT(*) FROM outbox WHERE {parking.DELIVERY_WAITS}) AS parked_deliveries,"
            " (SELECT COUNT(*) FROM card) AS cards,"
            " (SELECT COUNT(*) FROM card WHERE finished_at IS NULL) AS open_cards,"
            " (SELECT COUNT(*) FROM timer) AS timers"
        )
    )[0]
    found = {name: int(row[name]) for name in row.keys()}  # noqa: SIM118
    if now is not None:
        found["overdue_timers"] = int((await unit.fetch("SELECT COUNT(*) AS n FROM timer WHERE wake_at <= ?", now))[0]["n"])
    for state in await unit.fetch("SELECT state, COUNT(*) AS n FROM outbox GROUP BY state"):
        found[f"outbox_{state['state']}"] = int(state["n"])
    found["parked"] = found["parked_events"] + found["parked_requests"] + found["parked_deliveries"]
    return found


async def ping() -> None:
    await Event.select(Event.id).limit(1)
