"""One way to lay a file out: two spaces a block, one space between words, tables and ladders in columns.

It works line by line on tokens, not on the tree, so it formats broken files too. No token and no comment is ever added,
dropped or moved to another line; only white space changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import msgspec

from duly_dsl.columns import pad, width
from duly_dsl.parsing import grammar, lexing

INDENT = "  "

_PARTS = re.compile(r"(#[^\r\n]*)|\r\n|\n|\r")


class _Line(msgspec.Struct):
    """A line of the file: its words (type and text), its comment, and whether blank lines stood before it."""

    words: list[tuple[str, str]]
    comment: str
    after_blank: bool
    depth: int = 0

    def is_row(self) -> bool:
        return self.words[:1] == [("VBAR", "|")]


def format(text: str) -> str:
    """The text laid out. Formatting twice changes nothing more, and the tree stays the same but for its places."""
    lines = list(_scan(text))
    depth = 0
    for line in lines:
        kinds = [kind for kind, _ in line.words]
        leading = next((place for place, kind in enumerate(kinds) if kind != "RBRACE"), len(kinds))
        line.depth = max(0, depth - leading)
        depth = max(0, depth - kinds.count("RBRACE") + kinds.count("LBRACE"))
    written = _columns(lines)
    out: list[str] = []
    for place, (line, content) in enumerate(zip(lines, written, strict=True)):
        if place and _parted(lines[place - 1], line):
            out.append("")
        comment = "  " + line.comment if line.comment and content else line.comment
        out.append((INDENT * line.depth + content + comment).rstrip(" \t"))
    return "".join(line + "\n" for line in out)


def _scan(text: str) -> Iterator[_Line]:
    """The lines that hold something."""
    match = re.compile(grammar.tables().pattern).match
    words: list[tuple[str, str]] = []
    blank = False
    place = 0
    while place < len(text):
        if hit := match(text, place):
            place = hit.end()
            if hit.lastgroup != lexing.NEWLINE:
                words.append((hit.lastgroup or "", hit.group()))
                continue
            comment = ""
            for part in _PARTS.finditer(hit.group()):
                if part.group(1) is not None:
                    comment = part.group(1).rstrip(" \t")
                elif words or comment:
                    yield _Line(words, comment, blank)
                    words, comment, blank = [], "", False
                else:
                    blank = True
            if comment:  # the last line has no newline
                yield _Line(words, comment, blank)
                words = []
        elif space := lexing.SPACE.match(text, place):
            place = space.end()
        else:
            start = place
            _, place, _ = lexing.unreadable("", text, place, 1, 1)
            words.append(("", text[start:place]))
    if words:
        yield _Line(words, "", blank)


def _parted(before: _Line, line: _Line) -> bool:
    """Whether an empty line parts the two: one the author left inside a block, or the end of a block at the top."""
    closes = line.words[:1] == [("RBRACE", "}")]
    if before.words[-1:] == [("LBRACE", "{")] or closes:
        return False
    return line.after_blank or (line.depth == 0 and before.depth == 0 and before.words[:1] == [("RBRACE", "}")])


def _join(words: list[tuple[str, str]]) -> str:
    out = ""
    for _, word in words:
        if out and word not in (",", ")") and not out.endswith("("):
            out += " "
        out += word
    return out


def _columns(lines: list[_Line]) -> list[str]:
    """The contents of the lines, with neighbours of one sort in columns; comments between them don't part them."""
    written = [_join(line.words) for line in lines]
    sorts = [(place, _sort(line)) for place, line in enumerate(lines) if line.words]
    for sort, group in groupby(sorts, key=lambda item: item[1]):
        places = [place for place, _ in group]
        if sort == "row":
            _table(lines, places, written)
        elif sort:
            _two_columns(lines, places, written)
    return written


def _sort(line: _Line) -> str:
    """What a line has columns with: its neighbours of the same sort."""
    if line.is_row():
        return "row"
    if not _second_column(line):
        return ""
    kinds = [kind for kind, _ in line.words]
    return "text" if kinds == ["STRING", "STRING"] else " ".join(kinds[:2])


def _second_column(line: _Line) -> int:
    """Where the second column of a line begins, in words: the text of a language, what a level or a step does; 0 where it
    has none."""
    words = [word for _, word in line.words]
    kinds = [kind for kind, _ in line.words]
    end = 0
    if kinds == ["STRING", "STRING"]:
        end = 1
    elif words[:1] == ["at"] and kinds[1:2] == ["OFFSET"]:
        end = 2
    elif words[:1] == ["at"] and "TIME" in kinds[2:4]:
        end = kinds.index("TIME") + 1
    elif words[:1] == ["level"] and kinds[1:2] == ["INT"]:
        if words[2:4] == ["at", "once"]:
            end = 4
        elif words[2:3] == ["after"] and kinds[3:4] == ["DURATION"]:
            end = 5 if words[4:5] == ["elapsed"] else 4
        elif words[2:3] == ["after"] and kinds[3:4] == ["INT"]:
            end = 6
    return end if end < len(words) else 0


def _two_columns(lines: list[_Line], places: list[int], written: list[str]) -> None:
    halves = {place: _second_column(lines[place]) for place in places}
    firsts = {place: _join(lines[place].words[: halves[place]]) for place in places}
    widest = max(width(first) for first in firsts.values())
    gap = " " if lines[places[0]].words[0][0] == "STRING" else "  "
    for place in places:
        written[place] = pad(firsts[place], widest) + gap + _join(lines[place].words[halves[place] :])


def _table(lines: list[_Line], places: list[int], written: list[str]) -> None:
    """Rows under each other; what stands after the last bar of a row keeps its place there."""
    rows: dict[int, list[str]] = {}
    rests: dict[int, str] = {}
    for place in places:
        cells: list[list[tuple[str, str]]] = []
        for word in lines[place].words:
            if word == ("VBAR", "|"):
                cells.append([])
            else:
                cells[-1].append(word)
        rests[place] = _join(cells.pop())
        rows[place] = [_join(cell) for cell in cells]
    widths = [
        max(width(row[column]) for row in rows.values() if column < len(row))
        for column in range(max(len(row) for row in rows.values()))
    ]
    for place in places:
        cells_ = "".join(f" {pad(cell, cells)} |" for cell, cells in zip(rows[place], widths, strict=False))
        written[place] = ("|" + cells_ + " " + rests[place]).rstrip(" ")
