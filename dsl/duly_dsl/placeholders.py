"""Placeholders in templates, replies and notes: `Hi {customer.first_name}, about {Order number}`.

The checker looks their names up, the runtime fills them in. A brace that opens no name (`{`, `{}`) is a plain brace.
"""

from __future__ import annotations

import re

import msgspec

BUILT_IN = (
    "customer.name",
    "customer.first_name",
    "customer.email",
    "customer.phone",
    "card.number",
    "card.title",
    "clock",
    "due",
    "stage",
    "priority",
    "type",
    "owner.name",
    "team",
    "channel",
    "link",
)
"""Placeholders that are no field. `clock` and `due` have a value only in what an alert or an escalation sends."""


class Placeholder(msgspec.Struct, frozen=True):
    """`name` as written between the braces: one of BUILT_IN, or a field."""

    name: str
    start: int
    """Where its opening brace is, in code points from the start of the text."""


Part = str | Placeholder

_PLACEHOLDER = re.compile(r"\{[ \t]*([^\s{}](?:[^{}\r\n]*[^\s{}])?)[ \t]*\}")


def parse(text: str) -> list[Part]:
    """A text as plain pieces and placeholders, in order; no piece is empty."""
    parts: list[Part] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        if found.start() > end:
            parts.append(text[end : found.start()])
        parts.append(Placeholder(found[1], found.start()))
        end = found.end()
    if end < len(text):
        parts.append(text[end:])
    return parts


def names(*texts: str) -> tuple[str, ...]:
    """The placeholders of texts, each once, in the order in which they stand."""
    parts = (part for text in texts for part in parse(text))
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))
