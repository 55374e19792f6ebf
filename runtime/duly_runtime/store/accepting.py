"""Requests that come in at once are journalled together: on PostgreSQL one transaction of two statements takes in dozens.

While a few groups are being committed the next one gathers, so that a lone request waits for nobody and a flood waits for
few commits. Everybody is answered after the commit of their group. Where a group fails because of one of its requests, it
is halved and each half tried again, until the bad one is alone; the others are kept. (SQLite's writer commits what waits
together by itself.)
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and types, never values
import asyncio
import collections
import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from duly_runtime.doors import Inbound, Raw
from duly_runtime.events import CustomerMessage
from duly_runtime.store import journal, tables, unit
from duly_runtime.store.api import Accepted, StoreUnavailable
from duly_runtime.store.unit import Row

GROUP = 64
"""Requests in one transaction at most."""
LANES = 4
"""Groups under way at once: while one waits for the server's disk, the next are read and sent."""
LARGE = 64 * 1024
"""Bytes of a body above which a request is taken in by itself."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what it holds: what `Store.accept` is given."""

    connector: str
    raw: Raw
    items: tuple[Inbound, ...]
    now: dt.datetime
    parked: str


def goes_along(raw: Raw, items: Sequence[Inbound]) -> bool:
    """Whether a request may be journalled with others: it is small, and nothing must be looked up for it."""
    named = any(isinstance(item.body, CustomerMessage) and item.body.thread is not None for item in items)
    return len(raw.body) <= LARGE and not named


async def accept_all(arrivals: Sequence[Arrival]) -> list[Accepted]:
    """As `journal.accept` of each, in their order. A unit of work."""
    raws = [journal.raw_row(arrival.connector, arrival.raw, arrival.parked) for arrival in arrivals]
    made = await _insert("raw", raws, "RETURNING id")
    raw_ids = sorted(int(row["id"]) for row in made)  # given in the order of the rows
    events = [
        row
        for arrival, raw_id in zip(arrivals, raw_ids, strict=True)
        for row in journal.event_rows(arrival.connector, raw_id, arrival.items, arrival.now)
    ]
    new: dict[int, list[int]] = collections.defaultdict(list)
    for row in await _insert("event", events, f"{journal.ONCE}, raw_id"):
        new[int(row["raw_id"])].append(int(row["id"]))
    answers = [
        journal.answer(arrival.items, new[raw_id], raw_id, arrival.parked)
        for arrival, raw_id in zip(arrivals, raw_ids, strict=True)
    ]
    repeated = [raw_id for raw_id, answer in zip(raw_ids, answers, strict=True) if not answer.raw_id]
    if repeated:
        await unit.fetch("DELETE FROM raw WHERE id = ANY(?::bigint[])", repeated)
    return answers


async def _insert(table: str, rows: Sequence[Row], ending: str) -> list[Row]:
    """A column is one argument, so that the statement is the same, and known to the server, however many rows there are."""
    if not rows:
        return []
    columns = tuple(rows[0])
    return await unit.fetch(_insertion(table, columns, ending), *([row[column] for row in rows] for column in columns))


@functools.cache
def _insertion(table: str, columns: tuple[str, ...], ending: str) -> str:
    named, types = ", ".join(columns), tables.types(table)
    given = ", ".join(f"?::{types[column]}[]" for column in columns)
    return (
        f"INSERT INTO {table} ({named}) SELECT {named} FROM unnest({given}) WITH ORDINALITY AS given"
        f" ({named}, place) ORDER BY place {ending}"
    )


Asked = tuple[Arrival, asyncio.Future[Accepted]]


class Lanes:
    """What one event loop has in hand. `running` lanes commit, each a task."""

    def __init__(self) -> None:
        self.waiting: collections.deque[Asked] = collections.deque()
        self.running = 0
        self.tasks: set[asyncio.Task[None]] = set()


class Gathering:
    """Brings arrivals together, for each event loop apart, as a loop has its own connections."""

    def __init__(self, write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self._write = write
        self._lanes: dict[asyncio.AbstractEventLoop, Lanes] = {}

    async def accept(self, arrival: Arrival) -> Accepted:
        """Returns once it is committed. Raises StoreUnavailable, or what the request itself makes the database raise."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Accepted] = loop.create_future()
        lanes = self._lanes.setdefault(loop, Lanes())
        lanes.waiting.append((arrival, future))
        if lanes.running < LANES:
            lanes.running += 1
            task = loop.create_task(self._run(loop, lanes))
            lanes.tasks.add(task)  # the loop itself keeps no hold of it
            task.add_done_callback(lanes.tasks.discard)
        return await future

    async def _run(self, loop: asyncio.AbstractEventLoop, lanes: Lanes) -> None:
        waiting = lanes.waiting
        try:
            while waiting:
                group = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
                await self._commit([each for each in group if not each[1].cancelled()])
        finally:
            # At once, not when the task is done: whoever is answered may come again before that.
            lanes.running -= 1
            if not lanes.running:
                self._lanes.pop(loop, None)

    async def _commit(self, group: Sequence[Asked]) -> None:
        if not group:
            return
        try:
            answers = await self._write(lambda: accept_all([arrival for arrival, _ in group]))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                middle = len(group) // 2
                await self._commit(group[:middle])
                await self._commit(group[middle:])
                return
            for _, future in group:
                if not future.cancelled():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.cancelled():
                future.set_result(answer)
