"""Errors whose text people see: raised in English, told in the reader's language."""

from __future__ import annotations

from collections.abc import Callable


class Worded(Exception):
    """`template` is a message of the catalogue, `values` fill its braces."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values) if values else template)
        self.template = template
        self.values = values

    def told(self, translate: Callable[[str], str]) -> str:
        """The error by a catalogue's `gettext`."""
        text = translate(self.template)
        return text.format(**self.values) if self.values else text


def _(message: str) -> str:
    """Marks a text for the catalogue where it can't be translated yet."""
    return message
