"""Rules by themselves: what sets them off, what they do."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import rules as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.compiler.conditions import Fact, could_be, events_in
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.units import MINUTE, Unit

SHORTEST = 5 * MINUTE
"""More often than that, a scheduled rule would be a load without a use."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        for rule in scope.pipeline.rules:
            if rule.when is None:
                yield kinds.NO_WHEN.at(rule.name.span, name=rule.name.text)
            elif could_be(rule.when, Fact(""))[0] and not contradiction(rule.when, scope):
                yield kinds.NO_EVENT.at(rule.when.span)
            for atom in events_in(rule.when) if rule.when is not None else ():
                yield from _often(atom)
            if not rule.actions:
                yield kinds.NO_ACTION.at(rule.name.span, name=rule.name.text)
        yield from _elsewhere(scope.pipeline)
        for action in c.actions_of(scope.pipeline):
            if isinstance(action, s.Call):
                yield from _call(checking, action)


def _often(atom: s.EventIs) -> Iterator[Diagnostic]:
    if atom.schedule is None or atom.schedule.interval is None:
        return
    amount = atom.schedule.interval.value
    days = amount.unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS)
    if amount.amount < (1 if days else SHORTEST):
        yield kinds.TOO_OFTEN.at(atom.schedule.interval.span, found=amount)


def _elsewhere(pipeline: s.Pipeline) -> Iterator[Diagnostic]:
    """Schedules where no rule is: nothing there is asked at a time of day."""
    others = [each.expr for each in c.conditions_of(pipeline) if each.use not in ("rule", "target")]
    for atom in [*(atom for expr in others for atom in events_in(expr)), *(assign.event for assign in pipeline.assigns)]:
        if atom.schedule is not None:
            yield kinds.SCHEDULE_ELSEWHERE.at(atom.span, found=atom.schedule.text)


def _call(checking: Checking, action: s.Call) -> Iterator[Diagnostic]:
    door = checking.workspace.connectors.get(action.connector.text)
    if door is None:
        return
    if door.direction == "receives":
        yield kinds.CANNOT_CALL.at(action.connector.span, name=door.name.text, reason=_("it only receives"))
    elif door.kind.text in ("email", "whatsapp"):
        yield kinds.CANNOT_CALL.at(
            action.connector.span, name=door.name.text, reason=_("its kind sends messages to people")
        )
