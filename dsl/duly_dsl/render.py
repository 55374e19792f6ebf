"""Problems as people and tools read them: text for a terminal, JSON, and the annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from duly_dsl import i18n
from duly_dsl.columns import width
from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.source import Span

RED, YELLOW, BLUE, BOLD, PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"

WIDEST = 160
"""Longer lines are shown around the problem only."""


class Words:
    """The sentences of a problem in one of `i18n.LANGUAGES`; None is the terminal's."""

    def __init__(self, language: str | None = None):
        catalogue = i18n.translations("duly_dsl", language or i18n.of_environment())
        self.gettext = catalogue.gettext
        self.ngettext = catalogue.ngettext

    def message(self, problem: Diagnostic) -> str:
        """What is wrong."""
        return self._fill(problem, problem.template)

    def help(self, problem: Diagnostic) -> str:
        """How to mend it."""
        return self._fill(problem, problem.help) if problem.help else ""

    def title(self, problem: Diagnostic, fix: Fix) -> str:
        """What a fix does."""
        return self._fill(problem, fix.title, text=fix.text.strip())

    def note(self, problem: Diagnostic, note: str) -> str:
        """The word on a related place."""
        return self._fill(problem, note)

    def _fill(self, problem: Diagnostic, template: str, **more: str) -> str:
        values = {key: self.gettext(value) if key in problem.words else value for key, value in problem.values.items()}
        return self.gettext(template) % {"nearest": problem.nearest, **values, **more}


def text(
    problems: Sequence[Diagnostic],
    sources: Mapping[str, str],
    *,
    color: bool = False,
    language: str | None = None,
) -> str:
    """Each problem with its line of the source (`sources` are texts by path), and a count at the end."""
    page = _Page(Words(language), sources, color)
    blocks = [page.block(problem) for problem in problems]
    return "\n\n".join([*blocks, page.count(problems)]) if blocks else ""


def as_json(problems: Sequence[Diagnostic], *, language: str | None = None) -> str:
    """A list of objects with the code, the place, the sentences and the fixes of each problem."""
    words = Words(language)
    found = [
        {
            "code": problem.code,
            "name": problem.name,
            "severity": problem.severity.value,
            **_place(problem.span),
            "message": words.message(problem),
            "help": words.help(problem),
            "nearest": problem.nearest,
            "fixes": [{"title": words.title(problem, fix), **_place(fix.span), "text": fix.text} for fix in problem.fixes],
            "related": [{**_place(span), "message": words.note(problem, note)} for span, note in problem.related],
        }
        for problem in problems
    ]
    return json.dumps(found, ensure_ascii=False, indent=2)


def github(problems: Sequence[Diagnostic], *, language: str | None = None) -> str:
    """Workflow commands that annotate the lines of a pull request."""
    words = Words(language)
    lines: list[str] = []
    for problem in problems:
        span = problem.span
        fields = {"file": span.path, "line": span.line, "endLine": span.end_line, "col": span.column}
        if span.line == span.end_line:
            fields["endColumn"] = span.end_column
        fields["title"] = f"{problem.code} {problem.name}"
        said = ",".join(f"{key}={_escape(str(value), ',:')}" for key, value in fields.items())
        sentence = words.message(problem)
        if help_ := words.help(problem):
            sentence += f"\n{help_}"
        lines.append(f"::{problem.severity.value} {said}::{_escape(sentence)}")
    return "\n".join(lines)


def _escape(value: str, more: str = "") -> str:
    return "".join(f"%{ord(letter):02X}" if letter in "%\r\n" + more else letter for letter in value)


def _place(span: Span) -> dict[str, Any]:
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _printable(value: str) -> str:
    """Without control characters, which could rewrite the terminal."""
    return "".join(letter if letter.isprintable() else " " if letter in "\t\n" else "\ufffd" for letter in value)


class _Page:
    """Lays problems out for a terminal."""

    def __init__(self, words: Words, sources: Mapping[str, str], color: bool):
        self.words = words
        self.sources = sources
        self.color = color
        self._lines: dict[str, list[str]] = {}

    def block(self, problem: Diagnostic) -> str:
        """One problem."""
        words, _ = self.words, self.words.gettext
        error = problem.severity is Severity.ERROR
        tint = RED if error else YELLOW
        severity = _("error") if error else _("warning")  # not inside the f-string: the catalogue's reader looks past those
        head = self._paint(f"{severity}[{problem.code}]", tint)
        lines = [f"{head}{self._paint(': ' + _printable(words.message(problem)), BOLD)}"]
        margin = len(str(problem.span.line))
        lines += self._source(problem.span, margin, tint, "^")
        edge = " " * (margin + 1) + self._paint("=", BLUE)
        if problem.nearest and f"`{problem.nearest}`" not in words.help(problem):
            lines.append(f"{edge} " + _("did you mean `%s`?") % _printable(problem.nearest))
        if problem.help:
            lines.append(f"{edge} " + _("help") + f": {_printable(words.help(problem))}")
        for span, note in problem.related:
            lines.append(f"{edge} " + _("note") + f": {_printable(words.note(problem, note))}")
            lines += self._source(span, margin, BLUE, "-")
        return "\n".join(lines)

    def count(self, problems: Sequence[Diagnostic]) -> str:
        """How many problems there are."""
        ngettext = self.words.ngettext
        errors = sum(problem.severity is Severity.ERROR for problem in problems)
        warnings = len(problems) - errors
        parts: list[str] = []
        if errors:
            parts.append(ngettext("%d error", "%d errors", errors) % errors)
        if warnings:
            parts.append(ngettext("%d warning", "%d warnings", warnings) % warnings)
        return ", ".join(parts)

    def _paint(self, value: str, color: str) -> str:
        return color + value + PLAIN if self.color and value else value

    def _source(self, span: Span, margin: int, tint: str, mark: str) -> list[str]:
        """The place and its line, with the words underlined."""
        pad = " " * margin
        arrow = f"{pad}{self._paint('-->', BLUE)} {span}"
        if span.path not in self._lines:
            source = self.sources.get(span.path, "")
            self._lines[span.path] = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = self._lines[span.path]
        if not 0 < span.line <= len(lines) or not lines[span.line - 1].strip():
            return [arrow]
        line = lines[span.line - 1]
        start = span.column - 1
        end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
        cut = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
        shown = _printable(line[cut : cut + WIDEST].rstrip())
        before = _printable(line[cut:start])
        marked = _printable(line[start : min(end, cut + WIDEST)])
        under = " " * width(before) + self._paint(mark * max(1, width(marked)), tint)
        bar = self._paint("|", BLUE)
        number = self._paint(str(span.line).rjust(margin), BLUE)
        return [arrow, f"{pad} {bar}", f"{number} {bar} {shown}", f"{pad} {bar} {under}"]
