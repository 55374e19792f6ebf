"""Escalations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import clocks as clock_kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import ladders as kinds
from duly_dsl.catalogue import rules as rule_kinds
from duly_dsl.checker.context import Checking
from duly_dsl.checker.logic import contradiction
from duly_dsl.compiler.conditions import Fact, could_be, events_in
from duly_dsl.diagnostics import Diagnostic, Fix, last_line
from duly_dsl.scope import Scope
from duly_dsl.source import Span
from duly_dsl.units import Duration


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        for escalation in scope.pipeline.escalations:
            yield from _start(scope, escalation)
            yield from _levels(escalation)
            yield from _repeats(escalation)
            endless = next((repeat for repeat in escalation.repeats if repeat.at_most is None), None)
            if endless is not None and escalation.stop is None:
                end = Span(
                    endless.span.path,
                    endless.span.end_line,
                    endless.span.end_column,
                    endless.span.end_line,
                    endless.span.end_column,
                )
                fixes = (
                    Fix(titles.ADD, end, " at most 3 times", sure=False),
                    last_line(escalation.span, "stop when agent replies", titles.INSERT, sure=False),
                )
                yield kinds.NO_STOP.at(endless.span, fixes=fixes, name=escalation.name.text, number=endless.level)


def _start(scope: Scope, escalation: s.Escalation) -> Iterator[Diagnostic]:
    """It must wait for a miss, and for nothing that could not be one."""
    if escalation.when is None:
        yield rule_kinds.NO_WHEN.at(escalation.name.span, name=escalation.name.text)
        return
    if contradiction(escalation.when, scope):
        return
    waits = could_be(escalation.when, Fact("missed"))[0] and not could_be(escalation.when, Fact(""))[0]
    others = [atom for atom in events_in(escalation.when) if atom.kind != "missed"]
    if not waits or others:
        yield kinds.NO_MISS.at(escalation.when.span, name=escalation.name.text)


def _levels(escalation: s.Escalation) -> Iterator[Diagnostic]:
    name = escalation.name.text
    if not escalation.levels:
        yield kinds.NO_LEVELS.at(escalation.name.span, name=name)
        return
    seen: dict[int, s.Level] = {}
    for level in escalation.levels:
        if seen.setdefault(level.number, level) is not level:
            related = ((seen[level.number].span, _("the first one")),)
            yield kinds.DUPLICATE_LEVEL.at(level.span, related=related, name=name, number=level.number)
    missing = next((number for number in range(1, max(seen) + 1) if number not in seen), None)
    if missing is not None:
        yield kinds.MISSING_LEVEL.at(escalation.name.span, name=name, number=missing)
    ordered = [seen[number] for number in sorted(seen)]
    for before, after in itertools.pairwise(ordered):
        if after.after is None:
            yield kinds.LEVEL_ORDER.at(after.span, number=after.number, other=before.number)
        elif before.after is not None:
            if before.after.value.unit is not after.after.value.unit:
                yield clock_kinds.UNIT_MIX.at(after.after.span, found=after.after.value, other=before.after.value)
            elif after.after.value.amount <= before.after.value.amount:
                yield kinds.LEVEL_ORDER.at(after.span, number=after.number, other=before.number)


def _repeats(escalation: s.Escalation) -> Iterator[Diagnostic]:
    ordered = sorted(escalation.levels, key=lambda level: level.number)
    after = {level.number: following for level, following in itertools.pairwise(ordered)}
    numbers = {level.number: level for level in ordered}
    for repeat in escalation.repeats:
        if repeat.level not in numbers:
            yield kinds.REPEAT_UNKNOWN.at(repeat.span, name=escalation.name.text, number=repeat.level)
        elif repeat.level in after and _no_room(numbers[repeat.level], after[repeat.level], repeat.every.value):
            yield kinds.NO_ROOM.at(
                repeat.span, number=repeat.level, other=after[repeat.level].number, every=repeat.every.value
            )
    for level in ordered:
        if level.number in after and any(isinstance(action, s.Move) for action in level.actions):
            unreached = after[level.number]
            yield kinds.LEVEL_UNREACHED.at(
                unreached.span, related=((level.span, _("the move")),), number=unreached.number, other=level.number
            )
            return


def _no_room(level: s.Level, following: s.Level, every: Duration) -> bool:
    """Whether the next level comes before the first repeat; amounts of different units are not compared."""
    if following.after is None or following.after.value.unit is not every.unit:
        return False
    if level.after is not None and level.after.value.unit is not every.unit:
        return False
    begins = level.after.value.amount if level.after is not None else 0
    return following.after.value.amount - begins <= every.amount
