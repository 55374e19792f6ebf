"""From text to lines of tokens. What is no token at all is reported here and left out of its line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.parsing import grammar
from duly_dsl.source import Span

NEWLINE = "_NL"


class Token(NamedTuple):
    """A word of the text. `line` and `column` count from 1, columns in code points; `end` is exclusive. Only a newline
    spans lines. A token put in by a repair is as wide as what it stands for."""

    type: str
    text: str
    line: int
    column: int
    end: int

    def span(self, path: str) -> Span:
        return Span(path, self.line, self.column, self.line, self.end)


class Line(NamedTuple):
    """The tokens of one statement or brace, the newline last. `damaged` where something in it was reported already."""

    tokens: list[Token]
    damaged: bool


SPACE = re.compile("[ \t\ufeff]+")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_UNCLOSED = re.compile(r'"(?:\\.|[^"\\\r\n])*\\?')
_CURLY = re.compile('[“”„«]([^“”«»"\r\n]*)[“”»]')
_ENDS = ("\n", "\r", "#", "")
"""What ends a line, and takes the space before it."""
_UNKNOWN = re.compile(r"[^\w\s\"{}|,()#<>+-]+|.", re.DOTALL)


def lines(path: str, text: str) -> tuple[list[Line], list[Diagnostic]]:
    """Split a text into lines of tokens; blank lines and comments belong to the newline before them."""
    tables = grammar.tables()
    match = re.compile(tables.pattern).match
    keywords = tables.keywords
    found: list[Line] = []
    problems: list[Diagnostic] = []
    tokens: list[Token] = []
    damaged = False
    place, line, start, size = 0, 1, 0, len(text)
    while place < size:
        if (
            text[place] in " \t"
            and (space := SPACE.match(text, place))
            and text[space.end() : space.end() + 1] not in _ENDS
        ):
            place = space.end()
        hit = match(text, place)
        if hit is None:
            if space := SPACE.match(text, place):
                place = space.end()
                continue
            token, place, problem = unreadable(path, text, place, line, place - start + 1)
            problems.append(problem)
            damaged = True
            if token is not None:
                tokens.append(token)
            continue
        kind, word = hit.lastgroup or "", hit.group()
        place = hit.end()
        if kind == NEWLINE:
            if tokens or not found:
                column = hit.start() - start + 1
                tokens.append(Token(NEWLINE, word, line, column, column))
                found.append(Line(tokens, damaged))
                tokens, damaged = [], False
            if word == "\n":
                line += 1
                start = place
                continue
            for newline in _NEWLINE.finditer(word):
                line += 1
                start = hit.start() + newline.end()
            continue
        if kind == "NAME":
            kind = keywords.get(word, kind)
        tokens.append(Token(kind, word, line, hit.start() - start + 1, place - start + 1))
    if tokens:
        tokens.append(Token(NEWLINE, "", line, size - start + 1, size - start + 1))
        found.append(Line(tokens, damaged))
    if found and found[0].tokens[0].type == NEWLINE:
        del found[0]
    return found, problems


def unreadable(path: str, text: str, place: int, line: int, column: int) -> tuple[Token | None, int, Diagnostic]:
    """What stands at `place` and is no token: a stand-in for it if there is one, where to go on, what is wrong.

    A text without its closing quote ends before a comment or a `{` at the end of its line."""
    if curly := _CURLY.match(text, place):
        token = Token("STRING", curly.group(), line, column, column + len(curly.group()))
        span = token.span(path)
        fix = Fix(titles.WRITE, span, '"' + curly.group(1).replace("\\", "\\\\") + '"')
        return token, curly.end(), kinds.CURLY_QUOTES.at(span, fixes=(fix,), found=curly.group())
    if text[place] == '"' and (unclosed := _UNCLOSED.match(text, place)):
        word = unclosed.group().split("#")[0].rstrip().removesuffix("{").rstrip()
        token = Token("STRING", word, line, column, column + len(word))
        end = Span(path, line, token.end, line, token.end)
        problem = kinds.UNCLOSED_TEXT.at(token.span(path), fixes=(Fix(titles.ADD, end, '"'),), found=word)
        return token, place + len(word), problem
    unknown = _UNKNOWN.match(text, place)
    word = unknown.group() if unknown else text[place]
    span = Span(path, line, column, line, column + len(word))
    fixes = (Fix(titles.REMOVE, span, " " if word.isspace() else ""),)
    shown = word if word.isprintable() else " ".join(f"U+{ord(letter):04X}" for letter in word[:4])
    return None, place + len(word), kinds.UNKNOWN_CHARACTER.at(span, fixes=fixes, found=shown)


def text_of(tokens: Iterable[Token]) -> str:
    """The words as one text, for messages."""
    return " ".join(token.text for token in tokens if token.type != NEWLINE)
