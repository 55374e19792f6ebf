"""Making the fixes that problems offer, as far as nobody has to choose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.formatter import format as laid_out
from duly_dsl.outline import outline, split
from duly_dsl.parsing import lexing
from duly_dsl.source import SourceFile, Span

MOST_ROUNDS = 20
"""A fix can make way for the next one; two that undo each other must not go on for ever."""


class Made(msgspec.Struct, frozen=True):
    """A fix that was made, and the problem it was for; the places are those of the text at the time."""

    problem: Diagnostic
    fix: Fix


class Mended(msgspec.Struct, frozen=True):
    """The files after all fixes, those without any included."""

    sources: tuple[SourceFile, ...]
    made: tuple[Made, ...]
    left: tuple[Diagnostic, ...]
    """The problems that are still there."""


def tidy(problem: Diagnostic, texts: Mapping[str, str]) -> Diagnostic:
    """Let a fix that takes away all there is on a line take the line."""
    if not any(fix.text == "" or fix.span.column == 0 for fix in problem.fixes):
        return problem
    placed = (_placed(fix, texts) if fix.span.column == 0 else fix for fix in problem.fixes)
    return msgspec.structs.replace(problem, fixes=tuple(_whole_lines(fix, texts) for fix in placed if fix is not None))


def _placed(fix: Fix, texts: Mapping[str, str]) -> Fix | None:
    """A fix of diagnostics.first_line or no_statement, at its place."""
    path, line = fix.span.path, fix.span.line
    found = outline(texts[path])
    statement = found.at.get(line)
    if statement is None:
        return None
    first, last = statement.tokens[0], statement.tokens[-1]
    if fix.text == "":
        end = last.end if statement.inside is None else len(found.lines[statement.last - 1].rstrip("\r\n")) + 1
        return msgspec.structs.replace(fix, span=Span(path, line, first.column, statement.last, end))
    if statement.inside is None:
        return None
    end = len(found.lines[line - 1].rstrip("\r\n")) + 1
    text = "\n" + " " * (first.column + 1) + fix.text
    return msgspec.structs.replace(fix, span=Span(path, line, end, line, end), text=text)


def _whole_lines(fix: Fix, texts: Mapping[str, str]) -> Fix:
    span = fix.span
    lines = split(texts.get(span.path, ""))
    if fix.text or span.end_line > len(lines) or (span.line, span.column) == (span.end_line, span.end_column):
        return fix
    before = lines[span.line - 1][: span.column - 1]
    after = lines[span.end_line - 1][span.end_column - 1 :]
    if before.strip(" \t") or after.strip() or not after:
        return fix
    if span.end_line < len(lines):
        whole = Span(span.path, span.line, 1, span.end_line + 1, 1)
    else:
        whole = Span(span.path, span.line, 1, span.end_line, len(lines[-1].rstrip("\r\n")) + 1)
    return msgspec.structs.replace(fix, span=whole)


def sure(problem: Diagnostic) -> Fix | None:
    """The one fix of a problem that can be made unasked."""
    return problem.fixes[0] if len(problem.fixes) == 1 and problem.fixes[0].sure else None


def mend(
    sources: Iterable[SourceFile],
    check: Callable[[Sequence[SourceFile]], Sequence[Diagnostic]],
    wanted: Callable[[Diagnostic], bool] = lambda problem: True,
) -> Mended:
    """Make the sure fixes of all problems that are `wanted`, again and again until none is left.

    Fixes that touch each other wait for the next round. One that would lose a comment, or bring more errors than it mends,
    is not made. A file that was laid out before is laid out after.
    """
    now = {source.path: source for source in sources}
    neat = {path for path, source in now.items() if path.endswith(".duly") and laid_out(source.text) == source.text}
    problems = check(tuple(now.values()))
    made: list[Made] = []
    refused: set[tuple[str, str, str]] = set()
    for _round in range(MOST_ROUNDS):
        chosen = _apart(problem for problem in problems if wanted(problem) and _key(problem, now) not in refused)
        if not chosen:
            break
        tried = _try(now, chosen, neat)
        after = check(tuple(tried.values()))
        if not _better(problems, after) or not _kept(now, tried):
            # Some of them do harm: one at a time tells which.
            for each in chosen:
                tried = _try(now, [each], neat)
                after = check(tuple(tried.values()))
                if _better(problems, after) and _kept(now, tried):
                    now, problems = tried, after
                    made.append(each)
                    break
                refused.add(_key(each.problem, now))
            continue
        now, problems = tried, after
        made += chosen
    return Mended(tuple(now.values()), tuple(made), tuple(problems))


def _key(problem: Diagnostic, sources: Mapping[str, SourceFile]) -> tuple[str, str, str]:
    lines = split(sources[problem.span.path].text) if problem.span.path in sources else []
    line = lines[problem.span.line - 1] if problem.span.line <= len(lines) else ""
    return problem.code, problem.span.path, line


def _apart(problems: Iterable[Diagnostic]) -> list[Made]:
    """The sure fixes that don't touch each other, the first of each clash."""
    chosen: list[Made] = []
    for problem in problems:
        fix = sure(problem)
        if fix is None:
            continue
        span = fix.span
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        if all(
            each.fix.span.path != span.path
            or end < (each.fix.span.line, each.fix.span.column)
            or start > (each.fix.span.end_line, each.fix.span.end_column)
            for each in chosen
        ):
            chosen.append(Made(problem, fix))
    return chosen


def _try(sources: Mapping[str, SourceFile], chosen: Sequence[Made], neat: set[str]) -> dict[str, SourceFile]:
    tried = dict(sources)
    for path in {each.fix.span.path for each in chosen}:
        text = replaced(sources[path].text, [each.fix for each in chosen if each.fix.span.path == path])
        tried[path] = SourceFile(path, laid_out(text) if path in neat else text)
    return tried


def replaced(text: str, fixes: Iterable[Fix]) -> str:
    """The text with fixes made that don't overlap."""
    lines = split(text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    places = [
        (starts[fix.span.line - 1] + fix.span.column - 1, starts[fix.span.end_line - 1] + fix.span.end_column - 1, fix.text)
        for fix in fixes
    ]
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new.replace("\n", newline) + text[end:]
    return text


def _better(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> bool:
    """Whether there are fewer problems: of the text first, since a text that can be read shows what else is wrong, then
    errors, then any."""
    return _weight(after) < _weight(before)


def _weight(problems: Sequence[Diagnostic]) -> tuple[int, int, int]:
    unread = sum(problem.code.startswith("E01") for problem in problems)
    return unread, sum(problem.severity is Severity.ERROR for problem in problems), len(problems)


def comments(text: str) -> Counter[str]:
    """The comments of a text, without the white space around them."""
    found: Counter[str] = Counter()
    for line in re.split(r"\r\n|\n|\r", text):
        tokens = lexing.lines("", line)[0]
        end = tokens[0].tokens[-2].end - 1 if tokens else 0
        if "#" in line[end:]:
            found[line[line.index("#", end) :].strip()] += 1
    return found


def _kept(before: Mapping[str, SourceFile], after: Mapping[str, SourceFile]) -> bool:
    return all(
        not comments(source.text) - comments(after[path].text)
        for path, source in before.items()
        if after[path] is not source
    )
