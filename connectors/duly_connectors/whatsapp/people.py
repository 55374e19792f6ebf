"""Who a message is from or to, by all the names Meta tells.

A business-scoped user id (`US.1349…`) stays when the customer hides the number and changes with it; a parent id
(`US.ENT.…`) is the same over the accounts of a company; the phone number (`wa_id`) may be missing. What lasts longest names
the conversation, the rest are its other names.
"""

from __future__ import annotations

import hashlib
from typing import Any

from duly_connectors.contract import clean
from duly_runtime.events import Contact, Identity

Tree = dict[str, Any]

KEY_CAP = 200
"""Characters of an id; Meta's are about 60."""
GROUP = "group:"
"""Begins the address of a group."""


def text(value: Any) -> str:
    """A text or whole number; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return clean(str(value)).strip()


def short(name: str) -> str:
    return name if len(name) <= KEY_CAP else "sha256:" + hashlib.sha256(name.encode()).hexdigest()


class Names:
    """The names of one customer, each as short as a key may be."""

    def __init__(self, user_id: str = "", parent_id: str = "", phone: str = "") -> None:
        if phone and not _is_number(phone) and not user_id:
            user_id, phone = phone, ""  # Meta tells an id where it tells no number
        self.user_id, self.parent_id, self.phone = user_id, parent_id, phone

    @property
    def all(self) -> tuple[str, ...]:
        """Strongest first."""
        given = (self.user_id, self.parent_id, self.phone)
        return tuple(dict.fromkeys(short(name) for name in given if name))

    @property
    def identities(self) -> tuple[Identity, ...]:
        """What Meta vouches for."""
        ids = tuple(Identity("whatsapp", name) for name in (self.user_id, self.parent_id) if name)
        return (*ids, Identity("phone", f"+{self.phone}")) if _is_number(self.phone) else ids

    @property
    def address(self) -> str:
        """Where a message reaches them: the number, or the id where there is none."""
        return self.phone or self.user_id or self.parent_id

    def contact(self, name: str = "") -> Contact:
        return Contact(name=name, phone=f"+{self.phone}" if _is_number(self.phone) else "", address=self.address)


class Person(Names):
    """Somebody a message or call names, with what `contacts` of the same value adds. `side` is `from` or `to`."""

    def __init__(self, message: Tree, value: Tree, side: str = "from") -> None:
        phone = text(message.get(side))
        user_id = text(message.get(f"{side}_user_id"))
        parent_id = text(message.get(f"{side}_parent_user_id"))
        entry = _entry(value.get("contacts"), phone, user_id)
        super().__init__(
            user_id or text(entry.get("user_id")),
            parent_id or text(entry.get("parent_user_id")),
            phone or text(entry.get("wa_id")),
        )
        profile = entry.get("profile")
        self._profile: Tree = profile if isinstance(profile, dict) else {}

    @property
    def name(self) -> str:
        return text(self._profile.get("name")) or text(self._profile.get("username"))


def before_and_after(message: Tree, system: Tree) -> tuple[Names, Names]:
    """Who a customer was and is, of a message that says they changed."""
    before = Names(
        text(system.get("previous_user_id")) or text(message.get("from_user_id")),
        text(system.get("previous_parent_user_id")) or text(message.get("from_parent_user_id")),
        text(message.get("from")) or text(system.get("customer")),
    )
    after = Names(
        text(system.get("user_id")),
        text(system.get("parent_user_id")),
        text(system.get("wa_id")) or text(system.get("new_wa_id")),
    )
    return before, after


def _entry(contacts: Any, phone: str, user_id: str) -> Tree:
    """Their entry of `contacts`; the only entry also where nobody is named."""
    entries = [c for c in contacts if isinstance(c, dict)] if isinstance(contacts, list) else []
    for entry in entries:
        if user_id and text(entry.get("user_id")) == user_id:
            return entry
        if phone and text(entry.get("wa_id")) == phone:
            return entry
    return entries[0] if len(entries) == 1 and not (phone or user_id) else {}


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
