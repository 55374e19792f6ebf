"""From a customer's silence to Meta's API: text while the window is open, the approved template once it has closed."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import time
from pathlib import Path

from connectors import samples
from connectors.meta import desk
from duly_connectors.contract import Tools
from duly_connectors.outbound import Network
from duly_connectors.registry import Live
from duly_connectors.testing import NOON
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.api import Accepted
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from fakes.graph import FakeGraph, Template
from runtime.test_node import comes, tick
from support.databases import sqlite_database

STAGE = """
    after 20h elapsed of silence send "Still there?"
    after 2 calendar days of silence send "Still there?"
    after 3 calendar days of silence reply "Bye." or outside window send "Goodbye"
"""
TEMPLATES = """
template "Still there?" {
  "en" "Hi {customer.first_name}, do you still need us? This is case {card.number}."
  "pt-BR" "Olá {customer.first_name}, ainda precisa de nós? É o caso {card.number}."
  needs whatsapp approval
}

template "Goodbye" {
  "en" "We close this now."
  "pt-BR" "Encerramos por aqui."
  needs whatsapp approval as "goodbye_2" for utility
}
"""


def _has(graph: FakeGraph, count: int) -> bool:
    return len(graph.deliveries) >= count


def test_a_reminder_is_text_at_first_and_a_template_later(tmp_path: Path) -> None:
    made = desk(STAGE, TEMPLATES)
    approved = [
        *(Template("still_there", language, "Hi {{1}}, it is {{2}}.") for language in ("en", "pt_BR")),
        *(Template("goodbye_2", language, "Goodbye") for language in ("en", "pt_BR")),
    ]

    async def main(graph: FakeGraph) -> None:
        secrets = {**samples.WHATSAPP_SECRETS, "WA_API": graph.url}
        clock = FakeClock(NOON)
        doors = Live(Tools(secrets=secrets.__getitem__, clock=clock, network=Network(allow_private=True)))
        store = open_store(sqlite_database(tmp_path / "duly.sqlite"))
        await store.start()
        node = Node(NodeConfig(store=store, clock=clock, doors=doors))
        try:
            await store.publish(made.hash, made.encode(), {}, "tests", "", NOON)
            await node.start()
            tree = samples.body(samples.value(messages=[samples.message()], contacts=[samples.contact()]))
            assert isinstance(await node.receive(samples.wa_request(tree)), Accepted)
            graph.wrote[samples.CUSTOMER] = time.time()
            for number, ahead in enumerate((dt.timedelta(hours=20), dt.timedelta(hours=28), dt.timedelta(hours=24)), 1):
                await tick(clock, ahead)
                await comes(clock, functools.partial(_has, graph, number))
                graph.wrote[samples.CUSTOMER] = 0.0  # by the clock on the wall it was long ago
        finally:
            await node.stop()
            await store.stop()

    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, windows=True, templates=approved) as graph:
        asyncio.run(main(graph))
        first, second, third = graph.deliveries
    assert first["text"] == "Hi Ana, do you still need us? This is case 1."
    assert "template" not in first
    assert (second["template"], second["variables"]) == ("still_there", ["Ana", "1"])
    assert (third["template"], third["variables"]) == ("goodbye_2", [])
