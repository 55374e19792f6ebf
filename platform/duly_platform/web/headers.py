"""Security headers of every answer."""

from __future__ import annotations

import secrets
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

FIXED = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)


OF_DATA = (*FIXED, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
"""Of answers that are no pages, and load nothing."""


def policy(styles: str) -> str:
    """The content security policy of a page: nothing from elsewhere; `styles` says which inline styles count."""
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors 'none'; style-src 'self' {styles}"
    )


def add_headers(app: ASGIApp) -> ASGIApp:
    """Middleware: the fixed headers, and the policy unless the handler set one.

    Inline styles need the nonce in the request's state, unless the handler put `inline_styles` there.
    """

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        state: Any = scope.setdefault("state", {})
        state["nonce"] = nonce

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                styles = "'unsafe-inline'" if state.get("inline_styles") else f"'nonce-{nonce}'"
                ours = (*FIXED, (b"content-security-policy", policy(styles).encode("ascii")))
                given = {bytes(name).lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in ours if pair[0] not in given)]
            await send(message)

        await app(scope, receive, with_headers)

    return middleware
