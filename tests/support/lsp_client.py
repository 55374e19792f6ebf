"""A small client of the Language Server Protocol: starts `duly lsp` and speaks JSON-RPC with it over its pipes."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PATIENCE = 15
"""Seconds to wait for a message at the most: then the server is taken for dead."""


class Failed(Exception):
    """The server answered with an error."""


class Client:
    def __init__(self, root: Path, *, encodings: list[str] | None = None, documents: bool = True, locale: str = "en"):
        environment = {**os.environ, "DULY_CACHE": str(root.parent / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "duly_platform", "lsp", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.root = root
        self.asked: list[dict[str, Any]] = []
        self.diagnostics: dict[str, dict[str, Any]] = {}
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._next = 0
        self.errors: list[bytes] = []
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._drain, daemon=True).start()
        capabilities: dict[str, Any] = {
            "workspace": {
                "workspaceEdit": {"documentChanges": documents},
                "didChangeWatchedFiles": {"dynamicRegistration": True},
            },
            "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}},
        }
        if encodings is not None:
            capabilities["general"] = {"positionEncodings": encodings}
        self.server = self.ask(
            "initialize",
            processId=None,
            rootUri=root.as_uri(),
            locale=locale,
            capabilities=capabilities,
            workspaceFolders=[{"uri": root.as_uri(), "name": "root"}],
        )
        self.tell("initialized")

    # --- messages

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)

    def _receive(self) -> None:
        out = self.process.stdout
        assert out is not None
        while True:
            length = 0
            while (header := out.readline()).strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            if not length:
                self._inbox.put(None)
                return
            self._inbox.put(json.loads(out.read(length)))

    def send(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _message(self, **content: Any) -> None:
        self.send(json.dumps({"jsonrpc": "2.0", **content}).encode())

    def tell(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._message(method=method, params=params)

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request and wait for what it gives; Failed with the server's words."""
        self._next += 1
        number = self._next
        self._message(id=number, method=method, params=params)
        answer = self._until(lambda message: message.get("id") == number and "method" not in message)
        if "error" in answer:
            raise Failed(answer["error"]["message"])
        return answer["result"]

    def _until(self, wanted: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._inbox.get(timeout=PATIENCE)
            if message is None:
                raise Failed("the server is gone: " + b"".join(self.errors).decode())
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]
            elif "method" in message and "id" in message:
                self.asked.append(message)
                self._message(id=message["id"], result=None)
            if wanted(message):
                return message

    # --- documents

    def uri(self, path: str) -> str:
        return (self.root / path).as_uri()

    def open(self, path: str, text: str | None = None, version: int = 1) -> None:
        text = (self.root / path).read_text(encoding="utf-8") if text is None else text
        document = {"uri": self.uri(path), "languageId": "duly", "version": version, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)

    def change(self, path: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": self.uri(path), "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=list(changes))

    def close(self, path: str) -> None:
        self.tell("textDocument/didClose", textDocument={"uri": self.uri(path)})

    def told(self, path: str, version: int | None = None) -> list[dict[str, Any]]:
        """Wait for the problems of a file, of that version where one is said."""
        uri = self.uri(path)
        found = self._until(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics"
                and message["params"]["uri"] == uri
                and (version is None or message["params"].get("version") == version)
            )
        )
        return found["params"]["diagnostics"]

    def at(self, method: str, path: str, line: int, character: int, **more: Any) -> Any:
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", textDocument={"uri": self.uri(path)}, position=position, **more)

    def of(self, method: str, path: str, **more: Any) -> Any:
        return self.ask(f"textDocument/{method}", textDocument={"uri": self.uri(path)}, **more)

    def leave(self) -> int:
        """Shut the server down; its exit code."""
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after text edits whose positions are UTF-16 and whose lines end in a newline."""
    units = [line.encode("utf-16-le") for line in text.split("\n")]
    starts = [sum(len(line) + 2 for line in units[:number]) for number in range(len(units) + 1)]
    data = text.encode("utf-16-le")

    def offset(position: dict[str, int]) -> int:
        return min(starts[min(position["line"], len(units))] + 2 * position["character"], len(data))

    for edit in sorted(edits, key=lambda edit: offset(edit["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        data = data[:start] + edit["newText"].encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")
