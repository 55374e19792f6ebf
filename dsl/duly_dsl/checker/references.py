"""Names that nothing has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duly_dsl import syntax as s
from duly_dsl.catalogue import names as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking, unknown
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.scope import Scope


def check(checking: Checking) -> Iterator[Diagnostic]:
    for file in checking.files:
        for team in file.teams:
            for name in (*team.members, team.lead, team.manager, *(p for level in team.levels for p in level.people)):
                yield from person(checking, name)
    for scope in checking.scopes:
        yield from _pipeline(checking, scope)


def person(checking: Checking, name: s.Name | None) -> Iterator[Diagnostic]:
    known = checking.workspace.known_people
    if name is not None and checking.knows_people and name.text not in known:
        yield unknown(kinds.UNKNOWN_PERSON, name, known)


def stage(scope: Scope, name: s.Name | None) -> Iterator[Diagnostic]:
    if name is not None and name.text not in scope.stages:
        yield unknown_stage(name, scope.pipeline.stages, scope.pipeline.name.text)


def unknown_stage(name: s.Name, stages: Sequence[s.Stage], pipeline: str) -> Diagnostic:
    """A stage that was called so is meant, where there is one; else whichever sounds most like it."""
    now = next((each.name.text for each in stages if name.text in (old.text for old in each.was)), "")
    return unknown(kinds.UNKNOWN_STAGE, name, [each.name.text for each in stages], now, pipeline=pipeline)


def actor(checking: Checking, node: s.Actor) -> Iterator[Diagnostic]:
    if node.name is None:
        return
    if node.kind == "agent":
        yield from person(checking, node.name)
    elif node.name.text not in checking.workspace.teams:
        yield unknown(kinds.UNKNOWN_TEAM, node.name, checking.workspace.teams)


def clock(scope: Scope, node: s.Metric | None) -> Iterator[Diagnostic]:
    """A named clock; the built-in ones are words of the language."""
    if node is not None and node.quoted and node.name not in scope.clocks:
        name = s.Name(span=node.span, text=node.name, quoted=True)
        yield unknown(kinds.UNKNOWN_CLOCK, name, scope.clocks, pipeline=scope.pipeline.name.text)


def _template(checking: Checking, name: s.Name | None) -> Iterator[Diagnostic]:
    if name is not None and name.text not in checking.workspace.templates:
        yield unknown(kinds.UNKNOWN_TEMPLATE, name, checking.workspace.templates)


def operand(scope: Scope, node: s.Operand) -> Iterator[Diagnostic]:
    if scope.operand(node.name) is None:
        known = scope.fields if node.name.quoted else scope.operand_names()
        yield unknown(kinds.UNKNOWN_FIELD, node.name, known, pipeline=scope.pipeline.name.text)


def _pipeline(checking: Checking, scope: Scope) -> Iterator[Diagnostic]:
    pipeline = scope.pipeline
    if pipeline.calendar is not None and pipeline.calendar.text not in checking.workspace.calendars:
        yield unknown(kinds.UNKNOWN_CALENDAR, pipeline.calendar, checking.workspace.calendars)
    for each in pipeline.clocks:
        if each.calendar is not None and each.calendar.text not in checking.workspace.calendars:
            yield unknown(kinds.UNKNOWN_CALENDAR, each.calendar, checking.workspace.calendars)
    for field in pipeline.fields:
        for name in field.required_to_leave:
            yield from stage(scope, name)
    for each in pipeline.stages:
        for name in each.next:
            yield from stage(scope, name)
        for resume in each.resumes:
            yield from stage(scope, resume.stage)
        for pause in each.pauses:
            for metric in pause.metrics:
                yield from clock(scope, metric)
        if each.reopen is not None:
            yield from stage(scope, each.reopen.stage)
    for owner in c.owners_of(pipeline):
        yield from actor(checking, owner)
    for told, _ in c.told_of(pipeline):
        yield from actor(checking, told)
    for alert in c.alerts_of(pipeline):
        yield from _template(checking, alert.template)
        yield from clock(scope, alert.metric)
    for table in c.tables_of(pipeline):
        for column in table.columns:
            if column.operand is not None:
                yield from operand(scope, column.operand)
    for atom in c.all_atoms(pipeline):
        match atom:
            case s.EventIs():
                yield from stage(scope, atom.stage)
                yield from clock(scope, atom.metric)
                if atom.operand is not None:
                    yield from operand(scope, atom.operand)
            case s.Is() | s.IsEmpty() | s.Compare():
                yield from operand(scope, atom.operand)
            case _:
                pass
    for action in c.actions_of(pipeline):
        yield from _action(checking, scope, action)


def _action(checking: Checking, scope: Scope, action: s.Action) -> Iterator[Diagnostic]:
    for template in c.templates_of(action):
        yield from _template(checking, template)
    match action:
        case s.Set():
            yield from operand(scope, action.operand)
        case s.Move():
            yield from stage(scope, action.stage)
        case s.RunClock():
            yield from clock(scope, action.clock)
        case s.ExcuseMiss():
            yield from clock(scope, action.metric)
        case s.Call(connector=name) if name.text not in checking.workspace.connectors:
            yield unknown(kinds.UNKNOWN_CONNECTOR, name, checking.workspace.connectors)
        case _:
            pass
