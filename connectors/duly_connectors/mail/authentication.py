"""What our own mail server found out about the sender (RFC 8601, Authentication-Results)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from duly_connectors.mail import headers

PASS, FAIL, NONE = "pass", "fail", "none"
_SIGNER = re.compile(r"\bheader\.d\s*=\s*@?([^\s;]+)")
_ENVELOPE = re.compile(r"\bsmtp\.mailfrom\s*=\s*<?([^\s;>]+)")
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


def proved(fields: Iterable[bytes], authserv_id: str, sender: str) -> bool:
    """Whether our own server found that a mail is from its `sender`: DMARC passed, or else a signature (DKIM) or the
    envelope's sender (SPF) passed for the very domain of the address, or for one above it.

    DMARC (RFC 7489, 3.1) also takes a sibling below the same registered domain; which that is only a list of all registries
    tells, so without a word of our server on DMARC nothing is made of siblings. For each method the topmost field counts.
    """
    domain = sender.rpartition("@")[2].strip().lower()
    spoken: dict[str, bool] = {}
    for value in fields:
        name, pieces = _pieces(value)
        if not authserv_id or name != authserv_id.strip().lower():
            continue
        told: dict[str, bool] = {}
        for method, result, rest in pieces[::-1]:
            fits = method == "dmarc" or any(_covers(signed, domain) for signed in _signed_by(method, rest))
            told[method] = (result == PASS and fits) or (method == "dkim" and told.get(method, False))
        spoken = {**told, **spoken}
    return bool(domain) and any(spoken.get(method, False) for method in ("dmarc", "dkim", "spf"))


def _signed_by(method: str, rest: str) -> list[str]:
    """The domains a result is about."""
    wanted = {"dkim": _SIGNER, "spf": _ENVELOPE}.get(method)
    return [found.rpartition("@")[2] for found in wanted.findall(rest)] if wanted is not None else []


def _covers(signed: str, domain: str) -> bool:
    signed = signed.strip(".")
    return "." in signed and (domain == signed or domain.endswith("." + signed))


def read(value: bytes) -> tuple[str, dict[str, str]]:
    """(authserv-id, method -> result) of one field, all in lower case; the first result of a method counts."""
    name, pieces = _pieces(value)
    results: dict[str, str] = {}
    for method, result, _rest in pieces:
        results.setdefault(method, result)
    return name, results


def _pieces(value: bytes) -> tuple[str, list[tuple[str, str, str]]]:
    """(authserv-id, [(method, result, what else is said of it)]) of one field, all in lower case."""
    first, *rest = _without_comments(headers.raw(value)).lower().split(";")
    name = (first.split() or [""])[0].strip('"')
    found = [(match, piece) for piece in rest[:100] if (match := _RESULT.match(piece))]
    return name, [(match[1], match[2], piece[match.end() :]) for match, piece in found]


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
