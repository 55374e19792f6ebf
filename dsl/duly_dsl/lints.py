"""Lints: problems that are no errors. A workspace sets how they count, and a line of a file silences one where it is right.

An `allow` in the first lines of a block speaks of the whole block, its header included; any other speaks of the statement
after it, with its block. One that silences nothing is itself reported.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import every
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import lints as kinds
from duly_dsl.config import Config, Level, lints, unknown
from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.outline import Outline, Statement, outline
from duly_dsl.program import Environment
from duly_dsl.source import Span


class _Cover(NamedTuple):
    """An `allow` and the lines it speaks of, both ends included; none where nothing follows it."""

    allow: s.Allow
    first: int
    last: int


def judge(
    problems: Sequence[Diagnostic],
    files: Sequence[s.File],
    texts: Mapping[str, str],
    environment: Environment,
    config: Config,
) -> list[Diagnostic]:
    """What is left of the problems of a workspace once its `allow` lines and its levels are heeded, and what is wrong with
    the `allow` lines themselves."""
    known = lints()
    found: list[Diagnostic] = []
    covers: dict[tuple[str, str], list[_Cover]] = {}
    for file in files:
        if file.allows:
            for cover in _covers(file, outline(texts[file.path])):
                covers.setdefault((file.path, cover.allow.lint.text), []).append(cover)
            for allow in file.allows:
                if allow.lint.text not in known:
                    found.append(unknown(allow.lint.text, allow.lint.span))
                if not allow.reason.value.strip():
                    found.append(kinds.NO_REASON.at(allow.reason.span, name=allow.lint.text))
    used: set[Span] = set()
    for problem in problems:
        silent = [
            cover
            for cover in covers.get((problem.span.path, problem.name), ())
            if cover.first <= problem.span.line <= cover.last
        ]
        used.update(cover.allow.span for cover in silent)
        if not silent or problem.name not in known:
            found.append(problem)
    if not any(problem.severity is Severity.ERROR for problem in found):
        # What could not be read, or not be known, may hold what an `allow` is for; one about dates may wait for its day.
        for cover in (cover for each in covers.values() for cover in each):
            kind = known.get(cover.allow.lint.text)
            unseen = kind is None or (kind.needs and getattr(environment, kind.needs) is None) or kind.needs == "today"
            if cover.allow.span not in used and not unseen:
                fixes = (Fix(titles.REMOVE, cover.allow.span, ""),)
                found.append(kinds.USELESS_ALLOW.at(cover.allow.span, fixes=fixes, name=cover.allow.lint.text))
    return [levelled for problem in found if (levelled := _levelled(problem, config)) is not None]


def _levelled(problem: Diagnostic, config: Config) -> Diagnostic | None:
    if not every()[problem.code].lint:
        return problem
    match config.level(problem.name):
        case Level.OFF:
            return None
        case Level.ERROR:
            return msgspec.structs.replace(problem, severity=Severity.ERROR)
        case Level.WARNING:
            return problem


def _covers(file: s.File, lines: Outline) -> list[_Cover]:
    about = _about(lines)
    found: list[_Cover] = []
    for allow in file.allows:
        spoken_of = about.get(allow.span.line)
        place = (spoken_of.line, spoken_of.last) if spoken_of is not None else (0, 0)
        found.append(_Cover(allow, *place))
    return found


def _about(lines: Outline) -> dict[int, Statement]:
    """The statement each `allow` speaks of, by the line of the `allow`."""
    found: dict[int, Statement] = {}
    blocks = [(None, lines.statements), *((each, each.inside or []) for each in lines.walk())]
    for block, inside in blocks:
        following: Statement | None = None
        for each in reversed(inside):
            if each.word != "allow":
                following = each
            elif following is not None:
                found[each.line] = following
        if block is not None:
            for each in itertools.takewhile(lambda statement: statement.word == "allow", inside):
                found[each.line] = block
    return found
