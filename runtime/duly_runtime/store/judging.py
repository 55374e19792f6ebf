"""What people say of a delivery to a customer: that it is to be sent again, that it arrived after all, that it did not.

Each leaves a line in the delivery's log and one in the history of its card. Each function is a unit of work
(`store.unit`), or a part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from duly_runtime.store import deliveries, rows, spanning, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.messages_api import DOUBTFUL, Marked
from duly_runtime.store.unit import Row

LONGEST = 500
"""Characters of a message in the history."""


async def mark(outbox_id: int, author: str, now: dt.datetime) -> None:
    row = await _row(outbox_id)
    if row["kind"] != "message" or row["state"] not in DOUBTFUL:
        raise Conflict(f"it can't be marked as sent: it is {row['state']}")
    await unit.fetch(
        "UPDATE outbox SET state = 'sent', error = '', next_at = NULL, settled_at = ?, discarded_at = NULL WHERE id = ?",
        now,
        outbox_id,
    )
    await deliveries.log(outbox_id, "marked", now, author=author)
    await in_history(row, "delivery.marked", author, now)


async def unmark(outbox_id: int, author: str, now: dt.datetime) -> None:
    """It is as it was before somebody marked it."""
    row = await _row(outbox_id)
    if row["state"] != "sent" or outbox_id not in await marks([outbox_id]):
        raise Conflict(f"it is not marked as sent (any more): it is {row['state']}")
    before = await unit.first(
        "SELECT outcome, error FROM attempt WHERE outbox_id = ? AND outcome IN ('failed', 'unknown', 'parked', 'lost')"
        " ORDER BY id DESC LIMIT 1",
        outbox_id,
    )
    was = before["outcome"] if before is not None else "unknown"
    if was == "lost":
        was = "parked" if row["repeat"] else "unknown"
    error = before["error"] if before is not None else ""
    await unit.fetch("UPDATE outbox SET state = ?, error = ? WHERE id = ?", was, error, outbox_id)
    await deliveries.log(outbox_id, "unmarked", now, author=author)
    await in_history(row, "delivery.unmarked", author, now)


async def again(outbox_id: int, author: str, now: dt.datetime) -> None:
    """The history's line of a message that is sent again."""
    row = await _row(outbox_id)
    if row["kind"] == "message":
        await in_history(row, "delivery.again", author, now)


async def marks(outbox_ids: Sequence[int]) -> dict[int, Marked]:
    """Of these deliveries, those a person has marked as sent and not taken back, nor sent again."""
    found: dict[int, Marked] = {}
    for part in unit.chunks(sorted(outbox_ids), unit.MAX_ARGUMENTS):
        for row in await unit.fetch(
            "SELECT outbox_id, outcome, author, at FROM attempt WHERE outcome IN ('marked', 'unmarked', 'again')"
            f" AND outbox_id IN ({unit.marks(len(part))}) ORDER BY id",
            *part,
        ):
            if row["outcome"] == "marked":
                found[int(row["outbox_id"])] = Marked(author=row["author"], at=row["at"])
            else:
                found.pop(int(row["outbox_id"]), None)
    return found


async def in_history(row: Row, kind: str, author: str, now: dt.datetime) -> None:
    home = await spanning.home(int(row["card_id"]))
    if home is None:
        return
    details = {"text": row["text"][:LONGEST], "delivery": str(row["id"])}
    entry = {"card_id": int(home["id"]), "event_id": 0, "kind": kind, "at": now, "author": author}
    await unit.insert("history", [entry | {"details": rows.json(details)}])


async def _row(outbox_id: int) -> Row:
    row = await unit.first(
        "SELECT id, card_id, kind, text, state, repeat FROM outbox WHERE id = ?" + unit.locked(), outbox_id
    )
    if row is None:
        raise Missing(f"there is no delivery {outbox_id}")
    return row


class StoredJudging:
    """The part of `log_api.DeliveryLog` by which people judge deliveries."""

    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def mark_sent(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        await self._write(lambda: mark(outbox_id, author, now))

    async def unmark_sent(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        await self._write(lambda: unmark(outbox_id, author, now))
