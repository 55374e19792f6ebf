"""Value types for amounts of time: the unit is part of the value (CLOCKS, point 6)."""

from __future__ import annotations

import enum

import msgspec


class Unit(enum.StrEnum):
    """How an amount of time is counted."""

    BUSINESS = "business"
    """`30m`, `4h`: open time on the clock's calendar. Amounts are microseconds."""
    ELAPSED = "elapsed"
    """`48h elapsed`: time on the wall, whatever is open. Amounts are microseconds."""
    WORKING_DAYS = "working days"
    """`2 working days`: the same time of day, that many open days later. Amounts are days."""
    CALENDAR_DAYS = "calendar days"
    """`2 calendar days`: the same time of day, that many dates later. Amounts are days."""


SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Duration(msgspec.Struct, frozen=True, array_like=True):
    """An amount of time with its unit: microseconds for business and elapsed time, whole days otherwise."""

    unit: Unit
    amount: int

    def __str__(self) -> str:
        if self.unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS):
            noun = self.unit.value if self.amount != 1 else self.unit.value[:-1]
            return f"{self.amount} {noun}"
        text = clock_text(self.amount)
        return f"{text} elapsed" if self.unit is Unit.ELAPSED else text


def clock_text(microseconds: int) -> str:
    """`5400000000` -> `1h30m`: the shortest spelling the language reads back to the same amount."""
    hours, rest = divmod(microseconds, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds = rest // SECOND
    parts = [f"{n}{u}" for n, u in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(parts) or "0m"
