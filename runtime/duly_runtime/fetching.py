"""Files that came by reference are fetched in the background: leased, fetched outside any transaction, settled with the
lease's token. Tries again by the store's schedule; what can't be had is `failed`, for the card to show.

The same loop removes uploads that nobody has used.
"""

from __future__ import annotations

import asyncio
import datetime as dt

import structlog

from duly_runtime.changes import Change, Changes
from duly_runtime.doors import Doors, Failed, FetchOutcome, Retry
from duly_runtime.store.api import Store, StoreUnavailable
from duly_runtime.store.files_api import WaitingFile
from duly_runtime.time import Clock
from duly_runtime.under_way import UnderWay, written
from duly_runtime.versions import Versions

SLOTS = 4
"""Files under way at once in one process: each may be held in memory whole."""
FETCH_SECONDS = 60.0
"""Real seconds one fetch may take."""
LEASE_SECONDS = 90.0
SETTLE_SECONDS = 20.0
"""How long what was fetched is held on to while the database is away; with the fetch within the lease."""
UNUSED = dt.timedelta(days=1)
"""How long an upload waits to be used."""
FORGET_EVERY = dt.timedelta(hours=1)

log = structlog.get_logger(__name__)


class Fetching:
    def __init__(self, store: Store, clock: Clock, versions: Versions, doors: Doors, changes: Changes) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._doors = doors
        self._changes = changes
        self._under_way = UnderWay(SLOTS)
        self._forgot_at: dt.datetime | None = None

    async def look(self) -> bool:
        """Begin as many as there is room for; never true, as each that ends makes room for the next look."""
        await self._forget()
        room = self._under_way.room
        if room <= 0:
            return False
        for item in await self._store.lease_files(self._clock.now(), room, LEASE_SECONDS * self._clock.speed):
            self._under_way.start(self._fetch(item), f"fetch file {item.id}")
        return False

    @property
    def busy(self) -> bool:
        """Something is under way."""
        return bool(self._under_way)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more and wait for what is under way; what takes longer is fetched anew once its lease is over."""
        await self._under_way.drain(seconds)

    async def _forget(self) -> None:
        now = self._clock.now()
        if self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY:
            await self._store.forget_unused(now - UNUSED)
            self._forgot_at = now

    async def _fetch(self, item: WaitingFile) -> None:
        try:
            await self._settle(item, await self._attempt(item))
        except Exception as error:
            # The lease runs out and it is fetched again.
            log.exception("fetching_broke", file_id=item.id, error=repr(error))

    async def _attempt(self, item: WaitingFile) -> FetchOutcome:
        try:
            await self._versions.live()  # also brings the doors up to date
        except StoreUnavailable as error:
            return Retry(reason=f"the database did not answer: {error}")
        fetcher = self._doors.fetcher(item.connector)
        if fetcher is None:
            # It may be published again, or repaired.
            return Retry(reason=f"there is no connector `{item.connector}`")
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await fetcher.fetch(item.file)
        except TimeoutError:
            return Retry(reason=f"no answer within {FETCH_SECONDS:.0f} seconds")
        except Exception as error:
            log.exception("fetcher_broke", file_id=item.id)
            return Retry(reason=f"the connector broke while fetching: {type(error).__name__}")

    async def _settle(self, item: WaitingFile, outcome: FetchOutcome) -> None:
        if not await written(lambda: self._store.settle_file(item, outcome, self._clock.now()), SETTLE_SECONDS):
            log.warning("lease_lost", file_id=item.id)
        if isinstance(outcome, Failed):
            log.warning("file_failed", file_id=item.id, reason=outcome.reason)
        self._changes.publish(Change(topic="card", card_id=item.card_id, pipeline=item.pipeline))
