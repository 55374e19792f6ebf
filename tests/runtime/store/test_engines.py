"""The engines below the store: threads, loops, lost connections, full disks, kills."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import asyncpg
import pytest

from duly_runtime.store import unit
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.store.database import open_store
from duly_runtime.store.sqlite import warn_of_wal_reset
from support.store_scenes import NOW, decider, opened, raw, said, sql, take_in

WRITER = """
import asyncio, itertools, sys
from duly_runtime.store.database import open_store
from support.store_scenes import NOW, decider, reply, said, raw
async def main():
    store = open_store(sys.argv[1])
    await store.start()
    numbers = itertools.count()
    async def write():
        for n in numbers:
            accepted = await store.accept("shop", raw(), [said(f"m{n}")], NOW)
            print(n, flush=True)
            await store.handle(accepted.event_ids[0], decider(effects=reply), "v", NOW)
            print(-n - 1, flush=True)
    await asyncio.gather(*(write() for _ in range(6)))
asyncio.run(main())
"""


def killed_while_writing(url: str, after: int) -> tuple[set[int], set[int]]:
    """Kill a writing process once it has acknowledged so many: the numbers accepted, and those handled."""
    command = [sys.executable, "-c", WRITER, url]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if len(lines) == after:
                os.kill(process.pid, signal.SIGKILL)
    numbers = [int(line) for line in lines if line.endswith("\n")]
    assert len(numbers) >= after
    return {n for n in numbers if n >= 0}, {-n - 1 for n in numbers if n < 0}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@pytest.mark.parametrize("after", [40, 121])
def test_a_kill_loses_nothing_that_was_acknowledged(store_url: str, after: int) -> None:
    accepted, handled = killed_while_writing(store_url, after)

    async def scene() -> None:
        async with opened(store_url) as store:
            rows = await sql(store, "SELECT key, handled_at FROM event")
            kept = {int(row["key"][1:]): row["handled_at"] for row in rows}
            assert accepted <= kept.keys()
            assert all(kept[n] is not None for n in handled)
            for event_id in await store.waiting_events(NOW, 1000):
                await store.handle(event_id, decider(), "v", NOW)
            counts = await store.counts()
            assert counts["cards"] == counts["events"] == len(kept), "one card each, nothing half written"
            cards = await sql(store, "SELECT title FROM card")
            assert {card["title"] for card in cards} == {f"m{n}" for n in kept}

    asyncio.run(scene())


def test_one_store_serves_several_event_loops(store_url: str) -> None:
    """As with actors, whose loop is not the web server's. `stop` closes what the other loops have opened."""
    store = open_store(store_url)
    loops = [asyncio.new_event_loop() for _ in range(3)]
    threads = [threading.Thread(target=loop.run_forever) for loop in loops]

    async def work(name: str) -> None:
        for n in range(10):
            (event_id,) = await take_in(store, said(f"{name}/{n}"))
            await store.handle(event_id, decider(), "v", NOW)

    async def scene() -> None:
        await store.start()
        others = [asyncio.run_coroutine_threadsafe(work(f"loop {n}"), loop) for n, loop in enumerate(loops)]
        await asyncio.gather(work("main"), *(asyncio.wrap_future(other) for other in others))
        assert (await store.counts())["cards"] == 40
        await store.stop()

    for thread in threads:
        thread.start()
    try:
        asyncio.run(scene())
    finally:
        for loop, thread in zip(loops, threads, strict=True):
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def test_stores_of_one_process_do_not_mix(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(f"sqlite:///{tmp_path}/a.db") as a, opened(f"sqlite:///{tmp_path}/b.db") as b:
            await asyncio.gather(
                *(take_in(store, said(f"{name}{n}")) for n in range(20) for name, store in (("a", a), ("b", b)))
            )
            for name, store in (("a", a), ("b", b)):
                assert {row["key"] for row in await sql(store, "SELECT key FROM event")} == {
                    f"{name}{n}" for n in range(20)
                }

    asyncio.run(scene())


def test_units_that_wait_together_are_committed_together_and_fail_alone(sqlite_url: str) -> None:
    """Group commit: one in the middle that breaks takes nobody with it."""

    async def scene() -> None:
        async with opened(sqlite_url) as store:

            async def breaks() -> None:
                await unit.fetch("INSERT INTO conversation (connector, key, card_id) VALUES ('x', 'half', 0)")
                raise ValueError("no")

            works = [take_in(store, said(f"m{n}")) for n in range(10)]
            works.insert(5, store._write(breaks))  # type: ignore[attr-defined]
            results = await asyncio.gather(*works, return_exceptions=True)
            assert [type(result) for result in results].count(ValueError) == 1
            assert (await store.counts())["events"] == 10
            assert await sql(store, "SELECT * FROM conversation") == []

    asyncio.run(scene())


def test_a_cancelled_caller_leaves_the_store_in_order(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            tasks = [asyncio.create_task(take_in(store, said(f"m{n}"))) for n in range(30)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            done = {n for n, result in enumerate(results) if isinstance(result, tuple)}
            assert done >= set(range(1, 30, 2))
            await take_in(store, said("last"))
            kept = {row["key"] for row in await sql(store, "SELECT key FROM event")}
            assert kept >= {f"m{n}" for n in done} | {"last"}

    asyncio.run(scene())


def test_another_process_that_holds_the_file_is_waited_for_then_reported(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duly_runtime.store.sqlite.BUSY_SECONDS", 0)
    monkeypatch.setattr("duly_runtime.store.sqlite.PRAGMAS", ("PRAGMA busy_timeout = 50",))

    async def scene() -> None:
        async with opened(sqlite_url) as store:
            other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                await take_in(store, said("m1"))
            assert (await store.counts())["events"] == 0, "reading goes on"
            other.execute("ROLLBACK")
            other.close()
            assert len(await take_in(store, said("m1"))) == 1

    asyncio.run(scene())


def test_a_full_disk_is_reported_and_got_over(sqlite_url: str) -> None:
    """PROMISES, point 9: nothing is acknowledged that is not kept, and it goes on by itself."""

    async def scene() -> None:
        async with opened(sqlite_url) as store:
            await take_in(store, said("before"))
            (row,) = await sql(store, "PRAGMA page_count")
            await sql(store, f"PRAGMA max_page_count = {row['page_count']}")
            kept: list[str] = []
            with pytest.raises(StoreUnavailable):
                for n in range(200):
                    await store.accept("shop", raw(b"x" * 5000), [said(f"m{n}")], NOW)
                    kept.append(f"m{n}")
            await sql(store, "PRAGMA max_page_count = 1000000")
            assert len(await take_in(store, said("after"))) == 1
            keys = [row["key"] for row in await sql(store, "SELECT key FROM event ORDER BY id")]
            assert keys == ["before", *kept, "after"]

    asyncio.run(scene())


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database at all" * 1000)

    async def scene() -> None:
        with pytest.raises(StoreUnavailable, match="can't be"):
            async with opened(f"sqlite:///{path}"):
                pass

    asyncio.run(scene())


def test_a_store_that_is_not_open_says_so(store_url: str) -> None:
    async def scene() -> None:
        store = open_store(store_url)
        with pytest.raises(StoreUnavailable):
            await store.ping()
        await store.start()
        await store.ping()
        await store.stop()
        with pytest.raises(StoreUnavailable):
            await store.ping()
        await store.stop()

    asyncio.run(scene())


def test_who_comes_while_the_store_closes_is_answered(sqlite_url: str) -> None:
    async def scene() -> None:
        store = open_store(sqlite_url)
        await store.start()
        tasks = [asyncio.create_task(take_in(store, said(f"m{n}"))) for n in range(200)]
        await asyncio.sleep(0)
        await store.stop()
        async with asyncio.timeout(30):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [result for result in results if isinstance(result, StoreUnavailable)]
        done = [result for result in results if isinstance(result, tuple)]
        assert len(refused) + len(done) == 200
        async with opened(sqlite_url) as again:
            assert (await again.counts())["events"] == len(done)

    asyncio.run(scene())


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "duly.db"])
def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"database URL"):
        open_store(url)


@pytest.mark.parametrize(
    ("version", "journal", "warns"),
    [
        ((3, 40, 1), "WAL", True),
        ((3, 40, 1), "DELETE", False),
        ((3, 44, 5), "WAL", True),
        ((3, 44, 6), "WAL", False),
        ((3, 45, 0), "WAL", True),
        ((3, 50, 6), "WAL", True),
        ((3, 50, 7), "WAL", False),
        ((3, 51, 2), "WAL", True),
        ((3, 51, 3), "WAL", False),
        ((3, 52, 0), "WAL", False),
    ],
)
def test_versions_that_can_damage_a_file_are_warned_of(version: tuple[int, ...], journal: str, warns: bool) -> None:
    assert warn_of_wal_reset(journal, version) is warns


def test_the_way_out_of_wal_works(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY_SQLITE_JOURNAL", "DELETE")

    async def scene() -> None:
        async with opened(sqlite_url) as store:
            (event_id,) = await take_in(store, said("m1"))
            assert (await store.handle(event_id, decider(), "v", NOW)).done
            (row,) = await sql(store, "PRAGMA journal_mode")
            assert row["journal_mode"] == "delete"
        monkeypatch.setenv("DULY_SQLITE_JOURNAL", "OFF")
        with pytest.raises(StoreUnavailable, match="WAL or DELETE"):
            async with opened(sqlite_url):
                pass

    asyncio.run(scene())


def test_writes_survive_a_power_cut(sqlite_url: str) -> None:
    async def scene() -> None:
        async with opened(sqlite_url) as store:
            (row,) = await sql(store, "PRAGMA synchronous")
            assert row["synchronous"] == 2, "FULL"

    asyncio.run(scene())


@pytest.mark.postgres
def test_connections_that_die_are_replaced(postgres_url: str) -> None:
    async def scene() -> None:
        async with opened(postgres_url) as store:
            for n in range(5):
                await take_in(store, said(f"a{n}"))
                other = await asyncpg.connect(postgres_url)
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await other.close()
                results = await asyncio.gather(*(take_in(store, said(f"b{n}/{m}")) for m in range(5)))
                assert all(len(ids) == 1 for ids in results)
            assert (await store.counts())["events"] == 30

    asyncio.run(scene())


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_reported(postgres_url: str) -> None:
    async def scene() -> None:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            async with opened("postgresql://postgres@127.0.0.1:1/postgres"):
                pass
        with pytest.raises(StoreUnavailable):
            async with opened(postgres_url + "_not_there"):
                pass

    asyncio.run(scene())
