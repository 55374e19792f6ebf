"""What an event adds to the conversation of its card: rows of messages, with their files.

Each function is a part of a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from duly_runtime.card import Card
from duly_runtime.events import (
    AgentMessage,
    AnyBody,
    CustomerMessage,
    Event,
    File,
    InternalNote,
    OpenCard,
    SentElsewhere,
)
from duly_runtime.store import files, journal, rows, unit

MOST_BEFORE = 50
"""Messages sent by another way that a conversation's first card takes up, the latest."""

_bodies = msgspec.json.Decoder(AnyBody)


async def write(lines: list[dict[str, Any]], event: Event, sent: Mapping[int, Sequence[File]], now: dt.datetime) -> None:
    """With their files: of a message that is sent by its delivery (`sent`), of another by the event."""
    said: Sequence[File] = ()
    if isinstance(event.body, (CustomerMessage, AgentMessage, InternalNote, SentElsewhere)):
        said = event.body.files
    connector = event.body.connector if isinstance(event.body, (CustomerMessage, SentElsewhere)) else ""
    plain: list[dict[str, Any]] = []
    for each in lines:
        attached = sent.get(each["outbox_id"], said)
        if attached:
            (row,) = await unit.insert("message", [each], "RETURNING id")
            await files.write(each, int(row["id"]), connector, attached, now)
        else:
            plain.append(each)
    await unit.insert("message", plain)


async def sent_before(card: Card, names: Sequence[str], now: dt.datetime) -> None:
    """What we sent by another way before there was a card is part of its conversation."""
    streams = [journal.conversation_stream(card.connector, name) for name in names]
    found = await unit.fetch(
        f"SELECT id, at, body FROM event WHERE stream IN ({unit.marks(len(streams))}) AND kind = 'SentElsewhere'"
        " AND card_id = 0 AND handled_at IS NOT NULL ORDER BY id DESC LIMIT ?",
        *streams,
        MOST_BEFORE,
    )
    for row in reversed(found):
        event = Event(id=int(row["id"]), at=row["at"], body=_bodies.decode(row["body"]))
        await write(lines_of(card, event), event, {}, now)
        await unit.fetch("UPDATE event SET card_id = ? WHERE id = ?", card.id, event.id)


def lines_of(card: Card, event: Event) -> list[dict[str, Any]]:
    """What the event itself adds to the conversation."""
    match event.body:
        case CustomerMessage() as body:
            name = rows.customer_name(body.contact) or rows.customer_name(card.contact)
            found = line(card, event, "in", name, body.channel, body.text, event.at)
            return [found | _told(body) | {"quoted": body.quoted, "html": body.html}]
        case SentElsewhere() as body:
            return [line(card, event, "out", "", body.channel, body.text, event.at) | _told(body)]
        case OpenCard(text=text, contact=contact, channel=channel) if text:
            return [line(card, event, "in", rows.customer_name(contact), channel, text, event.at)]
        case AgentMessage(text=text, author=author):
            return [line(card, event, "out", author, card.channel, text, event.at)]
        case InternalNote(text=text, author=author):
            return [line(card, event, "note", author, "", text, event.at)]
        case _:
            return []


def _told(body: CustomerMessage | SentElsewhere) -> dict[str, Any]:
    return {
        "kind": body.kind,
        "automatic": body.automatic,
        "provider_id": body.provider_id,
        "reply_to": body.reply_to,
    }


def line(card: Card, event: Event, direction: str, author: str, channel: str, text: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "card_id": card.id,
        "event_id": event.id,
        "outbox_id": 0,
        "direction": direction,
        "author": author,
        "channel": channel,
        "text": text,
        "kind": "text",
        "at": at,
        "automatic": False,
        "provider_id": "",
        "contact_id": 0,
        "quoted": "",
        "html": "",
        "came_to": 0,
        "reply_to": "",
    }
