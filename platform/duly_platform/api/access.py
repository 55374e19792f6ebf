"""Who a request of the API comes from, and what its token may do."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from duly_platform.accounts import Identity
from duly_platform.api.problems import Problem
from duly_runtime.permissions import allows


async def identify(connection: ASGIConnection[Any, Any, Any, Any]) -> Identity:
    """The identity behind the Authorization header; Problem 401 where there is none."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Problem(401, "unauthenticated", "send `Authorization: Bearer TOKEN`; an admin makes tokens in Duly")
    found = await connection.app.state.accounts.token_user(secret.strip())
    if found is None:
        raise Problem(401, "unauthenticated", "this token is unknown, expired or removed")
    user, token = found
    return Identity(user=user, scopes=frozenset(token.scopes), by_token=True)


def needs(scope: str, permission: str) -> Any:
    """A guard: the token has `scope` and its user's role has `permission`."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        who = await identify(connection)
        if scope not in who.scopes:
            raise Problem(403, "forbidden", f"this token lacks the scope `{scope}`")
        if not allows(who.user.role, permission):
            raise Problem(403, "forbidden", f"the role `{who.user.role}` lacks the permission `{permission}`")
        connection.scope["user"] = who.user

    guard.scope = scope  # type: ignore[attr-defined]  # the authorisation table in the tests reads these
    guard.permission = permission  # type: ignore[attr-defined]
    return guard
