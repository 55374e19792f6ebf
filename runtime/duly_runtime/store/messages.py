"""The conversation of a card as people see it: messages, and what became of them since.

What became of a message is kept beside it under the provider's id and joined when the conversation is read. So it matters
not which of the two came first, and the words a message came with are never changed.

Each function is a unit of work (`store.unit`), or a part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from duly_runtime.events import Event, MessageChanged
from duly_runtime.store import api, conversations, files, judging, spanning, unit
from duly_runtime.store.messages_api import Quoted, Reaction, Wording
from duly_runtime.store.unit import Row

CHANGES = frozenset(("edited", "deleted", "reacted", "unreacted"))

_SHOWN = (
    "SELECT m.id, m.card_id, m.outbox_id, m.direction, m.author, m.channel, m.text, m.kind, m.at, m.automatic,"
    " m.contact_id, m.reply_to, m.quoted, m.html, o.state, o.error, o.repeat,"
    " g.id AS origin_id, g.number AS origin,"
    " CASE WHEN m.outbox_id > 0 THEN o.provider_id ELSE m.provider_id END AS provider_id,"
    " CASE WHEN m.outbox_id > 0 THEN o.connector ELSE e.source END AS connector"
    " FROM message m LEFT JOIN outbox o ON o.id = m.outbox_id AND m.outbox_id > 0"
    " LEFT JOIN event e ON e.id = m.event_id"
    " LEFT JOIN card g ON g.id = CASE WHEN m.came_to > 0 THEN m.came_to ELSE m.card_id END"
)


# --- what became of them -----------------------------------------------------------------------------------------------


async def card_of(body: MessageChanged) -> int:
    """The card that shows the message, else the conversation's latest; 0 for neither."""
    rows = await _named({body.provider_id}, body.connector)
    if rows:
        return int(rows[-1]["card_id"])
    return await conversations.card_of(body.connector, body.conversation)


async def note(body: MessageChanged, event: Event) -> None:
    """Keep what became of a message, known or not."""
    if body.change not in CHANGES or not body.provider_id:
        return
    row = {
        "event_id": event.id,
        "connector": body.connector,
        "provider_id": body.provider_id,
        "change": body.change,
        "text": body.text,
        "author": body.author,
        "ours": body.ours,
        "at": event.at,
    }
    await unit.insert("annotation", [row], "ON CONFLICT (event_id) DO NOTHING")


async def _named(provider_ids: Iterable[str], connector: str) -> list[Row]:
    """Messages of a connector by the provider's ids, oldest first."""
    names = sorted(provider_ids)
    marks = unit.marks(len(names))
    rows = await unit.fetch(f"{_SHOWN} WHERE m.provider_id IN ({marks}) AND m.provider_id <> ''", *names)
    rows += await unit.fetch(f"{_SHOWN} WHERE o.provider_id IN ({marks}) AND o.provider_id <> ''", *names)
    return sorted((row for row in rows if row["connector"] == connector), key=lambda row: int(row["id"]))


# --- reading ---------------------------------------------------------------------------------------------------------


async def of_card(card_id: int) -> list[api.Message]:
    """In the order of the conversation: by when they were said, as far as known."""
    rows = await unit.fetch(
        f"{spanning.PARTS} {_SHOWN} JOIN part ON part.id = m.card_id ORDER BY m.at, m.id",
        card_id,
    )
    attached = await files.of_cards(sorted({int(row["card_id"]) for row in rows})) if rows else {}
    quoted = await _quoted(rows)
    became = await _became([*rows, *quoted.values()])
    marked = await judging.marks([int(row["outbox_id"]) for row in rows if row["outbox_id"]])
    shown: list[api.Message] = []
    for row in rows:
        changes = became.get(_name(row), [])
        words = _wordings(row, changes)
        quote = quoted.get((row["connector"], row["reply_to"])) if row["reply_to"] else None
        shown.append(
            api.Message(
                id=int(row["id"]),
                card_id=int(row["card_id"]),
                direction=row["direction"],
                author=row["author"],
                channel=row["channel"],
                text=words[-1].text,
                kind=row["kind"],
                at=row["at"],
                automatic=bool(row["automatic"]),
                state=row["state"] or "",
                error=row["error"] or "",
                contact_id=int(row["contact_id"]),
                origin=int(row["origin"]) if row["origin_id"] not in (None, card_id) else 0,
                files=attached.get(int(row["id"]), ()),
                edited_at=words[-1].at if len(words) > 1 else None,
                earlier=tuple(words[:-1]),
                deleted_at=_deleted(changes),
                reactions=_reactions(changes),
                answers=_quote(quote, became) if quote is not None else None,
                quoted=row["quoted"],
                html=row["html"],
                provider_id=row["provider_id"] or "",
                connector=row["connector"] or "",
                delivery=int(row["outbox_id"]),
                repeat=bool(row["repeat"]),
                marked=marked.get(int(row["outbox_id"])) if row["state"] == "sent" else None,
            )
        )
    return shown


async def last_heard(card_id: int, connector: str) -> dt.datetime | None:
    """When the customer last wrote by a connector: on the card or what is part of it, or on another of their cards."""
    row = await unit.first(
        f"{spanning.PARTS} SELECT m.at FROM message m JOIN event e ON e.id = m.event_id"
        " WHERE m.direction = 'in' AND NOT m.automatic AND e.source = ? AND (m.card_id IN (SELECT id FROM part)"
        " OR m.card_id IN (SELECT o.id FROM card k JOIN card o ON o.contact_id = k.contact_id AND o.contact_id > 0"
        " WHERE k.id = ? AND NOT o.claimed)) ORDER BY m.at DESC LIMIT 1",
        card_id,
        connector,
        card_id,
    )
    return row["at"] if row is not None else None


async def _quoted(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """The messages that others answer by quoting them, by connector and id: of this card, or of an earlier one."""
    here = {_name(row): row for row in rows if row["provider_id"]}
    wanted = {(row["connector"], row["reply_to"]) for row in rows if row["reply_to"]}
    found = {name: here[name] for name in wanted if name in here}
    for connector in sorted({connector for connector, _ in wanted - found.keys()}):
        names = {name for whose, name in wanted - found.keys() if whose == connector}
        found |= {_name(row): row for row in await _named(names, connector)}
    return found


async def _became(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """By connector and id, in the order in which it happened."""
    names = sorted({row["provider_id"] for row in rows if row["provider_id"]})
    found: dict[tuple[str, str], list[Row]] = {}
    for part in unit.chunks(names, unit.MAX_ARGUMENTS):
        for row in await unit.fetch(
            f"SELECT connector, provider_id, change, text, author, ours, at FROM annotation"
            f" WHERE provider_id IN ({unit.marks(len(part))}) ORDER BY at, event_id",
            *part,
        ):
            found.setdefault(_name(row), []).append(row)
    return found


def _name(row: Row) -> tuple[str, str]:
    return row["connector"] or "", row["provider_id"] or ""


def _wordings(row: Row, changes: Sequence[Row]) -> list[Wording]:
    """The words it came with, then each edit."""
    edits = [Wording(text=change["text"], at=change["at"]) for change in changes if change["change"] == "edited"]
    return [Wording(text=row["text"], at=row["at"]), *edits]


def _deleted(changes: Sequence[Row]) -> dt.datetime | None:
    return next((change["at"] for change in changes if change["change"] == "deleted"), None)


def _reactions(changes: Sequence[Row]) -> tuple[Reaction, ...]:
    """One a person: a new one takes the place of the old."""
    last: dict[tuple[Any, str], Reaction] = {}
    for change in changes:
        whose = (bool(change["ours"]), change["author"])
        if change["change"] in ("reacted", "unreacted"):
            last.pop(whose, None)
        if change["change"] == "reacted" and change["text"]:
            last[whose] = Reaction(
                emoji=change["text"], author=change["author"], ours=bool(change["ours"]), at=change["at"]
            )
    return tuple(last.values())


def _quote(row: Row, became: dict[tuple[str, str], list[Row]]) -> Quoted:
    changes = became.get(_name(row), [])
    return Quoted(
        id=int(row["id"]),
        card_id=int(row["card_id"]),
        direction=row["direction"],
        author=row["author"],
        text=_wordings(row, changes)[-1].text,
        kind=row["kind"],
        at=row["at"],
        deleted=_deleted(changes) is not None,
    )
