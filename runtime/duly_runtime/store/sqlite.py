"""SQLite for several threads and event loops of one process: one writer, two readers, each a thread with a connection.

A unit of work runs whole in such a thread, so that a transaction costs one change of thread however many statements it
has. The writer takes units in the order they came and commits those that wait together (group commit), all acknowledged
only after the one COMMIT. Where one fails, the others are run again, each in a savepoint of its own. Other processes may
use the same file; they meet at BEGIN IMMEDIATE.
"""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
import asyncio
import collections
import contextlib
import contextvars
import datetime as dt
import functools
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from piccolo.engine.sqlite import SQLiteEngine, convert_datetime_in

from duly_runtime.store import unit
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.store.unit import Again, Held, Result, Row, Unit
from duly_runtime.time import monotonic

log = logging.getLogger(__name__)

READERS = 2
BATCH = 64
"""Units in one commit at most."""
BATCH_SECONDS = 0.02
"""A commit begins this long after the first of its units at the latest: nobody waits for a queue to run dry."""
BUSY_SECONDS = 5
"""How long to wait for another process's write transaction."""
TRIES = 20
"""Runs of a unit that asks to be run anew."""

PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA synchronous = FULL",  # an acknowledged write survives a power cut
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",
)

UNAVAILABLE = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    )
)
"""Primary result codes that speak of the file or the machine, not of the statement."""


class Job(Generic[Result]):
    """A unit on its way through a thread. `future` belongs to the loop of the caller."""

    def __init__(self, engine: Any, work: Unit[Result]) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Result] = self.loop.create_future()
        self._context = contextvars.copy_context()
        self._engine = engine
        self._work = work

    def run(self, connection: sqlite3.Connection) -> Result:
        """Run it here and now, in a context of its own: whatever breaks, no later unit inherits a transaction."""
        for _ in range(TRIES):
            try:
                return self._context.copy().run(self._drive, connection)
            except Again:
                continue
        raise StoreUnavailable("others kept changing the same rows")

    def _drive(self, connection: sqlite3.Connection) -> Result:
        unit.ENGINE.set(self._engine)
        self._engine.current_transaction.set(Held(connection))
        return _result(self._work())


Item = TypeVar("Item")
Settled = tuple[Job[Any], Any, BaseException | None]
"""A unit that has run: its result, or what it failed with."""


def _result(work: Awaitable[Result]) -> Result:
    """The result of a coroutine that never waits: here the database answers at once."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return cast("Result", stop.value)
    raise RuntimeError("a unit of work may wait for the database only")


class SQLiteDatabase(SQLiteEngine):
    """Piccolo's engine with our connections."""

    def __init__(self, path: str) -> None:
        super().__init__(path=path)
        self._file = path
        self._writes: queue.SimpleQueue[list[Job[Any]] | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
        self._reads: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._connections: list[sqlite3.Connection] = []
        self._open = False

    # life
    async def open(self) -> None:
        if self._open:
            return
        try:
            await asyncio.to_thread(self._connect)
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            raise StoreUnavailable(f"the database file {self._file} can't be opened: {error}") from error
        self._open = True
        loops: list[tuple[Callable[..., None], sqlite3.Connection]] = [(self._write_loop, self._connections[0])]
        loops += [(self._read_loop, connection) for connection in self._connections[1:]]
        for number, (loop, connection) in enumerate(loops):
            # Daemons, so that a process which forgot `close` can still end; what was not acknowledged may be lost.
            thread = threading.Thread(target=loop, args=(connection,), name=f"sqlite-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _connect(self) -> None:
        Path(self._file).parent.mkdir(parents=True, exist_ok=True)
        journal = os.environ.get("DULY_SQLITE_JOURNAL", "WAL").upper()
        if journal not in ("WAL", "DELETE"):
            raise StoreUnavailable(f"DULY_SQLITE_JOURNAL is `{journal}`: it must be WAL or DELETE")
        warn_of_wal_reset(journal)
        for number in range(1 + READERS):
            connection = sqlite3.connect(
                self._file,
                detect_types=sqlite3.PARSE_DECLTYPES,
                isolation_level=None,
                check_same_thread=False,  # closed by another thread, after its own has ended
                timeout=BUSY_SECONDS,
                cached_statements=500,
            )
            self._connections.append(connection)
            for pragma in PRAGMAS:
                connection.execute(pragma).fetchall()
            if number == 0:
                connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._writes.put(None)
        for _ in range(READERS):
            self._reads.put(None)
        await asyncio.to_thread(self._disconnect)

    def _disconnect(self) -> None:
        for thread in self._threads:
            thread.join()
        # Those who came in while the store was being closed.
        _close_out(_left(self._reads))
        for jobs in _left(self._writes):
            _close_out(jobs)
        for connection in self._connections:
            connection.close()
        self._threads.clear()
        self._connections.clear()

    # units of work
    async def write(self, work: Unit[Result]) -> Result:
        job = self._job(work)
        # What one turn of the loop asks for goes to the writer together: it is woken once, and commits it together.
        gathered = self._gathered.setdefault(job.loop, [])
        if not gathered:
            job.loop.call_soon(self._hand_over, job.loop)
        gathered.append(job)
        return await job.future

    async def read(self, work: Unit[Result]) -> Result:
        job = self._job(work)
        self._reads.put(job)
        return await job.future

    def _job(self, work: Unit[Result]) -> Job[Result]:
        """A caller that is cancelled while its unit still waits takes it out of the queue; one under way is finished."""
        if not self._open:
            raise StoreUnavailable("the store is not open")
        return Job(self, work)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._gathered.pop(loop)
        if self._open:
            self._writes.put(jobs)
        else:
            _close_out(jobs)

    async def fetch(self, text: str, args: Sequence[Any]) -> list[Row]:
        held: Held = self.current_transaction.get()  # pyright: ignore[reportAssignmentType]
        return _rows(held.connection.execute(text, args))

    async def values(self, text: str, args: Sequence[Any]) -> Sequence[Sequence[Any]]:
        held: Held = self.current_transaction.get()  # pyright: ignore[reportAssignmentType]
        cursor = held.connection.cursor()
        cursor.row_factory = None
        return cursor.execute(text, args).fetchall()

    # threads
    def _read_loop(self, connection: sqlite3.Connection) -> None:
        while (job := self._reads.get()) is not None:
            if not job.future.cancelled():
                settle([(job, *self._read_one(connection, job))])

    def _read_one(self, connection: sqlite3.Connection, job: Job[Any]) -> tuple[Any, BaseException | None]:
        try:
            connection.execute("BEGIN")
            return job.run(connection), None
        except BaseException as error:
            return None, error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        waiting: collections.deque[Job[Any]] = collections.deque()
        more = True
        while more or waiting:
            if not waiting:
                jobs = self._writes.get()
                if jobs is None:
                    return
                waiting.extend(jobs)
            more = self._commit_together(connection, waiting) and more

    def _commit_together(self, connection: sqlite3.Connection, waiting: collections.deque[Job[Any]]) -> bool:
        """One transaction of those that wait and those that join them. False where the end of the queue was met."""
        began = monotonic()
        settled: list[Settled] = []
        more, run = True, self._run
        try:
            connection.execute("BEGIN IMMEDIATE")
            while waiting and len(settled) < BATCH and monotonic() - began < BATCH_SECONDS:
                job = waiting.popleft()
                if not job.future.cancelled():
                    settled.append((job, None, None))
                    result, failure = run(connection, job)
                    settled[-1] = (job, result, failure)
                    if failure is not None and run == self._run:
                        run = self._run_apart
                        settled = self._begin_anew(connection, settled)
                if not waiting and more:
                    try:
                        joining = self._writes.get_nowait()
                    except queue.Empty:
                        continue
                    more = joining is not None
                    waiting.extend(joining or ())
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            lost = [each for each, _, _ in settled]
            if not lost and waiting:
                lost = [waiting.popleft()]  # not even begun: one caller is told, the next is tried
            settled = [(each, None, error) for each in lost]
        settle(settled)
        return more

    def _run(self, connection: sqlite3.Connection, job: Job[Any]) -> tuple[Any, BaseException | None]:
        """Run one unit that is trusted to succeed: a savepoint each would cost more than the few that fail."""
        try:
            return job.run(connection), None
        except BaseException as error:
            return None, error

    def _begin_anew(self, connection: sqlite3.Connection, settled: list[Settled]) -> list[Settled]:
        """The last of the group has failed, half-way through perhaps: undo it all, and run the others again."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        *others, failed = settled
        return [*((job, *self._run_apart(connection, job)) for job, _, _ in others), failed]

    def _run_apart(self, connection: sqlite3.Connection, job: Job[Any]) -> tuple[Any, BaseException | None]:
        """Run one unit in a savepoint. Raises where the database has given up the whole transaction."""
        connection.execute("SAVEPOINT unit")
        try:
            result = job.run(connection)
        except BaseException as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return None, error
        connection.execute("RELEASE unit")
        return result, None

    # Piccolo
    async def _run_in_existing_connection(
        self, connection: Any, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        return _rows(connection.execute(query, args or []))

    async def _run_in_new_connection(
        self, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        raise RuntimeError(f"a query outside a unit of work: {query}")


def _left(waiting: queue.SimpleQueue[Item | None]) -> Iterator[Item]:
    """What nobody took."""
    while True:
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return
        if item is not None:
            yield item


def _close_out(jobs: Iterable[Job[Any]]) -> None:
    settle([(job, None, StoreUnavailable("the store was closed")) for job in jobs])


def settle(settled: Sequence[Settled]) -> None:
    """Answer the callers, each loop woken once: a wake-up costs more than what is told by it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Settled]] = {}
    for each in settled:
        by_loop.setdefault(each[0].loop, []).append(each)
    for loop, answers in by_loop.items():
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_answer, answers)


def _answer(answers: Sequence[Settled]) -> None:
    for job, result, failure in answers:
        if job.future.cancelled():
            continue
        if failure is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(translated(failure))


# As Piccolo writes an instant; one event writes the same few a dozen times.
sqlite3.register_adapter(dt.datetime, functools.lru_cache(maxsize=500)(convert_datetime_in))


def _rows(cursor: sqlite3.Cursor) -> list[Row]:
    found = cursor.fetchall()
    if not found:
        return found
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in found]


def translated(error: BaseException) -> BaseException:
    """StoreUnavailable where the error is the file's or the machine's, else the error."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in UNAVAILABLE:
            unavailable = StoreUnavailable(f"the database can't be used now: {error}")
            unavailable.__cause__ = error
            return unavailable
    return error


def warn_of_wal_reset(journal: str, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """SQLite up to 3.51.2 can, very rarely, damage a file in WAL mode when a checkpoint resets the log while another
    connection writes (https://sqlite.org/wal.html#walresetbug; mended in 3.51.3, 3.50.7 and 3.44.6)."""
    mended = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
    if mended or journal != "WAL":
        return False
    log.warning(
        "this Python brings SQLite %s, which can in rare cases damage a database in WAL mode; "
        "use 3.51.3 or later, or set DULY_SQLITE_JOURNAL=DELETE (safe, slower)",
        ".".join(map(str, version)),
    )
    return True
