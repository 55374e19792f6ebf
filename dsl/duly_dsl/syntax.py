"""The syntax tree: what a `.duly` file says, before names are looked up. Every node has the span it was read from.

The parser builds these, the checker and the compiler read them, nothing else does. Lists keep the order of the file.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_dsl.source import Span
from duly_dsl.units import Duration


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Anything with a place in the text."""

    span: Span


class Name(Node, frozen=True, kw_only=True):
    """A name as written: of a thing (`"New"`, quoted) or of a person, choice or built-in (`ana`, bare)."""

    text: str
    quoted: bool = False


class Text(Node, frozen=True, kw_only=True):
    """A quoted text that is not a name, escapes already read."""

    value: str


class Amount(Node, frozen=True, kw_only=True):
    """A duration as written."""

    value: Duration


# --- values ----------------------------------------------------------------------------------------------------------


class Value(Node, frozen=True, kw_only=True):
    """A literal. Bare words stay words: whether one is a choice or a person is for the checker to say."""

    kind: str
    """`word`, `text`, `number`, `duration`, `date`, `yes/no`."""
    value: str | int | float | bool | Duration | dt.date


# --- calendars -------------------------------------------------------------------------------------------------------


class TimeSpan(Node, frozen=True, kw_only=True):
    """`09:00-13:00`, in minutes after midnight. `closes` may be 1440 (24:00); `closes <= opens` passes midnight."""

    opens: int
    closes: int


class EveryYear(Node, frozen=True, kw_only=True):
    """`25 december every year`."""

    month: int
    day: int


class OnDate(Node, frozen=True, kw_only=True):
    """`2026-04-03`, or a range of dates, both ends included."""

    first: dt.date
    last: dt.date


class Weekly(Node, frozen=True, kw_only=True):
    """`open monday to friday 09:00-13:00, 14:00-18:00`; days are 0 (Monday) to 6; `every day` is all of them."""

    days: tuple[int, ...]
    spans: tuple[TimeSpan, ...]


class Closed(Node, frozen=True, kw_only=True):
    """`closed on DAY "reason"`, `closed from DATE to DATE "reason"`."""

    day: EveryYear | OnDate
    reason: Text | None = None


class SpecialDay(Node, frozen=True, kw_only=True):
    """`short day DAY SPANS` (shorter than usual) and `open on DATE SPANS` (extra); they replace the week's windows."""

    kind: str
    """`short` or `extra`."""
    day: EveryYear | OnDate
    spans: tuple[TimeSpan, ...]
    reason: Text | None = None


class Holidays(Node, frozen=True, kw_only=True):
    """`holidays from "BR-SP"`: ISO 3166 country, and subdivision after a dash."""

    region: Text


class Calendar(Node, frozen=True, kw_only=True):
    name: Name
    zone: Text | None = None
    weekly: tuple[Weekly, ...] = ()
    closed: tuple[Closed, ...] = ()
    special: tuple[SpecialDay, ...] = ()
    holidays: tuple[Holidays, ...] = ()


# --- people ----------------------------------------------------------------------------------------------------------


class Person(Node, frozen=True, kw_only=True):
    """`person ana { name "Ana" email "ana@example.com" phone "+351…" language "pt-BR" }`."""

    name: Name
    full_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    language: Text | None = None


class TeamLevel(Node, frozen=True, kw_only=True):
    """`level 2 bruno, carla`: who is asked next; the members are level 1."""

    number: int
    people: tuple[Name, ...]


class Team(Node, frozen=True, kw_only=True):
    name: Name
    members: tuple[Name, ...] = ()
    lead: Name | None = None
    manager: Name | None = None
    levels: tuple[TeamLevel, ...] = ()


# --- limits of what is sent ------------------------------------------------------------------------------------------


class QuietHours(Node, frozen=True, kw_only=True):
    """`quiet hours monday to friday 22:00-08:00 in "Office" for customers and people`. No days: every day. The hours are
    those of a calendar's zone, of a zone, or of the pipeline's calendar."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    spans: tuple[TimeSpan, ...]
    calendar: Name | None = None
    zone: Text | None = None
    audience: tuple[str, ...] = ("customers",)


class Rate(Node, frozen=True, kw_only=True):
    """`at most 3 messages per card per 1h`."""

    messages: int
    period: Amount


class Digest(Node, frozen=True, kw_only=True):
    """`digest alerts and notices every 30m`; kinds are `alerts`, `notices`, `escalations`."""

    kinds: tuple[str, ...]
    every: Amount


class SendLimits(Node, frozen=True, kw_only=True):
    """`send limits { … }`, of the workspace or of one pipeline."""

    quiet: tuple[QuietHours, ...] = ()
    rates: tuple[Rate, ...] = ()
    digests: tuple[Digest, ...] = ()


# --- who, what, when -------------------------------------------------------------------------------------------------


class Actor(Node, frozen=True, kw_only=True):
    """Someone to tell or to give a card to.

    kind: `owner`, `manager` (of the owner's team), `lead` (`lead of "T"`), `lead_of_owner` (`lead`), `manager_of`
    (`manager of "T"`), `team`, `agent`, `least_busy`, `round_robin`, `level_of` (`level 2 of "T"`),
    `level` (`level 2`, of the card's team). `name` and `level` are set where the kind takes one.
    """

    kind: str
    name: Name | None = None
    level: int = 0


class Metric(Node, frozen=True, kw_only=True):
    """A clock as referred to: `first reply`, `next reply`, `leave stage`, `resolved`, or a named one (`"Vendor answer"`,
    quoted)."""

    name: str
    quoted: bool = False


class Operand(Node, frozen=True, kw_only=True):
    """What a condition reads or `set` writes: a built-in (`priority`, `channel`, `type`, `owner`, `team`, `stage`) or a
    field, quoted or as a bare word. The checker decides which."""

    name: Name


# events and conditions: expressions


class Schedule(Node, frozen=True, kw_only=True):
    """`every monday, friday 09:00`, `every day 18:00`, `every working day 09:00` (no days), `every 4h` (an amount)."""

    days: tuple[int, ...] | None = None
    """Weekdays, 0 is Monday; None: on days the calendar opens."""
    minutes: int = 0
    interval: Amount | None = None

    @property
    def text(self) -> str:
        """What follows `every`, always written the same way."""
        if self.interval is not None:
            return str(self.interval.value)
        time = f"{self.minutes // 60:02}:{self.minutes % 60:02}"
        if self.days is None:
            return f"working day {time}"
        if len(self.days) == len(DAY_NAMES):
            return f"day {time}"
        return f"{', '.join(DAY_NAMES[day] for day in self.days)} {time}"


DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class EventIs(Node, frozen=True, kw_only=True):
    """An event atom of a `when`.

    kind: `card is created`, `card enters`, `card leaves` (name optional), `card is reopened`, `card is assigned`,
    `customer replies`, `agent replies`, `changes` (operand set), `missed` (metric set), `every` (schedule set).
    """

    kind: str
    stage: Name | None = None
    metric: Metric | None = None
    operand: Operand | None = None
    schedule: Schedule | None = None


class Contains(Node, frozen=True, kw_only=True):
    """`message contains "a", "b"`: any of the words, whatever the case."""

    words: tuple[Text, ...]


class HasTag(Node, frozen=True, kw_only=True):
    """`card has tag "vip"`."""

    tag: Text


class CardAge(Node, frozen=True, kw_only=True):
    """`card age > 24h elapsed`; `op` is one of `>`, `>=`, `<`, `<=`."""

    op: str
    amount: Amount


class Is(Node, frozen=True, kw_only=True):
    """`tier is gold`, `tier is not gold`, `tier is one of gold, silver`."""

    operand: Operand
    values: tuple[Value, ...]
    negated: bool = False


class IsEmpty(Node, frozen=True, kw_only=True):
    """`"Order number" is empty`, `… is filled` (negated)."""

    operand: Operand
    negated: bool = False


class Compare(Node, frozen=True, kw_only=True):
    """`"Items" > 5`."""

    operand: Operand
    op: str
    value: Value


class Not(Node, frozen=True, kw_only=True):
    term: Expr


class And(Node, frozen=True, kw_only=True):
    terms: tuple[Expr, ...]


class Or(Node, frozen=True, kw_only=True):
    terms: tuple[Expr, ...]


Expr = EventIs | Contains | HasTag | CardAge | Is | IsEmpty | Compare | Not | And | Or


# actions


class Notify(Node, frozen=True, kw_only=True):
    """`notify owner and manager by email using "T"`; `channel` is `app`, `email` or `whatsapp`."""

    actors: tuple[Actor, ...]
    channel: Name | None = None
    template: Name | None = None


class Set(Node, frozen=True, kw_only=True):
    operand: Operand
    value: Value


class Tag(Node, frozen=True, kw_only=True):
    """`tag "vip"`, `untag "vip"` (remove)."""

    tag: Text
    remove: bool = False


class AssignTo(Node, frozen=True, kw_only=True):
    """`assign to team "Billing"`."""

    actor: Actor


class Move(Node, frozen=True, kw_only=True):
    stage: Name
    reason: Text | None = None


class Send(Node, frozen=True, kw_only=True):
    """`send "Template"`: to the customer, by the card's channel."""

    template: Name
    once: bool = False
    outside: Name | None = None
    """`or outside window send "Y"`: this template where WhatsApp takes no free text any more."""


class Reply(Node, frozen=True, kw_only=True):
    """`reply "text"`: a literal text to the customer, with the same variables as a template."""

    text: Text
    outside: Name | None = None


class Call(Node, frozen=True, kw_only=True):
    """`call "CRM"`: post the card to an outgoing webhook connector."""

    connector: Name


class ShiftPriority(Node, frozen=True, kw_only=True):
    """`raise priority`, `lower priority`: one step in the pipeline's order, highest first."""

    raised: bool


class AddNote(Node, frozen=True, kw_only=True):
    text: Text


class ExcuseMiss(Node, frozen=True, kw_only=True):
    """`excuse first reply because "Outage at provider"`."""

    metric: Metric
    reason: Text


class RunClock(Node, frozen=True, kw_only=True):
    """`start clock "Vendor answer"`, `stop clock "Vendor answer"`."""

    clock: Metric
    starts: bool


Action = Notify | Set | Tag | AssignTo | Move | Send | Reply | Call | ShiftPriority | AddNote | ExcuseMiss | RunClock


# --- pipelines -------------------------------------------------------------------------------------------------------


class Field(Node, frozen=True, kw_only=True):
    """`field "Tier" was "Level" choice gold, silver default silver required to leave "New"`."""

    name: Name
    was: tuple[Name, ...] = ()
    type: str
    """`text`, `number`, `choice`, `date`, `yes/no`, `phone`, `email`."""
    choices: tuple[Name, ...] = ()
    pattern: Text | None = None
    default: Value | None = None
    required_to_leave: tuple[Name, ...] = ()


class Cell(Node, frozen=True, kw_only=True):
    """One cell of a table, as what it says: several alternatives (`"refund", "money back"`) or `any`.

    `words` holds the cell as typed for columns whose meaning is another thing (`as`, `if missing`).
    """

    any: bool = False
    values: tuple[Value, ...] = ()
    amount: Amount | None = None
    actor: Actor | None = None
    none: bool = False
    """`-`: this row gives no target for the column."""


class Column(Node, frozen=True, kw_only=True):
    """A header cell: a metric (targets), `to` (assign), `words`, or an operand."""

    kind: str
    """`metric`, `to`, `words`, `operand`."""
    metric: Metric | None = None
    operand: Operand | None = None


class Row(Node, frozen=True, kw_only=True):
    cells: tuple[Cell, ...]
    otherwise: bool = False
    """`| else | …`: matches whatever is left."""


class Table(Node, frozen=True, kw_only=True):
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class TargetLine(Node, frozen=True, kw_only=True):
    """`leave stage within 30m if priority is urgent`."""

    metric: Metric
    amount: Amount
    condition: Expr | None = None


class Alert(Node, frozen=True, kw_only=True):
    """`alert owner at 80% of first reply`, `alert owner and manager 2h before leave stage by email using "T"`, `alert
    manager 2h after resolved`: exactly one of `percent`, `before` and `after` is set."""

    actors: tuple[Actor, ...]
    metric: Metric
    percent: int | None = None
    before: Amount | None = None
    after: Amount | None = None
    channel: Name | None = None
    template: Name | None = None


class Pause(Node, frozen=True, kw_only=True):
    """`pause all clocks` (no metrics) or `pause next reply, resolved`."""

    metrics: tuple[Metric, ...] = ()


class Resume(Node, frozen=True, kw_only=True):
    """`resume when customer replies`, `resume in "In progress" when customer replies`."""

    condition: Expr
    stage: Name | None = None


class Silence(Node, frozen=True, kw_only=True):
    """`after 2 calendar days of silence send "Still there?" once`: silence of the customer, from the last message of
    either side or the arrival in the stage, whichever is later."""

    amount: Amount
    action: Action


class Reopen(Node, frozen=True, kw_only=True):
    """`reopen within 7 calendar days to "In progress"`, in a finish stage."""

    amount: Amount
    stage: Name


class WipLimit(Node, frozen=True, kw_only=True):
    """`at most 8 cards`: a signal, never a block."""

    count: int


class Stage(Node, frozen=True, kw_only=True):
    name: Name
    was: tuple[Name, ...] = ()
    start: bool = False
    finish: bool = False
    next: tuple[Name, ...] = ()
    owner: Actor | None = None
    tables: tuple[Table, ...] = ()
    lines: tuple[TargetLine, ...] = ()
    total: bool = False
    """`leave stage counts in total`: over all visits, not each visit anew."""
    alerts: tuple[Alert, ...] = ()
    pauses: tuple[Pause, ...] = ()
    resumes: tuple[Resume, ...] = ()
    silences: tuple[Silence, ...] = ()
    reopen: Reopen | None = None
    limit: WipLimit | None = None


class Clock(Node, frozen=True, kw_only=True):
    """`clock "Vendor answer" { … }`: a clock with its own start, pause, resume and stop.

    Its targets are lines (`within 4h if …`) and tables with a column `within`; in `lines`, `tables` and `alerts` the
    metric is the clock itself. `reopen` is `first only`, `continue` or `new cycle`.
    """

    name: Name
    was: tuple[Name, ...] = ()
    start: Expr | None = None
    pause: Expr | None = None
    resume: Expr | None = None
    stop: Expr | None = None
    calendar: Name | None = None
    tables: tuple[Table, ...] = ()
    lines: tuple[TargetLine, ...] = ()
    alerts: tuple[Alert, ...] = ()
    reopen: str | None = None


class Level(Node, frozen=True, kw_only=True):
    """`level 2 after 30m notify lead of "T" then raise priority`; no `after` is `at once`."""

    number: int
    after: Amount | None
    actions: tuple[Action, ...]


class Repeat(Node, frozen=True, kw_only=True):
    """`repeat level 3 every 1h at most 3 times`."""

    level: int
    every: Amount
    at_most: int | None = None


class Escalation(Node, frozen=True, kw_only=True):
    """`when` may be `first reply is missed or next reply is missed`, and conditions joined by `and`."""

    name: Name
    when: Expr | None = None
    levels: tuple[Level, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    stop: Expr | None = None


class Assign(Node, frozen=True, kw_only=True):
    """`assign when card enters "New" { table }`."""

    event: EventIs
    table: Table


class Rule(Node, frozen=True, kw_only=True):
    """`mode` is `on`, `shadow` (record what it would do, do nothing) or `off`; `until` is the day a shadow should end."""

    name: Name
    mode: str = "on"
    until: dt.date | None = None
    when: Expr | None = None
    actions: tuple[Action, ...] = ()


class OnReopen(Node, frozen=True, kw_only=True):
    """`on reopen resolved continue`; choice is `first only`, `continue` or `new cycle`."""

    metric: Metric
    choice: str


class Excuses(Node, frozen=True, kw_only=True):
    """`excuses "Carrier strike", "Outage at provider" by agent`: what a missed clock may be excused for, and the least
    role of a person who may."""

    reasons: tuple[Text, ...]
    role: str = "manager"


class Pipeline(Node, frozen=True, kw_only=True):
    name: Name
    was: tuple[Name, ...] = ()
    calendar: Name | None = None
    priorities: tuple[Name, ...] = ()
    types: tuple[Name, ...] = ()
    languages: tuple[Text, ...] = ()
    fields: tuple[Field, ...] = ()
    tables: tuple[Table, ...] = ()
    lines: tuple[TargetLine, ...] = ()
    alerts: tuple[Alert, ...] = ()
    reopens: tuple[OnReopen, ...] = ()
    clocks: tuple[Clock, ...] = ()
    stages: tuple[Stage, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    assigns: tuple[Assign, ...] = ()
    rules: tuple[Rule, ...] = ()
    excuses: tuple[Excuses, ...] = ()
    limits: SendLimits | None = None


# --- doors -----------------------------------------------------------------------------------------------------------


class Setting(Node, frozen=True, kw_only=True):
    """A line the connector's kind gives meaning to: `phone number id "1055"`, `access token secret "WA_TOKEN"`."""

    key: str
    """Words joined by one space, in lower case."""
    value: Value
    secret: bool = False
    """The value is the name of a secret, not the secret."""


class Verify(Node, frozen=True, kw_only=True):
    """`verify hmac sha256 with secret "KEY" in header "X-Signature"`, `verify github with secret "KEY"`."""

    scheme: str
    """`hmac`, `token`, `standard webhooks`, `github` or `stripe`."""
    algorithm: str
    secret: Text
    header: Text | None = None


class SameCard(Node, frozen=True, kw_only=True):
    """`same card when "order.id" within 14 calendar days` (`path`), `… when customer` (`customer`), or
    `… when conversation within 7 calendar days` (neither)."""

    path: Text | None = None
    customer: bool = False
    amount: Amount | None = None


class SameRequest(Node, frozen=True, kw_only=True):
    """`same request when "event.id"`, or `same request when header "X-Event-Id"`: one of the two is None."""

    path: Text | None = None
    header: Text | None = None


class SendEvents(Node, frozen=True, kw_only=True):
    """`send events card.created, clock in "Support"`. A name is an event's or what several begin with."""

    names: tuple[Name, ...]
    pipelines: tuple[Name, ...] = ()


class MapRow(Node, frozen=True, kw_only=True):
    """`| "Tier" | "customer.tier" | choice | basic |`; `missing` is None for `reject`, a Value otherwise, and `skip`
    leaves the field empty."""

    target: Name
    path: Text
    type: str
    type_at: Node
    missing_at: Node
    missing: Value | None = None
    skip: bool = False


class Retry(Node, frozen=True, kw_only=True):
    """`retry 5 times over 1h elapsed then park`."""

    times: int
    over: Amount


class Connector(Node, frozen=True, kw_only=True):
    """`direction` is `receives` or `sends`; `both ways` for kinds that do both is `connects`."""

    name: Name
    direction: str
    kind: Name
    path: Text | None = None
    verify: Verify | None = None
    pipeline: Name | None = None
    same: SameCard | None = None
    request: SameRequest | None = None
    map: tuple[MapRow, ...] = ()
    events: SendEvents | None = None
    retry: Retry | None = None
    settings: tuple[Setting, ...] = ()


class Variant(Node, frozen=True, kw_only=True):
    """One language of a template; placeholders in braces."""

    language: Text
    text: Text


class Header(Node, frozen=True, kw_only=True):
    """`header "en" "Case {card.number}"`, or `header image "https://…"` for every language."""

    text: Text
    language: Text | None = None
    media: str = ""


class Choice(Node, frozen=True, kw_only=True):
    """`"A refund" "Money back for an order"`: a row of a list, or a button."""

    title: Text
    description: Text | None = None


class Choices(Node, frozen=True, kw_only=True):
    """`buttons "en" "Yes", "No"`, or `list "en" "Choose" { … }` with what opens it as `label`."""

    language: Text
    label: Text | None = None
    rows: tuple[Choice, ...] = ()


class Approval(Node, frozen=True, kw_only=True):
    """`needs whatsapp approval as "still_there" for utility`: its name and category at Meta."""

    name: Text | None = None
    category: Name | None = None


class Template(Node, frozen=True, kw_only=True):
    name: Name
    subject: tuple[Variant, ...] = ()
    variants: tuple[Variant, ...] = ()
    headers: tuple[Header, ...] = ()
    choices: tuple[Choices, ...] = ()
    approval: Approval | None = None


# --- tests -----------------------------------------------------------------------------------------------------------


class Moment(Node, frozen=True, kw_only=True):
    """`+2d4h` (elapsed microseconds after the test's start) or `[friday] 2026-03-06 17:30` in the test's zone."""

    offset: int | None = None
    date: dt.date | None = None
    minutes: int = 0
    weekday: int | None = None


class Given(Node, frozen=True, kw_only=True):
    """`given card in "New" with priority urgent, channel whatsapp, "Tier" gold, message "hello"`."""

    stage: Name
    pipeline: Name | None = None
    """`given card in "New" of "WhatsApp support"`: needed only where two pipelines have such a stage."""
    values: tuple[tuple[Operand, Value], ...] = ()


class Others(Node, frozen=True, kw_only=True):
    """`given 8 other cards in "New"`: how many cards are there beside the test's own."""

    count: int
    stage: Name


class Happens(Node, frozen=True, kw_only=True):
    """A thing the test does.

    kind: `customer replies`, `agent replies`, `agent moves card`, `set`, `agent acknowledges`, `assign`, `note`,
    `excuse` and `withdraw excuse` (role and metric; the reason is `text`).
    """

    kind: str
    text: Text | None = None
    stage: Name | None = None
    operand: Operand | None = None
    value: Value | None = None
    person: Name | None = None
    role: str = ""
    metric: Metric | None = None


class Expect(Node, frozen=True, kw_only=True):
    """A thing the test demands.

    kind: `alert` (actor, metric), `missed` `met` `paused` `running` `excused` (metric), `level` (number, name), `notice`
    (person, channel), `template` (name, once), `held` (name: a template waits), `stage` (name), `set` (operand, value:
    `expect priority is high`), `tag`, `due in` (metric, amount), `due at` (metric, moment), `nothing else`, `no alert`,
    `refused` (the step just before was refused).
    """

    kind: str
    actor: Actor | None = None
    metric: Metric | None = None
    number: int | None = None
    name: Name | None = None
    person: Name | None = None
    channel: Name | None = None
    once: bool = False
    operand: Operand | None = None
    value: Value | None = None
    text: Text | None = None
    amount: Amount | None = None
    moment: Moment | None = None


class Step(Node, frozen=True, kw_only=True):
    """One line: an optional `at MOMENT`, then what happens or is expected."""

    at: Moment | None
    what: Happens | Expect


class Test(Node, frozen=True, kw_only=True):
    name: Name
    starts: Moment | None = None
    zone_of: Name | None = None
    """`in "Lisbon office"`: the calendar whose zone the test's wall times are in."""
    given: Given | None = None
    others: tuple[Others, ...] = ()
    steps: tuple[Step, ...] = ()


# --- reports ---------------------------------------------------------------------------------------------------------


class Period(Node, frozen=True, kw_only=True):
    """`last month`, `last 30 days` (unit and count) or two dates, both included."""

    unit: str = ""
    """`day`, `week`, `month`, or empty for dates."""
    count: int = 1
    first: dt.date | None = None
    last: dt.date | None = None


class Goal(Node, frozen=True, kw_only=True):
    """`goal 95%`."""

    percent: int


class Report(Node, frozen=True, kw_only=True):
    """`report "Monthly compliance" { of first reply … }`. `measures` are metrics, and `time in stage`."""

    name: Name
    measures: tuple[Metric, ...] = ()
    pipelines: tuple[Name, ...] = ()
    by: tuple[Name, ...] = ()
    period: Period | None = None
    without_excused: bool = False
    goal: Goal | None = None
    zone: Text | None = None


class Use(Node, frozen=True, kw_only=True):
    path: Text


class Allow(Node, frozen=True, kw_only=True):
    """`allow unreachable-stage "opened by hand only"`: silences a lint, see duly_dsl.lints."""

    lint: Name
    reason: Text


class File(Node, frozen=True, kw_only=True):
    """One file; a statement that could not be read is left out and has a diagnostic."""

    path: str
    uses: tuple[Use, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    limits: tuple[SendLimits, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    connectors: tuple[Connector, ...] = ()
    templates: tuple[Template, ...] = ()
    tests: tuple[Test, ...] = ()
    reports: tuple[Report, ...] = ()
    allows: tuple[Allow, ...] = ()
    """Those of all blocks, in the order of the file."""
