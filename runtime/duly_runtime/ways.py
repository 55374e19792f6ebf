"""The ways to a card's customer: each connector that can reach them, with the name they have there, and what stands in the
way of the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from duly_dsl.program import Connector, Program
from duly_runtime import addresses, identities, window
from duly_runtime.card import Card
from duly_runtime.doors import Senders
from duly_runtime.store.api import Message, Store
from duly_runtime.store.contacts_api import CardContact, IdentityRow

PROGRAMS = "webhook"
"""A kind that speaks to programs: it reaches a customer only where the card came by it."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A way to the customer. `address` is their name there, as a person reads it."""

    connector: str
    channel: str
    address: str = ""
    default: bool = False
    """A reply that names no way goes by this one."""
    problem: str = ""
    """Why it can't be used: `no-sender` (nothing is sent by this connector), `out-of-service`, `no-address` (the customer
    has none there), `claimed` (somebody only said so: confirm it on the contact's page). Empty where it can."""
    own: bool = False
    """The connector and the address are the card's own."""
    open_until: dt.datetime | None = None
    """WhatsApp: until when free text is taken; None where the customer never wrote, or the channel has no such window."""
    closed: bool = False
    """WhatsApp: only a template that Meta has approved is taken now."""

    @property
    def usable(self) -> bool:
        return not self.problem


async def of_card(
    store: Store, live: Program, senders: Senders, card: Card, messages: Sequence[Message], now: dt.datetime
) -> tuple[Way, ...]:
    """All of them: the default one first, then those that can be used. `messages` are the card's."""
    whose = await store.contact_of_card(card.id)
    known: Sequence[IdentityRow] = (await store.contact(whose.id)).identities if whose.id else ()
    found: list[Way] = []
    for connector in live.connectors.values():
        if connector.name == card.connector or connector.direction != "receives":
            found += _by(connector, card, known, senders)
    wanted = _latest(card, whose, messages)
    found.sort(key=lambda way: (not way.usable, way.connector != wanted, not way.own))
    if not any(way.usable and way.connector == wanted for way in found):
        found = _instead(found, card)
    if found:
        found[0] = msgspec.structs.replace(found[0], default=True)
    return tuple([await _with_window(store, way, card, now) for way in found])


def _by(connector: Connector, card: Card, known: Sequence[IdentityRow], senders: Senders) -> Iterable[Way]:
    way = Way(connector=connector.name, channel=connector.kind)
    own = card.connector == connector.name
    if connector.direction == "receives":
        return [msgspec.structs.replace(way, own=True, address=_readable(card, connector), problem="no-sender")]
    names: dict[str, str] = {}  # address -> what stands in the way
    if own:
        names[_readable(card, connector)] = ""
    if connector.kind == addresses.MAIL and card.contact.email:
        names.setdefault(card.contact.email, "")
    if connector.kind != PROGRAMS:
        for each in known:
            if _reaches(each, connector, known) and not _same(each.value, names):
                names[each.value] = "" if each.verified else "claimed"
    names.pop("", None)
    if not names:
        return [] if connector.kind == PROGRAMS else [msgspec.structs.replace(way, problem="no-address")]
    broken = "out-of-service" if senders.by_name(connector.name) is None else ""
    theirs = _readable(card, connector) if own else ""
    return [
        msgspec.structs.replace(way, address=name, problem=broken or problem, own=own and name == theirs)
        for name, problem in names.items()
    ]


def _readable(card: Card, connector: Connector) -> str:
    """The card's own address, as people write it."""
    contact = card.contact
    if connector.kind == addresses.MAIL:
        return contact.email or contact.address
    number = f"+{contact.address}" if connector.kind == window.CHANNEL and contact.address.isdecimal() else ""
    return number or contact.address or contact.phone


def _reaches(each: IdentityRow, connector: Connector, known: Sequence[IdentityRow]) -> bool:
    """Whether a name of the contact is one by which the connector reaches them. WhatsApp takes a number where there is one:
    ids of theirs change with the number."""
    if each.scope:
        return each.scope == connector.name
    if connector.kind == addresses.MAIL:
        return each.kind == identities.EMAIL
    if connector.kind == window.CHANNEL:
        number = any(other.kind == identities.PHONE and other.verified for other in known)
        return each.kind == identities.PHONE or (each.kind == identities.WHATSAPP and not number)
    return False


def _same(value: str, names: Iterable[str]) -> bool:
    """Whether it is one of the addresses already, in another spelling."""
    return any(value in (name, identities.email(name), identities.phone(name)) for name in names)


def _latest(card: Card, whose: CardContact, messages: Sequence[Message]) -> str:
    """The connector by which the customer last wrote on the card."""
    for message in reversed(messages):
        theirs = not message.contact_id or message.contact_id == whose.id
        if message.direction == "in" and message.connector and theirs and not message.automatic:
            return message.connector
    return card.connector


def _instead(found: list[Way], card: Card) -> list[Way]:
    """Nothing can be sent by the way they wrote: what is for them goes by the first mail connector, if it can."""
    mail = [way for way in found if way.usable and way.channel == addresses.MAIL and way.address == card.contact.email]
    if not mail:
        return found
    first = msgspec.structs.replace(mail[0], own=True)
    return [first, *(way for way in found if way is not mail[0])]


async def _with_window(store: Store, way: Way, card: Card, now: dt.datetime) -> Way:
    if way.channel != window.CHANNEL or not way.usable:
        return way
    last = await store.last_heard(card.id, way.connector)
    until = last + window.WINDOW if last is not None else None
    return msgspec.structs.replace(way, open_until=until, closed=not window.still_open(last, now))
