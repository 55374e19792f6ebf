"""What a process has leased and not yet settled: tasks with room for so many, and their end at a shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from duly_runtime.store.api import StoreUnavailable
from duly_runtime.time import monotonic

PAUSE_SECONDS = 0.5


class UnderWay:
    """At most `slots` tasks at once; none begins once `drain` was called."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def __bool__(self) -> bool:
        return bool(self._tasks)

    @property
    def room(self) -> int:
        """How many more may begin."""
        return 0 if self._closing else self._slots - len(self._tasks)

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more and wait for what is under way; what takes longer is cancelled and left to its lease."""
        self._closing = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def written(write: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """What `write` tells: false where the lease was lost. While the database is away: tried again for `seconds` (real),
    then `StoreUnavailable`."""
    until = monotonic() + seconds
    while True:
        try:
            return await write()
        except StoreUnavailable:
            if monotonic() > until:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
