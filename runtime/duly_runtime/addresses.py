"""Mail addresses in the form in which they are compared. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl.program import Program
from duly_runtime import identities

MAIL = "email"
"""The kind of connectors that send and receive mail."""


def folded(text: str) -> str:
    """One bare address; empty for what is none, or more than one."""
    address = identities.email(text)
    return "" if any(c in "<>,;" for c in address) else address


def without_tag(address: str) -> str:
    """`support+c42.TOKEN@…` is a name of `support@…` (RFC 5233)."""
    local, _at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if local else address


def own(program: Program) -> frozenset[str]:
    """Addresses of a workspace: those the settings of its mail connectors name. What is secret is not known here."""
    return frozenset(without_tag(address) for address in _named(program) if address)


def _named(program: Program) -> Iterator[str]:
    for connector in program.connectors.values():
        if connector.kind != MAIL:
            continue
        for setting in connector.settings.values():
            text = str(setting.value)
            if not setting.secret and "@" in text and "//" not in text:
                # `Support <support@example.com>`, or several with commas.
                yield from (folded(part.rpartition("<")[2].partition(">")[0]) for part in text.split(","))
