"""Waiting for a condition, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from duly_runtime.time import monotonic


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as `condition` holds; AssertionError after `seconds`."""
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            raise AssertionError(f"it did not come true within {seconds} s")
        await asyncio.sleep(0.005)
