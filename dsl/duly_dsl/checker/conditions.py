"""Conditions that can never hold, and clocks that never run."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import ladders as ladder_kinds
from duly_dsl.catalogue import rules as kinds
from duly_dsl.catalogue import stages as stage_kinds
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
            if isinstance(atom, s.EventIs) and atom.kind == "too many cards":
                yield from _limits(scope, atom)
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


def _limits(scope: Scope, atom: s.EventIs) -> Iterator[Diagnostic]:
    """`too many cards` of a stage that has no limit, or of a pipeline where none has."""
    named = scope.stages.get(atom.stage.text) if atom.stage is not None else None
    if named is not None and named.limit is None:
        yield stage_kinds.LIMIT_NEVER_PASSED.at(atom.span, stage=named.name.text)
    elif atom.stage is None and all(stage.limit is None for stage in scope.stages.values()):
        yield stage_kinds.LIMIT_NEVER_PASSED.at(atom.span, stage=scope.pipeline.name.text)
