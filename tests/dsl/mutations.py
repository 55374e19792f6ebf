"""Ways to break the text of a program, for properties of the parser and the formatter."""

from __future__ import annotations

import random
import re
from pathlib import Path

from hypothesis import strategies as st

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.duly"))
EXAMPLES += sorted((Path(__file__).parents[1] / "runtime" / "scenarios").glob("*.duly"))
TEXT = "\n".join(
    re.sub(r"(?m)^use .*\n", "", path.read_text(encoding="utf-8"))
    for path in EXAMPLES
    if path.parent.name == "support_desk"
)
"""All the statements of the example workspace in one file."""

LINES = TEXT.split("\n")
BRACES = [number for number, line in enumerate(LINES) if line.strip() == "}"]
HEADERS = [number for number, line in enumerate(LINES) if line.endswith("{")]
SAID = [number for number, line in enumerate(LINES) if line.strip() and line.strip()[0] != "#"]
STATEMENTS = [number for number in SAID if number not in BRACES]
WORD = re.compile(r'"[^"]*"|\S+')

SPLINTERS = ('"', "{", "}", "|", ",", "(", ")", "#", "\\", "“", "”", ";", "\t", "\r", "\r\n", "\n", " ", "\u00a0", "-", "3")
SPLINTERS += (".", "+", "é", "字", "\u0301", "not ", "x", "\ufeff", "\f", "{\n", "}\n", "% ", "3d", "~")


@st.composite
def one_fault(draw: st.DrawFn) -> tuple[str, int]:
    """The example with one fault a person makes, and the number of its line (from 1)."""
    lines = LINES.copy()
    fault = draw(st.sampled_from(("drop word", "misspell", "stray word", "drop close", "drop open", "extra close")))
    if fault == "drop close":
        number = draw(st.sampled_from(BRACES))
        del lines[number]
    elif fault == "drop open":
        number = draw(st.sampled_from(HEADERS))
        lines[number] = lines[number].removesuffix("{").rstrip()
    elif fault == "extra close":
        number = draw(st.sampled_from(STATEMENTS))
        indent = re.match(" *", lines[number])
        lines.insert(number, (indent.group() if indent and draw(st.booleans()) else "") + "}")
    else:
        number = draw(st.sampled_from(STATEMENTS))
        words = WORD.findall(lines[number])
        place = draw(st.integers(0, len(words) - 1))
        if fault == "drop word":
            del words[place]
        elif fault == "stray word":
            words.insert(place, "please")
        elif words[place].isalpha() and len(words[place]) > 3:
            letter = draw(st.integers(1, len(words[place]) - 2))
            words[place] = words[place][:letter] + words[place][letter + 1 :]
        indent = re.match(" *", lines[number])
        lines[number] = (indent.group() if indent else "") + " ".join(words)
    return "\n".join(lines), number + 1


@st.composite
def shaken(draw: st.DrawFn) -> str:
    """A piece of the example with letters put in and taken out anywhere."""
    start = draw(st.integers(0, len(LINES) - 1))
    text = "\n".join(LINES[start : start + draw(st.integers(1, 40))])
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            text = text[:place] + draw(st.sampled_from(SPLINTERS)) + text[place:]
        else:
            text = text[:place] + text[place + draw(st.integers(1, 4)) :]
    return text


@st.composite
def respaced(draw: st.DrawFn) -> str:
    """The example with other white space and more comments; it says the same."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    lines: list[str] = []
    for line in LINES:
        if chance.random() < 0.1:
            lines += chance.choice(([""], ["", ""], ["   # by itself"], ["\t"]))
        if line.strip() and not line.strip().startswith("#"):
            line = chance.choice(("", "  ", "\t", "       ")) + chance.choice((" ", "  ", "\t")).join(WORD.findall(line))
            line += chance.choice(("", "", "  ", "# at the end", "   # at the end  "))
        lines.append(line)
    return chance.choice(("\n", "\r\n")).join(lines)
