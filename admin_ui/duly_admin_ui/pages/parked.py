"""What could not be handled: kept whole, shown with its reason, tried again when a person says so."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_runtime.store.api import Missing, Parked

WHATS = ("raw", "event", "delivery")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    item: Parked
    body: str


def readable(body: bytes) -> str:
    """The body as text: JSON laid out, anything else as it is, bytes that are no text as `\\x..`."""
    text = body.decode("utf-8", errors="backslashreplace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


async def show(page: Page, *, problem: str = "") -> Response[Any]:
    items = [Shown(item=item, body=readable(item.body)) for item in await page.services.store.parked()]
    return page.render("parked.html", status=409 if problem else 200, items=items, problem=problem)


@get("/parked", guards=[needs("parked.handle")])
async def parked(page: NamedDependency[Page]) -> Response[Any]:
    return await show(page)


@post("/parked/{what:str}/{item:int}/replay", status_code=200, guards=[needs("parked.handle")])
async def replay(page: NamedDependency[Page], what: FromPath[str], item: FromPath[int]) -> Response[Any]:
    if what not in WHATS:
        raise Missing
    if reason := await page.services.replay(what, item, page.name, twice=True):
        return await show(page, problem=reason)
    return go("/parked")


HANDLERS = (parked, replay)
