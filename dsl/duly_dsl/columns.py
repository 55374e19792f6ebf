"""How wide a text is where every letter takes a cell, as in terminals and editors."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Cells the text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text
    )


def pad(text: str, cells: int) -> str:
    """The text followed by spaces, `cells` wide."""
    return text + " " * (cells - width(text))
