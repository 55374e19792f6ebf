"""E01xx: texts that can't be read."""

from __future__ import annotations

from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

UNEXPECTED = Kind(
    "E0101",
    "unexpected-word",
    Severity.ERROR,
    _("`%(found)s` doesn't fit here"),
    _("here can stand: %(expected)s"),
    _(
        "The line makes sense up to this word. Every statement is one line, made of fixed words, names in double quotes "
        "and values. The rest of this line was left out; the lines after it were checked as usual."
    ),
    'team "Front desk" {\n  members ana bruno\n}\n',
)
