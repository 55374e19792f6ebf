"""Messages whose sender can't be believed, or may not write on the card they name: a person decides about each."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages.contacts import number

SHOWN = 50
VIEWS = {"": "", "discarded": "discarded"}
"""The page's view -> the decision of the messages it shows."""


@get("/quarantine", guards=[needs("quarantine.review")])
async def quarantine(page: NamedDependency[Page]) -> Response[Any]:
    asked = page.request.query_params
    view = VIEWS.get(asked.get("view", ""), "")
    rows = await page.services.store.quarantined(view, SHOWN + 1, number(asked.get("before", "")))
    return page.render(
        "quarantine.html",
        rows=rows[:SHOWN],
        view=view,
        older=rows[SHOWN - 1].event_id if len(rows) > SHOWN else 0,
        gone=number(asked.get("gone", "")),
    )


@post("/quarantine/{event:int}/admit", status_code=200, guards=[needs("quarantine.review")])
async def admit(page: NamedDependency[Page], event: FromPath[int]) -> Response[Any]:
    """To the card it names, or with `new` pressed as a card of its own; on to that card."""
    form = await page.form()
    card_id = await page.services.admit(event, "new" in form, form.get("remember") == "yes", page.name)
    card = await page.services.store.card(card_id) if card_id else None
    return go(f"/cards/{card.number}" if card is not None else "/quarantine")


@post("/quarantine/{event:int}/discard", status_code=200, guards=[needs("quarantine.review")])
async def discard(page: NamedDependency[Page], event: FromPath[int]) -> Response[Any]:
    await page.services.discard_quarantined(event, page.name)
    return go(f"/quarantine?gone={event}")


@post("/quarantine/{event:int}/restore", status_code=200, guards=[needs("quarantine.review")])
async def restore(page: NamedDependency[Page], event: FromPath[int]) -> Response[Any]:
    await page.services.restore_quarantined(event, page.name)
    return go("/quarantine")


HANDLERS = (quarantine, admit, discard, restore)
