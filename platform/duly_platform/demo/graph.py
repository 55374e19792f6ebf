"""A small stand-in for the outside services of the demo: Meta's Graph API, and the shop that is told of late cards.

It takes text messages as the Cloud API does and tells how they fared by signed webhooks: sent, delivered, and mostly read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import random
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath

from duly_platform.demo.customers import Customers, message_id
from duly_runtime.time import Clock

KEPT = 500
"""Messages remembered."""
NUMBER = "+55 11 90000-0000"


class Taken(msgspec.Struct, frozen=True):
    """A message a customer got."""

    wamid: str
    to: str
    text: str


class Graph:
    """Answers `POST /{version}/{phone number id}/messages` and the shop's `POST /shop/events`."""

    def __init__(self, clock: Clock, access_token: str, rng: random.Random) -> None:
        self.clock = clock
        self.customers: Customers | None = None
        """Where the statuses go; nowhere until it is set."""
        self.url = ""
        self.taken: deque[Taken] = deque(maxlen=KEPT)
        self.events: deque[bytes] = deque(maxlen=KEPT)
        """What the shop was told."""
        self._access_token = access_token
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listens on a free port of this machine (`url`) until the block ends."""
        server = _Server(uvicorn.Config(self.app(), log_config=None, access_log=False, lifespan="off"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield
            finally:
                for status in self._tasks:
                    status.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                server.should_exit = True
                await task

    def app(self) -> Litestar:
        @get("/{version:str}/{number_id:str}", sync_to_thread=False)
        def number(request: Request[Any, Any, Any], number_id: FromPath[str]) -> Response[Any]:
            return self._refused(request) or Response(
                {"id": number_id, "display_phone_number": NUMBER, "verified_name": "Customer support"}
            )

        @post("/{version:str}/{number_id:str}/messages", status_code=200)
        async def messages(request: Request[Any, Any, Any]) -> Response[Any]:
            return self._refused(request) or self._take(await request.body())

        @post("/shop/events", status_code=204)
        async def shop(request: Request[Any, Any, Any]) -> None:
            self.events.append(await request.body())

        return Litestar([number, messages, shop], openapi_config=None, logging_config=None)

    def _refused(self, request: Request[Any, Any, Any]) -> Response[Any] | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._access_token.encode()):
            return None
        return _error(401, 190, "Invalid OAuth access token - Cannot parse access token")

    def _take(self, body: bytes) -> Response[Any]:
        try:
            tree = msgspec.json.decode(body)
            to, text, about = tree["to"], tree["text"]["body"], tree.get("biz_opaque_callback_data", "")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return _error(400, 100, "(#100) Invalid parameter")
        wamid = message_id()
        self.taken.append(Taken(wamid, to, text))
        task = asyncio.create_task(self._tell(wamid, to, about))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Response(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": to, "wa_id": to}],
                "messages": [{"id": wamid}],
            }
        )

    async def _tell(self, wamid: str, to: str, about: str) -> None:
        """A phone that is on takes a message in seconds; its owner reads it in minutes, one in eight not at all."""
        steps = [("sent", 1.0), ("delivered", self._rng.uniform(2, 20))]
        if self._rng.random() < 7 / 8:
            steps.append(("read", self._rng.uniform(20, 600)))
        for state, seconds in steps:
            await self.clock.sleep(seconds)
            if self.customers is not None:
                await self.customers.status(wamid, to, state, about)


class _Server(uvicorn.Server):
    """Leaves the signals to the server that is shown to people."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _error(status: int, code: int, message: str) -> Response[Any]:
    return Response(
        {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "demo"}}, status_code=status
    )
