"""Customers who were written to by another connector than the one their card came by: what they answer there joins the
card, unless they have an open one of their own with that connector.

Each function is a part of a unit of work (`store.unit`).
"""

from __future__ import annotations

from duly_runtime.events import AgentMessage, CustomerMessage
from duly_runtime.store import conversations, spanning
from duly_runtime.store.unit import Row

KEY = "\x1freached/"
"""What stands before a contact's id in the key of a conversation that leads to the card they were written to from."""


async def note(body: AgentMessage, card: Row) -> None:
    """`card` is the one the reply is on, locked."""
    if not body.connector or not card["contact_id"]:
        return
    conversation = await conversations.find(body.connector, (f"{KEY}{card['contact_id']}",))
    if conversation["card_id"] != card["id"]:
        await conversations.point(conversation, int(card["id"]))


async def card_of(body: CustomerMessage, contact_id: int, card_id: int) -> int:
    """The card a contact's message joins, `card_id` being what its conversation leads to. Nothing is locked: a reply holds
    its card's lock as it makes a note."""
    if card_id and await _is_open(card_id):
        return card_id
    found = await conversations.card_of(body.connector, f"{KEY}{contact_id}")
    return found if found and await _is_open(found) else card_id


async def _is_open(card_id: int) -> bool:
    home = await spanning.home(card_id)
    return home is not None and home["finished_at"] is None
