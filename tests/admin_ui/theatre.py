"""A small stage for the pages: services over a store in memory, with cards in every state.

It lets pages be looked at (`python tests/admin_ui/theatre.py`) and tested in states that are slow to reach in a running
Duly. What a running Duly does with the same pages is tested in `test_running.py`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import itertools
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult, DefineMiddleware

import duly_admin_ui
from admin_ui.theatre_log import MemoryLog
from admin_ui.theatre_replies import AT_META, TheatreReplies
from admin_ui.theatre_reports import MemoryReports, facts_until
from duly_admin_ui.services import (
    CaughtMail,
    Change,
    Checked,
    ConnectorPage,
    MetaTemplates,
    NamedSecret,
    Published,
    Refused,
    ReplayedAll,
    SignIn,
    Trial,
)
from duly_dsl.build import Built, build
from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.meaning import Change as Change_
from duly_dsl.meaning import Place
from duly_dsl.program import Calendar, Connector, EventAtom, Field, Person, Pipeline, Program, Rule, Stage, Team, Window
from duly_dsl.source import SourceFile, Span
from duly_dsl.units import HOUR, Duration, Unit
from duly_runtime.card import Absorbed, Card, Clock, ClockState, Ladder, Merged, Pause, Visit
from duly_runtime.decision import FactTrace, RuleTrace
from duly_runtime.doors import Check
from duly_runtime.events import (
    AgentMessage,
    AnyBody,
    AssignCard,
    ChangeParticipants,
    Contact,
    CustomerMessage,
    File,
    InternalNote,
    MergeCard,
    MoveCard,
    OpenCard,
    SetFields,
    SplitCard,
    UnmergeCard,
)
from duly_runtime.planning import CHOICES, CardEffect, Effects, Plan
from duly_runtime.publishing import PlanChanged
from duly_runtime.store.api import (
    BoardCard,
    Conflict,
    Draft,
    HistoryRow,
    Message,
    Missing,
    OutboxRow,
    Parked,
    TraceRow,
    User,
    Version,
    VersionRow,
    VisitRow,
)
from duly_runtime.store.contacts_api import (
    CardContact,
    Claim,
    ContactCard,
    ContactLine,
    ContactMerge,
    ContactPage,
    IdentityRow,
)
from duly_runtime.store.files_api import FileRow
from duly_runtime.store.quarantine_api import Quarantined
from duly_runtime.store.sources_api import SourceRow
from duly_runtime.time import FakeClock, SystemClock

NOW = dt.datetime(2026, 11, 24, 14, 30, tzinfo=dt.UTC)
PASSWORD = "a long password"
SUPPORT = """\
# Promises of the desk.
pipeline "Customer support" {
  calendar "Office"
  stage "New" {
    start
    next "In progress", "Done"
    first reply within 1h
  }
  rule "VIP goes first" {
    when card is created and tier is gold
    then set priority to high
  }
}
"""
CALENDAR = """\
calendar "Office" {
  time zone "America/Sao_Paulo"
  open monday to friday 08:00-18:00
}
"""
SOURCES = {"support.duly": SUPPORT, "calendar.duly": CALENDAR}


def _span(path: str, line: int, column: int, end: int) -> Span:
    return Span(path, line, column, line, end)


PROGRAM = Program(
    calendars={"Office": Calendar(name="Office", zone="America/Sao_Paulo", week=((Window(opens=480, closes=1080),),) * 7)},
    people={
        "ana": Person(name="ana", full_name="Ana Sousa", language="pt-BR"),
        "bruno": Person(name="bruno", full_name="Bruno Lima"),
    },
    teams={"Front desk": Team(name="Front desk", members=("ana", "bruno"), lead="ana")},
    pipelines={
        "Customer support": Pipeline(
            name="Customer support",
            calendar="Office",
            types=("question", "complaint"),
            fields=(
                Field(name="Tier", type="choice", choices=("gold", "basic")),
                Field(name="Refund amount", type="number"),
                Field(name="Resolution", type="text", required_to_leave=("In progress",)),
            ),
            stages=(
                Stage(name="New", start=True, next=("In progress", "Done")),
                Stage(name="In progress", next=("Waiting for customer", "Done")),
                Stage(name="Waiting for customer", next=("In progress", "Done"), pauses=("resolved",)),
                Stage(name="Done", finish=True),
            ),
        )
    },
    connectors={
        "Shop": Connector(name="Shop", kind="webhook", direction="receives", path="/in/shop", pipeline="Customer support")
    },
    rules=(
        Rule(
            id=0,
            pipeline="Customer support",
            name="VIP goes first",
            mode="on",
            when=0,
            terms=(0, 1),
            term_spans=(_span("support.duly", 10, 10, 25), _span("support.duly", 10, 30, 42)),
            actions=(),
            span=_span("support.duly", 9, 3, 24),
        ),
    ),
    predicates=(
        EventAtom(kind="card is created", span=_span("support.duly", 10, 10, 25)),
        EventAtom(kind="changes", span=_span("support.duly", 1, 1, 3)),
    ),
).sealed()
HASH = PROGRAM.hash


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0))
    + _chunk(
        b"IDAT",
        zlib.compress(b"".join(b"\0" + bytes(b for x in range(64) for b in (x * 4, y * 5, 160)) for y in range(48))),
    )
    + _chunk(b"IEND", b"")
)
WAV = b"RIFF" + struct.pack("<I", 36 + 800) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
WAV += b"data" + struct.pack("<I", 800) + b"\x80" * 800


def minutes(n: float) -> dt.timedelta:
    return dt.timedelta(minutes=n)


class MemoryStore(MemoryLog, MemoryReports):
    """As much of the Store as the pages read and write."""

    def __init__(self, now: dt.datetime, *, empty: bool = False) -> None:
        self.now = now
        self.known: dict[int, Card] = {}
        self.risks: dict[int, dt.datetime] = {}
        self.said: dict[int, list[Message]] = {}
        self.contents: dict[str, bytes] = {}
        self.told: dict[int, list[HistoryRow]] = {}
        self.saved: Draft | None = None
        self.published = [
            (
                VersionRow(hash=HASH, author="ana", note="First promises", created_at=now - minutes(600), active=True),
                SOURCES,
            )
        ]
        self.accounts: dict[str, User] = {}
        self.aside: list[Parked] = []
        self.held: list[Quarantined] = []
        self.fill_log(now)
        self.facts_known = [] if empty else facts_until(now)
        self.people: dict[int, ContactPage] = {}
        self._ids = itertools.count(1)
        self.live = True
        if not empty:
            self._fill()

    def _fill(self) -> None:
        for name, full, role in (
            ("ana", "Ana Sousa", "admin"),
            ("bruno", "Bruno Lima", "agent"),
            ("vera", "Vera Nunes", "viewer"),
        ):
            self.accounts[name] = User(name=name, full_name=full, email="", phone="", role=role, language="en", active=True)
        hour = Duration(Unit.BUSINESS, HOUR)
        base = dict(calendar="Office", target=hour, version=HASH, cycle=1)
        now = self.now
        late = Clock(
            metric="first reply", stage="New", started_at=now - minutes(80), due_at=now - minutes(20),
            missed_at=now - minutes(20), **base,
        )  # fmt: skip
        self._card(
            1, "New", "Refund has not arrived", "Marta Silva", "whatsapp", owner="ana", priority="urgent", age=80,
            clocks=(late,), tags=("refund",),
            ladders=(Ladder(name="Late reply", metric="first reply", cycle=1, version=HASH, visit=1,
                            began_at=now - minutes(20), level=1, next_at=now + minutes(10)),),
        )  # fmt: skip
        risk = Clock(metric="first reply", stage="New", started_at=now - minutes(50), due_at=now + minutes(10), **base)
        self._card(2, "New", "Where is my order?", "João Prado", "webhook", priority="high", age=50, clocks=(risk,))
        self.risks[2] = now - minutes(2)
        fine = Clock(metric="next reply", stage="In progress", started_at=now, due_at=now + minutes(95), **base)
        done = Clock(
            metric="first reply", stage="New", started_at=now - minutes(200), due_at=now - minutes(140),
            stopped_at=now - minutes(160), state=ClockState.DONE, **base,
        )  # fmt: skip
        self._card(
            3, "In progress", "Wrong size, wants to change", "Lia Costa", "email", owner="bruno", priority="normal",
            age=200, clocks=(fine, done),
        )  # fmt: skip
        still = Clock(
            metric="resolved", stage="", started_at=now - minutes(300), state=ClockState.PAUSED,
            pauses=(Pause(now - minutes(94)),), **base,
        )  # fmt: skip
        self._card(
            4, "Waiting for customer", "Invoice with the old address", "Rui Melo", "email", owner="ana",
            priority="low", age=300, clocks=(still,), tags=("billing",),
        )  # fmt: skip
        self._attach()
        self._card(5, "Done", "Thanks!", "Eva Dias", "whatsapp", owner="bruno", priority="normal", age=400)
        for card in self.known.values():
            self.people[card.number] = ContactPage(
                id=card.number, name=card.contact.name, created_at=card.created_at, merged_into=0,
                identities=(
                    self._identity(card.number * 2, "email", f"customer{card.number}@example.org", "Mail", verified=False),
                    self._identity(card.number * 2 + 1, "phone", f"+551198877000{card.number}", "WhatsApp"),
                ),
                merges=(),
            )  # fmt: skip
        self.held += [
            self._quarantined(31, "stranger", "eva@cliente.example", 1, "Re: Parcel is lost", "I did, too.\n<b>Eva</b>"),
            self._quarantined(32, "forged", "marta@example.org", 0, "Your invoice", "Please pay at once."),
        ]
        self.aside.append(
            Parked(what="raw", id=7, connector="Shop", reason="order.id is missing", at=now, body=b'{"text": "<b>hi</b>"}')
        )

    def _card(self, number: int, stage: str, title: str, who: str, channel: str, *, age: float, **more: Any) -> None:
        opened = self.now - minutes(age)
        visits = (Visit(number=1, stage="New", entered_at=opened),)
        if stage != "New":
            moved = opened + minutes(age / 3)
            visits = (
                Visit(number=1, stage="New", entered_at=opened, left_at=moved),
                Visit(number=2, stage=stage, entered_at=moved),
            )
        self.known[number + 100] = Card(
            id=number + 100, number=number, pipeline="Customer support", stage=stage, title=title, channel=channel,
            contact=Contact(name=who, email="customer@example.org"), created_at=opened, visits=visits,
            fields={"Tier": "gold"}, **more,
        )  # fmt: skip
        first = self._message(number + 100, "in", "customer", f"Hello, {title.lower()}", opened, "")
        if channel == "whatsapp":
            first = msgspec.structs.replace(first, connector="WhatsApp", provider_id=f"wamid.{number}")
        self.said[number + 100] = [
            first,
            self._message(
                number + 100, "out", "ana", "Let me look into it.\nOne moment.", opened + minutes(20), "delivered"
            ),
            self._message(number + 100, "note", "bruno", "Seen this one before <b>.", opened + minutes(21), ""),
        ]
        self.told[number + 100] = [
            HistoryRow(id=1, event_id=1, kind="card.created", at=opened, author="customer", details={"title": title}),
            HistoryRow(id=2, event_id=1, kind="clock.started", at=opened, author="", details={
                "metric": "first reply", "target": "1h", "due_at": (opened + minutes(60)).isoformat()}),
            HistoryRow(id=3, event_id=2, kind="owner.changed", at=opened, author="ana", details={"to": "bruno"}),
        ]  # fmt: skip

    def _message(self, card: int, direction: str, author: str, text: str, at: dt.datetime, state: str) -> Message:
        return Message(
            id=next(self._ids), card_id=card, direction=direction, author=author, channel="whatsapp",
            text=text, kind="text", at=at, automatic=False, state=state, error="",
        )  # fmt: skip

    def _attach(self) -> None:
        """Files in every state, to the first message of card 1."""
        first, *others = self.said[101]
        files = (
            self._file(1, "parcel.png", "image/png", PNG),
            self._file(2, "", "audio/wav", WAV),
            self._file(3, "invoice <1>.pdf", "application/pdf", b"%PDF-1.7"),
            self._file(4, "drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
            self._file(5, "film.mp4", "video/mp4", state="waiting"),
            self._file(6, "voice.ogg", "audio/ogg", state="waiting", error="The server answered 503."),
            self._file(7, "backup.zip", "application/zip", state="failed", error="it is larger than 25 MB"),
            self._file(8, "scan.tiff", "image/tiff", state="failed", error="The server answered 404.", fetchable=True),
        )
        files = (msgspec.structs.replace(files[0], inline="photo@shop"), *files[1:])
        written = hashlib.sha256(HTML).hexdigest()
        self.contents[written] = HTML
        first = msgspec.structs.replace(
            first, files=files, quoted="On Monday the shop wrote:\n> It left today.", html=written
        )
        self.said[101] = [first, *others]

    def _file(
        self, number: int, name: str, media_type: str, data: bytes = b"", *, state: str = "stored", error: str = "",
        fetchable: bool = False,
    ) -> FileRow:  # fmt: skip
        sha256 = hashlib.sha256(data).hexdigest() if state == "stored" else ""
        if sha256:
            self.contents[sha256] = data
        return FileRow(
            id=number, key=f"key-{number}", card_id=101, message_id=1, name=name, media_type=media_type, size=len(data),
            sha256=sha256, inline="", fetchable=fetchable, state=state, attempts=1,
            next_at=self.now + minutes(5) if state == "waiting" and error else None, error=error,
        )  # fmt: skip

    def say(self, card_id: int, message: Message, files: tuple[File, ...]) -> None:
        kept = tuple(
            msgspec.structs.replace(
                self._file(0, file.name, file.media_type, self.contents[file.sha256]),
                key=f"key-{card_id}-{message.id}-{number}", card_id=card_id, message_id=message.id,
            )
            for number, file in enumerate(files)
        )  # fmt: skip
        self.said[card_id].append(msgspec.structs.replace(message, files=kept))

    # --- the Store

    async def card(self, card_id: int) -> Card:
        if card_id not in self.known:
            raise Missing(f"card {card_id}")
        return self.known[card_id]

    async def card_id(self, number: int) -> int:
        for card in self.known.values():
            if card.number == number:
                return card.id
        raise Missing(f"card #{number}")

    async def board(self, pipeline: str, finished_since: dt.datetime) -> list[BoardCard]:
        rows = []
        for card in self.known.values():
            running = [c for c in card.clocks if c.state is ClockState.RUNNING and c.due_at is not None]
            first = min(running, key=lambda c: c.due_at or NOW, default=None)
            still = [c for c in card.clocks if c.state is ClockState.PAUSED]
            rows.append(
                BoardCard(
                    id=card.id, number=card.number, title=card.title, stage=card.stage, customer=card.contact.name,
                    channel=card.channel, priority=card.priority, type=card.type, owner=card.owner, team=card.team,
                    tags=card.tags, entered_at=card.visit.entered_at, clock=first.metric if first else "",
                    started_at=first.started_at if first else None, due_at=first.due_at if first else None,
                    risk_at=self.risks.get(card.number), paused=bool(still) and not running,
                    paused_at=still[0].pauses[-1].start if still else None,
                    missed=any(c.missed_at is not None and c.open for c in card.clocks), revision=card.revision,
                )
            )  # fmt: skip
        return rows

    async def messages(self, card_id: int) -> list[Message]:
        return self.said[card_id]

    async def file(self, key: str) -> FileRow:
        for messages in self.said.values():
            for message in messages:
                for file in message.files:
                    if file.key == key:
                        return file
        raise Missing(key)

    async def content(self, sha256: str, start: int = 0, size: int | None = None) -> bytes:
        data = self.contents[sha256]
        return data[start:] if size is None else data[start : start + size]

    async def content_sizes(self, names: list[str]) -> dict[str, int]:
        return {name: len(self.contents[name]) for name in names if name in self.contents}

    async def upload(self, data: bytes, now: dt.datetime) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.contents[sha256] = data
        return sha256

    async def history(self, card_id: int) -> list[HistoryRow]:
        return self.told[card_id]

    async def cards(self, query: str = "", limit: int = 100) -> list[BoardCard]:
        rows = await self.board("", self.now)
        return [row for row in rows if query.casefold() in f"{row.number} {row.title} {row.customer}".casefold()][:limit]

    async def contact_of_card(self, card_id: int) -> CardContact:
        card = self.known[card_id]
        return CardContact(
            id=card.number, name=card.contact.name, claimed=card.channel == "webhook", others=card.number % 2
        )

    async def contact(self, contact_id: int) -> ContactPage:
        if contact_id not in self.people:
            raise Missing(f"contact {contact_id}")
        return self.people[contact_id]

    async def contacts(self, query: str = "", limit: int = 50, before: int = 0) -> list[ContactLine]:
        found = [
            ContactLine(
                id=one.id, name=one.name, names=tuple(i.value for i in one.identities), cards=1, open_cards=1,
                last_at=self.now,
            )
            for one in reversed(self.people.values())
            if not one.merged_into and query.casefold() in one.name.casefold() and (not before or one.id < before)
        ]  # fmt: skip
        return found[:limit]

    async def contact_cards(self, contact_id: int, limit: int = 200) -> list[ContactCard]:
        return [
            ContactCard(
                id=card.id, number=card.number, pipeline=card.pipeline, stage=card.stage, title=card.title,
                channel=card.channel, connector=card.connector, owner=card.owner, created_at=card.created_at,
                finished_at=card.finished_at, claimed=card.channel == "webhook",
            )
            for card in self.known.values()
            if card.number == contact_id or self.people[card.number].merged_into == contact_id
        ]  # fmt: skip

    async def contact_claims(self, contact_id: int) -> list[Claim]:
        return [Claim(kind="phone", value="+5511900000001", contact_id=5, name="Eva Dias")] if contact_id == 1 else []

    async def rename_contact(self, contact_id: int, name: str, author: str, now: dt.datetime) -> None:
        self.people[contact_id] = msgspec.structs.replace(self.people[contact_id], name=name)

    async def add_identity(self, contact_id: int, kind: str, value: str, author: str, now: dt.datetime) -> int:
        if "@" not in value and not value.startswith("+"):
            raise ValueError(value)
        one = self.people[contact_id]
        self.people[contact_id] = msgspec.structs.replace(
            one, identities=(*one.identities, self._identity(90 + len(one.identities), kind, value, author))
        )
        return 90

    async def confirm_identity(self, contact_id: int, identity_id: int, author: str, now: dt.datetime) -> None:
        one = self.people[contact_id]
        sure = tuple(msgspec.structs.replace(i, verified=True) if i.id == identity_id else i for i in one.identities)
        self.people[contact_id] = msgspec.structs.replace(one, identities=sure)

    async def merge_contacts(self, kept: int, gone: int, author: str, now: dt.datetime) -> int:
        one, other = self.people[kept], self.people[gone]
        merge = ContactMerge(id=gone, name=other.name, at=now, author=author, undone_at=None)
        self.people[kept] = msgspec.structs.replace(
            one, identities=one.identities + other.identities, merges=(merge, *one.merges)
        )
        self.people[gone] = msgspec.structs.replace(other, merged_into=kept)
        return gone

    async def undo_contact_merge(self, merge_id: int, author: str, now: dt.datetime) -> int:
        self.people[merge_id] = msgspec.structs.replace(self.people[merge_id], merged_into=0)
        return merge_id

    async def split_contact(self, contact_id: int, identity_ids: Sequence[int], author: str, now: dt.datetime) -> int:
        one = self.people[contact_id]
        if not identity_ids or len(identity_ids) == len(one.identities):
            raise Conflict("nothing would be left")
        new = msgspec.structs.replace(
            one, id=50, name="", identities=tuple(i for i in one.identities if i.id in identity_ids), merges=()
        )
        rest = tuple(i for i in one.identities if i.id not in identity_ids)
        self.people[contact_id] = msgspec.structs.replace(one, identities=rest)
        self.people[50] = new
        return 50

    def _identity(self, number: int, kind: str, value: str, source: str, *, verified: bool = True) -> IdentityRow:
        return IdentityRow(id=number, kind=kind, scope="", value=value, verified=verified, source=source, at=self.now)

    async def trace(self, card_id: int) -> list[TraceRow]:
        facts = (
            FactTrace(kind="card is created", rules=(RuleTrace(0, False, 1),), values={"tier": "basic", "owner": ""}),
            FactTrace(kind="changes", subject="priority", depth=1, rules=(RuleTrace(0, True),)),
        )
        return [TraceRow(event_id=1, at=self.now, version=HASH, event_kind="CustomerMessage", facts=facts)]

    async def visits(self, card_id: int) -> list[VisitRow]:
        return [
            VisitRow(
                number=visit.number, stage=visit.stage, entered_at=visit.entered_at, left_at=visit.left_at, owner="ana",
                business_seconds=3600.0 if visit.left_at else None,
            )
            for visit in self.known[card_id].visits
        ]  # fmt: skip

    async def notices(self, person: str, limit: int = 50) -> list[OutboxRow]:
        if person != "ana":
            return []
        return [
            OutboxRow(
                id=1, card_id=101, key="k", channel="app", recipient="ana", kind="notice",
                text="Card #1: first reply is late", state="delivered", attempts=1, next_at=None, created_at=self.now,
                settled_at=self.now, error="", provider_id="",
            )
        ]  # fmt: skip

    def _quarantined(self, event: int, why: str, sender: str, claim: int, title: str, text: str) -> Quarantined:
        contact = Contact(name="Eva Dias", email=sender, address=sender)
        file = File(name="order.pdf", media_type="application/pdf", size=7)
        message = CustomerMessage(text=text, title=title, contact=contact, channel="email", files=(file,) if claim else ())
        return Quarantined(
            event_id=event, connector="Mail", why=why, sender=sender, claim=claim and claim + 100, claim_number=claim,
            claim_title="Where is my order?" if claim else "", claim_pipeline="Customer support" if claim else "",
            at=self.now - minutes(7), message=message,
        )  # fmt: skip

    async def quarantined(self, decision: str = "", limit: int = 200, before: int = 0) -> list[Quarantined]:
        found = [row for row in self.held if row.decision == decision and (not before or row.event_id < before)]
        return sorted(found, key=lambda row: -row.event_id)[:limit]

    async def quarantine_size(self) -> int:
        return len(await self.quarantined())

    def decide(self, event: int, before: str, decision: str, author: str) -> Quarantined:
        found = next((row for row in self.held if row.event_id == event), None)
        if found is None:
            raise Missing(f"message {event}")
        if found.decision != before:
            raise Conflict("somebody has decided meanwhile")
        self.held.remove(found)
        self.held.append(msgspec.structs.replace(found, decision=decision, author=author, decided_at=self.now))
        return found

    async def active_hash(self) -> str:
        return next((row.hash for row, _ in self.published if row.active), "") if self.live else ""

    async def active_version(self) -> Version | None:
        found = await self.active_hash()
        return await self.version(found) if found else None

    async def version(self, program_hash: str) -> Version:
        for row, sources in self.published:
            if row.hash == program_hash:
                return Version(hash=row.hash, program=PROGRAM.encode(), sources=sources)
        raise Missing(program_hash)

    async def versions(self) -> list[VersionRow]:
        return [row for row, _ in reversed(self.published)]

    async def draft(self) -> Draft | None:
        return self.saved

    async def save_draft(self, sources: dict[str, str], base: str, author: str, revision: int, now: dt.datetime) -> Draft:
        latest = self.saved.revision if self.saved is not None else 0
        if revision != latest:
            raise Conflict("somebody saved it meanwhile")
        self.saved = Draft(sources=sources, base=base, author=author, updated_at=now, revision=latest + 1)
        return self.saved

    async def discard_draft(self) -> None:
        self.saved = None

    async def save_user(self, user: User, password_hash: str | None = None) -> None:
        self.accounts[user.name] = user


HTML = (
    b'<h1 style="color:green">A parcel</h1><img src="cid:photo@shop" alt="parcel"><img src="cid:other" alt="none">'
    b'<p><a href="https://shop.example/17" rel="noopener">order</a></p>'
    b'<script>document.title = "ran"</script>'
    b'<img src="data:," onerror="document.title = 1"><form><button>Go</button></form>'
)
"""As no mail comes in, after cleaning: what if something was missed?"""


class TheatreConnectors:
    """Connectors in every state; what they are asked is done at once."""

    def __init__(self, now: dt.datetime, *, empty: bool = False) -> None:
        self.now = now
        self.plugins = {} if empty else {"pager": "`duly_pager:Pager` could not be loaded: ImportError('x')"}
        self.told: list[tuple[str, str]] = []
        self.secrets: dict[str, str] = {}
        shop = ConnectorPage(
            name="Shop", kind="webhook", direction="receives", pipeline="Customer support", state="bad", problem="",
            address="https://duly.example/in/shop",
            guide=("The other side posts to https://duly.example/in/shop.", "It signs with the secret `SHOP_KEY`."),
            settings=(), secrets=(NamedSecret(name="SHOP_KEY", use="verify", state="missing"),), sources=(), sends=False,
            test_to="",
            checked=None,
        )  # fmt: skip
        checks = (
            Check(name="Secret `SMTP_URL`", state="ok"),
            Check(name="Mail server", state="bad", detail="the mail server answered 535: no"),
            Check(name="Sender", state="unknown", detail="store the secrets first"),
        )
        mail = ConnectorPage(
            name="Mail", kind="email", direction="sends", pipeline="", state="bad", problem="", address="", guide=(),
            settings=(("from", "Support <support@desk.example>"),),
            secrets=(
                NamedSecret(name="SMTP_URL", use="server", state="stored"),
                NamedSecret(name="SMTP_OTHER", use="other", state="environment"),
            ),
            sources=(
                SourceRow(connector="Mail", name="INBOX ana@mail.example", state="ok", detail="", changed_at=now),
                SourceRow(connector="Mail", name="INBOX old@mail.test", state="bad", detail="signed out", changed_at=now),
            ),
            sends=True, test_to="email", checked=Checked(at=now, seconds=0.42, checks=checks),
        )  # fmt: skip
        pager = ConnectorPage(
            name="Pager", kind="pager", direction="connects", pipeline="Customer support", state="bad",
            problem="`pager`: no connector of this kind is installed", address="", guide=(), settings=(), secrets=(),
            sources=(), sends=True, test_to="", checked=None,
        )  # fmt: skip
        hook = ConnectorPage(
            name="CRM", kind="webhook", direction="sends", pipeline="", state="ok", problem="", address="", guide=(),
            settings=(("url", "https://crm.example/hook"),), secrets=(), sources=(), sends=True, test_to="",
            checked=Checked(at=now, seconds=0.1, checks=()),
        )  # fmt: skip
        phone = ConnectorPage(
            name="WhatsApp", kind="whatsapp", direction="connects", pipeline="Customer support", state="ok", problem="",
            address="https://duly.example/in/whatsapp", guide=(), settings=(), secrets=(), sources=(), sends=True,
            test_to="phone", checked=None, templates=MetaTemplates(account="330099", synced_at=now, rows=AT_META),
        )  # fmt: skip
        self.kept = {} if empty else {each.name: each for each in (shop, mail, pager, hook, phone)}

    async def pages(self, language: str) -> list[ConnectorPage]:
        return list(self.kept.values())

    async def page(self, name: str, language: str) -> ConnectorPage:
        if name not in self.kept:
            raise Missing(name)
        return self.kept[name]

    def plugin_problems(self) -> dict[str, str]:
        return self.plugins

    async def check(self, name: str, language: str) -> Checked:
        done = Checked(at=self.now, seconds=0.1, checks=(Check(name="Mail server", state="ok"),))
        self.kept[name] = msgspec.structs.replace(await self.page(name, language), state="ok", checked=done)
        return done

    async def try_out(self, name: str, to: str, language: str, author: str) -> Trial:
        if to == "nobody@example.org":
            raise Refused("this is no address")
        self.told.append((name, to))
        return Trial(at=self.now, to=to, outcome="retry", reason="the mail server answered 451: later", seconds=0.2)

    async def sync(self, name: str) -> None:
        found = self.kept[name]
        if found.templates is None:
            raise Refused("the connector names no account at Meta, or cannot send: add the line `business account id`")
        read = msgspec.structs.replace(found.templates, error="WhatsApp 190: the access token is not valid")
        self.kept[name] = msgspec.structs.replace(found, templates=read)

    async def store_secret(self, name: str, secret: str, value: str, author: str, *, keep: bool = False) -> None:
        self.secrets[secret] = value
        page = await self.page(name, "en")
        stored = tuple(
            msgspec.structs.replace(each, state="stored") if each.name == secret else each for each in page.secrets
        )
        self.kept[name] = msgspec.structs.replace(page, secrets=stored)


class Theatre(TheatreReplies):
    """Services over the MemoryStore: every account has PASSWORD, commands are carried out at once."""

    workspace_name = "Support Desk"
    unsettled = 0
    """Raised by one, it makes another plan of the same files."""
    setup_token = "the-token"
    secure_cookies = False

    def __init__(self, clock: FakeClock | SystemClock, *, empty: bool = False, mails: bool = True) -> None:
        self.clock = clock
        self.memory = MemoryStore(clock.now(), empty=empty)
        self.mails = mails
        self.drafts = []
        self.connectors = TheatreConnectors(clock.now(), empty=empty)
        self.queues: set[asyncio.Queue[Change | None]] = set()

    @property
    def store(self) -> Any:
        return self.memory

    def program(self) -> Program | None:
        return PROGRAM if self.memory.live else None

    async def needs_setup(self) -> bool:
        return not self.memory.accounts

    async def create_first_admin(self, name: str, full_name: str, email: str, password: str) -> None:
        if len(password) < 10:
            raise Refused("a password needs at least 10 characters")
        self.memory.accounts[name] = User(
            name=name, full_name=full_name, email=email, phone="", role="admin", language="", active=True
        )

    async def sign_in(self, name: str, password: str) -> SignIn:
        known = name in self.memory.accounts and password == PASSWORD
        return SignIn(secret=f"session-{name}") if known else SignIn(reason="wrong")

    async def sign_out(self, secret: str) -> None:
        return None

    async def command(self, card_id: int, body: AnyBody, author: str) -> str:
        memory, now = self.memory, self.clock.now()
        card = memory.known.get(card_id)
        match body:
            case OpenCard():
                memory._card(len(memory.known) + 1, "New", body.title, body.contact.name, "manual", age=0)
            case MoveCard(stage=stage) if card is not None:
                following = PROGRAM.pipelines[card.pipeline].stage(card.stage).next
                if stage not in following:
                    details = {"from": card.stage, "stage": stage, "next": ", ".join(following), "code": "stage-order"}
                    memory.told[card_id].append(
                        HistoryRow(id=9, event_id=9, kind="refused", at=now, author=author, details=details)
                    )
                    return "stage-order: no"
                visit = Visit(number=len(card.visits) + 1, stage=stage, entered_at=now)
                left = msgspec.structs.replace(card.visit, left_at=now)
                memory.known[card_id] = msgspec.structs.replace(card, stage=stage, visits=(*card.visits[:-1], left, visit))
            case AgentMessage(text="refuse me"):
                return "unknown: refused, as asked"
            case AgentMessage(text=text, files=files):
                memory.say(card_id, memory._message(card_id, "out", author, text, now, "pending"), files)
            case InternalNote(text=text, files=files):
                memory.say(card_id, memory._message(card_id, "note", author, text, now, ""), files)
            case AssignCard(owner=owner) if card is not None:
                memory.known[card_id] = msgspec.structs.replace(card, owner=owner)
            case SetFields(values=values) if card is not None:
                fields = {name.removeprefix("field:"): value for name, value in values.items() if ":" in name}
                plain = {name: value for name, value in values.items() if ":" not in name}
                memory.known[card_id] = msgspec.structs.replace(card, fields={**card.fields, **fields}, **plain)
            case ChangeParticipants(add=add, remove=remove) if card is not None:
                kept = tuple(name for name in (*card.participants, *add) if name not in remove)
                memory.known[card_id] = msgspec.structs.replace(card, participants=kept)
            case _:
                return "unknown: this theatre can't do that"
        self.tell(Change(topic="card", pipeline="Customer support", card=card_id))
        return ""

    async def command_spanning(self, card_id: int, body: MergeCard | UnmergeCard | SplitCard) -> tuple[str, int]:
        memory, now = self.memory, self.clock.now()
        card = memory.known[card_id]
        match body:
            case MergeCard(into=into, number=number):
                if into == card_id:
                    details = {"code": "merge-into-itself"}
                    memory.told[card_id].append(
                        HistoryRow(id=9, event_id=9, kind="refused", at=now, author="", details=details)
                    )
                    return "merge-into-itself: no", 0
                merged = Merged(card=into, number=number, at=now)
                memory.known[card_id] = msgspec.structs.replace(card, merged=merged, finished_at=now)
                absorbed = Absorbed(card=card_id, number=card.number, at=now)
                memory.known[into] = msgspec.structs.replace(memory.known[into], absorbed=(absorbed,))
                memory.said[into] += [msgspec.structs.replace(m, origin=card.number) for m in memory.said[card_id]]
                return "", into
            case UnmergeCard():
                memory.known[card_id] = msgspec.structs.replace(card, merged=None, finished_at=None)
                return "", card_id
            case SplitCard(messages=messages, title=title):
                if not messages:
                    details = {"code": "unfit-messages"}
                    memory.told[card_id].append(
                        HistoryRow(id=9, event_id=9, kind="refused", at=now, author="", details=details)
                    )
                    return "unfit-messages: no", 0
                memory._card(len(memory.known) + 1, "New", title, card.contact.name, "whatsapp", age=0)
                new = len(memory.known) + 100
                memory.said[new] = [m for m in memory.said[card_id] if m.id in messages]
                memory.said[card_id] = [m for m in memory.said[card_id] if m.id not in messages]
                return "", new

    async def admit(self, event_id: int, as_new: bool, remember: bool, author: str) -> int:
        found = self.memory.decide(event_id, "", "new" if as_new else "card", author)
        if as_new:
            title, who = found.message.title, found.message.contact.name
            self.memory._card(len(self.memory.known) + 1, "New", title, who, "email", age=0)
            return len(self.memory.known) + 100
        if remember:
            await self.command(found.claim, ChangeParticipants(add=(found.sender,)), author)
        return found.claim

    async def discard_quarantined(self, event_id: int, author: str) -> None:
        self.memory.decide(event_id, "", "discarded", author)
        self.tell(Change(topic="quarantine"))

    async def restore_quarantined(self, event_id: int, author: str) -> None:
        self.memory.decide(event_id, "discarded", "", "")

    async def fetch_again(self, file: FileRow) -> None:
        first, *others = self.memory.said[101]
        files = tuple(
            msgspec.structs.replace(each, state="waiting", error="") if each.key == file.key else each
            for each in first.files
        )
        self.memory.said[101] = [msgspec.structs.replace(first, files=files), *others]

    async def replay(self, what: str, item_id: int, author: str, *, twice: bool = False) -> str:
        if what == "delivery":
            self.memory.put_back(item_id, "pending", "again", author, self.clock.now())
            self.tell(Change(topic="deliveries"))
        self.memory.aside = [item for item in self.memory.aside if item.id != item_id]
        return ""

    async def replay_all(self, connector: str, author: str) -> ReplayedAll:
        waits = await self.memory.parked(connector)
        for item in waits:
            await self.replay(item.what, item.id, author)
        return ReplayedAll(replayed=len(waits), skipped=1)

    async def discard(self, what: str, item_id: int, author: str) -> None:
        self.memory.discard(what, item_id, self.clock.now())

    async def restore(self, what: str, item_id: int, author: str) -> None:
        self.memory.restore(what, item_id)

    async def cancel(self, outbox_id: int, author: str) -> None:
        self.memory.put_back(outbox_id, "cancelled", "cancelled", author, self.clock.now())

    async def check(self, sources: dict[str, str]) -> list[Diagnostic]:
        """One rule of its own: `forst` should be `first`."""
        found = []
        for path, text in sorted(sources.items()):
            for number, line in enumerate(text.split("\n"), 1):
                at = line.find("forst")
                if at >= 0:
                    span = Span(path, number, at + 1, number, at + 6)
                    found.append(
                        Diagnostic(
                            code="E0101", name="unknown-word", severity=Severity.ERROR, span=span,
                            template="`%(word)s` is no word of the language.", values={"word": "forst"},
                            help="Did you mean `first`?", nearest="first",
                            fixes=(Fix("Write `first`", span, "first"),),
                        )
                    )  # fmt: skip
        return found

    async def built(self, sources: dict[str, str]) -> Built:
        """What the compiler says; what `check` finds, first."""
        whole = build([SourceFile(path, text) for path, text in sources.items()])
        found = await self.check(sources)
        return Built(None, (*found, *whole.diagnostics), whole.files) if found else whole

    def format(self, text: str) -> str:
        return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")) + "\n"

    async def plan(self, sources: dict[str, str]) -> Plan:
        """A plan with an effect of each kind; the same until `unsettle`."""
        base = await self.memory.active_hash()
        found = await self.check(sources)
        if found:
            return Plan(base=base, version="", diagnostics=tuple(found))
        now = self.clock.now()
        late = CardEffect(kind="late", card=1, title="Parcel", metric="first reply", was=now + minutes(5), due=now)
        moved = CardEffect(kind="moved", card=2, metric="resolved", was=now, due=now + minutes(90))
        lost = CardEffect(kind="stranded", card=1, title="Parcel", detail="field:Order", value="77")
        change = Change_(
            kind="changed",
            places=(Place("stage", "New"), Place("pipeline", "Support")),
            what="%(metric)s",
            values={"metric": "first reply"},
            before="1h",
            after="30m",
            new=Span("support.duly", 12, 3, 12, 9),
        )
        effects = {"recompute": (lost, late, moved), "keep": (), "from now on": (lost,)}
        return Plan(
            base=base,
            version=f"{len(self.memory.published):08x}{HASH[8:]}",
            changes=(change,),
            open_cards=2,
            choices={
                choice: Effects(
                    id=f"{choice} {self.unsettled}",
                    counts=dict(Counter(effect.kind for effect in effects[choice])),
                    cards=effects[choice],
                )
                for choice in CHOICES
            },
        )

    async def publish(
        self, sources: dict[str, str], author: str, note: str, choice: str, base: str, plan: str
    ) -> Published:
        expected = await self.plan(sources)
        if expected.version and expected.choices[choice].id != plan:
            raise PlanChanged(expected, plan)
        found = await self.check(sources)
        if found:
            return Published(diagnostics=tuple(found))
        made = f"{len(self.memory.published):08x}{HASH[8:]}"
        old = [(msgspec.structs.replace(row, active=False), text) for row, text in self.memory.published]
        row = VersionRow(hash=made, author=author, note=note, created_at=self.clock.now(), active=True, choice=choice)
        self.memory.published = [*old, (row, sources)]
        self.memory.saved = None
        return Published(hash=made)

    async def changes(self) -> AsyncIterator[Change]:
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self.queues.add(queue)
        try:
            while (change := await queue.get()) is not None:
                yield change
        finally:
            self.queues.discard(queue)

    def tell(self, change: Change | None) -> None:
        for queue in self.queues:
            queue.put_nowait(change)

    def mailbox(self) -> list[CaughtMail] | None:
        if not self.mails:
            return None
        return [
            CaughtMail(
                sender="support@support.example", to="ana@support.example", subject="Card 1 is late", text="Hi", at=NOW
            )
        ]


class Sessions(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        name = connection.cookies.get("duly_session", "").removeprefix("session-")
        accounts = connection.app.state.theatre.memory.accounts
        return AuthenticationResult(user=accounts.get(name), auth=name)


def stage(theatre: Theatre) -> Litestar:
    """The application around the pages, as the platform builds it."""
    from litestar.datastructures import State

    def outside(request: Request[Any, Any, Any], error: Exception) -> Any:
        return duly_admin_ui.error_page(theatre)(request, error)

    return Litestar(
        duly_admin_ui.routes(theatre),
        state=State({"theatre": theatre}),
        middleware=[DefineMiddleware(Sessions, exclude=["^/static/"])],
        csrf_config=CSRFConfig(secret="not a secret: tests only", cookie_name="duly_csrf"),
        exception_handlers={Exception: outside},
        openapi_config=None,
        logging_config=None,
    )


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(stage(Theatre(SystemClock())), host="127.0.0.1", port=8765, timeout_graceful_shutdown=1)
