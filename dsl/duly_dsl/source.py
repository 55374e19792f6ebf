"""Where things stand in the text of a workspace."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A stretch of one file. Lines and columns count from 1, columns in code points; `end_column` is exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def to(self, other: Span) -> Span:
        """The stretch from the start of this one to the end of `other` (same file)."""
        return Span(self.path, self.line, self.column, other.end_line, other.end_column)

    def under(self, prefix: str) -> Span:
        """The same place, its file named from above the workspace folder."""
        return Span(prefix + self.path, self.line, self.column, self.end_line, self.end_column)


NOWHERE = Span("", 0, 0, 0, 0)
"""For nodes made by a program, not read from a file."""


class SourceFile(msgspec.Struct, frozen=True):
    """One `.duly` file: `path` is relative to the workspace folder, with forward slashes."""

    path: str
    text: str
