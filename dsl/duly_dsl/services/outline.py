"""The outline of a file, what can be folded, and its formatting as small changes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from duly_dsl import syntax as s
from duly_dsl.formatter import format as laid_out
from duly_dsl.parser import parse
from duly_dsl.services.edits import Edit
from duly_dsl.services.index import KINDS, Defining, inside, lines_of, outermost
from duly_dsl.services.surroundings import tokens_of
from duly_dsl.source import SourceFile, Span


class Entry(msgspec.Struct, frozen=True):
    """A statement with a name: `span` is all of it, `name_span` its name. `kind` is that of the symbol it defines."""

    name: str
    kind: str
    span: Span
    name_span: Span
    children: tuple[Entry, ...] = ()


class Fold(msgspec.Struct, frozen=True):
    """Lines `first` to `last` that can be folded into the first; `kind` is `block`, `comment` or `imports`."""

    first: int
    last: int
    kind: str


def outline(source: SourceFile) -> tuple[Entry, ...]:
    """The named statements of a file, in its order; those that can't be read are left out."""
    return _entries(outermost(parse(source).file))


def _entries(nodes: Iterable[Defining]) -> tuple[Entry, ...]:
    return tuple(sorted(map(_entry, nodes), key=lambda entry: entry.span))


def _entry(node: Defining) -> Entry:
    children = _entries(inside(node)) if isinstance(node, s.Pipeline) else ()
    return Entry(node.name.text, KINDS[type(node)], node.span, node.name.span, children)


def folds(text: str) -> list[Fold]:
    """Blocks, runs of comments and runs of `use` lines; of broken files too."""
    found: list[Fold] = []
    opened: list[int] = []
    uses: list[int] = []
    for words in tokens_of(text):
        if words[0].type == "USE":
            uses.append(words[0].line)
        for token in words:
            if token.type == "LBRACE":
                opened.append(token.line)
            elif token.type == "RBRACE" and opened:
                first = opened.pop()
                if token.line - 1 > first:
                    found.append(Fold(first, token.line - 1, "block"))
    if len(uses) > 1:
        found.append(Fold(uses[0], uses[-1], "imports"))
    comments: list[int] = []
    for number, line in enumerate([*lines_of(text), ""], 1):
        if line.strip().startswith("#"):
            comments.append(number)
            continue
        if len(comments) > 1:
            found.append(Fold(comments[0], comments[-1], "comment"))
        comments = []
    return sorted(found, key=lambda fold: (fold.first, fold.last))


def formatting(source: SourceFile) -> list[Edit]:
    """What laying the file out changes: one edit over the lines that differ; none where nothing does."""
    better = laid_out(source.text)
    if better == source.text:
        return []
    before, after = source.text.splitlines(keepends=True), better.splitlines(keepends=True)
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    tail = 0
    while tail < min(len(before), len(after)) - same and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    lines = lines_of(source.text)
    if any(mark in source.text for mark in ("\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")):
        end = Span(source.path, 1, 1, len(lines), len(lines[-1]) + 1)  # lines are counted differently: all of it
        return [Edit(end, better)]
    last = len(before) - tail
    if last < len(before) or source.text.endswith("\n"):
        span = Span(source.path, same + 1, 1, last + 1, 1)
    else:
        span = Span(source.path, same + 1, 1, len(lines), len(lines[-1]) + 1)
    return [Edit(span, "".join(after[same : len(after) - tail]))]
