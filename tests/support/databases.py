"""Databases that are migrated already: the migrations have tests of their own, and to run them each time takes longer than
most tests."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import threading
from pathlib import Path

from duly_runtime.store.database import open_store


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
