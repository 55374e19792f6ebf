"""Contacts: who the customers are, with their cards across channels; renamed, merged and split by people."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_runtime.store.api import Conflict
from duly_runtime.store.contacts_api import ContactPage

SHOWN = 50
CANDIDATES = 8
NAME_CAP = 200


@get("/contacts", guards=[needs("cards.read")])
async def contacts(page: NamedDependency[Page]) -> Response[Any]:
    query = page.request.query_params.get("q", "").strip()
    before = page.request.query_params.get("before", "")
    rows = await page.services.store.contacts(query, SHOWN + 1, number(before))
    return page.render(
        "contacts.html", rows=rows[:SHOWN], query=query, older=rows[SHOWN - 1].id if len(rows) > SHOWN else 0
    )


async def show(
    page: Page, contact: ContactPage, *, problem: str = "", typed: dict[str, str] | None = None
) -> Response[Any]:
    """The contact's page; with `problem`, what was refused, and what was typed is kept."""
    store = page.services.store
    query = page.request.query_params.get("q", "").strip()
    found = await store.contacts(query, CANDIDATES + 1) if query else []
    return page.render(
        "contact.html",
        status=409 if problem else 200,
        contact=contact,
        into=await store.contact(contact.merged_into) if contact.merged_into else None,
        cards=await store.contact_cards(contact.id),
        claims=await store.contact_claims(contact.id),
        query=query,
        candidates=[line for line in found if line.id != contact.id][:CANDIDATES],
        problem=problem,
        typed=typed or {},
    )


@get("/contacts/{contact:int}", guards=[needs("cards.read")])
async def contact_page(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    return await show(page, await page.services.store.contact(contact))


@post("/contacts/{contact:int}/name", status_code=200, guards=[needs("contacts.edit")])
async def rename(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    form = await page.form()
    name = form.get("name", "").strip()[:NAME_CAP]
    await page.services.store.rename_contact(contact, name, page.name, page.now)
    return go(f"/contacts/{contact}")


@post("/contacts/{contact:int}/identities", status_code=200, guards=[needs("contacts.edit")])
async def identities(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    """Add an address or a number; with `confirm` pressed, vouch for one that was claimed."""
    store = page.services.store
    form = await page.form()
    if "confirm" in form:
        await store.confirm_identity(contact, number(form["confirm"]), page.name, page.now)
        return go(f"/contacts/{contact}")
    value = form.get("value", "").strip()
    try:
        await store.add_identity(contact, "email" if "@" in value else "phone", value, page.name, page.now)
    except ValueError:
        problem = page.gettext("Write an e-mail address, or a phone number with its country, like +55 11 98765-4321.")
    except Conflict:
        problem = page.gettext("{value} belongs to another contact: search for it below, and merge the two.")
        problem = problem.format(value=value)
    else:
        return go(f"/contacts/{contact}")
    return await show(page, await store.contact(contact), problem=problem, typed=form)


@post("/contacts/{contact:int}/merge", status_code=200, guards=[needs("contacts.edit")])
async def merge(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    form = await page.form()
    await page.services.store.merge_contacts(contact, number(form.get("other", "")), page.name, page.now)
    return go(f"/contacts/{contact}")


@post("/contacts/{contact:int}/undo", status_code=200, guards=[needs("contacts.edit")])
async def undo(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    """Undo a merge, and go on with the contact that is back."""
    form = await page.form()
    back = await page.services.store.undo_contact_merge(number(form.get("merge", "")), page.name, page.now)
    return go(f"/contacts/{back}")


@post("/contacts/{contact:int}/split", status_code=200, guards=[needs("contacts.edit")])
async def split(page: NamedDependency[Page], contact: FromPath[int]) -> Response[Any]:
    store = page.services.store
    form = await page.form()
    taken = [number(name.removeprefix("identity-")) for name in form if name.startswith("identity-")]
    try:
        other = await store.split_contact(contact, taken, page.name, page.now)
    except Conflict:
        problem = page.gettext("Tick what belongs to somebody else, and leave at least one identity here.")
        return await show(page, await store.contact(contact), problem=problem, typed=form)
    return go(f"/contacts/{other}")


def number(text: str) -> int:
    """What a form or an address gives as an id; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


HANDLERS = (contacts, contact_page, rename, identities, merge, undo, split)
