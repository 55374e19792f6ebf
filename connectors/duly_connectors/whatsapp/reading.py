"""One body of Meta's webhook, read. Nothing a customer wrote is lost: what we don't know becomes a message that says so,
what is no message at all is a problem that parks the request. One bad item never takes the others with it.

Shapes: the "Webhooks" reference of the Cloud API, v25.0. Every value may be missing or of another type than it says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.whatsapp import approvals, codes
from duly_connectors.whatsapp.codes import describe
from duly_connectors.whatsapp.words import told
from duly_dsl import program
from duly_runtime.doors import Inbound, Parsed
from duly_runtime.events import Contact, CustomerMessage, DeliveryStatus, Identity

STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
"""Meta's word -> ours. A voice message that was played has been read."""
KNOWN = frozenset(("messaging_product", "metadata", "contacts", "messages", "statuses", "errors"))
"""What a change of the field `messages` may hold; another list in it is something we would lose silently."""
KEY_CAP = 200
"""Characters of an id; Meta's are about 60."""


class Reader:
    """Reads one body for one connector. `received_at` stands in where a time is missing or impossible."""

    def __init__(
        self, door: program.Connector, number_id: str, received_at: dt.datetime, translate: Callable[[str], str]
    ) -> None:
        self._door = door
        self._number_id = number_id.strip()
        self._received_at = received_at
        self._ = translate
        self._items: dict[str, Inbound] = {}
        self._problems: list[str] = []

    def read(self, tree: Any) -> Parsed:
        """Every event of the body, each once."""
        entries = tree.get("entry") if isinstance(tree, dict) else None
        if not isinstance(entries, list):
            return Parsed(problems=(self._("The body holds no list `entry`."),))
        for entry in entries:
            changes = entry.get("changes") if isinstance(entry, dict) else None
            if not isinstance(changes, list):
                self._problem(self._("An entry holds no list `changes`."))
                continue
            for change in changes:
                notice = approvals.told(entry, change, self._received_at)
                if notice is not None:
                    self._items.setdefault(notice.key, notice)
                self._change(change)
        return Parsed(items=tuple(self._items.values()), problems=tuple(self._problems))

    def _change(self, change: Any) -> None:
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict):
            self._problem(self._("A change holds no object `value`."))
            return
        field = change.get("field")
        if field != "messages" and "messages" not in value and "statuses" not in value:
            # Notices about the account (templates, quality, limits) come to the same address and are no messages. Other
            # fields of conversations are: echoes, calls, groups.
            for key in ("message_echoes", "calls", "groups"):
                if value.get(key):
                    self._unread(key)
            return
        ours = self._is_ours(value)
        if not ours:
            if value.get("messages"):
                words = self._("A message is for the phone number id {id}, which is not the one of this connector.")
                self._problem(words.format(id=_text(_in(value, "metadata", "phone_number_id"))[:40]))
            return
        for message in self._list(value, "messages"):
            self._message(message, value)
        for status in self._list(value, "statuses"):
            self._status(status)
        for error in self._list(value, "errors"):
            self._problem(describe(error, self._) if isinstance(error, dict) else self._("An error can't be read."))
        for key, found in value.items():
            if key not in KNOWN and isinstance(found, list) and found:
                self._unread(key)

    def _is_ours(self, value: dict[str, Any]) -> bool:
        named = _text(_in(value, "metadata", "phone_number_id"))
        return not named or named == self._number_id

    def _list(self, value: dict[str, Any], key: str) -> list[Any]:
        found = value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self._problem(self._("`{key}` is not a list.").format(key=key))
            return []
        return found

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, message: Any, value: dict[str, Any]) -> None:
        if not isinstance(message, dict):
            self._problem(self._("A message is not an object."))
            return
        key = _id(message.get("id")) or _hash(message)
        sender = _Sender(message, value)
        kind, text = told(message, self._)
        body = CustomerMessage(
            text=text,
            contact=sender.contact(),
            identities=sender.identities(),
            channel="whatsapp",
            connector=self._door.name,
            conversation=f"{self._number_id}:{sender.identity or key}",
            pipeline=self._door.pipeline,
            provider_id=key,
            # Meta tells of a new number or id in the customer's name; they have not written.
            automatic=kind == "system",
            kind=kind,
        )
        self._items.setdefault(key, Inbound(key=key, at=self._at(message), body=body))

    # --- statuses ----------------------------------------------------------------------------------------------------

    def _status(self, status: Any) -> None:
        name = _id(status.get("id")) if isinstance(status, dict) else ""
        if not name:
            self._problem(self._("A status has no message id."))
            return
        word = _text(status.get("status"))
        state = STATES.get(word)
        if state is None:
            self._problem(self._("A status says `{word}`, which we don't know.").format(word=word[:40]))
            return
        errors = status.get("errors")
        found = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
        body = DeliveryStatus(
            provider_id=name,
            outbox_id=_outbox_id(status.get("biz_opaque_callback_data")),
            state=state,
            error="; ".join(describe(e, self._) for e in found),
            closed=any(codes.number(e) == codes.WINDOW_CLOSED for e in found),
        )
        key = f"{name}:{word}"
        self._items.setdefault(key, Inbound(key=key, at=self._at(status), body=body))

    # --- both --------------------------------------------------------------------------------------------------------

    def _at(self, item: dict[str, Any]) -> dt.datetime:
        """When it happened. Meta tells it late (its retries last days), never early."""
        try:
            at = dt.datetime.fromtimestamp(int(item.get("timestamp", "")), dt.UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            return self._received_at
        return at if at.year >= 2009 and at <= self._received_at else self._received_at

    def _unread(self, key: str) -> None:
        self._problem(self._("It holds `{key}`, which this connector does not read.").format(key=clean(key)[:40]))

    def _problem(self, words: str) -> None:
        if words not in self._problems:
            self._problems.append(words)


class _Sender:
    """Who wrote a message. A business-scoped user id stays when the customer hides or changes the number, so it names the
    conversation where there is one; the phone number (wa_id) where there is none."""

    def __init__(self, message: dict[str, Any], value: dict[str, Any]) -> None:
        self.phone = _text(message.get("from"))
        self.user_id = _text(message.get("from_user_id"))
        self.entry = self._entry(value.get("contacts"))
        if not self.phone:
            self.phone = _text(self.entry.get("wa_id"))
        if not self.user_id:
            self.user_id = _text(self.entry.get("user_id"))
        self.identity = _short(self.user_id or self.phone)

    def _entry(self, contacts: Any) -> dict[str, Any]:
        """Our sender's entry of `contacts`; the only entry also where the message names nobody."""
        entries = [c for c in contacts if isinstance(c, dict)] if isinstance(contacts, list) else []
        for entry in entries:
            if self.user_id and _text(entry.get("user_id")) == self.user_id:
                return entry
            if self.phone and _text(entry.get("wa_id")) == self.phone:
                return entry
        return entries[0] if len(entries) == 1 and not (self.phone or self.user_id) else {}

    def identities(self) -> tuple[Identity, ...]:
        """What Meta vouches for; the id lasts longer than the number."""
        found = (Identity("whatsapp", self.user_id), Identity("phone", f"+{self.phone}"))
        return tuple(each for each, given in zip(found, (self.user_id, self.phone), strict=True) if given)

    def contact(self) -> Contact:
        digits = self.phone.isascii() and self.phone.isdigit()
        profile = self.entry.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        return Contact(
            name=_text(profile.get("name")) or _text(profile.get("username")),
            phone=f"+{self.phone}" if digits else "",
            address=self.phone or self.user_id,
        )


def _in(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return clean(str(value)).strip()


def _short(text: str) -> str:
    return text if len(text) <= KEY_CAP else "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _id(value: Any) -> str:
    return _short(_text(value))


def _hash(message: dict[str, Any]) -> str:
    """A name for a message that has none: the same for the same content."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(message, order="sorted")).hexdigest()


def _outbox_id(value: Any) -> int:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
