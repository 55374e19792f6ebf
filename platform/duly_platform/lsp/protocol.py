"""Between our places (lines and code points from 1) and those of the protocol (from 0, in units the client chose)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsprotocol import types

from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.render import Words
from duly_dsl.services.completion import Completion
from duly_dsl.services.edits import Edit
from duly_dsl.services.outline import Entry, Fold
from duly_dsl.source import Span

UTF8, UTF16 = types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf16

SYMBOLS = {
    "calendar": types.SymbolKind.Event,
    "person": types.SymbolKind.Object,
    "team": types.SymbolKind.Class,
    "pipeline": types.SymbolKind.Module,
    "connector": types.SymbolKind.Interface,
    "template": types.SymbolKind.String,
    "test": types.SymbolKind.Method,
    "report": types.SymbolKind.Package,
    "clock": types.SymbolKind.Constant,
    "field": types.SymbolKind.Field,
    "stage": types.SymbolKind.EnumMember,
    "escalation": types.SymbolKind.Function,
    "rule": types.SymbolKind.Function,
}
ITEMS = {
    "keyword": types.CompletionItemKind.Keyword,
    "value": types.CompletionItemKind.Value,
    "option": types.CompletionItemKind.Constant,
    "built-in": types.CompletionItemKind.Property,
    "field": types.CompletionItemKind.Field,
    "choice": types.CompletionItemKind.EnumMember,
    "priority": types.CompletionItemKind.EnumMember,
    "type": types.CompletionItemKind.EnumMember,
    "template": types.CompletionItemKind.Text,
    "person": types.CompletionItemKind.Variable,
}
FOLDS = {
    "comment": types.FoldingRangeKind.Comment,
    "imports": types.FoldingRangeKind.Imports,
    "block": types.FoldingRangeKind.Region,
}


def units(text: str, encoding: types.PositionEncodingKind | str) -> int:
    """How long a text is in the units of an encoding."""
    if text.isascii():
        return len(text)
    if encoding == UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) if encoding != UTF16 else len(text.encode("utf-16-le", "surrogatepass")) // 2


def points(line: str, character: int, encoding: types.PositionEncodingKind | str) -> int:
    """How many code points of a line come before a place in units; a place inside one counts as before it."""
    if line.isascii():
        return min(character, len(line))
    count = 0
    for place, letter in enumerate(line):
        count += units(letter, encoding)
        if count > character:
            return place
    return len(line)


class Places:
    """The places of one text. `lines` are its lines as duly_dsl counts them."""

    def __init__(self, lines: Sequence[str], encoding: types.PositionEncodingKind | str) -> None:
        self.lines = lines
        self.encoding = encoding

    def column(self, position: types.Position) -> int:
        """The column of a position, from 1."""
        line = self.lines[position.line] if position.line < len(self.lines) else ""
        return points(line, position.character, self.encoding) + 1

    def position(self, line: int, column: int) -> types.Position:
        """A place as a position; one outside the text is brought to its end."""
        if line > len(self.lines):
            last = self.lines[-1] if self.lines else ""
            return types.Position(max(len(self.lines) - 1, 0), units(last, self.encoding))
        return types.Position(max(line, 1) - 1, units(self.lines[max(line, 1) - 1][: column - 1], self.encoding))

    def range(self, span: Span) -> types.Range:
        return types.Range(self.position(span.line, span.column), self.position(span.end_line, span.end_column))

    def span(self, path: str, range_: types.Range) -> Span:
        start, end = range_.start, range_.end
        return Span(path, start.line + 1, self.column(start), end.line + 1, self.column(end))

    def edits(self, edits: Iterable[Edit]) -> list[types.TextEdit]:
        return [types.TextEdit(self.range(edit.span), edit.text) for edit in edits]

    def entry(self, entry: Entry) -> types.DocumentSymbol:
        return types.DocumentSymbol(
            name=entry.name,
            kind=SYMBOLS[entry.kind],
            detail=entry.kind,
            range=self.range(entry.span),
            selection_range=self.range(entry.name_span),
            children=[self.entry(child) for child in entry.children],
        )

    def item(self, completion: Completion, number: int, typed: str) -> types.CompletionItem:
        """A completion; `typed` is what its span covers now, which the client may filter by."""
        quoted = typed.startswith('"')
        return types.CompletionItem(
            label=completion.label,
            kind=ITEMS.get(completion.kind, types.CompletionItemKind.Reference),
            detail=completion.detail or None,
            documentation=types.MarkupContent(types.MarkupKind.Markdown, completion.doc) if completion.doc else None,
            filter_text=completion.text if quoted else completion.text.strip('"'),
            sort_text=f"{number:04}",
            text_edit=types.TextEdit(self.range(completion.span), completion.text),
        )


def fold(found: Fold) -> types.FoldingRange:
    return types.FoldingRange(found.first - 1, found.last - 1, kind=FOLDS[found.kind])


def severity(problem: Diagnostic) -> types.DiagnosticSeverity:
    return types.DiagnosticSeverity.Error if problem.severity is Severity.ERROR else types.DiagnosticSeverity.Warning


def message(problem: Diagnostic, words: Words) -> str:
    """The sentence of a problem, and what to do about it."""
    said = words.message(problem)
    said = said[:1].upper() + said[1:]
    mended = words.help(problem)
    return f"{said}.\n{mended[:1].upper()}{mended[1:]}." if mended else f"{said}."
