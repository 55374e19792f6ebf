"""Tables: what a cell says depends on its column, so cells are read when the whole table is known."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from duly_dsl import syntax
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.parsing import values
from duly_dsl.parsing.lexing import Token, text_of
from duly_dsl.source import Span
from duly_dsl.units import Unit

METRICS = ("first reply", "next reply", "leave stage", "resolved")
MAP_HEADER = ("card field", "from message", "as", "if missing")
MAP_TYPES = ("text", "number", "choice", "date", "yes/no", "phone", "email")
ACTORS = {
    "owner": ("owner", ""),
    "manager": ("manager", ""),
    "manager of": ("manager_of", "STRING"),
    "lead": ("lead_of_owner", ""),
    "lead of": ("lead", "STRING"),
    "team": ("team", "STRING"),
    "agent": ("agent", "NAME"),
    "least busy of": ("least_busy", "STRING"),
    "round robin of": ("round_robin", "STRING"),
}
"""Words of an actor -> its kind, and the token that names it."""


_OTHER_TYPES = {"string": "text", "str": "text", "integer": "number", "int": "number", "float": "number"} | {
    **{"boolean": "yes/no", "bool": "yes/no", "enum": "choice", "option": "choice", "datetime": "date"},
}
"""What other tools call the types of fields."""


class TableKind(enum.Enum):
    """What a table is for."""

    TARGETS = "targets"
    CLOCK_TARGETS = "targets of a named clock"
    ASSIGN = "assign"


TARGETS, CLOCK_TARGETS, ASSIGN = TableKind.TARGETS, TableKind.CLOCK_TARGETS, TableKind.ASSIGN

HEADINGS = {TARGETS: METRICS, CLOCK_TARGETS: ("within",), ASSIGN: ("to", "words")}
"""Headings with a meaning of their own; one of the first two, or `to`, is needed."""


def own_clock(span: Span) -> syntax.Metric:
    """The clock a `clock` block is about, before its name is known. It is named nowhere in the line, so not `quoted`."""
    return syntax.Metric(span=span, name="")


class RawRow(NamedTuple):
    """A row as tokens, its bars included."""

    span: Span
    tokens: list[Token]


class RawTable(NamedTuple):
    """The rows that could be read; `damaged` where there were others."""

    span: Span
    rows: list[RawRow]
    damaged: bool


class RawCell(NamedTuple):
    """The tokens between two bars; `span` is the place of the cell even where it is empty."""

    span: Span
    tokens: list[Token]

    @property
    def text(self) -> str:
        return text_of(self.tokens)


def literal(token: Token, path: str) -> syntax.Value | Diagnostic:
    """A value written as one token."""
    span = token.span(path)
    match token.type:
        case "INT" | "DECIMAL":
            if len(token.text) > 18:
                return kinds.HUGE_NUMBER.at(span, found=token.text)
            number = float(token.text) if "." in token.text else int(token.text)
            return syntax.Value(span=span, kind="number", value=number)
        case "DATE":
            date = values.read_date(token.text, span)
            return date if isinstance(date, Diagnostic) else syntax.Value(span=span, kind="date", value=date)
        case "STRING":
            text = values.read_text(token.text, span)
            return text if isinstance(text, Diagnostic) else syntax.Value(span=span, kind="text", value=text)
        case "NAME" if token.text in ("yes", "no"):
            return syntax.Value(span=span, kind="yes/no", value=token.text == "yes")
        case _:
            return syntax.Value(span=span, kind="word", value=values.composed(token.text))


def read(raw: RawTable, kind: TableKind, path: str) -> tuple[syntax.Table | None, list[Diagnostic]]:
    """The table of a `targets` or an `assign`; None where its header can't be read. A row that can't is left out."""
    reader = _Reader(path)
    if not raw.rows:
        return None, [] if raw.damaged else [kinds.EMPTY_TABLE.at(raw.span)]
    heads = reader.header(raw)
    if heads is None:
        return None, reader.problems
    if kind is not ASSIGN and (wrong := _untimed(heads, raw.rows[1:], HEADINGS[kind])):
        return None, [*reader.problems, reader.bad_heading(wrong, HEADINGS[kind])]
    columns = tuple(reader.column(cell, kind) for cell in heads)
    header = tuple(column for column in columns if column is not None)
    if len(header) < len(columns):
        return None, reader.problems
    found = {column.kind for column in header}
    wanted = ("to", "to") if kind is ASSIGN else ("metric", HEADINGS[kind][0])
    if wanted[0] not in found:
        reader.problems.append(kinds.MISSING_COLUMN.at(raw.rows[0].span, column=wanted[1]))
        return None, reader.problems
    rows = tuple(row for line in raw.rows[1:] if (row := reader.row(line, header)))
    if not rows and not reader.problems and not raw.damaged:
        reader.problems.append(kinds.EMPTY_TABLE.at(raw.rows[0].span))
    return syntax.Table(span=raw.span, columns=header, rows=rows), reader.problems


def read_map(raw: RawTable, path: str) -> tuple[tuple[syntax.MapRow, ...], list[Diagnostic]]:
    """The rows of a connector's `map`."""
    reader = _Reader(path)
    if not raw.rows:
        return (), [] if raw.damaged else [kinds.EMPTY_TABLE.at(raw.span)]
    head = reader.header(raw)
    if head is None:
        return (), reader.problems
    if tuple(cell.text for cell in head) != MAP_HEADER:
        line = f"| {' | '.join(MAP_HEADER)} |"
        span = raw.rows[0].span
        fixes = (Fix(titles.WRITE, span, line),) if len(head) == len(MAP_HEADER) else ()
        reader.problems.append(kinds.MAP_HEADING.at(span, fixes=fixes, header=line))
        return (), reader.problems
    return tuple(row for line in raw.rows[1:] if (row := reader.map_row(line))), reader.problems


def _untimed(heads: list[RawCell], rows: list[RawRow], timed: tuple[str, ...]) -> RawCell | None:
    """A heading that is no clock over a column of durations. In a row of another length the columns are not these."""
    for row in rows:
        if sum(token.type == "VBAR" for token in row.tokens) != len(heads) + 1:
            continue
        place = -1
        before = ""
        for token in row.tokens:
            if token.type == "VBAR":
                place += 1
            elif before == "VBAR" and token.type == "DURATION" and place < len(heads) and heads[place].text not in timed:
                return heads[place]
            before = token.type
    return None


class _Reader:
    """Reads the cells of one table."""

    def __init__(self, path: str):
        self.path = path
        self.problems: list[Diagnostic] = []

    def _checked(self, value: Any) -> Any:
        """The value, or None for a problem, which is noted."""
        if isinstance(value, Diagnostic):
            self.problems.append(value)
            return None
        return value

    def header(self, raw: RawTable) -> list[RawCell] | None:
        """The cells of the first row."""
        head, rows = raw.rows[0], raw.rows[1:]
        return self.cells(head, sum(token.type == "VBAR" for token in rows[0].tokens) - 1 if rows else None)

    def cells(self, row: RawRow, wanted: int | None) -> list[RawCell] | None:
        """Cut a row at its bars; None where it can't be used. The last bar may have been forgotten: that is said, and
        read as if it stood there."""
        tokens = row.tokens
        if tokens[-1].type != "VBAR" or len(tokens) == 1:
            bars = [place for place, token in enumerate(tokens) if token.type == "VBAR"]
            if len(bars) - 1 == wanted:
                beyond = tokens[bars[-1] + 1]
                self.problems.append(kinds.TRAILING.at(beyond.span(self.path), found=beyond.text))
                return None
            last = tokens[-1].span(self.path)
            end = Span(self.path, last.line, last.end_column, last.line, last.end_column)
            self.problems.append(kinds.OPEN_ROW.at(last, fixes=(Fix(titles.ADD, end, " |"),)))
            tokens = [*tokens, Token("VBAR", "", last.line, last.end_column, last.end_column)]
        cells: list[RawCell] = []
        bar, inside = tokens[0], list[Token]()
        for token in tokens[1:]:
            if token.type != "VBAR":
                inside.append(token)
                continue
            if inside:
                span = inside[0].span(self.path).to(inside[-1].span(self.path))
            else:
                span = bar.span(self.path).to(token.span(self.path))
            cells.append(RawCell(span, inside))
            bar, inside = token, []
        return cells

    def column(self, cell: RawCell, kind: TableKind) -> syntax.Column | None:
        """What a heading stands for."""
        text = cell.text
        if kind is CLOCK_TARGETS and text == "within":
            return syntax.Column(span=cell.span, kind="metric", metric=own_clock(cell.span))
        if text in METRICS and kind is TARGETS:
            return syntax.Column(span=cell.span, kind="metric", metric=syntax.Metric(span=cell.span, name=text))
        if text in ("to", "words") and kind is ASSIGN:
            return syntax.Column(span=cell.span, kind=text)
        if len(cell.tokens) == 1 and cell.tokens[0].type in ("NAME", "STRING"):
            name = self._checked(literal(cell.tokens[0], self.path))
            if name is None:
                return None
            quoted = cell.tokens[0].type == "STRING"
            operand = syntax.Name(span=cell.span, text=name.value if quoted else values.composed(text), quoted=quoted)
            return syntax.Column(span=cell.span, kind="operand", operand=syntax.Operand(span=cell.span, name=operand))
        self.problems.append(self.bad_heading(cell, HEADINGS[kind]))
        return None

    def bad_heading(self, cell: RawCell, known: tuple[str, ...]) -> Diagnostic:
        """What to say of a heading that is none, or is not the one its cells need."""
        close = nearest(cell.text, known) or next((name for name in known if cell.text and cell.text in name.split()), "")
        fixes = (Fix(titles.WRITE, cell.span, close),) if close else ()
        return kinds.BAD_HEADING.at(cell.span, nearest=close, fixes=fixes, found=cell.text)

    def row(self, line: RawRow, columns: tuple[syntax.Column, ...]) -> syntax.Row | None:
        """One row under the headings; None where a cell of it can't be read."""
        raw = self.cells(line, len(columns))
        if raw is None:
            return None
        if len(raw) != len(columns):
            self.problems.append(kinds.ROW_LENGTH.at(line.span, found=len(raw), wanted=len(columns)))
            return None
        otherwise = raw[0].text == "else"
        cells: list[syntax.Cell | None] = []
        for place, (cell, column) in enumerate(zip(raw, columns, strict=True)):
            if (place == 0 and otherwise) or (cell.text == "any" and column.kind not in ("metric", "to")):
                cells.append(syntax.Cell(span=cell.span, any=True))
            else:
                cells.append(self.cell(cell, column))
        made = tuple(cell for cell in cells if cell is not None)
        return syntax.Row(span=line.span, cells=made, otherwise=otherwise) if len(made) == len(cells) else None

    def cell(self, cell: RawCell, column: syntax.Column) -> syntax.Cell | None:
        """One cell that is not `any` or `else`."""
        if not cell.tokens:
            word = {"metric": "-", "to": "owner"}.get(column.kind, "any")
            fix = Fix(titles.WRITE, cell.span, f"| {word} |", sure=False)
            self.problems.append(kinds.EMPTY_CELL.at(cell.span, fixes=(fix,), word=word))
            return None
        if column.kind == "metric":
            return self._amount(cell)
        if column.kind == "to":
            actor = self._actor(cell)
            return syntax.Cell(span=cell.span, actor=actor) if actor else None
        return self._values(cell, column)

    def _amount(self, cell: RawCell) -> syntax.Cell | None:
        if cell.text == "-":
            return syntax.Cell(span=cell.span, none=True)
        words = cell.text.split()
        types = [token.type for token in cell.tokens]
        span = cell.span
        if types in (["DURATION"], ["DURATION", "NAME"]) and words[1:] in ([], ["elapsed"]):
            found: Any = values.read_clock(words[0], len(words) > 1, span)
        elif types == ["INT", "NAME", "NAME"] and words[1] in ("working", "calendar") and words[2] in ("day", "days"):
            unit = Unit.WORKING_DAYS if words[1] == "working" else Unit.CALENDAR_DAYS
            found = values.read_days(words[0], unit, span)
        elif types == ["INT", "NAME"] and words[1] in ("day", "days") and len(words[0]) <= 5:
            found = values.unclear(int(words[0]), cell.text, span)
        elif types[:2] == ["INT", "NAME"] and len(words[0]) <= 5:
            found = values.read_spelled(words[0], words[1], words[2:] == ["elapsed"], span)
        else:
            found = kinds.BAD_DURATION.at(span, found=cell.text)
        value = self._checked(found)
        if value is None:
            return None
        return syntax.Cell(span=span, amount=syntax.Amount(span=span, value=value))

    def _actor(self, cell: RawCell) -> syntax.Actor | None:
        tokens = cell.tokens
        if tokens[0].text == "level" and len(tokens) > 1 and tokens[1].type == "INT":
            return self._level(cell)
        for end in (len(tokens), len(tokens) - 1):
            kind, named = ACTORS.get(text_of(tokens[:end]), ("", ""))
            rest = tokens[end:]
            if kind and [token.type for token in rest] == ([named] if named else []):
                if not rest:
                    return syntax.Actor(span=cell.span, kind=kind)
                text = self._checked(literal(rest[0], self.path)) if named == "STRING" else values.composed(rest[0].text)
                if text is None:
                    return None
                word = text if isinstance(text, str) else str(text.value)
                name = syntax.Name(span=rest[0].span(self.path), text=word, quoted=named == "STRING")
                return syntax.Actor(span=cell.span, kind=kind, name=name)
        fixes: tuple[Fix, ...] = ()
        if len(tokens) == 1 and tokens[0].type in ("NAME", "STRING"):
            word = "team" if tokens[0].type == "STRING" else "agent"
            fixes = (Fix(titles.WRITE, cell.span, f"{word} {cell.text}"),)
        self.problems.append(kinds.BAD_ACTOR.at(cell.span, fixes=fixes, found=cell.text))
        return None

    def _level(self, cell: RawCell) -> syntax.Actor | None:
        """`level 2`, `level 2 of "Front desk"`."""
        rest = cell.tokens[2:]
        level = self._checked(values.read_count(cell.tokens[1].text, cell.tokens[1].span(self.path)))
        if level is None:
            return None
        if not rest:
            return syntax.Actor(span=cell.span, kind="level", level=level)
        if [token.type for token in rest] != ["NAME", "STRING"] or rest[0].text != "of":
            self.problems.append(kinds.BAD_ACTOR.at(cell.span, found=cell.text))
            return None
        text = self._checked(literal(rest[1], self.path))
        if text is None:
            return None
        name = syntax.Name(span=rest[1].span(self.path), text=str(text.value), quoted=True)
        return syntax.Actor(span=cell.span, kind="level_of", name=name, level=level)

    def _values(self, cell: RawCell, column: syntax.Column) -> syntax.Cell | None:
        """Values parted by commas. In a column of words each is a text, quoted or not."""
        found: list[syntax.Value] = []
        for place, token in enumerate(cell.tokens):
            if (token.type == "COMMA") != (place % 2 == 1) or token.type in ("MINUS", "PERCENT", "DURATION"):
                self.problems.append(kinds.BAD_CELL.at(cell.span, found=cell.text))
                return None
            if token.type == "COMMA":
                continue
            value = self._checked(literal(token, self.path))
            if value is None:
                return None
            if column.kind == "words":
                value = syntax.Value(
                    span=value.span, kind="text", value=token.text if value.kind != "text" else value.value
                )
            found.append(value)
        if cell.tokens[-1].type == "COMMA":
            self.problems.append(kinds.BAD_CELL.at(cell.span, found=cell.text))
            return None
        return syntax.Cell(span=cell.span, values=tuple(found))

    def map_row(self, line: RawRow) -> syntax.MapRow | None:
        """One row of a `map`."""
        raw = self.cells(line, len(MAP_HEADER))
        if raw is None:
            return None
        if len(raw) != len(MAP_HEADER):
            self.problems.append(kinds.ROW_LENGTH.at(line.span, found=len(raw), wanted=len(MAP_HEADER)))
            return None
        target, path, kind, missing = raw
        for cell, types in ((target, ("NAME", "STRING")), (path, ("STRING",)), (kind, ("NAME", "YES_NO"))):
            if len(cell.tokens) != 1 or cell.tokens[0].type not in types:
                self.problems.append(kinds.BAD_CELL.at(cell.span, found=cell.text))
                return None
        if kind.text not in MAP_TYPES:
            close = nearest(kind.text, MAP_TYPES)
            expected = ", ".join(f"`{name}`" for name in MAP_TYPES)
            instead = _OTHER_TYPES.get(kind.text.lower(), close)
            fixes = (Fix(titles.WRITE, kind.span, instead),) if instead else ()
            problem = kinds.BAD_MAP_TYPE.at(kind.span, nearest=close, fixes=fixes, found=kind.text, expected=expected)
            self.problems.append(problem)
            return None
        if len(missing.tokens) != 1 or missing.tokens[0].type in ("COMMA", "MINUS", "PERCENT", "DURATION", "YES_NO"):
            self.problems.append(kinds.BAD_CELL.at(missing.span, found=missing.text))
            return None
        name = self._checked(literal(target.tokens[0], self.path))
        where = self._checked(literal(path.tokens[0], self.path))
        default = self._checked(literal(missing.tokens[0], self.path))
        if name is None or where is None or default is None:
            return None
        quoted = target.tokens[0].type == "STRING"
        text = str(name.value) if quoted else values.composed(target.text)
        return syntax.MapRow(
            span=line.span,
            target=syntax.Name(span=target.span, text=text, quoted=quoted),
            path=syntax.Text(span=path.span, value=str(where.value)),
            type=kind.text,
            type_at=syntax.Node(span=kind.span),
            missing_at=syntax.Node(span=missing.span),
            missing=None if missing.text in ("reject", "skip") else default,
            skip=missing.text == "skip",
        )
