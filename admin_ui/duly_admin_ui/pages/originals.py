"""Messages as they were written."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.originals import answer
from duly_admin_ui.page import Page, asset
from duly_runtime.store.api import Missing


@get("/cards/{number:int}/messages/{message:int}/original", guards=[needs("cards.read")])
async def original(page: NamedDependency[Page], number: FromPath[int], message: FromPath[int]) -> Response[Any]:
    store = page.services.store
    card = await store.card(await store.card_id(number))
    found = next((said for said in await store.messages(card.id) if said.id == message), None)
    if found is None:
        raise Missing("there is no such message")
    return await answer(store, number, found, page.language, card.title, asset("icon.svg"))


HANDLERS = (original,)
