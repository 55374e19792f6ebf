"""What was said to me, and in the demo the mails it caught."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from duly_admin_ui.access import needs, signed_in
from duly_admin_ui.page import Page
from duly_runtime.store.api import Missing


@get("/notices", guards=[signed_in])
async def notices(page: NamedDependency[Page]) -> Response[Any]:
    store = page.services.store
    rows = await store.notices(page.name)
    numbers = {card_id: (await store.card(card_id)).number for card_id in {row.card_id for row in rows if row.card_id}}
    return page.render("notices.html", rows=rows, numbers=numbers)


@get("/demo/mail", guards=[needs("cards.read")])
async def mail(page: NamedDependency[Page]) -> Response[Any]:
    box = page.services.mailbox()
    if box is None:
        raise Missing
    return page.render("mail.html", mails=box)


HANDLERS = (notices, mail)
