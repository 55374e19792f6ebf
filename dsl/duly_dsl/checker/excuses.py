"""Excused breaches: reasons that are listed, clocks that can be missed."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import excuses as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.checker.tests import pipeline_of
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.scope import Scope


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        listed: dict[str, s.Text] = {}
        for line in scope.pipeline.excuses:
            for reason in line.reasons:
                first = listed.setdefault(reason.value, reason)
                if first is not reason:
                    related = ((first.span, _("first listed here")),)
                    yield kinds.EXCUSE_TWICE.at(reason.span, related=related, name=reason.value)
        promised = c.promised(scope.pipeline)
        for action in c.actions_of(scope.pipeline):
            if not isinstance(action, s.ExcuseMiss):
                continue
            yield from _reason(scope, action.reason)
            if not action.metric.quoted and action.metric.name not in promised:
                name = scope.pipeline.name.text
                yield kinds.EXCUSE_WITHOUT_CLOCK.at(action.metric.span, metric=action.metric.name, pipeline=name)
    for file in checking.files:
        for test in file.tests:
            scope = pipeline_of(checking, test.given) if test.given is not None else None
            for step in test.steps:
                what = step.what
                if scope is not None and isinstance(what, s.Happens) and what.kind == "excuse" and what.text is not None:
                    yield from _reason(scope, what.text)


def _reason(scope: Scope, reason: s.Text) -> Iterator[Diagnostic]:
    known = [each.value for line in scope.pipeline.excuses for each in line.reasons]
    if reason.value in known:
        return
    close = nearest(reason.value, known)
    fixes = (Fix("write `%(text)s`", reason.span, c.quoted(close)),) if close else ()
    yield kinds.UNKNOWN_EXCUSE.at(reason.span, close, fixes, name=reason.value, pipeline=scope.pipeline.name.text)
