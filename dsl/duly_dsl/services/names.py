"""Every place where a file names something, and what it means there.

`DEFINES` and `MEANS` say for each field of the syntax tree that holds a name or a text what it is; `PROSE` lists those that
are neither. A test holds the three complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from duly_dsl import placeholders
from duly_dsl import syntax as s
from duly_dsl.predicates import FIELD
from duly_dsl.scope import MAP_TARGETS, Operand, Scope, Workspace
from duly_dsl.source import Span

BUILT_IN, OPTION = "built-in", "option"


class Symbol(NamedTuple):
    """A thing with a name. `within` is the pipeline of a stage, field, rule, escalation, priority or ticket type, the
    pipeline and the field of a choice, and nothing for what the whole workspace shares."""

    kind: str
    name: str
    within: tuple[str, ...] = ()


class Mention(NamedTuple):
    """A place that names a symbol. `form` is how: `quoted`, `bare`, or `placeholder` inside a text."""

    symbol: Symbol
    span: Span
    form: str
    defines: bool = False
    was: bool = False
    """An old name, kept by `was`."""


Means = str | Callable[[Any], str]

DEFINES: dict[tuple[type, str], str] = {
    (s.Calendar, "name"): "calendar",
    (s.Person, "name"): "person",
    (s.Team, "name"): "team",
    (s.Pipeline, "name"): "pipeline",
    (s.Connector, "name"): "connector",
    (s.Template, "name"): "template",
    (s.Test, "name"): "test",
    (s.Report, "name"): "report",
    (s.Field, "name"): "field",
    (s.Field, "choices"): "choice",
    (s.Stage, "name"): "stage",
    (s.Clock, "name"): "clock",
    (s.Escalation, "name"): "escalation",
    (s.Rule, "name"): "rule",
    (s.Pipeline, "priorities"): "priority",
    (s.Pipeline, "types"): "type",
}

MEANS: dict[tuple[type, str], Means] = {
    (s.Use, "path"): "file",
    (s.Calendar, "zone"): "zone",
    (s.Holidays, "region"): "region",
    (s.Person, "language"): "language",
    (s.Team, "members"): "person",
    (s.Team, "lead"): "person",
    (s.Team, "manager"): "person",
    (s.TeamLevel, "people"): "person",
    (s.Others, "stage"): "stage",
    (s.Actor, "name"): lambda node: "person" if node.kind == "agent" else "team",
    (s.Operand, "name"): "operand",
    (s.EventIs, "stage"): "stage",
    (s.HasTag, "tag"): "tag",
    (s.Is, "values"): "value",
    (s.Compare, "value"): "value",
    (s.Notify, "channel"): "notice channel",
    (s.Notify, "template"): "template",
    (s.Set, "value"): "value",
    (s.Tag, "tag"): "tag",
    (s.Move, "stage"): "stage",
    (s.Send, "template"): "template",
    (s.Send, "outside"): "template",
    (s.Reply, "outside"): "template",
    (s.Reply, "text"): "message",
    (s.Call, "connector"): "connector",
    (s.AddNote, "text"): "message",
    (s.Field, "default"): "value",
    (s.Field, "required_to_leave"): "stage",
    (s.Cell, "values"): "value",
    (s.Alert, "channel"): "notice channel",
    (s.Alert, "template"): "template",
    (s.Resume, "stage"): "stage",
    (s.Reopen, "stage"): "stage",
    (s.Stage, "was"): "stage",
    (s.Field, "was"): "field",
    (s.Clock, "was"): "clock",
    (s.Clock, "calendar"): "calendar",
    (s.Stage, "next"): "stage",
    (s.Pipeline, "was"): "pipeline",
    (s.Pipeline, "calendar"): "calendar",
    (s.Pipeline, "languages"): "language",
    (s.QuietHours, "calendar"): "calendar",
    (s.QuietHours, "zone"): "zone",
    (s.Setting, "value"): lambda node: "secret" if node.secret else "",
    (s.Verify, "secret"): "secret",
    (s.SendEvents, "names"): "event",
    (s.SendEvents, "pipelines"): "pipeline",
    (s.MapRow, "target"): "operand",
    (s.MapRow, "missing"): "value",
    (s.Connector, "kind"): "connector kind",
    (s.Connector, "pipeline"): "pipeline",
    (s.Variant, "language"): "language",
    (s.Variant, "text"): "message",
    (s.Header, "language"): "language",
    (s.Header, "text"): lambda node: "" if node.media else "message",
    (s.Choices, "language"): "language",
    (s.Given, "stage"): "stage",
    (s.Given, "pipeline"): "pipeline",
    (s.Given, "values"): "value",
    (s.Happens, "stage"): "stage",
    (s.Happens, "value"): "value",
    (s.Happens, "person"): "person",
    (s.Expect, "name"): lambda node: {"level": "escalation", "held": "template"}.get(node.kind, str(node.kind)),
    (s.Expect, "person"): "person",
    (s.Expect, "channel"): "notice channel",
    (s.Expect, "value"): "value",
    (s.Expect, "text"): "tag",
    (s.Test, "zone_of"): "calendar",
    (s.Report, "pipelines"): "pipeline",
    (s.Report, "zone"): "zone",
    (s.Allow, "lint"): "lint",
}
"""What a name or a text that defines nothing stands for; a function asks the node itself."""

PROSE: frozenset[tuple[type, str]] = frozenset(
    {
        (s.Allow, "reason"),
        (s.Closed, "reason"),
        (s.SpecialDay, "reason"),
        (s.Person, "full_name"),
        (s.Person, "email"),
        (s.Person, "phone"),
        (s.Contains, "words"),
        (s.Move, "reason"),
        (s.Field, "pattern"),
        (s.Connector, "path"),
        (s.Verify, "header"),
        (s.SameCard, "path"),
        (s.SameRequest, "path"),
        (s.SameRequest, "header"),
        (s.MapRow, "path"),
        (s.Happens, "text"),
        (s.Allow, "reason"),
        (s.Excuses, "reasons"),
        (s.Report, "by"),
        (s.Approval, "name"),
        (s.Choice, "title"),
        (s.Choice, "description"),
        (s.Choices, "label"),
        (s.Approval, "category"),
        (s.ExcuseMiss, "reason"),
    }
)
"""Texts that name nothing."""

OF_PIPELINE = frozenset({"stage", "field", "clock", "escalation", "rule", "priority", "type"})
OPTIONS = frozenset(
    {"zone", "region", "language", "notice channel", "connector kind", "secret", "event", "file", "channel", "lint"}
)
"""Kinds nothing in the files defines. Their names are mentions too, so that completion knows what could stand there."""

_VALUES = {"priority": "priority", "type": "type", "person": "person", "team": "team", "stage": "stage"} | {
    "channel": "channel",
    "connector": "connector",
}
"""Type of a built-in operand -> what its values name."""

_RAW = re.compile(r"\{[ \t]*([^\s{}](?:[^{}\r\n]*[^\s{}])?)[ \t]*\}")


class Where(NamedTuple):
    """What a walk knows of the statement it is in."""

    scope: Scope | None = None
    operand: Operand | None = None


class Walk:
    """Finds the mentions of one file. `lines` are its lines as typed, for placeholders inside texts."""

    def __init__(self, workspace: Workspace, lines: Sequence[str]) -> None:
        self.workspace = workspace
        self.lines = lines

    def mentions(self, file: s.File) -> Iterator[Mention]:
        """Every name of the file, in the order of the tree."""
        return self._node(file, Where())

    # --- the tree

    def _node(self, node: s.Node, where: Where) -> Iterator[Mention]:
        make = type(node)
        where = self._where(node, where)
        if isinstance(node, s.Table):
            yield from self._table(node, where)
            return
        if isinstance(node, s.Expect) and where.scope is not None:
            node = where.scope.expectation(node)
        if isinstance(node, s.Metric) and node.quoted:
            scopes = self.workspace.scopes.values() if where.scope is None else (where.scope,)  # a report has none
            scope = next((each for each in scopes if node.name in each.clocks), where.scope)
            within = (scope.pipeline.name.text,) if scope is not None else ()
            yield Mention(Symbol("clock", node.name, within), node.span, "quoted")
            return
        for field in node.__struct_fields__:
            value: object = getattr(node, field)
            if value is None or isinstance(value, str | int | Span):
                continue
            if (make, field) in DEFINES:
                for name in each_of(value):
                    yield self._defined(node, DEFINES[make, field], name, where)
            elif (make, field) in MEANS:
                means = MEANS[make, field]
                kind = means if isinstance(means, str) else means(node)
                yield from self._several(kind, value, where, was=field == "was")
            elif (make, field) not in PROSE:
                for child in each_of(value):
                    if isinstance(child, s.Node):
                        yield from self._node(child, where)

    def _where(self, node: Any, where: Where) -> Where:
        """What the children of a node have to know."""
        match node:
            case s.Pipeline():
                return Where(self.workspace.scopes.get(node.name.text))
            case s.Connector():
                return Where(self.workspace.scopes.get(node.pipeline.text) if node.pipeline else None)
            case s.Test():
                return Where(_of_test(self.workspace, node))
            case s.Field():
                choices = tuple(each.text for each in node.choices) if node.type == "choice" else None
                return where._replace(operand=Operand(FIELD + node.name.text, node.type, choices))
            case s.Is() | s.Compare() | s.Set() | s.Happens() | s.Expect() if node.operand is not None:
                return where._replace(operand=where.scope.operand(node.operand.name) if where.scope else None)
            case s.MapRow():
                if not node.target.quoted and node.target.text in MAP_TARGETS:
                    return where._replace(operand=None)
                return where._replace(operand=where.scope.operand(node.target) if where.scope else None)
            case _:
                return where

    def _table(self, table: s.Table, where: Where) -> Iterator[Mention]:
        for column in table.columns:
            yield from self._node(column, where)
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                known = where.scope.operand(column.operand.name) if where.scope and column.operand else None
                yield from self._node(cell, where._replace(operand=known))

    # --- names

    def _defined(self, node: Any, kind: str, name: s.Name, where: Where) -> Mention:
        within: tuple[str, ...] = ()
        if kind in OF_PIPELINE and where.scope is not None:
            within = (where.scope.pipeline.name.text,)
        elif kind == "choice" and where.scope is not None:
            within = (where.scope.pipeline.name.text, node.name.text)
        return Mention(Symbol(kind, name.text, within), name.span, "quoted" if name.quoted else "bare", defines=True)

    def _several(self, kind: str, value: object, where: Where, *, was: bool) -> Iterator[Mention]:
        for each in each_of(value):
            if isinstance(each, tuple):  # a pair of a test's `with`
                operand, given = each_of(cast("object", each))
                yield from self._several("operand", operand.name, where, was=False)
                known = where.scope.operand(operand.name) if where.scope else None
                yield from self._several("value", given, where._replace(operand=known), was=False)
            elif kind == "message":
                yield from self._placeholders(each, where)
            elif kind == "value":
                yield from self._value(each, where)
            elif kind == "operand":
                yield self._operand(each, where)
            elif kind:
                yield self._named(kind, each, where, was)

    def _named(self, kind: str, node: Any, where: Where, was: bool) -> Mention:
        text = node.text if isinstance(node, s.Name) else str(node.value)
        within: tuple[str, ...] = ()
        if kind in OF_PIPELINE and where.scope is not None:
            within = (where.scope.pipeline.name.text,)
        quoted = not isinstance(node, s.Name) or node.quoted
        return Mention(Symbol(kind, text, within), node.span, "quoted" if quoted else "bare", was=was)

    def _operand(self, name: s.Name, where: Where) -> Mention:
        form = "quoted" if name.quoted else "bare"
        known = where.scope.operand(name) if where.scope is not None else None
        if known is not None and known.key.startswith(FIELD):
            assert where.scope is not None
            return Mention(Symbol("field", known.label, (where.scope.pipeline.name.text,)), name.span, form)
        if known is not None or (not name.quoted and name.text in (*MAP_TARGETS, "message", "title")):
            return Mention(Symbol(BUILT_IN, name.text), name.span, form)
        within = (where.scope.pipeline.name.text,) if where.scope is not None else ()
        return Mention(Symbol("field", name.text, within), name.span, form)

    def _value(self, value: s.Value, where: Where) -> Iterator[Mention]:
        operand = where.operand
        if value.kind not in ("word", "text") or operand is None:
            return
        within = (where.scope.pipeline.name.text,) if where.scope is not None else ()
        text, form = str(value.value), "bare" if value.kind == "word" else "quoted"
        if operand.key.startswith(FIELD):
            if operand.type == "choice":
                yield Mention(Symbol("choice", text, (*within, operand.label)), value.span, form)
            return
        kind = _VALUES.get(operand.type, "")
        if kind:
            yield Mention(Symbol(kind, text, within if kind in OF_PIPELINE else ()), value.span, form)

    def _placeholders(self, text: s.Text, where: Where) -> Iterator[Mention]:
        """The fields a text speaks of; a template speaks of those of every pipeline."""
        span = text.span
        if not 0 < span.line <= len(self.lines):
            return
        typed = self.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        for found in _RAW.finditer(typed):
            name = found[1]
            column = span.column + found.start(1)
            place = Span(span.path, span.line, column, span.line, column + len(name))
            yield Mention(self._placeholder(name, where), place, "placeholder")

    def _placeholder(self, name: str, where: Where) -> Symbol:
        scopes = [where.scope] if where.scope is not None else list(self.workspace.scopes.values())
        having = [(scope, field) for scope in scopes if (field := scope.field(name)) is not None]
        if having and (len(having) == 1 or name not in placeholders.BUILT_IN):
            scope, field = having[0]
            return Symbol("field", field.name.text, (scope.pipeline.name.text,))
        if name in placeholders.BUILT_IN:
            return Symbol(BUILT_IN, name)
        return Symbol("field", name, (where.scope.pipeline.name.text,) if where.scope is not None else ())


def each_of(value: object) -> Sequence[Any]:
    """The members of a tuple; what is none is one by itself."""
    return cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)


def _of_test(workspace: Workspace, test: s.Test) -> Scope | None:
    """The pipeline of a test's card."""
    scopes: Mapping[str, Scope] = workspace.scopes
    if test.given is None:
        return next(iter(scopes.values())) if len(scopes) == 1 else None
    if test.given.pipeline is not None:
        return scopes.get(test.given.pipeline.text)
    having = [scope for scope in scopes.values() if test.given.stage.text in scope.stages]
    if having:
        return having[0]
    return next(iter(scopes.values())) if len(scopes) == 1 else None
