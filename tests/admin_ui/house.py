"""The theatre behind a real server, and what is watched while a browser visits it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import uvicorn
from playwright.sync_api import BrowserContext, Page

from admin_ui.theatre import Theatre, stage


class Served:
    """A Theatre behind a real HTTP server on a free port, in a thread of its own."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        config = uvicorn.Config(
            stage(theatre), host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Served:
        self._thread.start()
        waiter = threading.Event()
        for _ in range(500):
            if self._server.started:
                break
            waiter.wait(0.02)
        assert self._server.started
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


class Watch:
    """What went wrong in the pages of a context."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.complaints: list[str] = []
        self.expected: list[str] = []
        context.on("console", lambda message: self._say(message.type, f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: self.complaints.append(f"exception: {error.error}"))
        context.on("request", lambda request: self._ask(request.url, url))

    def _say(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _ask(self, asked: str, url: str) -> None:
        if not asked.startswith((url, "data:", "blob:")):
            self.complaints.append(f"asked the outside: {asked}")

    def expect(self, text: str) -> None:
        """The browser itself will write this to the console (an answer that is an error, on purpose)."""
        self.expected.append(text)

    def check(self) -> None:
        left = [line for line in self.complaints if not any(text in line for text in self.expected)]
        assert left == []


Visit = Callable[..., Page]
