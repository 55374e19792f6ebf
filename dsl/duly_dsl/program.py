"""The rule graph: what the compiler makes of a workspace and the engine runs. Immutable, serialisable, hashed.

Names are resolved, units are values, tables are rows of predicates, dates in values are ISO texts. `predicates` are
hash-consed: equal conditions are one node, named by its index, children before parents. Every node keeps the span it came
from.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping

import msgspec

from duly_dsl.source import NOWHERE, Span
from duly_dsl.units import Duration

FORMAT = 1
"""Raised when a stored Program of an older Duly can no longer be read."""

METRICS = ("first reply", "next reply", "leave stage", "resolved")
"""The built-in clocks."""

REOPEN_DEFAULTS = {"first reply": "first only", "next reply": "new cycle", "resolved": "continue"}
"""What reopening a finished card does to a clock where the pipeline doesn't say (CLOCKS, point 11)."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node of the graph."""

    span: Span = NOWHERE


# --- calendars and people --------------------------------------------------------------------------------------------


class Window(Record, frozen=True, kw_only=True):
    """An opening on a local day, minutes after midnight; `closes` past 1440 runs into the next day (22:00-06:00 is
    1320-1800)."""

    opens: int
    closes: int


class DayRule(Record, frozen=True, kw_only=True):
    """What a particular day does instead of its weekday's windows. `windows` empty means closed.

    Either `first`..`last` (dates, both included) or `month` and `day` (every year). A dated rule beats a yearly one,
    and any rule here beats a public holiday (so an `open on` can open a holiday).
    """

    kind: str
    """`closed`, `short` or `extra`."""
    windows: tuple[Window, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    month: int = 0
    day: int = 0
    reason: str = ""


class Calendar(Record, frozen=True, kw_only=True):
    """Working time. `week` holds seven tuples of windows, Monday first; `holidays` are ISO 3166 regions (`PT`, `BR-SP`)."""

    name: str
    zone: str
    week: tuple[tuple[Window, ...], ...]
    days: tuple[DayRule, ...] = ()
    holidays: tuple[str, ...] = ()


class Person(Record, frozen=True, kw_only=True):
    """Someone who works here; `name` is the word the files use (`ana`) and the account's user name."""

    name: str
    full_name: str = ""
    email: str = ""
    phone: str = ""
    language: str = ""


class TeamLevel(Record, frozen=True, kw_only=True):
    """Who is asked at a level above the members (2, 3, …)."""

    number: int
    people: tuple[str, ...]


class Team(Record, frozen=True, kw_only=True):
    name: str
    members: tuple[str, ...]
    lead: str = ""
    manager: str = ""
    levels: tuple[TeamLevel, ...] = ()

    def at_level(self, number: int) -> tuple[str, ...]:
        """Who is at a level; the members are level 1. Empty where the team has no such level."""
        if number == 1:
            return self.members
        return next((level.people for level in self.levels if level.number == number), ())

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who belongs to it: the members, then those of each level."""
        return tuple(dict.fromkeys((*self.members, *(person for level in self.levels for person in level.people))))


# --- predicates ------------------------------------------------------------------------------------------------------


class Predicate(Record, frozen=True, kw_only=True, tag=True):
    """A condition; children are indexes into `Program.predicates`."""


class EventAtom(Predicate, frozen=True, kw_only=True):
    """True while the event being handled is this one. `kind` as in `FACT_KINDS`; `stage`, `metric` or `subject` (what
    changed) narrow it and are empty where any will do."""

    kind: str
    stage: str = ""
    metric: str = ""
    subject: str = ""


class ContainsAny(Predicate, frozen=True, kw_only=True):
    """The message of the event holds one of `words` (already casefolded) as a whole word or phrase."""

    words: tuple[str, ...]


class HasTag(Predicate, frozen=True, kw_only=True):
    tag: str


class CardAge(Predicate, frozen=True, kw_only=True):
    """`op` compares the age of the card with `amount`, in the amount's own time."""

    op: str
    amount: Duration


class OneOf(Predicate, frozen=True, kw_only=True):
    """The operand equals one of `values`. Operands: see `OPERANDS`; a field is `field:NAME`."""

    operand: str
    values: tuple[str | float | bool, ...]


class Empty(Predicate, frozen=True, kw_only=True):
    operand: str


class Compare(Predicate, frozen=True, kw_only=True):
    """`op` is one of `<`, `<=`, `>`, `>=`. False where the operand is empty."""

    operand: str
    op: str
    value: float | str


class Not(Predicate, frozen=True, kw_only=True):
    term: int


class AllOf(Predicate, frozen=True, kw_only=True):
    terms: tuple[int, ...]


class AnyOf(Predicate, frozen=True, kw_only=True):
    terms: tuple[int, ...]


AnyPredicate = EventAtom | ContainsAny | HasTag | CardAge | OneOf | Empty | Compare | Not | AllOf | AnyOf

FACT_KINDS = (
    "card is created",
    "card enters",
    "card leaves",
    "card is reopened",
    "card is assigned",
    "customer replies",
    "agent replies",
    "changes",
    "missed",
    "every",
    "too many cards",
)
"""What can set rules off: the facts the engine derives from events, in the language's own words."""

OPERANDS = ("priority", "channel", "type", "owner", "team", "stage", "connector")
"""Built-in operands. `priority` compares as a word; `<`/`>` on it are not offered."""


# --- actions ---------------------------------------------------------------------------------------------------------


class Actor(Record, frozen=True, kw_only=True):
    """kind: `owner`, `lead`, `manager` (of the card's team), `lead_of`, `manager_of`, `team`, `agent`, `least_busy`,
    `round_robin`, `level_of`, `level` (of the card's team); `name` is the team or person, `level` the number, where the
    kind takes one."""

    kind: str
    name: str = ""
    level: int = 0


class Action(Record, frozen=True, kw_only=True, tag=True):
    """Something a rule, a level or a silence does."""


class Notify(Action, frozen=True, kw_only=True):
    """`channel` is `app`, `email` or `whatsapp`; empty means the person's own choice, `app` and `email` by default."""

    actors: tuple[Actor, ...]
    channel: str = ""
    template: str = ""


class SetField(Action, frozen=True, kw_only=True):
    operand: str
    value: str | float | bool


class Tag(Action, frozen=True, kw_only=True):
    tag: str
    remove: bool = False


class AssignTo(Action, frozen=True, kw_only=True):
    actor: Actor


class Move(Action, frozen=True, kw_only=True):
    stage: str
    reason: str = ""


class Send(Action, frozen=True, kw_only=True):
    """A template to the customer, by the card's channel."""

    template: str
    once: bool = False
    outside: str = ""
    """The template instead, where WhatsApp takes no free text any more (24 hours after the customer's last message)."""


class Reply(Action, frozen=True, kw_only=True):
    """A literal text with placeholders to the customer."""

    text: str
    outside: str = ""


class Call(Action, frozen=True, kw_only=True):
    """Post the card to an outgoing webhook connector."""

    connector: str


class ShiftPriority(Action, frozen=True, kw_only=True):
    raised: bool


class AddNote(Action, frozen=True, kw_only=True):
    text: str


class ExcuseMiss(Action, frozen=True, kw_only=True):
    """Excuse the latest miss of a clock, for one of the pipeline's reasons."""

    metric: str
    reason: str


class RunClock(Action, frozen=True, kw_only=True):
    """Start or stop a named clock."""

    clock: str
    starts: bool


AnyAction = (
    Notify | SetField | Tag | AssignTo | Move | Send | Reply | Call | ShiftPriority | AddNote | ExcuseMiss | RunClock
)


# --- limits of what is sent ------------------------------------------------------------------------------------------


class Quiet(Record, frozen=True, kw_only=True):
    """Hours in which what rules send waits. `week` as in Calendar; `zone` empty is that of the pipeline's calendar."""

    week: tuple[tuple[Window, ...], ...]
    zone: str = ""
    customers: bool = True
    """Messages to customers wait."""
    people: bool = False
    """Notices to people who work here wait, but for those of escalations and broken promises."""


class Rate(Record, frozen=True, kw_only=True):
    """Of the messages rules send to one card's customer at most so many in any `period`; it is time on the wall."""

    messages: int
    period: Duration


class Digest(Record, frozen=True, kw_only=True):
    """Notices of these kinds (`alerts`, `notices`, `escalations`) to one person are gathered into one message; the periods
    count from midnight of the pipeline's calendar, on the wall."""

    kinds: tuple[str, ...]
    every: Duration


class Schedule(Record, frozen=True, kw_only=True):
    """When scheduled rules are asked. `key` is what the files write after `every`. Either `interval`, or a time of the
    pipeline's calendar: `minutes` after midnight on the weekdays `days` (0 is Monday; None: days the calendar opens)."""

    key: str
    days: tuple[int, ...] | None = None
    minutes: int = 0
    interval: Duration | None = None


class SendLimits(Record, frozen=True, kw_only=True):
    quiet: tuple[Quiet, ...] = ()
    rates: tuple[Rate, ...] = ()
    digests: tuple[Digest, ...] = ()


# --- pipelines -------------------------------------------------------------------------------------------------------


class Field(Record, frozen=True, kw_only=True):
    name: str
    was: tuple[str, ...] = ()
    type: str
    choices: tuple[str, ...] = ()
    pattern: str = ""
    default: str | float | bool | None = None
    required_to_leave: tuple[str, ...] = ()


class TargetRow(Record, frozen=True, kw_only=True):
    """`when` is a predicate index, or None for the row that catches the rest. No amount: this row promises nothing."""

    when: int | None
    amount: Duration | None


class Target(Record, frozen=True, kw_only=True):
    """Rows of one metric in one place, first match wins. Lines with `if` come first, then tables, then bare lines."""

    metric: str
    rows: tuple[TargetRow, ...]
    reads: tuple[str, ...] = ()
    """Operands the rows read: a change of one of them looks the target up again (CLOCKS, point 12)."""


class Alert(Record, frozen=True, kw_only=True):
    """One threshold of a clock. `key` is stable within the pipeline (`New/first reply/80%`). Exactly one of `percent`
    (1-99), `before` (the due instant) and `after` (the miss) is set."""

    key: str
    metric: str
    actors: tuple[Actor, ...]
    percent: int | None = None
    before: Duration | None = None
    after: Duration | None = None
    channel: str = ""
    template: str = ""


class NamedClock(Record, frozen=True, kw_only=True):
    """A clock with conditions of its own: predicates, None where only `start clock` and `stop clock` do it. `kinds` are
    the fact kinds one of them can be true for. `calendar` empty: the pipeline's. `target` promises in every stage."""

    name: str
    was: tuple[str, ...] = ()
    calendar: str = ""
    start: int | None = None
    pause: int | None = None
    resume: int | None = None
    stop: int | None = None
    kinds: tuple[str, ...] = ()
    target: Target
    alerts: tuple[Alert, ...] = ()


class Resume(Record, frozen=True, kw_only=True):
    """What ends the pause of a stage: `when` is a predicate, `kinds` the fact kinds it can be true for."""

    when: int
    kinds: tuple[str, ...]
    stage: str = ""


class Silence(Record, frozen=True, kw_only=True):
    """`index` tells the silences of a stage apart."""

    index: int
    amount: Duration
    action: AnyAction


class Reopen(Record, frozen=True, kw_only=True):
    amount: Duration
    stage: str


class Stage(Record, frozen=True, kw_only=True):
    name: str
    was: tuple[str, ...] = ()
    start: bool = False
    finish: bool = False
    next: tuple[str, ...] = ()
    """Empty on a stage that is not a finish means: any stage may follow."""
    owner: Actor | None = None
    targets: tuple[Target, ...] = ()
    total: bool = False
    alerts: tuple[Alert, ...] = ()
    pauses: tuple[str, ...] = ()
    """Metrics paused while the card is here, named clocks among them."""
    resumes: tuple[Resume, ...] = ()
    silences: tuple[Silence, ...] = ()
    reopen: Reopen | None = None
    limit: int | None = None
    """How many open cards may be here before somebody is told."""


class Level(Record, frozen=True, kw_only=True):
    """`after` None is at once."""

    number: int
    after: Duration | None
    actions: tuple[AnyAction, ...]
    repeat_every: Duration | None = None
    repeat_at_most: int | None = None


class Escalation(Record, frozen=True, kw_only=True):
    """`metrics` are the clocks whose miss starts the ladder, if `when` (the other conditions) holds; `stop` with the
    fact kinds it can be true for. A ladder also stops on leaving the stage and on acknowledgement."""

    name: str
    metrics: tuple[str, ...]
    when: int | None = None
    levels: tuple[Level, ...] = ()
    stop: int | None = None
    stop_kinds: tuple[str, ...] = ()


class AssignRow(Record, frozen=True, kw_only=True):
    when: int | None
    to: Actor


class Assign(Record, frozen=True, kw_only=True):
    """`key` is stable within the pipeline. `event` is an EventAtom's predicate index."""

    key: str
    event: int
    kind: str
    stage: str
    rows: tuple[AssignRow, ...]


class Rule(Record, frozen=True, kw_only=True):
    """`id` is the place in `Program.rules`. `terms` is `when` split at its top-level `and`, cheapest to tell first kept
    in the order of the file: the trace names the first term that failed."""

    id: int
    pipeline: str
    name: str
    mode: str
    when: int
    terms: tuple[int, ...]
    term_spans: tuple[Span, ...] = ()
    """Where this rule writes each of `terms`: the predicate itself, shared, knows only the first place it was met."""
    actions: tuple[AnyAction, ...]


class Index(Record, frozen=True, kw_only=True):
    """Which rules an event may concern: (fact kind, stage) of one pipeline -> rule ids in the order of the file.

    A rule that is good for every stage stands under each stage of its pipeline.
    """

    pipeline: str
    kind: str
    stage: str
    rules: tuple[int, ...]


class Pipeline(Record, frozen=True, kw_only=True):
    name: str
    calendar: str
    was: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ("urgent", "high", "normal", "low")
    """Highest first."""
    default_priority: str = "normal"
    """`normal` where the pipeline has it, else the lowest."""
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    fields: tuple[Field, ...] = ()
    targets: tuple[Target, ...] = ()
    """Promises made by the pipeline itself, where the stage makes none for the metric."""
    alerts: tuple[Alert, ...] = ()
    reopens: dict[str, str] = {}
    """What reopening does to a clock, named ones too, where it is said."""
    clocks: tuple[NamedClock, ...] = ()
    stages: tuple[Stage, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    assigns: tuple[Assign, ...] = ()
    excuses: dict[str, str] = {}
    """What a missed clock may be excused for -> the least role of a person who may (`agent`, `manager`, `admin`)."""
    limits: SendLimits | None = None
    """The pipeline's own, else those of the workspace."""
    schedules: tuple[Schedule, ...] = ()
    """Those its rules name; in `EventAtom` the key is the subject."""

    def stage(self, name: str) -> Stage:
        """The stage called `name`; KeyError where there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    @property
    def start(self) -> Stage:
        return next(stage for stage in self.stages if stage.start)


# --- doors -----------------------------------------------------------------------------------------------------------


class Setting(Record, frozen=True, kw_only=True):
    """`value` is the literal, or the name of the secret where `secret` is true."""

    value: str | float | bool | Duration
    secret: bool = False


class MapRow(Record, frozen=True, kw_only=True):
    """Fill `target` (an operand, `field:NAME`, or one of `title`, `message`, `name`, `phone`, `email`) from the jmespath
    `path` as `type`. `missing`: `reject`, `skip` or `default`."""

    target: str
    path: str
    type: str
    missing: str = "reject"
    default: str | float | bool | None = None


class Connector(Record, frozen=True, kw_only=True):
    """A door. `direction`: `receives`, `sends` or `connects` (both). `kind` is the plug-in's name (`webhook`).

    `key_path` or `key_header` is where a request names itself, so that a repetition is known. `events` is what it is told
    of by itself, family names resolved; of the pipelines in `events_in`, or of all where that is empty.
    """

    name: str
    kind: str
    direction: str
    path: str = ""
    verify_scheme: str = ""
    """`hmac`, `token`, `standard webhooks`, `github`, `stripe`; empty where nobody may come in."""
    verify_algorithm: str = ""
    verify_secret: str = ""
    verify_header: str = ""
    pipeline: str = ""
    same_path: str = ""
    same_customer: bool = False
    """All that a customer writes by this connector is one conversation."""
    same_within: Duration | None = None
    key_path: str = ""
    key_header: str = ""
    map: tuple[MapRow, ...] = ()
    events: tuple[str, ...] = ()
    events_in: tuple[str, ...] = ()
    retry_times: int | None = None
    retry_over: Duration | None = None
    settings: dict[str, Setting] = {}


class Choice(Record, frozen=True, kw_only=True):
    """Something a customer can choose; its title comes back as their message."""

    title: str
    description: str = ""


class Choices(Record, frozen=True, kw_only=True):
    """What a message offers: buttons, or, with a `label` that opens it, a list."""

    rows: tuple[Choice, ...]
    label: str = ""


class Header(Record, frozen=True, kw_only=True):
    """What stands above a text: a text by language tag, or a file (`image`, `video`, `document`) at a `link`."""

    texts: dict[str, str] = {}
    media: str = ""
    link: str = ""


class Approval(Record, frozen=True, kw_only=True):
    """A template as Meta has it: `name` there, and `category` (`utility`, `marketing`, `authentication`). Its languages are
    the template's, its variables the placeholders of a text in the order they first stand."""

    name: str
    category: str = "utility"


class Template(Record, frozen=True, kw_only=True):
    """Texts by language tag; `subjects` likewise, for e-mail. What offers choices comes back as the customer's words."""

    name: str
    texts: dict[str, str]
    subjects: dict[str, str] = {}
    header: Header | None = None
    choices: dict[str, Choices] = {}
    """By language tag."""
    approval: Approval | None = None


# --- reports ---------------------------------------------------------------------------------------------------------

DIMENSIONS = ("pipeline", "stage", "owner", "team", "priority", "type", "channel", "day", "week", "month")
"""What a report can be parted by."""


class Period(Record, frozen=True, kw_only=True):
    """The last `count` whole days, weeks or months before the day of the report, or two dates, both included."""

    unit: str = ""
    count: int = 1
    first: dt.date | None = None
    last: dt.date | None = None


class Report(Record, frozen=True, kw_only=True):
    """`metrics` are clocks; `time_in_stage` measures stays too. `pipelines` are all it is about. `goal` is a percentage,
    0 for none. Days begin at midnight in `zone`."""

    name: str
    metrics: tuple[str, ...] = ()
    time_in_stage: bool = False
    pipelines: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    period: Period = Period(unit="day", count=30)
    without_excused: bool = False
    goal: int = 0
    zone: str = "UTC"


class Program(Record, frozen=True, kw_only=True):
    """A whole workspace, ready to run. `hash` names the version: sha256 of everything else here, hex."""

    format: int = FORMAT
    hash: str = ""
    calendars: dict[str, Calendar] = {}
    people: dict[str, Person] = {}
    teams: dict[str, Team] = {}
    pipelines: dict[str, Pipeline] = {}
    connectors: dict[str, Connector] = {}
    templates: dict[str, Template] = {}
    reports: dict[str, Report] = {}
    rules: tuple[Rule, ...] = ()
    predicates: tuple[AnyPredicate, ...] = ()
    index: tuple[Index, ...] = ()

    def sealed(self) -> Program:
        """The same program with its hash filled in."""
        bare = msgspec.structs.replace(self, hash="")
        return msgspec.structs.replace(bare, hash=hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest())

    def encode(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(data: bytes) -> Program:
        """Read a stored program; msgspec.ValidationError where it is not one of this format."""
        return msgspec.msgpack.decode(data, type=Program)


class SettingSpec(msgspec.Struct, frozen=True):
    """A setting a connector kind takes: `key` as the file writes it (`access token`)."""

    key: str
    required: bool = False
    """It must be there, for a connector of one of the `needed_to` directions."""
    secret: bool = False
    """It must be given as `secret "NAME"`."""
    help: str = ""
    needed_to: tuple[str, ...] = ("receives", "sends", "connects")
    duration: bool = False
    """It is a time on the wall (`48h`, `2 calendar days`), or one of the `words`."""
    words: tuple[str, ...] = ()
    """All it may be, where there are any."""
    about: str = ""
    """The setting without which it has nothing to act on."""


class ConnectorKind(msgspec.Struct, frozen=True):
    """What the checker must know of a connector plug-in."""

    name: str
    directions: tuple[str, ...]
    settings: tuple[SettingSpec, ...] = ()
    accepts_map: bool = False
    accepts_verify: bool = False
    """It takes a `verify` line although it maps nothing: others may post to its path."""
    accepts_events: bool = False
    """It takes `send events …`: the card as JSON, for programs."""
    senders_proved_by: str = ""
    """The setting without which a sender may be anybody who says so; empty where senders are always known."""


class TemplateAtMeta(msgspec.Struct, frozen=True, kw_only=True):
    """A template as an account at Meta has it: its `name` and `language` there (`pt_BR`). `status` and `quality` are Meta's
    words (`APPROVED`, `GREEN`); `variables` is None where only its status is known."""

    name: str
    language: str
    status: str = ""
    category: str = ""
    quality: str = ""
    reason: str = ""
    """Why it was rejected or paused, in Meta's words."""
    variables: int | None = None
    header: str = ""
    """`TEXT`, `IMAGE`, `VIDEO`, `DOCUMENT` or `LOCATION`; empty for none."""
    header_variables: int = 0
    buttons: tuple[str, ...] = ()
    """Texts of its quick replies."""


class Environment(msgspec.Struct, frozen=True):
    """What a check knows of the world outside the files; None means: not known, don't complain.

    `duly check` in a git hook knows the connector kinds; a server also knows its secrets and its users.
    """

    connector_kinds: tuple[ConnectorKind, ...] | None = None
    regions: frozenset[str] | None = None
    """Holiday regions (`PT`, `BR`, `BR-SP`)."""
    secrets: frozenset[str] | None = None
    people: frozenset[str] | None = None
    """User names with an account."""
    pattern_ok: Callable[[str], bool] | None = None
    """Whether RE2, which runs the patterns of fields, takes a pattern."""
    today: dt.date | None = None
    """The day of the check, by the caller's clock."""
    templates: tuple[tuple[TemplateAtMeta, ...], ...] | None = None
    """The templates of each account at Meta that was read."""
    holidays_until: Mapping[str, int] | None = None
    """The last year public holidays are known for, of the countries that have one."""
