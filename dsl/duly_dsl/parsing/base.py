"""What all makers of nodes share: the pieces of a statement, and how a block gathers its statements."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from duly_dsl import syntax
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, no_statement
from duly_dsl.parsing import values
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.parsing.lexing import Token
from duly_dsl.source import Span

T = TypeVar("T")


class Said(NamedTuple):
    """One statement of a block that gives a field of the block's node a value."""

    field: str
    value: Any
    span: Span


FIELDS: dict[type, str] = {
    syntax.Use: "uses",
    syntax.Calendar: "calendars",
    syntax.Person: "people",
    syntax.Team: "teams",
    syntax.SendLimits: "limits",
    syntax.QuietHours: "quiet",
    syntax.Rate: "rates",
    syntax.Digest: "digests",
    syntax.Pipeline: "pipelines",
    syntax.Connector: "connectors",
    syntax.Template: "templates",
    syntax.Test: "tests",
    syntax.Report: "reports",
    syntax.Period: "period",
    syntax.Goal: "goal",
    syntax.TeamLevel: "levels",
    syntax.Weekly: "weekly",
    syntax.Closed: "closed",
    syntax.SpecialDay: "special",
    syntax.Holidays: "holidays",
    syntax.Field: "fields",
    syntax.Table: "tables",
    syntax.TargetLine: "lines",
    syntax.Alert: "alerts",
    syntax.OnReopen: "reopens",
    syntax.Clock: "clocks",
    syntax.Stage: "stages",
    syntax.Escalation: "escalations",
    syntax.Assign: "assigns",
    syntax.Rule: "rules",
    syntax.Excuses: "excuses",
    syntax.Pause: "pauses",
    syntax.Resume: "resumes",
    syntax.Silence: "silences",
    syntax.Reopen: "reopen",
    syntax.WipLimit: "limit",
    syntax.Others: "others",
    syntax.Level: "levels",
    syntax.Repeat: "repeats",
    syntax.Verify: "verify",
    syntax.SameCard: "same",
    syntax.SameRequest: "request",
    syntax.SendEvents: "events",
    syntax.Retry: "retry",
    syntax.Setting: "settings",
    syntax.Variant: "variants",
    syntax.Approval: "approval",
    syntax.Header: "headers",
    syntax.Choices: "choices",
    syntax.Choice: "rows",
    syntax.Given: "given",
    syntax.Step: "steps",
}
"""Where a statement goes in the node of its block."""


@functools.cache
def _lists(make: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a node that hold several."""
    return frozenset(field.name for field in msgspec.structs.fields(make) if field.default == ())


class Nodes:
    """The makers of one file."""

    def __init__(self, path: str):
        self.path = path
        self.problems: list[Diagnostic] = []
        self.allows: list[syntax.Allow] = []
        self.misses: list[syntax.EventIs] = []
        """Of the pipeline being read: `"X" is missed`, which is a clock's miss unless only a field is called X."""

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

    def _name(self, token: Token | Broken) -> Any:
        if isinstance(token, Broken):
            return BROKEN
        span = self._span(token)
        if token.type != "STRING":
            return syntax.Name(span=span, text=values.composed(token.text))
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
        lost = value is BROKEN or (type(value) is tuple and BROKEN in value)
        return BROKEN if lost else Said(field, value, span)

    def _state(self, span: Span, word: str) -> syntax.Value:
        """The last word of a phrase, as the value it is where no clock is meant."""
        end = Span(span.path, span.end_line, span.end_column - len(word), span.end_line, span.end_column)
        return syntax.Value(span=end, kind="word", value=word)

    def _texts(self, tokens: list[Token]) -> tuple[Any, ...]:
        return tuple(self._text(token) for token in tokens)

    def _names(self, tokens: list[Token]) -> tuple[Any, ...]:
        return tuple(self._name(token) for token in tokens)

    def _block(self, make: type[msgspec.Struct], span: Span, fixed: dict[str, Any], statements: list[Any]) -> Any:
        """A node whose fields are given by the statements of its block, each at most once unless the field is a list
        of nodes."""
        fields: dict[str, Any] = {}
        lists: dict[str, list[Any]] = {}
        seen: dict[str, Span] = {}
        lists_of = _lists(make)
        for statement in statements:
            if isinstance(statement, Broken):
                continue
            said = statement if isinstance(statement, Said) else Said(FIELDS[type(statement)], statement, statement.span)
            if not isinstance(statement, Said) and said.field in lists_of:
                lists.setdefault(said.field, []).append(said.value)
            elif said.field in seen:
                related = ((seen[said.field], kinds.SAID_HERE),)
                fixes = (no_statement(said.span, titles.OMIT, sure=False),)
                self.problems.append(kinds.REPEATED.at(said.span, related=related, fixes=fixes))
            else:
                seen[said.field] = said.span
                fields[said.field] = said.value
        fields.update((field, tuple(nodes)) for field, nodes in lists.items())
        return self._made(make, span, **fixed, **fields)

    def _date(self, token: Token) -> Any:
        return self._checked(values.read_date(token.text, self._span(token)))

    def _count(self, token: Token) -> Any:
        return self._checked(values.read_count(token.text, self._span(token)))

    def _actors(self, parts: list[Any]) -> tuple[Any, dict[str, Any]]:
        actors = tuple(part for part in parts if isinstance(part, syntax.Actor))
        more: dict[str, Any] = {}
        for part in parts[len(actors) :]:
            more.update(part)
        return actors, more
