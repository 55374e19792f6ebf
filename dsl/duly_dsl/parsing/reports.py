"""Statements of a `report`."""

from __future__ import annotations

from typing import Any

from duly_dsl import syntax
from duly_dsl.parsing.base import Nodes
from duly_dsl.source import Span

TIME_IN_STAGE = "time in stage"


class ReportNodes(Nodes):
    def report(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Report, span, {"name": self._name(parts[0])}, parts[1:])

    def report_of(self, span: Span, parts: list[Any]) -> Any:
        return self._said("measures", tuple(parts), span)

    def time_in_stage(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Metric(span=span, name=TIME_IN_STAGE)

    def report_in(self, span: Span, parts: list[Any]) -> Any:
        return self._said("pipelines", self._names(parts), span)

    def report_by(self, span: Span, parts: list[Any]) -> Any:
        return self._said("by", self._names(parts), span)

    def period(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def last_one(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Period(span=span, unit=parts[0])

    def last_many(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Period, span, count=self._count(parts[0]), unit=parts[1])

    def period_unit(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text.removesuffix("s")

    def between(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Period, span, first=self._date(parts[0]), last=self._date(parts[1]))

    def without_excused(self, span: Span, parts: list[Any]) -> Any:
        return self._said("without_excused", True, span)

    def goal(self, span: Span, parts: list[Any]) -> Any:
        digits = parts[0].text[:-1]
        # More digits than any percentage has: the checker says what is wrong with it.
        percent = int(digits) if len(digits) <= 9 else 10**9
        return syntax.Goal(span=span, percent=percent)
