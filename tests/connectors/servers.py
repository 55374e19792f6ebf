"""Small servers for the connector tests, each scripted with what it says."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

Made = TypeVar("Made")


class Web:
    """Answers every HTTP request with `answer` (raw bytes); keeps what came: (request line, headers, body)."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((lines[0], headers, body))
        writer.write(self.answer)
        await writer.drain()


@contextlib.asynccontextmanager
async def web(answer: bytes) -> AsyncIterator[Web]:
    made = Web(answer)
    async with _listening(made) as made.port:
        yield made


@contextlib.asynccontextmanager
async def _listening(speak: Web | Mail) -> AsyncIterator[int]:
    """The port; at the end no connection is left open."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await speak(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def status(code: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {code} Word", *headers, f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


class Mail:
    """Speaks SMTP. `says` replaces the answer to a step (`greeting`, `mail`, `rcpt`, `data`, `end`); an empty one hangs up.
    Keeps the messages it took, as bytes."""

    def __init__(self, says: dict[str, str]) -> None:
        self.says = {
            "greeting": "220 ready",
            "ehlo": "250-mail.example\r\n250 AUTH PLAIN",
            "mail": "250 ok",
            "rcpt": "250 ok",
            "data": "354 go",
            "end": "250 taken",
            **says,
        }
        self.messages: list[bytes] = []
        self.logins: list[str] = []
        self.envelopes: list[str] = []
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(text: str) -> bool:
            if text:
                writer.write(text.encode() + b"\r\n")
                await writer.drain()
            return bool(text)

        going = await say(self.says["greeting"])
        while going:
            line = (await reader.readuntil(b"\r\n")).decode().strip()
            verb = line.split(":")[0].split(" ")[0].lower()
            if verb == "ehlo":
                going = await say(self.says["ehlo"])
            elif verb == "auth":
                self.logins.append(line.split()[-1])
                going = await say(self.says.get("auth", "235 welcome"))
            elif verb == "data":
                if await say(self.says["data"]) and self.says["data"].startswith("354"):
                    self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                    going = await say(self.says["end"])
            elif verb in ("mail", "rcpt"):
                self.envelopes.append(line)
                going = await say(self.says[verb])
            else:
                going = await say("221 bye") and verb != "quit"


@contextlib.asynccontextmanager
async def mail(**says: str) -> AsyncIterator[Mail]:
    made = Mail(says)
    async with _listening(made) as made.port:
        yield made


@contextlib.contextmanager
def aside(server: AbstractAsyncContextManager[Made]) -> Iterator[Made]:
    """The server in a thread of its own, for tests whose loop waits for the application."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
