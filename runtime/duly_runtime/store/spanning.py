"""Events that span two cards: a merge, its undoing, a split. Both sides are judged and written in one transaction.

The command is an event of one card. What it means for the other is journalled as it is handled, as an event of that card
under the command's id, so that a replay of the journal knows it. Locks are taken from the card that goes to the card that
stays, whatever is done with them.

Each function is a part of a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
from collections.abc import Sequence

import msgspec

from duly_runtime import participants
from duly_runtime.card import Card
from duly_runtime.engine.merging import MERGED, REPLIES
from duly_runtime.events import (
    AbsorbCard,
    AnyBody,
    Contact,
    CustomerMessage,
    MergeCard,
    OpenCard,
    ReleaseCard,
    Said,
    SplitCard,
    SplitOff,
    UnmergeCard,
)
from duly_runtime.store import unit

_bodies = msgspec.json.Decoder(AnyBody)

PARTS = (
    "WITH RECURSIVE part(id) AS (SELECT id FROM card WHERE id = ?"
    " UNION SELECT c.id FROM card c JOIN part p ON c.merged_into = p.id AND c.merged_into > 0)"
)
"""Begins a statement that knows, as `part`, a card and all that are merged into it."""


async def home(card_id: int) -> unit.Row | None:
    """`id` and `finished_at` of the card that shows the messages of a card: itself, or the one it is part of."""
    seen: set[int] = set()
    row: unit.Row | None = None
    while card_id and card_id not in seen:
        seen.add(card_id)
        row = await unit.first("SELECT id, finished_at, merged_into FROM card WHERE id = ?", card_id)
        card_id = int(row["merged_into"] or 0) if row is not None else 0
    return row


def other_of(body: AnyBody, card: Card | None) -> int:
    """The id of the other card an event spans to, 0 where it is none or is yet to be opened."""
    match body:
        case MergeCard(into=into):
            return into
        case UnmergeCard() if card is not None and card.merged is not None:
            return card.merged.card
        case _:
            return 0


def other_side(body: AnyBody, before: Card, after: Card) -> AbsorbCard | ReleaseCard | None:
    """What a merge, or its undoing, means for the other card; `before` and `after` are the one that goes."""
    match body:
        case MergeCard(author=author):
            missed = any(
                clock.metric in REPLIES and clock.cancelled_by == MERGED and clock.missed_at is not None
                for clock in after.clocks
            )
            return AbsorbCard(
                card=before.id,
                number=before.number,
                title=before.title,
                last_customer_at=before.last_customer_at,
                unanswered_since=before.unanswered_since,
                missed=missed,
                writers=tuple(sorted(participants.writers(before))),
                author=author,
            )
        case UnmergeCard(author=author):
            return ReleaseCard(card=before.id, number=before.number, author=author)
        case _:
            return None


# --- splits ----------------------------------------------------------------------------------------------------------


class Parting(msgspec.Struct, frozen=True):
    """A split to be: the event that opens the new card, and whose that is, None where it is the other card's customer's."""

    body: SplitOff
    writer: CustomerMessage | OpenCard | None


async def parting(card: Card, body: SplitCard) -> Parting | None:
    """None where the messages can't be split off: they are not all the card's, or nothing would be left."""
    rows = await unit.fetch(
        f"{PARTS} SELECT m.id, m.event_id, m.direction, m.author, m.text, m.at, m.automatic, m.channel FROM message m"
        " JOIN part ON part.id = m.card_id ORDER BY m.at, m.id",
        card.id,
    )
    taken = [row for row in rows if int(row["id"]) in body.messages]
    if not taken or len(taken) < len(set(body.messages)) or len(taken) == len(rows):
        return None
    contact, channel, connector, conversation = card.contact, card.channel, card.connector, card.conversation
    writer: CustomerMessage | OpenCard | None = None
    first = next((row for row in taken if row["direction"] == "in"), None)
    if first is not None:
        came = await _event(int(first["event_id"]))
        if isinstance(came, (CustomerMessage, OpenCard)):
            writer = came
            channel, connector, conversation = came.channel, came.connector, came.conversation
            contact = came.contact if came.contact != Contact() else contact
    off = SplitOff(
        card=card.id,
        number=card.number,
        said=tuple(
            Said(
                at=row["at"],
                direction=row["direction"],
                text=row["text"],
                author="" if row["direction"] == "in" else row["author"],
                automatic=bool(row["automatic"]),
            )
            for row in taken
        ),
        pipeline=body.pipeline or card.pipeline,
        title=body.title,
        contact=contact,
        channel=channel,
        connector=connector,
        conversation=conversation,
        owner=card.owner,
        team=card.team,
        follow=body.follow,
        author=body.author,
    )
    return Parting(off, writer)


async def _event(event_id: int) -> AnyBody | None:
    row = await unit.first("SELECT body FROM event WHERE id = ?", event_id)
    return None if row is None else _bodies.decode(row["body"])


async def move(messages: Sequence[int], new: Card, body: SplitOff) -> None:
    """Make messages the new card's, with their files; with `follow`, their conversation's later ones as well."""
    marks = unit.marks(len(messages))
    await unit.fetch(
        "UPDATE message SET came_to = CASE WHEN came_to > 0 THEN came_to ELSE card_id END, card_id = ?"
        f" WHERE id IN ({marks})",
        new.id,
        *messages,
    )
    await unit.fetch(f"UPDATE file SET card_id = ? WHERE message_id IN ({marks})", new.id, *messages)
    if body.follow and body.conversation:
        await unit.fetch(
            "UPDATE conversation SET card_id = ? WHERE connector = ? AND key = ?", new.id, body.connector, body.conversation
        )
