"""A node with a WhatsApp door on SQLite, and a stand-in of Meta's API that posts its webhooks to it over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from connectors import samples
from duly_connectors import registry
from duly_connectors.contract import Tools
from duly_connectors.outbound import Network
from duly_connectors.registry import Live
from duly_connectors.testing import NOON
from duly_dsl.build import build
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from duly_runtime.doors import Raw
from duly_runtime.events import AgentMessage
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.api import Message, OutboxRow
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from fakes.graph import FakeGraph
from runtime.polling import until
from runtime.test_node import second
from support.databases import sqlite_database

DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

pipeline "Customer support" {
  calendar "Always"
  languages "en", "pt-BR"

  stage "New" {
    start
    next "Done"
%s
  }

  stage "Done" {
    finish
  }
%s
}

%s
"""


def desk(stage: str = "", rest: str = "", settings: str = "", pipeline: str = "") -> Program:
    """A checked program: lines of the first stage, definitions of their own, lines of the connector and the pipeline."""
    text = DESK % (stage, pipeline, rest) + samples.whatsapp_rules("Customer support", settings)
    built = build([SourceFile("desk.duly", text)], Environment(connector_kinds=registry.kinds()))
    assert built.diagnostics == (), built.diagnostics
    assert built.program is not None
    return built.program


class Office:
    """What a test does and sees."""

    def __init__(self, node: Node, clock: FakeClock, graph: FakeGraph) -> None:
        self.node = node
        self.clock = clock
        self.graph = graph

    async def writes(self, text: str = "Olá", sender: str = samples.CUSTOMER) -> None:
        """A customer does; the message is on its card when this returns."""
        await self.told(self.graph.say(text, sender, "Ana"))

    async def replies(self, text: str, card: int = 1, **more: object) -> None:
        body = AgentMessage(text=text, author="ana", **more)  # type: ignore[arg-type]
        event = await self.node.store.command(card, body, self.clock.now())
        handled = await self.node.handle(event)
        assert not handled.refused, handled.refused

    async def rows(self, card: int = 1) -> list[OutboxRow]:
        return sorted(await self.node.store.deliveries(card), key=lambda row: row.id)

    async def messages(self, card: int = 1) -> list[Message]:
        return await self.node.store.messages(card)

    async def becomes(self, *states: str, card: int = 1) -> list[OutboxRow]:
        """Let seconds pass until the deliveries of a card are in these states, in order."""
        rows: list[OutboxRow] = []
        for _ in range(900):
            rows = await self.rows(card)
            if tuple(row.state for row in rows) == states:
                return rows
            await self._second()
        raise AssertionError(f"{[(row.state, row.error) for row in rows]} instead of {states}")

    async def passes(self, condition: Callable[[], bool]) -> None:
        for _ in range(900):
            if condition():
                return
            await self._second()
        raise AssertionError("it did not come true")

    async def told(self, work: Awaitable[None]) -> None:
        """The stand-in posts something; it is handled when this returns."""
        await self._graph(work)
        for _ in range(4000):
            if (await self.node.store.counts())["unhandled"] == 0:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it was not handled")

    async def _second(self) -> None:
        """A second passes, but not while something is on the wire: that takes time of the wall."""
        await until(lambda: not self.node._outbox.busy)
        await second(self.clock)

    async def _graph(self, work: Awaitable[None]) -> None:
        """On the loop of the stand-in."""

        async def run() -> None:
            await work

        assert self.graph._loop is not None
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), self.graph._loop))


@contextlib.asynccontextmanager
async def office(folder: Path, program: Program, graph: FakeGraph) -> AsyncIterator[Office]:
    """`graph` runs; its clock is the node's from now on."""
    clock = FakeClock(NOON)
    graph.clock = lambda: clock.now().timestamp()
    graph.app_secret = samples.APP_SECRET
    secrets = {**samples.WHATSAPP_SECRETS, "WA_API": graph.url}
    doors = Live(Tools(secrets=secrets.__getitem__, clock=clock, network=Network(allow_private=True)))
    store = open_store(sqlite_database(folder / "duly.sqlite"))
    await store.start()
    node = Node(NodeConfig(store=store, clock=clock, doors=doors))
    await store.publish(program.hash, program.encode(), {}, "tests", "", NOON)
    await node.start()
    await until(lambda: clock.waiting > 0)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
            headers = {name.lower(): text.strip() for name, text in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            await node.receive(Raw(method="POST", path="/in/whatsapp", headers=headers, body=body, received_at=clock.now()))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    graph.webhook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in/whatsapp"
    try:
        yield Office(node, clock, graph)
    finally:
        graph.webhook = ""
        server.close()
        await node.stop()
        await store.stop()


HOUR = dt.timedelta(hours=1)
