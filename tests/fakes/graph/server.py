"""The server: HTTP, faults, what is taken, and what is told back."""

from __future__ import annotations

import asyncio
import collections
import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from fakes.graph.errors import ERRORS, Answer, error, told
from fakes.graph.limits import Limits
from fakes.graph.media import Media, Medium
from fakes.graph.shapes import wrong
from fakes.graph.templates import Template, Templates, values

FAULTS = ("429", "500", "502", "503", "hang", "close", "lost", "cut", "slow", *map(str, ERRORS))
"""`hang`: takes the message and never answers. `close`: hangs up before reading. `lost`: takes it, then hangs up. `cut`:
takes it and hangs up within the answer. `slow`: takes it and answers `slow_seconds` later. A code of Meta's: says no.
`failed:CODE`: takes it, and a status says later that it failed. `502`: a gateway's page; `429`, `500`, `503`: Meta's error
of that HTTP status."""
STATUSES = {"429": 4, "500": 131000, "503": 2}
WINDOW_SECONDS = 24 * 3600


class FakeGraph:
    """`deliveries` are the messages taken, in order: `key` is biz_opaque_callback_data, `to` the recipient, `text`, `id`,
    `type`, and `message` as it was posted.

    With `windows` set, free text is taken only for 24 hours after the customer (who writes by `say`) has last written, and
    refused with 131047 then, as Meta does. `limits` None: it takes as much as it can. `clock` gives seconds since 1970.

    `attempts` counts every post of a message by key, taken or not. `statuses` are the words posted back for each message.
    """

    def __init__(
        self,
        *,
        token: str,
        number_id: str,
        account_id: str = "330099",
        app_secret: str = "",
        webhook: str = "",
        statuses: tuple[str, ...] = ("sent", "delivered"),
        log: Path | None = None,
        port: int = 0,
        windows: bool = False,
        templates: Sequence[Template] = (),
        other_numbers: Sequence[str] = (),
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self.number_id = number_id
        self.account_id = account_id
        self.app_secret = app_secret
        self.webhook = webhook
        self.statuses = statuses
        self.deliveries: list[dict[str, Any]] = []
        self.attempts: collections.Counter[str] = collections.Counter()
        self.acknowledged: list[str] = []
        self.windows = windows
        self.templates = Templates(tuple(templates))
        self.media = Media()
        self.limits = limits
        self.clock = clock
        self.wrote: dict[str, float] = {}
        """Customer -> when they last wrote, in seconds."""
        self.slow_seconds = 1.0
        self.asked: collections.Counter[str] = collections.Counter()
        """Requests by `METHOD kind`: messages, media, download, templates, number."""
        self._numbers = {number_id, *other_numbers}
        self._log = log
        self._port = port
        self._faults: dict[str, collections.deque[str]] = collections.defaultdict(collections.deque)
        self._ids = itertools.count(1)
        self._run = f"{time.time_ns():x}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None

    # --- running -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> FakeGraph:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake Graph did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def serve(self, say: Callable[[str], None] | None = None) -> None:
        """Serve until stopped; `say` is told the address."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, limit=2**20)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        if say is not None:
            say(self.url)
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fault(self, kind: str, times: int = 1, on: str = "messages") -> None:
        """The next `times` requests of a kind (`messages`, `media`, `download`, `templates`, `number`) meet this fault."""
        if kind not in FAULTS and kind.removeprefix("failed:") not in FAULTS:
            raise ValueError(kind)
        self._faults[on].extend([kind] * times)

    def receive(self, data: bytes, media_type: str) -> Medium:
        """A file a customer has sent."""
        return self.media.add(data, media_type, self.clock())

    # --- HTTP --------------------------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ", 2)
            pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
            headers = {name.lower(): text.strip() for name, text in pairs}
            kind = self._kind(method, urlsplit(target).path)
            self.asked[f"{method} {kind}"] += 1
            fault = self._faults[kind].popleft() if self._faults[kind] else ""
            if fault == "close":
                return
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, media_type, content = await self._answer(method, target, kind, headers, body, fault)
            if fault == "hang":
                await asyncio.sleep(3600)
            if fault == "slow":
                await asyncio.sleep(self.slow_seconds)
            if fault != "lost":
                sent = (
                    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {media_type}\r\n"
                    f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
                ).encode() + content
                writer.write(sent[: -(len(content) + 1) // 2] if fault == "cut" else sent)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _kind(self, method: str, path: str) -> str:
        parts = path.strip("/").split("/")
        match parts:
            case ["_fake", *_]:
                return "control"
            case ["whatsapp_business", *_]:
                return "download"
            case [_, _, "messages" | "media" as kind]:
                return kind
            case [_, _, "message_templates"]:
                return "templates"
            case [_, name]:
                return "number" if name in self._numbers else "account" if name == self.account_id else "media"
            case _:
                return ""

    async def _answer(
        self, method: str, target: str, kind: str, headers: dict[str, str], body: bytes, fault: str
    ) -> tuple[int, str, bytes]:
        parts = urlsplit(target)
        if kind == "control":
            return _json(await self._control(method, parts.path.removeprefix("/_fake/"), body))
        query = dict(parse_qsl(parts.query))
        if kind != "messages" and (refused := self._fault(fault)):
            return _json(refused)
        if headers.get("authorization") != f"Bearer {self.token}":
            return _json(error(190, "Invalid OAuth access token"))
        if kind == "download":
            return self.media.download(query.get("mid", ""), self.clock())
        names = parts.path.strip("/").split("/")
        if len(names) < 2 or not names[0].startswith("v"):
            return _json(error(100, "Unknown path components", status=400))
        if len(names) == 3 and names[1] not in (*self._numbers, self.account_id):
            return _json(error(100, f"Object with ID '{names[1]}' does not exist", subcode=33))
        match method, kind:
            case "GET", "number":
                answer = 200, {"id": names[1], "display_phone_number": "+55 11 3322-4455", "verified_name": "Loja Exemplo"}
            case "GET", "account":
                answer = 200, {"id": self.account_id, "name": "Loja Exemplo"}
            case "GET", "templates" if names[1] == self.account_id:
                answer = self.templates.page(self.url + parts.path, query)
            case "POST", "messages":
                answer = self._message(names[1], body, fault)
            case "POST", "media":
                answer = self.media.upload(headers.get("content-type", ""), body, self.clock())
            case "GET", "media":
                answer = self.media.address(self.url, names[1], self.clock())
            case "DELETE", "media":
                answer = self.media.delete(names[1])
            case _:
                answer = error(100, "Unsupported request")
        return _json(answer)

    def _fault(self, fault: str) -> Answer | None:
        code = STATUSES.get(fault) or (int(fault) if fault.isdigit() and int(fault) in ERRORS else 0)
        if fault == "502":
            return 502, b"<html>Bad Gateway</html>"
        return error(code) if code else None

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, number: str, body: bytes, fault: str) -> Answer:
        try:
            message = json.loads(body)
        except ValueError:
            return error(100, "The body is not JSON")
        key = str(message.get("biz_opaque_callback_data", "")) if isinstance(message, dict) else ""
        self.attempts[key] += 1
        refused = self._fault(fault)
        if refused is not None:
            return refused
        problem = wrong(message)
        if problem:
            return error(100, problem)
        whom = str(message.get("to") or message.get("recipient"))
        refused = self._refusal(number, message, whom)
        if refused is not None:
            return refused
        name = f"wamid.FAKE{self._run}.{next(self._ids)}"
        taken = {"key": key, "to": whom, "id": name, "type": message.get("type", "text"), "message": message}
        taken["text"] = _text(message)
        if message["type"] == "template":
            taken["template"] = message["template"]["name"]
            taken["variables"] = values(message["template"])
        self.deliveries.append(taken)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(taken) + "\n")
        if self.webhook:
            code = int(fault.removeprefix("failed:")) if fault.startswith("failed:") else 0
            task = asyncio.get_running_loop().create_task(self._tell(number, name, key, whom, code))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        contact = {"input": whom, "wa_id": whom.lstrip("+")} if "to" in message else {"input": whom, "user_id": whom}
        return 200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": name}]}

    def _refusal(self, number: str, message: dict[str, Any], whom: str) -> Answer | None:
        """What Meta says no to, though the message is well formed."""
        code = self.limits.met(number, whom, self.clock()) if self.limits is not None else 0
        if code:
            return error(code)
        if message["type"] == "template":
            return self.templates.refusal(message)
        last = self.wrote.get(whom)
        if self.windows and (last is None or self.clock() - last >= WINDOW_SECONDS):
            return error(131047, "More than 24 hours have passed since the customer last replied to this number")
        return self.media.wrong(message)

    async def _tell(self, number: str, name: str, key: str, whom: str, code: int) -> None:
        for word in ("failed",) if code else self.statuses:
            status: dict[str, Any] = {
                "id": name,
                "status": word,
                "timestamp": str(int(self.clock())),
                "recipient_id": whom,
            }
            if key:
                status["biz_opaque_callback_data"] = key
            if code:
                status["errors"] = [told(code)]
            await self.post({"statuses": [status]}, number)
            self.acknowledged.append(f"{name}:{word}")

    async def say(self, text: str, sender: str, name: str, message_id: str = "") -> None:
        """A customer writes: post a signed message to the webhook, until it is acknowledged."""
        message = {
            "from": sender,
            "id": message_id or f"wamid.IN{self._run}.{next(self._ids)}",
            "timestamp": str(int(self.clock())),
            "type": "text",
            "text": {"body": text},
        }
        self.wrote[sender] = self.clock()
        await self.post({"contacts": [{"wa_id": sender, "profile": {"name": name}}], "messages": [message]})

    async def post(self, content: dict[str, Any], number: str = "") -> None:
        """Post a change of the field `messages`."""
        metadata = {"display_phone_number": "551133224455", "phone_number_id": number or self.number_id}
        await self.change("messages", {"messaging_product": "whatsapp", "metadata": metadata, **content})

    async def change(self, field: str, value: dict[str, Any]) -> None:
        """Post to the webhook as Meta does: signed, and again until it is acknowledged with 200."""
        entry = {"id": self.account_id, "time": int(self.clock()), "changes": [{"field": field, "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        made = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={made}"}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            for attempt in itertools.count():
                try:
                    answer = await client.post(self.webhook, content=body, headers=headers)
                    if answer.status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(min(0.05 * 2**attempt, 2))

    async def judge(self, name: str, language: str, status: str, reason: str = "NONE") -> None:
        """Meta's word on a template changes, and the webhook is told."""
        found = self.templates.all[name, language]
        found.status, found.reason = status, reason
        if self.webhook:
            value = {
                "event": status,
                "message_template_id": int(found.id),
                "message_template_name": name,
                "message_template_language": language,
                "message_template_category": found.category,
                "reason": reason,
            }
            await self.change("message_template_status_update", value)

    # --- control -----------------------------------------------------------------------------------------------------

    async def _control(self, method: str, what: str, body: bytes) -> Answer:
        """For tests in another process: GET deliveries, attempts; POST faults {kind, times, on}, webhook {url}, say {…},
        template {name, language, …}, judge {name, language, status}."""
        given = json.loads(body) if body else {}
        match method, what:
            case "GET", "deliveries":
                return 200, self.deliveries
            case "GET", "attempts":
                return 200, dict(self.attempts)
            case "POST", "faults":
                self.fault(str(given["kind"]), int(given.get("times", 1)), str(given.get("on", "messages")))
            case "POST", "webhook":
                self.webhook = str(given["url"])
            case "POST", "say":
                await self.say(given["text"], given["from"], given.get("name", ""), given.get("id", ""))
            case "POST", "template":
                self.templates.add(Template(**given))
            case "POST", "judge":
                await self.judge(given["name"], given["language"], given["status"], given.get("reason", "NONE"))
            case _:
                return error(100, "No such control", status=404)
        return 200, {}


def _text(message: dict[str, Any]) -> str:
    """What the customer reads of a message, apart from a template's own words."""
    kind = message["type"]
    content = message[kind]
    match kind:
        case "text":
            return content["body"]
        case "interactive":
            return content["body"]["text"]
        case _:
            return content.get("caption", "")


def _json(answer: Answer) -> tuple[int, str, bytes]:
    status, content = answer
    return (
        (status, "text/html", content)
        if isinstance(content, bytes)
        else (status, "application/json", json.dumps(content).encode())
    )
