"""Tests written in the language: what they name, and whether they can fail."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import calendars as calendar_kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import names as name_kinds
from duly_dsl.catalogue import tests as kinds
from duly_dsl.checker import references as r
from duly_dsl.checker import values as v
from duly_dsl.checker.context import Checking, quoted, unknown
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.parsing.settings import WEEKDAYS
from duly_dsl.scope import NOTICE_CHANNELS, Scope
from duly_dsl.source import Span

DAYS = (_("monday"), _("tuesday"), _("wednesday"), _("thursday"), _("friday"), _("saturday"), _("sunday"))

_REFUSABLE = ("agent moves card", "set", "assign", "agent replies", "excuse", "withdraw excuse")


def check(checking: Checking) -> Iterator[Diagnostic]:
    for file in checking.files:
        for test in file.tests:
            yield from _test(checking, test)


def _test(checking: Checking, test: s.Test) -> Iterator[Diagnostic]:
    name = test.name.text
    if test.starts is None:
        yield kinds.NO_CLOCK_START.at(test.name.span, name=name)
    calendars = checking.workspace.calendars
    if test.zone_of is not None and test.zone_of.text not in calendars:
        yield unknown(name_kinds.UNKNOWN_CALENDAR, test.zone_of, calendars)
    if not any(isinstance(step.what, s.Expect) for step in test.steps):
        yield kinds.NO_EXPECTATION.at(test.name.span, name=name)
    yield from _times(test)
    scope: Scope | None = None
    if test.given is None:
        yield kinds.NO_CARD.at(test.name.span, name=name)
    else:
        scope = pipeline_of(checking, test.given)
        if scope is None:
            yield from _no_pipeline(checking, test.given)
        else:
            yield from r.stage(scope, test.given.stage)
            for operand, value in test.given.values:
                yield from _given(checking, scope, operand, value)
    for others in test.others:
        if scope is not None:
            yield from r.stage(scope, others.stage)
    before: s.Step | None = None
    for step in test.steps:
        if scope is not None:
            yield from _step(checking, scope, step.what)
        if isinstance(step.what, s.Expect) and step.what.kind == "refused":
            done = before.what if before is not None else None
            if not isinstance(done, s.Happens) or done.kind not in _REFUSABLE:
                yield kinds.REFUSED_ALONE.at(step.span)
        before = step


def pipeline_of(checking: Checking, given: s.Given) -> Scope | None:
    """The pipeline of a test's card: as said, or the only one with such a stage."""
    scopes = checking.workspace.scopes
    if given.pipeline is not None:
        return scopes.get(given.pipeline.text)
    having = [scope for scope in scopes.values() if given.stage.text in scope.stages]
    if len(having) == 1:
        return having[0]
    return next(iter(scopes.values())) if not having and len(scopes) == 1 else None


def _no_pipeline(checking: Checking, given: s.Given) -> Iterator[Diagnostic]:
    scopes = checking.workspace.scopes
    if given.pipeline is not None:
        yield unknown(name_kinds.UNKNOWN_PIPELINE, given.pipeline, scopes)
        return
    having = [name for name, scope in scopes.items() if given.stage.text in scope.stages]
    if having:
        listed = ", ".join(f"`{name}`" for name in having)
        after = given.stage.span
        end = Span(after.path, after.line, after.end_column, after.line, after.end_column)
        fixes = tuple(Fix(titles.ADD, end, f" of {quoted(each)}") for each in having)
        yield kinds.WHICH_PIPELINE.at(
            given.stage.span, fixes=fixes, name=given.stage.text, pipelines=listed, first=having[0]
        )
    else:
        known = [stage for scope in scopes.values() for stage in scope.pipeline.stages]
        yield r.unknown_stage(given.stage, known, ", ".join(scopes) or "the workspace")


def _given(checking: Checking, scope: Scope, node: s.Operand, value: s.Value) -> Iterator[Diagnostic]:
    """`with priority urgent, channel whatsapp, message "hello"`: a card may also start with a message, a title, an age."""
    if not node.name.quoted and node.name.text in ("message", "title"):
        return
    operand = scope.operand(node.name)
    if operand is None:
        known = (*scope.operand_names(), "message", "title")
        yield unknown(name_kinds.UNKNOWN_FIELD, node.name, known, pipeline=scope.pipeline.name.text)
    else:
        yield from v.value(checking, scope, operand, value)


def _times(test: s.Test) -> Iterator[Diagnostic]:
    for moment in (test.starts, *(step.at for step in test.steps), *_due(test)):
        if moment is not None and moment.date is not None and moment.weekday is not None:
            actual = moment.date.weekday()
            if actual != moment.weekday:
                word, start = WEEKDAYS[moment.weekday], moment.span
                said = Span(start.path, start.line, start.column, start.line, start.column + len(word))
                yield kinds.WRONG_WEEKDAY.at(
                    moment.span,
                    fixes=(Fix(titles.WRITE, said, WEEKDAYS[actual]),),
                    date=moment.date.isoformat(),
                    day=DAYS[actual],
                    found=DAYS[moment.weekday],
                )
    last = 0
    for step in test.steps:
        at = _minutes(test, step.at)
        if at is not None:
            if at < last:
                yield kinds.BACKWARD_CLOCK.at(step.span)
            last = max(last, at)


def _due(test: s.Test) -> Iterator[s.Moment | None]:
    return (step.what.moment for step in test.steps if isinstance(step.what, s.Expect))


def _minutes(test: s.Test, moment: s.Moment | None) -> int | None:
    """Microseconds since the start; wall times across a change of the clocks may be an hour off, which cannot turn two
    steps of different times round unless they are that close."""
    if moment is None:
        return None
    if moment.offset is not None:
        return moment.offset
    if test.starts is None or test.starts.date is None or moment.date is None:
        return None
    days = (moment.date - test.starts.date).days
    return (days * 1440 + moment.minutes - test.starts.minutes) * 60_000_000


def _step(checking: Checking, scope: Scope, what: s.Happens | s.Expect) -> Iterator[Diagnostic]:
    pipeline = scope.pipeline.name.text
    if isinstance(what, s.Happens):
        yield from r.stage(scope, what.stage)
        yield from r.person(checking, what.person)
        yield from r.clock(scope, what.metric)
        if what.operand is not None and what.value is not None:
            yield from r.operand(scope, what.operand)
            yield from v.written(checking, scope, what.operand, what.value)
        return
    what = scope.expectation(what)
    yield from r.clock(scope, what.metric)
    if what.actor is not None:
        yield from r.actor(checking, what.actor)
    yield from r.person(checking, what.person)
    if what.channel is not None and what.channel.text not in NOTICE_CHANNELS:
        yield unknown(calendar_kinds.BAD_NOTICE_CHANNEL, what.channel, NOTICE_CHANNELS)
    if what.kind == "stage":
        yield from r.stage(scope, what.name)
    elif what.kind in ("template", "held") and what.name is not None and what.name.text not in checking.workspace.templates:
        yield unknown(name_kinds.UNKNOWN_TEMPLATE, what.name, checking.workspace.templates)
    elif what.kind == "level" and what.name is not None:
        escalation = scope.escalations.get(what.name.text)
        if escalation is None:
            yield unknown(name_kinds.UNKNOWN_ESCALATION, what.name, scope.escalations, pipeline=pipeline)
        elif what.number not in {level.number for level in escalation.levels}:
            yield kinds.NO_SUCH_LEVEL.at(what.span, name=escalation.name.text, number=what.number)
    elif what.operand is not None and what.value is not None:
        yield from r.operand(scope, what.operand)
        operand = scope.operand(what.operand.name)
        if operand is not None:
            yield from v.value(checking, scope, operand, what.value)
