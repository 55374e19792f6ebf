"""A small workspace made by hand, with doors that remember what goes through them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import msgspec

from duly_dsl.program import (
    Actor,
    Alert,
    Calendar,
    Connector,
    Escalation,
    Level,
    Notify,
    Person,
    Pipeline,
    Program,
    Stage,
    Target,
    TargetRow,
    Team,
    Template,
    Window,
)
from duly_dsl.units import HOUR, Duration, Unit
from duly_runtime.doors import (
    Answer,
    Fetched,
    FetchOutcome,
    Inbound,
    Library,
    Outcome,
    Outgoing,
    Parsed,
    Raw,
    Refused,
    Sender,
    Sent,
    Source,
)
from duly_runtime.events import Contact, CustomerMessage, File
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.api import Store
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from support.databases import sqlite_database

START = dt.datetime(2026, 11, 6, 12, tzinfo=dt.UTC)
"""A Friday noon."""
ALWAYS = (Window(opens=0, closes=1440),)
EMAIL_ANA = Notify(actors=(Actor(kind="agent", name="ana"),), channel="email")

PROGRAM = Program(
    calendars={"Always": Calendar(name="Always", zone="UTC", week=(ALWAYS,) * 7)},
    people={
        "ana": Person(name="ana", full_name="Ana Sousa", email="ana@desk.example", phone="+551190001", language="pt-BR"),
        "bruno": Person(name="bruno", full_name="Bruno Lima"),
    },
    teams={"Desk": Team(name="Desk", members=("ana", "bruno"), lead="ana", manager="ana")},
    connectors={
        "Chat": Connector(name="Chat", kind="chat", direction="connects", path="/in/chat", pipeline="Support"),
        "Mail": Connector(
            name="Mail", kind="email", direction="sends", retry_times=2, retry_over=Duration(Unit.ELAPSED, HOUR)
        ),
        "Events": Connector(name="Events", kind="webhook", direction="sends"),
    },
    templates={
        "Hello": Template(
            name="Hello",
            texts={"en": "Hi {customer.first_name}, case {card.number}", "pt-BR": "Olá {customer.first_name}"},
            subjects={"en": "Case {card.number}", "pt-BR": "Caso {card.number}"},
        )
    },
    pipelines={
        "Support": Pipeline(
            name="Support",
            calendar="Always",
            languages=("en", "pt-BR"),
            targets=(Target(metric="first reply", rows=(TargetRow(when=None, amount=Duration(Unit.BUSINESS, HOUR)),)),),
            alerts=(
                Alert(
                    key="Support/first reply/80%",
                    metric="first reply",
                    actors=(Actor(kind="agent", name="ana"),),
                    percent=80,
                    channel="email",
                ),
            ),
            escalations=(
                Escalation(
                    name="Late", metrics=("first reply",), levels=(Level(number=1, after=None, actions=(EMAIL_ANA,)),)
                ),
            ),
            stages=(Stage(name="New", start=True, next=("Done",)), Stage(name="Done", finish=True)),
        )
    },
).sealed()


class Line(msgspec.Struct):
    """One message of a chat request: `text` missing can't be mapped."""

    id: str
    who: str
    text: str = ""


class ChatDoor:
    """Receives a JSON list of lines; the header `token` must be `right`."""

    WAITS: ClassVar[bool] = False
    definition = PROGRAM.connectors["Chat"]

    def receive(self, raw: Raw) -> Answer | Parsed:
        if raw.method == "GET":
            return Answer(body=b"hello")
        if raw.headers.get("token") != "right":
            raise Refused(401, "the token is not the right one")
        return self.read(raw)

    def read(self, raw: Raw) -> Parsed:
        try:
            lines = msgspec.json.decode(raw.body, type=list[Line])
        except msgspec.DecodeError as error:
            raise Refused(400, str(error)) from error
        good = [line for line in lines if line.text]
        return Parsed(
            items=tuple(Inbound(key=line.id, at=raw.received_at, body=chat_message(line)) for line in good),
            problems=tuple(f"line {line.id} has no text" for line in lines if not line.text),
        )


def chat_message(line: Line) -> CustomerMessage:
    return CustomerMessage(
        text=line.text,
        contact=Contact(name=line.who, address=line.who),
        channel="chat",
        connector="Chat",
        conversation=line.who,
        pipeline="Support",
        provider_id=line.id,
    )


def chat_request(*lines: Line, token: str = "right", at: dt.datetime = START) -> Raw:
    body = msgspec.json.encode(lines)
    return Raw(method="POST", path="/in/chat", headers={"token": token}, body=body, received_at=at)


class Door(Sender):
    """Remembers what it was given. `answer` says what becomes of each."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.answer: Callable[[Outgoing], Outcome] = lambda item: Sent(provider_id=f"id-{item.outbox_id}")
        self.fetched: list[File] = []
        self.content: Callable[[File], FetchOutcome] = lambda file: Fetched(data=file.reference.encode())
        self.gate: asyncio.Event | None = None
        self.account_id = ""
        self.library: Library = ()
        self.read = 0

    async def send(self, item: Outgoing) -> Outcome:
        self.sent.append(item)
        if self.gate is not None:
            await self.gate.wait()
        return self.answer(item)

    def account(self) -> str:
        return self.account_id

    async def templates(self) -> Library:
        self.read += 1
        return self.library

    async def fetch(self, file: File) -> FetchOutcome:
        self.fetched.append(file)
        if self.gate is not None:
            await self.gate.wait()
        return self.content(file)


class Doors:
    """The doors of whatever version; `kinds` names the connector that stands for a kind."""

    def __init__(self, *names: str) -> None:
        self.by_names = {name: Door() for name in names or ("Chat", "Mail", "Events")}
        self.kinds = {"email": "Mail", "whatsapp": "Chat"}
        self.used: list[str] = []
        self.closed = False
        self.fetching: list[tuple[str, Source]] = []

    def by_name(self, connector: str) -> Sender | None:
        return self.by_names.get(connector)

    def by_kind(self, kind: str) -> Sender | None:
        return self.by_names.get(self.kinds.get(kind, ""))

    async def use(self, version: Program) -> None:
        self.used.append(version.hash)

    def receiver_for(self, path: str) -> ChatDoor | None:
        return ChatDoor() if path == "/in/chat" else None

    def receiver(self, connector: str) -> ChatDoor | None:
        return ChatDoor() if connector == "Chat" else None

    def sources(self) -> list[tuple[str, Source]]:
        return self.fetching

    def approver(self, connector: str) -> Door | None:
        return self.by_names.get(connector)

    def fetcher(self, connector: str) -> Door | None:
        return self.by_names.get(connector)

    async def close(self) -> None:
        self.closed = True


async def publish(store: Store, program: Program = PROGRAM, at: dt.datetime = START) -> None:
    await store.publish(program.hash, program.encode(), {"a.duly": "# by hand"}, "tests", "", at)


@contextlib.asynccontextmanager
async def opened(folder: Path, program: Program = PROGRAM) -> AsyncIterator[Store]:
    """A started store on SQLite with one published version."""
    store = open_store(sqlite_database(folder / "duly.sqlite"))
    await store.start()
    try:
        await publish(store, program)
        yield store
    finally:
        await store.stop()


@contextlib.asynccontextmanager
async def running(store: Store, doors: Doors, clock: FakeClock, roles: str = "web worker scheduler") -> AsyncIterator[Node]:
    node = Node(
        NodeConfig(store=store, clock=clock, doors=doors, roles=frozenset(roles.split()), base_url="https://desk.example")
    )
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


async def advance(clock: FakeClock, by: dt.timedelta) -> None:
    """Move the clock on; sleeping loops wake."""
    clock.advance(by)
    await asyncio.sleep(0)
