"""Contacts, and whose each card is.

Cards of before get a contact by the address a reply to them goes to. Meta vouches for its senders; what any other card
says of its customer is a claim.
"""

from __future__ import annotations

import json
import re
from typing import Any

from duly_runtime.store import unit

STEPS = (
    "CREATE TABLE contact (id {id}, name TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL, merged_into BIGINT NOT NULL,"
    " search TEXT NOT NULL)",
    "CREATE TABLE identity (id {id}, contact_id BIGINT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL,"
    " value TEXT NOT NULL, verified BOOLEAN NOT NULL, source TEXT NOT NULL, at TIMESTAMPTZ NOT NULL)",
    "CREATE UNIQUE INDEX identity_key ON identity (kind, scope, value)",
    "CREATE INDEX identity_contact ON identity (contact_id, id)",
    "CREATE TABLE contact_merge (id {id}, kept BIGINT NOT NULL, gone BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL,"
    " author TEXT NOT NULL, identities TEXT NOT NULL, cards TEXT NOT NULL, undone_at TIMESTAMPTZ)",
    "CREATE INDEX contact_merge_kept ON contact_merge (kept, id)",
    "ALTER TABLE card ADD COLUMN contact_id BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE card ADD COLUMN identity_id BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE card ADD COLUMN claimed BOOLEAN NOT NULL DEFAULT FALSE",
    "CREATE INDEX card_contact ON card (contact_id, id) WHERE contact_id > 0",
    "CREATE INDEX card_identity ON card (identity_id) WHERE identity_id > 0",
    "ALTER TABLE message ADD COLUMN contact_id BIGINT NOT NULL DEFAULT 0",
)

PART = 500
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


async def fill() -> None:
    """Contacts of the cards that are there."""
    after = 0
    while True:
        rows = await unit.fetch("SELECT id, data, created_at FROM card WHERE id > ? ORDER BY id LIMIT ?", after, PART)
        if not rows:
            return
        for row in rows:
            await _card(int(row["id"]), json.loads(row["data"]), row["created_at"])
        after = int(rows[-1]["id"])


async def _card(card_id: int, card: dict[str, Any], at: Any) -> None:
    contact: dict[str, str] = card.get("contact", {})
    name = contact.get("name", "")
    found, verified = _who(card, contact)
    if found is None and not name:
        return
    identity_id = 0
    known = None
    if found is not None:
        known = await unit.first("SELECT id, contact_id FROM identity WHERE kind = ? AND scope = ? AND value = ?", *found)
    if known is not None:
        identity_id, contact_id = int(known["id"]), int(known["contact_id"])
    else:
        search = "\n".join(part for part in (name, found[2] if found else "") if part).casefold()
        new = {"name": name, "created_at": at, "merged_into": 0, "search": search}
        contact_id = int((await unit.insert("contact", [new], "RETURNING id"))[0]["id"])
        if found is not None:
            row = {
                "contact_id": contact_id,
                "kind": found[0],
                "scope": found[1],
                "value": found[2],
                "verified": verified,
                "source": card.get("connector", ""),
                "at": at,
            }
            identity_id = int((await unit.insert("identity", [row], "RETURNING id"))[0]["id"])
    await unit.fetch(
        "UPDATE card SET contact_id = ?, identity_id = ?, claimed = ? WHERE id = ?",
        contact_id,
        identity_id,
        not verified,
        card_id,
    )


def _who(card: dict[str, Any], contact: dict[str, str]) -> tuple[tuple[str, str, str] | None, bool]:
    """(kind, scope, value), and whether the channel vouches for it."""
    phone = contact.get("phone", "").replace(" ", "")
    phone = phone if _NUMBER.fullmatch(phone) else ""
    email = contact.get("email", "").strip().casefold()
    address = contact.get("address", "")
    if card.get("channel") == "whatsapp":
        sender = card.get("conversation", "").partition(":")[2]
        if sender and not sender.isdigit() and not sender.startswith(("wamid", "sha256")):
            return ("whatsapp", "", sender), True
        return (("phone", "", phone), True) if phone else (None, True)
    if address and "@" not in address and address not in (contact.get("email"), contact.get("phone")):
        return ("address", card.get("connector", ""), address), True
    if "@" in email:
        return ("email", "", email), False
    return (("phone", "", phone), False) if phone else (None, False)
