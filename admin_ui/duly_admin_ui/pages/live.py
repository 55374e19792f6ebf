"""News for open pages: one long answer of server-sent events that say what changed, never what it says now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from duly_admin_ui.access import signed_in
from duly_admin_ui.page import Page
from duly_admin_ui.services import Change

HEARTBEAT = 10.0
"""Seconds. Proxies close what is silent, and pages notice a lost connection by silence: an event, not a comment, since
pages never see comments."""
RETRY = 2000
"""Milliseconds a browser waits before it connects again."""


async def messages(changes: AsyncIterator[Change]) -> AsyncIterator[ServerSentEventMessage]:
    """Changes as events, with a beat whenever nothing happened for a while."""
    yield ServerSentEventMessage(event="hello", data="{}", retry=RETRY)
    upcoming = asyncio.ensure_future(anext(changes, None))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT)
            if not done:
                yield ServerSentEventMessage(event="beat", data="{}")
                continue
            change = upcoming.result()
            if change is None:
                return
            upcoming = asyncio.ensure_future(anext(changes, None))
            yield ServerSentEventMessage(event="change", data=msgspec.json.encode(change).decode())
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        close = getattr(changes, "aclose", None)
        if close is not None:
            await close()


@get("/changes", guards=[signed_in])
async def changes(page: NamedDependency[Page]) -> Response[Any]:
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return ServerSentEvent(messages(page.services.changes()), headers=headers)


HANDLERS = (changes,)
