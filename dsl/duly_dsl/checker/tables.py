"""Tables and target lines: rows that never count, cards no row fits, priorities the wrong way round.

What a table can tell apart is finite: each operand is one of the values written in its column, or something else. A row
covers some of these combinations, and what is left over is found by going through all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.compiler.conditions import scalar_for
from duly_dsl.diagnostics import Diagnostic, last_line, no_statement
from duly_dsl.scope import Scope

MOST_COMBINATIONS = 20_000
"""A table that tells more apart is not gone through: a check must not take seconds."""

OTHER = None
"""Whatever a column doesn't name, an empty field included."""

Point = tuple[str | float | bool | None, ...]


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        pipeline = scope.pipeline
        yield from _targets(scope, pipeline)
        for stage in pipeline.stages:
            yield from _targets(scope, stage)
        for clock in pipeline.clocks:
            yield from _targets(scope, clock)
        for assign in pipeline.assigns:
            table = assign.table
            left = _gone_through(scope, table, table.rows)
            yield from _shadowed(left[0])
            if left[1] is not None:
                yield kinds.NO_CATCH_ALL.at(assign.span, gap=left[1])
        for line in c.lines_of(pipeline):
            if line.condition is not None:
                for atom in c.atoms(line.condition):
                    if isinstance(atom, s.EventIs | s.Contains):
                        found = atom.kind if isinstance(atom, s.EventIs) else "message contains"
                        yield kinds.EVENT_IN_TARGET.at(atom.span, found=found)


def _targets(scope: Scope, place: s.Stage | s.Pipeline | s.Clock) -> Iterator[Diagnostic]:
    """The promises of a stage, or of the pipeline itself: tables come before lines without a condition."""
    lines: dict[str, s.TargetLine] = {}
    for line in place.lines:
        if line.condition is None and lines.setdefault(line.metric.name, line) is not line:
            yield kinds.SHADOWED_ROW.at(line.span, related=((lines[line.metric.name].span, _("this one counts")),))
    full: set[str] = set()
    for table in place.tables:
        metrics = [column.metric.name for column in table.columns if column.metric is not None]
        shadowed, gap = _gone_through(scope, table, table.rows)
        yield from _shadowed(shadowed)
        for metric in metrics:
            if metric in full:
                yield kinds.SHADOWED_ROW.at(table.span)
                break
        if gap is None:
            full.update(metrics)
        elif any(metric not in lines for metric in metrics):
            cells = ["-" if column.metric is not None else "any" for column in table.columns[1:]]
            operands = table.columns[0].metric is None
            row = f"| {' | '.join(['else', *cells])} |"
            fixes = (last_line(table.span, row, titles.INSERT),) if operands else ()
            yield kinds.NO_CATCH_ALL.at(table.span, fixes=fixes, gap=gap)
        yield from _inverted(scope, table)
    for metric, line in lines.items():
        if metric in full:
            yield kinds.SHADOWED_ROW.at(line.span)


def _shadowed(rows: Sequence[s.Row]) -> Iterator[Diagnostic]:
    for row in rows:
        yield kinds.SHADOWED_ROW.at(row.span, fixes=(no_statement(row.span, titles.OMIT, sure=False),))


def _gone_through(scope: Scope, table: s.Table, rows: Sequence[s.Row]) -> tuple[list[s.Row], str | None]:
    """The rows that never count, and one combination that no row fits, in words (None where all are)."""
    places = [at for at, column in enumerate(table.columns) if column.kind in ("operand", "words")]
    domains = [_domain(scope, table, at) for at in places]
    size = 1
    for domain in domains:
        size *= len(domain)
    if size > MOST_COMBINATIONS:
        return [], None
    left: set[Point] = set(itertools.product(*domains))
    shadowed: list[s.Row] = []
    for row in rows:
        allowed = [_allowed(scope, table, row, at) for at in places]
        mine = {
            point
            for point in left
            if all(wanted is None or value in wanted for value, wanted in zip(point, allowed, strict=True))
        }
        if not mine:
            shadowed.append(row)
        left -= mine
    if not left:
        return shadowed, None
    names = [_heading(table.columns[at]) for at in places]
    point = min(left, key=lambda each: [(value is None, str(value)) for value in each])
    words = [f"{name} `{value}`" for name, value in zip(names, point, strict=True) if value is not None]
    return shadowed, ", ".join(words) or "none of these values"


def _domain(scope: Scope, table: s.Table, at: int) -> list[str | float | bool | None]:
    """What a column tells apart. A priority is always one of its words; anything else can be empty or another."""
    column = table.columns[at]
    named: dict[str | float | bool, None] = {}
    for row in table.rows:
        for value in _allowed(scope, table, row, at) or ():
            named[value] = None
    operand = scope.operand(column.operand.name) if column.operand is not None else None
    if operand is not None and operand.type in ("priority", "stage") and operand.choices is not None:
        return [*dict.fromkeys((*operand.choices, *named))]
    return [*named, OTHER]


def _allowed(scope: Scope, table: s.Table, row: s.Row, at: int) -> frozenset[str | float | bool] | None:
    """The values a cell takes; None where it takes any.

    A message can hold words of several rows, so a row of words is one value of its own: it shadows only its equal.
    """
    cell, column = row.cells[at], table.columns[at]
    if cell.any:
        return None
    if column.kind == "words":
        return frozenset({", ".join(sorted(str(value.value).casefold() for value in cell.values))})
    operand = scope.operand(column.operand.name) if column.operand is not None else None
    if operand is None:
        return frozenset(str(value.value) for value in cell.values)
    return frozenset(scalar_for(operand, value) for value in cell.values if value.kind != "duration")


def _heading(column: s.Column) -> str:
    return column.operand.name.text if column.operand is not None else column.kind


def _inverted(scope: Scope, table: s.Table) -> Iterator[Diagnostic]:
    """Rows that differ in the priority alone, where the higher one has the longer target."""
    at = next(
        (
            place
            for place, column in enumerate(table.columns)
            if column.operand is not None and column.operand.name.text == "priority"
        ),
        None,
    )
    if at is None:
        return
    others = [place for place, column in enumerate(table.columns) if column.kind == "operand" and place != at]
    order = {name: place for place, name in enumerate(scope.priorities)}
    seen: list[tuple[int, tuple[object, ...], s.Row]] = []
    told: set[int] = set()
    for row in table.rows:
        words = [order[str(value.value)] for value in row.cells[at].values if str(value.value) in order]
        if not words:
            continue
        rest = tuple(_allowed(scope, table, row, place) for place in others)
        for rank, same, other in seen:
            if same != rest or rank == words[0]:
                continue
            high, low = (other, row) if rank < words[0] else (row, other)
            for problem in _slower(table, at, high, low):
                if id(high) not in told:
                    told.add(id(high))
                    yield problem
        seen.append((words[0], rest, row))


def _slower(table: s.Table, at: int, high: s.Row, low: s.Row) -> Iterator[Diagnostic]:
    for place, column in enumerate(table.columns):
        slow, fast = high.cells[place].amount, low.cells[place].amount
        if column.metric is None or slow is None or fast is None or slow.value.unit is not fast.value.unit:
            continue
        if slow.value.amount > fast.value.amount:
            yield kinds.PRIORITY_INVERSION.at(
                slow.span,
                related=((fast.span, _("the faster one")),),
                higher=high.cells[at].values[0].value,
                lower=low.cells[at].values[0].value,
                slow=slow.value,
                fast=fast.value,
            )
            return
