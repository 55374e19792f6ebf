"""Since when a card has been silent."""

from __future__ import annotations

import datetime as dt

from duly_runtime.card import Card


def silent_since(card: Card) -> dt.datetime:
    """The last message of a person on either side, or the arrival in the stage, whichever is later."""
    latest = card.visit.entered_at
    if card.last_customer_at is not None and card.last_customer_at > latest:
        latest = card.last_customer_at
    if card.last_agent_at is not None and card.last_agent_at > latest:
        latest = card.last_agent_at
    return latest
