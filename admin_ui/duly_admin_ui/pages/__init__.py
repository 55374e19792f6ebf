"""All pages as one router: `routes(services)`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Router
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.static_files import create_static_files_router

from duly_admin_ui.access import error_page
from duly_admin_ui.page import STATIC, YEAR, Page
from duly_admin_ui.pages import (
    board,
    card,
    connectors,
    contacts,
    deliveries,
    files,
    live,
    merging,
    notices,
    originals,
    parked,
    publishing,
    quarantine,
    replying,
    report_mails,
    reports,
    rule_editing,
    rule_tests,
    rules,
    signin,
    sla,
    sla_files,
    versions,
    workbench,
)
from duly_admin_ui.services import Services


def routes(services: Services) -> list[Router]:
    """Everything a browser sees. The app around it sets `scope["user"]`, CSRF protection and security headers, and
    answers addresses nobody knows with `access.error_page(services)`."""

    async def page(request: Request[Any, Any, Any]) -> Page:
        made = Page(request, services)
        if made.may("quarantine.review"):
            made.quarantined = await services.store.quarantine_size()
        return made

    cards = (board, card, replying, merging, files, originals)
    work = (contacts, connectors, quarantine, parked, deliveries, notices, sla, sla_files, report_mails, reports)
    modules = (signin, *cards, *work, rules, workbench, rule_tests, rule_editing, publishing, versions, live)
    pages = Router(
        path="/",
        route_handlers=[handler for module in modules for handler in module.HANDLERS],
        dependencies={"page": Provide(page)},
        exception_handlers={Exception: error_page(services)},
        include_in_schema=False,
    )
    static = create_static_files_router(
        path="/static",
        directories=[STATIC],
        cache_control=CacheControlHeader(max_age=YEAR, public=True, immutable=True),
        include_in_schema=False,
    )
    return [pages, static]
