"""The one Clock. Nothing else in Duly reads the time."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time as _time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio  # else where it is needed: a check of rule files asks for the day only, and waits for nothing

UTC = dt.UTC


def monotonic() -> float:
    """Seconds of the machine that never jump: for ages and time-outs, not for dates."""
    return _time.monotonic()


class Clock(Protocol):
    """Tells the time and waits; `sleep` is in this clock's seconds."""

    @property
    def speed(self) -> float:
        """Seconds of this clock in a second of the machine."""
        ...

    def now(self) -> dt.datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's time; `speed` > 1 makes it run faster (demos), from `since` or else from the moment it is made.

    Processes that share a fast clock, and one that starts again, need the same `since`: see `shared_since`.
    """

    def __init__(self, speed: float = 1.0, since: dt.datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be above zero")
        self.speed = speed
        now = dt.datetime.now(UTC)
        self._origin = since or now
        self._start = (now - self._origin).total_seconds()
        self._mono = _time.monotonic()

    def now(self) -> dt.datetime:
        if self.speed == 1.0:
            return dt.datetime.now(UTC)
        passed = self._start + _time.monotonic() - self._mono
        return self._origin + dt.timedelta(seconds=passed * self.speed)

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds / self.speed)


def shared_since(path: Path) -> dt.datetime:
    """When the fast clock kept in this file began to run; the first process to ask makes the file. Raises OSError where
    it can't, and ValueError where the file holds something else."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name) as file:
        file.write(dt.datetime.now(UTC).isoformat())
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)  # complete the moment it is there
    return dt.datetime.fromisoformat(path.read_text())


class FakeClock:
    """A clock that stands still until it is told; `sleep` returns when the time has been moved past its end."""

    speed = 1.0

    def __init__(self, at: dt.datetime) -> None:
        self._now = at
        self._waiting: list[tuple[dt.datetime, asyncio.Future[None]]] = []

    def now(self) -> dt.datetime:
        return self._now

    @property
    def waiting(self) -> int:
        """How many sleep."""
        return len(self._waiting)

    def advance(self, by: dt.timedelta) -> None:
        self.set(self._now + by)

    def set(self, at: dt.datetime) -> None:
        self._now = at
        ready = [w for w in self._waiting if w[0] <= at]
        self._waiting = [w for w in self._waiting if w[0] > at]
        for _, future in ready:
            if not future.done():
                future.get_loop().call_soon_threadsafe(future.set_result, None)

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._now + dt.timedelta(seconds=seconds), future))
        await future
