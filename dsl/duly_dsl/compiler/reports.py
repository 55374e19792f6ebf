"""Report definitions."""

from __future__ import annotations

import msgspec

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.parsing.reports import TIME_IN_STAGE
from duly_dsl.scope import Workspace


def report(node: s.Report, workspace: Workspace) -> p.Report:
    named = tuple(dict.fromkeys(each.text for each in node.pipelines)) or tuple(workspace.pipelines)
    measures = tuple(dict.fromkeys(each.name for each in node.measures))
    made = p.Report(
        name=node.name.text,
        metrics=tuple(each for each in measures if each != TIME_IN_STAGE),
        time_in_stage=TIME_IN_STAGE in measures,
        pipelines=named,
        by=tuple(dict.fromkeys(each.text for each in node.by)),
        without_excused=node.without_excused,
        goal=node.goal.percent if node.goal else 0,
        zone=_zone(node, named, workspace),
        span=node.span,
    )
    period = node.period
    if period is None:
        return made
    chosen = p.Period(unit=period.unit, count=period.count, first=period.first, last=period.last, span=period.span)
    return msgspec.structs.replace(made, period=chosen)


def _zone(node: s.Report, named: tuple[str, ...], workspace: Workspace) -> str:
    """As said, else of the calendar of the first pipeline it is about."""
    if node.zone is not None:
        return node.zone.value
    first = workspace.pipelines.get(named[0]) if named else None
    calendar = workspace.calendars.get(first.calendar.text) if first is not None and first.calendar is not None else None
    return calendar.zone.value if calendar is not None and calendar.zone is not None else "UTC"
