"""A shop that posts signed messages to the office."""

from __future__ import annotations

import hashlib
import hmac

from support.office import RULES

SECRET = "DULY_SECRET_SHOP_KEY"
KEY = "shop key"
DOOR = """
connector "Shop" receives webhook {
  path "/in/shop"
  verify github with secret "SHOP_KEY"
  same request when "id"
  open card in "Support"
  map {
    | card field | from message | as   | if missing |
    | message    | "%s"         | text | reject     |
  }
}
"""


def with_door(path: str = "text") -> str:
    """The office's rules with the shop's door, which finds the message's text at `path`."""
    return RULES.replace(' required to leave "New"', "") + DOOR % path


def signed(content: bytes) -> dict[str, str]:
    """Headers of a request."""
    made = hmac.new(KEY.encode(), content, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={made}"}
