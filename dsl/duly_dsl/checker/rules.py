"""Rules by themselves: what sets them off, what they do."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import rules as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.compiler.conditions import Fact, could_be
from duly_dsl.diagnostics import Diagnostic


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        for rule in scope.pipeline.rules:
            if rule.when is None:
                yield kinds.NO_WHEN.at(rule.name.span, name=rule.name.text)
            elif could_be(rule.when, Fact(""))[0] and not contradiction(rule.when, scope):
                yield kinds.NO_EVENT.at(rule.when.span)
            if not rule.actions:
                yield kinds.NO_ACTION.at(rule.name.span, name=rule.name.text)
        for action in c.actions_of(scope.pipeline):
            if isinstance(action, s.Call):
                yield from _call(checking, action)


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
