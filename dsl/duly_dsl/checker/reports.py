"""Reports: what they name, and whether they can ever say something."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import names as name_kinds
from duly_dsl.catalogue import reports as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.calendars import unknown_zone
from duly_dsl.checker.context import Checking, unknown
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.parsing.reports import TIME_IN_STAGE
from duly_dsl.program import DIMENSIONS


def check(checking: Checking) -> Iterator[Diagnostic]:
    for file in checking.files:
        for report in file.reports:
            yield from _report(checking, report)


def _report(checking: Checking, report: s.Report) -> Iterator[Diagnostic]:
    scopes = checking.workspace.scopes
    for name in report.pipelines:
        if name.text not in scopes:
            yield unknown(name_kinds.UNKNOWN_PIPELINE, name, scopes)
    for name in report.by:
        if name.text not in DIMENSIONS:
            yield unknown(kinds.UNKNOWN_DIMENSION, name, DIMENSIONS, known=", ".join(f"`{each}`" for each in DIMENSIONS))
    if not report.measures:
        yield kinds.REPORT_OF_NOTHING.at(report.name.span, name=report.name.text)
    about = [scopes[name.text] for name in report.pipelines if name.text in scopes]
    if not report.pipelines:
        about = list(scopes.values())
    promised = {metric for scope in about for metric in c.promised(scope.pipeline)}
    clocks = {name for scope in about for name in scope.clocks}
    for measure in report.measures:
        if measure.quoted and measure.name not in clocks:
            name = s.Name(span=measure.span, text=measure.name, quoted=True)
            lines = ", ".join(scope.pipeline.name.text for scope in about)
            yield unknown(name_kinds.UNKNOWN_CLOCK, name, clocks, pipeline=lines)
            continue
        if about and measure.name != TIME_IN_STAGE and measure.name not in promised:
            yield kinds.REPORT_WITHOUT_CLOCK.at(measure.span, metric=measure.name, name=report.name.text)
    period = report.period
    if period is not None:
        backwards = period.first is not None and period.last is not None and period.last < period.first
        if backwards or (not period.first and period.count < 1):
            yield kinds.EMPTY_PERIOD.at(period.span, name=report.name.text)
    if report.goal is not None:
        if not 1 <= report.goal.percent <= 100:
            yield kinds.GOAL_RANGE.at(report.goal.span, name=report.name.text)
        elif {measure.name for measure in report.measures} == {TIME_IN_STAGE}:
            yield kinds.GOAL_OF_NOTHING.at(report.goal.span, name=report.name.text)
    if report.zone is not None:
        yield from unknown_zone(report.zone)
