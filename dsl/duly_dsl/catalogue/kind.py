"""What the problems of one code have in common."""

from __future__ import annotations

import msgspec

from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.source import Span


def _(text: str) -> str:
    """Mark a text for the message catalogues."""
    return text


class Kind(msgspec.Struct, frozen=True):
    """One code of the catalogue.

    `template` is one sentence, lower case at the start, no full stop, with what the admin wrote in backticks:
    `no stage is called `%(stage)s``. `help` says how to mend it. Both are `%`-templates over the values given to `at`, so
    a per cent sign is `%%`. `explanation` is the page of `duly explain`: what, why, how; an empty line parts paragraphs.
    `example` is a whole file that has this problem and no other.
    """

    code: str
    name: str
    severity: Severity
    template: str
    help: str
    explanation: str
    example: str
    absence: str = ""
    """What it says is missing, and so may only be in a statement that could not be read: a `name` (its value `name`), or
    something of the `file`."""
    before: str = ""
    """For problems of a plan: the file as it was, while `example` is what replaces it."""
    words: tuple[str, ...] = ()
    """Keys of values that are words of ours (`a number`), marked with `_` where they are given, and translated too."""
    off: bool = False
    """A lint that says nothing unless `duly.toml` gives it a level."""
    needs: str = ""
    """What of duly_dsl.program.Environment it can't do without."""
    path: str = "example.duly"
    """What the file of `example` is called."""

    @property
    def lint(self) -> bool:
        """Whether files can silence it and `duly.toml` can set its level: so it is for all warnings, and no error."""
        return self.severity is Severity.WARNING

    def at(
        self,
        span: Span,
        nearest: str = "",
        fixes: tuple[Fix, ...] = (),
        related: tuple[tuple[Span, str], ...] = (),
        **values: object,
    ) -> Diagnostic:
        """The problem at a place. The titles of fixes and the words on related places are templates over `values` too,
        and in a title `%(text)s` is the text of the fix."""
        return Diagnostic(
            code=self.code,
            name=self.name,
            severity=self.severity,
            span=span,
            template=self.template,
            values={key: str(value) for key, value in values.items()},
            help=self.help,
            nearest=nearest,
            fixes=fixes,
            related=related,
            words=self.words,
        )
