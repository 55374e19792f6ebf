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
from litestar.types import ASGIApp, Receive, Scope, Send

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
from duly_platform.web import doors, headers, health, pages, sessions

STATIC = Path(__file__).parent.parent / "static"


def outside_routes(screens: pages.ScreenServices) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """Errors outside any route: problem details for programs, pages for people."""
    page = duly_admin_ui.error_page(screens)

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        if request.url.path.startswith(("/api/", "/in/", "/health")):
            return problems.handle(request, error)
        return page(request, error)

    return handle


async def follow_rules(request: Request[Any, Any, Any]) -> None:
    """Before each request: pages and API see the version that is live now."""
    if not request.url.path.startswith(("/static/", "/health", "/in/")):
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


def create_app(desk: Desk, settings: Settings, setup_token: str = "") -> Litestar:
    """The application; the Desk must be started and outlive it."""
    secure = settings.base_url.startswith("https://")
    screens = pages.ScreenServices(desk, settings, setup_token)
    return Litestar(
        route_handlers=[
            _api(),
            api_root,
            push.push,
            doors.door,
            health.live,
            health.ready,
            create_static_files_router("/static/platform", [STATIC], include_in_schema=False),
            *duly_admin_ui.routes(screens),
        ],
        state=State({"desk": desk, "accounts": desk.accounts, "settings": settings}),
        middleware=[
            headers.add_headers,
            DefineMiddleware(sessions.SessionMiddleware, exclude=["^/api/", "^/in/", "^/static/", "^/health"]),
        ],
        csrf_config=CSRFConfig(
            secret=desk.secrets.ensure("DULY_CSRF_KEY"),
            cookie_name="duly_csrf",
            cookie_secure=secure,
            exclude=["^/api/", "^/in/"],
        ),
        compression_config=CompressionConfig(
            backend="gzip", exclude=["^/in/", "^/changes", "^/cards/[0-9]+/files/", "^/api/v1/cards/[0-9]+/files/"]
        ),
        exception_handlers={Exception: outside_routes(screens)},
        before_request=follow_rules,
        openapi_config=reference.config(),
        request_max_body_size=3 * 1024 * 1024,
        logging_config=None,
    )


def with_short_way_in(app: Litestar) -> ASGIApp:
    """The application with a shorter way for what comes in under /in/: past what only people need (sessions, CSRF,
    compression), which a flood of webhooks would pay for with each request."""
    way_in = Litestar(
        route_handlers=[doors.door],
        state=app.state,
        middleware=[headers.add_headers],
        exception_handlers={Exception: problems.handle},
        openapi_config=None,
        logging_config=None,
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        outside = scope["type"] == "http" and scope["path"].startswith("/in/")
        await (way_in if outside else app)(scope, receive, send)

    return choose
