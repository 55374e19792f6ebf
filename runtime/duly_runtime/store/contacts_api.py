"""What the rest of Duly may ask of the store about contacts. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec


class IdentityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One name of a contact. `verified`: a channel vouches for it, or a person of ours does; else somebody only said so.
    `source` is the connector it came by, or the user who added it."""

    id: int
    kind: str
    scope: str
    value: str
    verified: bool
    source: str
    at: dt.datetime


class ContactLine(msgspec.Struct, frozen=True, kw_only=True):
    """A contact in a list. `names` are the values of its identities."""

    id: int
    name: str
    names: tuple[str, ...]
    cards: int
    open_cards: int
    last_at: dt.datetime
    """When its latest card was opened; without cards, when it came into being."""


class ContactMerge(msgspec.Struct, frozen=True, kw_only=True):
    """Another contact was made part of this one."""

    id: int
    name: str
    """What the other was called."""
    at: dt.datetime
    author: str
    undone_at: dt.datetime | None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a card of the contact says of its customer, and nobody vouches for. `contact_id` is whose it is, 0 nobody's."""

    kind: str
    value: str
    contact_id: int
    name: str


class ContactPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one contact but its cards. `merged_into` is the contact it is part of now, 0 where it is its own."""

    id: int
    name: str
    created_at: dt.datetime
    merged_into: int
    identities: tuple[IdentityRow, ...]
    merges: tuple[ContactMerge, ...]


class ContactCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card of a contact. `claimed`: nobody vouches for that it was they who opened it."""

    id: int
    number: int
    pipeline: str
    stage: str
    title: str
    channel: str
    connector: str
    owner: str
    created_at: dt.datetime
    finished_at: dt.datetime | None
    claimed: bool


class CardContact(msgspec.Struct, frozen=True, kw_only=True):
    """Whose card it is; `id` 0 where nothing told."""

    id: int
    name: str
    claimed: bool
    others: int
    """How many other cards the contact has."""


class ContactStore(Protocol):
    """Contacts are made as messages are handled. Each change by a person is in the audit log, in the same transaction."""

    async def contact(self, contact_id: int) -> ContactPage:
        """Raises Missing."""
        ...

    async def contacts(self, query: str = "", limit: int = 50, before: int = 0) -> list[ContactLine]:
        """Newest first, those that are part of others left out. `query` is words, each of which must occur in the name or
        in an identity."""
        ...

    async def contact_cards(self, contact_id: int, limit: int = 200) -> list[ContactCard]:
        """Newest first."""
        ...

    async def contact_of_card(self, card_id: int) -> CardContact: ...

    async def contact_claims(self, contact_id: int) -> list[Claim]:
        """Addresses and numbers on the contact's cards that are not its own identities."""
        ...

    async def rename_contact(self, contact_id: int, name: str, author: str, now: dt.datetime) -> None: ...

    async def add_identity(self, contact_id: int, kind: str, value: str, author: str, now: dt.datetime) -> int:
        """A person says that this e-mail address or phone number is theirs. ValueError for what is none, Conflict where it
        belongs to another contact."""
        ...

    async def confirm_identity(self, contact_id: int, identity_id: int, author: str, now: dt.datetime) -> None:
        """A person vouches for an identity that was only claimed."""
        ...

    async def merge_contacts(self, kept: int, gone: int, author: str, now: dt.datetime) -> int:
        """`gone` becomes part of `kept`: its identities and cards are that one's. The merge's id, to undo it by. Conflict
        where either is part of another already."""
        ...

    async def undo_contact_merge(self, merge_id: int, author: str, now: dt.datetime) -> int:
        """Both are as they were; the id of the one that was gone. What came in since by an identity that goes back goes
        back as well. Conflict where it is undone already."""
        ...

    async def split_contact(self, contact_id: int, identity_ids: Sequence[int], author: str, now: dt.datetime) -> int:
        """These identities belong to somebody else: a new contact with them and the cards that came by them; its id.
        Conflict where nothing would be left of the contact."""
        ...
