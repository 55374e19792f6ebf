"""Named clocks: each must be able to start and to stop, and promise something."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.checker.ways import reached
from duly_dsl.compiler.conditions import Fact, could_be
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import FACT_KINDS, METRICS
from duly_dsl.scope import Scope


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        if not scope.clocks:
            continue
        come = reached(scope)
        started, stopped = _by_hand(scope)
        for name, clock in scope.clocks.items():
            if name in METRICS:
                yield kinds.BUILT_IN_NAME.at(clock.name.span, clock=name)
                continue
            if not c.metrics_of(clock):
                yield kinds.CLOCK_WITHOUT_TARGET.at(clock.name.span, clock=name)
            for line, expr in (
                ("start when", clock.start),
                ("pause when", clock.pause),
                ("resume when", clock.resume),
                ("stop when", clock.stop),
            ):
                if expr is not None and could_be(expr, Fact(""))[0] and not contradiction(expr, scope):
                    yield kinds.CLOCK_WITHOUT_EVENT.at(expr.span, line=line)
            if name not in started:
                yield from _start(scope, clock, come)
            if name not in stopped and (clock.stop is None or not _possible(scope, clock.stop, come)):
                where = clock.name if clock.stop is None else clock.stop
                yield kinds.CLOCK_WITHOUT_STOP.at(where.span, clock=name)
            if clock.pause is not None and clock.resume is None:
                yield kinds.CLOCK_PAUSE_WITHOUT_RESUME.at(clock.pause.span, clock=name)
            if clock.resume is not None and clock.pause is None:
                yield kinds.CLOCK_RESUME_WITHOUT_PAUSE.at(clock.resume.span, clock=name)


def _start(scope: Scope, clock: s.Clock, come: set[str]) -> Iterator[Diagnostic]:
    name, start, stop = clock.name.text, clock.start, clock.stop
    if start is None:
        reason = _("it has no `start when`, and nothing does `start clock`")
        yield kinds.CLOCK_NEVER_STARTS.at(clock.name.span, clock=name, reason=reason)
        return
    if contradiction(start, scope):
        return  # said as a condition that can never hold
    working = {stage for stage in come if stage not in scope.stages or not scope.stages[stage].finish}
    if not _possible(scope, start, come, working):
        reason = _("no card comes where it starts, or it is finished there")
        yield kinds.CLOCK_NEVER_STARTS.at(start.span, clock=name, reason=reason)
    elif stop is not None and contradiction(s.And(span=start.span, terms=(start, s.Not(span=stop.span, term=stop))), scope):
        reason = _("whatever starts it stops it as well, and stopping comes first")
        yield kinds.CLOCK_NEVER_STARTS.at(start.span, clock=name, reason=reason)


def _possible(scope: Scope, expr: s.Expr, come: set[str], entered: set[str] | None = None) -> bool:
    """Whether a condition can hold of some fact in the stages that cards come to; `entered` are those that count for
    `card enters`."""
    if contradiction(expr, scope):
        return True
    return any(
        could_be(expr, Fact(kind, stage))[0]
        for kind in FACT_KINDS
        for stage in (entered if kind == "card enters" and entered is not None else come)
    )


def _by_hand(scope: Scope) -> tuple[set[str], set[str]]:
    """The clocks that actions start, and those that actions stop; rules that are off do neither."""
    off = {id(action) for rule in scope.pipeline.rules if rule.mode == "off" for action in rule.actions}
    acts = [act for act in c.actions_of(scope.pipeline) if isinstance(act, s.RunClock) and id(act) not in off]
    return {act.clock.name for act in acts if act.starts}, {act.clock.name for act in acts if not act.starts}
