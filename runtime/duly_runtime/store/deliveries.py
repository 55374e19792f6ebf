"""The log of what went out and what came in. Each function is a unit of work (`store.unit`), or a part of one."""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from duly_runtime import doors
from duly_runtime.store import unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.log_api import (
    Attempt,
    DeliveryChanged,
    DeliveryFilter,
    OutboxRow,
    RequestArrived,
    RequestEvent,
    RequestFilter,
    RequestRow,
)
from duly_runtime.store.unit import Row

_raws = msgspec.msgpack.Decoder(doors.Raw)

MAX_ANSWER = 2000
"""Characters of what the other side said that are kept."""

COLUMNS = (
    "id, card_id, key, channel, recipient, kind, text, state, attempts, next_at, created_at, settled_at, error,"
    " provider_id, connector, repeat, discarded_at"
)


async def log(
    outbox_id: int,
    outcome: str,
    now: dt.datetime,
    *,
    began_at: dt.datetime | None = None,
    error: str = "",
    answer: str = "",
    author: str = "",
) -> None:
    """A line of a delivery's log."""
    row = {
        "outbox_id": outbox_id,
        "at": now,
        "began_at": began_at,
        "outcome": outcome,
        "error": error,
        "answer": answer[:MAX_ANSWER],
        "author": author,
    }
    await unit.insert("attempt", [row])


def shown(row: Row) -> OutboxRow:
    return OutboxRow(
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
        connector=row["connector"],
        repeat=bool(row["repeat"]),
        discarded_at=row["discarded_at"],
    )


class _Where:
    """Conditions of a listing, and their arguments."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.args: list[Any] = []

    def add(self, condition: str, *args: Any) -> None:
        self.parts.append(condition)
        self.args += args

    def equal(self, **columns: Any) -> None:
        for column, value in columns.items():
            if value:
                self.add(f"{column} = ?", value)

    def between(self, column: str, since: dt.datetime | None, until: dt.datetime | None) -> None:
        if since is not None:
            self.add(f"{column} >= ?", since)
        if until is not None:
            self.add(f"{column} < ?", until)

    def __str__(self) -> str:
        return f" WHERE {' AND '.join(self.parts)}" if self.parts else ""


async def listed(wanted: DeliveryFilter) -> list[OutboxRow]:
    where = _Where()
    where.equal(connector=wanted.connector, kind=wanted.kind, card_id=wanted.card_id)
    if wanted.state == "waiting":
        where.add("state IN ('parked', 'unknown') AND discarded_at IS NULL")
    else:
        where.equal(state=wanted.state)
    where.between("created_at", wanted.since, wanted.until)
    if wanted.before:
        where.add("id < ?", wanted.before)
    rows = await unit.fetch(f"SELECT {COLUMNS} FROM outbox{where} ORDER BY id DESC LIMIT ?", *where.args, wanted.limit)
    return [shown(row) for row in rows]


async def one(outbox_id: int) -> tuple[OutboxRow, list[Attempt], bytes]:
    row = await unit.first(f"SELECT {COLUMNS}, effect FROM outbox WHERE id = ?", outbox_id)
    if row is None:
        raise Missing(f"there is no delivery {outbox_id}")
    lines = await unit.fetch(
        "SELECT id, at, began_at, outcome, error, answer, author FROM attempt WHERE outbox_id = ? ORDER BY id", outbox_id
    )
    attempts = [
        Attempt(
            id=int(line["id"]),
            at=line["at"],
            began_at=line["began_at"],
            outcome=line["outcome"],
            error=line["error"],
            answer=line["answer"],
            author=line["author"],
        )
        for line in lines
    ]
    return shown(row), attempts, row["effect"].encode()


async def numbers(card_ids: Sequence[int]) -> dict[int, int]:
    if not card_ids:
        return {}
    rows = await unit.fetch(f"SELECT id, number FROM card WHERE id IN ({unit.marks(len(card_ids))})", *card_ids)
    return {int(row["id"]): int(row["number"]) for row in rows}


async def cancel(outbox_id: int, author: str, now: dt.datetime) -> None:
    done = await unit.fetch(
        "UPDATE outbox SET state = 'cancelled', next_at = NULL, settled_at = ? WHERE id = ? AND state = 'pending'"
        " RETURNING id",
        now,
        outbox_id,
    )
    if not done:
        row, _, _ = await one(outbox_id)
        raise Conflict(f"it can't be cancelled any more: it is {row.state}")
    await log(outbox_id, "cancelled", now, author=author)


async def changed_since(since: dt.datetime, limit: int) -> list[DeliveryChanged]:
    rows = await unit.fetch(
        "SELECT a.id, a.outbox_id, a.outcome, o.card_id, o.kind, o.recipient, c.pipeline FROM attempt a"
        " JOIN outbox o ON o.id = a.outbox_id LEFT JOIN card c ON c.id = o.card_id"
        " WHERE a.at >= ? ORDER BY a.at, a.id LIMIT ?",
        since,
        limit,
    )
    return [
        DeliveryChanged(
            id=int(row["id"]),
            outbox_id=int(row["outbox_id"]),
            card_id=int(row["card_id"]),
            pipeline=row["pipeline"] or "",
            kind=row["kind"],
            recipient=row["recipient"],
            outcome=row["outcome"],
        )
        for row in rows
    ]


# --- what came in -----------------------------------------------------------------------------------------------------

_REQUEST = "r.id, r.connector, r.received_at, r.parked, r.discarded_at"


def _request(row: Row) -> RequestRow:
    return RequestRow(
        id=int(row["id"]),
        connector=row["connector"],
        received_at=row["received_at"],
        events=int(row["events"]),
        parked=row["parked"],
        discarded_at=row["discarded_at"],
    )


async def requests(wanted: RequestFilter) -> list[RequestRow]:
    where = _Where()
    where.equal(connector=wanted.connector)
    match wanted.state:
        case "parked":
            where.add("parked <> '' AND discarded_at IS NULL")
        case "discarded":
            where.add("parked <> '' AND discarded_at IS NOT NULL")
        case "taken":
            where.add("parked = ''")
        case _:
            pass
    where.between("received_at", wanted.since, wanted.until)
    if wanted.before:
        where.add("id < ?", wanted.before)
    rows = await unit.fetch(
        f"SELECT {_REQUEST}, (SELECT COUNT(*) FROM event e WHERE e.raw_id = r.id AND e.raw_id > 0) AS events"
        f" FROM raw r{where} ORDER BY r.id DESC LIMIT ?",
        *where.args,
        wanted.limit,
    )
    return [_request(row) for row in rows]


async def request(raw_id: int) -> tuple[RequestRow, doors.Raw, list[RequestEvent]]:
    row = await unit.first(
        f"SELECT {_REQUEST}, r.request, (SELECT COUNT(*) FROM event e WHERE e.raw_id = r.id AND e.raw_id > 0) AS events"
        " FROM raw r WHERE r.id = ?",
        raw_id,
    )
    if row is None:
        raise Missing(f"there is no request {raw_id}")
    events = await unit.fetch(
        "SELECT e.id, e.kind, e.key, e.card_id, e.handled_at, e.refused, e.error, c.number FROM event e"
        " LEFT JOIN card c ON c.id = e.card_id WHERE e.raw_id = ? AND e.raw_id > 0 ORDER BY e.id LIMIT 1000",
        raw_id,
    )
    made = [
        RequestEvent(
            id=int(each["id"]),
            kind=each["kind"],
            key=each["key"] or "",
            card_id=int(each["card_id"]),
            card_number=int(each["number"] or 0),
            handled=each["handled_at"] is not None,
            refused=each["refused"],
            error=each["error"],
        )
        for each in events
    ]
    return _request(row), _raws.decode(row["request"]), made


async def requests_since(since: dt.datetime, limit: int) -> list[RequestArrived]:
    rows = await unit.fetch(
        "SELECT id, parked FROM raw WHERE received_at >= ? ORDER BY received_at, id LIMIT ?", since, limit
    )
    return [RequestArrived(id=int(row["id"]), parked=bool(row["parked"])) for row in rows]


class StoredDeliveries:
    """The part of the store that is `log_api.DeliveryLog`, but for what waits (`parking.StoredParking`)."""

    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def deliveries(self, card_id: int = 0, state: str = "", limit: int = 200) -> list[OutboxRow]:
        return await self._read(lambda: listed(DeliveryFilter(card_id=card_id, state=state, limit=limit)))

    async def delivery_log(self, wanted: DeliveryFilter) -> list[OutboxRow]:
        return await self._read(lambda: listed(wanted))

    async def delivery(self, outbox_id: int) -> tuple[OutboxRow, Sequence[Attempt], bytes]:
        return await self._read(lambda: one(outbox_id))

    async def card_numbers(self, card_ids: Sequence[int]) -> dict[int, int]:
        return await self._read(lambda: numbers(card_ids))

    async def cancel_delivery(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        await self._write(lambda: cancel(outbox_id, author, now))

    async def deliveries_changed_since(self, since: dt.datetime, limit: int = 1000) -> list[DeliveryChanged]:
        return await self._read(lambda: changed_since(since, limit))

    async def requests(self, wanted: RequestFilter) -> list[RequestRow]:
        return await self._read(lambda: requests(wanted))

    async def request(self, raw_id: int) -> tuple[RequestRow, doors.Raw, Sequence[RequestEvent]]:
        return await self._read(lambda: request(raw_id))

    async def requests_since(self, since: dt.datetime, limit: int = 1000) -> list[RequestArrived]:
        return await self._read(lambda: requests_since(since, limit))
