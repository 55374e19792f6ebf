"""Contacts over the API: who the customers are, across channels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter

from duly_platform.api.access import needs
from duly_platform.api.cards import READ, desk
from duly_platform.api.problems import Problem
from duly_runtime.store.api import User
from duly_runtime.store.contacts_api import CardContact, Claim, ContactCard, ContactLine, ContactPage

EDIT = [needs("write", "contacts.edit")]
NAME_CAP = 200


class NewName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=NAME_CAP)]


class NewIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An e-mail address, or a phone number with its country (`+5511987654321`)."""

    kind: Literal["email", "phone"]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contact that becomes part of this one."""

    contact: int


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of identities that belong to somebody else."""

    identities: tuple[int, ...]


class Merged(msgspec.Struct, frozen=True):
    """`merge` undoes it: POST /contact-merges/{merge}/undo."""

    merge: int
    contact: ContactPage


@get("/contacts", guards=READ, summary="Contacts, newest first")
async def contacts(
    state: State,
    text: Annotated[str, QueryParameter(name="query")] = "",
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 50,
    before: Annotated[int, QueryParameter(name="before", ge=0, le=2**62)] = 0,
) -> list[ContactLine]:
    """`query`: words that must occur in the name or an identity; `before`: the id of the last one seen."""
    return await desk(state).store.contacts(text, limit, before)


@get("/contacts/{contact:int}", guards=READ, summary="One contact with its identities and merges")
async def contact_page(state: State, contact: FromPath[int]) -> ContactPage:
    return await desk(state).store.contact(contact)


@get("/contacts/{contact:int}/cards", guards=READ, summary="The contact's cards, newest first")
async def contact_cards(
    state: State,
    contact: FromPath[int],
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 200,
) -> list[ContactCard]:
    await desk(state).store.contact(contact)
    return await desk(state).store.contact_cards(contact, limit)


@get("/contacts/{contact:int}/claims", guards=READ, summary="What its cards say of the customer and nobody vouches for")
async def contact_claims(state: State, contact: FromPath[int]) -> list[Claim]:
    await desk(state).store.contact(contact)
    return await desk(state).store.contact_claims(contact)


@get("/cards/{number:int}/contact", guards=READ, summary="Whose card it is")
async def card_contact(state: State, number: FromPath[int]) -> CardContact:
    return await desk(state).store.contact_of_card(await desk(state).store.card_id(number))


@post("/contacts/{contact:int}/name", guards=EDIT, status_code=200, summary="Rename a contact")
async def rename_contact(
    request: Request[User, Any, State], state: State, contact: FromPath[int], data: JSONBody[NewName]
) -> ContactPage:
    here = desk(state)
    await here.store.rename_contact(contact, data.name.strip(), request.user.name, here.now())
    return await here.store.contact(contact)


@post("/contacts/{contact:int}/identities", guards=EDIT, status_code=200, summary="Say that an address or number is theirs")
async def add_identity(
    request: Request[User, Any, State], state: State, contact: FromPath[int], data: JSONBody[NewIdentity]
) -> ContactPage:
    here = desk(state)
    try:
        await here.store.add_identity(contact, data.kind, data.value, request.user.name, here.now())
    except ValueError as error:
        raise Problem(422, "refused", str(error)) from error
    return await here.store.contact(contact)


@post(
    "/contacts/{contact:int}/identities/{identity:int}/confirm",
    guards=EDIT,
    status_code=200,
    summary="Vouch for an identity that was only claimed",
)
async def confirm_identity(
    request: Request[User, Any, State], state: State, contact: FromPath[int], identity: FromPath[int]
) -> ContactPage:
    here = desk(state)
    await here.store.confirm_identity(contact, identity, request.user.name, here.now())
    return await here.store.contact(contact)


@post("/contacts/{contact:int}/merge", guards=EDIT, status_code=200, summary="Make another contact part of this one")
async def merge_contacts(
    request: Request[User, Any, State], state: State, contact: FromPath[int], data: JSONBody[Other]
) -> Merged:
    here = desk(state)
    merge = await here.store.merge_contacts(contact, data.contact, request.user.name, here.now())
    return Merged(merge, await here.store.contact(contact))


@post(
    "/contact-merges/{merge:int}/undo", guards=EDIT, status_code=200, summary="Undo a merge; answers the one that is back"
)
async def undo_contact_merge(request: Request[User, Any, State], state: State, merge: FromPath[int]) -> ContactPage:
    here = desk(state)
    return await here.store.contact(await here.store.undo_contact_merge(merge, request.user.name, here.now()))


@post(
    "/contacts/{contact:int}/split",
    guards=EDIT,
    status_code=200,
    summary="Identities become a contact of their own, which is answered",
)
async def split_contact(
    request: Request[User, Any, State], state: State, contact: FromPath[int], data: JSONBody[Taken]
) -> ContactPage:
    here = desk(state)
    other = await here.store.split_contact(contact, data.identities, request.user.name, here.now())
    return await here.store.contact(other)


router = Router(
    "/",
    tags=["contacts"],
    route_handlers=[
        contacts, contact_page, contact_cards, contact_claims, card_contact, rename_contact, add_identity,
        confirm_identity, merge_contacts, undo_contact_merge, split_contact,
    ],
)  # fmt: skip
