"""What could not be handled: kept whole, shown with its reason, tried again or discarded when a person says so."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go, local
from duly_admin_ui.services import ReplayedAll
from duly_runtime.store.api import Missing, Parked

WHATS = ("raw", "event", "delivery")
SHOWN = 50
"""Of each kind on one page: bodies may be large."""
LONGEST = 20_000
"""Characters of a body that are shown here; the page of the request has all of it."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    item: Parked
    body: str


def readable(body: bytes) -> str:
    """The body as text: JSON laid out, anything else as it is, bytes that are no text as `\\x..`."""
    text = body.decode("utf-8", errors="backslashreplace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


async def show(
    page: Page,
    *,
    connector: str = "",
    discarded: bool = False,
    problem: str = "",
    replayed: ReplayedAll | None = None,
) -> Response[Any]:
    store = page.services.store
    found = await store.parked(connector, SHOWN, discarded=discarded)
    items = [Shown(item=item, body=readable(item.body)[:LONGEST]) for item in found]
    waits: dict[str, int] = {}
    for each in await store.parked_ids():
        waits[each.connector] = waits.get(each.connector, 0) + 1
    return page.render(
        "parked.html",
        status=409 if problem else 200,
        items=items,
        connector=connector,
        discarded=discarded,
        waits=waits,
        total=sum(waits.values()),
        problem=problem,
        replayed=replayed,
    )


@get("/parked", guards=[needs("parked.handle")])
async def parked(
    page: NamedDependency[Page], connector: FromQuery[str] = "", discarded: FromQuery[bool] = False
) -> Response[Any]:
    return await show(page, connector=connector, discarded=discarded)


@post("/parked/replay", status_code=200, guards=[needs("parked.handle")])
async def replay_all(page: NamedDependency[Page]) -> Response[Any]:
    """Everything that waits, of one connector or of all."""
    connector = (await page.form()).get("connector", "")
    replayed = await page.services.replay_all(connector, page.name)
    return await show(page, connector=connector, replayed=replayed)


@post("/parked/{what:str}/{item:int}/replay", status_code=200, guards=[needs("parked.handle")])
async def replay(page: NamedDependency[Page], what: FromPath[str], item: FromPath[int]) -> Response[Any]:
    target = (await page.form()).get("next", "/parked")
    if reason := await page.services.replay(known(what), item, page.name, twice=True):  # the page says that it may
        return await show(page, problem=reason)
    return go(local(target))


@post("/parked/{what:str}/{item:int}/discard", guards=[needs("parked.handle")])
async def discard(page: NamedDependency[Page], what: FromPath[str], item: FromPath[int]) -> Response[Any]:
    target = (await page.form()).get("next", "/parked")
    await page.services.discard(known(what), item, page.name)
    return go(local(target))


@post("/parked/{what:str}/{item:int}/restore", guards=[needs("parked.handle")])
async def restore(page: NamedDependency[Page], what: FromPath[str], item: FromPath[int]) -> Response[Any]:
    target = (await page.form()).get("next", "/parked?discarded=true")
    await page.services.restore(known(what), item, page.name)
    return go(local(target))


def known(what: str) -> str:
    if what not in WHATS:
        raise Missing
    return what


HANDLERS = (parked, replay_all, replay, discard, restore)
