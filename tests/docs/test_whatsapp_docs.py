"""The page on WhatsApp knows every code of Meta's that Duly knows, and every reason a reply is refused for."""

from __future__ import annotations

import re
from pathlib import Path

from duly_connectors.whatsapp import codes
from duly_runtime import replies

PAGE = (Path(__file__).parents[2] / "docs" / "connectors" / "whatsapp.md").read_text()


def _table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, as cells."""
    part = PAGE.split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.split("\n") if line.startswith("|")]
    return rows[2:]


def test_every_code_is_told_and_rightly_said_to_be_tried_again_or_not() -> None:
    told: dict[int, str] = {}
    for named, does in _table("What Meta answers"):
        for code in re.findall(r"\d+", re.sub(r"one message each \d+|200–299", "", named)):
            told[int(code)] = does
    assert told.keys() == codes.WORDS.keys()
    stops = {code for code, does in told.items() if does.startswith(("stops", "sends the template"))}
    assert stops == codes.WORDS.keys() - codes.PASSING


def test_every_reason_of_a_refused_reply_is_told() -> None:
    named = " ".join(row[0] for row in _table("Over the API"))
    assert set(re.findall(r"`([a-z-]+)`", named)) >= replies.SENTENCES.keys()
