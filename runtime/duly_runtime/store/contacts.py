"""Contacts: whose a message is, found or made in the transaction that handles it; and what people do to contacts.

Locks are taken in the order contact, conversation, card, so that a merge and a message never wait for each other.

Each function is a unit of work (`store.unit`), or a part of one.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from duly_runtime import identities
from duly_runtime.card import Card
from duly_runtime.events import ContactChanged, CustomerMessage, OpenCard
from duly_runtime.identities import Key, Named
from duly_runtime.store import audit, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.contacts_api import (
    CardContact,
    Claim,
    ContactCard,
    ContactLine,
    ContactMerge,
    ContactPage,
    IdentityRow,
)
from duly_runtime.store.unit import Again, Row

_ids = msgspec.json.Decoder(tuple[int, ...])


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who wrote, before anything is made. `contact_id` 0: nobody we know; `identity_id`: what told."""

    named: Named
    contact_id: int = 0
    identity_id: int = 0
    new: tuple[Key, ...] = ()
    """Vouched for, or claimed by somebody unknown, and nobody's yet."""
    proven: tuple[Row, ...] = ()
    """Identities somebody had only claimed, which this message's channel vouches for."""


NOBODY = Found(named=Named())


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a message is. `of_card` is what its card is to remember; None where it remembers already."""

    contact_id: int
    of_card: Row | None


# --- in the transaction of a message ---------------------------------------------------------------------------------


async def find(body: CustomerMessage | OpenCard) -> Found:
    """The contact a message leads to, held until the transaction ends so that no merge comes between."""
    named = identities.of_message(body)
    if not named.keys:
        return Found(named=named)
    rows = await _rows(named.keys)
    known = [rows[key] for key in named.keys if key in rows]
    missing = tuple(key for key in named.keys if key not in rows)
    if named.claimed or not known:
        first = known[0] if known else None
        contact_id = int(first["contact_id"]) if first else 0
        return Found(named=named, contact_id=contact_id, identity_id=int(first["id"]) if first else 0, new=missing)
    found = known[0]
    contact_id = int(found["contact_id"])
    if found is not rows.get(named.keys[0]) and await _contradicts(contact_id, missing[0]):
        # A number that changed hands: what lasts longer says it is somebody else. It stays with whom it was.
        return Found(named=named, new=missing)
    proven = tuple(row for row in known if not row["verified"])
    return Found(named=named, contact_id=contact_id, identity_id=int(found["id"]), new=missing, proven=proven)


async def follow(body: ContactChanged, now: dt.datetime) -> None:
    """A customer goes by other names: they become their contact's, unless they are somebody's already."""
    new, former = identities.of_change(body)
    if not new or not former:
        return
    rows = await _rows((*new, *former))
    known = next((rows[key] for key in former if key in rows), None)
    missing = [key for key in new if key not in rows]
    if known is None or not missing:
        return
    contact_id = int(known["contact_id"])
    await _add(contact_id, missing, True, body.connector, now)
    await _describe(contact_id, body.contact.name)


async def _rows(keys: Sequence[Key]) -> dict[Key, Row]:
    wanted = " OR ".join(["(i.kind = ? AND i.scope = ? AND i.value = ?)"] * len(keys))
    held = " FOR KEY SHARE" if unit.on_postgres() else ""
    rows = await unit.fetch(
        "SELECT i.id, i.contact_id, i.kind, i.scope, i.value, i.verified, c.merged_into FROM identity i"
        f" JOIN contact c ON c.id = i.contact_id WHERE {wanted} ORDER BY i.id{held}",
        *(part for key in keys for part in (key.kind, key.scope, key.value)),
    )
    if any(row["merged_into"] for row in rows):
        raise Again  # a merge was under way, and we waited for it
    return {Key(row["kind"], row["scope"], row["value"]): row for row in rows}


async def _contradicts(contact_id: int, key: Key) -> bool:
    """Whether the contact has another identity of that kind, vouched for: then it is not the one who has this."""
    row = await unit.first(
        "SELECT id FROM identity WHERE contact_id = ? AND kind = ? AND scope = ? AND verified LIMIT 1",
        contact_id,
        key.kind,
        key.scope,
    )
    return row is not None


async def settle(found: Found, body: CustomerMessage | OpenCard, before: Row | None, now: dt.datetime) -> Whose:
    """Make what is not there yet, and say whose the message is. `before` is the row of the card it joins."""
    contact_id, identity_id, new = found.contact_id, found.identity_id, found.new
    of_before = int(before["contact_id"]) if before is not None else 0
    if not found.named.keys:
        # Whoever wrote into a conversation is taken for the one who opened it.
        contact_id = of_before
    elif not contact_id and of_before and not found.named.claimed and not await _named(of_before):
        contact_id = of_before  # the conversation tells
    made = not contact_id and bool(found.named.keys or body.contact.name)
    if made:
        name = body.contact.name
        search = _found_by(name, [key.value for key in sorted(new)])
        row = {"name": name, "created_at": now, "merged_into": 0, "search": search}
        contact_id = int((await unit.insert("contact", [row], "RETURNING id"))[0]["id"])
    if new:
        added = await _add(contact_id, new, not found.named.claimed, body.connector, now)
        identity_id = identity_id or added[0]
    for row in found.proven:
        await unit.fetch(
            "UPDATE identity SET verified = ?, contact_id = ?, source = ? WHERE id = ?",
            True,
            contact_id,
            body.connector,
            row["id"],
        )
        if int(row["contact_id"]) != contact_id:
            await _describe(int(row["contact_id"]))
    if found.proven or (new and not made):
        await _describe(contact_id, body.contact.name)
    of_card = None
    if contact_id and not of_before:
        of_card = {
            "contact_id": contact_id,
            "identity_id": identity_id,
            "claimed": found.named.claimed or not found.named.keys or _unsure(body),
        }
    return Whose(contact_id=contact_id, of_card=of_card)


def _unsure(body: CustomerMessage | OpenCard) -> bool:
    """It would have joined the customer's card, had anybody vouched for its sender."""
    return isinstance(body, CustomerMessage) and body.same_customer and not body.sure_of_sender


async def _named(contact_id: int) -> bool:
    return await unit.first("SELECT id FROM identity WHERE contact_id = ? LIMIT 1", contact_id) is not None


async def _add(contact_id: int, keys: Sequence[Key], verified: bool, source: str, now: dt.datetime) -> list[int]:
    """In one order whoever does it, so that two never wait for each other. Ids in the order of `keys`."""
    rows = [
        {
            "contact_id": contact_id,
            "kind": key.kind,
            "scope": key.scope,
            "value": key.value,
            "verified": verified,
            "source": source,
            "at": now,
        }
        for key in sorted(keys)
    ]
    made = await unit.insert(
        "identity", rows, "ON CONFLICT (kind, scope, value) DO NOTHING RETURNING id, kind, scope, value"
    )
    ids = {Key(row["kind"], row["scope"], row["value"]): int(row["id"]) for row in made}
    if len(ids) < len(keys):
        raise Again  # another message of the same customer came first
    return [ids[key] for key in keys]


async def _describe(contact_id: int, name: str = "") -> None:
    """Fill in a name where there is none, and write down what the contact is found by."""
    row = await unit.first("SELECT name FROM contact WHERE id = ?", contact_id)
    name = (row["name"] if row else "") or name
    values = await unit.fetch("SELECT value FROM identity WHERE contact_id = ? ORDER BY id", contact_id)
    search = _found_by(name, [each["value"] for each in values])
    await unit.fetch("UPDATE contact SET name = ?, search = ? WHERE id = ?", name, search, contact_id)


def _found_by(name: str, values: Sequence[str]) -> str:
    return "\n".join(part for part in (name, *values) if part).casefold()


# --- reading ---------------------------------------------------------------------------------------------------------


async def page(contact_id: int) -> ContactPage:
    row = await unit.first("SELECT id, name, created_at, merged_into FROM contact WHERE id = ?", contact_id)
    if row is None:
        raise Missing(f"there is no contact {contact_id}")
    known = await unit.fetch(
        "SELECT id, kind, scope, value, verified, source, at FROM identity WHERE contact_id = ? ORDER BY id", contact_id
    )
    merges = await unit.fetch(
        "SELECT m.id, m.at, m.author, m.undone_at, c.name FROM contact_merge m JOIN contact c ON c.id = m.gone"
        " WHERE m.kept = ? ORDER BY m.id DESC",
        contact_id,
    )
    return ContactPage(
        id=int(row["id"]),
        name=row["name"],
        created_at=row["created_at"],
        merged_into=int(row["merged_into"]),
        identities=tuple(
            IdentityRow(
                id=int(each["id"]),
                kind=each["kind"],
                scope=each["scope"],
                value=each["value"],
                verified=bool(each["verified"]),
                source=each["source"],
                at=each["at"],
            )
            for each in known
        ),
        merges=tuple(
            ContactMerge(
                id=int(each["id"]), name=each["name"], at=each["at"], author=each["author"], undone_at=each["undone_at"]
            )
            for each in merges
        ),
    )


async def lines(query: str, limit: int, before: int) -> list[ContactLine]:
    parts, args = ["c.merged_into = 0"], list[Any]()
    for word in query.casefold().split():
        parts.append("c.search LIKE ? ESCAPE '!'")
        args.append(unit.containing(word))
    if before:
        parts.append("c.id < ?")
        args.append(before)
    rows = await unit.fetch(
        f"SELECT c.id, c.name, c.created_at FROM contact c WHERE {' AND '.join(parts)} ORDER BY c.id DESC LIMIT ?",
        *args,
        limit,
    )
    ids = [int(row["id"]) for row in rows]
    if not ids:
        return []
    names: dict[int, list[str]] = {contact_id: [] for contact_id in ids}
    marks = unit.marks(len(ids))
    for row in await unit.fetch(f"SELECT contact_id, value FROM identity WHERE contact_id IN ({marks}) ORDER BY id", *ids):
        names[int(row["contact_id"])].append(row["value"])
    theirs = "FROM card WHERE contact_id > 0 AND contact_id IN"
    counted = await unit.fetch(
        "SELECT contact_id, COUNT(*) AS n, SUM(CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END) AS open_cards"
        f" {theirs} ({marks}) GROUP BY contact_id",
        *ids,
    )
    latest = await unit.fetch(
        f"SELECT contact_id, created_at FROM card WHERE id IN (SELECT MAX(id) {theirs} ({marks}) GROUP BY contact_id)", *ids
    )
    counts = {int(row["contact_id"]): (int(row["n"]), int(row["open_cards"])) for row in counted}
    last = {int(row["contact_id"]): row["created_at"] for row in latest}
    return [
        ContactLine(
            id=int(row["id"]),
            name=row["name"],
            names=tuple(names[int(row["id"])]),
            cards=counts.get(int(row["id"]), (0, 0))[0],
            open_cards=counts.get(int(row["id"]), (0, 0))[1],
            last_at=last.get(int(row["id"]), row["created_at"]),
        )
        for row in rows
    ]


async def cards(contact_id: int, limit: int) -> list[ContactCard]:
    rows = await unit.fetch(
        "SELECT id, number, pipeline, stage, title, channel, connector, owner, created_at, finished_at, claimed FROM card"
        " WHERE contact_id = ? AND contact_id > 0 ORDER BY id DESC LIMIT ?",
        contact_id,
        limit,
    )
    return [
        ContactCard(
            id=int(row["id"]),
            number=int(row["number"]),
            pipeline=row["pipeline"],
            stage=row["stage"],
            title=row["title"],
            channel=row["channel"],
            connector=row["connector"],
            owner=row["owner"],
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            claimed=bool(row["claimed"]),
        )
        for row in rows
    ]


async def of_card(card_id: int) -> CardContact:
    row = await unit.first(
        "SELECT k.contact_id, k.claimed, c.name, (SELECT COUNT(*) FROM card o WHERE o.contact_id = k.contact_id"
        " AND o.contact_id > 0 AND o.id <> k.id) AS others"
        " FROM card k LEFT JOIN contact c ON c.id = k.contact_id WHERE k.id = ?",
        card_id,
    )
    if row is None:
        raise Missing(f"there is no card with the id {card_id}")
    return CardContact(
        id=int(row["contact_id"]), name=row["name"] or "", claimed=bool(row["claimed"]), others=int(row["others"])
    )


CLAIMS_OF = 200
"""Latest cards of a contact whose claims are shown."""
_cards = msgspec.json.Decoder(Card)


async def claims(contact_id: int) -> list[Claim]:
    rows = await unit.fetch(
        "SELECT data FROM card WHERE contact_id = ? AND contact_id > 0 ORDER BY id DESC LIMIT ?", contact_id, CLAIMS_OF
    )
    said: dict[Key, None] = {}
    for row in rows:
        contact = _cards.decode(row["data"]).contact
        for kind, value in ((identities.EMAIL, contact.email), (identities.PHONE, contact.phone)):
            key = identities.key(kind, value, "")
            if key is not None:
                said[key] = None
    if not said:
        return []
    wanted = " OR ".join(["(i.kind = ? AND i.scope = ? AND i.value = ?)"] * len(said))
    known = await unit.fetch(
        f"SELECT i.kind, i.scope, i.value, i.contact_id, c.name FROM identity i JOIN contact c ON c.id = i.contact_id"
        f" WHERE {wanted}",
        *(part for key in said for part in (key.kind, key.scope, key.value)),
    )
    owners = {Key(row["kind"], row["scope"], row["value"]): (int(row["contact_id"]), row["name"]) for row in known}
    found: list[Claim] = []
    for key in said:
        owner, name = owners.get(key, (0, ""))
        if owner != contact_id:
            found.append(Claim(kind=key.kind, value=key.value, contact_id=owner, name=name))
    return found


# --- what people do --------------------------------------------------------------------------------------------------


async def _held(*contact_ids: int) -> dict[int, Row]:
    """The contacts' rows, locked in one order; Missing for one there is not, Conflict for one that is part of another."""
    marks = unit.marks(len(contact_ids))
    rows = await unit.fetch(
        f"SELECT id, name, merged_into FROM contact WHERE id IN ({marks}) ORDER BY id{unit.locked()}", *contact_ids
    )
    found = {int(row["id"]): row for row in rows}
    for contact_id in contact_ids:
        if contact_id not in found:
            raise Missing(f"there is no contact {contact_id}")
        if found[contact_id]["merged_into"]:
            raise Conflict(f"contact {contact_id} is part of contact {found[contact_id]['merged_into']} by now")
    return found


async def rename(contact_id: int, name: str, author: str, now: dt.datetime, nonce: str) -> None:
    held = await _held(contact_id)
    await unit.fetch("UPDATE contact SET name = ? WHERE id = ?", name, contact_id)
    await _describe(contact_id)
    await audit.append(
        nonce, author, "contact.renamed", str(contact_id), {"from": held[contact_id]["name"], "to": name}, now
    )


async def add_identity(contact_id: int, kind: str, value: str, author: str, now: dt.datetime, nonce: str) -> int:
    key = identities.key(kind, value, "") if kind in (identities.EMAIL, identities.PHONE) else None
    if key is None:
        raise ValueError(f"`{value}` is no {'e-mail address' if kind == identities.EMAIL else 'phone number'}")
    await _held(contact_id)
    known = (await _rows((key,))).get(key)
    if known is not None:
        if int(known["contact_id"]) == contact_id:
            return int(known["id"])
        raise Conflict(f"{key.value} belongs to contact {known['contact_id']}: merge the two")
    (made,) = await _add(contact_id, (key,), True, author, now)
    await _describe(contact_id)
    await audit.append(nonce, author, "contact.identity.added", str(contact_id), {"kind": kind, "value": key.value}, now)
    return made


async def confirm(contact_id: int, identity_id: int, author: str, now: dt.datetime, nonce: str) -> None:
    await _held(contact_id)
    rows = await unit.fetch(
        "UPDATE identity SET verified = ?, source = ? WHERE id = ? AND contact_id = ? AND NOT verified"
        " RETURNING kind, value",
        True,
        author,
        identity_id,
        contact_id,
    )
    if rows:
        details = {"kind": rows[0]["kind"], "value": rows[0]["value"]}
        await audit.append(nonce, author, "contact.identity.confirmed", str(contact_id), details, now)


async def merge(kept: int, gone: int, author: str, now: dt.datetime, nonce: str) -> int:
    if kept == gone:
        raise Conflict("a contact can't be merged with itself")
    held = await _held(kept, gone)
    moved = await unit.fetch("UPDATE identity SET contact_id = ? WHERE contact_id = ? RETURNING id", kept, gone)
    theirs = await unit.fetch("UPDATE card SET contact_id = ? WHERE contact_id = ? RETURNING id", kept, gone)
    await unit.fetch("UPDATE contact SET merged_into = ? WHERE id = ?", kept, gone)
    row = {
        "kept": kept,
        "gone": gone,
        "at": now,
        "author": author,
        "identities": _listed(moved),
        "cards": _listed(theirs),
        "undone_at": None,
    }
    merge_id = int((await unit.insert("contact_merge", [row], "RETURNING id"))[0]["id"])
    await _describe(kept, held[gone]["name"])
    details = {"gone": str(gone), "name": held[gone]["name"], "identities": str(len(moved)), "cards": str(len(theirs))}
    await audit.append(nonce, author, "contact.merged", str(kept), details, now)
    return merge_id


def _listed(rows: Sequence[Row]) -> str:
    return msgspec.json.encode(sorted(int(row["id"]) for row in rows)).decode()


async def undo_merge(merge_id: int, author: str, now: dt.datetime, nonce: str) -> int:
    row = await unit.first(
        "SELECT kept, gone, identities, cards, undone_at FROM contact_merge WHERE id = ?" + unit.locked(), merge_id
    )
    if row is None:
        raise Missing(f"there is no merge {merge_id}")
    if row["undone_at"] is not None:
        raise Conflict("it is undone already")
    kept, gone = int(row["kept"]), int(row["gone"])
    await unit.fetch(f"SELECT id FROM contact WHERE id IN (?, ?) ORDER BY id{unit.locked()}", kept, gone)
    # What a person moved on since is not fetched back from there.
    names = _ids.decode(row["identities"])
    for part in unit.chunks(names, unit.MAX_ARGUMENTS - 2):
        await unit.fetch(
            f"UPDATE identity SET contact_id = ? WHERE contact_id = ? AND id IN ({unit.marks(len(part))})",
            gone,
            kept,
            *part,
        )
        await unit.fetch(
            f"UPDATE card SET contact_id = ? WHERE contact_id = ? AND identity_id IN ({unit.marks(len(part))})",
            gone,
            kept,
            *part,
        )
    for part in unit.chunks(_ids.decode(row["cards"]), unit.MAX_ARGUMENTS - 2):
        await unit.fetch(
            f"UPDATE card SET contact_id = ? WHERE contact_id = ? AND id IN ({unit.marks(len(part))})", gone, kept, *part
        )
    await unit.fetch("UPDATE contact SET merged_into = 0 WHERE id = ?", gone)
    await unit.fetch("UPDATE contact_merge SET undone_at = ? WHERE id = ?", now, merge_id)
    await _describe(kept)
    await _describe(gone)
    await audit.append(nonce, author, "contact.merge.undone", str(kept), {"back": str(gone)}, now)
    return gone


async def split(contact_id: int, identity_ids: Sequence[int], author: str, now: dt.datetime, nonce: str) -> int:
    await _held(contact_id)
    rows = await unit.fetch("SELECT id FROM identity WHERE contact_id = ? ORDER BY id", contact_id)
    there = {int(row["id"]) for row in rows}
    taken = sorted(there & set(identity_ids))
    if not taken or len(taken) < len(set(identity_ids)):
        raise Conflict("say which of the contact's identities belong to somebody else")
    if len(taken) == len(there):
        raise Conflict("nothing would be left of the contact: rename it instead")
    marks = unit.marks(len(taken))
    new = {"name": "", "created_at": now, "merged_into": 0, "search": ""}
    other = int((await unit.insert("contact", [new], "RETURNING id"))[0]["id"])
    await unit.fetch(f"UPDATE identity SET contact_id = ? WHERE id IN ({marks})", other, *taken)
    came = await unit.fetch(
        f"UPDATE card SET contact_id = ? WHERE contact_id = ? AND identity_id IN ({marks}) RETURNING id, customer",
        other,
        contact_id,
        *taken,
    )
    await _describe(other, next((row["customer"] for row in came if row["customer"]), ""))
    await _describe(contact_id)
    details = {"new": str(other), "identities": str(len(taken)), "cards": str(len(came))}
    await audit.append(nonce, author, "contact.split", str(contact_id), details, now)
    return other


# --- the store's methods ---------------------------------------------------------------------------------------------


class StoredContacts:
    """`contacts_api.ContactStore` over a database; part of `DatabaseStore`."""

    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def contact(self, contact_id: int) -> ContactPage:
        return await self._read(lambda: page(contact_id))

    async def contacts(self, query: str = "", limit: int = 50, before: int = 0) -> list[ContactLine]:
        return await self._read(lambda: lines(query, limit, before))

    async def contact_cards(self, contact_id: int, limit: int = 200) -> list[ContactCard]:
        return await self._read(lambda: cards(contact_id, limit))

    async def contact_of_card(self, card_id: int) -> CardContact:
        return await self._read(lambda: of_card(card_id))

    async def contact_claims(self, contact_id: int) -> list[Claim]:
        return await self._read(lambda: claims(contact_id))

    async def rename_contact(self, contact_id: int, name: str, author: str, now: dt.datetime) -> None:
        nonce = secrets.token_hex(16)
        await self._write(lambda: rename(contact_id, name, author, now, nonce))

    async def add_identity(self, contact_id: int, kind: str, value: str, author: str, now: dt.datetime) -> int:
        nonce = secrets.token_hex(16)
        return await self._write(lambda: add_identity(contact_id, kind, value, author, now, nonce))

    async def confirm_identity(self, contact_id: int, identity_id: int, author: str, now: dt.datetime) -> None:
        nonce = secrets.token_hex(16)
        await self._write(lambda: confirm(contact_id, identity_id, author, now, nonce))

    async def merge_contacts(self, kept: int, gone: int, author: str, now: dt.datetime) -> int:
        nonce = secrets.token_hex(16)
        return await self._write(lambda: merge(kept, gone, author, now, nonce))

    async def undo_contact_merge(self, merge_id: int, author: str, now: dt.datetime) -> int:
        nonce = secrets.token_hex(16)
        return await self._write(lambda: undo_merge(merge_id, author, now, nonce))

    async def split_contact(self, contact_id: int, identity_ids: Sequence[int], author: str, now: dt.datetime) -> int:
        nonce = secrets.token_hex(16)
        return await self._write(lambda: split(contact_id, identity_ids, author, now, nonce))
