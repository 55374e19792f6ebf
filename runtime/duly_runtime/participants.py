"""Who may write on a card by mail: the customer, and whom people here have let in. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from duly_runtime.addresses import folded
from duly_runtime.card import Card

MOST = 50
"""Participants of one card."""


def writers(card: Card) -> frozenset[str]:
    """All the addresses that may write on it."""
    own = (card.contact.email, card.contact.address)
    return frozenset(filter(None, map(folded, (*own, *card.participants))))


def may_write(card: Card, sender: str) -> bool:
    return folded(sender) in writers(card)


def added(card: Card, addresses: Sequence[str]) -> tuple[str, ...]:
    """Those that are not on the card yet, each once."""
    known = writers(card)
    return tuple(dict.fromkeys(name for name in map(folded, addresses) if name and name not in known))
