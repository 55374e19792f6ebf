"""Requests and lines of deliveries are removed once they are older than an administrator wants to keep them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

from duly_runtime.store.api import Store
from duly_runtime.time import Clock

LOOK_EVERY = dt.timedelta(hours=1)
BATCH = 200
"""Rows removed at once, each second until none is left: others write in between."""


class Retention:
    """The loop of a process that schedules. Several may do it: each takes what no other holds. None keeps for ever."""

    def __init__(self, store: Store, clock: Clock, *, requests: dt.timedelta | None, attempts: dt.timedelta | None) -> None:
        self._clock = clock
        self._tasks: list[tuple[dt.timedelta, Callable[[dt.datetime, int], Awaitable[int]]]] = []
        if requests is not None:
            self._tasks.append((requests, store.forget_requests))
        if attempts is not None:
            self._tasks.append((attempts, store.forget_attempts))
        self._done_at: dt.datetime | None = None

    async def look(self) -> bool:
        """Remove a batch of each, unless all was removed within the hour."""
        now = self._clock.now()
        if self._done_at is not None and now - self._done_at < LOOK_EVERY:
            return False
        gone = [await forget(now - age, BATCH) for age, forget in self._tasks]
        if all(count < BATCH for count in gone):
            self._done_at = now
        return False
