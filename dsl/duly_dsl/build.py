"""From the texts of a workspace to its rule graph, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from duly_dsl import config, fixing, lints, syntax
from duly_dsl.catalogue import every
from duly_dsl.checker import check
from duly_dsl.compiler import compile_files
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.parser import parse
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from duly_dsl.workspace import check_uses


class Built(msgspec.Struct, frozen=True):
    """`program` is None where there is an error among `diagnostics`; warnings alone don't stand in its way."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[syntax.File, ...] = ()
    """The trees, by path."""


def build(sources: Iterable[SourceFile], environment: Environment | None = None) -> Built:
    """Read, check and compile a workspace. Problems come by file and place, each once. A source called `duly.toml` says how
    lints count."""
    files, found = _examined(sources, environment)
    if any(problem.severity is Severity.ERROR for problem in found):
        return Built(None, found, tuple(files))
    return Built(compile_files(files), found, tuple(files))


def problems(sources: Iterable[SourceFile], environment: Environment | None = None) -> tuple[Diagnostic, ...]:
    """The diagnostics of `build`, without compiling."""
    return _examined(sources, environment)[1]


def _examined(
    sources: Iterable[SourceFile], environment: Environment | None
) -> tuple[list[syntax.File], tuple[Diagnostic, ...]]:
    known = environment or Environment()
    every_source = sorted(sources, key=lambda source: source.path)
    ordered = [source for source in every_source if source.path != config.FILE]
    levels, found = config.Config(), list[Diagnostic]()
    for source in every_source:
        if source.path == config.FILE:
            levels, wrong = config.read(source)
            found += wrong
    parsed = [parse(source) for source in ordered]
    unread = tuple(problem for each in parsed for problem in each.diagnostics)
    files = [each.file for each in parsed]
    found += [*unread, *check_uses(files)]
    checked = check(files, known)
    if unread:
        lost = _lost_lines(unread, ordered)
        checked = tuple(problem for problem in checked if not _follows(problem, unread, lost))
    found += checked
    texts = {source.path: source.text for source in ordered}
    found = [fixing.tidy(problem, texts) for problem in lints.judge(found, files, texts, known, levels)]
    found.sort(key=lambda problem: (problem.span, problem.code))
    return files, tuple(found)


def _lost_lines(unread: tuple[Diagnostic, ...], sources: list[SourceFile]) -> str:
    """The lines that could not be read, as one text."""
    lines = {source.path: source.text.splitlines() for source in sources}
    return "\n".join(
        line for each in unread for line in lines[each.span.path][max(each.span.line - 1, 0) : each.span.end_line]
    )


def _follows(problem: Diagnostic, unread: tuple[Diagnostic, ...], lost: str) -> bool:
    """Whether a problem may only be there because a statement could not be read.

    What is said to be missing may stand in a line that was left out: a name that this line holds, or anything at all in
    the same file.
    """
    absence = every()[problem.code].absence
    if absence == "file":
        return any(each.span.path == problem.span.path for each in unread)
    name = problem.values.get("name", "")
    return absence == "name" and bool(name) and name in lost
