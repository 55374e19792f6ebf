"""What the rest of Duly may ask of the store. One implementation, on SQLite and PostgreSQL, in `store.database`.

Every method is one transaction (or one read) and retries by itself where the database asks for it. Instants in and out are
UTC `datetime`s; `now` is always the caller's Clock. Nothing here decides: `step` does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from duly_runtime.card import Card
from duly_runtime.decision import Decision, FactTrace, World
from duly_runtime.doors import Inbound, Outcome, Raw
from duly_runtime.events import AnyBody, Event
from duly_runtime.store.approvals_api import ApprovalStore
from duly_runtime.store.contacts_api import ContactStore
from duly_runtime.store.files_api import FileRow, FileStore
from duly_runtime.store.log_api import DeliveryLog
from duly_runtime.store.log_api import OutboxRow as OutboxRow
from duly_runtime.store.log_api import Parked as Parked
from duly_runtime.store.messages_api import Marked, Quoted, Reaction, Wording
from duly_runtime.store.quarantine_api import QuarantineStore
from duly_runtime.store.reports_api import ReportStore
from duly_runtime.store.sources_api import SourceStore

Decide = Callable[[Event, Card | None, World], Decision]
"""Pure; may be called more than once for one event where the transaction has to be run again."""


Limited = Sequence[tuple[str, str, str, str]]
"""Stages whose open cards a decision must know: pipeline and stage, then names under which their cards may be stored."""


Measure = Callable[[Card, str, dt.datetime, dt.datetime], float | None]
"""Open seconds between two instants on a calendar of the card's pipeline (by name; empty for the pipeline's own). None
where the rules no longer have it."""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """A record read from the store."""


class Accepted(Out, frozen=True, kw_only=True):
    """`event_ids` are new in the journal; `duplicates` were known already. `raw_id` is 0 where nothing was kept."""

    event_ids: tuple[int, ...]
    duplicates: int = 0
    raw_id: int = 0
    parked: bool = False
    """Something of it could not be read, and the whole request waits for a person."""


class Handled(Out, frozen=True, kw_only=True):
    """`done` false: another worker had it or it was handled before. `outbox_ids` are new deliveries to wake."""

    done: bool
    card_id: int = 0
    pipeline: str = ""
    refused: str = ""
    outbox_ids: tuple[int, ...] = ()
    other_id: int = 0
    """The other card of an event that spanned two: the one merged into, the new one of a split."""
    quarantined: bool = False
    """It waits for a person's decision."""


class OutboxItem(Out, frozen=True, kw_only=True):
    """A leased delivery. `effect` is the engine's; `token` must come back with the outcome or the write is refused."""

    id: int
    card_id: int
    key: str
    effect: bytes
    """JSON of an `AnyEffect`."""
    attempts: int
    token: str
    version: str
    created_at: dt.datetime
    leased_at: dt.datetime | None = None


class Message(Out, frozen=True, kw_only=True):
    """`direction`: `in`, `out`, `note`. `state` is the delivery's for `out`, empty where Duly did not send it."""

    id: int
    card_id: int
    direction: str
    author: str
    channel: str
    text: str
    kind: str
    at: dt.datetime
    automatic: bool
    state: str
    error: str
    contact_id: int = 0
    """Who wrote it, where that is known."""
    origin: int = 0
    """The number of the card it came to, where that was another one."""
    files: tuple[FileRow, ...] = ()
    quoted: str = ""
    html: str = ""
    """As in `events.CustomerMessage`."""
    edited_at: dt.datetime | None = None
    """`text` is what it was last changed to; `earlier` what it said before, oldest first."""
    earlier: tuple[Wording, ...] = ()
    deleted_at: dt.datetime | None = None
    """Whoever wrote it has taken it back; its words are kept."""
    reactions: tuple[Reaction, ...] = ()
    answers: Quoted | None = None
    """The message it answers by quoting it."""
    connector: str = ""
    """What it came or went by; empty for notes and what was written here."""
    provider_id: str = ""
    """The provider's id of it, where it has one: what a quote needs."""
    delivery: int = 0
    """The id of what sends it, for `out`."""
    repeat: bool = False
    """Its receiver tells a second copy by its key."""
    marked: Marked | None = None
    """It counts as sent by a person's word."""


class HistoryRow(Out, frozen=True, kw_only=True):
    """An `Entry` of the card's history."""

    id: int
    event_id: int
    kind: str
    at: dt.datetime
    author: str
    details: dict[str, str]


class TraceRow(Out, frozen=True, kw_only=True):
    """Why: the facts of one event, under the version they were judged by."""

    event_id: int
    at: dt.datetime
    version: str
    event_kind: str
    facts: tuple[FactTrace, ...]


class BoardCard(Out, frozen=True, kw_only=True):
    """One card of a board. `due_at` is the nearest due instant of its running clocks (`clock` names it), None where none
    runs. `paused` says its clocks stand still. `missed` says an open clock is past its due instant."""

    id: int
    number: int
    title: str
    stage: str
    customer: str
    channel: str
    priority: str
    type: str
    owner: str
    team: str
    tags: tuple[str, ...]
    entered_at: dt.datetime
    clock: str
    started_at: dt.datetime | None
    due_at: dt.datetime | None
    risk_at: dt.datetime | None
    """From here on it is at risk: the first alert threshold, or 80 % of the target."""
    paused: bool
    paused_at: dt.datetime | None = None
    """Since when, while `paused`."""
    missed: bool
    revision: int


class Changed(Out, frozen=True, kw_only=True):
    """A card that was written; for screens that are live."""

    card_id: int
    pipeline: str
    revision: int
    at: dt.datetime


class VisitRow(Out, frozen=True, kw_only=True):
    """A stay in a stage; `business_seconds` is open time on the pipeline's calendar, None while it lasts."""

    number: int
    stage: str
    entered_at: dt.datetime
    left_at: dt.datetime | None
    owner: str
    business_seconds: float | None


class VersionRow(Out, frozen=True, kw_only=True):
    hash: str
    author: str
    note: str
    created_at: dt.datetime
    active: bool
    choice: str = ""
    """What became of the clocks of open cards; empty where that was not kept."""
    details: dict[str, str] = {}
    """Where it came from: `plan`, `via` (`git`, `api`, …), `commit`, `commit_author`, `branch`."""


class Version(Out, frozen=True, kw_only=True):
    """`sources` maps path to text."""

    hash: str
    program: bytes
    sources: dict[str, str]


class Draft(Out, frozen=True, kw_only=True):
    """Unpublished files of the workspace. `base` is the version they started from, `revision` guards two editors."""

    sources: dict[str, str]
    base: str
    author: str
    updated_at: dt.datetime
    revision: int


class PastEvent(Out, frozen=True, kw_only=True):
    """A handled event of the journal. `case` is the same for all events of a conversation, or of a card without one; it
    says nothing about either. `body` is JSON of an `AnyBody`."""

    id: int
    case: str
    card_id: int
    at: dt.datetime
    received_at: dt.datetime
    backfill: bool
    body: bytes


class User(Out, frozen=True, kw_only=True):
    """Role: `admin`, `manager`, `agent`, `viewer`."""

    name: str
    full_name: str
    email: str
    phone: str
    role: str
    language: str
    active: bool


class Token(Out, frozen=True, kw_only=True):
    """An API token; the secret itself is only ever seen when it is made. Scopes: `read`, `write`, `publish`, `admin`."""

    id: int
    name: str
    user: str
    scopes: tuple[str, ...]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class AuditRow(Out, frozen=True, kw_only=True):
    id: int
    at: dt.datetime
    author: str
    action: str
    subject: str
    details: dict[str, str]


class Conflict(Exception):
    """Somebody else changed it first; the message says who and what."""


class Missing(Exception):
    """There is no such thing."""


class StoreUnavailable(Exception):
    """The database does not answer or can't write (down, disk full): nothing was changed; try again later."""


class Store(FileStore, ContactStore, QuarantineStore, DeliveryLog, SourceStore, ApprovalStore, ReportStore, Protocol):
    # life
    async def start(self) -> None:
        """Open connections and bring the schema up to date (safe when several processes start at once)."""
        ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raise where the database does not answer."""
        ...

    # journal
    async def accept(
        self, connector: str, raw: Raw | None, items: Sequence[Inbound], now: dt.datetime, parked: str = ""
    ) -> Accepted:
        """Journal what a request holds, in one transaction: the raw request, the events whose key is new, the contents of
        their files. With `parked`, the raw request is kept for a person, with that reason."""
        ...

    async def commanded(self, card_id: int, key: str) -> int:
        """The event a command of this key made for the card; 0 for none."""
        ...

    async def command(
        self,
        card_id: int,
        body: AnyBody,
        now: dt.datetime,
        key: str = "",
        at: dt.datetime | None = None,
        backfill: bool = False,
    ) -> int:
        """Journal something a person or the API does to a card (0: opens one); the event's id. The same `key` for the
        same card is the same event. `at`: when it happened, if not now; `backfill` as in `Event`. Missing where a file of
        an AgentMessage or an InternalNote has not been uploaded."""
        ...

    async def handle(
        self,
        event_id: int,
        decide: Decide,
        version: str,
        now: dt.datetime,
        measure: Measure | None = None,
        limited: Limited = (),
    ) -> Handled:
        """Lock the event and its card, let `decide` judge, write everything it decided: card, visits, clocks, timers,
        outbox, messages, history, trace. Earlier unhandled events of the same conversation or card go first, each in a
        transaction of its own; where one of them fails or is put off, this one waits (`done` false).

        `decide` gets the conversation's latest card, also a finished one: a decision with another id (World's next) opens
        a new card. It may run in another thread. What it raises comes out of here, unless it was about an earlier event.
        `limited` names the stages of which the World must say how many cards they hold.
        `measure` fills the business seconds of visits and clocks.
        """
        ...

    async def handle_together(
        self,
        event_ids: Sequence[int],
        decide: Decide,
        version: str,
        now: dt.datetime,
        measure: Measure | None = None,
        limited: Limited = (),
    ) -> dict[int, Handled]:
        """`handle` for several events in one transaction, oldest first. Those left out need `handle`, by themselves:
        events that must wait for older ones, or all, where one of them failed. On PostgreSQL always all, since there
        they would hold each other's locks for longer.
        """
        ...

    async def outcome(self, event_id: int) -> Handled:
        """What became of an event somebody else may be handling: `done` with its card and refusal, or not done yet."""
        ...

    async def event_failed(self, event_id: int, error: str, now: dt.datetime) -> None:
        """`decide` raised: try again later with growing gaps, park it after the tenth time."""
        ...

    async def waiting_events(self, now: dt.datetime, limit: int) -> list[int]:
        """Events not handled yet and not put off, oldest first: the safety net below the broker."""
        ...

    # timers
    async def claim_due(self, now: dt.datetime, limit: int) -> list[int]:
        """Turn due timers into TimerFired events, each once whatever else runs; the new events' ids."""
        ...

    # outbox
    async def lease(self, now: dt.datetime, limit: int, seconds: float, ids: Sequence[int] = ()) -> list[OutboxItem]:
        """Lease deliveries that are due (of those named, where any are). An expired lease of a crashed worker whose send
        may have gone out becomes `unknown` after the send's time-out, never a second send by itself... unless its
        connector is told to be idempotent by key; see store.database."""
        ...

    async def lease_digests(self, now: dt.datetime, limit: int, seconds: float) -> list[list[OutboxItem]]:
        """Lease at most `limit` digests that are due. A digest is all the notices of its kinds that are due for one person
        by one channel; no other worker gets a part of it."""
        ...

    async def hold(self, item: OutboxItem, until: dt.datetime) -> bool:
        """Lease it until later. False where the lease was lost meanwhile."""
        ...

    async def settle_all(
        self, items: Sequence[tuple[OutboxItem, str]], outcome: Outcome, now: dt.datetime, connector: str = ""
    ) -> bool:
        """Record one outcome for the notices of a digest, each with its own text, in one transaction. False where the lease
        of one was lost: of that one nothing is written."""
        ...

    async def settle(self, item: OutboxItem, outcome: Outcome, text: str, now: dt.datetime, connector: str = "") -> bool:
        """Record an outcome; False where the lease was lost meanwhile (nothing is written). `text` is what was sent, by
        `connector` where that is known."""
        ...

    # versions
    async def publish(
        self,
        program_hash: str,
        program: bytes,
        sources: dict[str, str],
        author: str,
        note: str,
        now: dt.datetime,
        choice: str = "from now on",
        renamed: Sequence[tuple[str, str]] = (),
        details: Mapping[str, str] | None = None,
        base: str | None = None,
    ) -> None:
        """Keep the version and make it the active one. In the same transaction a Recompute event with the `choice` is
        journalled for every open card, and one for finished cards in a (pipeline, stage) of `renamed` (an empty stage
        means all of the pipeline). `details` says where it came from. With `base`, Conflict where another version than
        that is active by now.
        """
        ...

    async def open_cards(self, after: int, limit: int) -> list[Card]:
        """Open cards with an id above `after`, by id."""
        ...

    async def active_version(self) -> Version | None: ...

    async def active_hash(self) -> str: ...

    async def version(self, program_hash: str) -> Version: ...

    async def versions(self) -> list[VersionRow]: ...

    async def draft(self) -> Draft | None: ...

    async def save_draft(self, sources: dict[str, str], base: str, author: str, revision: int, now: dt.datetime) -> Draft:
        """`revision` is the one the editor loaded (0 for a new draft); Conflict where it is not the latest."""
        ...

    async def discard_draft(self) -> None: ...

    # reading
    async def card(self, card_id: int) -> Card: ...

    async def card_id(self, number: int) -> int: ...

    async def board(self, pipeline: str, finished_since: dt.datetime) -> list[BoardCard]: ...

    async def cards(
        self,
        pipeline: str = "",
        stage: str = "",
        owner: str = "",
        query: str = "",
        limit: int = 100,
        before: int = 0,
    ) -> list[BoardCard]: ...

    async def changed_since(self, since: dt.datetime, limit: int = 1000) -> list[Changed]:
        """Cards whose last write was at or after `since` (the writer's `now`), oldest write first."""
        ...

    async def messages(self, card_id: int) -> list[Message]: ...

    async def last_heard(self, card_id: int, connector: str) -> dt.datetime | None:
        """When the card's customer last wrote by a connector, on whichever of their cards; None for never."""
        ...

    async def received_ids(self, card_id: int, channel: str, limit: int) -> list[str]:
        """The provider's ids of the customer's latest messages by a channel, oldest first."""
        ...

    async def history(self, card_id: int) -> list[HistoryRow]: ...

    async def trace(self, card_id: int) -> list[TraceRow]: ...

    async def visits(self, card_id: int) -> list[VisitRow]: ...

    async def notices(self, person: str, limit: int = 50) -> list[OutboxRow]:
        """What was said to a person in the app."""
        ...

    async def past_events(self, after: int, limit: int, without: Sequence[str] = ("",)) -> list[PastEvent]:
        """Handled events with an id above `after`, of none of the kinds `without`, in the order of the journal."""
        ...

    async def past_count(self, without: Sequence[str] = ("",)) -> int:
        """How many events `past_events` gives in all."""
        ...

    async def tell(self, person: str, text: str, key: str, now: dt.datetime) -> None:
        """A notice in the app that is about no card; the same `key` is the same notice."""
        ...

    async def counts(self, now: dt.datetime | None = None) -> dict[str, int]:
        """For /health and the tests. Keys: `events`, `unhandled`, `cards`, `open_cards`, `timers`, `overdue_timers` (with
        `now`), `outbox_STATE` for each state there is, `parked` (all that waits for a person), and of these
        `parked_events`, `parked_requests`; and `quarantined`, which are not among them."""
        ...

    # accounts
    async def users(self) -> list[User]: ...

    async def user(self, name: str) -> User: ...

    async def save_user(self, user: User, password_hash: str | None = None) -> None:
        """Make or change; the last active admin can't be demoted or switched off (Conflict)."""
        ...

    async def password_hash(self, name: str) -> str: ...

    async def open_session(self, token_hash: str, user: str, now: dt.datetime, expires_at: dt.datetime) -> None: ...

    async def session_user(self, token_hash: str, now: dt.datetime) -> User | None: ...

    async def close_session(self, token_hash: str) -> None: ...

    async def add_token(
        self, secret_hash: str, name: str, user: str, scopes: Sequence[str], now: dt.datetime,
        expires_at: dt.datetime | None,
    ) -> int: ...  # fmt: skip

    async def token(self, secret_hash: str, now: dt.datetime) -> tuple[User, Token] | None: ...

    async def tokens(self) -> list[Token]: ...

    async def remove_token(self, token_id: int) -> None: ...

    # audit
    async def audit(self, author: str, action: str, subject: str, details: dict[str, str], now: dt.datetime) -> None:
        """Append to the hash-chained log."""
        ...

    async def audit_log(self, limit: int = 200, before: int = 0) -> list[AuditRow]: ...

    async def verify_audit(self) -> int:
        """0 where the chain holds, else the id of the first row that does not fit."""
        ...
