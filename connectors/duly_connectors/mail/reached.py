"""How far a mailbox has been read, and what was in it before that. Pure."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import msgspec

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Reached(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a mailbox has been read. `day` (ISO) is when its last mail came."""

    validity: int
    uid: int
    day: str = ""
    begun: str = ""
    """When it was first connected (ISO); empty where that was before anything was left alone."""
    since: str = ""
    """Unseen mail that came since then has been taken, even from before that (ISO); empty: all there was."""
    last: str = ""
    """When the newest mail came that was there then (ISO); empty where there was none lately."""
    sizes: tuple[int, ...] = ()
    """Bytes of those that came in that very second."""


class Came(NamedTuple):
    """When a mail came, by the word of its server (ISO, UTC), and its bytes."""

    at: str
    size: int

    def later(self, reached: Reached) -> bool:
        """Whether it came after the mailbox was first connected."""
        return self.at > reached.last or (self.at == reached.last and self.size not in reached.sizes)


def search_date(date: dt.date) -> str:
    """As SEARCH has it (RFC 9051, date)."""
    return f"{date.day}-{MONTHS[date.month - 1]}-{date.year}"


def stamp(at: dt.datetime) -> str:
    """A second, so that texts compare as instants do."""
    return at.astimezone(dt.UTC).replace(microsecond=0).isoformat()
