"""The audit log tells of every change made behind its back (PROMISES, point 21)."""

from __future__ import annotations

import asyncio

import pytest

from duly_runtime.store.api import Store
from support.store_scenes import MINUTE, NOW, opened, sql

ROWS = 6


async def written(store: Store) -> None:
    for n in range(ROWS):
        await store.audit("ana", "rules.published", f"v{n}", {"note": f"n{n}", "a": "ü"}, NOW + n * MINUTE)


def test_what_was_done_is_read_newest_first(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert await store.verify_audit() == 0
            await written(store)
            rows = await store.audit_log(limit=2)
            assert [row.subject for row in rows] == ["v5", "v4"]
            older = await store.audit_log(before=rows[-1].id)
            assert [row.subject for row in older] == ["v3", "v2", "v1", "v0"]
            assert (older[-1].author, older[-1].action, older[-1].at) == ("ana", "rules.published", NOW)
            assert older[-1].details == {"note": "n0", "a": "ü"}
            assert await store.verify_audit() == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("what", "statements", "first_bad"),
    [
        ("an edited author", ["UPDATE audit SET author = 'bea' WHERE id = 3"], 3),
        ("edited details", ["UPDATE audit SET details = '{}' WHERE id = 1"], 1),
        ("an edited instant", ["UPDATE audit SET at = (SELECT at FROM audit WHERE id = 1) WHERE id = 4"], 4),
        ("a deleted row", ["DELETE FROM audit WHERE id = 2"], 2),
        ("a deleted end", ["DELETE FROM audit WHERE id >= 5"], 5),
        ("a deleted log", ["DELETE FROM audit"], 1),
        (
            "two rows swapped",
            ["UPDATE audit SET id = 99 WHERE id = 2", "UPDATE audit SET id = 2 WHERE id = 3",
             "UPDATE audit SET id = 3 WHERE id = 99"],
            2,
        ),
        (
            "an inserted row",
            ["INSERT INTO audit SELECT 7, 'x', at, author, action, subject, details, hash FROM audit WHERE id = 6"],
            7,
        ),
        (
            "an inserted row at which the end is set right",
            ["INSERT INTO audit SELECT 7, 'x', at, author, action, subject, details, hash FROM audit WHERE id = 6",
             "UPDATE audit_head SET last_id = 7"],
            7,
        ),
        ("a hash made to fit its row", ["UPDATE audit SET hash = 'f00' WHERE id = 6"], 6),
    ],
)  # fmt: skip
def test_a_change_shows(sqlite_url: str, what: str, statements: list[str], first_bad: int) -> None:
    async def scene() -> None:
        async with opened(sqlite_url) as store:
            await written(store)
            for statement in statements:
                await sql(store, statement)
            assert await store.verify_audit() == first_bad, what

    asyncio.run(scene())


def test_rows_written_at_once_make_one_chain(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await asyncio.gather(*(store.audit("ana", "x", str(n), {}, NOW) for n in range(30)))
            assert await store.verify_audit() == 0
            assert sorted(int(row.subject) for row in await store.audit_log()) == list(range(30))

    asyncio.run(scene())


def test_a_long_log_is_checked_to_its_end(sqlite_url: str) -> None:
    async def scene() -> None:
        async with opened(sqlite_url) as store:
            await asyncio.gather(*(store.audit("ana", "x", str(n), {}, NOW) for n in range(2000)))
            assert await store.verify_audit() == 0
            await sql(store, "UPDATE audit SET subject = 'y' WHERE id = 1999")
            assert await store.verify_audit() == 1999

    asyncio.run(scene())
