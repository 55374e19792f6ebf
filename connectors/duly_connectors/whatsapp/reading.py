"""One body of Meta's webhook, read. Nothing a customer wrote is lost: what we don't know becomes a message that says so,
what is no message at all is a problem that parks the request. One bad item never takes the others with it.

Shapes: the "Webhooks" reference of the Cloud API, v25.0. Every value may be missing or of another type than it says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.whatsapp import approvals, codes, words
from duly_connectors.whatsapp.codes import describe
from duly_connectors.whatsapp.people import GROUP, Names, Person, Tree, before_and_after, short, text
from duly_dsl import program
from duly_runtime.doors import Inbound, Parsed
from duly_runtime.events import (
    AnyBody,
    Contact,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    MessageChanged,
    SentElsewhere,
)

STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
"""Meta's word -> ours. A voice message that was played has been read."""
LISTS = ("messages", "message_echoes", "calls", "statuses", "errors")
KNOWN = frozenset(("messaging_product", "metadata", "contacts", *LISTS))
"""What a change may hold that speaks of messages; another list in it is something we would lose silently."""
CONVERSING = frozenset(("messages", "message_echoes", "smb_message_echoes", "calls", "history", "standby"))
"""Fields of webhooks that carry what people said. The others are notices about the account, its templates and groups."""
CHANGED = frozenset(("user_changed_number", "customer_changed_number", "user_changed_user_id"))
"""Types of a system message that say a customer goes by other names now."""
PASSING = frozenset(("connect", "ringing", "accepted", "rejected"))
"""What happens to a call before it ends; its end tells what a card needs."""


class Reader:
    """Reads one body. `numbers` are the connectors it may be for, by Meta's id of their phone number, the one that received
    it first. `received_at` stands in where a time is missing or impossible."""

    def __init__(
        self, numbers: Mapping[str, program.Connector], received_at: dt.datetime, translate: Callable[[str], str]
    ) -> None:
        self._numbers = numbers
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
                self.problem(self._("An entry holds no list `changes`."))
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
            self.problem(self._("A change holds no object `value`."))
            return
        field = text(change.get("field"))
        if field not in CONVERSING and not any(key in value for key in LISTS if key != "errors"):
            return
        metadata = value.get("metadata")
        named = text(metadata.get("phone_number_id")) if isinstance(metadata, dict) else ""
        number_id = named or next(iter(self._numbers))
        door = self._numbers.get(number_id)
        if door is None:
            if any(value.get(key) for key in LISTS[:3]):
                words = self._("A message is for the phone number id {id}, which no connector here has.")
                self.problem(words.format(id=number_id[:40]))
            return
        Value(self, door, number_id, value, calls=field == "calls").read()

    # --- for each value ----------------------------------------------------------------------------------------------

    def found(self, key: str, at: dt.datetime, body: AnyBody, door: program.Connector) -> None:
        self._items.setdefault(f"{door.name}\n{key}", Inbound(key=key, at=at, body=body, connector=door.name))

    def at(self, item: Tree) -> dt.datetime:
        """When it happened. Meta tells it late (its retries last days), never early."""
        try:
            at = dt.datetime.fromtimestamp(int(item.get("timestamp", "")), dt.UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            return self._received_at
        return at if at.year >= 2009 and at <= self._received_at else self._received_at

    def problem(self, told: str) -> None:
        if told not in self._problems:
            self._problems.append(told)


class Value:
    """What one change says of one of our numbers."""

    def __init__(self, reader: Reader, door: program.Connector, number_id: str, value: Tree, *, calls: bool) -> None:
        self._reader = reader
        self._door = door
        self._number_id = number_id
        self._value = value
        self._calls = calls
        self._ = reader._

    def read(self) -> None:
        for key, read in (
            ("messages", self._message),
            ("message_echoes", self._echo),
            ("calls", self._call),
            ("statuses", self._status),
        ):
            for item in self._list(key):
                if isinstance(item, dict):
                    read(item)
                else:
                    self._reader.problem(self._("An entry of `{key}` is not an object.").format(key=key))
        for error in self._list("errors"):
            told = describe(error, self._) if isinstance(error, dict) else self._("An error can't be read.")
            self._reader.problem(told)
        for key, found in self._value.items():
            if key not in KNOWN and isinstance(found, list) and found:
                told = self._("It holds `{key}`, which this connector does not read.")
                self._reader.problem(told.format(key=clean(key)[:40]))

    def _list(self, key: str) -> list[Any]:
        found = self._value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self._reader.problem(self._("`{key}` is not a list.").format(key=key))
            return []
        return found

    def _found(self, item: Tree, key: str, body: AnyBody) -> None:
        self._reader.found(key, self._reader.at(item), body, self._door)

    def _conversation(self, name: str) -> str:
        return f"{self._number_id}:{name}"

    def _known_as(self, names: Names) -> tuple[str, ...]:
        return tuple(self._conversation(name) for name in names.all[1:])

    # --- what the customer does --------------------------------------------------------------------------------------

    def _message(self, message: Tree) -> None:
        kind = text(message.get("type"))
        if kind == "system" and self._system(message):
            return
        if kind in ("reaction", "edit", "revoke") and self._changed(message, kind, ours=False):
            return
        sender = Person(message, self._value)
        key = _key(message)
        told = words.told(message, self._)
        group = short(text(message.get("group_id")))
        body = CustomerMessage(
            text=told.text,
            contact=Contact(name=sender.name, address=GROUP + group) if group else sender.contact(sender.name),
            identities=sender.identities,
            channel="whatsapp",
            connector=self._door.name,
            conversation=self._conversation(GROUP + group if group else next(iter(sender.all), key)),
            known_as=() if group else self._known_as(sender),
            pipeline=self._door.pipeline,
            provider_id=key,
            # Meta tells of the account in the customer's name; they have not written.
            automatic=kind == "system",
            kind=told.kind,
            files=told.files,
            reply_to=_quoted(message),
        )
        self._found(message, key, body)

    def _system(self, message: Tree) -> bool:
        """Whether it says what becomes of a customer's names, or of their security; it is no message then."""
        said = message.get("system")
        system: Tree = said if isinstance(said, dict) else {}
        before, after = before_and_after(message, system)
        told = words.said(system, "body")
        if text(system.get("type")) not in CHANGED:
            if not before.all:
                return False
            first, *others = before.all
            body = ContactChanged(
                connector=self._door.name,
                conversation=self._conversation(first),
                known_as=tuple(self._conversation(name) for name in others),
                text=told or text(system.get("type")),
            )
        elif before.all and after.all:
            body = ContactChanged(
                connector=self._door.name,
                conversation=self._conversation(after.all[0]),
                known_as=self._known_as(after),
                former=tuple(self._conversation(name) for name in before.all if name not in after.all),
                contact=after.contact(),
                identities=after.identities,
                former_identities=before.identities,
                text=told,
            )
        else:
            self._reader.problem(self._("A customer has another number or id, but it is not said which."))
            return True
        self._found(message, _key(message), body)
        return True

    def _changed(self, message: Tree, kind: str, *, ours: bool) -> bool:
        """Whether it is about another message. An edit that does not say which is a message by itself: it has words."""
        said = message.get(kind)
        content: Tree = said if isinstance(said, dict) else {}
        target = short(text(content.get("message_id" if kind == "reaction" else "original_message_id")))
        if not target:
            if kind != "edit":
                told = self._("`{key}` does not say which message it is about.")
                self._reader.problem(told.format(key=kind))
            return kind != "edit"
        change, new = "deleted", ""
        if kind == "reaction":
            new = words.said(content, "emoji")
            change = "reacted" if new else "unreacted"
        elif kind == "edit":
            inner = content.get("message")
            if not isinstance(inner, dict):
                return False
            change, new = "edited", words.told(inner, self._).text
        person = Person(message, self._value, "to" if ours else "from")
        group = short(text(message.get("group_id")))
        key = _key(message)
        body = MessageChanged(
            connector=self._door.name,
            conversation=self._conversation(GROUP + group if group else next(iter(person.all), key)),
            provider_id=target,
            change=change,
            text=new,
            author=(person.name or person.address) if group and not ours else "",
            ours=ours,
        )
        # An edit may go by the id of what it edits, which is taken.
        self._found(message, key if key != target else f"{key}:{change}:{_hash(message)[-16:]}", body)
        return True

    def _call(self, call: Tree) -> None:
        event = text(call.get("event")).lower()
        if event in PASSING:
            return
        key = _key(call)
        if event != "terminate":
            told = self._("A call says `{word}`, which we don't know.")
            self._reader.problem(told.format(word=event[:40]))
            return
        ours = text(call.get("direction")).upper() == "BUSINESS_INITIATED"
        person = Person(call, self._value, "to" if ours else "from")
        taken, told = words.call(call, self._, ours=ours)
        if ours:
            self._sent(call, key, person, words.Told("call", told), automatic=not taken)
            return
        body = CustomerMessage(
            text=told,
            contact=person.contact(person.name),
            identities=person.identities,
            channel="whatsapp",
            connector=self._door.name,
            conversation=self._conversation(next(iter(person.all), key)),
            known_as=self._known_as(person),
            pipeline=self._door.pipeline,
            provider_id=key,
            automatic=taken,  # somebody has talked to them: there is nothing to answer
            kind="call",
        )
        self._found(call, key, body)

    # --- what we did by another way ----------------------------------------------------------------------------------

    def _echo(self, message: Tree) -> None:
        kind = text(message.get("type"))
        if kind in ("reaction", "edit", "revoke") and self._changed(message, kind, ours=True):
            return
        self._sent(message, _key(message), Person(message, self._value, "to"), words.told(message, self._))

    def _sent(self, item: Tree, key: str, person: Person, told: words.Told, *, automatic: bool = False) -> None:
        group = short(text(item.get("group_id")))
        if not group and not person.all:
            self._reader.problem(self._("A message of ours does not say to whom it went."))
            return
        body = SentElsewhere(
            text=told.text,
            connector=self._door.name,
            channel="whatsapp",
            conversation=self._conversation(GROUP + group if group else person.all[0]),
            known_as=() if group else self._known_as(person),
            provider_id=key,
            kind=told.kind,
            files=told.files,
            reply_to=_quoted(item),
            automatic=automatic,
        )
        self._found(item, key, body)

    # --- statuses ----------------------------------------------------------------------------------------------------

    def _status(self, status: Tree) -> None:
        if self._calls or status.get("type") == "call":
            return  # of a call of ours: its end tells
        name = short(text(status.get("id")))
        if not name:
            self._reader.problem(self._("A status has no message id."))
            return
        word = text(status.get("status"))
        state = STATES.get(word)
        if state is None:
            self._reader.problem(self._("A status says `{word}`, which we don't know.").format(word=word[:40]))
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
        self._found(status, f"{name}:{word}", body)


def _key(item: Tree) -> str:
    """Meta's id; for what has none, a name that is the same for the same content."""
    return short(text(item.get("id"))) or _hash(item)


def _hash(item: Tree) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(item, order="sorted")).hexdigest()


def _quoted(message: Tree) -> str:
    """The id of the message it answers."""
    context = message.get("context")
    return short(text(context.get("id"))) if isinstance(context, dict) else ""


def _outbox_id(value: Any) -> int:
    given = text(value)
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else 0
