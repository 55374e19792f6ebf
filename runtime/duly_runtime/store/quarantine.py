"""Messages that wait for a person: they name a card on which their sender may not write, or are forged.

An event in quarantine is parked in the journal, so it is nobody's turn and holds nobody up; the row here says why. Each
function is a unit of work (`store.unit`), or a part of one.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from duly_runtime.events import ChangeParticipants, CustomerMessage
from duly_runtime.store import audit, journal, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.quarantine_api import Quarantined
from duly_runtime.store.threads import Place
from duly_runtime.store.unit import Row

_bodies = msgspec.json.Decoder(CustomerMessage)


async def keep(event_id: int, place: Place, sender: str, now: dt.datetime) -> None:
    row = {
        "event_id": event_id,
        "why": place.why,
        "sender": sender,
        "claim": place.claim,
        "at": now,
        "decision": "",
        "author": "",
        "decided_at": None,
    }
    await unit.insert("quarantine", [row])
    await unit.fetch("UPDATE event SET parked_at = ?, next_at = NULL WHERE id = ?", now, event_id)


async def is_new(event_id: int) -> bool:
    """Whether a person has said that this message opens a card of its own."""
    row = await unit.first("SELECT decision FROM quarantine WHERE event_id = ?", event_id)
    return row is not None and row["decision"] == "new"


async def listed(decision: str, limit: int, before: int) -> list[Quarantined]:
    rows = await unit.fetch(
        f"{_SELECT} WHERE q.decision = ?{' AND q.event_id < ?' if before else ''} ORDER BY q.event_id DESC LIMIT ?",
        decision,
        *([before] if before else []),
        limit,
    )
    return [_shown(row) for row in rows]


async def one(event_id: int) -> Quarantined:
    row = await unit.first(f"{_SELECT} WHERE q.event_id = ?", event_id)
    if row is None:
        raise Missing(f"there is no message {event_id} in quarantine")
    return _shown(row)


_SELECT = (
    "SELECT q.event_id, q.why, q.sender, q.claim, q.at, q.decision, q.author, q.decided_at, e.source, e.body,"
    " c.number, c.title, c.pipeline FROM quarantine q JOIN event e ON e.id = q.event_id LEFT JOIN card c ON c.id = q.claim"
)


def _shown(row: Row) -> Quarantined:
    return Quarantined(
        event_id=int(row["event_id"]),
        connector=row["source"],
        why=row["why"],
        sender=row["sender"],
        claim=int(row["claim"]),
        claim_number=int(row["number"] or 0),
        claim_title=row["title"] or "",
        claim_pipeline=row["pipeline"] or "",
        at=row["at"],
        message=_bodies.decode(row["body"]),
        decision=row["decision"],
        author=row["author"],
        decided_at=row["decided_at"],
    )


async def size() -> int:
    row = await unit.first("SELECT COUNT(*) AS n FROM quarantine WHERE decision = ''")
    return int(row["n"]) if row else 0


async def admit(event_id: int, as_new: bool, remember: bool, author: str, now: dt.datetime, nonce: str) -> list[int]:
    row = await _decide(event_id, "", "new" if as_new else "card", author, now)
    card_id = 0 if as_new else int(row["claim"])
    if not as_new and not card_id:
        raise Conflict("this message names no card: it can only open one of its own")
    await unit.fetch(
        "UPDATE event SET parked_at = NULL, error = '', card_id = ?, stream = ? WHERE id = ?",
        card_id,
        journal.card_stream(card_id),
        event_id,
    )
    events = [event_id]
    remembered = bool(card_id and remember and row["sender"])
    details = {
        "sender": row["sender"],
        "card": str(card_id) if card_id else "new",
        "remembered": "yes" if remembered else "",
    }
    await audit.append(nonce, author, "quarantine.admitted", str(event_id), details, now)
    if remembered:
        body = ChangeParticipants(add=(row["sender"],), author=author)
        events.append(await journal.command(card_id, body, f"{card_id}/quarantine/{event_id}", now, now, False))
    return events


async def discard(event_id: int, author: str, now: dt.datetime, nonce: str) -> None:
    row = await _decide(event_id, "", "discarded", author, now)
    await audit.append(nonce, author, "quarantine.discarded", str(event_id), {"sender": row["sender"]}, now)


async def restore(event_id: int, author: str, now: dt.datetime, nonce: str) -> None:
    row = await _decide(event_id, "discarded", "", "", None)
    await audit.append(nonce, author, "quarantine.restored", str(event_id), {"sender": row["sender"]}, now)


async def _decide(event_id: int, before: str, decision: str, author: str, now: dt.datetime | None) -> Row:
    """Only where the decision still is `before`: two people at once don't both decide."""
    done = await unit.fetch(
        "UPDATE quarantine SET decision = ?, author = ?, decided_at = ? WHERE event_id = ? AND decision = ?"
        " RETURNING claim, sender",
        decision,
        author,
        now,
        event_id,
        before,
    )
    if done:
        return done[0]
    await one(event_id)  # Missing
    raise Conflict(f"somebody has decided on message {event_id} meanwhile")


class StoredQuarantine:
    """The part of the store that is `quarantine_api.QuarantineStore`."""

    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def quarantined(self, decision: str = "", limit: int = 200, before: int = 0) -> list[Quarantined]:
        return await self._read(lambda: listed(decision, limit, before))

    async def quarantine_size(self) -> int:
        return await self._read(size)

    async def quarantined_message(self, event_id: int) -> Quarantined:
        return await self._read(lambda: one(event_id))

    async def admit(self, event_id: int, as_new: bool, remember: bool, author: str, now: dt.datetime) -> list[int]:
        nonce = secrets.token_hex(16)
        return await self._write(lambda: admit(event_id, as_new, remember, author, now, nonce))

    async def discard_quarantined(self, event_id: int, author: str, now: dt.datetime) -> None:
        nonce = secrets.token_hex(16)
        await self._write(lambda: discard(event_id, author, now, nonce))

    async def restore_quarantined(self, event_id: int, author: str, now: dt.datetime) -> None:
        nonce = secrets.token_hex(16)
        await self._write(lambda: restore(event_id, author, now, nonce))
