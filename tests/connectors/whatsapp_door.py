"""A WhatsApp door of the tests' own: what it reads, and what it sends to a stand-in of the Graph API."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors import samples
from duly_connectors.contract import Tools
from duly_connectors.outbound import Network, Response
from duly_connectors.testing import NOON, ScriptedNetwork
from duly_connectors.whatsapp import WhatsApp
from duly_dsl.program import Connector
from duly_runtime.doors import Inbound, Outcome, Parsed
from duly_runtime.events import CustomerMessage
from duly_runtime.time import FakeClock
from fakes.graph import FakeGraph


def door(
    network: Network | None = None, api: str = "", language: str = "en", definition: Connector = samples.WHATSAPP
) -> WhatsApp:
    secrets = {**samples.WHATSAPP_SECRETS, **({"WA_API": api} if api else {})}
    tools = Tools(
        secrets=secrets.__getitem__,
        clock=FakeClock(NOON),
        network=network or ScriptedNetwork(Response(status=500)),
        language=language,
    )
    return WhatsApp(definition, samples.PIPELINE, tools)


def read(tree: Any, language: str = "en") -> Parsed:
    found = door(language=language).receive(samples.wa_request(tree))
    assert isinstance(found, Parsed)
    return found


def only(parsed: Parsed) -> Inbound:
    assert parsed.problems == ()
    (item,) = parsed.items
    return item


def only_message(parsed: Parsed) -> CustomerMessage:
    found = only(parsed).body
    assert isinstance(found, CustomerMessage)
    return found


def send(graph: FakeGraph, **more: Any) -> Outcome:
    return asyncio.run(door(Network(allow_private=True), graph.url).send(samples.outgoing(**more)))
