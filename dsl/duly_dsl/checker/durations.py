"""Amounts that are no amount: zero durations, percentages without meaning."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import clocks as clock_kinds
from duly_dsl.catalogue import types as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.units import Unit


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        for amount in _amounts(scope.pipeline):
            if amount.value.amount <= 0:
                yield kinds.ZERO_DURATION.at(amount.span, found=amount.value)
        if scope.pipeline.limits is not None:
            yield from _limits(scope.pipeline.limits)
        for alert in c.alerts_of(scope.pipeline):
            if alert.percent is not None and not 0 < alert.percent < 100:
                yield kinds.PERCENT_RANGE.at(alert.span, found=alert.percent)
    for file in checking.files:
        for block in file.limits:
            yield from _limits(block)
        for door in file.connectors:
            if door.retry is not None and door.retry.over.value.unit is Unit.WORKING_DAYS:
                yield clock_kinds.WALL_TIME_ONLY.at(door.retry.over.span, found=door.retry.over.value)
            for amount in (door.same.amount if door.same else None, door.retry.over if door.retry else None):
                if amount is not None and amount.value.amount <= 0:
                    yield kinds.ZERO_DURATION.at(amount.span, found=amount.value)


def _limits(block: s.SendLimits) -> Iterator[Diagnostic]:
    for amount in (*(rate.period for rate in block.rates), *(digest.every for digest in block.digests)):
        if amount.value.amount <= 0:
            yield kinds.ZERO_DURATION.at(amount.span, found=amount.value)


def _amounts(pipeline: s.Pipeline) -> Iterator[s.Amount]:
    for line in c.lines_of(pipeline):
        yield line.amount
    for table in c.tables_of(pipeline):
        for row in table.rows:
            yield from (cell.amount for cell in row.cells if cell.amount is not None)
    for alert in c.alerts_of(pipeline):
        for lead in (alert.before, alert.after):
            if lead is not None:
                yield lead
    for stage in pipeline.stages:
        yield from (silence.amount for silence in stage.silences)
        if stage.reopen is not None:
            yield stage.reopen.amount
    for escalation in pipeline.escalations:
        yield from (level.after for level in escalation.levels if level.after is not None)
        yield from (repeat.every for repeat in escalation.repeats)
