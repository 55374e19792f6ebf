"""Browser sessions: the cookie holds a random secret, the store its hash. Fixed at sign-in, ended at sign-out."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from duly_platform.accounts import SESSION_LIFE

COOKIE = "duly_session"


def cookie(secret: str, *, secure: bool) -> Cookie:
    """The cookie of a session just opened."""
    return Cookie(
        key=COOKIE,
        value=secret,
        path="/",
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure,
    )


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Puts the signed-in user, or None, in `request.user` and the session's secret in `request.auth`. Pages decide what a
    stranger may see; nothing is refused here. The API and the doors have no use for cookies and are left out."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        secret = connection.cookies.get(COOKIE, "")
        if not secret:
            return AuthenticationResult(user=None, auth="")
        user = await connection.app.state.accounts.session_user(secret)
        return AuthenticationResult(user=user, auth=secret)
