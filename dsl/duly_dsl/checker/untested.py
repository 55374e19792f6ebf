"""Rules that no test could set off."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import rules as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.tests import pipeline_of
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.scope import Scope

Happening = tuple[str, str]
"""A kind of event, and what narrows it: the stage or the operand; empty where any could come."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    tests: dict[str, list[s.Test]] = {}
    for file in checking.files:
        for test in file.tests:
            scope = pipeline_of(checking, test.given) if test.given is not None else None
            if scope is not None:
                tests.setdefault(scope.pipeline.name.text, []).append(test)
    for scope in checking.scopes:
        happening = {each for test in tests.get(scope.pipeline.name.text, ()) for each in _happens(scope, test)}
        if happening:
            happening |= set(_follows(scope))
        for rule in scope.pipeline.rules:
            if rule.mode == "off" or rule.when is None:
                continue
            events = [atom for atom in c.atoms(rule.when) if isinstance(atom, s.EventIs)]
            if not any(_met(scope, event, happening) for event in events):
                yield kinds.UNTESTED_RULE.at(rule.name.span, name=rule.name.text)


def _met(scope: Scope, event: s.EventIs, happening: set[Happening]) -> bool:
    narrow = ""
    if event.stage is not None:
        narrow = event.stage.text
    elif event.operand is not None:
        operand = scope.operand(event.operand.name)
        narrow = operand.key if operand is not None else ""
    if not narrow:
        return any(kind == event.kind for kind, _narrow in happening)
    return (event.kind, narrow) in happening or (event.kind, "") in happening


def _happens(scope: Scope, test: s.Test) -> Iterator[Happening]:
    """What a test does itself. Time goes by in each, so any clock may be missed and any hour come."""
    yield from (("card is created", ""), ("customer replies", ""), ("missed", ""), ("every", ""), ("too many cards", ""))
    if test.given is not None:
        yield "card enters", test.given.stage.text
    for step in test.steps:
        what = step.what
        if not isinstance(what, s.Happens):
            continue
        match what.kind:
            case "agent moves card":
                yield "card leaves", ""
                yield "card enters", what.stage.text if what.stage is not None else ""
                yield "changes", "stage"
            case "set":
                operand = scope.operand(what.operand.name) if what.operand is not None else None
                yield "changes", operand.key if operand is not None else ""
            case "agent replies":
                yield "agent replies", ""
            case "assign":
                yield from (("card is assigned", ""), ("changes", "owner"), ("changes", "team"))
            case _:
                pass


def _follows(scope: Scope) -> Iterator[Happening]:
    """What rules, stages and escalations do in turn."""
    for action in c.actions_of(scope.pipeline):
        match action:
            case s.Move(stage=stage):
                yield from (("card enters", stage.text), ("card leaves", ""), ("changes", "stage"))
            case s.Set(operand=node):
                operand = scope.operand(node.name)
                yield "changes", operand.key if operand is not None else ""
            case s.ShiftPriority():
                yield "changes", "priority"
            case _:
                pass
    if any(True for _owner in c.owners_of(scope.pipeline)):
        yield from (("card is assigned", ""), ("changes", "owner"), ("changes", "team"))
    for stage in scope.pipeline.stages:
        for resume in stage.resumes:
            if resume.stage is not None:
                yield from (("card enters", resume.stage.text), ("card leaves", ""), ("changes", "stage"))
        if stage.reopen is not None:
            yield from (("card is reopened", ""), ("card enters", stage.reopen.stage.text))
