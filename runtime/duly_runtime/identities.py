"""Who wrote a message: identities in the one form in which they are compared. Pure.

A channel vouches for some of what a message says of its sender (Meta for the number, a chat service for its user id). The
rest is a claim: whoever fills in a form may write anybody's address there. By what is vouched for a contact is found and
grows. A claim leads to a contact only by the address a reply would go to, so that whoever makes it gains nothing: the
answer goes to the one whose address it is. What else was claimed never becomes part of a contact by itself.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from duly_runtime.events import Contact, ContactChanged, CustomerMessage, Identity, OpenCard

EMAIL, PHONE, WHATSAPP, ADDRESS = "email", "phone", "whatsapp", "address"
EVERYWHERE = frozenset((EMAIL, PHONE, WHATSAPP))
"""Kinds that mean the same person whatever the connector."""
LONGEST = 320
"""Characters of an identity; an e-mail address has no more."""

_PUNCTUATION = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_BRAZIL = re.compile(r"\+55([1-9][0-9])([6-9][0-9]{7})")
_MEXICO = re.compile(r"\+521([0-9]{10})")


class Key(msgspec.Struct, frozen=True, order=True):
    """An identity as it is stored: unique. `scope` is the connector whose word it is, empty for those known everywhere."""

    kind: str
    scope: str
    value: str


class Named(msgspec.Struct, frozen=True):
    """Who a message is from. `keys` are vouched for unless `claimed`; a claim is one key at most."""

    keys: tuple[Key, ...] = ()
    claimed: bool = False


def email(text: str) -> str:
    """Lower case and composed; empty for what is no address."""
    found = unicodedata.normalize("NFC", text).strip().casefold()
    local, at, domain = found.rpartition("@")
    if not (at and local and domain) or len(found) > LONGEST or any(c.isspace() or not c.isprintable() for c in found):
        return ""
    return found


def phone(text: str) -> str:
    """E.164 (`+5511987654321`); empty for what is no number with its country.

    Two spellings of one mobile number are one: Brazil's without the ninth digit, which WhatsApp keeps for older accounts,
    and Mexico's with the 1 after the country that is no longer dialled.
    """
    digits = _PUNCTUATION.sub("", text.strip())
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _NUMBER.fullmatch(digits):
        return ""
    if brazil := _BRAZIL.fullmatch(digits):
        return f"+55{brazil[1]}9{brazil[2]}"
    if mexico := _MEXICO.fullmatch(digits):
        return f"+52{mexico[1]}"
    return digits


def key(kind: str, value: str, connector: str) -> Key | None:
    """None for what can't be one."""
    if kind == EMAIL:
        value = email(value)
    elif kind == PHONE:
        value = phone(value)
    else:
        value = unicodedata.normalize("NFC", value).strip()
    if not kind or not value or len(value) > LONGEST:
        return None
    return Key(kind, "" if kind in EVERYWHERE else connector, value)


def of_message(body: CustomerMessage | OpenCard) -> Named:
    """Who an event that may open a card is from."""
    vouched = _vouched(body) if isinstance(body, CustomerMessage) else ()
    keys = [made for each in vouched if (made := key(each.kind, each.value, body.connector)) is not None]
    if keys:
        return Named(tuple(dict.fromkeys(keys)))
    claim = key(EMAIL, body.contact.email, "") or key(PHONE, body.contact.phone, "")
    return Named((claim,), claimed=True) if claim is not None else Named()


def of_change(body: ContactChanged) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    """Who a customer is from now on, and who they were."""

    def keys(names: tuple[Identity, ...]) -> tuple[Key, ...]:
        made = [found for each in names if (found := key(each.kind, each.value, body.connector)) is not None]
        return tuple(dict.fromkeys(made))

    return keys(body.identities), keys(body.former_identities)


def _vouched(body: CustomerMessage) -> tuple[Identity, ...]:
    if body.identities:
        return body.identities
    if body.thread is not None:
        # The sender of a mail, unless our own server found that it is not from them.
        return (Identity(EMAIL, body.thread.sender),) if body.thread.trusted and body.thread.sender else ()
    return (Identity(ADDRESS, body.contact.address),) if _own_name(body.contact) else ()


def _own_name(contact: Contact) -> bool:
    """Whether the address is a name of the connector's, not what the message says of an e-mail address or a number."""
    address = contact.address
    return bool(address) and address not in (contact.email, contact.phone) and not email(address)
