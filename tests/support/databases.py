"""Databases of one's own, and such that are migrated already: the migrations have tests of their own, and to run them each
time takes longer than most tests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from duly_runtime.store.database import open_store

POSTGRES = os.environ.get("DULY_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def on_server(url: str, *statements: str) -> None:
    """Executed on PostgreSQL, each by itself."""

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@contextlib.contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of a new database on POSTGRES, dropped afterwards. OSError or TimeoutError where no server answers."""
    name = f"duly_test_{os.getpid()}_{secrets.token_hex(4)}"
    on_server(POSTGRES, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
    finally:
        on_server(POSTGRES, f"DROP DATABASE {name} WITH (FORCE)")


async def migrate(url: str) -> None:
    store = open_store(url)
    await store.start()
    await store.stop()


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "migrated.sqlite")
        # In a thread: whoever asks may run in an event loop.
        work = threading.Thread(target=lambda: asyncio.run(migrate(f"sqlite:///{path}")))
        work.start()
        work.join()
        return path.read_bytes()


def sqlite_database(path: Path) -> str:
    """The URL of a SQLite database at `path`; made there, empty of rows, unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_migrated())
    return f"sqlite:///{path}"
