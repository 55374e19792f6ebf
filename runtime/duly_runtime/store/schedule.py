"""When to try again. Pure: the same attempt of the same thing always waits equally long."""

from __future__ import annotations

import zlib

EVENT_TRIES = 10
"""After so many failures an event waits for a person."""
EVENT_FIRST_GAP = 1.0
EVENT_GROWTH = 3.0
"""1 s, 3 s, 9 s … 6,561 s: short for a database hiccup, 2.7 hours in all for a fault that someone mends."""

DELIVERY_TRIES = 8
DELIVERY_FIRST_GAP = 60.0
DELIVERY_GROWTH = 3.0
"""60 s, 180 s … 43,740 s: 18 hours in all, for a provider's bad day."""
FILE_TRIES = 10
FILE_FIRST_GAP = 5.0
FILE_GROWTH = 4.0
"""5 s, 20 s, 80 s … 91 hours: five days in all. Meta keeps what it announced for seven."""

JITTER = 0.2
"""Up to this part is added, so that what failed together does not come back together."""


def event_gap(attempts: int) -> float:
    """Seconds to wait after the nth failure of an event (n from 1)."""
    return EVENT_FIRST_GAP * EVENT_GROWTH ** (attempts - 1)


def file_gap(attempts: int, key: str) -> float | None:
    """Seconds to wait after the nth attempt (n from 1) to fetch the file with this key; None where it was the last."""
    if attempts >= FILE_TRIES:
        return None
    return FILE_FIRST_GAP * FILE_GROWTH ** (attempts - 1) * (1 + JITTER * _spread(key, attempts))


def delivery_gap(attempts: int, key: str) -> float | None:
    """Seconds to wait after the nth attempt (n from 1) of the delivery with this key; None where it was the last."""
    if attempts >= DELIVERY_TRIES:
        return None
    return DELIVERY_FIRST_GAP * DELIVERY_GROWTH ** (attempts - 1) * (1 + JITTER * _spread(key, attempts))


def _spread(key: str, attempts: int) -> float:
    return zlib.crc32(f"{key}/{attempts}".encode()) / 0xFFFFFFFF
