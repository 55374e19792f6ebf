"""Named clocks."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from duly_dsl import syntax
from duly_dsl.parsing import tables, values
from duly_dsl.parsing.base import Nodes
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.source import Span

_About = TypeVar("_About", syntax.TargetLine, syntax.Alert, syntax.Column)


class ClockNodes(Nodes):
    """Statements of a `clock`. What they say is about the clock itself, whose name is known when its block is whole."""

    def clock(self, span: Span, parts: list[Any]) -> Any:
        made = self._block(syntax.Clock, span, {"name": self._name(parts[0])}, parts[1:])
        if isinstance(made, Broken):
            return BROKEN
        name = made.name.text
        return replace(
            made,
            lines=tuple(_about(line, name) for line in made.lines),
            alerts=tuple(_about(alert, name) for alert in made.alerts),
            tables=tuple(
                replace(
                    table,
                    columns=tuple(_about(column, name) if column.metric else column for column in table.columns),
                )
                for table in made.tables
            ),
        )

    def clock_start(self, span: Span, parts: list[Any]) -> Any:
        return self._said("start", parts[0], span)

    def clock_pause(self, span: Span, parts: list[Any]) -> Any:
        return self._said("pause", parts[0], span)

    def clock_resume(self, span: Span, parts: list[Any]) -> Any:
        return self._said("resume", parts[0], span)

    def clock_reopen(self, span: Span, parts: list[Any]) -> Any:
        return self._said("reopen", parts[0], span)

    def clock_targets(self, span: Span, parts: list[Any]) -> Any:
        made, problems = tables.read(parts[0], tables.CLOCK_TARGETS, self.path)
        self.problems += problems
        return BROKEN if made is None else made

    def clock_target(self, span: Span, parts: list[Any]) -> Any:
        condition = parts[1] if len(parts) > 1 else None
        return self._made(syntax.TargetLine, span, metric=tables.own_clock(span), amount=parts[0], condition=condition)

    def clock_alert(self, span: Span, parts: list[Any]) -> Any:
        actors, more = self._actors(parts)
        return self._made(syntax.Alert, span, actors=actors, metric=tables.own_clock(span), **more)

    def at_share(self, span: Span, parts: list[Any]) -> Any:
        number = self._checked(values.read_count(parts[0].text[:-1], self._span(parts[0])))
        return BROKEN if isinstance(number, Broken) else {"percent": number}

    def before_due(self, span: Span, parts: list[Any]) -> Any:
        return {"before": parts[0]}

    def after_due(self, span: Span, parts: list[Any]) -> Any:
        return {"after": parts[0]}


def _about(node: _About, name: str) -> _About:
    """The node with the clock's name for its metric."""
    assert node.metric is not None
    return replace(node, metric=replace(node.metric, name=name))
