"""Loops that look for work each second of the one Clock. Any number of processes may run them: the store's claims hold."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import structlog

from duly_runtime.store.api import Store, StoreUnavailable
from duly_runtime.time import Clock, monotonic

PERIOD = 1.0
"""Seconds of the Clock between two looks."""
MIN_REAL_PERIOD = 0.1
"""On a Clock that runs fast, no more than ten looks a real second."""
BATCH = 500
AGAIN_AFTER = 5.0
"""Real seconds before an event that was woken and still waits is woken again: it may just stand in a queue."""
REMEMBERED = 50_000

log = structlog.get_logger(__name__)


class Loop:
    """Runs `work` again and again until it is stopped. Nothing that `work` raises ends it."""

    def __init__(self, name: str, work: Callable[[], Awaitable[bool]], clock: Clock) -> None:
        self.name = name
        self.last_tick: float | None = None
        """When it last looked with success, in time.monotonic() seconds."""
        self._work = work
        self._clock = clock
        self._poked = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.last_tick = monotonic()
        self._task = asyncio.create_task(self._run(), name=self.name)

    def poke(self) -> None:
        """Look now."""
        self._poked.set()

    async def stop(self, seconds: float) -> None:
        """End after the look that is under way."""
        self._stopping = True
        self._poked.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=seconds)
            if late:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            more = False
            try:
                # A task of its own each time: what a broken connection leaves in the context must not stay for ever.
                more = await asyncio.create_task(self._look())
                self.last_tick = monotonic()
            except StoreUnavailable as error:
                log.warning("store_unavailable", loop=self.name, error=str(error))
            except Exception as error:
                log.exception("look_failed", loop=self.name, error=repr(error))
            if more:
                await asyncio.sleep(0)
            else:
                await self._rest()

    async def _look(self) -> bool:
        return await self._work()

    async def _rest(self) -> None:
        waits = [
            asyncio.ensure_future(self._clock.sleep(max(PERIOD, MIN_REAL_PERIOD * self._clock.speed))),
            asyncio.ensure_future(self._poked.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._poked.clear()


class Scheduler:
    """Turns due timers into events, and wakes what waits: the safety net below the broker."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[Sequence[int]], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._woken: OrderedDict[int, float] = OrderedDict()

    async def look(self) -> bool:
        """One pass; true where more is due already."""
        now = self._clock.now()
        fired = await self._store.claim_due(now, BATCH)
        self._tell(fired)
        self._tell(await self._store.waiting_events(now, BATCH))
        return len(fired) >= BATCH

    def forget(self, event_id: int) -> None:
        """It was tried and has failed: wake it again as soon as the store says so."""
        self._woken.pop(event_id, None)

    def woken(self, ids: Sequence[int]) -> None:
        """These have been woken just now, by whomever."""
        real = monotonic()
        for item in ids:
            self._woken[item] = real
            self._woken.move_to_end(item)
        while len(self._woken) > REMEMBERED:
            self._woken.popitem(last=False)

    def _tell(self, ids: Sequence[int]) -> None:
        real = monotonic()
        fresh = [item for item in ids if real - self._woken.get(item, -AGAIN_AFTER) >= AGAIN_AFTER]
        self.woken(fresh)
        self._wake(fresh)


class Stragglers:
    """For workers behind a broker: handles events that have waited over several looks, so that a broker that is away, or
    lost what it was told, delays them by seconds only."""

    PATIENCE = 3.0
    """Real seconds an event is left to the broker."""

    def __init__(self, store: Store, clock: Clock, handle: Callable[[int], Awaitable[object]]) -> None:
        self._store = store
        self._clock = clock
        self._handle = handle
        self._seen: dict[int, float] = {}

    async def look(self) -> bool:
        real = monotonic()
        waiting = await self._store.waiting_events(self._clock.now(), BATCH)
        self._seen = {item: self._seen.get(item, real) for item in waiting}
        late = [item for item, since in self._seen.items() if real - since >= self.PATIENCE]
        for item in late:
            await self._handle(item)
        return bool(late)
