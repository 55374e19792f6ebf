"""The names of a workspace: what each means, where it is defined and where it is used."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import msgspec

from duly_dsl import syntax as s
from duly_dsl import workspace as files_of
from duly_dsl.parser import parse
from duly_dsl.program import Environment
from duly_dsl.scope import Scope, Workspace
from duly_dsl.services.names import Mention, Symbol, Walk
from duly_dsl.source import SourceFile, Span


class Place(msgspec.Struct, frozen=True):
    """A position in a file; line and column count from 1, columns in code points."""

    path: str
    line: int
    column: int


def lines_of(text: str) -> list[str]:
    """The lines of a text as the parser counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def holds(span: Span, place: Place) -> bool:
    """Whether a place is in a span, or just behind its end."""
    here = (place.line, place.column)
    return span.path == place.path and (span.line, span.column) <= here <= (span.end_line, span.end_column)


class Index:
    """One state of a workspace. Everything is worked out when it is asked for, and once."""

    def __init__(self, sources: Sequence[SourceFile], environment: Environment | None = None) -> None:
        self.environment = environment or Environment()
        self.sources: Mapping[str, SourceFile] = {source.path: source for source in sources}

    @functools.cached_property
    def files(self) -> dict[str, s.File]:
        return {path: parse(source).file for path, source in self.sources.items()}

    @functools.cached_property
    def workspace(self) -> Workspace:
        return Workspace(list(self.files.values()), self.environment.people or ())

    @functools.cached_property
    def mentions(self) -> dict[str, list[Mention]]:
        """By file, in the order of their places."""
        found: dict[str, list[Mention]] = {}
        for path, file in self.files.items():
            walk = Walk(self.workspace, lines_of(self.sources[path].text))
            found[path] = sorted(walk.mentions(file), key=lambda mention: mention.span)
        return found

    @functools.cached_property
    def by_symbol(self) -> dict[Symbol, list[Mention]]:
        found: dict[Symbol, list[Mention]] = {}
        for path in sorted(self.mentions):
            for mention in self.mentions[path]:
                found.setdefault(mention.symbol, []).append(mention)
        return found

    @functools.cached_property
    def names(self) -> dict[str, list[Symbol]]:
        """What is defined, and what needs no definition, by kind."""
        found: dict[str, list[Symbol]] = {}
        for symbol, mentions in self.by_symbol.items():
            if symbol.kind == "tag" or any(mention.defines for mention in mentions):
                found.setdefault(symbol.kind, []).append(symbol)
        for symbols in found.values():
            symbols.sort(key=lambda symbol: self._first(symbol))
        return found

    def _first(self, symbol: Symbol) -> Span:
        """Where a symbol is defined, else where it is named first."""
        mentions = self.by_symbol[symbol]
        return next((mention.span for mention in mentions if mention.defines), mentions[0].span)

    def at(self, place: Place) -> Mention | None:
        """The name at a place: the one that begins there before the one that ends there."""
        found = [mention for mention in self.mentions.get(place.path, ()) if holds(mention.span, place)]
        return max(found, key=lambda mention: (mention.span.line, mention.span.column), default=None)

    def scope(self, symbol: Symbol) -> Scope | None:
        """The pipeline a symbol belongs to."""
        return self.workspace.scopes.get(symbol.within[0]) if symbol.within else None

    def definitions(self, symbol: Symbol) -> list[Mention]:
        """Where a symbol is made. A tag is made where it is put on a card; a stage's old name by the stage that has it."""
        mentions = self.by_symbol.get(symbol, [])
        found = [mention for mention in mentions if mention.defines or mention.was]
        if symbol.kind == "tag":
            setting = {
                action.tag.span
                for file in self.files.values()
                for pipeline in file.pipelines
                for rule in pipeline.rules
                for action in rule.actions
                if isinstance(action, s.Tag) and not action.remove
            }
            return [mention for mention in mentions if mention.span in setting]
        return found

    def definition(self, place: Place) -> list[Span]:
        """Where the name at a place is defined; the start of the file for a `use`."""
        mention = self.at(place)
        if mention is None:
            return []
        if mention.symbol.kind == "file":
            path = files_of.target(place.path, mention.symbol.name)
            return [Span(path, 1, 1, 1, 1)] if path is not None and path in self.sources else []
        return [each.span for each in self.definitions(mention.symbol)]

    def references(self, place: Place, *, definitions: bool = True) -> list[Span]:
        """Every place that names what is named here, by file and place."""
        mention = self.at(place)
        if mention is None:
            return []
        return [each.span for each in self.by_symbol[mention.symbol] if definitions or not each.defines]

    def definition_node(self, symbol: Symbol) -> Defining | None:
        """The statement that defines a symbol, where it is one of its own."""
        for mention in self.by_symbol.get(symbol, ()):
            if mention.defines and (node := self._nodes.get((symbol.kind, mention.span))):
                return node
        return None

    @functools.cached_property
    def _nodes(self) -> dict[tuple[str, Span], Defining]:
        """Statements with a name, by what they define and where the name stands."""
        return {(KINDS[type(node)], node.name.span): node for file in self.files.values() for node in _defining(file)}


KINDS: dict[type, str] = {
    s.Calendar: "calendar",
    s.Person: "person",
    s.Team: "team",
    s.Pipeline: "pipeline",
    s.Connector: "connector",
    s.Template: "template",
    s.Test: "test",
    s.Report: "report",
    s.Field: "field",
    s.Stage: "stage",
    s.Clock: "clock",
    s.Escalation: "escalation",
    s.Rule: "rule",
}

Defining = (
    s.Calendar
    | s.Person
    | s.Team
    | s.Pipeline
    | s.Connector
    | s.Template
    | s.Test
    | s.Report
    | s.Field
    | s.Stage
    | s.Clock
    | s.Escalation
    | s.Rule
)


def outermost(file: s.File) -> list[Defining]:
    """The statements of a file that define something; what stands in a pipeline is `inside` it."""
    found: list[Defining] = [*file.calendars, *file.people, *file.teams, *file.pipelines]
    return [*found, *file.connectors, *file.templates, *file.tests, *file.reports]


def inside(pipeline: s.Pipeline) -> list[Defining]:
    return [*pipeline.fields, *pipeline.stages, *pipeline.clocks, *pipeline.escalations, *pipeline.rules]


def _defining(file: s.File) -> list[Defining]:
    return [*outermost(file), *(node for pipeline in file.pipelines for node in inside(pipeline))]
