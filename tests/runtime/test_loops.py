"""The loops look each second of the one Clock, and nothing ends them but being stopped."""

from __future__ import annotations

import asyncio
import datetime as dt

from duly_runtime.scheduler import Loop, Scheduler
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.time import FakeClock
from runtime.polling import until

START = dt.datetime(2026, 11, 6, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def test_a_loop_outlives_what_its_work_raises() -> None:
    async def main() -> None:
        clock = FakeClock(START)
        looks: list[Exception | None] = []
        raises = [StoreUnavailable("away"), ValueError("a mistake"), None, RuntimeError("another")]

        async def work() -> bool:
            looks.append(raises[len(looks)] if len(looks) < len(raises) else None)
            if looks[-1] is not None:
                raise looks[-1]
            return False

        loop = Loop("test", work, clock)
        loop.start()
        for expected in range(1, 7):
            await until(lambda expected=expected: len(looks) == expected)
            await until(lambda: clock.waiting > 0)
            clock.advance(SECOND)
        await loop.stop(5)
        assert len(looks) >= 6

    asyncio.run(main())


def test_a_loop_goes_on_at_once_while_there_is_more() -> None:
    async def main() -> None:
        looks = 0

        async def work() -> bool:
            nonlocal looks
            looks += 1
            return looks < 5

        loop = Loop("test", work, FakeClock(START))
        loop.start()
        await until(lambda: looks == 5)
        loop.poke()
        await until(lambda: looks == 6)
        await loop.stop(5)

    asyncio.run(main())


def test_stopping_lets_the_look_that_is_under_way_finish() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        done: list[str] = []

        async def work() -> bool:
            done.append("begun")
            await gate.wait()
            done.append("finished")
            return True

        loop = Loop("test", work, FakeClock(START))
        loop.start()
        await until(lambda: done == ["begun"])
        stopping = asyncio.create_task(loop.stop(10))
        await asyncio.sleep(0)
        gate.set()
        await stopping
        assert done == ["begun", "finished"]

    asyncio.run(main())


def test_a_look_that_never_ends_does_not_hold_the_stop() -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def work() -> bool:
            begun.set()
            await asyncio.Event().wait()
            return False

        loop = Loop("test", work, FakeClock(START))
        loop.start()
        await begun.wait()
        await asyncio.wait_for(loop.stop(0.05), 10)

    asyncio.run(main())


class Waiting:
    """A store in which the same events wait for ever."""

    def __init__(self) -> None:
        self.fired = [[9], []]

    async def claim_due(self, now: dt.datetime, limit: int) -> list[int]:
        return self.fired.pop(0) if self.fired else []

    async def waiting_events(self, now: dt.datetime, limit: int) -> list[int]:
        return [1, 2, 9]


def test_the_scheduler_does_not_wake_again_what_it_has_just_woken() -> None:
    async def main() -> None:
        woken: list[int] = []
        scheduler = Scheduler(Waiting(), FakeClock(START), woken.extend)  # type: ignore[arg-type]
        assert not await scheduler.look()
        assert not await scheduler.look()
        assert woken == [9, 1, 2]

    asyncio.run(main())
