"""Setting up connectors: how each is, what the other side must know, its secrets, its checks and a test message."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.services import Refused, Trial
from duly_runtime.store.log_api import RequestFilter

GUARDS = [needs("connectors.manage")]
SHOWN = 5
"""Requests that came in last."""
EXAMPLE = """\
connector "Shop" receives webhook {
  path "/in/shop"
  verify token with secret "SHOP_TOKEN"
  open card in "Support"
}
"""


async def show_all(page: Page, *, refused: str = "", stored: str = "", status: int = 200) -> Response[Any]:
    connectors = page.services.connectors
    return page.render(
        "connectors.html",
        status=status,
        refused=page.gettext(refused) if refused else "",
        stored=stored,
        connectors=await connectors.pages(page.language),
        plugins=connectors.plugin_problems(),
        example=EXAMPLE,
    )


async def show(
    page: Page,
    name: str,
    *,
    trial: Trial | None = None,
    to: str = "",
    refused: str = "",
    stored: str = "",
    status: int = 200,
) -> Response[Any]:
    """`refused` says why what was asked could not be done, `stored` names the secret that just was."""
    connector = await page.services.connectors.page(name, page.language)
    page.about(connector.pipeline)
    receives = connector.direction != "sends" and not connector.problem
    wanted = RequestFilter(connector=name, limit=SHOWN)
    received = await page.services.store.requests(wanted) if receives else []
    context = {"connector": connector, "trial": trial, "to": to, "stored": stored}
    context |= {"receives": receives, "received": received}
    return page.render("connector.html", status=status, refused=page.gettext(refused) if refused else "", **context)


@get("/connectors", guards=GUARDS)
async def connectors(page: NamedDependency[Page]) -> Response[Any]:
    return await show_all(page, stored=page.request.query_params.get("stored", ""))


@get("/connectors/{name:path}", guards=GUARDS)
async def connector(page: NamedDependency[Page], name: FromPath[str]) -> Response[Any]:
    stored = page.request.query_params.get("stored", "")
    return await show(page, name.lstrip("/"), stored=stored)


@post("/connector-checks", status_code=200, guards=GUARDS)
async def check(page: NamedDependency[Page]) -> Response[Any]:
    """One connector's checks, or without a name those of all."""
    form = await page.form()
    name, services = form.get("name", ""), page.services.connectors
    if not name:
        for each in await services.pages(page.language):
            await services.check(each.name, page.language)
        return await show_all(page)
    await services.check(name, page.language)
    return await show_all(page) if form.get("from") == "list" else await show(page, name)


@post("/connector-tests", status_code=200, guards=GUARDS)
async def try_out(page: NamedDependency[Page]) -> Response[Any]:
    form = await page.form()
    name, to = form.get("name", ""), form.get("to", "")
    try:
        trial = await page.services.connectors.try_out(name, to, page.language, page.name)
    except Refused as error:
        return await show(page, name, to=to, refused=str(error), status=422)
    return await show(page, name, trial=trial, to=to)


@post("/connector-templates", status_code=200, guards=GUARDS)
async def sync(page: NamedDependency[Page]) -> Response[Any]:
    """Read the templates at Meta now."""
    name = (await page.form()).get("name", "")
    try:
        await page.services.connectors.sync(name)
    except Refused as error:
        return await show(page, name, refused=str(error), status=422)
    return await show(page, name)


@post("/connector-secrets", guards=GUARDS)
async def store_secret(page: NamedDependency[Page]) -> Response[Any]:
    """Written only: no page ever shows a secret. Without a connector, for rules still to be published."""
    form = await page.form()
    name, secret = form.get("name", ""), form.get("secret", "").strip()
    try:
        value, keep = form.get("value", "").strip(), form.get("keep") == "1"
        await page.services.connectors.store_secret(name, secret, value, page.name, keep=keep)
    except Refused as error:
        refused = str(error)
        return await (
            show(page, name, refused=refused, status=422) if name else show_all(page, refused=refused, status=422)
        )
    return go(f"/connectors{'/' if name else ''}{quote(name, safe='')}?stored={quote(secret, safe='')}")


HANDLERS = (connectors, connector, check, try_out, sync, store_secret)
