"""What our own mail server found out about the sender (RFC 8601, Authentication-Results)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from duly_connectors.mail import headers

PASS, FAIL, NONE = "pass", "fail", "none"
_RESULT = re.compile(r"\s*([a-z0-9-]{1,40})\s*(?:/\s*\d+\s*)?=\s*([a-z]{1,20})", re.IGNORECASE)


def dmarc(fields: Iterable[bytes], authserv_id: str) -> str:
    """`pass` or `fail` by the topmost field of `authserv_id`, else `none`.

    Anybody can write such a field into a mail; only those of our own server count, and it puts its own on top. A server may
    write one field for each method, so the topmost that speaks of DMARC is taken.
    """
    if not authserv_id:
        return NONE
    for value in fields:
        name, results = read(value)
        if name == authserv_id.strip().lower() and "dmarc" in results:
            found = results["dmarc"]
            return found if found in (PASS, FAIL) else NONE
    return NONE


def read(value: bytes) -> tuple[str, dict[str, str]]:
    """(authserv-id, method -> result) of one field, all in lower case; the first result of a method counts."""
    first, *rest = _without_comments(headers.raw(value)).split(";")
    name = (first.split() or [""])[0].strip('"').lower()
    results: dict[str, str] = {}
    for piece in rest[:100]:
        found = _RESULT.match(piece)
        if found:
            results.setdefault(found[1].lower(), found[2].lower())
    return name, results


def _without_comments(value: str) -> str:
    """Comments and quoted strings out: what stands in them proves nothing."""
    out: list[str] = []
    depth = place = 0
    quoted = False
    while place < len(value):
        c = value[place]
        if c == "\\" and (depth or quoted):
            place += 1
        elif quoted:
            quoted = c != '"'
        elif c == '"' and not depth:
            quoted = True
        elif c == "(":
            depth += 1
        elif c == ")" and depth:
            depth -= 1
        elif not depth:
            out.append(c)
        place += 1
    return "".join(out)
