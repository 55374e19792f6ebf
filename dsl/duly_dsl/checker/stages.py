"""What a pipeline's stages must have, and what makes no sense in one."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as clock_kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import stages as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic, first_line, last_line, no_statement
from duly_dsl.scope import Scope
from duly_dsl.units import Duration, Unit


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        pipeline = scope.pipeline
        name = pipeline.name.text
        if pipeline.calendar is None:
            calendars = list(checking.workspace.calendars)
            line = f"calendar {c.quoted(calendars[0])}" if len(calendars) == 1 else ""
            fixes = (first_line(pipeline.name.span, line, titles.INSERT),) if line else ()
            yield kinds.NO_CALENDAR.at(pipeline.name.span, fixes=fixes, pipeline=name)
        starts = [stage for stage in pipeline.stages if stage.start]
        if not starts:
            open_ones = [stage for stage in pipeline.stages if not stage.finish]
            fixes = (first_line(open_ones[0].name.span, "start", titles.INSERT, sure=False),) if open_ones else ()
            yield kinds.NO_START.at(pipeline.name.span, fixes=fixes, pipeline=name)
        for extra in starts[1:]:
            related = ((starts[0].name.span, _("the first one")),)
            yield kinds.TWO_STARTS.at(extra.name.span, related=related, stage=extra.name.text, other=starts[0].name.text)
        for line in pipeline.reopens:
            if line.metric.name == "leave stage":
                fixes = (no_statement(line.span, titles.OMIT),)
                yield clock_kinds.NO_REOPEN_CHOICE.at(line.span, fixes=fixes, metric=line.metric.name)
        for stage in pipeline.stages:
            yield from _stage(scope, stage)
        for field in pipeline.fields:
            for required in field.required_to_leave:
                held = scope.stages.get(required.text)
                if held is not None and held.finish:
                    yield kinds.REQUIRED_AT_FINISH.at(required.span, stage=required.text, field=field.name.text)


def _stage(scope: Scope, stage: s.Stage) -> Iterator[Diagnostic]:
    name = stage.name.text
    if stage.start and stage.finish:
        yield kinds.START_AND_FINISH.at(stage.name.span, stage=name)
    if stage.pauses and not stage.resumes and not stage.finish:
        fixes = (last_line(stage.span, "resume when customer replies", titles.INSERT),)
        yield kinds.PAUSE_WITHOUT_RESUME.at(stage.pauses[0].span, fixes=fixes, stage=name)
    if stage.resumes and not stage.pauses:
        fixes = (
            first_line(stage.name.span, "pause all clocks", titles.INSERT, sure=False),
            no_statement(stage.resumes[0].span, titles.OMIT, sure=False),
        )
        yield kinds.RESUME_WITHOUT_PAUSE.at(stage.resumes[0].span, fixes=fixes, stage=name)
    if stage.reopen is not None:
        if not stage.finish:
            fixes = (no_statement(stage.reopen.span, titles.OMIT, sure=False),)
            yield kinds.REOPEN_PLACE.at(stage.reopen.span, fixes=fixes, stage=name)
        target = scope.stages.get(stage.reopen.stage.text)
        if target is not None and target.finish:
            yield kinds.REOPEN_TO_FINISH.at(stage.reopen.stage.span, stage=target.name.text)
    if stage.finish:
        useless = [*stage.lines, *stage.tables, *stage.alerts, *stage.pauses]
        for line in sorted(useless, key=lambda node: node.span)[:1]:
            fixes = (no_statement(line.span, titles.OMIT),)
            yield kinds.CLOCK_IN_FINISH.at(line.span, fixes=fixes, stage=name)
    if stage.total and "leave stage" not in c.metrics_of(stage) | c.metrics_of(scope.pipeline):
        yield clock_kinds.TOTAL_WITHOUT_TARGET.at(stage.name.span)
    yield from _limit(stage)
    yield from _silences(scope, stage)


def _limit(stage: s.Stage) -> Iterator[Diagnostic]:
    if stage.limit is not None and stage.limit.count < 1:
        yield kinds.LIMIT_OF_NOTHING.at(stage.limit.span, count=stage.limit.count)
    elif stage.limit is not None and stage.finish:
        yield kinds.LIMIT_IN_FINISH.at(stage.limit.span, stage=stage.name.text)


def _silences(scope: Scope, stage: s.Stage) -> Iterator[Diagnostic]:
    """Silences longer than the longest `resolved` promise that runs here; only amounts of one kind can be compared."""
    paused = {metric.name for pause in stage.pauses for metric in pause.metrics}
    if stage.finish or "resolved" in paused or any(not pause.metrics for pause in stage.pauses):
        return
    promises = amounts(stage, "resolved") or amounts(scope.pipeline, "resolved")
    for silence in stage.silences:
        longer = [_longer(silence.amount.value, promise.value) for promise in promises]
        if longer and all(longer):
            longest = max((promise.value for promise in promises), key=lambda value: value.amount)
            yield kinds.SLOW_SILENCE.at(silence.amount.span, found=silence.amount.value, target=longest)


def _longer(silence: Duration, promise: Duration) -> bool:
    """Whether a silence surely outlasts a promise. Open time and working days take at least as long on the wall."""
    if silence.unit is promise.unit:
        return silence.amount > promise.amount
    return (silence.unit, promise.unit) == (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS) and silence.amount > promise.amount


def amounts(place: s.Stage | s.Pipeline | s.Clock, metric: str) -> list[s.Amount]:
    """Every target a stage, a named clock, or the pipeline itself gives a metric."""
    found = [line.amount for line in place.lines if line.metric.name == metric]
    for table in place.tables:
        for at, column in enumerate(table.columns):
            if column.metric is not None and column.metric.name == metric:
                found += [amount for row in table.rows if (amount := row.cells[at].amount) is not None]
    return found
