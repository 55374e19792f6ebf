"""Problems as values: each has a stable code, a place, and words an admin understands."""

from __future__ import annotations

import enum

import msgspec

from duly_dsl.source import Span


class Severity(enum.StrEnum):
    ERROR = "error"
    """The files can't be published."""
    WARNING = "warning"
    """They can, and someone should look."""


class Fix(msgspec.Struct, frozen=True):
    """A change a tool can make: replace what `span` covers by `text`.

    `sure` is False where somebody has to choose: it is offered, never made unasked. So are several fixes of one problem.
    """

    title: str
    span: Span
    text: str
    sure: bool = True


def last_line(block: Span, line: str, title: str, sure: bool = True) -> Fix:
    """Put a line at the end of a block; `block` ends with its closing brace."""
    before = Span(block.path, block.end_line, block.end_column - 1, block.end_line, block.end_column - 1)
    return Fix(title, before, f"  {line}\n{' ' * (block.end_column - 2)}", sure)


def first_line(header: Span, line: str, title: str, sure: bool = True) -> Fix:
    """Put a line at the beginning of the block that the line of `header` opens. Where that is exactly only the text tells:
    duly_dsl.fixing.tidy puts it there."""
    return Fix(title, Span(header.path, header.line, 0, header.line, 0), line, sure)


def no_statement(inside: Span, title: str, sure: bool = True) -> Fix:
    """Take away the statement that stands on a line, with its block; `tidy` finds out how far it goes."""
    return Fix(title, Span(inside.path, inside.line, 0, inside.line, 0), "", sure)


class Diagnostic(msgspec.Struct, frozen=True):
    """One problem.

    `code` is stable (`E0203`) and `name` is its lint name (`unknown-stage`). `message` is one sentence; its untranslated
    form and the values in it are kept apart (`template % values`) so that it can be shown in another language.
    """

    code: str
    name: str
    severity: Severity
    span: Span
    template: str
    values: dict[str, str] = {}
    help: str = ""
    """How to mend it, one sentence; also a template over `values`."""
    nearest: str = ""
    """A known name close to the one written, for `did you mean`."""
    fixes: tuple[Fix, ...] = ()
    related: tuple[tuple[Span, str], ...] = ()
    """Other places that matter, with a word on each (`first defined here`)."""
    words: tuple[str, ...] = ()
    """Keys of values that are words of ours, not the admin's, and are translated with the sentence."""

    @property
    def message(self) -> str:
        return self.template % self.values

    def under(self, prefix: str) -> Diagnostic:
        """The same problem, its places named from above the workspace folder."""
        return msgspec.structs.replace(
            self,
            span=self.span.under(prefix),
            fixes=tuple(msgspec.structs.replace(fix, span=fix.span.under(prefix)) for fix in self.fixes),
            related=tuple((span.under(prefix), note) for span, note in self.related),
        )
