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
from duly_runtime.store import api, files, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.tables import Card, Event, Raw
from duly_runtime.store.unit import Row

_cards = msgspec.json.Decoder(cards_.Card)
_texts = msgspec.json.Decoder(tuple[str, ...])
_details = msgspec.json.Decoder(dict[str, str])
_facts = msgspec.json.Decoder(tuple[FactTrace, ...])
_raws = msgspec.msgpack.Decoder(doors.Raw)

STUCK = ("parked", "unknown")
PARKED = (
    "parked_at IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM quarantine q WHERE q.event_id = event.id AND q.decision IN ('', 'discarded'))"
)
"""Of events. What is in quarantine waits for another decision than to be tried again."""

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
        f" UNION ALL SELECT {BOARD} FROM card WHERE pipeline = ? AND finished_at >= ?",
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


async def messages(card_id: int) -> list[api.Message]:
    """In the order of the conversation: by when they were said, as far as known."""
    rows = await unit.fetch(
        "SELECT m.id, m.card_id, m.direction, m.author, m.channel, m.text, m.kind, m.at, m.automatic, m.contact_id,"
        " o.state, o.error"
        " FROM message m LEFT JOIN outbox o ON o.id = m.outbox_id AND m.outbox_id > 0"
        " WHERE m.card_id = ? ORDER BY m.at, m.id",
        card_id,
    )
    attached = await files.of_card(card_id)
    return [
        api.Message(
            id=int(row["id"]),
            card_id=int(row["card_id"]),
            direction=row["direction"],
            author=row["author"],
            channel=row["channel"],
            text=row["text"],
            kind=row["kind"],
            at=row["at"],
            automatic=bool(row["automatic"]),
            state=row["state"] or "",
            error=row["error"] or "",
            contact_id=int(row["contact_id"]),
            files=attached.get(int(row["id"]), ()),
        )
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


DELIVERY = (
    "id, card_id, key, channel, recipient, kind, text, state, attempts, next_at, created_at, settled_at, error, provider_id"
)


def _delivery(row: Row) -> api.OutboxRow:
    return api.OutboxRow(
        id=int(row["id"]),
        card_id=int(row["card_id"]),
        key=row["key"],
        channel=row["channel"],
        recipient=row["recipient"],
        kind=row["kind"],
        text=row["text"],
        state=row["state"],
        attempts=int(row["attempts"]),
        next_at=row["next_at"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
        error=row["error"],
        provider_id=row["provider_id"],
    )


async def deliveries(card_id: int, state: str, limit: int) -> list[api.OutboxRow]:
    """Newest first."""
    parts: list[str] = []
    args: list[Any] = []
    if card_id:
        parts.append("card_id = ?")
        args.append(card_id)
    if state:
        parts.append("state = ?")
        args.append(state)
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    rows = await unit.fetch(f"SELECT {DELIVERY} FROM outbox {where} ORDER BY id DESC LIMIT ?", *args, limit)
    return [_delivery(row) for row in rows]


async def notices(person: str, limit: int) -> list[api.OutboxRow]:
    """Newest first: those for the app, and those without a channel, which are in the app whatever else they are."""
    rows = await unit.fetch(
        f"SELECT {DELIVERY} FROM outbox"
        " WHERE recipient = ? AND kind IN ('notice', 'digest') AND channel IN ('', 'app') ORDER BY id DESC LIMIT ?",
        person,
        limit,
    )
    return [_delivery(row) for row in rows]


async def parked() -> list[api.Parked]:
    """Oldest first within its kind. A delivery nobody knows the fate of (`unknown`) is here too."""
    found: list[api.Parked] = []
    for row in await unit.fetch(
        "SELECT id, connector, parked, received_at, request FROM raw WHERE parked <> '' ORDER BY id"
    ):
        body = _raws.decode(row["request"]).body
        found.append(_parked("raw", row["id"], row["connector"], row["parked"], row["received_at"], body))
    for row in await unit.fetch(f"SELECT id, source, error, parked_at, body FROM event WHERE {PARKED} ORDER BY id"):
        found.append(_parked("event", row["id"], row["source"], row["error"], row["parked_at"], row["body"].encode()))
    for row in await unit.fetch(
        "SELECT id, channel, state, error, settled_at, created_at, effect FROM outbox"
        " WHERE state IN ('parked', 'unknown') ORDER BY id"
    ):
        reason = f"{row['state']}: {row['error']}" if row["error"] else row["state"]
        at = row["settled_at"] or row["created_at"]
        found.append(_parked("delivery", row["id"], row["channel"], reason, at, row["effect"].encode()))
    return found


def _parked(what: str, item_id: int, connector: str, reason: str, at: dt.datetime, body: bytes) -> api.Parked:
    return api.Parked(what=what, id=int(item_id), connector=connector, reason=reason, at=at, body=body)


async def raw(raw_id: int) -> tuple[str, doors.Raw]:
    row = await Raw.select(Raw.connector, Raw.request).where(Raw.id == raw_id).first()
    if row is None:
        raise Missing(f"there is no request {raw_id}")
    return row["connector"], _raws.decode(row["request"])


async def unpark(what: str, item_id: int, now: dt.datetime) -> None:
    match what:
        case "raw":
            done = await unit.fetch("UPDATE raw SET parked = '' WHERE id = ? AND parked <> '' RETURNING id", item_id)
        case "event":
            done = await unit.fetch(
                "UPDATE event SET parked_at = NULL, handled_at = NULL, refused = '', attempts = 0, next_at = NULL,"
                f" error = '' WHERE id = ? AND {PARKED} RETURNING id",
                item_id,
            )
        case "delivery":
            done = await unit.fetch(
                # What was said of the earlier attempts speaks no more of this one.
                "UPDATE outbox SET state = 'pending', attempts = 0, next_at = ?, settled_at = NULL, token = '',"
                " leased_until = NULL, provider_id = '' WHERE id = ? AND state IN ('parked', 'unknown', 'failed')"
                " RETURNING id",
                now,
                item_id,
            )
            if done:
                await unit.fetch("DELETE FROM status WHERE name = ?", f"#{item_id}")
        case _:
            raise Missing(f"nothing is parked as `{what}`")
    if not done:
        raise Conflict(f"somebody has dealt with it meanwhile ({what} {item_id})")


async def counts(now: dt.datetime | None) -> dict[str, int]:
    """Keys: `events`, `unhandled`, `cards`, `open_cards`, `timers`, `overdue_timers` (with `now`), `parked_requests`,
    `parked_events`, `quarantined`, and `outbox_STATE` for each state there is."""
    row = (
        await unit.fetch(
            "SELECT (SELECT COUNT(*) FROM event) AS events,"
            " (SELECT COUNT(*) FROM event WHERE handled_at IS NULL AND parked_at IS NULL) AS unhandled,"
            f" (SELECT COUNT(*) FROM event WHERE {PARKED}) AS parked_events,"
            " (SELECT COUNT(*) FROM quarantine WHERE decision = '') AS quarantined,"
            " (SELECT COUNT(*) FROM raw WHERE parked <> '') AS parked_requests,"
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
    found["parked"] = (
        found["parked_events"] + found["parked_requests"] + sum(found.get(f"outbox_{state}", 0) for state in STUCK)
    )
    return found


async def ping() -> None:
    await Event.select(Event.id).limit(1)
