"""A unit of work: one transaction on one engine, written once for both databases.

A unit is a coroutine that waits for nothing but the database. On SQLite it runs whole in the writer's (or a reader's)
thread; on PostgreSQL in a task of its own. It may be run again where the database asks for it, so it must not change
anything but the database. Inside it, Piccolo's queries and `fetch` find their connection by context.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import functools
import itertools
import operator
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, cast

from piccolo.engine import Engine

Result = TypeVar("Result")
Row = dict[str, Any]
Unit = Callable[[], Awaitable[Result]]

MAX_ARGUMENTS = 30_000
"""Bind arguments of one statement (PostgreSQL and SQLite both stop at 32,766)."""


class Database(Protocol):
    """What the store needs of an engine beside Piccolo's own methods."""

    engine_type: str

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, work: Unit[Result]) -> Result: ...

    async def read(self, work: Unit[Result]) -> Result: ...

    async def fetch(self, text: str, args: Sequence[Any]) -> list[Row]: ...

    async def values(self, text: str, args: Sequence[Any]) -> Sequence[Sequence[Any]]: ...


ENGINE: ContextVar[Any] = ContextVar("duly_store_engine")
"""The engine of the running unit of work."""


class Again(Exception):
    """The unit has found that another one came first, and must be run anew."""


class Held:
    """What Piccolo takes for the transaction of the context: it reads `connection`."""

    __slots__ = ("connection",)

    def __init__(self, connection: Any) -> None:
        self.connection = connection


def fetch(text: str, *args: Any) -> Awaitable[list[Row]]:
    """Run one statement, with `?` for each argument; its rows."""
    return ENGINE.get().fetch(text, args)


def values(text: str, *args: Any) -> Awaitable[Sequence[Sequence[Any]]]:
    """The same, each row as its values in order: for many rows."""
    return ENGINE.get().values(text, args)


async def first(text: str, *args: Any) -> Row | None:
    rows = await fetch(text, *args)
    return rows[0] if rows else None


def on_postgres() -> bool:
    engine: Engine[Any] = ENGINE.get()
    return engine.engine_type == "postgres"


def locked() -> str:
    """Ends a SELECT whose rows nobody else may change before we are done. SQLite has one writer anyway."""
    return " FOR UPDATE" if on_postgres() else ""


@functools.lru_cache(maxsize=2000)
def numbered(text: str) -> str:
    """`?` as PostgreSQL wants it: `$1`, `$2`, … No statement of ours holds a literal question mark."""
    head, *rest = text.split("?")
    return head + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))


def marks(count: int) -> str:
    return ",".join("?" * count)


def containing(word: str) -> str:
    """The pattern of `LIKE ? ESCAPE '!'` for texts that hold a word."""
    return f"%{word.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"


async def insert(table: str, rows: Sequence[Row], ending: str = "") -> list[Row]:
    """Insert rows that have the same columns, two or more. `ending` is an ON CONFLICT and RETURNING clause."""
    found: list[Row] = []
    if not rows:
        return found
    columns = tuple(rows[0])
    values = cast("Callable[[Row], tuple[Any, ...]]", operator.itemgetter(*columns))
    for part in chunks(rows, MAX_ARGUMENTS // len(columns)):
        text = _insertion(table, columns, len(part), ending)
        found += await fetch(text, *itertools.chain.from_iterable(map(values, part)))
    return found


@functools.lru_cache(maxsize=500)
def _insertion(table: str, columns: tuple[str, ...], count: int, ending: str) -> str:
    row = f"({marks(len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)} {ending}"


def chunks(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
