"""Sources: one process holds each, and where each has got to is kept."""

from __future__ import annotations

import asyncio

from support.store_scenes import MINUTE, NOW, opened

UNTIL = NOW + MINUTE


def test_one_holds_a_source_until_it_lets_go_or_its_time_is_over(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert await store.hold_source("Mail", "mailbox", "a", NOW, UNTIL)
            assert not await store.hold_source("Mail", "mailbox", "b", NOW, UNTIL)
            assert await store.hold_source("Other", "mailbox", "b", NOW, UNTIL)
            assert await store.hold_source("Mail", "mailbox", "a", NOW, UNTIL + MINUTE)  # renewed
            assert not await store.hold_source("Mail", "mailbox", "b", UNTIL, UNTIL + MINUTE)
            assert await store.hold_source("Mail", "mailbox", "b", UNTIL + MINUTE, UNTIL + 2 * MINUTE)
            await store.release_source("Mail", "mailbox", "a", UNTIL + MINUTE)  # it is not a's any more
            assert not await store.hold_source("Mail", "mailbox", "a", UNTIL + MINUTE, UNTIL + 2 * MINUTE)
            await store.release_source("Mail", "mailbox", "b", UNTIL + MINUTE)
            assert await store.hold_source("Mail", "mailbox", "a", UNTIL + MINUTE, UNTIL + 2 * MINUTE)

    asyncio.run(scene())


def test_of_many_at_once_one_gets_it(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            tries = [store.hold_source("Mail", "mailbox", str(n), NOW, UNTIL) for n in range(8)]
            assert sum(await asyncio.gather(*tries)) == 1

    asyncio.run(scene())


def test_how_it_goes_is_told_and_forgotten(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.hold_source("Mail", "mailbox", "a", NOW, UNTIL)
            assert await store.sources() == []
            await store.tell_source("Mail", "INBOX", "bad", "no connection", NOW)
            await store.tell_source("Mail", "Old", "ok", "", NOW)
            await store.tell_source("Mail", "INBOX", "ok", "", NOW + MINUTE)
            await store.tell_source("Mail", "INBOX", "ok", "", UNTIL + MINUTE)  # nothing new
            await store.forget_source("Mail", ("INBOX",))
            (row,) = await store.sources("Mail")
            assert (row.name, row.state, row.detail, row.changed_at) == ("INBOX", "ok", "", NOW + MINUTE)
            assert await store.sources("Other") == []
            assert not await store.hold_source("Mail", "mailbox", "b", NOW, UNTIL)  # the lease is no telling

    asyncio.run(scene())


def test_positions_are_kept_by_connector_and_name(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert await store.position("Mail", "INBOX") == ""
            await store.keep_position("Mail", "INBOX", "7")
            await store.keep_position("Mail", "INBOX", "8")
            await store.keep_position("Mail", "Sent", "1")
            assert [await store.position("Mail", name) for name in ("INBOX", "Sent")] == ["8", "1"]

    asyncio.run(scene())
