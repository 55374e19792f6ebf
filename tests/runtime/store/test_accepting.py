"""Requests that come in at the same time, journalled together: none lost, none doubled, none hurt by another."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from duly_runtime.doors import Inbound
from duly_runtime.store import accepting
from duly_runtime.store.api import Accepted, Missing, Store, StoreUnavailable
from duly_runtime.store.postgres import KEPT_FREE, POOL_SIZE
from support.store_scenes import NOW, opened, raw, said, sql

MANY = 150
"""More than two groups."""


def take(store: Store, body: bytes, *items: Inbound, parked: str = "") -> asyncio.Task[Accepted]:
    return asyncio.ensure_future(store.accept("shop", raw(body), list(items), NOW, parked))


def test_each_request_gets_its_own_answer(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            bodies = [f"body {number}".encode() for number in range(MANY)]
            takes = [take(store, body, said(f"{body!r}/1"), said(f"{body!r}/2")) for body in bodies]
            for body, accepted in zip(bodies, await asyncio.gather(*takes), strict=True):
                assert await store.raw(accepted.raw_id) == ("shop", raw(body))
                assert (len(accepted.event_ids), accepted.duplicates, accepted.parked) == (2, 0, False)
                found = await sql(store, f"SELECT id, key FROM event WHERE raw_id = {accepted.raw_id} ORDER BY id")
                assert [row["key"] for row in found] == [f"{body!r}/1", f"{body!r}/2"]
                assert tuple(row["id"] for row in found) == accepted.event_ids

    asyncio.run(scene())


def test_events_of_a_transaction_are_in_the_order_in_which_the_requests_came(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await asyncio.gather(*(take(store, b"x", said(str(number))) for number in range(MANY)))
            transaction = "xmin::text" if store_url.startswith("postgres") else "1"
            found = await sql(store, f"SELECT key, {transaction} AS transaction_id FROM event ORDER BY id")
            written: dict[str, list[int]] = {}
            for row in found:
                written.setdefault(row["transaction_id"], []).append(int(row["key"]))
            assert len(written) < 5
            assert all(keys == sorted(keys) for keys in written.values())
            assert sorted(key for keys in written.values() for key in keys) == list(range(MANY))

    asyncio.run(scene())


def test_a_repetition_at_the_same_time_is_one_event(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            answers = await asyncio.gather(*(take(store, b"x", said("a")) for _ in range(20)))
            assert sorted(len(accepted.event_ids) for accepted in answers) == [0] * 19 + [1]
            assert sorted(accepted.duplicates for accepted in answers) == [0] + [1] * 19
            assert len(await sql(store, "SELECT id FROM event")) == 1
            (kept,) = await sql(store, "SELECT id FROM raw")
            assert sorted(accepted.raw_id for accepted in answers) == [0] * 19 + [kept["id"]]

    asyncio.run(scene())


def test_what_can_not_be_read_waits_for_a_person_though_its_events_are_known(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second, empty = await asyncio.gather(
                take(store, b"x", said("a")), take(store, b"y", said("a"), parked="no `id`"), take(store, b"z")
            )
            assert (first.parked, second.parked, empty.parked) == (False, True, False)
            assert second.raw_id and empty.raw_id
            (parked,) = await store.parked()
            assert (parked.id, parked.reason) == (second.raw_id, "no `id`")

    asyncio.run(scene())


@pytest.mark.parametrize("place", [0, 13, MANY - 1])
def test_one_that_can_not_be_written_hurts_no_other(store_url: str, place: int) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            takes = [take(store, b"x", said("\ud800" if number == place else str(number))) for number in range(MANY)]
            answers = await asyncio.gather(*takes, return_exceptions=True)
            failed = [number for number, answer in enumerate(answers) if isinstance(answer, BaseException)]
            assert failed == [place]
            assert len(await sql(store, "SELECT id FROM raw")) == MANY - 1
            found = await sql(store, "SELECT key FROM event")
            assert {row["key"] for row in found} == {str(number) for number in range(MANY) if number != place}
            assert len(found) == MANY - 1

    asyncio.run(scene())


@pytest.mark.postgres
def test_a_text_that_postgres_refuses_hurts_no_other(postgres_url: str) -> None:
    async def scene() -> None:
        async with opened(postgres_url) as store:
            keys = ["a", "b", "a\0b", "c", "d\0"]
            answers = await asyncio.gather(*(take(store, b"x", said(key)) for key in keys), return_exceptions=True)
            assert [isinstance(answer, Accepted) for answer in answers] == [True, True, False, True, False]
            assert len(await sql(store, "SELECT id FROM raw")) == 3

    asyncio.run(scene())


@pytest.mark.postgres
def test_many_are_written_in_few_transactions(postgres_url: str) -> None:
    async def scene() -> None:
        async with opened(postgres_url) as store:
            await asyncio.gather(*(take(store, b"x", said(str(number))) for number in range(MANY)))
            assert len(await sql(store, "SELECT DISTINCT xmin::text FROM raw")) <= 4

    asyncio.run(scene())


@pytest.mark.parametrize("lanes", [1, 2, accepting.LANES])
def test_who_is_answered_may_come_again_at_once(store_url: str, monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    monkeypatch.setattr(accepting, "LANES", lanes)

    async def scene() -> None:
        async with opened(store_url) as store, asyncio.timeout(60):

            async def sender(name: str) -> None:
                for number in range(5):
                    await store.accept("shop", raw(), [said(f"{name}/{number}")], NOW)

            await asyncio.gather(*(sender(name) for name in "abcdef"))
            assert len(await sql(store, "SELECT id FROM event")) == 30

    asyncio.run(scene())


def test_who_has_gone_away_takes_nobody_along(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            takes = [take(store, b"x", said(str(number))) for number in range(10)]
            await asyncio.sleep(0)
            takes[3].cancel()
            answers = await asyncio.gather(*takes, return_exceptions=True)
            assert [isinstance(answer, Accepted) for answer in answers] == [number != 3 for number in range(10)]

    asyncio.run(scene())


def test_everybody_is_told_that_nothing_could_be_written(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.stop()
            takes = [take(store, b"x", said(str(number))) for number in range(10)]
            answers = await asyncio.gather(*takes, return_exceptions=True)
            assert all(isinstance(answer, StoreUnavailable) for answer in answers)
            await store.start()
            with pytest.raises(Missing):
                await store.raw(1)

    asyncio.run(scene())


@pytest.mark.postgres
def test_what_comes_in_does_not_wait_behind_what_is_handled(postgres_url: str) -> None:
    async def scene() -> None:
        outside = await asyncpg.connect(postgres_url)
        waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with opened(postgres_url) as store:
            await outside.execute("SELECT pg_advisory_lock(7)")
            try:
                stuck = [asyncio.ensure_future(sql(store, "SELECT pg_advisory_xact_lock(7)")) for _ in range(POOL_SIZE * 2)]
                await becomes(outside, waiting, POOL_SIZE - KEPT_FREE)
                async with asyncio.timeout(5):  # the others wait for as long as we hold the lock
                    assert (await take(store, b"x", said("a"))).event_ids
                assert not any(each.done() for each in stuck)
            finally:
                await outside.execute("SELECT pg_advisory_unlock(7)")
            await asyncio.gather(*stuck)
        await outside.close()

    asyncio.run(scene())


async def becomes(connection: asyncpg.Connection, question: str, answer: int) -> None:
    for _ in range(1000):
        if (await connection.fetchval(question) or 0) >= answer:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not become {answer}")
