"""Conditions that can never hold, and clocks that never run."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import ladders as ladder_kinds
from duly_dsl.catalogue import rules as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.scope import Scope

FIXED = ("channel", "connector")
"""What a card keeps from its first message on."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        promised = c.promised(scope.pipeline)
        for condition in c.conditions_of(scope.pipeline):
            clash = contradiction(condition.expr, scope)
            if clash is not None:
                kind = ladder_kinds.STOP_NEVER if condition.use == "stop" else kinds.NEVER_TRUE
                yield kind.at(condition.expr.span, reason=clash.reason, what=clash.what)
            else:
                yield from _always(condition.expr, scope)
        for atom in c.all_atoms(scope.pipeline):
            metric = atom.metric if isinstance(atom, s.EventIs) else None
            if metric is not None and not metric.quoted and metric.name not in promised:
                yield kinds.CLOCK_NEVER_RUNS.at(atom.span, metric=metric.name, pipeline=scope.pipeline.name.text)
            if isinstance(atom, s.EventIs) and atom.kind == "changes" and atom.operand is not None:
                name = atom.operand.name
                if not name.quoted and name.text in FIXED:
                    yield kinds.NEVER_CHANGES.at(atom.span, name=name.text)


def _always(expr: s.Expr, scope: Scope) -> Iterator[Diagnostic]:
    """Parts joined by `and` that hold of every card."""
    for term in expr.terms if isinstance(expr, s.And) else (expr,):
        if any(isinstance(atom, s.EventIs) for atom in c.atoms(term)):
            continue
        opposite = s.Not(span=term.span, term=term)
        if contradiction(opposite, scope) is not None:
            yield kinds.ALWAYS_TRUE.at(term.span)
