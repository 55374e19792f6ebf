"""The Litestar application of one process: doors, API, screens and health over one Desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp

import duly_admin_ui
from duly_platform.api import (
    administration,
    cards,
    connectors,
    contacts,
    editing,
    events,
    files,
    journal,
    merging,
    operations,
    problems,
    quarantine,
    reference,
    replies,
    reports,
    rules,
)
from duly_platform.desk import Desk
from duly_platform.git import push
from duly_platform.settings import Settings
from duly_platform.web import headers, health, pages, sessions
from duly_platform.web.doors import with_doors

STATIC = Path(__file__).parent.parent / "static"


def outside_routes(screens: pages.ScreenServices) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """Errors outside any route: problem details for programs, pages for people."""
    page = duly_admin_ui.error_page(screens)

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        if request.url.path.startswith(("/api/", "/health")):
            return problems.handle(request, error)
        return page(request, error)

    return handle


async def follow_rules(request: Request[Any, Any, Any]) -> None:
    """Before each request: pages and API see the version that is live now."""
    if not request.url.path.startswith(("/static/", "/health")):
        await request.app.state.desk.program()


@get("/api/v1", include_in_schema=False)
async def api_root() -> dict[str, str]:
    return {"reference": reference.PATH, "openapi": f"{reference.PATH}/openapi.json"}


def _api() -> Router:
    return Router(
        "/api/v1",
        route_handlers=[
            cards.router,
            connectors.router,
            contacts.router,
            merging.router,
            replies.router,
            quarantine.router,
            files.router,
            rules.router,
            editing.router,
            events.router,
            journal.router,
            reports.router,
            administration.router,
            operations.router,
        ],
        exception_handlers={Exception: problems.handle},
    )


def create_api(desk: Desk, settings: Settings) -> Litestar:
    """The JSON API alone, for a command in the same process: the screens take longer to set up than most commands do."""
    return Litestar(
        route_handlers=[_api()],
        state=State({"desk": desk, "accounts": desk.accounts, "settings": settings}),
        exception_handlers={Exception: problems.handle},
        before_request=follow_rules,
        openapi_config=None,
        request_max_body_size=3 * 1024 * 1024,
        logging_config=None,
    )


def create_app(desk: Desk, settings: Settings, setup_token: str = "") -> ASGIApp:
    """What a server serves: doors, API and screens; the Desk must be started and outlive it."""
    return with_doors(desk, inner_app(desk, settings, setup_token))


def inner_app(desk: Desk, settings: Settings, setup_token: str = "") -> Litestar:
    """What stands behind the doors: API, screens and health."""
    secure = settings.base_url.startswith("https://")
    screens = pages.ScreenServices(desk, settings, setup_token)
    return Litestar(
        route_handlers=[
            _api(),
            api_root,
            push.push,
            health.live,
            health.ready,
            create_static_files_router("/static/platform", [STATIC], include_in_schema=False),
            *duly_admin_ui.routes(screens),
        ],
        state=State({"desk": desk, "accounts": desk.accounts, "settings": settings}),
        middleware=[
            headers.add_headers,
            DefineMiddleware(sessions.SessionMiddleware, exclude=["^/api/", "^/static/", "^/health"]),
        ],
        csrf_config=CSRFConfig(
            secret=desk.secrets.ensure("DULY_CSRF_KEY"),
            cookie_name="duly_csrf",
            cookie_secure=secure,
            exclude=["^/api/"],
        ),
        compression_config=CompressionConfig(
            backend="gzip", exclude=["^/changes", "^/cards/[0-9]+/files/", "^/api/v1/cards/[0-9]+/files/"]
        ),
        exception_handlers={Exception: outside_routes(screens)},
        before_request=follow_rules,
        openapi_config=reference.config(),
        request_max_body_size=3 * 1024 * 1024,
        logging_config=None,
    )
