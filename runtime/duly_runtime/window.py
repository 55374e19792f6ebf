"""WhatsApp's customer service window: free text is taken for 24 hours after the customer's last message, and after that
only templates Meta has approved."""

from __future__ import annotations

import datetime as dt

from duly_runtime.card import Card

WINDOW = dt.timedelta(hours=24)
CHANNEL = "whatsapp"


def is_open(card: Card, at: dt.datetime) -> bool:
    """Whether the customer can be written to freely at a moment."""
    return card.last_customer_at is not None and at < card.last_customer_at + WINDOW
