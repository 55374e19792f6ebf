"""The bare peer of `benchmarks.whatsapp`: `python -m benchmarks.whatsapp_peer DATABASE_URL`.

One Litestar handler that inserts the raw body into one table and answers 200 once that is committed, on the server, loop
and settings `duly serve` uses. On SQLite it inserts on the event loop, which is quicker than any way through a thread; on
PostgreSQL through a pool as large as Duly's. Prints its address and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable

import asyncpg
import uvicorn
import uvloop
from litestar import Litestar, post

from duly_platform.cli.serve import bind
from duly_runtime.store.postgres import POOL_SIZE
from duly_runtime.store.sqlite import PRAGMAS

Insert = Callable[[bytes], Awaitable[object]]


def on_sqlite(path: str) -> Insert:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    connection.execute("CREATE TABLE body (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")

    async def insert(body: bytes) -> None:
        connection.execute("INSERT INTO body (data) VALUES (?)", (body,))

    return insert


async def on_postgres(url: str) -> Insert:
    pool = await asyncpg.create_pool(dsn=url, min_size=1, max_size=POOL_SIZE)
    await pool.execute("CREATE TABLE body (id BIGSERIAL PRIMARY KEY, data BYTEA NOT NULL)")

    async def insert(body: bytes) -> None:
        await pool.execute("INSERT INTO body (data) VALUES ($1)", body)

    return insert


async def main(url: str) -> None:
    insert = on_sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else await on_postgres(url)

    @post("/in/whatsapp", status_code=200)
    async def take(body: bytes) -> None:
        await insert(body)

    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        Litestar([take], openapi_config=None, logging_config=None),
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
