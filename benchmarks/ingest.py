"""From a signed request to a judged card on the embedded default, against a bare loop of two SQLite transactions.

The bare loop does what nobody can do without: commit the event, then read it, write a card and mark the event as handled,
on the same settings (`synchronous = FULL`, WAL), in one thread with nothing around it. Duly authenticates and parses the
request, journals it with its raw form, wakes a worker, judges it by the rules of examples/support_desk and writes card,
visit, clocks, timers, history, message and trace. Messages come from 32 senders at once, as webhooks do, on the event loop
`duly serve` runs on. Some messages go before that are not counted: a server reads
its calendars once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from duly_connectors.contract import Tools
from duly_connectors.registry import Live, kinds
from duly_dsl.build import build
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile
from duly_runtime.card import Card
from duly_runtime.doors import Outcome, Outgoing, Raw, Sender, Sent
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.database import open_store
from duly_runtime.store.sqlite import PRAGMAS
from duly_runtime.time import SystemClock

EVENTS = 2000
WARMING = 200
SENDERS = 32
ROUNDS = 3
WORKSPACE = Path(__file__).parents[1] / "examples" / "support_desk"
SECRET = "the-key-of-the-shop"
INSERT = "INSERT INTO event (key, body, handled) VALUES (?, ?, 0) ON CONFLICT DO NOTHING RETURNING id"


class Nowhere(Live):
    """The real doors in, and a way out that takes everything at once."""

    def by_name(self, connector: str) -> Sender | None:
        return self

    def by_kind(self, kind: str) -> Sender | None:
        return self

    async def send(self, item: Outgoing) -> Outcome:
        return Sent()


def requests(clock: SystemClock, numbers: range) -> list[Raw]:
    """One message each of as many customers, as the shop of the example posts and signs them."""
    made: list[Raw] = []
    for number in numbers:
        message = {
            "text": "Where is my order?",
            "subject": "A late parcel",
            "customer": {"name": f"Customer {number}", "email": f"customer{number}@shop.example", "tier": "basic"},
            "order": {"id": f"{100000 + number}"},
            "priority": "normal",
        }
        body = json.dumps(message).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-shop-signature": signature, "webhook-id": f"message-{number}"}
        made.append(Raw(method="POST", path="/in/shop", headers=headers, body=body, received_at=clock.now()))
    return made


async def duly(folder: Path) -> float:
    """Events a second, from the first request to the last card."""
    clock = SystemClock()
    store = open_store(f"sqlite:///{folder / 'duly.sqlite'}")
    await store.start()
    files = [SourceFile(path.name, path.read_text(encoding="utf-8")) for path in sorted(WORKSPACE.glob("*.duly"))]
    program = build(files, Environment(connector_kinds=kinds())).program
    assert program is not None
    await store.publish(program.hash, program.encode(), {}, "benchmark", "", clock.now())
    node = Node(NodeConfig(store=store, clock=clock, doors=Nowhere(Tools(secrets=lambda name: SECRET, clock=clock))))
    await node.start()
    await node.program()

    async def take_in(waiting: list[Raw]) -> None:
        async def sender() -> None:
            while waiting:
                await node.receive(waiting.pop())

        await asyncio.gather(*(sender() for _ in range(SENDERS)))
        for _ in range(6000):
            if not await store.waiting_events(clock.now(), 1):
                break
            await asyncio.sleep(0.01)

    await take_in(requests(clock, range(EVENTS, EVENTS + WARMING)))
    waiting = requests(clock, range(EVENTS))
    began = time.perf_counter()
    await take_in(waiting)
    took = time.perf_counter() - began
    assert (await store.counts())["cards"] == EVENTS + WARMING
    await node.stop()
    await store.stop()
    return EVENTS / took


def bare(folder: Path) -> float:
    """Events a second."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, key TEXT UNIQUE, body TEXT, handled INTEGER)")
    connection.execute("CREATE TABLE card (id INTEGER PRIMARY KEY, data TEXT)")
    clock = SystemClock()
    card = msgspec.json.encode(Card(id=1, number=1, pipeline="Support", stage="New", created_at=clock.now())).decode()
    bodies = [raw.body.decode() for raw in requests(clock, range(EVENTS))]
    began = time.perf_counter()
    for number, body in enumerate(bodies):
        connection.execute("BEGIN IMMEDIATE")
        event = connection.execute(
            "INSERT INTO event (key, body, handled) VALUES (?, ?, 0) ON CONFLICT DO NOTHING RETURNING id",
            (str(number), body),
        ).fetchone()[0]
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT body FROM event WHERE id = ? AND handled = 0", (event,)).fetchone()
        connection.execute("INSERT INTO card (data) VALUES (?)", (card,))
        connection.execute("UPDATE event SET handled = 1 WHERE id = ?", (event,))
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return EVENTS / took


def run() -> list[tuple[str, float, str, str]]:
    """Rows of (figure, ratio, goal, detail); medians of rounds that take turns."""
    logging.disable(logging.WARNING)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            theirs.append(bare(Path(folder)))
            ours.append(uvloop.run(duly(Path(folder))))
    mine, other = sorted(ours)[ROUNDS // 2], sorted(theirs)[ROUNDS // 2]
    detail = f"{mine:,.0f} events/s accepted and judged, bare loop {other:,.0f}/s"
    return [("accept and handle / two bare transactions", mine / other, ">= 0.5", detail)]
