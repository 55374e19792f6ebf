"""Words and phrases in a customer's message, in any script and whatever the case."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """A text as it is compared: composed (NFC), casefolded, every run of white space one space, none at the ends."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


# Scripts that write words without spaces between them: there a phrase may begin or end inside a run of letters.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x303A),  # CJK radicals, symbols
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def _joins(character: str) -> bool:
    """Whether a character would make the word next to it another word."""
    if character.isascii():
        return character.isalnum() or character == "_"
    if any(first <= ord(character) <= last for first, last in _UNSPACED):
        return False
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def holds_word(message: str, phrase: str) -> bool:
    """Whether `phrase` stands in `message` as whole words; both are folded. No phrase stands nowhere."""
    if not phrase:
        return False
    first, last = _joins(phrase[0]), _joins(phrase[-1])
    at = message.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not (first and at and _joins(message[at - 1])) and not (
            end < len(message) and (last or unicodedata.category(message[end])[0] == "M") and _joins(message[end])
        ):
            return True
        at = message.find(phrase, at + 1)
    return False
