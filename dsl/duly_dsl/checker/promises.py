"""Promises held against each other: cards without any, one that comes after another, stages that take longer than all.

A target may depend on anything the card has. Here only the priority is supposed to be known: where a row asks for more,
what it promises counts as unknown, and nothing is said that isn't so for every card of that priority.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as kinds
from duly_dsl.catalogue import stages as stage_kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.checker.ways import edges_of, reached
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import METRICS
from duly_dsl.scope import Scope
from duly_dsl.units import Duration, Unit

Place = s.Stage | s.Pipeline | s.Clock

ON_THE_WALL = {Unit.ELAPSED: _("time on the wall"), Unit.CALENDAR_DAYS: _("calendar days")}
"""Units that count while nobody works."""

MOST_WAYS = 5_000
"""Steps taken through the stages of a pipeline in search of its longest way."""


class Promise(msgspec.Struct, frozen=True, eq=False):
    """What a place promises to the cards of one priority: `amount` None is no promise. `line` tells a line from a row."""

    amount: s.Amount | None
    line: bool = False


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        pipeline = scope.pipeline
        places: list[Place] = [pipeline, *(stage for stage in pipeline.stages if not stage.finish), *pipeline.clocks]
        for place in places:
            yield from _inverted(scope, place)
        for stage in pipeline.stages:
            yield from _gaps(scope, stage)
        yield from _about_nothing(scope)
        yield from _order(scope)
        yield from _sums(scope)
        yield from _bare_stages(scope)
        yield from _at_night(checking, scope)


def promise(scope: Scope, place: Place, metric: str, priority: str) -> Promise | None:
    """What cards of a priority get; None where it depends on more than that."""
    for line in place.lines:
        if line.metric.name == metric and line.condition is not None:
            fits = _fits(line.condition, scope, priority)
            if fits is None:
                return None
            if fits:
                return Promise(line.amount, True)
    for table in place.tables:
        at = next((at for at, each in enumerate(table.columns) if each.metric and each.metric.name == metric), None)
        for row in table.rows if at is not None else ():
            fits = _row_fits(table, row, scope, priority)
            if fits is None:
                return None
            if fits and at is not None:
                return Promise(row.cells[at].amount)
    for line in place.lines:
        if line.metric.name == metric and line.condition is None:
            return Promise(line.amount, True)
    return Promise(None)


def _row_fits(table: s.Table, row: s.Row, scope: Scope, priority: str) -> bool | None:
    known = True
    for column, cell in zip(table.columns, row.cells, strict=True):
        if column.metric is not None or cell.any:
            continue
        operand = scope.operand(column.operand.name) if column.operand is not None else None
        if operand is None or operand.key != "priority":
            known = False
        elif all(value.value != priority for value in cell.values):
            return False
    return True if known else None


def _fits(expr: s.Expr, scope: Scope, priority: str) -> bool | None:
    match expr:
        case s.Is(operand=node, values=values, negated=negated):
            operand = scope.operand(node.name)
            if operand is None or operand.key != "priority":
                return None
            return any(value.value == priority for value in values) is not negated
        case s.Not(term=term):
            found = _fits(term, scope, priority)
            return None if found is None else not found
        case s.And(terms=terms) | s.Or(terms=terms):
            each = [_fits(term, scope, priority) for term in terms]
            settles = isinstance(expr, s.Or)
            if settles in each:
                return settles
            return None if None in each else not settles
        case _:
            return None


def _longer(one: s.Amount, other: s.Amount) -> bool:
    """Whether an amount is surely more than another: those of different units are not compared."""
    return one.value.unit is other.value.unit and one.value.amount > other.value.amount


def _inverted(scope: Scope, place: Place) -> Iterator[Diagnostic]:
    """A higher priority that gets longer, by a line; rows of tables are looked at by themselves."""
    conditional = {line.metric.name for line in place.lines if line.condition is not None}
    for metric in sorted(conditional):
        found = [(name, promise(scope, place, metric, name)) for name in scope.priorities]
        told: set[int] = set()
        for (higher, one), (lower, other) in itertools.combinations(found, 2):
            slow, fast = (one.amount if one else None), (other.amount if other else None)
            if one is None or other is None or slow is None or fast is None or not (one.line or other.line):
                continue
            if _longer(slow, fast) and id(slow) not in told:
                told.add(id(slow))
                yield kinds.PRIORITY_INVERSION.at(
                    slow.span,
                    related=((fast.span, _("the faster one")),),
                    higher=higher,
                    lower=lower,
                    slow=slow.value,
                    fast=fast.value,
                )


def _gaps(scope: Scope, stage: s.Stage) -> Iterator[Diagnostic]:
    """Lines with `if` alone, in a stage, where the pipeline promises the clock to every card."""
    tabled = {column.metric.name for table in stage.tables for column in table.columns if column.metric is not None}
    bare = {line.metric.name for line in stage.lines if line.condition is None}
    for metric in METRICS:
        lines = [line for line in stage.lines if line.metric.name == metric]
        if not lines or metric in tabled | bare or metric not in c.metrics_of(scope.pipeline):
            continue
        none = tuple(s.Not(span=line.span, term=line.condition) for line in lines if line.condition is not None)
        if contradiction(s.And(span=lines[0].span, terms=none), scope) is None:
            yield kinds.TARGET_GAP.at(lines[0].span, metric=metric, stage=stage.name.text)


def _about_nothing(scope: Scope) -> Iterator[Diagnostic]:
    """Lines about clocks nothing promises. Where there is no promise at all the file is a sketch, and nothing is said."""
    pipeline = scope.pipeline
    promised = c.promised(pipeline)
    named = [metric for stage in pipeline.stages if not stage.finish for pause in stage.pauses for metric in pause.metrics]
    for metric in [*(line.metric for line in pipeline.reopens), *named] if promised else ():
        if metric.name in METRICS and metric.name not in promised:
            yield kinds.LINE_WITHOUT_TARGET.at(metric.span, metric=metric.name, pipeline=pipeline.name.text)


def _order(scope: Scope) -> Iterator[Diagnostic]:
    """Replies that may come later than the resolution."""
    pipeline = scope.pipeline
    told: set[int] = set()
    for place in (pipeline, *(stage for stage in pipeline.stages if not stage.finish)):
        own = c.metrics_of(place)
        for metric in ("first reply", "next reply"):
            if metric not in own and "resolved" not in own:
                continue
            for priority in scope.priorities:
                reply = promise(scope, place if metric in own else pipeline, metric, priority)
                whole = promise(scope, place if "resolved" in own else pipeline, "resolved", priority)
                if reply is None or whole is None or reply.amount is None or whole.amount is None:
                    continue
                if _longer(reply.amount, whole.amount) and id(reply.amount) not in told:
                    told.add(id(reply.amount))
                    related = ((whole.amount.span, _("the promise to resolve")),)
                    yield kinds.TARGET_ORDER.at(
                        reply.amount.span,
                        related=related,
                        metric=metric,
                        found=reply.amount.value,
                        target=whole.amount.value,
                    )


# --- the whole way ----------------------------------------------------------------------------------------------------


def _sums(scope: Scope) -> Iterator[Diagnostic]:
    """Ways through the stages whose promises together take longer than the resolution. Where a stage promises the
    resolution itself, it depends on the way which promise counts: nothing is said then."""
    pipeline = scope.pipeline
    if any("resolved" in c.metrics_of(stage) for stage in pipeline.stages):
        return
    for priority in scope.priorities:
        whole = promise(scope, pipeline, "resolved", priority)
        if whole is None or whole.amount is None:
            continue
        unit = whole.amount.value.unit
        takes = {name: _takes(scope, stage, priority, unit) for name, stage in scope.stages.items()}
        way = _longest(scope, {name: amount.value.amount for name, amount in takes.items() if amount is not None})
        steps = [(name, amount) for name in way if (amount := takes[name]) is not None]
        total = sum(amount.value.amount for _name, amount in steps)
        if total > whole.amount.value.amount:
            yield stage_kinds.PAST_RESOLUTION.at(
                whole.amount.span,
                related=tuple((amount.span, _("part of it")) for _name, amount in steps),
                stages=", ".join(f"`{name}`" for name, _amount in steps),
                total=Duration(unit, total),
                target=whole.amount.value,
                priority=priority,
            )
            return


def _takes(scope: Scope, stage: s.Stage, priority: str, unit: Unit) -> s.Amount | None:
    """How long a card may stay in a stage; None where the resolution doesn't run there or that can't be added up."""
    paused = any(not line.metrics or "resolved" in {each.name for each in line.metrics} for line in stage.pauses)
    if stage.finish or paused:
        return None
    own = "leave stage" in c.metrics_of(stage)
    found = promise(scope, stage if own else scope.pipeline, "leave stage", priority)
    amount = found.amount if found is not None else None
    return amount if amount is not None and amount.value.unit is unit else None


def _longest(scope: Scope, takes: dict[str, int]) -> list[str]:
    """Of the ways along `next` from the start to a finish, through no stage twice, the one that takes longest."""
    best: tuple[int, list[str]] = (0, [])
    start = next((name for name, stage in scope.stages.items() if stage.start), None)
    walks = [(0, [start])] if start is not None else []
    for _step in range(MOST_WAYS):
        if not walks:
            break
        taken, way = walks.pop()
        stage = scope.stages[way[-1]]
        taken += takes.get(way[-1], 0)
        if stage.finish:
            best = max(best, (taken, way), key=lambda found: found[0])
        else:
            walks += [
                (taken, [*way, each.text]) for each in stage.next if each.text in scope.stages and each.text not in way
            ]
    return best[1]


def _bare_stages(scope: Scope) -> Iterator[Diagnostic]:
    """Stages where no clock can run, in a pipeline that makes promises."""
    pipeline = scope.pipeline
    working = [stage for stage in pipeline.stages if not stage.finish]
    if c.metrics_of(pipeline) or pipeline.clocks or not any(c.metrics_of(stage) for stage in working):
        return
    edges = edges_of(scope)
    come = reached(scope, edges)
    # What starts in one stage and runs on in those after it.
    carried: set[str] = set()
    waiting = [name for name, stage in scope.stages.items() if c.metrics_of(stage) - {"leave stage"}]
    while waiting:
        name = waiting.pop()
        if name not in carried:
            carried.add(name)
            waiting += [each for each in edges[name] if not scope.stages[each].finish]
    for name, stage in scope.stages.items():
        if stage.finish or stage.silences or name in carried or name not in come or c.metrics_of(stage):
            continue
        yield stage_kinds.STAGE_WITHOUT_CLOCK.at(stage.name.span, stage=name)


# --- hours ------------------------------------------------------------------------------------------------------------


def _at_night(checking: Checking, scope: Scope) -> Iterator[Diagnostic]:
    """Alerts counted on the wall, where the calendar has hours nobody works in."""
    pipeline = scope.pipeline
    for alert in c.alerts_of(pipeline):
        clock = scope.clocks.get(alert.metric.name)
        name = clock.calendar if clock is not None and clock.calendar is not None else pipeline.calendar
        calendar = checking.workspace.calendars.get(name.text) if name is not None else None
        if calendar is None or not calendar.weekly or _never_closes(calendar):
            continue
        unit = _counted(scope, alert)
        if unit is not None:
            yield kinds.ALERT_OUTSIDE_HOURS.at(alert.span, metric=alert.metric.name, unit=unit, calendar=calendar.name.text)


def _counted(scope: Scope, alert: s.Alert) -> str | None:
    """The unit on the wall, in words, that an alert is counted in, for every card; None where it isn't, or not for all."""
    if alert.after is not None:
        return ON_THE_WALL.get(alert.after.value.unit)
    pipeline = scope.pipeline
    targets = [
        line.amount.value.unit
        for place in (pipeline, *pipeline.stages, *pipeline.clocks)
        for line in place.lines
        if line.metric.name == alert.metric.name
    ]
    targets += [
        row.cells[at].amount.value.unit  # pyright: ignore[reportOptionalMemberAccess]
        for table in c.tables_of(pipeline)
        for at, column in enumerate(table.columns)
        if column.metric is not None and column.metric.name == alert.metric.name
        for row in table.rows
        if row.cells[at].amount is not None
    ]
    if not targets or any(unit not in ON_THE_WALL for unit in targets):
        return None
    if alert.before is not None and alert.before.value.unit not in ON_THE_WALL:
        return None
    return ON_THE_WALL[alert.before.value.unit if alert.before is not None else targets[0]]


def _never_closes(calendar: s.Calendar) -> bool:
    whole = {
        day
        for line in calendar.weekly
        for day in line.days
        for span in line.spans
        if span.opens == 0 and span.closes == 1440
    }
    return len(whole) == 7 and not (calendar.closed or calendar.special or calendar.holidays)
