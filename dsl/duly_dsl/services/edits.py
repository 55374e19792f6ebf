"""Changes of texts as values, and what they make of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.source import SourceFile, Span

_NEWLINE = re.compile(r"\r\n|\n|\r")


class Edit(msgspec.Struct, frozen=True):
    """Put `text` in the place of what `span` covers."""

    span: Span
    text: str


class Offsets:
    """From places of a text to offsets in it."""

    def __init__(self, text: str) -> None:
        self.size = len(text)
        self._starts = [0, *(newline.end() for newline in _NEWLINE.finditer(text))]

    def at(self, line: int, column: int) -> int:
        """The offset of a place; the end of the text where there is no such line."""
        if line > len(self._starts):
            return self.size
        return min(self._starts[line - 1] + column - 1, self.size)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits, all of which speak of the text before. Of two that overlap the first counts."""
    offsets = Offsets(text)
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        start = offsets.at(edit.span.line, edit.span.column)
        end = offsets.at(edit.span.end_line, edit.span.end_column)
        if start < done:
            continue
        parts += [text[done:start], edit.text]
        done = end
    return "".join([*parts, text[done:]])


def apply_all(sources: Mapping[str, SourceFile], edits: Sequence[Edit]) -> list[SourceFile]:
    """The workspace after the edits."""
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.span.path, []).append(edit)
    return [
        msgspec.structs.replace(source, text=apply(source.text, by_path[path])) if path in by_path else source
        for path, source in sources.items()
    ]


def of(fix: Fix) -> Edit:
    return Edit(fix.span, fix.text)


def fixes_at(problems: Iterable[Diagnostic], span: Span) -> list[tuple[Diagnostic, Fix]]:
    """The fixes of the problems that touch a stretch of a file, those of one problem in its order."""
    return [
        (problem, fix)
        for problem in problems
        if problem.span.path == span.path
        and (problem.span.line, problem.span.column) <= (span.end_line, span.end_column)
        and (span.line, span.column) <= (problem.span.end_line, problem.span.end_column)
        for fix in problem.fixes
    ]


def sure_fixes(problems: Iterable[Diagnostic], path: str) -> list[Edit]:
    """What mends a file without a choice: the fixes of problems that have only one. Of two at one place the first."""
    found: list[Edit] = []
    for problem in problems:
        if len(problem.fixes) == 1 and problem.fixes[0].sure and problem.fixes[0].span.path == path:
            edit = of(problem.fixes[0])
            if not any(_overlap(edit.span, other.span) for other in found):
                found.append(edit)
    return found


def _overlap(a: Span, b: Span) -> bool:
    return a == b or ((a.line, a.column) < (b.end_line, b.end_column) and (b.line, b.column) < (a.end_line, a.end_column))
