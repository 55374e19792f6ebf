"""Changes to files as a form makes them: only the bytes they are about, every comment where it was.

A path says what is meant, from the outside in: `pipeline "Support"/stage "New"/target 2/cell first reply`. A step is the
first words of a statement, as the file writes them, with a number where several begin so (`alert 2`, from 1). In a table,
`row 2` is the second row below the headings, `target 2` that of all `targets` of a block, `cell HEADING` a cell of a row.

    set      what stands after the words of the path (`…/next` -> `"Done", "Later"`), or in the cell
    insert   a statement, with its block, at a place among those of a block (from 0; at the end without one)
    remove   a statement, with its block and the comments right above it
    move     a statement to another place among those of its block; blank lines stay where they are
    rename   what a statement defines, wherever it is named in the workspace
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from duly_dsl import i18n
from duly_dsl.diagnostics import Severity
from duly_dsl.i18n import marked as _
from duly_dsl.outline import Outline, Statement, outline
from duly_dsl.parser import parse
from duly_dsl.parsing import lexing
from duly_dsl.parsing.lexing import Token
from duly_dsl.render import Words
from duly_dsl.services.edits import Edit, apply
from duly_dsl.services.index import Index, Place
from duly_dsl.services.rename import Refused, rename
from duly_dsl.source import SourceFile, Span

__all__ = ["Edit", "Operation", "Refused", "apply", "changes", "inverse", "read"]

Says = Callable[[str], str]

OPERATIONS = ("set", "insert", "remove", "move", "rename")


class Operation(msgspec.Struct, frozen=True):
    """One change. `path` may be empty for `insert` at the top of `file`; `file` may be left out where one file only has
    what the path names."""

    op: str
    path: str = ""
    value: str = ""
    at: int | None = None
    file: str = ""


class _Found(msgspec.Struct, eq=False):
    """What a path names: a statement and how many of its words the path said, or a cell of it."""

    source: SourceFile
    lines: Outline
    statement: Statement | None
    said: int = 0
    cell: list[Token] | None = None
    """The words of the cell; `bar` is the sign before them."""
    bar: Token | None = None


def changes(sources: Sequence[SourceFile], operation: Operation, language: str = "en") -> tuple[Edit, ...]:
    """The changes of texts an operation makes; Refused, with a sentence for people, where it can't be made or the file
    could not be read after it."""
    said = i18n.translations("duly_dsl", i18n.choose(language)).gettext
    if operation.op not in OPERATIONS:
        raise Refused(said(_("there is no operation `%(op)s`")) % {"op": operation.op})
    found = _find(sources, operation, said)
    match operation.op:
        case "set":
            edits = _set(found, operation.value)
        case "insert":
            edits = _insert(found, operation, said)
        case "remove":
            edits = _remove(found, said)
        case "move":
            edits = _move(found, operation.at or 0, said)
        case _:
            return _rename(sources, found, operation.value, language, said)
    _sound(found.source, edits, language)
    return edits


def read(sources: Sequence[SourceFile], path: str, file: str = "") -> str:
    """What `set` would replace."""
    said = i18n.translations("duly_dsl", "en").gettext
    found = _find(sources, Operation("set", path, file=file), said)
    span = _value(found)
    line = found.lines.lines[span.line - 1]
    return line[span.column - 1 : span.end_column - 1].strip()


def inverse(text: str, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The changes that undo changes of one file; `text` is the one before."""
    after = apply(text, edits)
    back: list[Edit] = []
    shift = 0
    before = _Places(text)
    now = _Places(after)
    for edit in sorted(edits, key=lambda edit: edit.span):
        start = before.offset(edit.span.line, edit.span.column)
        end = before.offset(edit.span.end_line, edit.span.end_column)
        first, last = start + shift, start + shift + len(edit.text)
        back.append(Edit(now.span(edit.span.path, first, last), text[start:end]))
        shift += len(edit.text) - (end - start)
    return tuple(back)


class _Places:
    """Lines and columns of a text, and offsets in it."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(hit.end() for hit in re.finditer(r"\r\n|\n|\r", text))]

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column - 1

    def span(self, path: str, first: int, last: int) -> Span:
        return Span(path, *self._at(first), *self._at(last))

    def _at(self, offset: int) -> tuple[int, int]:
        line = sum(start <= offset for start in self.starts)
        return line, offset - self.starts[line - 1] + 1


# --- paths


def _steps(path: str) -> list[list[Token]]:
    """The words of each step; `/` parts them outside of quotes."""
    parts = re.findall(r'(?:"(?:\\.|[^"\\])*"|yes/no|[^/])+', path)
    steps: list[list[Token]] = []
    for part in parts:
        lines, _problems = lexing.lines("", part)
        steps.append([token for token in lines[0].tokens if token.type != lexing.NEWLINE] if lines else [])
    return steps


def _find(sources: Sequence[SourceFile], operation: Operation, said: Says) -> _Found:
    steps = _steps(operation.path)
    if any(not step for step in steps):
        raise Refused(said(_("a step of the path is empty")))
    wanted = [source for source in sources if not operation.file or source.path == operation.file]
    found = [each for source in wanted if (each := _in_file(source, steps)) is not None]
    if not found:
        raise Refused(said(_("nothing is called `%(path)s`")) % {"path": operation.path or operation.file})
    if len(found) > 1:
        files = ", ".join(f"`{each.source.path}`" for each in found)
        raise Refused(said(_("several files have `%(path)s`: %(files)s")) % {"path": operation.path, "files": files})
    return found[0]


def _in_file(source: SourceFile, steps: list[list[Token]]) -> _Found | None:
    lines = outline(source.text)
    here: Statement | None = None
    count = 0
    for step in steps:
        words = [token.text for token in step]
        if words[0] == "cell" and here is not None and here.tokens[0].type == "VBAR" and here.parent is not None:
            return _cell(source, lines, here, " ".join(words[1:]))
        inside = lines.statements if here is None else here.inside or []
        here, count = _child(inside, step)
        if here is None:
            return None
    return _Found(source, lines, here, count)


def _child(inside: list[Statement], step: list[Token]) -> tuple[Statement | None, int]:
    words = [token.text for token in step]
    number = int(words[-1]) if step[-1].type == "INT" and len(words) > 1 and len(words[-1]) < 6 else 1
    if words[0] in ("row", "target") and len(words) == 2 and step[-1].type == "INT":
        tables = inside if words[0] == "row" else [row for each in inside if each.word == "targets" for row in _rows(each)]
        rows = [each for each in tables if each.tokens[0].type == "VBAR"]
        rows = rows[1:] if words[0] == "row" else rows
        return (rows[number - 1], 0) if 0 < number <= len(rows) else (None, 0)
    for said, at in ((words, 1), (words[:-1], number)):
        if not said:
            continue
        fitting = [each for each in inside if [token.text for token in each.tokens[: len(said)]] == said]
        if 0 < at <= len(fitting):
            return fitting[at - 1], len(said)
        if step[-1].type != "INT":
            break
    return None, 0


def _rows(table: Statement) -> list[Statement]:
    return (table.inside or [])[1:]


def _cell(source: SourceFile, lines: Outline, row: Statement, heading: str) -> _Found | None:
    head = (row.parent.inside or [row])[0] if row.parent is not None else row
    headings = head.cell_texts()
    cells = row.cells()
    if heading not in headings or headings.index(heading) >= len(cells):
        return None
    bar, words = cells[headings.index(heading)]
    return _Found(source, lines, row, cell=words, bar=bar)


# --- operations


def _value(found: _Found) -> Span:
    """What `set` replaces: the words of a cell, or those of a statement after what the path said."""
    path = found.source.path
    if found.bar is not None:
        if not found.cell:
            return Span(path, found.bar.line, found.bar.end, found.bar.line, found.bar.end)
        return Span(path, found.bar.line, found.cell[0].column, found.bar.line, found.cell[-1].end)
    tokens = found.statement.tokens if found.statement is not None else []
    rest = [token for token in tokens[found.said :] if token.type != "LBRACE"]
    if rest:
        return Span(path, rest[0].line, rest[0].column, rest[-1].line, rest[-1].end)
    last = tokens[max(found.said, 1) - 1]
    return Span(path, last.line, last.end, last.line, last.end)


def _set(found: _Found, value: str) -> tuple[Edit, ...]:
    span = _value(found)
    value = value.strip()
    empty = span.column == span.end_column
    if not value and not empty and found.bar is None and found.statement is not None:
        # The words go with the space before them.
        before = found.statement.tokens[max(found.said, 1) - 1]
        return (Edit(Span(span.path, span.line, before.end, span.end_line, span.end_column), ""),)
    return (Edit(span, " " + value if empty and value else value),)


def _needed(found: _Found, said: Says) -> Statement:
    if found.statement is None or found.bar is not None:
        raise Refused(said(_("the path must name a statement")))
    return found.statement


def _newline(lines: Outline) -> str:
    first = lines.lines[0] if lines.lines else ""
    return first[len(first.rstrip("\r\n")) :] or "\n"


def _siblings(block: Statement | None, lines: Outline) -> list[Statement]:
    """What has a place in a block that can change: all of its statements but the headings of a table."""
    inside = (block.inside or []) if block is not None else lines.statements
    table = block is not None and bool(inside) and inside[0].tokens[0].type == "VBAR"
    return inside[1:] if table else list(inside)


def _insert(found: _Found, operation: Operation, said: Says) -> tuple[Edit, ...]:
    lines, block = found.lines, found.statement
    if block is not None and (block.inside is None or not block.closed or found.bar is not None):
        raise Refused(said(_("the path must name a block")))
    inside = _siblings(block, lines)
    at = len(inside) if operation.at is None else max(0, min(operation.at, len(inside)))
    if at < len(inside):
        line = inside[at].above
    elif inside:
        line = inside[-1].last + 1
    elif block is not None:
        line = (block.inside[0].last if block.inside else block.line) + 1
    else:
        line = 1
    like = inside or ((block.inside or []) if block is not None else [])
    if like:
        first = lines.lines[like[0].line - 1]
        indent = first[: len(first) - len(first.lstrip(" \t"))]
    elif block is not None:
        head = lines.lines[block.line - 1]
        indent = head[: len(head) - len(head.lstrip(" \t"))] + "  "
    else:
        indent = ""
    newline = _newline(lines)
    text = "".join(f"{indent}{part}".rstrip(" \t") + newline for part in operation.value.strip("\n").splitlines())
    path = found.source.path
    if line <= len(lines.lines):
        return (Edit(Span(path, line, 1, line, 1), text),)
    last = lines.lines[-1] if lines.lines else ""
    if last.rstrip("\r\n") == last and last:  # the file ends without a newline, and does so after
        end = Span(path, len(lines.lines), len(last) + 1, len(lines.lines), len(last) + 1)
        return (Edit(end, newline + text.removesuffix(newline)),)
    end = Span(path, len(lines.lines) + 1, 1, len(lines.lines) + 1, 1)
    return (Edit(end, text),)


def _remove(found: _Found, said: Says) -> tuple[Edit, ...]:
    statement = _needed(found, said)
    lines, path = found.lines.lines, found.source.path
    first, last = statement.above, statement.last
    if last < len(lines) or lines[-1].rstrip("\r\n") != lines[-1]:
        return (Edit(Span(path, first, 1, last + 1, 1), ""),)
    if first == 1:
        return (Edit(Span(path, 1, 1, last, len(lines[-1]) + 1), ""),)
    before = lines[first - 2].rstrip("\r\n")
    return (Edit(Span(path, first - 1, len(before) + 1, last, len(lines[-1]) + 1), ""),)


def _move(found: _Found, at: int, said: Says) -> tuple[Edit, ...]:
    """Give every statement from the old place to the new one the lines of its neighbour; what is between them stays."""
    statement = _needed(found, said)
    siblings = _siblings(statement.parent, found.lines)
    if statement not in siblings:
        raise Refused(said(_("the headings of a table stay where they are")))
    old = siblings.index(statement)
    new = max(0, min(at, len(siblings) - 1))
    order = [*siblings[:old], *siblings[old + 1 :]]
    order.insert(new, statement)
    lines, path = found.lines.lines, found.source.path
    edits: list[Edit] = []
    for slot, mover in zip(siblings, order, strict=True):
        if slot is mover:
            continue
        end = lines[slot.last - 1]
        width = len(end.rstrip("\r\n"))
        text = "".join(lines[mover.above - 1 : mover.last])
        edits.append(Edit(Span(path, slot.above, 1, slot.last, width + 1), text.rstrip("\r\n")))
    return tuple(edits)


def _rename(sources: Sequence[SourceFile], found: _Found, name: str, language: str, said: Says) -> tuple[Edit, ...]:
    statement = _needed(found, said)
    token = next((token for token in statement.tokens[1:] if token.type in ("STRING", "NAME")), None)
    if token is None:
        raise Refused(said(_("the path must name a statement")))
    index = Index(sources)
    return rename(index, Place(found.source.path, token.line, token.column), name, language).edits


def _sound(source: SourceFile, edits: Sequence[Edit], language: str) -> None:
    """Refused where the file has a problem it did not have before."""
    after = SourceFile(source.path, apply(source.text, edits))
    known = {problem.code for problem in parse(source).diagnostics}
    for problem in parse(after).diagnostics:
        if problem.code not in known and problem.severity is Severity.ERROR:
            raise Refused(Words(language).message(problem))
