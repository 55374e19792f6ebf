"""WhatsApp bodies accepted, against a bare Litestar handler with one insert (`benchmarks.whatsapp_peer`).

Both are servers of their own on this machine: uvicorn, httptools and uvloop, one process, with the same database and
durability (SQLite in WAL mode with `synchronous = FULL`; PostgreSQL with its own `synchronous_commit`, which neither
changes). They get the same signed bodies from the same client: 64 connections that are kept open, each sending its next
body when the last was answered, so that the server is never idle. They take turns, and a figure is the median of the
rounds.

The peer inserts the raw body and answers after the commit. Duly (`duly serve` with examples/support_desk) checks the
signature, reads the body, writes request and event with the keys that tell repetitions, and answers after the commit. A
figure is bodies a second as the client sees them (wall time, at saturation); the processor time of each server for a body
stands beside it. `--web-only` is the process that takes in, as where workers are processes of their own (its broker is
Redis; nobody handles the events meanwhile). `one process` is `duly serve` as it comes, which judges the events at the same
time, on the same core.

What was answered is counted in both databases in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import asyncpg
import uvloop

from duly_platform.secrets import SecretStore
from support.databases import POSTGRES, on_server, postgres_database

BODIES = 1000
"""In one round, for each server."""
ROUNDS = 5
CONNECTIONS = 64
WORKSPACE = Path(__file__).parents[1] / "examples" / "support_desk"
APP_SECRET = "app-secret-of-the-benchmark"
SECRETS = tuple(re.findall(r'secret "(\w+)"', (WORKSPACE / "doors.duly").read_text()))
NOWHERE = "https://127.0.0.1:9"
"""The value of the other secrets: an address on a private network, which nothing is sent to."""
NUMBER_ID = "106540352242922"
TEXTS = (
    "Olá, meu pedido ainda não chegou. Podem verificar?",
    "Boa tarde! A caixa veio aberta e falta uma peça.",
    "oi",
    "Quero trocar o produto por outro tamanho, comprei ontem e ainda está lacrado, com nota fiscal e tudo.",
    "Hello, where is my parcel? The tracking has not moved for four days.",
)


# --- what is sent ----------------------------------------------------------------------------------------------------


def body(number: int) -> bytes:
    """A customer's message as Meta posts it; every third writes in answer to one of ours, some send a picture."""
    customer = f"55119{80000000 + number % 50000:08}"
    message: dict[str, object] = {
        "from": customer,
        "id": f"wamid.HBgNNTUxMTk4ODc3NjY1NRUCABIYFjNFQjBD{number:012X}",
        "timestamp": str(int(time.time()) - 2),
    }
    if number % 3 == 0:
        message["context"] = {"from": "551133224455", "id": f"wamid.HBgNNTUxMTMzMjI0NDU1{number:012X}"}
    if number % 10 == 7:
        sha256 = "q7x1nZ3mY2fYk0fX5W2rjY1Q0s6u1r8vT3yJm3k2u5A="
        picture = {"mime_type": "image/jpeg", "sha256": sha256, "id": f"{900_000_000 + number}", "caption": "o rótulo"}
        message |= {"type": "image", "image": picture}
    else:
        message |= {"type": "text", "text": {"body": TEXTS[number % len(TEXTS)]}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551133224455", "phone_number_id": NUMBER_ID},
        "contacts": [{"profile": {"name": f"Cliente {number % 50000}"}, "wa_id": customer}],
        "messages": [message],
    }
    entry = {"id": "330099", "changes": [{"value": value, "field": "messages"}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}, ensure_ascii=False).encode()


def request(number: int) -> bytes:
    """The whole of an HTTP request, signed."""
    data = body(number)
    signature = hmac.new(APP_SECRET.encode(), data, hashlib.sha256).hexdigest()
    head = (
        "POST /in/whatsapp HTTP/1.1\r\nHost: desk.example\r\nAccept: */*\r\nUser-Agent: facebookexternalua\r\n"
        f"Content-Type: application/json\r\nX-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Line(asyncio.Protocol):
    """One connection: the next request when the answer to the last is there."""

    LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

    def __init__(self, waiting: Iterator[bytes], ended: asyncio.Future[None]) -> None:
        self._waiting = waiting
        self._ended = ended
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        data = next(self._waiting, None)
        if data is None:
            self._transport.close()
            if not self._ended.done():
                self._ended.set_result(None)
        else:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        length = self.LENGTH.search(self._got, 0, end + 2)
        if len(self._got) < end + 4 + (int(length[1]) if length else 0):
            return
        if not self._got.startswith(b"HTTP/1.1 200 "):
            self.connection_lost(RuntimeError(f"not accepted: {self._got[:500]!r}"))
            return
        self._got = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(exc or RuntimeError("the server hung up"))


async def send(port: int, requests: list[bytes]) -> float:
    """Seconds until all are answered with 200."""
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    ends = [loop.create_future() for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: Line(waiting, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - began


# --- who answers -----------------------------------------------------------------------------------------------------


class Server:
    """A process that prints its address; how many bodies it took, and in what time."""

    def __init__(self, command: list[str], url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.taken = 0
        self.rates: list[float] = []
        self.processor: list[float] = []
        self.client: list[float] = []
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        environment = {**os.environ, "PYTHONPATH": path, **environment}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by `stop`)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment
        )
        self.port = self._read_port()

    def _read_port(self) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                return int(found[1])
        self._log.seek(0)
        raise RuntimeError(f"{self._process.args} did not start: {self._log.read()[-2000:]}")

    def processor_seconds(self) -> float:
        """0 where the system does not tell."""
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def answer(self, requests: list[bytes], *, counts: bool) -> None:
        """`counts` is false for those that only warm it up."""
        before, own = self.processor_seconds(), time.process_time()
        took = uvloop.run(send(self.port, requests))
        self.taken += len(requests)
        if counts:
            self.processor.append((self.processor_seconds() - before) / len(requests))
            self.client.append((time.process_time() - own) / len(requests))
            self.rates.append(len(requests) / took)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def told(self) -> str:
        used, client = (statistics.median(each) * 1e6 for each in (self.processor, self.client))
        return f"{self.rate:,.0f}/s, processor {used:.0f} µs a body (client {client:.0f})"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


def duly(url: str, data: Path, broker: str) -> Server:
    stored = SecretStore(data)
    for name in SECRETS:
        stored.set(name, NOWHERE)
    stored.set("WHATSAPP_APP_SECRET", APP_SECRET)
    environment = {"DULY_DATA": str(data), "DULY_DATABASE_URL": url, "DULY_BROKER_URL": broker}
    options = [] if broker.startswith("memory") else ["--web-only"]
    return Server(["duly_platform", "serve", str(WORKSPACE), "--port", "0", *options], url, environment)


# --- databases -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """URLs of two new ones."""
    if kind == "SQLite":
        yield f"sqlite:///{folder / 'ours'}", f"sqlite:///{folder / 'theirs'}"
        return
    with postgres_database() as ours, postgres_database() as theirs:
        yield ours, theirs


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis of our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)


def count(url: str, rows: str) -> int:
    """How many rows (`body`, `event WHERE …`) there are."""
    text = f"SELECT COUNT(*) FROM {rows}"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(text).fetchone()[0]

    async def ask() -> int:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(text)
        finally:
            await connection.close()

    return asyncio.run(ask())


# --- figures ---------------------------------------------------------------------------------------------------------


def compared(kind: str, *, web_only: bool) -> tuple[str, float, str, str]:
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, theirs = stack.enter_context(databases(kind, folder))
        broker = stack.enter_context(redis()) if web_only else "memory://"
        bare = Server(["benchmarks.whatsapp_peer", theirs], theirs, {})
        stack.callback(bare.stop)
        desk = duly(ours, folder / "data", broker)
        stack.callback(desk.stop)
        for number in range(ROUNDS + 1):
            for server in (bare, desk) if number % 2 else (desk, bare):
                requests = [request(next(numbers)) for _ in range(BODIES if number else BODIES // 5)]
                server.answer(requests, counts=number > 0)
                while server is desk and not web_only and count(ours, "event WHERE handled_at IS NULL"):
                    time.sleep(0.1)
        for server, rows in ((bare, "body"), (desk, "event WHERE raw_id > 0")):
            if count(server.url, rows) != server.taken:
                raise RuntimeError(f"{server.taken} bodies were accepted, {count(server.url, rows)} are in the database")
    title = f"{kind}, {'web process (--web-only)' if web_only else 'one process, judging too'} / bare"
    return title, desk.rate / bare.rate, ">= 0.6" if web_only else "", f"{desk.told()}; bare {bare.told()}"


def run() -> Iterator[tuple[str, float, str, str]]:
    """Rows of (figure, ratio, goal, detail); medians of rounds that take turns."""
    for kind in kinds():
        if shutil.which("redis-server"):
            yield compared(kind, web_only=True)
        yield compared(kind, web_only=False)


def kinds() -> list[str]:
    """PostgreSQL only where one answers."""

    try:
        on_server(POSTGRES)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return ["SQLite"]
    return ["SQLite", "PostgreSQL"]
