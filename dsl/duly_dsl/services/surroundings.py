"""What stands around a place in a text that may be broken: the blocks it is in, and the words of its line."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from duly_dsl.parsing import lexing
from duly_dsl.parsing.engine import CLOSE, OPEN
from duly_dsl.parsing.lexing import NEWLINE, Token
from duly_dsl.services import paths
from duly_dsl.services.index import lines_of
from duly_dsl.services.paths import States

WORDS = ("INT", "DECIMAL", "DATE", "SPAN", "TIME", "OFFSET", "PERCENT", "DURATION", "NAME", "STRING", "YES_NO")


class Block(NamedTuple):
    """An open block: the words of its header, and those of the lines in it so far that are no header."""

    header: list[Token]
    lines: list[list[Token]]


class Surroundings(NamedTuple):
    """`before` are the words of the line left of the place, `under` the one the place is in or touches, `after` the rest.
    `line` is the whole line, the newline left out."""

    blocks: list[Block]
    before: list[Token]
    under: Token | None
    after: list[Token]
    column: int
    in_comment: bool

    @property
    def line(self) -> list[Token]:
        return [*self.before, *([self.under] if self.under else []), *self.after]

    @property
    def typed(self) -> str:
        """What of the word under the place is left of it."""
        return self.under.text[: self.column - self.under.column] if self.under else ""

    def states(self) -> States | None:
        """The parser's states at the start of the line."""
        return paths.inside(block.header for block in self.blocks)


@functools.lru_cache(maxsize=64)
def tokens_of(text: str) -> tuple[tuple[Token, ...], ...]:
    """The lines of a text as words, each with its newline."""
    found, _problems = lexing.lines("", text)
    return tuple(tuple(line.tokens) for line in found)


def of(text: str, line: int, column: int) -> Surroundings:
    """The surroundings of a place. Blocks are told from braces alone, so a header that can't be read opens one too."""
    blocks: list[Block] = []
    here: list[Token] = []
    for tokens in tokens_of(text):
        first = tokens[0].line
        if first > line:
            break
        words = [token for token in tokens if token.type != NEWLINE]
        if first == line:
            here = words
            break
        if not words:
            continue
        for _ in range(next((n for n, token in enumerate(words) if token.type != CLOSE), len(words))):
            if blocks:
                blocks.pop()
        if words[-1].type == OPEN:
            blocks.append(Block(list(tokens), []))
        elif blocks and words[0].type != CLOSE:
            blocks[-1].lines.append(words)
    before = [token for token in here if token.end < column or (token.end == column and not _is_word(token))]
    rest = here[len(before) :]
    under = rest[0] if rest and rest[0].column <= column and (rest[0].column < column or _is_word(rest[0])) else None
    if under is not None and not _is_word(under):
        before, under = [*before, under], None
    after = rest[1:] if under is not None else rest[len(before) + len(rest) - len(here) :]
    return Surroundings(blocks, before, under, after, column, _in_comment(text, here, line, column))


def _is_word(token: Token) -> bool:
    return token.type in WORDS or token.text[:1].isalpha()


def _in_comment(text: str, words: Sequence[Token], line: int, column: int) -> bool:
    lines = lines_of(text)
    if not 0 < line <= len(lines):
        return False
    typed = lines[line - 1][: column - 1]
    end = max((token.end for token in words if token.column < column), default=1)
    return "#" in typed[end - 1 :]
