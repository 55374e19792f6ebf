"""A form of one block of a rule file, made from its outline: every statement a row, every cell of a table a box.

Each control names the path of what it changes, as `duly_dsl.edits` takes it; what nobody touches is never written. The
outline is made from tokens, so a line that can't be read takes away nothing but its own row.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from duly_dsl import edits
from duly_dsl.diagnostics import Severity
from duly_dsl.outline import Outline, Statement, outline
from duly_dsl.parser import parse
from duly_dsl.parsing.lexing import text_of
from duly_dsl.source import SourceFile

PHRASES = (
    "first reply within",
    "next reply within",
    "leave stage within",
    "resolved within",
    "reopen within",
    "time zone",
    "holidays from",
    "short day",
    "ticket types",
)
"""Where more than the first word says what a line is about."""
NAMED = ("level", "field", "clock")
"""Statements that are told apart by the word after."""


class Cell(msgspec.Struct, frozen=True):
    heading: str
    value: str
    path: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A statement. `label` are its first words, `value` the others; `choices` are (name, chosen) where it is a list of
    stages. `inside` says it has a block, whose own form is at `line`."""

    label: str
    value: str
    path: str
    line: int
    at: int
    """Its place among the statements of its block."""
    broken: bool = False
    inside: bool = False
    choices: tuple[tuple[str, bool], ...] = ()
    headings: tuple[str, ...] = ()
    cells: tuple[tuple[Cell, ...], ...] = ()


class Entry(msgspec.Struct, frozen=True):
    name: str
    line: int
    depth: int
    here: bool


class Form(msgspec.Struct, frozen=True):
    """`entries` are the blocks of the file to choose from; `rows` those of the chosen one, which is at `path`."""

    file: str
    entries: tuple[Entry, ...]
    title: str = ""
    path: str = ""
    line: int = 0
    closed: bool = False
    rows: tuple[Row, ...] = ()


def form_of(source: SourceFile, line: int) -> Form:
    """Of the block a line is in, else of the first of the file."""
    lines = outline(source.text)
    blocks = [each for each in lines.walk() if _is_block(each)]
    around = [each for each in blocks if each.above <= line <= each.last]
    chosen = around[-1] if around else blocks[0] if blocks else None
    entries = tuple(Entry(_title(each), each.line, _depth(each), each is chosen) for each in blocks)
    if chosen is None:
        return Form(source.path, entries)
    bad = {
        number
        for problem in parse(source).diagnostics
        if problem.severity is Severity.ERROR
        for number in range(problem.span.line, problem.span.end_line + 1)
    }
    path = path_of(chosen, lines)
    rows = tuple(_rows(chosen, path, lines, source, bad))
    return Form(source.path, entries, _title(chosen), path, chosen.line, chosen.closed, rows)


def path_of(statement: Statement, lines: Outline) -> str:
    """What `duly_dsl.edits` finds it by."""
    steps: list[str] = []
    here: Statement | None = statement
    while here is not None:
        siblings = (here.parent.inside or []) if here.parent is not None else lines.statements
        steps.insert(0, _step(here, siblings)[0])
        here = here.parent
    return "/".join(steps)


def _step(statement: Statement, siblings: list[Statement]) -> tuple[str, int]:
    """The step to a statement, and how many of its words the step says: as few as may be, with a number where several
    begin so; more of them where that number would be read as the next word of another (`after 2`)."""
    for said in range(_said(statement), len(statement.tokens) + 1):
        words = [token.text for token in statement.tokens[:said]]
        number = _like(siblings, words).index(statement) + 1
        if number == 1:
            return " ".join(words), said
        if not _like(siblings, [*words, str(number)]):
            return " ".join([*words, str(number)]), said
    return " ".join(token.text for token in statement.tokens), len(statement.tokens)


def _like(siblings: list[Statement], words: list[str]) -> list[Statement]:
    return [each for each in siblings if [token.text for token in each.tokens[: len(words)]] == words]


def _said(statement: Statement) -> int:
    """How many words say what a statement is about."""
    words = [token.text for token in statement.tokens]
    for phrase in PHRASES:
        said = phrase.split()
        if words[: len(said)] == said:
            return len(said)
    named = statement.inside is not None or words[0] in NAMED
    return 2 if named and len(words) > 1 and words[1] not in ("{", "when") else 1


def _is_block(statement: Statement) -> bool:
    return statement.inside is not None and not _is_table(statement)


def _is_table(statement: Statement) -> bool:
    inside = statement.inside or []
    return bool(inside) and inside[0].tokens[0].type == "VBAR"


def _title(statement: Statement) -> str:
    return text_of([token for token in statement.tokens if token.type != "LBRACE"])


def _depth(statement: Statement) -> int:
    return 0 if statement.parent is None else 1 + _depth(statement.parent)


def _rows(block: Statement, path: str, lines: Outline, source: SourceFile, bad: set[int]) -> Iterator[Row]:
    siblings = block.inside or []
    for at, each in enumerate(siblings):
        step, said = _step(each, siblings)
        here = f"{path}/{step}"
        table = _is_table(each)
        broken = any(number in bad for number in range(each.line, (each.last if table else each.line) + 1))
        yield Row(
            label=" ".join(token.text for token in each.tokens[:said]),
            value="" if broken or table else edits.read([source], here, source.path),
            path=here,
            line=each.line,
            at=at,
            broken=broken,
            inside=each.inside is not None and not table,
            choices=() if broken else _stages(block, each),
            headings=tuple(each.inside[0].cell_texts()) if table and each.inside and not broken else (),
            cells=tuple(_cells(each, here, source)) if table and not broken else (),
        )


def _stages(block: Statement, each: Statement) -> tuple[tuple[str, bool], ...]:
    if block.word != "stage" or each.word != "next" or block.parent is None:
        return ()
    chosen = {token.text for token in each.tokens[1:] if token.type == "STRING"}
    names = [
        stage.tokens[1].text
        for stage in block.parent.inside or []
        if stage.word == "stage" and len(stage.tokens) > 1 and stage is not block
    ]
    return tuple((name, name in chosen) for name in names)


def _cells(table: Statement, path: str, source: SourceFile) -> Iterator[tuple[Cell, ...]]:
    heading, *rows = table.inside or []
    names = heading.cell_texts()
    for number, row in enumerate(rows, 1):
        cells = [(name, f"{path}/row {number}/cell {name}") for name, _ in zip(names, row.cells(), strict=False)]
        yield tuple(Cell(name, edits.read([source], where, source.path), where) for name, where in cells)
