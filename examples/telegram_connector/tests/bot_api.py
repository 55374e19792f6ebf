"""A small Bot API: what the documentation says of the methods the connector uses, over real HTTP. `faults` are what the
next calls of a method are answered with instead."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "123456:a-token-of-ours"


def wrong(code: int, description: str, **parameters: Any) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return code, body | ({"parameters": parameters} if parameters else {})


class BotApi:
    """`sent` are the messages taken, in order: the method and its parameters; a file as (name, type, content)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.chats = {77, -1001}
        self.webhook: dict[str, Any] = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
        self.faults: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                status, answer = api.answer(self.path, self.headers.get("content-type", ""), body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> BotApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, target: str, content_type: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path.startswith(f"/file/bot{TOKEN}/"):
            data = self.files.get(path.rsplit("/", 1)[1])
            return (200, data) if data is not None else wrong(404, "Not Found")
        if not path.startswith(f"/bot{TOKEN}/"):
            return wrong(401, "Unauthorized") if path.startswith("/bot") else wrong(404, "Not Found")
        method = path.rsplit("/", 1)[1]
        if self.faults[method]:
            return self.faults[method].pop(0)
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()} | self._read(content_type, body)
        if method == "getMe":
            return self._ok({"id": 123456, "is_bot": True, "first_name": "Desk", "username": "desk_bot"})
        if method == "getWebhookInfo":
            return self._ok(self.webhook)
        if method == "getFile":
            name = asked.get("file_id", "")
            if name not in self.files:
                return wrong(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
            return self._ok({"file_id": name, "file_unique_id": name, "file_path": f"documents/{name}"})
        if method in ("sendMessage", "sendPhoto", "sendDocument"):
            return self._send(method, asked)
        return wrong(404, "Not Found: method not found")

    def _send(self, method: str, asked: dict[str, Any]) -> tuple[int, Any]:
        try:
            chat = int(asked.get("chat_id", ""))
        except ValueError:
            chat = 0
        if chat not in self.chats:
            return wrong(400, "Bad Request: chat not found")
        if method == "sendMessage" and not str(asked.get("text", "")).strip():
            return wrong(400, "Bad Request: message text is empty")
        self.sent.append((method, asked))
        return self._ok({"message_id": len(self.sent), "date": 1772452800, "chat": {"id": chat, "type": "private"}})

    def _read(self, content_type: str, body: bytes) -> dict[str, Any]:
        if content_type == "application/json":
            return json.loads(body)
        if not content_type.startswith("multipart/form-data"):
            return {}
        form = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
        found: dict[str, Any] = {}
        for part in form.iter_parts():
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            filename = part.get_filename()
            found[str(name)] = data.decode() if filename is None else (filename, part.get_content_type(), data)
        return found

    def _ok(self, result: Any) -> tuple[int, Any]:
        return 200, {"ok": True, "result": result}
