"""A card becomes part of another one, becomes its own again, or gives messages to a new one."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages.card import load, refusal
from duly_admin_ui.pages.contacts import number as number_of
from duly_runtime import splitting
from duly_runtime.card import Card
from duly_runtime.events import MergeCard, UnmergeCard
from duly_runtime.store.api import Missing

FOUND = 20


async def show_merge(page: Page, card: Card, *, problem: str = "") -> Response[Any]:
    store = page.services.store
    query = page.request.query_params.get("q", "").strip()
    whose = await store.contact_of_card(card.id)
    theirs = await store.contact_cards(whose.id, FOUND) if whose.id and not query else []
    found = await store.cards(query=query.removeprefix("#"), limit=FOUND) if query else []
    return page.render(
        "card_merge.html",
        status=409 if problem else 200,
        card=card,
        query=query,
        theirs=[each for each in theirs if each.id != card.id],
        found=[each for each in found if each.id != card.id],
        problem=problem,
    )


@get("/cards/{number:int}/merge", guards=[needs("cards.merge")])
async def merge_page(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    return await show_merge(page, await load(page, number))


@post("/cards/{number:int}/merge", status_code=200, guards=[needs("cards.merge")])
async def merge(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Go on with the card that stays."""
    card = await load(page, number)
    form = await page.form()
    other = number_of(form.get("into", ""))
    try:
        into = await page.services.store.card_id(other)
    except Missing:
        return await show_merge(page, card, problem=page.gettext("There is no card #{number}.").format(number=other))
    reason, _ = await page.services.command_spanning(card.id, MergeCard(into=into, number=other, author=page.name))
    if reason:
        return await show_merge(page, card, problem=await refusal(page, card, reason))
    return go(f"/cards/{other}")


@post("/cards/{number:int}/unmerge", status_code=200, guards=[needs("cards.merge")])
async def unmerge(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    card = await load(page, number)
    await page.services.command_spanning(card.id, UnmergeCard(author=page.name))
    return go(f"/cards/{number}")


async def show_split(page: Page, card: Card, *, problem: str = "", typed: dict[str, str] | None = None) -> Response[Any]:
    return page.render(
        "card_split.html",
        status=409 if problem else 200,
        card=card,
        messages=await page.services.store.messages(card.id),
        pipelines=list(page.program.pipelines) if page.program is not None else [],
        problem=problem,
        typed=typed or {},
    )


@get("/cards/{number:int}/split", guards=[needs("cards.merge")])
async def split_page(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    return await show_split(page, await load(page, number))


@post("/cards/{number:int}/split", status_code=200, guards=[needs("cards.merge")])
async def split(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Go on with the new card."""
    store = page.services.store
    card = await load(page, number)
    form = await page.form()
    body = splitting.asked(
        card,
        await store.messages(card.id),
        frozenset(number_of(name.removeprefix("message-")) for name in form if name.startswith("message-")),
        title=form.get("title", "").strip(),
        pipeline=form.get("pipeline", ""),
        follow=form.get("later") == "new",
        author=page.name,
    )
    reason, other = await page.services.command_spanning(card.id, body)
    if reason:
        return await show_split(page, card, problem=await refusal(page, card, reason), typed=form)
    return go(f"/cards/{(await store.card(other)).number}")


HANDLERS = (merge_page, merge, unmerge, split_page, split)
