"""The tables, one class each, for SQLite and PostgreSQL alike.

The classes belong to no database: a query runs on the engine of the unit of work it is in (`unit.ENGINE`), so that one
process can hold several stores. Instants are UTC. JSON is kept as text: nothing here queries into it. Keys and indexes are
made by the migrations; a test holds columns and migrations together.
"""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
import dataclasses
from typing import Any

from piccolo.columns import BigInt, BigSerial, Boolean, Bytea, DoublePrecision, Text, Timestamptz
from piccolo.engine import Engine
from piccolo.table import Table, TableMeta

from duly_runtime.store import unit


class Raw(Table, tablename="raw"):
    """A request as it came, whole. `parked` is why a person must look at it, empty where nobody must."""

    id = BigSerial(primary_key=True)
    connector = Text()
    request = Bytea()
    received_at = Timestamptz()
    parked = Text()
    discarded_at = Timestamptz(null=True)


class Event(Table, tablename="event"):
    """The journal. (`source`, `key`) is unique; `key` is null where nothing names the event.

    `stream` names what it must keep its place in: `card/ID`, or connector and conversation; empty where order is no matter.
    """

    id = BigSerial(primary_key=True)
    source = Text()
    key = Text(null=True)
    raw_id = BigInt()
    kind = Text()
    stream = Text()
    card_id = BigInt()
    at = Timestamptz()
    received_at = Timestamptz()
    backfill = Boolean()
    body = Text()
    handled_at = Timestamptz(null=True)
    version = Text()
    refused = Text()
    attempts = BigInt()
    next_at = Timestamptz(null=True)
    error = Text()
    parked_at = Timestamptz(null=True)
    discarded_at = Timestamptz(null=True)


class Conversation(Table, tablename="conversation"):
    """(`connector`, `key`) is unique. `card_id` is the latest card, 0 before there is one. `alias` is the conversation this
    one is another name of, 0 where it is itself; that one is itself."""

    id = BigSerial(primary_key=True)
    connector = Text()
    key = Text()
    card_id = BigInt()
    alias = BigInt()


class Card(Table, tablename="card"):
    """`data` is the whole aggregate; the other columns are what boards and searches need of it.

    `contact_id` is whose it is and `identity_id` the name that told, both 0 where nothing did; `claimed`: nobody vouches
    for it. They are no part of the aggregate: people merge and split contacts without an event for each card.
    `merged_into`: the card it is part of, 0 for none."""

    id = BigInt(primary_key=True)
    number = BigInt()
    pipeline = Text()
    stage = Text()
    title = Text()
    customer = Text()
    channel = Text()
    connector = Text()
    conversation = Text()
    priority = Text()
    type = Text()
    owner = Text()
    team = Text()
    tags = Text()
    created_at = Timestamptz()
    entered_at = Timestamptz()
    finished_at = Timestamptz(null=True)
    clock = Text()
    started_at = Timestamptz(null=True)
    due_at = Timestamptz(null=True)
    risk_at = Timestamptz(null=True)
    paused = Boolean()
    paused_at = Timestamptz(null=True)
    missed = Boolean()
    revision = BigInt()
    changed_at = Timestamptz()
    search = Text()
    data = Text()
    contact_id = BigInt()
    identity_id = BigInt()
    claimed = Boolean()
    merged_into = BigInt()


class Contact(Table, tablename="contact"):
    """A customer. `merged_into` is the contact this one is part of now, 0 where it is its own."""

    id = BigSerial(primary_key=True)
    name = Text()
    created_at = Timestamptz()
    merged_into = BigInt()
    search = Text()


class Identity(Table, tablename="identity"):
    """(`kind`, `scope`, `value`) is unique (`duly_runtime.identities`)."""

    id = BigSerial(primary_key=True)
    contact_id = BigInt()
    kind = Text()
    scope = Text()
    value = Text()
    verified = Boolean()
    source = Text()
    at = Timestamptz()


class ContactMerge(Table, tablename="contact_merge"):
    """`identities` and `cards` are JSON lists of the ids that went from `gone` to `kept`."""

    id = BigSerial(primary_key=True)
    kept = BigInt()
    gone = BigInt()
    at = Timestamptz()
    author = Text()
    identities = Text()
    cards = Text()
    undone_at = Timestamptz(null=True)


class Visit(Table, tablename="visit"):
    """(`card_id`, `number`) is unique."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    number = BigInt()
    pipeline = Text()
    stage = Text()
    entered_at = Timestamptz()
    left_at = Timestamptz(null=True)
    owner = Text()
    business_seconds = DoublePrecision(null=True)


class Clock(Table, tablename="clock"):
    """(`card_id`, `metric`, `cycle`) is unique. For reports: who and what it was about is as it was at the last change."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    metric = Text()
    cycle = BigInt()
    pipeline = Text()
    stage = Text()
    visit = BigInt()
    calendar = Text()
    target = Text()
    version = Text()
    state = Text()
    outcome = Text()
    started_at = Timestamptz()
    due_at = Timestamptz(null=True)
    stopped_at = Timestamptz(null=True)
    missed_at = Timestamptz(null=True)
    detected_at = Timestamptz(null=True)
    owner_at_miss = Text()
    owner = Text()
    team = Text()
    priority = Text()
    type = Text()
    channel = Text()
    business_seconds = DoublePrecision(null=True)
    excuse = Text()
    excused_at = Timestamptz(null=True)
    excused_by = Text()


class Fact(Table, tablename="fact"):
    """What reports count, as it was known from `known_at` until `gone_at`; never changed but for that. A stay in a stage
    (`measure` is `time in stage`, `number` the visit's) or a clock (its cycle). `outcome`: `met`, `missed`, `excused` (a
    miss, for a `reason`), empty for a stay. `at`: when it was met or missed, or the stay ended."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    measure = Text()
    number = BigInt()
    pipeline = Text()
    stage = Text()
    owner = Text()
    team = Text()
    priority = Text()
    type = Text()
    channel = Text()
    outcome = Text()
    reason = Text()
    version = Text()
    started_at = Timestamptz()
    at = Timestamptz()
    seconds = DoublePrecision(null=True)
    wall_seconds = DoublePrecision(null=True)
    known_at = Timestamptz()
    gone_at = Timestamptz(null=True)


class ReportPack(Table, tablename="report_pack"):
    """The facts of one measure of a finished day or month of a zone, in columns (`duly_runtime.columns`). `measure` empty:
    says that the day is packed. Removed where one of its facts changes; `changed_at` is when the last one had."""

    id = BigSerial(primary_key=True)
    zone = Text()
    kind = Text()
    first = Text()
    measure = Text()
    since = Timestamptz()
    until = Timestamptz()
    changed_at = Timestamptz()
    data = Bytea()


class ReportMail(Table, tablename="report_mail"):
    """`reports_api.ReportMail`; `people` is a JSON list."""

    id = BigSerial(primary_key=True)
    name = Text()
    report = Text()
    query = Text()
    every = Text()
    day = BigInt()
    hour = Text()
    zone = Text()
    people = Text()
    author = Text()
    next_at = Timestamptz()


class Timer(Table, tablename="timer"):
    """(`card_id`, `key`) is unique. `wake_at` is `due_at`, or a moment later where it was tried and is still wanted.
    `armed_by` is the event that set it."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    key = Text()
    due_at = Timestamptz()
    wake_at = Timestamptz()
    armed_by = BigInt()


class Outbox(Table, tablename="outbox"):
    """`key` is unique for ever. `token` and `leased_until` are the lease; `repeat` says whether a delivery whose worker
    died may be sent again under the same key (store.outbox)."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    event_id = BigInt()
    key = Text()
    kind = Text()
    channel = Text()
    recipient = Text()
    effect = Text()
    text = Text()
    state = Text()
    repeat = Boolean()
    attempts = BigInt()
    next_at = Timestamptz(null=True)
    token = Text()
    leased_until = Timestamptz(null=True)
    version = Text()
    created_at = Timestamptz()
    settled_at = Timestamptz(null=True)
    error = Text()
    provider_id = Text()
    connector = Text()
    discarded_at = Timestamptz(null=True)


class Attempt(Table, tablename="attempt"):
    """A line of a delivery's log (`log_api.Attempt`)."""

    id = BigSerial(primary_key=True)
    outbox_id = BigInt()
    at = Timestamptz()
    began_at = Timestamptz(null=True)
    outcome = Text()
    error = Text()
    answer = Text()
    author = Text()


class Status(Table, tablename="status"):
    """What providers said of deliveries, also of those we can't name yet. (`name`, `state`) is unique; `name` is the
    provider's id, or `#ID` of the delivery."""

    id = BigSerial(primary_key=True)
    event_id = BigInt()
    name = Text()
    state = Text()
    error = Text()
    at = Timestamptz()


class Message(Table, tablename="message"):
    """`outbox_id` 0 where nothing was sent for it. `text` is what it said at first (`Annotation`). `html` is the sha256 of
    a content, empty where it came as text alone."""

    id = BigSerial(primary_key=True)
    card_id = BigInt()
    event_id = BigInt()
    outbox_id = BigInt()
    direction = Text()
    author = Text()
    channel = Text()
    text = Text()
    kind = Text()
    at = Timestamptz()
    automatic = Boolean()
    provider_id = Text()
    contact_id = BigInt()
    quoted = Text()
    html = Text()
    came_to = BigInt()
    reply_to = Text()


class Annotation(Table, tablename="annotation"):
    """What became of a message, by the provider's id, whether or not the message has come (`store.messages`)."""

    event_id = BigInt(primary_key=True)
    connector = Text()
    provider_id = Text()
    change = Text()
    text = Text()
    author = Text()
    ours = Boolean()
    at = Timestamptz()


class Quarantine(Table, tablename="quarantine"):
    """A parked event that waits for a person's `decision` (`card`, `new`, `discarded`; empty: none yet). `claim` is the
    card it names."""

    event_id = BigInt(primary_key=True)
    why = Text()
    sender = Text()
    claim = BigInt()
    at = Timestamptz()
    decision = Text()
    author = Text()
    decided_at = Timestamptz(null=True)


class Answered(Table, tablename="answered"):
    """When a rule last answered this mail address; forgotten once that no longer counts."""

    address = Text(primary_key=True)
    at = Timestamptz()


class Content(Table, tablename="content"):
    """What is in files, each content once. `unused_since`: when it was uploaded, while no event speaks of it."""

    sha256 = Text(primary_key=True)
    size = BigInt()
    unused_since = Timestamptz(null=True)
    data = Bytea()


class File(Table, tablename="file"):
    """A file of a message. `key` is its random name in addresses, `connector` whom to fetch it by. `token` and `next_at`
    are the lease of who is fetching it (store.files)."""

    id = BigSerial(primary_key=True)
    key = Text()
    card_id = BigInt()
    event_id = BigInt()
    message_id = BigInt()
    connector = Text()
    name = Text()
    media_type = Text()
    size = BigInt()
    sha256 = Text()
    inline = Text()
    reference = Text()
    state = Text()
    attempts = BigInt()
    next_at = Timestamptz(null=True)
    token = Text()
    error = Text()
    changed_at = Timestamptz()


class History(Table, tablename="history"):
    id = BigSerial(primary_key=True)
    card_id = BigInt()
    event_id = BigInt()
    kind = Text()
    at = Timestamptz()
    author = Text()
    details = Text()


class Trace(Table, tablename="trace"):
    """`facts` is JSON of the decision's trace."""

    event_id = BigInt(primary_key=True)
    card_id = BigInt()
    at = Timestamptz()
    version = Text()
    event_kind = Text()
    facts = Text()


class Source(Table, tablename="source"):
    """(`connector`, `name`) is unique. `leased_until` null: not a source but how a part of one goes (a mailbox)."""

    id = BigSerial(primary_key=True)
    connector = Text()
    name = Text()
    token = Text()
    leased_until = Timestamptz(null=True)
    state = Text()
    detail = Text()
    changed_at = Timestamptz()


class Position(Table, tablename="position"):
    """(`connector`, `name`) is unique. How far something has been read, in the connector's own words."""

    id = BigSerial(primary_key=True)
    connector = Text()
    name = Text()
    value = Text()


class Tally(Table, tablename="tally"):
    """(`kind`, `name`) is unique. Kinds: `load` (open cards a person owns), `cursor` (how often a team was dealt),
    `number` (the last card number, on SQLite)."""

    id = BigSerial(primary_key=True)
    kind = Text()
    name = Text()
    n = BigInt()


class Version(Table, tablename="version"):
    hash = Text(primary_key=True)
    program = Bytea()
    sources = Text()


class Publication(Table, tablename="publication"):
    """A version going live; the last one is the active version. `choice` is what became of open cards, `details` where it
    came from (JSON)."""

    id = BigSerial(primary_key=True)
    hash = Text()
    author = Text()
    note = Text()
    at = Timestamptz()
    choice = Text()
    details = Text()


class Draft(Table, tablename="draft"):
    """One row. `sources` null: discarded; the revision goes on counting."""

    id = BigInt(primary_key=True)
    sources = Text(null=True)
    base = Text()
    author = Text()
    updated_at = Timestamptz()
    revision = BigInt()


class Person(Table, tablename="person"):
    name = Text(primary_key=True)
    full_name = Text()
    email = Text()
    phone = Text()
    role = Text()
    language = Text()
    active = Boolean()
    password_hash = Text()


class Session(Table, tablename="session"):
    token_hash = Text(primary_key=True)
    person = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()


class Token(Table, tablename="token"):
    id = BigSerial(primary_key=True)
    secret_hash = Text()
    name = Text()
    person = Text()
    scopes = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz(null=True)
    last_used_at = Timestamptz(null=True)


class Audit(Table, tablename="audit"):
    """Row n's `hash` covers its own columns and row n-1's hash."""

    id = BigInt(primary_key=True)
    nonce = Text()
    at = Timestamptz()
    author = Text()
    action = Text()
    subject = Text()
    details = Text()
    hash = Text()


class AuditHead(Table, tablename="audit_head"):
    """One row: the last row of the log, so that cutting off its end shows."""

    id = BigInt(primary_key=True)
    last_id = BigInt()
    hash = Text()


class Approval(Table, tablename="approval"):
    """A template as an account of a provider has it. (`account`, `name`, `language`) is unique; `variables` is null where
    we were only told of it. `buttons` is JSON."""

    id = BigSerial(primary_key=True)
    account = Text()
    name = Text()
    language = Text()
    status = Text()
    category = Text()
    quality = Text()
    reason = Text()
    variables = BigInt(null=True)
    header = Text()
    header_variables = BigInt()
    buttons = Text()
    changed_at = Timestamptz()


class ApprovalSync(Table, tablename="approval_sync"):
    """When the templates of an account were last asked for, and last read."""

    account = Text(primary_key=True)
    tried_at = Timestamptz()
    synced_at = Timestamptz(null=True)
    error = Text()


TABLES: tuple[type[Table], ...] = (
    Raw, Event, Conversation, Card, Contact, Identity, ContactMerge, Visit, Clock, Fact, ReportPack, ReportMail,
    Timer, Outbox, Attempt, Status, Message, Annotation, Quarantine, Answered, Content, File, Source, Position,
    History, Trace, Tally, Version, Publication, Draft, Person, Session, Token, Audit, AuditHead, Approval,
    ApprovalSync,
)  # fmt: skip


@dataclasses.dataclass
class _Meta(TableMeta):
    """A table's description whose engine is that of the unit of work."""

    @property
    def db(self) -> Engine[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return unit.ENGINE.get()


for _table in TABLES:
    _table._meta = _Meta(  # pyright: ignore[reportPrivateUsage]
        **{f.name: getattr(_table._meta, f.name) for f in dataclasses.fields(TableMeta)}  # pyright: ignore[reportPrivateUsage]
    )


def types(table: str) -> dict[str, str]:
    """Column -> its type in the database of the unit of work."""
    (found,) = (each for each in TABLES if each._meta.tablename == table)  # pyright: ignore[reportPrivateUsage]
    return {column._meta.name: column.column_type for column in found._meta.columns}  # pyright: ignore[reportPrivateUsage]
