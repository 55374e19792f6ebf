"""From the text of a file to its syntax tree, and every problem on the way."""

from __future__ import annotations

import functools

import msgspec

from duly_dsl import fixing, syntax
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.outline import above, split
from duly_dsl.parsing import grammar, lexing
from duly_dsl.parsing.engine import Automaton, Engine
from duly_dsl.parsing.lexing import Line
from duly_dsl.parsing.nodes import NodeBuilder
from duly_dsl.source import SourceFile, Span

MOST_BYTES = 256 * 1024
MOST_STATEMENTS = 10_000
DEEPEST = 64


class Parsed(msgspec.Struct, frozen=True):
    """A file as far as it could be read. Statements that couldn't are left out of `file`, each with a diagnostic."""

    file: syntax.File
    diagnostics: tuple[Diagnostic, ...]


@functools.lru_cache(maxsize=512)
def parse(source: SourceFile) -> Parsed:
    """Read one file. Never raises: whatever the text is, there is a tree, and a diagnostic for all that is not in it."""
    start = Span(source.path, 1, 1, 1, 1)
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        found = kinds.FILE_TOO_LARGE.at(start, size=-(-size // 1024), most=MOST_BYTES // 1024)
        return Parsed(syntax.File(span=start, path=source.path), (found,))
    if (lost := source.text.find("\ufffd")) >= 0:
        line = source.text.count("\n", 0, lost) + 1
        column = lost - source.text.rfind("\n", 0, lost)
        found = kinds.NOT_UTF8.at(Span(source.path, line, column, line, column + 1))
        return Parsed(syntax.File(span=start, path=source.path), (found,))
    lines, problems = lexing.lines(source.path, source.text)
    if len(lines) > MOST_STATEMENTS:
        first = lines[MOST_STATEMENTS].tokens[0]
        found = kinds.TOO_MANY_STATEMENTS.at(first.span(source.path), most=MOST_STATEMENTS)
        return Parsed(syntax.File(span=start, path=source.path), (found,))
    shallow: list[Line] = []
    for line in lines:
        if deep := _too_deep(line):
            problems.append(kinds.TOO_DEEP.at(deep.span(source.path), most=DEEPEST))
        else:
            shallow.append(line)
    first = _read(source.path, shallow, layout=False)
    best = min(_read(source.path, shallow, layout=True), first, key=_Reading.cost) if first.brace_trouble else first
    file, found = best.file, [_closed(problem, source.text) for problem in best.problems]
    texts = {source.path: source.text}
    placed = [fixing.tidy(problem, texts) for problem in (*problems, *found)]
    return Parsed(file, tuple(sorted(placed, key=lambda problem: (problem.span, problem.code))))


def _closed(problem: Diagnostic, text: str) -> Diagnostic:
    """A missing brace, with where to put it: above the line that shows it and its comments, else at the end."""
    if problem.code != kinds.MISSING_CLOSE.code:
        return problem
    lines = split(text)
    path = problem.span.path
    header = lines[problem.span.line - 1]
    indent = header[: len(header) - len(header.lstrip(" \t"))]
    if problem.related:
        line = above(lines, problem.related[0][0].line)
        fix = Fix(titles.CLOSE, Span(path, line, 1, line, 1), f"{indent}}}\n")
    else:
        last = lines[-1].rstrip("\r\n")
        ended = last != lines[-1]
        end = Span(path, len(lines), len(last) + 1, len(lines), len(last) + 1)
        fix = Fix(titles.CLOSE, end, f"\n{indent}}}" if ended else f"\n{indent}}}\n")
    return msgspec.structs.replace(problem, fixes=(fix,))


class _Reading(msgspec.Struct, frozen=True):
    """What one reading of the lines made of them."""

    file: syntax.File
    problems: list[Diagnostic]
    lost: int
    brace_trouble: bool

    def cost(self) -> int:
        return len(self.problems) + self.lost


def _read(path: str, lines: list[Line], *, layout: bool) -> _Reading:
    builder = NodeBuilder(path)
    engine = Engine(Automaton(path, grammar.tables(), builder), builder.problems, layout=layout)
    file = engine.run(lines)
    return _Reading(file, builder.problems, engine.lost, engine.brace_trouble)


def _too_deep(line: Line) -> lexing.Token | None:
    """The bracket or `not` with which a condition nests too deep, if one does."""
    depth = 0
    chain = 0
    opened: list[int] = []
    for token in line.tokens:
        if token.type == "NOT":
            chain += 1
        elif token.type == "LPAR":
            opened.append(chain + 1)
            depth += chain + 1
            chain = 0
        elif token.type == "RPAR" and opened:
            depth -= opened.pop()
            chain = 0
        else:
            chain = 0
        if depth + chain > DEEPEST:
            return token
    return None
