"""A small stand-in for the outside services of the demo: Meta's Graph API, and the shop that is told of late cards.

It takes what the Cloud API takes (texts, files, answers to choose from, templates) and tells how messages fared by signed
webhooks: sent, delivered, and mostly read.
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
from litestar.datastructures import UploadFile
from litestar.params import FromPath

from duly_platform.demo.customers import Customers, message_id
from duly_runtime.time import Clock

KEPT = 500
"""Messages remembered."""
NUMBER = "+55 11 90000-0000"
FILES = frozenset(("image", "audio", "video", "document", "sticker"))
MOST_BUTTONS, MOST_ROWS = 3, 10
MAX_UPLOAD = 100 * 1024 * 1024
"""Bytes; Meta takes no larger file."""


class Unfit(Exception):
    """A message Meta would not take; the text says what of it."""


class Taken(msgspec.Struct, frozen=True):
    """A message a customer got."""

    wamid: str
    to: str
    text: str
    """What it says; of a file its caption, of a template its name and values, of answers what stands above them."""
    kind: str = "text"
    file: str = ""
    """Meta's id of its file, or the link to it."""
    choices: tuple[str, ...] = ()
    """Titles of the answers it offers."""
    quotes: str = ""
    """The id of the message it answers."""


class Graph:
    """Answers `POST /{version}/{phone number id}/messages` and `…/media`, and the shop's `POST /shop/events`."""

    def __init__(self, clock: Clock, access_token: str, rng: random.Random) -> None:
        self.clock = clock
        self.customers: Customers | None = None
        """Where the statuses go; nowhere until it is set."""
        self.url = ""
        self.taken: deque[Taken] = deque(maxlen=KEPT)
        self.events: deque[bytes] = deque(maxlen=KEPT)
        """What the shop was told."""
        self.uploads: dict[str, tuple[str, str, int]] = {}
        """Files put here: name, type and bytes, by their ids; the latest only."""
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

        @post("/{version:str}/{number_id:str}/media", status_code=200, request_max_body_size=MAX_UPLOAD)
        async def media(request: Request[Any, Any, Any]) -> Response[Any]:
            return self._refused(request) or self._put(await request.form())

        @post("/shop/events", status_code=204)
        async def shop(request: Request[Any, Any, Any]) -> None:
            self.events.append(await request.body())

        return Litestar([number, messages, media, shop], openapi_config=None, logging_config=None)

    def _refused(self, request: Request[Any, Any, Any]) -> Response[Any] | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._access_token.encode()):
            return None
        return _error(401, 190, "Invalid OAuth access token - Cannot parse access token")

    def _take(self, body: bytes) -> Response[Any]:
        try:
            tree = msgspec.json.decode(body)
            to, about = str(tree.get("to") or tree["recipient"]), tree.get("biz_opaque_callback_data", "")
            kind = tree.get("type", "text")
            said = {**_said(kind, tree[kind]), "quotes": (tree.get("context") or {}).get("message_id", "")}
            if kind in FILES and "id" in tree[kind] and said["file"] not in self.uploads:
                raise Unfit("no file of this id")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return _error(400, 100, "(#100) Invalid parameter")
        except Unfit as error:
            return _error(400, 131009, f"(#131009) Parameter value is not valid: {error}")
        wamid = message_id()
        self.taken.append(Taken(wamid, to, kind=kind, **said))
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

    def _put(self, form: Any) -> Response[Any]:
        """A file, before it is sent by its id."""
        file = form.get("file")
        if not isinstance(file, UploadFile) or form.get("messaging_product") != "whatsapp" or not form.get("type"):
            return _error(400, 100, "(#100) Invalid parameter")
        name = str(self._rng.randrange(10**14, 10**15))
        self.uploads[name] = (file.filename, str(form["type"]), file.file.seek(0, 2))
        while len(self.uploads) > KEPT:
            del self.uploads[next(iter(self.uploads))]
        return Response({"id": name})

    async def _tell(self, wamid: str, to: str, about: str) -> None:
        """A phone that is on takes a message in seconds; its owner reads it in minutes, one in eight not at all."""
        steps = [("sent", 1.0), ("delivered", self._rng.uniform(2, 20))]
        if self._rng.random() < 7 / 8:
            steps.append(("read", self._rng.uniform(20, 600)))
        for state, seconds in steps:
            await self.clock.sleep(seconds)
            if self.customers is not None:
                await self.customers.status(wamid, to, state, about)


def _said(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """What the parts of a message say. Raises KeyError and TypeError where one is missing, and Unfit."""
    if kind == "text":
        if not content["body"].strip():
            raise Unfit("text.body is empty")
        return {"text": content["body"]}
    if kind in FILES:
        return {"text": content.get("caption", ""), "file": content.get("id") or content["link"]}
    if kind == "template":
        values = [
            part.get("text") or part[part["type"]]["link"]
            for component in content.get("components", ())
            for part in component["parameters"]
        ]
        if not content["language"]["code"]:
            raise Unfit("template.language")
        return {"text": f"{content['name']}: {', '.join(values)}" if values else content["name"]}
    if kind == "interactive":
        return {"text": content["body"]["text"], "choices": _choices(content["type"], content["action"])}
    raise Unfit(f"type {kind}")


def _choices(kind: str, action: dict[str, Any]) -> tuple[str, ...]:
    if kind == "button":
        rows, most = [button["reply"] for button in action["buttons"]], MOST_BUTTONS
    elif kind == "list":
        rows, most = [row for section in action["sections"] for row in section["rows"]], MOST_ROWS
        if not action["button"]:
            raise Unfit("action.button is empty")
    else:
        raise Unfit(f"interactive.type {kind}")
    if not 0 < len(rows) <= most or len({row["id"] for row in rows}) < len(rows):
        raise Unfit(f"{len(rows)} answers, or two of one id")
    return tuple(row["title"] for row in rows)


class _Server(uvicorn.Server):
    """Leaves the signals to the server that is shown to people."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _error(status: int, code: int, message: str) -> Response[Any]:
    return Response(
        {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "demo"}}, status_code=status
    )
