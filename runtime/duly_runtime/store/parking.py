"""What waits for a person: requests that could not be read, events that failed, deliveries nobody took. Each function is a
unit of work (`store.unit`), or a part of one."""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from duly_runtime import doors
from duly_runtime.store import deliveries, judging, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.log_api import Parked, ParkedId

_raws = msgspec.msgpack.Decoder(doors.Raw)

STUCK = ("parked", "unknown")
"""States of deliveries that wait for a person."""
AGAIN = (*STUCK, "failed", "cancelled")
"""States of deliveries that a person may have sent again; calls to programs, which tell a repeat by its key, also once they
were sent."""

_IN_QUARANTINE = "EXISTS (SELECT 1 FROM quarantine q WHERE q.event_id = event.id AND q.decision IN ('', 'discarded'))"
"""Of events: it waits for another decision than to be tried again."""
EVENT_WAITS = f"parked_at IS NOT NULL AND discarded_at IS NULL AND NOT {_IN_QUARANTINE}"
RAW_WAITS = "parked <> '' AND discarded_at IS NULL"
DELIVERY_WAITS = "state IN ('parked', 'unknown') AND discarded_at IS NULL"

_TABLES = {"raw": "raw", "event": "event", "delivery": "outbox"}
_WAITS = {"raw": RAW_WAITS, "event": EVENT_WAITS, "delivery": DELIVERY_WAITS}
_DISCARDED = {
    "raw": "parked <> '' AND discarded_at IS NOT NULL",
    "event": f"parked_at IS NOT NULL AND discarded_at IS NOT NULL AND NOT {_IN_QUARANTINE}",
    "delivery": "state IN ('parked', 'unknown') AND discarded_at IS NOT NULL",
}


async def parked(connector: str, limit: int, *, discarded: bool) -> list[Parked]:
    where = _DISCARDED if discarded else _WAITS
    found: list[Parked] = []

    async def rows(what: str, columns: str, source: str) -> list[unit.Row]:
        named = f" AND {source} = ?" if connector else ""
        most = " LIMIT ?" if limit else ""
        return await unit.fetch(
            f"SELECT id, discarded_at, {columns} FROM {_TABLES[what]} WHERE {where[what]}{named} ORDER BY id{most}",
            *([connector] if connector else []),
            *([limit] if limit else []),
        )

    for row in await rows("raw", "connector, parked, received_at, request", "connector"):
        body = _raws.decode(row["request"]).body
        found.append(_parked("raw", row, row["connector"], row["parked"], row["received_at"], body))
    for row in await rows("event", "source, error, parked_at, body", "source"):
        found.append(_parked("event", row, row["source"], row["error"], row["parked_at"], row["body"].encode()))
    for row in await rows(
        "delivery", "connector, channel, state, error, settled_at, created_at, effect, repeat", "connector"
    ):
        reason = f"{row['state']}: {row['error']}" if row["error"] else row["state"]
        at = row["settled_at"] or row["created_at"]
        name = row["connector"] or row["channel"]
        item = _parked("delivery", row, name, reason, at, row["effect"].encode())
        found.append(msgspec.structs.replace(item, repeat=bool(row["repeat"]) or row["state"] != "unknown"))
    return found


async def ids(connector: str) -> list[ParkedId]:
    found: list[ParkedId] = []
    for what, source, repeat in (
        ("raw", "connector", "1"),
        ("event", "source", "1"),
        ("delivery", "connector", "CASE WHEN repeat OR state <> 'unknown' THEN 1 ELSE 0 END"),
    ):
        rows = await unit.fetch(
            f"SELECT id, {source} AS connector, {repeat} AS repeat FROM {_TABLES[what]} WHERE {_WAITS[what]}"
            f"{f' AND {source} = ?' if connector else ''} ORDER BY id",
            *([connector] if connector else []),
        )
        found += [
            ParkedId(what=what, id=int(row["id"]), connector=row["connector"], repeat=bool(row["repeat"])) for row in rows
        ]
    return found


def _parked(what: str, row: unit.Row, connector: str, reason: str, at: dt.datetime, body: bytes) -> Parked:
    return Parked(
        what=what,
        id=int(row["id"]),
        connector=connector,
        reason=reason,
        at=at,
        body=body,
        discarded_at=row["discarded_at"],
    )


async def unpark(what: str, item_id: int, now: dt.datetime, author: str) -> None:
    match what:
        case "raw":
            done = await unit.fetch(
                f"UPDATE raw SET parked = '', discarded_at = NULL WHERE id = ? AND {RAW_WAITS} RETURNING id", item_id
            )
        case "event":
            done = await unit.fetch(
                "UPDATE event SET parked_at = NULL, handled_at = NULL, refused = '', attempts = 0, next_at = NULL,"
                f" error = '' WHERE id = ? AND {EVENT_WAITS} RETURNING id",
                item_id,
            )
        case "delivery":
            done = await unit.fetch(
                # What was said of the earlier attempts speaks no more of this one.
                "UPDATE outbox SET state = 'pending', attempts = 0, next_at = ?, settled_at = NULL, token = '',"
                " leased_until = NULL, provider_id = '', discarded_at = NULL WHERE id = ?"
                f" AND (state IN ({unit.marks(len(AGAIN))}) OR (kind = 'call' AND state = 'sent')) RETURNING id",
                now,
                item_id,
                *AGAIN,
            )
            if done:
                await unit.fetch("DELETE FROM status WHERE name = ?", f"#{item_id}")
                await deliveries.log(item_id, "again", now, author=author)
                await judging.again(item_id, author, now)
        case _:
            raise Missing(f"nothing is parked as `{what}`")
    _somebody_else(done, what, item_id)


async def discard(what: str, item_id: int, author: str, now: dt.datetime) -> None:
    if what not in _TABLES:
        raise Missing(f"nothing is parked as `{what}`")
    done = await unit.fetch(
        f"UPDATE {_TABLES[what]} SET discarded_at = ? WHERE id = ? AND {_WAITS[what]} RETURNING id", now, item_id
    )
    _somebody_else(done, what, item_id)
    if what == "delivery":
        await deliveries.log(item_id, "discarded", now, author=author)


async def restore(what: str, item_id: int, author: str, now: dt.datetime) -> None:
    if what not in _TABLES:
        raise Missing(f"nothing is parked as `{what}`")
    done = await unit.fetch(
        f"UPDATE {_TABLES[what]} SET discarded_at = NULL WHERE id = ? AND {_DISCARDED[what]} RETURNING id", item_id
    )
    _somebody_else(done, what, item_id)
    if what == "delivery":
        await deliveries.log(item_id, "restored", now, author=author)


def _somebody_else(done: list[unit.Row], what: str, item_id: int) -> None:
    if not done:
        raise Conflict(f"somebody has dealt with it meanwhile ({what} {item_id})")


async def raw(raw_id: int) -> tuple[str, doors.Raw]:
    row = await unit.first("SELECT connector, request FROM raw WHERE id = ?", raw_id)
    if row is None:
        raise Missing(f"there is no request {raw_id}")
    return row["connector"], _raws.decode(row["request"])


class StoredParking:
    """The part of `log_api.DeliveryLog` that is about what waits for a person."""

    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def parked(self, connector: str = "", limit: int = 0, *, discarded: bool = False) -> list[Parked]:
        return await self._read(lambda: parked(connector, limit, discarded=discarded))

    async def parked_ids(self, connector: str = "") -> list[ParkedId]:
        return await self._read(lambda: ids(connector))

    async def raw(self, raw_id: int) -> tuple[str, doors.Raw]:
        return await self._read(lambda: raw(raw_id))

    async def unpark(self, what: str, item_id: int, now: dt.datetime, author: str = "") -> None:
        await self._write(lambda: unpark(what, item_id, now, author))

    async def discard_parked(self, what: str, item_id: int, author: str, now: dt.datetime) -> None:
        await self._write(lambda: discard(what, item_id, author, now))

    async def restore_parked(self, what: str, item_id: int, author: str, now: dt.datetime) -> None:
        await self._write(lambda: restore(what, item_id, author, now))
