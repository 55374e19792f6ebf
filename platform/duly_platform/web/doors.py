"""The doors: whatever comes in under /in/ goes, raw, to the connector whose path it is.

They stand before the application as plain ASGI: webhooks come in floods, and need nothing of what serves people (sessions,
CSRF, compression, routing).
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl

import msgspec
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from duly_platform.api import problems
from duly_platform.api.problems import Problem
from duly_platform.desk import Desk
from duly_platform.web import headers
from duly_runtime.doors import Answer, Raw, Refused

PREFIX = "/in/"
METHODS = ("GET", "POST", "PUT")
LARGEST = 26 * 1024 * 1024
"""Bytes of a body: of a mail; what a connector takes of others, it says itself."""
CODES = {400: "malformed", 401: "not-believed", 404: "not-found", 413: "too-large", 503: "unavailable"}


class Gone(Exception):
    """Who asked has hung up; nobody hears an answer."""


def with_doors(desk: Desk, app: ASGIApp) -> ASGIApp:
    """The application with the doors before it."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await app(scope, receive, send)
            return
        try:
            answer = await _answered(desk, cast("HTTPScope", scope), receive)
        except Gone:
            return
        except Exception as error:
            problem = problems.told(error, scope["path"])
            allow = {"Allow": ", ".join(METHODS)} if problem.status == 405 else {}
            answer = Answer(status=problem.status, body=msgspec.json.encode(problem.body), content_type=problems.MEDIA_TYPE)
            await _send(send, answer, problem.headers | allow)
        else:
            await _send(send, answer, {})

    return choose


async def _answered(desk: Desk, scope: HTTPScope, receive: Receive) -> Answer:
    """2xx only once the events are safe in the database; 503 where they could not be written, so the sender tries again."""
    if scope["method"] not in METHODS:
        raise Problem(405, "method-not-allowed", f"send it with {' or '.join(METHODS)}")
    given = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    asked = scope["query_string"]
    raw = Raw(
        method=scope["method"],
        path=PREFIX + scope["path"][len(PREFIX) :].strip("/"),
        query=dict(parse_qsl(asked.decode("latin-1"), keep_blank_values=True)) if asked else {},
        headers=given,
        body=await _body(receive, given.get("content-length", "")),
        received_at=desk.now(),
    )
    try:
        taken = await desk.receive(raw)
    except Refused as refused:
        raise Problem(refused.status, CODES.get(refused.status, "refused"), refused.reason) from None
    if isinstance(taken, Answer):
        return taken
    told = {"accepted": len(taken.event_ids), "duplicates": taken.duplicates, "parked": taken.parked}
    return Answer(body=msgspec.json.encode(told), content_type="application/json")


async def _body(receive: Receive, length: str) -> bytes:
    """The whole of it. Raises Problem where it is larger than any door takes, without reading on, and Gone."""
    if length.isdigit() and int(length) > LARGEST:
        raise _too_large()
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        piece = message.get("body", b"")
        if not message.get("more_body", False) and not read:
            return piece
        read += piece
        if len(read) > LARGEST:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(read)


def _too_large() -> Problem:
    return Problem(413, "too-large", f"the body is larger than {LARGEST // 1024 // 1024} MB")


async def _send(send: Send, answer: Answer, more: dict[str, str]) -> None:
    own = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode("latin-1")) for name, value in more.items()),
        *headers.OF_DATA,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": own})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
