"""What names mean: things of the workspace, and what conditions of a pipeline can read.

The checker and the compiler look names up here, so that they cannot disagree. Where a name is defined twice the first
definition counts.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from duly_dsl import syntax as s
from duly_dsl.predicates import FIELD
from duly_dsl.program import METRICS

CHANNELS = ("whatsapp", "email", "webhook", "manual", "api")
"""How a card can have come; the kinds of connectors add theirs."""

NOTICE_CHANNELS = ("app", "email", "whatsapp")

DEFAULT_PRIORITIES = ("urgent", "high", "normal", "low")

BUILT_IN_OPERANDS = ("priority", "type", "owner", "team", "stage", "channel", "connector")

WRITABLE = ("priority", "type")
"""Built-in operands that `set` and a connector's map can write."""

MAP_TARGETS = ("title", "message", "name", "phone", "email")
"""Card fields of a connector's map that are no operand."""


class Operand(msgspec.Struct, frozen=True):
    """Something a condition reads. `type`: a field's type, or `priority`, `type`, `person`, `team`, `stage`, `channel`,
    `connector`. `choices` holds the words it can be, None where any will do."""

    key: str
    type: str
    choices: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        return self.key.removeprefix(FIELD)


class Workspace:
    """All files together: one namespace a sort of thing."""

    def __init__(self, files: Sequence[s.File], known_people: Iterable[str] = ()) -> None:
        self.files = tuple(sorted(files, key=lambda file: file.path))
        self.calendars = _first(each for file in self.files for each in file.calendars)
        self.people = _first(each for file in self.files for each in file.people)
        self.teams = _first(each for file in self.files for each in file.teams)
        self.limits = next((each for file in self.files for each in file.limits), None)
        self.pipelines = _first(each for file in self.files for each in file.pipelines)
        self.connectors = _first(each for file in self.files for each in file.connectors)
        self.templates = _first(each for file in self.files for each in file.templates)
        self.reports = _first(each for file in self.files for each in file.reports)
        self.known_people = frozenset(known_people) | set(self.people)

    @functools.cached_property
    def scopes(self) -> dict[str, Scope]:
        return {name: Scope(self, pipeline) for name, pipeline in self.pipelines.items()}

    @functools.cached_property
    def channels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*CHANNELS, *(door.kind.text for door in self.connectors.values()))))


class Scope:
    """The names of one pipeline."""

    def __init__(self, workspace: Workspace, pipeline: s.Pipeline) -> None:
        self.workspace = workspace
        self.pipeline = pipeline
        self.priorities = tuple(each.text for each in pipeline.priorities) or DEFAULT_PRIORITIES
        self.types = tuple(each.text for each in pipeline.types)
        named = {field.name.text.casefold(): field for field in reversed(pipeline.fields)}
        self.fields = {field.name.text: field for field in pipeline.fields if named[field.name.text.casefold()] is field}
        self.stages = _first(pipeline.stages)
        self.clocks = _first(pipeline.clocks)
        self.metrics = (*METRICS, *self.clocks)
        self.escalations = _first(pipeline.escalations)
        self._folded = {name.casefold(): name for name in self.fields}

    def field(self, name: str) -> s.Field | None:
        """A field by its name, whatever the case."""
        exact = self.fields.get(name)
        if exact is not None:
            return exact
        known = self._folded.get(name.casefold())
        return None if known is None else self.fields[known]

    def operand(self, name: s.Name) -> Operand | None:
        """What a condition means by a name: a bare word is a built-in before it is a field, a quoted one is a field
        before it is a built-in."""
        if not name.quoted:
            return self._built_in(name.text) or self._field(name.text)
        return self._field(name.text) or self._built_in(name.text)

    def _field(self, name: str) -> Operand | None:
        field = self.field(name)
        if field is None:
            return None
        choices = tuple(each.text for each in field.choices) if field.type == "choice" else None
        return Operand(FIELD + field.name.text, field.type, choices)

    def _built_in(self, name: str) -> Operand | None:
        match name:
            case "priority":
                return Operand("priority", "priority", self.priorities)
            case "type":
                return Operand("type", "type", self.types)
            case "owner":
                return Operand("owner", "person")
            case "team":
                return Operand("team", "team", tuple(self.workspace.teams))
            case "stage":
                return Operand("stage", "stage", tuple(self.stages))
            case "channel":
                return Operand("channel", "channel", self.workspace.channels)
            case "connector":
                return Operand("connector", "connector", tuple(self.workspace.connectors))
            case _:
                return None

    def expectation(self, expect: s.Expect) -> s.Expect:
        """What a test demands: `"Result" is met` is about a field where no clock has that name and a field has."""
        metric = expect.metric
        states = ("missed", "met", "paused", "running", "excused")
        if metric is None or not metric.quoted or expect.kind not in states or metric.name in self.clocks:
            return expect
        name = s.Name(span=metric.span, text=metric.name, quoted=True)
        if self.field(metric.name) is None:
            return expect
        value = s.Value(span=expect.span, kind="word", value=expect.kind)
        operand = s.Operand(span=metric.span, name=name)
        return msgspec.structs.replace(expect, kind="set", metric=None, operand=operand, value=value)

    def operand_names(self) -> tuple[str, ...]:
        return (*BUILT_IN_OPERANDS, *self.fields)


class _Named(Protocol):
    @property
    def name(self) -> s.Name: ...


_Thing = TypeVar("_Thing", bound=_Named)


def _first(things: Iterable[_Thing]) -> dict[str, _Thing]:
    found: dict[str, _Thing] = {}
    for thing in things:
        found.setdefault(thing.name.text, thing)
    return found
