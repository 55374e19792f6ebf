"""WhatsApp's customer service window: free text is taken for 24 hours after the customer's last message, and after that
only templates Meta has approved."""

from __future__ import annotations

import datetime as dt

from duly_runtime.card import Card

WINDOW = dt.timedelta(hours=24)
CHANNEL = "whatsapp"


def is_open(card: Card, at: dt.datetime) -> bool:
    """Whether the customer can be written to freely at a moment."""
    return still_open(card.last_customer_at, at)


def still_open(last: dt.datetime | None, at: dt.datetime) -> bool:
    """The same, by when the customer last wrote."""
    return last is not None and at < last + WINDOW
