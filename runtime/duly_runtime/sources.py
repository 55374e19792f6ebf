"""Connectors that fetch by themselves (a mailbox that is read): each source runs in one process at a time.

A source is leased in the database. Whoever holds the lease runs it and renews the lease; a process that died is followed
by another once its lease is over. Should two run one for a moment, nothing comes twice: what they bring has keys.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from duly_dsl import i18n
from duly_dsl.i18n import marked as _
from duly_runtime.doors import Doors, Feed, Raw, Source
from duly_runtime.store.api import Store, StoreUnavailable
from duly_runtime.store.sources_api import SourceRow
from duly_runtime.time import Clock, monotonic
from duly_runtime.versions import Versions

LEASE_SECONDS = 15.0
RENEW_SECONDS = 5.0
"""Real seconds between two looks at a lease, ours or another's."""
BROKEN_SECONDS = 30.0
"""Real seconds before a source whose code broke is run again."""
TELL_AFTER = dt.timedelta(minutes=5)
"""Of the Clock: what mends itself sooner is no news. Later the administrators are told, once each time."""
GAPS = (0.5, 1.0, 2.0, 5.0)
"""Real seconds between attempts to write while the database is away; the last one for good."""

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Receive = Callable[[str, Raw], Awaitable[bool]]
"""Takes in what the connector of a name has fetched; false where there is no such connector any more."""


class Sources:
    def __init__(self, store: Store, clock: Clock, versions: Versions, doors: Doors, receive: Receive) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._doors = doors
        self._receive = receive
        self._token = uuid.uuid4().hex
        self._running: dict[tuple[str, str], tuple[Source, asyncio.Task[None]]] = {}
        self._looked: dict[tuple[str, str], float] = {}
        self._told_at = -RENEW_SECONDS
        self._told: dict[tuple[str, str], str] = {}

    async def look(self) -> bool:
        """Run what is ours to run, and nothing else."""
        await self._versions.live()  # the doors follow it
        wanted = {(connector, source.name): source for connector, source in self._doors.sources()}
        for place, (source, task) in list(self._running.items()):
            if wanted.get(place) is not source:
                await self._end(place)
            elif task.done():
                del self._running[place]
        for place, source in wanted.items():
            real = monotonic()
            if real < self._looked.get(place, 0.0):
                continue
            self._looked[place] = real + RENEW_SECONDS
            now = self._clock.now()
            until = now + dt.timedelta(seconds=LEASE_SECONDS * self._clock.speed)
            ours = await self._store.hold_source(*place, self._token, now, until)
            if ours and place not in self._running:
                task = asyncio.create_task(self._run(place, source), name=f"source {place[0]} {place[1]}")
                self._running[place] = source, task
            elif not ours and place in self._running:
                log.warning("source_lost", connector=place[0], source=place[1])
                await self._end(place)
        await self._tell_of_trouble()
        return False

    async def stop(self) -> None:
        for place in list(self._running):
            await self._end(place)

    async def _tell_of_trouble(self) -> None:
        """Of what this process runs and can't do."""
        real = monotonic()
        if not self._running or real - self._told_at < RENEW_SECONDS:
            return
        self._told_at = real
        ours = {connector for connector, _name in self._running}
        long_ago = self._clock.now() - TELL_AFTER
        rows = [row for row in await self._store.sources() if row.state == "bad" and row.connector in ours]
        for row in rows:
            key = f"source/{row.connector}/{row.name}/{row.changed_at.isoformat()}"
            if row.changed_at <= long_ago and self._told.get((row.connector, row.name)) != key:
                await self._tell(row, key)
                self._told[row.connector, row.name] = key

    async def _tell(self, row: SourceRow, key: str) -> None:
        for user in await self._store.users():
            if user.role == "admin" and user.active:
                translate = i18n.translations("duly_runtime", i18n.choose(user.language or "en")).gettext
                text = translate(_("{connector} receives nothing from {name}: {detail}")).format(
                    connector=row.connector, name=row.name, detail=row.detail
                )
                await self._store.tell(user.name, text, f"{key}/{user.name}", self._clock.now())

    async def _end(self, place: tuple[str, str]) -> None:
        _, task = self._running.pop(place)
        self._looked.pop(place, None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        try:
            await self._store.release_source(*place, self._token, self._clock.now())
        except StoreUnavailable:
            log.warning("source_not_released", connector=place[0], source=place[1])

    async def _run(self, place: tuple[str, str], source: Source) -> None:
        try:
            await source.run(_Feed(self._store, self._clock, place[0], self._receive))
        except Exception as error:
            log.exception("source_broke", connector=place[0], source=place[1], error=repr(error))
            self._looked[place] = monotonic() + BROKEN_SECONDS


class _Feed(Feed):
    def __init__(self, store: Store, clock: Clock, connector: str, receive: Receive) -> None:
        self._store = store
        self._clock = clock
        self._connector = connector
        self._receive = receive

    def now(self) -> dt.datetime:
        return self._clock.now()

    async def take(self, raw: Raw) -> None:
        while not await self._until_written(lambda: self._receive(self._connector, raw)):  # noqa: ASYNC110
            # The rules that are live now have no such connector. This source ends within a moment, or it comes back.
            await asyncio.sleep(GAPS[0])

    async def position(self, name: str) -> str:
        return await self._until_written(lambda: self._store.position(self._connector, name))

    async def keep(self, name: str, value: str) -> None:
        await self._until_written(lambda: self._store.keep_position(self._connector, name, value))

    async def tell(self, name: str, state: str, detail: str = "") -> None:
        now = self._clock.now()
        await self._until_written(lambda: self._store.tell_source(self._connector, name, state, detail, now))

    async def forget(self, but: tuple[str, ...]) -> None:
        await self._until_written(lambda: self._store.forget_source(self._connector, but))

    async def _until_written(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """The database may be away for a while: what was fetched is held on to, and nothing more is fetched."""
        tries = 0
        while True:
            try:
                return await attempt()
            except StoreUnavailable as error:
                if not tries:
                    log.warning("store_unavailable", connector=self._connector, error=str(error))
            await asyncio.sleep(GAPS[min(tries, len(GAPS) - 1)])
            tries += 1
