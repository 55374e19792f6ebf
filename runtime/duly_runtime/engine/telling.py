"""How details of history lines and notices write clocks and instants."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from duly_dsl.units import Duration
from duly_runtime.card import Clock


@lru_cache(maxsize=1024)
def amount(duration: Duration) -> str:
    """As the language writes it."""
    return str(duration)


@lru_cache(maxsize=1024)
def instant(at: dt.datetime | None) -> str:
    """ISO, UTC; empty for none."""
    return at.isoformat() if at else ""


def told(clock: Clock) -> dict[str, str]:
    return {
        "metric": clock.metric,
        "cycle": str(clock.cycle),
        "stage": clock.stage,
        "target": amount(clock.target),
        "due_at": instant(clock.due_at),
    }
