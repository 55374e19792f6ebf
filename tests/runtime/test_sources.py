"""What connectors fetch by themselves: one process at a time does it, and what it brings is safe or fetched again."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from duly_runtime import sources
from duly_runtime.doors import Feed, Raw, Source
from duly_runtime.sources import Sources
from duly_runtime.store.api import Store, StoreUnavailable, User
from duly_runtime.time import FakeClock
from duly_runtime.versions import Versions
from runtime.workspace import START, Doors, opened

RAW = Raw(method="MAIL", path="box", received_at=START)


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RENEW_SECONDS", 0.0)
    monkeypatch.setattr(sources, "GAPS", (0.001,))


class Box:
    """A source that does what it is told, and then waits for its end."""

    name = "box"

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.running = 0
        self.work: Callable[[Feed], Coroutine[Any, Any, None]] | None = None

    async def run(self, feed: Feed) -> None:
        self.running += 1
        self.began.set()
        try:
            if self.work is not None:
                await self.work(feed)
            await asyncio.Event().wait()
        finally:
            self.running -= 1


class BoxDoors(Doors):
    def __init__(self, *boxes: Box) -> None:
        super().__init__()
        self.boxes = boxes

    def sources(self) -> Sequence[tuple[str, Source]]:
        return [("Mail", box) for box in self.boxes]


class Process:
    """One of several that share a database."""

    def __init__(self, store: Store, clock: FakeClock, received: Callable[[str, Raw], Any] | None = None) -> None:
        self.box = Box()
        self.doors = BoxDoors(self.box)
        self.taken: list[Raw] = []
        self.sources = Sources(store, clock, Versions(store, self.doors), self.doors, received or self.receive)

    async def receive(self, connector: str, raw: Raw) -> bool:
        self.taken.append(raw)
        return True

    async def look(self) -> bool:
        """Whether it runs the source now."""
        await self.sources.look()
        await asyncio.sleep(0)
        return bool(self.box.running)

    async def dies(self) -> None:
        """Without a word to the database."""
        for _, task in self.sources._running.values():
            task.cancel()
        self.sources._running.clear()


def scene(folder: Path, work: Callable[[Store, FakeClock], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with opened(folder) as store:
            await work(store, FakeClock(START))

    asyncio.run(main())


def test_one_process_at_a_time(tmp_path: Path) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        one, two = Process(store, clock), Process(store, clock)
        assert [await one.look(), await two.look()] == [True, False]
        for _ in range(10):  # held for as long as it is renewed
            clock.advance(dt.timedelta(seconds=sources.LEASE_SECONDS - 1))
            assert [await one.look(), await two.look()] == [True, False]
        await one.dies()
        clock.advance(dt.timedelta(seconds=sources.LEASE_SECONDS - 1))
        assert not await two.look()
        clock.advance(dt.timedelta(seconds=2))
        assert await two.look()
        await two.sources.stop()

    scene(tmp_path, work)


def test_a_process_that_stops_hands_over_at_once(tmp_path: Path) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        one, two = Process(store, clock), Process(store, clock)
        assert await one.look()
        await one.sources.stop()
        assert one.box.running == 0
        assert await two.look()
        await two.sources.stop()

    scene(tmp_path, work)


def test_who_stood_still_gives_way(tmp_path: Path) -> None:
    """Its lease ended and another has it: it stops as soon as it looks."""

    async def work(store: Store, clock: FakeClock) -> None:
        one, two = Process(store, clock), Process(store, clock)
        assert await one.look()
        clock.advance(dt.timedelta(seconds=sources.LEASE_SECONDS + 1))
        assert await two.look()
        assert not await one.look()
        assert [await two.look(), await one.look()] == [True, False]
        await two.sources.stop()

    scene(tmp_path, work)


def test_a_source_the_rules_no_longer_name_ends(tmp_path: Path) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        one = Process(store, clock)
        assert await one.look()
        other = Box()
        one.doors.boxes = (other,)
        assert not await one.look()
        assert other.running == 1
        one.doors.boxes = ()
        await one.look()
        assert other.running == 0

    scene(tmp_path, work)


def test_what_is_taken_is_held_on_to_until_it_is_written(tmp_path: Path) -> None:
    """While the database is away, and while the live rules have no such connector: `take` does not return before."""

    async def work(store: Store, clock: FakeClock) -> None:
        answers: list[bool | Exception] = [StoreUnavailable("disk full"), False, False, True]
        seen: list[int] = []

        async def receive(connector: str, raw: Raw) -> bool:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        done = asyncio.Event()

        async def fetch(feed: Feed) -> None:
            await feed.take(RAW)
            seen.append(len(answers))
            done.set()

        one = Process(store, clock, receive)
        one.box.work = fetch
        await one.look()
        await asyncio.wait_for(done.wait(), 30)
        assert seen == [0]
        await one.sources.stop()

    scene(tmp_path, work)


def test_how_far_it_has_read_outlives_the_process(tmp_path: Path) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        found: list[str] = []
        done = asyncio.Event()

        async def read(feed: Feed) -> None:
            found.append(await feed.position("INBOX"))
            await feed.keep("INBOX", f"uid {len(found)}")
            await feed.tell("INBOX", "ok", "all read")
            done.set()

        for _ in range(2):
            done.clear()
            process = Process(store, clock)
            process.box.work = read
            await process.look()
            await asyncio.wait_for(done.wait(), 30)
            await process.sources.stop()
        assert found == ["", "uid 1"]
        assert [(row.name, row.state, row.detail) for row in await store.sources("Mail")] == [("INBOX", "ok", "all read")]

    scene(tmp_path, work)


def test_a_source_whose_code_breaks_is_run_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        real = 1000.0
        monkeypatch.setattr(sources, "monotonic", lambda: real)
        one = Process(store, clock)

        async def breaks(feed: Feed) -> None:
            raise RuntimeError("a mistake")

        one.box.work = breaks
        assert not await one.look()
        one.box.work = None
        real += sources.BROKEN_SECONDS - 1
        assert not await one.look()
        real += 2
        assert await one.look()
        await one.sources.stop()

    scene(tmp_path, work)


def test_administrators_are_told_of_what_stays_broken_once_each_time(tmp_path: Path) -> None:
    async def work(store: Store, clock: FakeClock) -> None:
        for name, role, language in (("ana", "admin", "pt-BR"), ("bruno", "admin", "en"), ("carla", "agent", "en")):
            await store.save_user(
                User(name=name, full_name="", email="", phone="", role=role, language=language, active=True), "x"
            )
        state = ("bad", "no way in")
        changed, told = asyncio.Event(), asyncio.Event()

        async def goes(feed: Feed) -> None:
            while True:
                await feed.tell("INBOX", *state)
                told.set()
                await changed.wait()
                changed.clear()

        async def say(*now: str) -> None:
            nonlocal state
            state = now
            told.clear()
            changed.set()
            await asyncio.wait_for(told.wait(), 30)

        async def notices(person: str) -> list[str]:
            return [row.text for row in reversed(await store.notices(person))]

        one = Process(store, clock)
        one.box.work = goes
        await one.look()
        await asyncio.wait_for(told.wait(), 30)
        clock.advance(sources.TELL_AFTER - dt.timedelta(seconds=1))
        await one.look()
        assert await notices("bruno") == []
        await say("bad", "still no way in")  # in other words: since then all the same
        clock.advance(dt.timedelta(seconds=2))
        for _ in range(3):
            await one.look()
        assert await notices("bruno") == ["Mail receives nothing from INBOX: still no way in"]
        assert await notices("ana") == ["Mail não recebe nada de INBOX: still no way in"]
        assert await notices("carla") == []
        await one.sources.stop()  # another process says no more of it
        two = Process(store, clock)
        two.box.work = goes
        told.clear()
        await two.look()
        await asyncio.wait_for(told.wait(), 30)
        clock.advance(sources.TELL_AFTER)
        await two.look()
        assert len(await notices("bruno")) == 1
        await say("ok")
        clock.advance(2 * sources.TELL_AFTER)
        await two.look()
        await say("bad", "the password changed")
        clock.advance(sources.TELL_AFTER)
        await two.look()
        assert len(await notices("bruno")) == 2
        await two.sources.stop()

    scene(tmp_path, work)
