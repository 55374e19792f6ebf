"""The audit log: each row's hash covers the row and the hash before it, and a head row holds the last.

It shows that a row was edited, deleted, inserted or moved, or the end cut off, by whoever did not also compute every later
hash anew; keep the last hash elsewhere (`duly backup` writes it down) to see that too.

Each function is a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
import hashlib
from collections.abc import Mapping

import msgspec

from duly_runtime.store import unit
from duly_runtime.store.api import AuditRow

_details = msgspec.json.Decoder(dict[str, str])


def digest(
    before: str, row_id: int, nonce: str, at: dt.datetime, author: str, action: str, subject: str, details: str
) -> str:
    instant = at.astimezone(dt.UTC).isoformat(timespec="microseconds")
    fields = (before, row_id, nonce, instant, author, action, subject, details)
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


async def append(nonce: str, author: str, action: str, subject: str, details: Mapping[str, str], now: dt.datetime) -> None:
    """`nonce` is the caller's, so that a unit that is run again after a commit it did not hear of adds nothing."""
    head = await unit.first("SELECT last_id, hash FROM audit_head WHERE id = 1" + unit.locked())
    if head is None or await unit.first("SELECT id FROM audit WHERE nonce = ?", nonce):
        return
    row_id = int(head["last_id"]) + 1
    text = msgspec.json.encode(dict(sorted(details.items()))).decode()
    value = digest(head["hash"], row_id, nonce, now, author, action, subject, text)
    row = {
        "id": row_id,
        "nonce": nonce,
        "at": now,
        "author": author,
        "action": action,
        "subject": subject,
        "details": text,
        "hash": value,
    }
    await unit.insert("audit", [row])
    await unit.fetch("UPDATE audit_head SET last_id = ?, hash = ? WHERE id = 1", row_id, value)


async def log(limit: int, before: int) -> list[AuditRow]:
    """Newest first; `before` is the id of the last row seen."""
    older, args = ("WHERE id < ? ", (before, limit)) if before else ("", (limit,))
    rows = await unit.fetch(
        f"SELECT id, at, author, action, subject, details FROM audit {older}ORDER BY id DESC LIMIT ?",
        *args,
    )
    return [
        AuditRow(
            id=int(row["id"]),
            at=row["at"],
            author=row["author"],
            action=row["action"],
            subject=row["subject"],
            details=_details.decode(row["details"]),
        )
        for row in rows
    ]


async def verify() -> int:
    """The first id that does not fit, 0 where all do. What is missing at the end has the id of the missing row."""
    expected, last, page = "", 0, 1000
    while True:
        rows = await unit.fetch("SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", last, page)
        for row in rows:
            row_id = int(row["id"])
            value = digest(
                expected, row_id, row["nonce"], row["at"], row["author"], row["action"], row["subject"], row["details"]
            )
            if row_id != last + 1 or row["hash"] != value:
                return row_id if row_id == last + 1 else last + 1
            expected, last = value, row_id
        if len(rows) < page:
            break
    head = await unit.first("SELECT last_id, hash FROM audit_head WHERE id = 1")
    if head is None or (int(head["last_id"]), head["hash"]) != (last, expected):
        return last + 1
    return 0
