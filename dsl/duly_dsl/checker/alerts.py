"""Alerts against the targets they can meet."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as kinds
from duly_dsl.checker.context import Checking
from duly_dsl.checker.stages import amounts
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import METRICS
from duly_dsl.scope import Scope
from duly_dsl.units import Duration, Unit

LONGEST_DAY = 24 * 3_600_000_000
"""Microseconds: no working day has more open time."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        for clock in scope.clocks.values():
            for alert in clock.alerts:
                yield from _alert(alert, amounts(clock, clock.name.text))
        for alert in scope.pipeline.alerts:
            if alert.metric.quoted:
                yield from _alert(alert, _of_named(scope, alert.metric.name))
                continue
            places = [scope.pipeline, *(stage for stage in scope.pipeline.stages if not stage.finish)]
            yield from _alert(alert, [amount for place in places for amount in amounts(place, alert.metric.name)])
        for stage in scope.pipeline.stages:
            if not stage.finish:
                for alert in stage.alerts:
                    named = alert.metric.quoted
                    name = alert.metric.name
                    yield from _alert(alert, _of_named(scope, name) if named else _here(scope, stage, name))


def _of_named(scope: Scope, name: str) -> list[s.Amount] | None:
    """None where there is no such clock, which is said elsewhere."""
    clock = scope.clocks.get(name)
    return None if clock is None else amounts(clock, name)


def _here(scope: Scope, stage: s.Stage, metric: str) -> list[s.Amount]:
    """The targets a clock can have in a stage. One that was started elsewhere runs on here, so where the stage itself
    promises nothing the pipeline's and the other stages' count."""
    own = amounts(stage, metric)
    if own or metric == "leave stage":
        return own or amounts(scope.pipeline, metric)
    return [amount for place in (scope.pipeline, *scope.pipeline.stages) for amount in amounts(place, metric)]


def _alert(alert: s.Alert, targets: list[s.Amount] | None) -> Iterator[Diagnostic]:
    if targets is None:
        return
    if not targets:
        if alert.metric.name not in METRICS:
            return  # that the clock promises nothing is said where it stands
        yield kinds.ALERT_WITHOUT_TARGET.at(alert.span, metric=alert.metric.name)
        return
    if alert.before is None or alert.before.value.amount <= 0:
        return
    lead = alert.before.value
    mixed: s.Amount | None = None
    for target in targets:
        reaches = _reaches(lead, target.value)
        if reaches is None:
            mixed = mixed or target
        elif reaches:
            related = ((target.span, _("the target")),)
            yield kinds.ALERT_TOO_EARLY.at(
                alert.before.span, related=related, lead=lead, metric=alert.metric.name, target=target.value
            )
            return
    if mixed is not None:
        related = ((mixed.span, _("the target")),)
        yield kinds.UNIT_MIX.at(alert.before.span, related=related, found=lead, other=mixed.value)


def _reaches(lead: Duration, target: Duration) -> bool | None:
    """Whether a lead is as long as a target; None where that depends on the day.

    A lead of open time against working days is sure to fit only where it is shorter than the shortest open day, which
    nobody can promise; it is let through unless it is as long as the days themselves.
    """
    if lead.unit is target.unit:
        return lead.amount >= target.amount
    units = (lead.unit, target.unit)
    if units in ((Unit.BUSINESS, Unit.WORKING_DAYS), (Unit.ELAPSED, Unit.CALENDAR_DAYS)):
        return lead.amount >= target.amount * LONGEST_DAY
    if units in ((Unit.WORKING_DAYS, Unit.BUSINESS), (Unit.CALENDAR_DAYS, Unit.ELAPSED)):
        return True if lead.amount * LONGEST_DAY >= target.amount else None
    return None
