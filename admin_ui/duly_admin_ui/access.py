"""Who may see which page, and what is shown where something goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from duly_admin_ui.page import FRAGMENT, Page, go
from duly_admin_ui.services import Refused, Services
from duly_admin_ui.words import Words
from duly_runtime.permissions import allows
from duly_runtime.store.api import Conflict, Missing, StoreUnavailable

log = structlog.get_logger()


class SignInNeeded(Exception):
    """Nobody is signed in."""


class Forbidden(Exception):
    """The user's role lacks the permission that is named."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def needs(permission: str) -> Guard:
    """A guard: someone is signed in whose role has `permission`."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        user = connection.scope.get("user")
        if user is None:
            raise SignInNeeded
        if not allows(user.role, permission):
            raise Forbidden(permission)

    guard.permission = permission  # type: ignore[attr-defined]  # the authorisation table in the tests reads it
    return guard


async def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard: someone is signed in, whatever the role."""
    if connection.scope.get("user") is None:
        raise SignInNeeded


def require(page: Page, permission: str) -> None:
    """The same check inside a handler, where it depends on what was asked."""
    if not page.may(permission):
        raise Forbidden(permission)


def error_page(services: Services) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """The exception handler of all pages: an answer for people, in JSON for our own scripts."""

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        page = Page(request, services)
        _ = page.gettext
        scripted = FRAGMENT in request.headers
        if isinstance(error, SignInNeeded):
            if scripted or request.method != "GET":
                return _answer(page, 401, _("Sign in first"), _("Your session has ended. Sign in and try again."), scripted)
            return go("/login?next=" + quote(page.here, safe=""))
        match error:
            case Forbidden():
                title = _("You may not do this")
                text = _("It takes the permission to {permission}. Your role is {role}; an administrator can change it.")
                words = Words(page.gettext)
                role = words.role(page.user.role) if page.user else ""
                told = (403, title, text.format(permission=words.permission(error.permission), role=role))
            case Missing() | KeyError():
                told = (404, _("There is no such thing"), _("It may have been removed, or the address has a slip in it."))
            case Conflict():
                told = (409, _("Somebody else changed it first"), str(error))
            case Refused():
                told = (422, _("That can't be done"), _(str(error)))
            case StoreUnavailable():
                text = _("The database does not answer. Nothing was changed; try again in a moment.")
                told = (503, _("Not available just now"), text)
            case HTTPException(status_code=413):
                text = _("What was sent is too large. The files of a message can have 25 MB together; nothing was kept.")
                told = (413, _("That is too large"), text)
            case HTTPException(status_code=404) | HTTPException(status_code=405):
                told = (404, _("There is no such page"), _("It may have been removed, or the address has a slip in it."))
            case HTTPException(status_code=403):
                text = _("The form was too old or came from elsewhere. Go back, load the page again and repeat.")
                told = (403, _("This form can't be taken"), text)
            case HTTPException():
                told = (error.status_code, _("That can't be read"), error.detail)
            case _:
                log.error("page failed", path=request.url.path, exc_info=error)
                text = _("It was written to the log. Try again, or tell an administrator what you did.")
                told = (500, _("This is our mistake"), text)
        return _answer(page, *told, scripted)

    return handle


def _answer(page: Page, status: int, title: str, text: str, scripted: bool) -> Response[Any]:
    if scripted:
        return Response({"reason": f"{title}. {text}", "status": status}, status_code=status)
    return page.render("error.html", status=status, title=title, text=text, code=status)
