"""PostgreSQL: a pool for each event loop; each unit of work in a task of its own, run again where the server asks."""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
import asyncio
import contextvars
from collections.abc import Sequence
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from piccolo.engine.postgres import PostgresEngine

from duly_runtime.store import unit
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.store.unit import Again, Held, Result, Row, Unit

POOL_SIZE = 10
"""Connections for each event loop."""
KEPT_FREE = 2
"""Of those, for `write_first`: what comes in does not stand in line behind hundreds of events that are being handled."""
TRIES = 20
"""Runs of a unit that lost a race (serialisation, deadlock, Again)."""
PATIENCE = (0.05, 0.2, 0.5)
"""Seconds between runs of a unit whose connection was lost. A server that is away for longer is reported."""
ACQUIRE_SECONDS = 10
CLOSE_SECONDS = 10
"""How long the units under way may take when the store is closed."""
MIN_VERSION = 13

RACES = (Again, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that is cut in the middle of its own bookkeeping
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
)
FULL = (
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
)
REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


class PostgresDatabase(PostgresEngine):
    """Piccolo's engine with our pools. An event loop that has used it must not end before `close`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pools: dict[asyncio.AbstractEventLoop, asyncio.Task[Any]] = {}
        self._turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self._closed = True
        super().__init__(config={"dsn": url})

    async def check_version(self) -> None:
        """Piccolo connects to ask when an engine is made; we ask in `open`."""

    async def prep_database(self) -> None:
        """No extensions."""

    async def open(self) -> None:
        self._closed = False
        found = await self.read(lambda: unit.fetch("SHOW server_version_num"))
        version = int(found[0]["server_version_num"]) // 10_000
        if version < MIN_VERSION:
            raise StoreUnavailable(f"PostgreSQL {version} is too old: Duly needs {MIN_VERSION} or later")

    async def close(self) -> None:
        self._closed = True
        here = asyncio.get_running_loop()
        pools, self._pools = self._pools, {}
        for loop, opening in pools.items():
            if loop is here:
                await _shut(opening)
            elif loop.is_running():
                shut = asyncio.run_coroutine_threadsafe(_shut(opening), loop)
                await asyncio.wrap_future(shut)

    async def _pool(self) -> Any:
        if self._closed:
            raise StoreUnavailable("the store is not open")
        loop = asyncio.get_running_loop()
        for old in [known for known in self._pools if known.is_closed()]:
            del self._pools[old]
            self._turns.pop(old, None)
        opening = self._pools.get(loop)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._pools[loop] = loop.create_task(_create(self._url), context=contextvars.Context())
        return await asyncio.shield(opening)

    # units of work
    async def write(self, work: Unit[Result]) -> Result:
        return await self._run(work, readonly=False)

    async def write_first(self, work: Unit[Result]) -> Result:
        """For few and short units somebody outside waits for."""
        return await self._run(work, readonly=False, first=True)

    async def read(self, work: Unit[Result]) -> Result:
        return await self._run(work, readonly=True)

    async def _run(self, work: Unit[Result], *, readonly: bool, first: bool = False) -> Result:
        races = losses = 0
        while True:
            try:
                # A task of its own: a context that a lost connection has spoilt ends with it.
                return await asyncio.create_task(self._in_turn(work, readonly=readonly, first=first))
            except RACES as error:
                races += 1
                if races >= TRIES:
                    raise StoreUnavailable("others kept changing the same rows") from error
                await asyncio.sleep(0.002 * races)
            except AWAY as error:
                if losses >= len(PATIENCE):
                    raise StoreUnavailable(f"the database does not answer: {error}") from error
                await asyncio.sleep(PATIENCE[losses])
                losses += 1
            except (*FULL, *REFUSED) as error:
                raise StoreUnavailable(f"the database can't be used now: {error}") from error

    async def _in_turn(self, work: Unit[Result], *, readonly: bool, first: bool) -> Result:
        if first:
            return await self._once(work, readonly=readonly)
        turns = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(POOL_SIZE - KEPT_FREE))
        async with asyncio.timeout(ACQUIRE_SECONDS):
            await turns.acquire()
        try:
            return await self._once(work, readonly=readonly)
        finally:
            turns.release()

    async def _once(self, work: Unit[Result], *, readonly: bool) -> Result:
        pool = await self._pool()
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            isolation = "repeatable_read" if readonly else "read_committed"
            async with connection.transaction(isolation=isolation, readonly=readonly):
                unit.ENGINE.set(self)
                self.current_transaction.set(Held(connection))  # pyright: ignore[reportArgumentType]
                return await work()

    async def fetch(self, text: str, args: Sequence[Any]) -> list[Row]:
        held = cast("Held", self.current_transaction.get())
        return await held.connection.fetch(unit.numbered(text), *args)

    async def values(self, text: str, args: Sequence[Any]) -> Sequence[Sequence[Any]]:
        held = cast("Held", self.current_transaction.get())
        return await held.connection.fetch(unit.numbered(text), *args)


async def _create(url: str) -> Any:
    return await asyncpg.create_pool(
        dsn=url,
        min_size=1,
        max_size=POOL_SIZE,
        command_timeout=30,
        server_settings={"application_name": "duly", "lock_timeout": "10s", "timezone": "UTC"},
    )


async def _shut(opening: asyncio.Task[Any]) -> None:
    """Close a pool once its units are done; one that never opened needs nothing."""
    try:
        pool = await opening
    except (*AWAY, *FULL, *REFUSED):
        return
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except AWAY:
        pool.terminate()
