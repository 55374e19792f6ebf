"""A connector that comes with a plug-in, from the line in a file to the message that leaves by it."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from duly_connectors import registry
from duly_connectors.contract import Connector, Tools
from duly_connectors.registry import Live
from duly_dsl import program
from duly_dsl.build import build
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile
from duly_runtime.doors import Inbound, Outcome, Outgoing, Parsed, Raw, Refused, Sent
from duly_runtime.events import Contact, CustomerMessage
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.api import Accepted
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from runtime.polling import until
from support.databases import sqlite_database

NOON = dt.datetime(2026, 11, 9, 12, tzinfo=dt.UTC)


class Pager(Connector):
    """Reads `WHO: TEXT` from a request that shows the token, and notes what it is given to send."""

    KIND = program.ConnectorKind(
        name="pager",
        directions=("receives", "sends", "connects"),
        settings=(
            program.SettingSpec("station token", required=True, secret=True),
            program.SettingSpec("room", required=True, needed_to=("sends", "connects")),
            program.SettingSpec("loud"),
            program.SettingSpec("beeps"),
        ),
    )
    sent: ClassVar[list[tuple[str, str, str]]] = []

    def authenticate(self, raw: Raw) -> None:
        if raw.headers.get("token") != self.setting("station token"):
            raise Refused(401, "not the station's token")

    def parse(self, raw: Raw) -> Parsed:
        who, _, text = raw.body.decode().partition(": ")
        message = CustomerMessage(
            text=text,
            contact=Contact(name=who, address=who),
            channel="pager",
            connector=self.definition.name,
            conversation=who,
            pipeline=self.definition.pipeline,
        )
        return Parsed(items=(Inbound(key=raw.body.decode(), at=raw.received_at, body=message),))

    async def send(self, item: Outgoing) -> Outcome:
        type(self).sent.append((self.setting("room"), item.to.address, item.text))
        return Sent(provider_id=f"page-{item.outbox_id}")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in as its package would bring it: by an entry point."""
    monkeypatch.setitem(sys.modules, "duly_pager", sys.modules[__name__])
    entries = [*registry.entry_points(group=registry.GROUP), EntryPoint("pager", "duly_pager:Pager", registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    registry.plugins.cache_clear()
    Pager.sent = []
    yield
    registry.plugins.cache_clear()


DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

pipeline "Support" {
  calendar "Always"

  stage "New" {
    start
    next "Done"
  }

  stage "Done" {
    finish
  }

  rule "Thank" {
    when customer replies and channel is pager
    then reply "Thank you, {customer.name}."
    then call "Tower"
  }
}

connector "Station" connects pager {
  open card in "Support"
  %s
}

connector "Tower" sends pager {
  station token secret "TOWER"
  room "tower"
}
"""


def checked(*lines: str) -> list[tuple[str, str, str]]:
    """(code, nearest name, message) of what is wrong with the lines of a pager."""
    environment = Environment(connector_kinds=registry.kinds(), secrets=frozenset({"STATION", "TOWER"}))
    built = build([SourceFile("desk.duly", DESK % "\n  ".join(lines))], environment)
    return [(each.code, each.nearest, each.message) for each in built.diagnostics]


GOOD = ('station token secret "STATION"', 'room "lobby"', "loud yes", "beeps 3")


def test_a_kind_of_a_plug_in_is_known_with_its_settings() -> None:
    assert checked(*GOOD) == []


@pytest.mark.parametrize(
    ("lines", "code", "nearest", "said"),
    [
        ((*GOOD, 'rooom "x"'), "E0903", "room", "`rooom`"),
        (GOOD[:1], "E0904", "", "`room`"),
        (GOOD[1:], "E0904", "", "`station token`"),
        (('station token "1234"', GOOD[1]), "E0905", "", "`station token`"),
        (('station token secret "STATOIN"', GOOD[1]), "E0906", "STATION", "`STATOIN`"),
        ((*GOOD, 'verify token with secret "STATION"'), "E0913", "", "`verify`"),
    ],
)
def test_settings_are_held_to_what_the_plug_in_says(lines: tuple[str, ...], code: str, nearest: str, said: str) -> None:
    ((found, close, message),) = checked(*lines)
    assert (found, close) == (code, nearest)
    assert said in message


def test_without_the_plug_in_its_kind_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [entry for entry in registry.entry_points(group=registry.GROUP) if entry.name != "pager"]
    monkeypatch.setattr(registry, "entry_points", lambda group: others)
    registry.plugins.cache_clear()
    assert {code for code, _, _ in checked(*GOOD)} == {"E0901"}


def test_a_message_comes_in_and_an_answer_leaves_by_the_plug_in(tmp_path: Path) -> None:
    made = build([SourceFile("desk.duly", DESK % "\n  ".join(GOOD))], Environment(connector_kinds=registry.kinds())).program
    assert made is not None
    assert made.connectors["Station"].settings["beeps"].value == 3

    async def main() -> None:
        store = open_store(sqlite_database(tmp_path / "duly.sqlite"))
        await store.start()
        clock = FakeClock(NOON)
        doors = Live(Tools(secrets={"STATION": "right", "TOWER": "t"}.__getitem__, clock=clock))
        node = Node(NodeConfig(store=store, clock=clock, doors=doors))
        try:
            await store.publish(made.hash, made.encode(), {}, "tests", "", NOON)
            await node.start()
            raw = Raw(method="POST", path="/in/station", headers={"token": "wrong"}, body=b"Rui: help", received_at=NOON)
            with pytest.raises(Refused):
                await node.receive(raw)
            taken = await node.receive(msgspec.structs.replace(raw, headers={"token": "right"}))
            assert isinstance(taken, Accepted)
            await until(lambda: len(Pager.sent) == 2)
        finally:
            await node.stop()
            await store.stop()

    asyncio.run(main())
    assert ("lobby", "Rui", "Thank you, Rui.") in Pager.sent
    assert ("tower", "", "") in Pager.sent  # `call`: what happened, not a text
