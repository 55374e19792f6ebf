"""Whole files to show a problem in, around the few lines that have it."""

from __future__ import annotations

import textwrap

OFFICE = """calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 09:00-18:00
}
"""

TEAM = """team "Front desk" {
  members ana
  lead ana
  manager bruno
}
"""

DOOR = """path "/in/shop"
verify hmac sha256 with secret "SHOP_KEY" in header "X-Signature"
open card in "Support"
"""

MAP = """map {
  | card field | from message | as   | if missing |
  | message    | "text"       | text | reject     |
}
"""


def block(head: str, *parts: str) -> str:
    """`head { … }` with its parts indented, an empty line between those that hold a block."""
    inside = [part.strip("\n") for part in parts if part.strip()]
    body = ""
    for place, part in enumerate(inside):
        apart = place and ("{" in part or "{" in inside[place - 1])
        body += ("\n" if apart else "") + textwrap.indent(part, "  ") + "\n"
    return f"{head} {{\n{body}}}\n"


def targets(*rows: str) -> str:
    """A table of targets."""
    return "\n".join(("targets {", *(f"  | {row} |" for row in rows), "}"))


def desk(
    lines: str = "",
    *,
    new: str = "",
    stages: str = "",
    done: str = "",
    rules: str = "",
    rest: str = "",
    nexts: str = '"Done"',
) -> str:
    """A pipeline of two stages, with lines of its own, in `New`, further stages, in `Done`, rules, and other things."""
    start = block('stage "New"', "start", f"next {nexts}", new)
    finish = block('stage "Done"', "finish", done)
    return (
        OFFICE
        + "\n"
        + block('pipeline "Support"', 'calendar "Office"', lines, start, stages, finish, rules)
        + ("\n" + rest.strip("\n") + "\n" if rest else "")
    )
