"""What is removed once nobody needs it: requests that were read, and lines of deliveries that are done.

The journal stays, and with it the unique keys by which a repetition is known; so do deliveries with theirs. Whatever waits
for a person stays whole, and so does what people did and what it takes to undo that. Each function is a unit of work
(`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from duly_runtime.store import unit

_READ = (
    "r.parked = '' AND NOT EXISTS (SELECT 1 FROM event e WHERE e.raw_id = r.id AND e.raw_id > 0"
    " AND (e.handled_at IS NULL OR e.parked_at IS NOT NULL))"
)
"""Of requests: nobody has to look at it, and all that was in it has been handled; so it is in no quarantine either."""
_MEANT = "'failed', 'unknown', 'parked', 'lost'"
"""Outcomes a delivery goes back to when somebody takes back that it arrived (`judging.unmark`)."""
_DONE = (
    "a.author = '' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = a.outbox_id"
    " AND o.state IN ('pending', 'leased', 'unknown', 'parked'))"
    f" AND (a.outcome NOT IN ({_MEANT}) OR NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = a.outbox_id"
    " AND (o.state = 'failed' OR EXISTS (SELECT 1 FROM attempt m WHERE m.outbox_id = o.id AND m.outcome = 'marked'))))"
)
"""Of lines: no person wrote it, its delivery neither is under way nor waits for one, and nobody may go back to it."""


async def forget_requests(before: dt.datetime, limit: int) -> int:
    return await _remove("raw r", "r.received_at", _READ, before, limit)


async def forget_attempts(before: dt.datetime, limit: int) -> int:
    return await _remove("attempt a", "a.at", _DONE, before, limit)


async def _remove(table: str, time: str, condition: str, before: dt.datetime, limit: int) -> int:
    """The oldest; rows that others hold are left to the next one."""
    name, short = table.split()
    skip = f" FOR UPDATE OF {short} SKIP LOCKED" if unit.on_postgres() else ""
    gone = await unit.fetch(
        f"DELETE FROM {name} WHERE id IN (SELECT {short}.id FROM {table} WHERE {time} < ? AND {condition}"
        f" ORDER BY {time} LIMIT ?{skip}) RETURNING id",
        before,
        limit,
    )
    return len(gone)


class StoredRetention:
    """The part of `log_api.DeliveryLog` that is about what is removed."""

    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def forget_requests(self, before: dt.datetime, limit: int) -> int:
        return await self._write(lambda: forget_requests(before, limit))

    async def forget_attempts(self, before: dt.datetime, limit: int) -> int:
        return await self._write(lambda: forget_attempts(before, limit))
