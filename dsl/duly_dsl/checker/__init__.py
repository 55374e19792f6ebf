"""Everything that can be told to be wrong with a workspace before it runs.

A pass looks at one thing and yields what it finds; passes know nothing of each other, and none stops another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from duly_dsl import syntax as s
from duly_dsl.checker import (
    alerts,
    approval,
    calendars,
    choices,
    clocks,
    conditions,
    conflicts,
    dates,
    doors,
    duplicates,
    durations,
    excuses,
    ladders,
    people,
    promises,
    recipients,
    references,
    reports,
    rules,
    sending,
    stages,
    tables,
    templates,
    tests,
    untested,
    unused,
    values,
    ways,
)
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Environment
from duly_dsl.source import Span

Pass = Callable[[Checking], Iterator[Diagnostic]]

PASSES: tuple[Pass, ...] = (
    duplicates.check,
    references.check,
    values.check,
    durations.check,
    calendars.check,
    people.check,
    recipients.check,
    stages.check,
    ways.check,
    tables.check,
    alerts.check,
    clocks.check,
    promises.check,
    conditions.check,
    rules.check,
    excuses.check,
    conflicts.check,
    ladders.check,
    doors.check,
    templates.check,
    choices.check,
    sending.check,
    reports.check,
    approval.check,
    tests.check,
    unused.check,
    untested.check,
    dates.check,
)


def check(files: Sequence[s.File], environment: Environment | None = None) -> tuple[Diagnostic, ...]:
    """All problems of a workspace, by file and place, each once."""
    checking = Checking(files, environment or Environment())
    found: dict[tuple[str, Span, str], Diagnostic] = {}
    for each in PASSES:
        for problem in each(checking):
            found.setdefault((problem.code, problem.span, problem.message), problem)
    return tuple(sorted(found.values(), key=lambda problem: (problem.span, problem.code)))
