"""Makes the nodes of duly_dsl.syntax from the rules of duly.lark: one method a rule, of the same name.

A method gets the children the rule keeps: tokens and the values of other rules. Where one of them is BROKEN, so is the
rule, without asking; only blocks leave a broken statement out and stay. A method that finds a problem itself reports it and
gives BROKEN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from duly_dsl import syntax, tables, values
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.engine import BROKEN, Broken
from duly_dsl.lexing import Token
from duly_dsl.source import Span
from duly_dsl.units import Unit

T = TypeVar("T")

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Said(NamedTuple):
    """One statement of a block that gives a field of the block's node a value."""

    field: str
    value: Any
    span: Span


BLOCKS = frozenset(
    (
        *("start", "calendar", "person", "team", "pipeline", "stage", "escalation", "rule"),
        *("connector", "template", "test", "table"),
    )
)
"""Rules that outlive a broken statement."""

FIELDS: dict[type, str] = {
    syntax.Use: "uses",
    syntax.Calendar: "calendars",
    syntax.Person: "people",
    syntax.Team: "teams",
    syntax.Pipeline: "pipelines",
    syntax.Connector: "connectors",
    syntax.Template: "templates",
    syntax.Test: "tests",
    syntax.Weekly: "weekly",
    syntax.Closed: "closed",
    syntax.SpecialDay: "special",
    syntax.Holidays: "holidays",
    syntax.Field: "fields",
    syntax.Table: "tables",
    syntax.TargetLine: "lines",
    syntax.Alert: "alerts",
    syntax.OnReopen: "reopens",
    syntax.Stage: "stages",
    syntax.Escalation: "escalations",
    syntax.Assign: "assigns",
    syntax.Rule: "rules",
    syntax.Pause: "pauses",
    syntax.Resume: "resumes",
    syntax.Silence: "silences",
    syntax.Reopen: "reopen",
    syntax.Level: "levels",
    syntax.Repeat: "repeats",
    syntax.Verify: "verify",
    syntax.SameCard: "same",
    syntax.Retry: "retry",
    syntax.Setting: "settings",
    syntax.Variant: "variants",
    syntax.Given: "given",
    syntax.Step: "steps",
}
"""Where a statement goes in the node of its block."""


class NodeBuilder:
    """The builder of one file."""

    def __init__(self, path: str):
        self.path = path
        self.problems: list[Diagnostic] = []
        self._methods: dict[str, Callable[[Span, list[Any]], Any]] = {}

    def build(self, name: str, span: Span, parts: list[Any]) -> Any:
        """The value of the rule `name`."""
        if name not in BLOCKS and any(part is BROKEN for part in parts):
            return BROKEN
        method = self._methods.get(name)
        if method is None:
            method = self._methods[name] = getattr(self, name)
        return method(span, parts)

    # --- pieces

    def _checked(self, value: T | Diagnostic) -> T | Broken:
        if isinstance(value, Diagnostic):
            self.problems.append(value)
            return BROKEN
        return value

    def _span(self, token: Token) -> Span:
        return token.span(self.path)

    def _text(self, token: Token) -> Any:
        span = self._span(token)
        value = self._checked(values.read_text(token.text, span))
        return value if isinstance(value, Broken) else syntax.Text(span=span, value=value)

    def _name(self, token: Token) -> Any:
        span = self._span(token)
        if token.type != "STRING":
            return syntax.Name(span=span, text=token.text)
        value = self._checked(values.read_text(token.text, span))
        if isinstance(value, Broken):
            return BROKEN
        if not value.strip():
            self.problems.append(kinds.EMPTY_NAME.at(span))
            return BROKEN
        return syntax.Name(span=span, text=value, quoted=True)

    def _made(self, make: Callable[..., Any], span: Span, **fields: Any) -> Any:
        """The node, or BROKEN where a field of it is."""
        for value in fields.values():
            if value is BROKEN or (type(value) is tuple and BROKEN in value):
                return BROKEN
        return make(span=span, **fields)

    def _said(self, field: str, value: Any, span: Span) -> Any:
        return self._made(lambda span, value: Said(field, value, span), span, value=value)

    def _texts(self, tokens: list[Token]) -> tuple[Any, ...]:
        return tuple(self._text(token) for token in tokens)

    def _names(self, tokens: list[Token]) -> tuple[Any, ...]:
        return tuple(self._name(token) for token in tokens)

    def _block(self, make: Callable[..., Any], span: Span, fixed: dict[str, Any], statements: list[Any]) -> Any:
        """A node whose fields are given by the statements of its block, each at most once unless the field is a list
        of nodes."""
        fields: dict[str, Any] = {}
        lists: dict[str, list[Any]] = {}
        seen: dict[str, Span] = {}
        defaults = dict(zip(reversed(make.__struct_fields__), reversed(make.__struct_defaults__), strict=False))
        for statement in statements:
            if isinstance(statement, Broken):
                continue
            said = statement if isinstance(statement, Said) else Said(FIELDS[type(statement)], statement, statement.span)
            if not isinstance(statement, Said) and defaults[said.field] == ():
                lists.setdefault(said.field, []).append(said.value)
            elif said.field in seen:
                related = ((seen[said.field], kinds.SAID_HERE),)
                self.problems.append(kinds.REPEATED.at(said.span, related=related))
            else:
                seen[said.field] = said.span
                fields[said.field] = said.value
        fields.update((field, tuple(nodes)) for field, nodes in lists.items())
        return self._made(make, span, **fixed, **fields)

    def start(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.File, span, {"path": self.path}, parts)

    def use(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Use, span, path=self._text(parts[0]))

    # --- calendars

    def calendar(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Calendar, span, {"name": self._name(parts[0])}, parts[1:])

    def zone(self, span: Span, parts: list[Any]) -> Any:
        return self._said("zone", self._text(parts[0]), span)

    def open_weekly(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Weekly, span, days=parts[0], spans=tuple(parts[1:]))

    def open_on(self, span: Span, parts: list[Any]) -> Any:
        return self._special("extra", span, parts)

    def short_day(self, span: Span, parts: list[Any]) -> Any:
        return self._special("short", span, parts)

    def _special(self, kind: str, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts.pop()) if isinstance(parts[-1], Token) else None
        return self._made(syntax.SpecialDay, span, kind=kind, day=parts[0], spans=tuple(parts[1:]), reason=reason)

    def closed_on(self, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts[1]) if len(parts) > 1 else None
        return self._made(syntax.Closed, span, day=parts[0], reason=reason)

    def closed_from(self, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts[2]) if len(parts) > 2 else None
        first, last = self._date(parts[0]), self._date(parts[1])
        where = self._span(parts[0]).to(self._span(parts[1]))
        if not isinstance(first, Broken) and not isinstance(last, Broken) and last < first:
            self.problems.append(kinds.DATES_BACKWARDS.at(where, first=first, last=last))
            return BROKEN
        return self._made(syntax.Closed, span, day=self._made(syntax.OnDate, where, first=first, last=last), reason=reason)

    def holidays(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Holidays, span, region=self._text(parts[0]))

    def days(self, span: Span, parts: list[Any]) -> Any:
        return tuple(dict.fromkeys(day for part in parts for day in part))

    def every_day(self, span: Span, parts: list[Any]) -> Any:
        return tuple(range(7))

    def day_range(self, span: Span, parts: list[Any]) -> Any:
        first, last = parts[0], parts[-1]
        return tuple((first + step) % 7 for step in range((last - first) % 7 + 1))

    def weekday(self, span: Span, parts: list[Any]) -> Any:
        return WEEKDAYS.index(parts[0].text)

    def month(self, span: Span, parts: list[Any]) -> Any:
        return MONTHS.index(parts[0].text) + 1

    def on_date(self, span: Span, parts: list[Any]) -> Any:
        date = self._date(parts[0])
        return self._made(syntax.OnDate, span, first=date, last=date)

    def every_year(self, span: Span, parts: list[Any]) -> Any:
        day, month = self._count(parts[0]), parts[1]
        if not isinstance(day, Broken) and not 1 <= day <= LONGEST_MONTHS[month - 1]:
            self.problems.append(kinds.NO_SUCH_DATE.at(span, found=f"{day} {MONTHS[month - 1]}"))
            return BROKEN
        return self._made(syntax.EveryYear, span, month=month, day=day)

    def time_span(self, span: Span, parts: list[Any]) -> Any:
        opens, closes = (self._checked(values.read_time(text, span)) for text in parts[0].text.split("-"))
        return self._made(syntax.TimeSpan, span, opens=opens, closes=closes)

    def _date(self, token: Token) -> Any:
        return self._checked(values.read_date(token.text, self._span(token)))

    def _count(self, token: Token) -> Any:
        return self._checked(values.read_count(token.text, self._span(token)))

    # --- people

    def person(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Person, span, {"name": self._word(parts[0])}, parts[1:])

    def full_name(self, span: Span, parts: list[Any]) -> Any:
        return self._said("full_name", self._text(parts[0]), span)

    def email(self, span: Span, parts: list[Any]) -> Any:
        return self._said("email", self._text(parts[0]), span)

    def phone(self, span: Span, parts: list[Any]) -> Any:
        return self._said("phone", self._text(parts[0]), span)

    def language(self, span: Span, parts: list[Any]) -> Any:
        return self._said("language", self._text(parts[0]), span)

    def team(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Team, span, {"name": self._name(parts[0])}, parts[1:])

    def members(self, span: Span, parts: list[Any]) -> Any:
        return self._said("members", self._names(parts), span)

    def team_lead(self, span: Span, parts: list[Any]) -> Any:
        return self._said("lead", self._name(parts[0]), span)

    def team_manager(self, span: Span, parts: list[Any]) -> Any:
        return self._said("manager", self._name(parts[0]), span)

    def _word(self, token: Any) -> Any:
        return token if isinstance(token, Broken) else self._name(token)

    # --- pipelines

    def pipeline(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Pipeline, span, {"name": self._word(parts[0])}, parts[1:])

    def was(self, span: Span, parts: list[Any]) -> Any:
        return self._said("was", self._names(parts), span)

    def uses_calendar(self, span: Span, parts: list[Any]) -> Any:
        return self._said("calendar", self._name(parts[0]), span)

    def priorities(self, span: Span, parts: list[Any]) -> Any:
        return self._said("priorities", self._names(parts), span)

    def types(self, span: Span, parts: list[Any]) -> Any:
        return self._said("types", self._names(parts), span)

    def languages(self, span: Span, parts: list[Any]) -> Any:
        return self._said("languages", self._texts(parts), span)

    def on_reopen(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.OnReopen, span, metric=parts[0], choice=parts[1])

    def reopen_choice(self, span: Span, parts: list[Any]) -> Any:
        return " ".join(part.text for part in parts)

    def field(self, span: Span, parts: list[Any]) -> Any:
        more: dict[str, Any] = {}
        for part in parts[1:]:
            more.update(part)
        return self._made(syntax.Field, span, name=self._name(parts[0]), **more)

    def text_type(self, span: Span, parts: list[Any]) -> Any:
        pattern: Any = None
        if parts:
            pattern = syntax.Text(span=self._span(parts[0]), value=values.read_pattern(parts[0].text))
        return {"type": "text", "pattern": pattern}

    def choice_type(self, span: Span, parts: list[Any]) -> Any:
        return {"type": "choice", "choices": self._names(parts)}

    def plain_type(self, span: Span, parts: list[Any]) -> Any:
        return {"type": parts[0].text}

    def default(self, span: Span, parts: list[Any]) -> Any:
        return {"default": parts[0]}

    def required(self, span: Span, parts: list[Any]) -> Any:
        return {"required_to_leave": self._names(parts)}

    def stage(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Stage, span, {"name": self._word(parts[0])}, parts[1:])

    def start_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("start", True, span)

    def finish_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("finish", True, span)

    def next_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("next", self._names(parts), span)

    def stage_owner(self, span: Span, parts: list[Any]) -> Any:
        return self._said("owner", parts[0], span)

    def leave_total(self, span: Span, parts: list[Any]) -> Any:
        return self._said("total", True, span)

    def targets(self, span: Span, parts: list[Any]) -> Any:
        return self._table(parts[0], tables.TARGETS)

    def target_line(self, span: Span, parts: list[Any]) -> Any:
        condition = parts[2] if len(parts) > 2 else None
        return self._made(syntax.TargetLine, span, metric=parts[0], amount=parts[1], condition=condition)

    def alert(self, span: Span, parts: list[Any]) -> Any:
        actors, more = self._actors(parts)
        return self._made(syntax.Alert, span, actors=actors, **more)

    def at_percent(self, span: Span, parts: list[Any]) -> Any:
        number = self._checked(values.read_count(parts[0].text[:-1], self._span(parts[0])))
        return BROKEN if isinstance(number, Broken) else {"percent": number, "metric": parts[1]}

    def before(self, span: Span, parts: list[Any]) -> Any:
        return {"before": parts[0], "metric": parts[1]}

    def pause(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Pause, span, metrics=tuple(parts))

    def resume(self, span: Span, parts: list[Any]) -> Any:
        stage = self._name(parts[0]) if len(parts) > 1 else None
        return self._made(syntax.Resume, span, condition=parts[-1], stage=stage)

    def silence(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Silence, span, amount=parts[0], action=parts[1])

    def reopen(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Reopen, span, amount=parts[0], stage=self._name(parts[1]))

    def escalation(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Escalation, span, {"name": self._word(parts[0])}, parts[1:])

    def when(self, span: Span, parts: list[Any]) -> Any:
        return self._said("when", parts[0], span)

    def level(self, span: Span, parts: list[Any]) -> Any:
        after = None if parts[1] == "at once" else parts[1]
        return self._made(syntax.Level, span, number=self._count(parts[0]), after=after, actions=tuple(parts[2:]))

    def at_once(self, span: Span, parts: list[Any]) -> Any:
        return "at once"

    def after(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def repeat(self, span: Span, parts: list[Any]) -> Any:
        at_most = parts[2] if len(parts) > 2 else None
        return self._made(syntax.Repeat, span, level=self._count(parts[0]), every=parts[1], at_most=at_most)

    def at_most(self, span: Span, parts: list[Any]) -> Any:
        return self._count(parts[0])

    def stop(self, span: Span, parts: list[Any]) -> Any:
        return self._said("stop", parts[0], span)

    def assign(self, span: Span, parts: list[Any]) -> Any:
        if isinstance(parts[1], tables.RawTable) and not isinstance(parts[0], Broken):
            return self._made(syntax.Assign, span, event=parts[0], table=self._table(parts[1], tables.ASSIGN))
        return BROKEN

    def rule(self, span: Span, parts: list[Any]) -> Any:
        actions: list[Any] = []
        statements: list[Any] = []
        for part in parts[1:]:
            if isinstance(part, list):
                actions.extend(part)
            else:
                statements.append(part)
        return self._block(syntax.Rule, span, {"name": self._word(parts[0]), "actions": tuple(actions)}, statements)

    def mode(self, span: Span, parts: list[Any]) -> Any:
        return self._said("mode", parts[0].text, span)

    def then(self, span: Span, parts: list[Any]) -> Any:
        return parts

    # --- who, what, when

    def _actors(self, parts: list[Any]) -> tuple[Any, dict[str, Any]]:
        actors = tuple(part for part in parts if isinstance(part, syntax.Actor))
        more: dict[str, Any] = {}
        for part in parts[len(actors) :]:
            more.update(part)
        return actors, more

    def _actor(self, kind: str, span: Span, parts: list[Any]) -> Any:
        name = self._name(parts[0]) if parts else None
        return self._made(syntax.Actor, span, kind=kind, name=name)

    def owner(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("owner", span, parts)

    def manager(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("manager", span, parts)

    def manager_of(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("manager_of", span, parts)

    def lead(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("lead_of_owner", span, parts)

    def lead_of(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("lead", span, parts)

    def team_actor(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("team", span, parts)

    def agent(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("agent", span, parts)

    def least_busy(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("least_busy", span, parts)

    def round_robin(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("round_robin", span, parts)

    def metric(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Metric(span=span, name=" ".join(part.text for part in parts))

    def notify(self, span: Span, parts: list[Any]) -> Any:
        actors, more = self._actors(parts)
        return self._made(syntax.Notify, span, actors=actors, **more)

    def by_channel(self, span: Span, parts: list[Any]) -> Any:
        return {"channel": self._name(parts[0])}

    def using(self, span: Span, parts: list[Any]) -> Any:
        name = self._name(parts[0])
        return BROKEN if isinstance(name, Broken) else {"template": name}

    def set(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Set, span, operand=parts[0], value=parts[1])

    def tag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Tag, span, tag=self._text(parts[0]))

    def untag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Tag, span, tag=self._text(parts[0]), remove=True)

    def assign_to(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.AssignTo, span, actor=parts[0])

    def move(self, span: Span, parts: list[Any]) -> Any:
        reason = parts[1] if len(parts) > 1 else None
        return self._made(syntax.Move, span, stage=self._name(parts[0]), reason=reason)

    def because(self, span: Span, parts: list[Any]) -> Any:
        return self._text(parts[0])

    def send(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Send, span, template=self._name(parts[0]), once=len(parts) > 1)

    def once(self, span: Span, parts: list[Any]) -> Any:
        return True

    def reply(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Reply, span, text=self._text(parts[0]))

    def call(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Call, span, connector=self._name(parts[0]))

    def raise_priority(self, span: Span, parts: list[Any]) -> Any:
        return syntax.ShiftPriority(span=span, raised=True)

    def lower_priority(self, span: Span, parts: list[Any]) -> Any:
        return syntax.ShiftPriority(span=span, raised=False)

    def add_note(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.AddNote, span, text=self._text(parts[0]))

    def or_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Or(span=span, terms=tuple(parts))

    def and_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.And(span=span, terms=tuple(parts))

    def not_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Not(span=span, term=parts[0])

    def group(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def contains(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Contains, span, words=self._texts(parts))

    def has_tag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.HasTag, span, tag=self._text(parts[0]))

    def card_age(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.CardAge, span, op=parts[0].text, amount=parts[1])

    def is_value(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Is, span, operand=parts[0], values=tuple(parts[1:]))

    def is_one_of(self, span: Span, parts: list[Any]) -> Any:
        return self.is_value(span, parts)

    def is_not(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Is, span, operand=parts[0], values=tuple(parts[1:]), negated=True)

    def is_empty(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.IsEmpty, span, operand=parts[0])

    def is_filled(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.IsEmpty, span, operand=parts[0], negated=True)

    def compare(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Compare, span, operand=parts[0], op=parts[1].text, value=parts[2])

    def _event(self, kind: str, span: Span, parts: list[Any]) -> Any:
        stage = self._name(parts[0]) if parts else None
        return self._made(syntax.EventIs, span, kind=kind, stage=stage)

    def card_created(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is created", span, parts)

    def card_enters(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card enters", span, parts)

    def card_leaves(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card leaves", span, parts)

    def card_reopened(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is reopened", span, parts)

    def card_assigned(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is assigned", span, parts)

    def customer_replies(self, span: Span, parts: list[Any]) -> Any:
        return self._event("customer replies", span, parts)

    def agent_replies(self, span: Span, parts: list[Any]) -> Any:
        return self._event("agent replies", span, parts)

    def changes(self, span: Span, parts: list[Any]) -> Any:
        return syntax.EventIs(span=span, kind="changes", operand=parts[0])

    def missed(self, span: Span, parts: list[Any]) -> Any:
        return syntax.EventIs(span=span, kind="missed", metric=parts[0])

    def operand(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Operand, span, name=self._name(parts[0]))

    def value(self, span: Span, parts: list[Any]) -> Any:
        part = parts[0]
        if isinstance(part, syntax.Amount):
            return syntax.Value(span=span, kind="duration", value=part.value)
        return self._checked(tables.literal(part, self.path))

    def clock_duration(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_clock(parts[0].text, len(parts) > 1, span))
        return self._made(syntax.Amount, span, value=value)

    def elapsed(self, span: Span, parts: list[Any]) -> Any:
        return True

    def working_days(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_days(parts[0].text, Unit.WORKING_DAYS, span))
        return self._made(syntax.Amount, span, value=value)

    def calendar_days(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_days(parts[0].text, Unit.CALENDAR_DAYS, span))
        return self._made(syntax.Amount, span, value=value)

    def unclear_days(self, span: Span, parts: list[Any]) -> Any:
        count = self._count(parts[0])
        if not isinstance(count, Broken):
            self.problems.append(values.unclear(count, f"{count} {'day' if count == 1 else 'days'}", span))
        return BROKEN

    def spelled_duration(self, span: Span, parts: list[Any]) -> Any:
        return self._checked(values.read_spelled(parts[0].text, parts[1], len(parts) > 2, span))

    def unit(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    # --- tables

    def table(self, span: Span, parts: list[Any]) -> Any:
        return tables.RawTable(span, [part for part in parts if not isinstance(part, Broken)])

    def row(self, span: Span, parts: list[Any]) -> Any:
        return tables.RawRow(span, parts[:-1])

    def _table(self, raw: tables.RawTable, kind: tables.TableKind) -> Any:
        made, problems = tables.read(raw, kind, self.path)
        self.problems += problems
        return BROKEN if made is None else made

    # --- doors

    def connector(self, span: Span, parts: list[Any]) -> Any:
        if any(isinstance(part, Broken) for part in parts[:3]):
            return BROKEN
        fixed = {"name": self._name(parts[0]), "direction": parts[1], "kind": self._name(parts[2])}
        return self._block(syntax.Connector, span, fixed, parts[3:])

    def direction(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def door_path(self, span: Span, parts: list[Any]) -> Any:
        return self._said("path", self._text(parts[0]), span)

    def verify_hmac(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("hmac", parts[0].text, span, parts[1:])

    def verify_token(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("token", "", span, parts)

    def _verify(self, scheme: str, algorithm: str, span: Span, parts: list[Any]) -> Any:
        header = parts[1] if len(parts) > 1 else None
        secret = self._text(parts[0])
        return self._made(syntax.Verify, span, scheme=scheme, algorithm=algorithm, secret=secret, header=header)

    def in_header(self, span: Span, parts: list[Any]) -> Any:
        return self._text(parts[0])

    def open_card(self, span: Span, parts: list[Any]) -> Any:
        return self._said("pipeline", self._name(parts[0]), span)

    def same_card(self, span: Span, parts: list[Any]) -> Any:
        amount = parts[1] if len(parts) > 1 else None
        return self._made(syntax.SameCard, span, path=self._text(parts[0]), amount=amount)

    def map(self, span: Span, parts: list[Any]) -> Any:
        rows, problems = tables.read_map(parts[0], self.path)
        self.problems += problems
        return Said("map", rows, span)

    def retry(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Retry, span, times=self._count(parts[0]), over=parts[1])

    def setting(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Setting(span=span, key=parts[0], value=parts[1])

    def secret_setting(self, span: Span, parts: list[Any]) -> Any:
        text = self._text(parts[1])
        if isinstance(text, Broken):
            return BROKEN
        value = syntax.Value(span=text.span, kind="text", value=text.value)
        return syntax.Setting(span=span, key=parts[0], value=value, secret=True)

    def key(self, span: Span, parts: list[Any]) -> Any:
        return " ".join(part if isinstance(part, str) else part.text for part in parts).lower()

    def key_to_secret(self, span: Span, parts: list[Any]) -> Any:
        return self.key(span, parts)

    def verify_token_key(self, span: Span, parts: list[Any]) -> Any:
        return self.key(span, parts)

    def template(self, span: Span, parts: list[Any]) -> Any:
        subjects = tuple(part.value for part in parts if isinstance(part, Said))
        texts = [part for part in parts[1:] if not isinstance(part, Said)]
        return self._block(syntax.Template, span, {"name": self._word(parts[0]), "subject": subjects}, texts)

    def subject(self, span: Span, parts: list[Any]) -> Any:
        return self._said("subject", self.variant(span, parts), span)

    def variant(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Variant, span, language=self._text(parts[0]), text=self._text(parts[1]))

    # --- tests

    def test(self, span: Span, parts: list[Any]) -> Any:
        clocks = [part for part in parts if isinstance(part, Said)]
        for extra in clocks[1:]:
            self.problems.append(kinds.REPEATED.at(extra.span, related=((clocks[0].span, kinds.SAID_HERE),)))
        starts, zone_of = clocks[0].value if clocks else (None, None)
        fixed = {"name": self._word(parts[0]), "starts": starts, "zone_of": zone_of}
        return self._block(syntax.Test, span, fixed, [part for part in parts[1:] if not isinstance(part, Said)])

    def clock_starts(self, span: Span, parts: list[Any]) -> Any:
        return self._said("starts", (parts[0], self._name(parts[1])), span)

    def given(self, span: Span, parts: list[Any]) -> Any:
        more: dict[str, Any] = {"values": tuple(part for part in parts[1:] if isinstance(part, tuple))}
        for part in parts[1:]:
            if isinstance(part, dict):
                more.update(part)
        return self._made(syntax.Given, span, stage=self._name(parts[0]), **more)

    def of_pipeline(self, span: Span, parts: list[Any]) -> Any:
        return {"pipeline": self._name(parts[0])}

    def pair(self, span: Span, parts: list[Any]) -> Any:
        return (parts[0], parts[1])

    def step(self, span: Span, parts: list[Any]) -> Any:
        at = parts[0] if len(parts) > 1 else None
        return self._made(syntax.Step, span, at=at, what=parts[-1])

    def at_moment(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def offset(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Moment, span, offset=self._checked(values.read_offset(parts[0].text, span)))

    def wall_time(self, span: Span, parts: list[Any]) -> Any:
        weekday = parts[0] if isinstance(parts[0], int) else None
        date, time = parts[-2:]
        minutes = self._checked(values.read_time(time.text, self._span(time)))
        return self._made(syntax.Moment, span, date=self._date(date), minutes=minutes, weekday=weekday)

    def _happens(self, kind: str, span: Span, **fields: Any) -> Any:
        return self._made(syntax.Happens, span, kind=kind, **fields)

    def customer_says(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("customer replies", span, text=self._text(parts[0]) if parts else None)

    def agent_says(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("agent replies", span, text=self._text(parts[0]) if parts else None)

    def agent_moves(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("agent moves card", span, stage=self._name(parts[0]))

    def agent_sets(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("set", span, operand=parts[0], value=parts[1])

    def agent_acknowledges(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("agent acknowledges", span)

    def agent_assigns(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("assign", span, person=self._name(parts[0]))

    def agent_notes(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("note", span, text=self._text(parts[0]))

    def _expect(self, kind: str, span: Span, **fields: Any) -> Any:
        return self._made(syntax.Expect, span, kind=kind, **fields)

    def expect_alert(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("alert", span, actor=parts[0], metric=parts[1])

    def expect_metric(self, span: Span, parts: list[Any]) -> Any:
        return self._expect(parts[1], span, metric=parts[0])

    def metric_state(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def expect_level(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("level", span, number=self._count(parts[0]), name=self._name(parts[1]))

    def expect_notice(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("notice", span, person=self._name(parts[0]), **(parts[1] if len(parts) > 1 else {}))

    def expect_template(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("template", span, name=self._name(parts[0]), once=len(parts) > 1)

    def expect_stage(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("stage", span, name=self._name(parts[0]))

    def expect_value(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("set", span, operand=parts[0], value=parts[1])

    def expect_tag(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("tag", span, text=self._text(parts[0]))

    def expect_due_in(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("due in", span, metric=parts[0], amount=parts[1])

    def expect_due_at(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("due at", span, metric=parts[0], moment=parts[1])

    def nothing_else(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("nothing else", span)

    def no_alert(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("no alert", span)

    def refused(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("refused", span)
