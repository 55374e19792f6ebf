"""Which card a message that names one belongs to (PROMISES: a stranger never becomes the customer).

A message joins a card where it names it (a token that held, else a message we sent or received there, else a conversation
of its sender) and its sender may write on it. Where it names a card and the sender may not, or where our own mail server
found that the sender is another, a person decides (`store.quarantine`). Where it names none, it opens a card.

Each function is a unit of work (`store.unit`), or a part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
from collections.abc import Sequence

import msgspec

from duly_runtime import identities, participants
from duly_runtime.card import Card
from duly_runtime.events import Thread
from duly_runtime.store import unit

FORGED = "forged"
"""The sender's domain disowns the message (DMARC), by our own mail server's word."""
STRANGER = "stranger"
"""It names a card on which its sender may not write."""

_cards = msgspec.json.Decoder(Card)


class Place(msgspec.Struct, frozen=True):
    """`card_id`: the card it joins, 0 for none. `why` is set where a person must decide; `claim` is then the card it names,
    0 where it names none."""

    card_id: int = 0
    claim: int = 0
    why: str = ""


async def place(thread: Thread, conversation: int) -> Place:
    """`conversation` is the card its sender's conversation has, 0 for none. Nothing is locked: whoever joins the card must
    look again (`still`) once it is."""
    claims = await _claims(thread, conversation)
    first = claims[0] if claims else 0
    if not thread.trusted:
        return Place(claim=first, why=FORGED)
    for card_id in claims:
        card = await _card(card_id)
        if card is not None and await _may_write(card, thread.sender):
            return Place(card_id=card_id)
    return Place(claim=first, why=STRANGER) if claims else Place()


async def still(place: Place, thread: Thread, card: Card) -> Place:
    """The same for the card as it is under its lock."""
    return place if await _may_write(card, thread.sender) else Place(claim=place.card_id, why=STRANGER)


async def _may_write(card: Card, sender: str) -> bool:
    """The customer, by any address known to be theirs, and the participants."""
    if participants.may_write(card, sender):
        return True
    row = await unit.first(
        "SELECT i.id FROM card k JOIN identity i ON i.contact_id = k.contact_id WHERE k.id = ? AND k.contact_id > 0"
        " AND NOT k.claimed AND i.kind = ? AND i.scope = '' AND i.value = ? AND i.verified",
        card.id,
        identities.EMAIL,
        identities.email(sender),
    )
    return row is not None


async def _claims(thread: Thread, conversation: int) -> list[int]:
    """The cards it names, which counts most first. A token stands for itself: who has one but may not write on its card
    gets nowhere by naming other messages."""
    if thread.card and await unit.first("SELECT id FROM card WHERE id = ?", thread.card):
        return [thread.card]
    claims = await of_references(thread.references)
    return list(dict.fromkeys([*claims, *([conversation] if conversation else [])]))


async def of_references(references: Sequence[str]) -> list[int]:
    """The cards on which we sent or received these messages, in their order."""
    if not references:
        return []
    marks = unit.marks(len(references))
    rows = await unit.fetch(
        f"SELECT provider_id, card_id FROM message WHERE provider_id IN ({marks}) AND provider_id <> ''"
        f" UNION SELECT provider_id, card_id FROM outbox WHERE provider_id IN ({marks}) AND provider_id <> ''",
        *references,
        *references,
    )
    # A message that was received on several cards speaks for the latest.
    found: dict[str, int] = {}
    for row in rows:
        if row["card_id"]:
            found[row["provider_id"]] = max(found.get(row["provider_id"], 0), int(row["card_id"]))
    return list(dict.fromkeys(found[name] for name in references if name in found))


async def _card(card_id: int) -> Card | None:
    row = await unit.first("SELECT data FROM card WHERE id = ?", card_id)
    return None if row is None else _cards.decode(row["data"])
