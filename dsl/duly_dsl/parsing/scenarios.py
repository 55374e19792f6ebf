"""Tests: what happens and what is expected."""

from __future__ import annotations

from typing import Any

from duly_dsl import syntax
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.parsing import values
from duly_dsl.parsing.base import Nodes, Said
from duly_dsl.source import Span


class ScenarioNodes(Nodes):
    """Statements of a `test`."""

    def test(self, span: Span, parts: list[Any]) -> Any:
        clocks = [part for part in parts if isinstance(part, Said)]
        for extra in clocks[1:]:
            self.problems.append(kinds.REPEATED.at(extra.span, related=((clocks[0].span, kinds.SAID_HERE),)))
        starts, zone_of = clocks[0].value if clocks else (None, None)
        fixed = {"name": self._name(parts[0]), "starts": starts, "zone_of": zone_of}
        return self._block(syntax.Test, span, fixed, [part for part in parts[1:] if not isinstance(part, Said)])

    def clock_starts(self, span: Span, parts: list[Any]) -> Any:
        return self._said("starts", (parts[0], self._name(parts[1])), span)

    def given(self, span: Span, parts: list[Any]) -> Any:
        said = {part.field: part.value for part in parts[1:] if isinstance(part, Said)}
        pairs = tuple(part for part in parts[1:] if not isinstance(part, Said))
        return self._made(syntax.Given, span, stage=self._name(parts[0]), values=pairs, **said)

    def given_others(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Others, span, count=self._count(parts[0]), stage=self._name(parts[1]))

    def of_pipeline(self, span: Span, parts: list[Any]) -> Any:
        return self._said("pipeline", self._name(parts[0]), span)

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

    def excuses_breach(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("excuse", span, role=parts[0], metric=parts[1], text=parts[2])

    def withdraws_excuse(self, span: Span, parts: list[Any]) -> Any:
        return self._happens("withdraw excuse", span, role=parts[0], metric=parts[1])

    def _expect(self, kind: str, span: Span, **fields: Any) -> Any:
        return self._made(syntax.Expect, span, kind=kind, **fields)

    def expect_alert(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("alert", span, actor=parts[0], metric=parts[1])

    def expect_metric(self, span: Span, parts: list[Any]) -> Any:
        asked, state = parts
        if isinstance(asked, syntax.Operand):
            if not asked.name.quoted:
                return self._expect("set", span, operand=asked, value=self._state(span, state))
            asked = syntax.Metric(span=asked.span, name=asked.name.text, quoted=True)
        return self._expect(state, span, metric=asked)

    def metric_state(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def expect_level(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("level", span, number=self._count(parts[0]), name=self._name(parts[1]))

    def expect_notice(self, span: Span, parts: list[Any]) -> Any:
        return self._expect("notice", span, person=self._name(parts[0]), **(parts[1] if len(parts) > 1 else {}))

    def expect_template(self, span: Span, parts: list[Any]) -> Any:
        kind = "held" if "held" in parts[1:] else "template"
        return self._expect(kind, span, name=self._name(parts[0]), once=True in parts[1:])

    def held(self, span: Span, parts: list[Any]) -> Any:
        return "held"

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
