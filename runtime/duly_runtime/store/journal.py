"""The journal: what came in, once each, in order; and the timers, whose falling due is an event like any other.

Each function is a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from duly_runtime.doors import Inbound, Raw
from duly_runtime.events import (
    AnyBody,
    ContactChanged,
    CustomerMessage,
    MessageChanged,
    OpenCard,
    SentElsewhere,
    TimerFired,
)
from duly_runtime.store import files, threads, unit
from duly_runtime.store.api import Accepted, Handled
from duly_runtime.store.schedule import EVENT_TRIES, event_gap

COMMANDS = ""
"""Source of what people and the API do; connectors have their names."""
TIMERS = "*timer"
RECOMPUTES = "*recompute"
SPANS = "*span"
"""The other sides of events that span two cards; their key is the id of the command's event."""

ONCE = "ON CONFLICT (source, key) DO NOTHING RETURNING id"


def card_stream(card_id: int) -> str:
    return f"card/{card_id}" if card_id else ""


def conversation_stream(connector: str, key: str) -> str:
    return f"{connector}\n{key}" if key else ""


def stream_of(card_id: int, body: AnyBody) -> str:
    """What the event must keep its place in. A message that names a card waits for what came before it there, whether or
    not it gets there."""
    if isinstance(body, CustomerMessage) and body.thread is not None:
        card_id = card_id or body.thread.card
    if card_id:
        return card_stream(card_id)
    if isinstance(body, (CustomerMessage, OpenCard, MessageChanged, SentElsewhere, ContactChanged)):
        return conversation_stream(body.connector, body.conversation)
    return ""


def event_row(
    source: str,
    key: str,
    body: AnyBody,
    *,
    at: dt.datetime,
    now: dt.datetime,
    card_id: int = 0,
    raw_id: int = 0,
    backfill: bool = False,
) -> dict[str, Any]:
    return {
        "source": source,
        "key": key or None,
        "raw_id": raw_id,
        "kind": type(body).__name__,
        "stream": stream_of(card_id, body),
        "card_id": card_id,
        "at": at,
        "received_at": now,
        "backfill": backfill,
        "body": msgspec.json.encode(body).decode(),
        "handled_at": None,
        "version": "",
        "refused": "",
        "attempts": 0,
        "next_at": None,
        "error": "",
        "parked_at": None,
    }


def raw_row(connector: str, raw: Raw, parked: str) -> dict[str, Any]:
    return {
        "connector": connector,
        "request": msgspec.msgpack.encode(raw),
        "received_at": raw.received_at,
        "parked": parked,
    }


def event_rows(connector: str, raw_id: int, items: Sequence[Inbound], now: dt.datetime) -> list[dict[str, Any]]:
    return [
        event_row(
            item.connector or connector, item.key, item.body, at=item.at, now=now, raw_id=raw_id, backfill=item.backfill
        )
        for item in items
    ]


def answer(items: Sequence[Inbound], ids: Sequence[int], raw_id: int, parked: str) -> Accepted:
    """What a request became of which these events are new. `raw_id` is 0 in it where the request is not to be kept: it is a
    repetition the sender made, and everything in it is kept already."""
    repeated = bool(items) and not ids and not parked
    return Accepted(
        event_ids=tuple(sorted(ids)),
        duplicates=len(items) - len(ids),
        raw_id=0 if repeated else raw_id,
        parked=bool(parked),
    )


async def accept(
    connector: str,
    raw: Raw | None,
    items: Sequence[Inbound],
    now: dt.datetime,
    parked: str,
    contents: Mapping[str, bytes],
) -> Accepted:
    """`contents` are those of `items`, checked."""
    raw_id = 0
    if raw is not None:
        raw_id = int((await unit.insert("raw", [raw_row(connector, raw, parked)], "RETURNING id"))[0]["id"])
    rows = event_rows(connector, raw_id, items, now)
    for row, item in zip(rows, items, strict=True):
        thread = item.body.thread if isinstance(item.body, CustomerMessage) else None
        if thread is not None and not thread.card:
            cards = await threads.of_references(thread.references)
            row["stream"] = card_stream(cards[0]) if cards else row["stream"]
    new = await unit.insert("event", rows, ONCE)
    if new:
        await files.keep(contents)
    answered = answer(items, [int(row["id"]) for row in new], raw_id, parked)
    if raw_id and not answered.raw_id:
        await unit.fetch("DELETE FROM raw WHERE id = ?", raw_id)
    return answered


async def command(card_id: int, body: AnyBody, key: str, at: dt.datetime, now: dt.datetime, backfill: bool) -> int:
    await files.use_uploads(body)
    new = await unit.insert(
        "event", [event_row(COMMANDS, key, body, at=at, now=now, card_id=card_id, backfill=backfill)], ONCE
    )
    return int(new[0]["id"]) if new else await commanded(key)


async def commanded(key: str) -> int:
    row = await unit.first("SELECT id FROM event WHERE source = ? AND key = ?", COMMANDS, key)
    return int(row["id"]) if row is not None else 0


async def outcome(event_id: int) -> Handled:
    row = await unit.first(
        "SELECT e.card_id, e.refused, e.handled_at, c.pipeline FROM event e LEFT JOIN card c ON c.id = e.card_id"
        " WHERE e.id = ?",
        event_id,
    )
    if row is None or row["handled_at"] is None:
        return Handled(done=False)
    other = await unit.first("SELECT card_id FROM event WHERE source = ? AND key = ?", SPANS, str(event_id))
    return Handled(
        done=True,
        card_id=int(row["card_id"]),
        pipeline=row["pipeline"] or "",
        refused=row["refused"],
        other_id=int(other["card_id"]) if other is not None else 0,
    )


async def failed(event_id: int, error: str, now: dt.datetime) -> None:
    row = await unit.first(
        f"SELECT attempts FROM event WHERE id = ? AND handled_at IS NULL AND parked_at IS NULL{unit.locked()}",
        event_id,
    )
    if row is None:
        return
    attempts = int(row["attempts"]) + 1
    park = attempts >= EVENT_TRIES
    await unit.fetch(
        "UPDATE event SET attempts = ?, error = ?, next_at = ?, parked_at = ? WHERE id = ?",
        attempts,
        error,
        None if park else now + dt.timedelta(seconds=event_gap(attempts)),
        now if park else None,
        event_id,
    )


async def waiting(now: dt.datetime, limit: int) -> list[int]:
    """Not those behind an event of their stream that is put off: they could not be handled."""
    rows = await unit.fetch(
        "SELECT e.id FROM event e WHERE e.handled_at IS NULL AND e.parked_at IS NULL"
        " AND (e.next_at IS NULL OR e.next_at <= ?)"
        " AND NOT EXISTS (SELECT 1 FROM event b WHERE b.stream = e.stream AND b.stream <> '' AND b.id < e.id"
        " AND b.handled_at IS NULL AND b.parked_at IS NULL AND b.next_at > ?)"
        " ORDER BY e.id LIMIT ?",
        now,
        now,
        limit,
    )
    return [int(row["id"]) for row in rows]


async def claim_due(now: dt.datetime, limit: int) -> list[int]:
    """A timer is deleted where its event is journalled, in one transaction: that is what makes it fire once."""
    skip = " FOR UPDATE SKIP LOCKED" if unit.on_postgres() else ""
    due = await unit.fetch(
        f"SELECT id, card_id, key, due_at, armed_by FROM timer WHERE wake_at <= ? ORDER BY wake_at, id LIMIT ?{skip}",
        now,
        limit,
    )
    for part in unit.chunks(due, unit.MAX_ARGUMENTS):
        ids = [int(row["id"]) for row in part]
        await unit.fetch(f"DELETE FROM timer WHERE id IN ({unit.marks(len(ids))})", *ids)
    rows = [
        event_row(
            TIMERS,
            f"{row['card_id']}/{row['key']}/{row['due_at'].isoformat()}/{row['armed_by']}",
            TimerFired(key=row["key"], due_at=row["due_at"]),
            at=now,
            now=now,
            card_id=int(row["card_id"]),
        )
        for row in due
    ]
    return sorted(int(row["id"]) for row in await unit.insert("event", rows, ONCE))
