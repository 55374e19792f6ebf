"""A stand-in for Meta's Graph API, as far as sending WhatsApp messages goes.

It checks what Meta checks (token, number id, the message's shape), answers in Meta's shapes, keeps a log of every message
it took with the key we gave it, and posts signed status webhooks back, again until they are acknowledged. Faults come on
demand. In a test: `with FakeGraph(...) as graph:`; as a process of its own: `python -m fakes.graph --help`.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

FAULTS = ("429", "500", "502", "503", "131047", "130429", "131056", "190", "hang", "close", "lost")
"""`hang`: takes the message and never answers. `close`: hangs up before reading. `lost`: takes it, then hangs up."""
WINDOW_SECONDS = 24 * 3600
_ERRORS = {
    "429": (429, 4, "Application request limit reached"),
    "500": (500, 131000, "Something went wrong"),
    "503": (503, 2, "Service temporarily unavailable"),
    "131047": (400, 131047, "Re-engagement message"),
    "130429": (429, 130429, "Rate limit hit"),
    "131056": (429, 131056, "Pair rate limit hit"),
    "190": (401, 190, "Access token has expired"),
}


class FakeGraph:
    """`deliveries` are the messages taken, in order: `key` is biz_opaque_callback_data, `to` the recipient, `text`, `id`.

    `templates` are the approved ones: (name, language) -> how many variables. With `windows` set, free text is taken only
    for 24 hours after the customer (who writes by `say`) has last written, and refused with 131047 then, as Meta does.

    `attempts` counts every post of a message by key, taken or not. `statuses` are the words posted back for each message.
    """

    def __init__(
        self,
        *,
        token: str,
        number_id: str,
        app_secret: str = "",
        webhook: str = "",
        statuses: tuple[str, ...] = ("sent", "delivered"),
        log: Path | None = None,
        port: int = 0,
        windows: bool = False,
        templates: dict[tuple[str, str], int] | None = None,
    ) -> None:
        self.token = token
        self.number_id = number_id
        self.app_secret = app_secret
        self.webhook = webhook
        self.statuses = statuses
        self.deliveries: list[dict[str, Any]] = []
        self.attempts: collections.Counter[str] = collections.Counter()
        self.acknowledged: list[str] = []
        self.windows = windows
        self.templates = templates or {}
        self.wrote: dict[str, float] = {}
        """Customer -> when they last wrote, in seconds."""
        self._log = log
        self._port = port
        self._faults: collections.deque[str] = collections.deque()
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
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        if say is not None:
            say(self.url)
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fault(self, kind: str, times: int = 1) -> None:
        """The next `times` posts of a message meet this fault."""
        if kind not in FAULTS:
            raise ValueError(kind)
        self._faults.extend([kind] * times)

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
            posted = method == "POST" and target.endswith("/messages")
            fault = self._faults.popleft() if posted and self._faults else ""
            if fault == "close":
                return
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, answer = await self._answer(method, urlsplit(target).path, headers, body, fault)
            if fault == "hang":
                await asyncio.sleep(3600)
            if fault != "lost":
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(content)}\r\nconnection: close\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, fault: str
    ) -> tuple[int, dict[str, Any] | list[Any] | bytes]:
        if path.startswith("/_fake/"):
            return await self._control(method, path.removeprefix("/_fake/"), body)
        parts = path.strip("/").split("/")
        if len(parts) < 2 or not parts[0].startswith("v"):
            return _error(400, 2500, "Unknown path components")
        if headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, 190, "Invalid OAuth access token")
        if parts[1] != self.number_id:
            return _error(400, 100, f"Object with ID '{parts[1]}' does not exist", subcode=33)
        if method == "GET" and len(parts) == 2:
            return 200, {"id": self.number_id, "display_phone_number": "+55 11 3322-4455", "verified_name": "Loja Exemplo"}
        if method == "POST" and parts[2:] == ["messages"]:
            return self._message(body, fault)
        return _error(400, 100, "Unsupported request")

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, body: bytes, fault: str) -> tuple[int, dict[str, Any] | bytes]:
        try:
            message = json.loads(body)
        except ValueError:
            return _error(400, 100, "Invalid parameter", details="The body is not JSON")
        key = str(message.get("biz_opaque_callback_data", "")) if isinstance(message, dict) else ""
        self.attempts[key] += 1
        if fault in _ERRORS:
            status, code, title = _ERRORS[fault]
            return _error(status, code, title)
        if fault == "502":
            return 502, b"<html>Bad Gateway</html>"
        wrong = _wrong(message)
        if wrong:
            return _error(400, 100, "Invalid parameter", details=wrong)
        whom = message.get("to") or message.get("recipient")
        refusal = self._refusal(message, str(whom))
        if refusal is not None:
            return refusal
        name = f"wamid.FAKE{self._run}.{next(self._ids)}"
        taken = {"key": key, "to": whom, "text": message.get("text", {}).get("body", ""), "id": name}
        if message["type"] == "template":
            taken["template"] = message["template"]["name"]
            taken["variables"] = _variables(message["template"])
        self.deliveries.append(taken)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(taken) + "\n")
        if self.webhook:
            task = asyncio.get_running_loop().create_task(self._tell(name, key, str(whom)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        contact = {"input": whom, "wa_id": whom} if "to" in message else {"input": whom, "user_id": whom}
        return 200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": name}]}

    def _refusal(self, message: dict[str, Any], whom: str) -> tuple[int, dict[str, Any]] | None:
        """What Meta says no to, though the message is well formed."""
        if message["type"] == "text":
            last = self.wrote.get(whom)
            if self.windows and (last is None or time.time() - last >= WINDOW_SECONDS):
                return _error(400, 131047, "Re-engagement message", details="More than 24 hours have passed")
            return None
        template = message["template"]
        wanted = self.templates.get((template["name"], template["language"]["code"]))
        if wanted is None:
            return _error(404, 132001, "Template name does not exist in the translation")
        if wanted != len(_variables(template)):
            return _error(400, 132000, "Number of parameters does not match the expected number of params")
        return None

    async def _tell(self, name: str, key: str, whom: str) -> None:
        for word in self.statuses:
            told = {"id": name, "status": word, "timestamp": str(int(time.time())), "recipient_id": whom}
            if key:
                told["biz_opaque_callback_data"] = key
            await self.post({"statuses": [told]})
            self.acknowledged.append(f"{name}:{word}")

    async def say(self, text: str, sender: str, name: str, message_id: str = "") -> None:
        """A customer writes: post a signed message to the webhook, until it is acknowledged."""
        message = {
            "from": sender,
            "id": message_id or f"wamid.IN{self._run}.{next(self._ids)}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": text},
        }
        self.wrote[sender] = time.time()
        await self.post({"contacts": [{"wa_id": sender, "profile": {"name": name}}], "messages": [message]})

    async def post(self, content: dict[str, Any]) -> None:
        """Post a change to the webhook as Meta does: signed, and again until it is acknowledged with 200."""
        metadata = {"display_phone_number": "551133224455", "phone_number_id": self.number_id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **content}
        entry = {"id": "330099", "changes": [{"field": "messages", "value": value}]}
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

    # --- control -----------------------------------------------------------------------------------------------------

    async def _control(self, method: str, what: str, body: bytes) -> tuple[int, dict[str, Any] | list[Any]]:
        """For tests in another process: GET deliveries, attempts; POST faults {kind, times}, webhook {url}, say {…}."""
        given = json.loads(body) if body else {}
        match method, what:
            case "GET", "deliveries":
                return 200, self.deliveries
            case "GET", "attempts":
                return 200, dict(self.attempts)
            case "POST", "faults":
                self.fault(str(given["kind"]), int(given.get("times", 1)))
            case "POST", "webhook":
                self.webhook = str(given["url"])
            case "POST", "say":
                await self.say(given["text"], given["from"], given.get("name", ""), given.get("id", ""))
            case _:
                return _error(404, 100, "No such control")
        return 200, {}


def _wrong(message: Any) -> str:
    """What Meta would say of a message's shape; empty where it is right."""
    if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
        return "(#100) The parameter messaging_product is required."
    to, recipient = message.get("to"), message.get("recipient")
    if bool(to) == bool(recipient):
        return "Exactly one of to and recipient must be given."
    if to and not str(to).lstrip("+").isdigit():
        return "to is not a phone number."
    if message.get("type") == "template":
        return _wrong_template(message.get("template"))
    if message.get("type") != "text":
        return "This stand-in takes text and templates only."
    text = message.get("text")
    body = text.get("body") if isinstance(text, dict) else None
    if not isinstance(body, str) or not 1 <= len(body) <= 4096:
        return "text.body must be 1 to 4096 characters long."
    if len(str(message.get("biz_opaque_callback_data", ""))) > 512:
        return "biz_opaque_callback_data must be at most 512 characters long."
    return ""


def _wrong_template(template: Any) -> str:
    if not isinstance(template, dict) or not re.fullmatch(r"[a-z0-9_]{1,512}", str(template.get("name", ""))):
        return "template.name must be small letters, digits and underscores."
    language = template.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(code, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2,4})?", code):
        return "template.language.code must be a locale like pt_BR."
    components = template.get("components", [])
    if not isinstance(components, list) or len(components) > 1:
        return "This stand-in knows templates with a body."
    for component in components:
        values = component.get("parameters") if component.get("type") == "body" else None
        if not isinstance(values, list) or not values:
            return "A component must be a body with its parameters."
        for value in values:
            text = value.get("text")
            if value.get("type") != "text" or not isinstance(text, str) or not text.strip():
                return "(#131008) A parameter must be a text that is not empty."
            if re.search(r"[\n\t]|    ", text):
                return "A parameter can't have new lines, tabs or more than 4 spaces."
    return ""


def _variables(template: dict[str, Any]) -> list[str]:
    return [value["text"] for component in template.get("components", []) for value in component["parameters"]]


def _error(status: int, code: int, title: str, details: str = "", subcode: int = 0) -> tuple[int, dict[str, Any]]:
    error: dict[str, Any] = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or title},
        "fbtrace_id": "AfakeTrace",
    }
    if subcode:
        error["error_subcode"] = subcode
    return status, {"error": error}
