"""The journal as a backtest reads it: one JSON object a line, in the order of the journal.

A database, a server's export and an imported log all come to this form.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_runtime.events import (
    AbsorbCard,
    AgentMessage,
    AnyBody,
    Contact,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    InternalNote,
    MessageChanged,
    MoveCard,
    OpenCard,
    Recompute,
    SentElsewhere,
    SetFields,
    SplitCard,
    SplitOff,
    TemplateChanged,
    TimerFired,
)
from duly_runtime.store.api import PastEvent

LEFT_OUT = tuple(
    body.__name__ for body in (TimerFired, Recompute, DeliveryStatus, TemplateChanged, MessageChanged, ContactChanged)
)
"""Kinds of events that are not replayed: timers are simulated, and a publish or a provider's word has no part in it."""

UNSAID = "…"
"""Stands for a text that was left out: not empty, since an empty reply would be refused."""


class _Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of the journal, but for its body.

    `case` names what belongs together: all cards of one conversation, or a card that has none. `card` is the card it came
    to in the past, 0 where it came to none. `now` is when it was journalled, `at` when it happened.
    """

    id: int
    case: str
    card: int = 0
    at: dt.datetime
    now: dt.datetime
    backfill: bool = False


class Line(_Written, frozen=True, kw_only=True, omit_defaults=True):
    """One event of the journal."""

    body: AnyBody


class Wire(_Written, frozen=True, kw_only=True, omit_defaults=True):
    """A Line whose body is not read."""

    body: msgspec.Raw


class Heading(msgspec.Struct, frozen=True):
    """What tells where a line belongs."""

    case: str
    now: dt.datetime


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(Line)
_headings = msgspec.json.Decoder(Heading)


def encode(line: Line) -> bytes:
    """Without a line end."""
    return _encoder.encode(line)


def of_past(event: PastEvent) -> bytes:
    """An event of a store, encoded."""
    return _encoder.encode(
        Wire(
            id=event.id,
            case=event.case,
            card=event.card_id,
            at=event.at,
            now=event.received_at,
            backfill=event.backfill,
            body=msgspec.Raw(event.body),
        )
    )


def decode(data: bytes) -> Line:
    """msgspec.ValidationError or DecodeError where it is no such line."""
    return _lines.decode(data)


def heading(data: bytes) -> Heading:
    return _headings.decode(data)


def bare(data: bytes) -> bytes:
    """A line without its texts."""
    line = decode(data)
    return encode(msgspec.structs.replace(line, body=without_texts(line.body)))


def without_texts(body: AnyBody) -> AnyBody:
    """The event without what people wrote and who the customer is: only `message contains` would have read it."""
    match body:
        case CustomerMessage() | OpenCard():
            contact = Contact(language=body.contact.language)
            text = UNSAID if body.text else ""
            fields = {"title": "", "conversation": "", "contact": contact, "text": text}
            if isinstance(body, CustomerMessage):
                fields |= {"provider_id": "", "reply_to": "", "known_as": (), "identities": (), "files": ()}
                fields |= {"thread": None, "quoted": "", "html": ""}
            return msgspec.structs.replace(body, **fields)
        case AgentMessage() | InternalNote():
            return msgspec.structs.replace(body, text=UNSAID if body.text.strip() else "")
        case SentElsewhere():
            unsaid = {"provider_id": "", "reply_to": "", "conversation": "", "known_as": (), "files": ()}
            return msgspec.structs.replace(body, text=UNSAID if body.text else "", **unsaid)
        case MoveCard():
            return msgspec.structs.replace(body, reason="")
        case SetFields(values=values) if "title" in values:
            return msgspec.structs.replace(body, values={**values, "title": UNSAID})
        case AbsorbCard():
            return msgspec.structs.replace(body, title="", writers=())
        case SplitCard():
            return msgspec.structs.replace(body, title="")
        case SplitOff(said=said):
            bare = tuple(msgspec.structs.replace(each, text=UNSAID if each.text.strip() else "") for each in said)
            contact = Contact(language=body.contact.language)
            return msgspec.structs.replace(body, title="", conversation="", contact=contact, said=bare)
        case _:
            return body
