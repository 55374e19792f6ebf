"""What every connector must hold to that fetches by itself (`Connector.sources`), as tests. Subclass `SourceContract`:

    class TestMine(SourceContract):
        secrets = {"MINE_KEY": "a key"}
        def make(self, tools): return Mine(DEFINITION, PIPELINE, tools)
        def other_side(self): return an `async with` of an OtherSide: a small server it fetches from

Needs pytest. docs/connectors/adding.md says more.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from duly_connectors.contract import Connector, Tools
from duly_connectors.testing import NOON, ConnectorContract
from duly_runtime.doors import Feed, Raw

BOUND = 30.0
"""Real seconds after which something counts as not happening. What works takes a fraction of one."""
END_SECONDS = 30.0
"""Real seconds a source may take to end, once it is cancelled."""


class FakeFeed(Feed):
    """A feed in memory. `taken` is what was fetched, in order; `positions` what was kept; `told` how it goes, by part. Give
    the positions of one to the next, and a process has been started anew. While `shut`, nothing gets in, as with a database
    that is away: `take` waits."""

    def __init__(self, positions: dict[str, str] | None = None, *, shut: bool = False) -> None:
        self.taken: list[Raw] = []
        self.positions = dict(positions or {})
        self.told: dict[str, tuple[str, str]] = {}
        self.offered: list[Raw] = []
        """What was handed to `take`, whether it got in or not."""
        self._open = asyncio.Event()
        self._changed = asyncio.Event()
        if not shut:
            self._open.set()

    def now(self) -> dt.datetime:
        return NOON

    async def take(self, raw: Raw) -> None:
        self.offered.append(raw)
        self._changed.set()
        await self._open.wait()
        self.taken.append(raw)
        self._changed.set()

    async def position(self, name: str) -> str:
        return self.positions.get(name, "")

    async def keep(self, name: str, value: str) -> None:
        self.positions[name] = value
        self._changed.set()

    async def tell(self, name: str, state: str, detail: str = "") -> None:
        self.told[name] = (state, detail)
        self._changed.set()

    async def forget(self, but: tuple[str, ...]) -> None:
        self.told = {name: told for name, told in self.told.items() if name in but}

    def states(self) -> set[str]:
        return {state for state, _ in self.told.values()}

    async def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until it is so; AssertionError saying `what` is not, once BOUND is over."""
        try:
            async with asyncio.timeout(BOUND):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {BOUND:.0f} seconds; told: {self.told}") from None


class OtherSide(Protocol):
    """Where a source fetches from, while a test runs. Each is empty when it begins. A connector that leaves alone what was
    there before it was first connected is made (`make`) with whatever turns that off."""

    @property
    def tools(self) -> Tools:
        """What the connector is made with, to reach it."""
        ...

    async def put(self, name: str) -> None:
        """One more item is there to be fetched; `name` tells it from the others."""
        ...


class SourceContract(ConnectorContract):
    """What holds for a connector that fetches by itself."""

    def other_side(self) -> contextlib.AbstractAsyncContextManager[OtherSide]:
        """A server with nothing to fetch yet."""
        raise NotImplementedError

    def test_there_is_a_source(self) -> None:
        assert self.connector().sources()

    def test_what_is_there_is_fetched_and_what_comes_later(self) -> None:
        async def scene(side: OtherSide) -> None:
            await side.put("first")
            feed, made = FakeFeed(), self.make(side.tools)
            async with self._running(made, feed):
                await feed.until(lambda: len(feed.taken) == 1, "what was there is fetched")
                await side.put("second")
                await feed.until(lambda: len(feed.taken) == 2, "what comes later is fetched")
            assert len(self._keys(made, feed.taken)) == 2, "two items have two keys"
            assert feed.states() == {"ok"}, "say that it goes well"
            self._no_secret_in(feed.told)

        self._play(scene)

    def test_what_is_fetched_is_read_by_parse_alone(self) -> None:
        """It is kept as it came, and may be replayed years later."""

        async def scene(side: OtherSide) -> None:
            await side.put("first")
            feed, made = FakeFeed(), self.make(side.tools)
            async with self._running(made, feed):
                await feed.until(lambda: len(feed.taken) == 1, "what was there is fetched")
            (raw,) = feed.taken
            assert raw.received_at == feed.now(), "the time is the feed's"
            assert made.parse(raw) == made.parse(raw)
            self._no_secret_in(raw)

        self._play(scene)

    def test_nothing_is_passed_over_before_it_is_safe(self) -> None:
        """The process dies while the database has not yet got it: the next one fetches it again, under the same key."""

        async def scene(side: OtherSide) -> None:
            await side.put("first")
            dies, made = FakeFeed(shut=True), self.make(side.tools)
            async with self._running(made, dies):
                await dies.until(lambda: bool(dies.offered), "what was there is fetched")
            assert dies.taken == []
            after = FakeFeed(dies.positions)
            async with self._running(made, after):
                await after.until(lambda: len(after.taken) == 1, "what never got in is fetched again")
            assert self._keys(made, dies.offered) == self._keys(made, after.taken)

        self._play(scene)

    def test_a_restart_misses_nothing(self) -> None:
        async def scene(side: OtherSide) -> None:
            await side.put("first")
            before, made = FakeFeed(), self.make(side.tools)
            async with self._running(made, before):
                await before.until(lambda: len(before.taken) == 1, "what was there is fetched")
            await side.put("meanwhile")
            after, made = FakeFeed(before.positions), self.make(side.tools)
            keys = self._keys(made, before.taken)
            async with self._running(made, after):
                await after.until(lambda: len(keys | self._keys(made, after.taken)) == 2, "what came meanwhile is fetched")

        self._play(scene)

    def test_what_is_fetched_twice_has_the_same_key(self) -> None:
        """Where all that was kept is gone (an older backup): whatever comes again counts once."""

        async def scene(side: OtherSide) -> None:
            await side.put("first")
            before, made = FakeFeed(), self.make(side.tools)
            async with self._running(made, before):
                await before.until(lambda: len(before.taken) == 1, "what was there is fetched")
            await side.put("second")
            after = FakeFeed()
            keys = self._keys(made, before.taken)
            async with self._running(made, after):
                await after.until(lambda: not self._keys(made, after.taken) <= keys, "what is new is fetched")
            assert len(keys | self._keys(made, after.taken)) == 2, "whatever comes again counts once"

        self._play(scene)

    def test_with_nobody_there_it_says_so_and_tries_on(self) -> None:
        async def main() -> None:
            feed = FakeFeed()
            async with self._running(self.connector(), feed):
                await feed.until(lambda: "bad" in feed.states(), "it is told that nobody is there")
            self._tells(feed)

        asyncio.run(main())

    def test_without_its_secret_it_waits_until_there_is_one(self) -> None:
        async def scene(side: OtherSide) -> None:
            stored: dict[str, str] = {}
            await side.put("first")
            feed, given = FakeFeed(), side.tools
            made = self.make(self.tools(given.network, stored))
            names = made.secret_names()
            async with self._running(made, feed):
                await feed.until(lambda: "bad" in feed.states(), "it is told that a secret is missing")
                told = " ".join(detail for _, detail in feed.told.values())
                assert any(name in told for name in names), "say which is missing"
                assert feed.offered == []
                stored.update({name: given.secrets(name) for name in names})
                await feed.until(lambda: len(feed.taken) == 1, "a secret that is stored later is taken up")
            self._no_secret_in(feed.told)

        if self.secrets:
            self._play(scene)

    def _tells(self, feed: FakeFeed) -> None:
        for name, (state, detail) in feed.told.items():
            assert name and state in ("ok", "bad", "unknown")
            assert state != "bad" or detail.strip(), "say what is wrong"
        self._no_secret_in(feed.told)

    def _keys(self, made: Connector, raws: list[Raw]) -> set[str]:
        keys: set[str] = set()
        for raw in raws:
            parsed = made.read(raw)
            assert parsed.items and not parsed.problems, f"an item of the other side is not read: {parsed.problems}"
            keys.update(item.key for item in parsed.items)
        return keys

    @contextlib.asynccontextmanager
    async def _running(self, made: Connector, feed: FakeFeed) -> AsyncIterator[None]:
        """All its sources, until this is left."""
        tasks = [asyncio.create_task(source.run(feed), name=source.name) for source in made.sources()]
        try:
            yield
        finally:
            ended = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            _, left = await asyncio.wait(tasks, timeout=END_SECONDS)
            await made.close()
        assert not left, "a source that is cancelled ends"
        for task in ended:
            raise AssertionError(f"{task.get_name()} ended by itself") from task.exception()

    def _play(self, scene: Callable[[OtherSide], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.other_side() as side:
                await scene(side)

        asyncio.run(main())
