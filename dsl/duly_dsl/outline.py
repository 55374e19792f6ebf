"""A file as lines: which statement stands in which block, and which lines are whose.

It is made from the tokens alone, so it knows broken files too. A statement owns its lines, with those of its block, and the
comment lines right above it; a blank line parts a comment from what follows.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import msgspec

from duly_dsl.parsing import lexing
from duly_dsl.parsing.lexing import Token

_COMMENT = re.compile(r"[ \t\ufeff]*#")


class Statement(msgspec.Struct, eq=False):
    """One statement. Lines count from 1; `last` is the line of the closing brace where it opens a block, and the last line
    of the file where that brace is missing."""

    tokens: list[Token]
    """Without the newline."""
    line: int
    last: int
    above: int
    """The first line it owns: that of the first comment right above it, else `line`."""
    inside: list[Statement] | None = None
    """The statements of its block; None where it opens none."""
    closed: bool = False
    """Whether its block has its closing brace."""
    parent: Statement | None = None

    @property
    def word(self) -> str:
        """The first word."""
        return self.tokens[0].text

    def cells(self) -> list[tuple[Token, list[Token]]]:
        """Of a table's row: the bar before each cell, and its words."""
        cells: list[tuple[Token, list[Token]]] = []
        for token in self.tokens:
            if token.type == "VBAR":
                cells.append((token, []))
            elif cells:
                cells[-1][1].append(token)
        return cells[:-1]

    def cell_texts(self) -> list[str]:
        return [" ".join(token.text for token in words) for _bar, words in self.cells()]

    def walk(self) -> Iterator[Statement]:
        """The statement and those in its block, at any depth, in the order of the file."""
        left: list[Statement] = [self]
        while left:  # blocks may nest deeper than calls may
            statement = left.pop()
            yield statement
            left.extend(reversed(statement.inside or []))

    def __repr__(self) -> str:
        return f"<{lexing.text_of(self.tokens)} at line {self.line}>"


class Outline(msgspec.Struct, eq=False):
    """A whole file. `lines` are its physical lines with their line ends."""

    lines: list[str]
    statements: list[Statement]
    at: dict[int, Statement] = {}
    """By line, the first that begins there."""

    def walk(self) -> Iterator[Statement]:
        for each in self.statements:
            yield from each.walk()

    def __repr__(self) -> str:
        return f"<outline of {len(self.lines)} lines>"


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


@functools.lru_cache(maxsize=16)
def split(text: str) -> list[str]:
    """The lines of a text with their ends; other than `splitlines`, only what the language takes for one ends a line. Not
    to be changed: every problem of a file asks for them."""
    return _LINE.findall(text)


@functools.lru_cache(maxsize=16)
def outline(text: str) -> Outline:
    """The outline of a file, not to be changed. Braces on the lines of others are read as far as they make sense."""
    lines = split(text)
    top: list[Statement] = []
    opened: list[Statement] = []
    by_line: dict[int, Statement] = {}
    for each in lexing.lines("", text)[0]:
        tokens = [token for token in each.tokens if token.type != lexing.NEWLINE]
        while tokens and tokens[0].type == "RBRACE":
            if opened:
                done = opened.pop()
                done.last, done.closed = tokens[0].line, True
            tokens = tokens[1:]
        if not tokens:
            continue
        line = tokens[0].line
        statement = Statement(tokens, line, line, above(lines, line), parent=opened[-1] if opened else None)
        siblings = opened[-1].inside if opened else top
        if siblings is not None:
            siblings.append(statement)
        by_line.setdefault(line, statement)
        if tokens[-1].type == "LBRACE":
            statement.inside = []
            opened.append(statement)
        elif tokens[-1].type == "RBRACE" and opened and "LBRACE" not in {token.type for token in tokens}:
            done = opened.pop()
            done.last, done.closed = line, True
    for each in opened:
        each.last = max(len(lines), each.line)
    return Outline(lines, top, by_line)


def above(lines: list[str], line: int) -> int:
    """The line of the first comment of those right above a line; the line itself where there is none."""
    while line > 1 and _COMMENT.match(lines[line - 2]):
        line -= 1
    return line
