"""Published versions and the draft."""

from __future__ import annotations

import asyncio

import pytest

from duly_runtime.events import MoveCard
from duly_runtime.store.api import Conflict, Missing
from support.store_scenes import HOUR, NOW, decider, opened, said, sql, take_in


def test_a_version_is_kept_and_the_last_published_is_live(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert (await store.active_hash(), await store.active_version(), await store.versions()) == ("", None, [])
            await store.publish("h1", b"\x00one", {"a.duly": "1"}, "ana", "first", NOW)
            await store.publish("h2", b"two", {"a.duly": "2"}, "bea", "", NOW + HOUR)
            assert await store.active_hash() == "h2"
            await store.publish("h1", b"\x00one", {"a.duly": "1"}, "bea", "back", NOW + 2 * HOUR)
            active = await store.active_version()
            assert active is not None
            assert (active.hash, active.program, active.sources) == ("h1", b"\x00one", {"a.duly": "1"})
            assert (await store.version("h2")).program == b"two"
            found = [(row.hash, row.author, row.note, row.active) for row in await store.versions()]
            assert found == [("h1", "bea", "back", True), ("h2", "bea", "", False), ("h1", "ana", "first", False)]
            with pytest.raises(Missing):
                await store.version("h3")

    asyncio.run(scene())


def test_a_publish_may_ask_to_measure_every_open_card_anew(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for event_id in await take_in(store, said("1"), said("2"), said("3")):
                await store.handle(event_id, decider(), "v", NOW)
            done = await store.command(2, MoveCard(stage="Done"), NOW)
            await store.handle(done, decider(), "v", NOW)
            await store.publish("h1", b"one", {}, "ana", "", NOW)
            assert await store.waiting_events(NOW, 10) == []
            for _ in range(2):
                await store.publish("h2", b"two", {}, "ana", "", NOW, choice="recompute")
                for event_id in await store.waiting_events(NOW, 10):
                    await store.handle(event_id, decider(), "v", NOW)
            titles = {card.id: card.title for card in await store.cards()}
            assert titles == {1: "1 Recompute Recompute", 2: "2 MoveCard", 3: "3 Recompute Recompute"}

    asyncio.run(scene())


def test_of_two_publishes_from_one_version_only_one_goes_through(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.publish("h0", b"zero", {}, "ana", "", NOW)
            results = await asyncio.gather(
                *(store.publish(f"h{n}", b"x", {}, "ana", "", NOW, base="h0") for n in range(1, 9)), return_exceptions=True
            )
            assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 7 + ["NoneType"]
            assert len(await store.versions()) == 2

    asyncio.run(scene())


def test_where_a_version_came_from_is_kept(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.publish("h1", b"one", {}, "git", "", NOW, choice="keep", details={"commit": "abc"})
            (row,) = await store.versions()
            assert (row.choice, row.details) == ("keep", {"commit": "abc"})

    asyncio.run(scene())


def test_a_publish_reaches_finished_cards_only_where_a_name_changed(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for event_id in await take_in(store, said("1"), said("2")):
                await store.handle(event_id, decider(), "v", NOW)
            await store.handle(await store.command(2, MoveCard(stage="Done"), NOW), decider(), "v", NOW)
            await store.publish("h1", b"one", {}, "ana", "", NOW)
            await store.publish("h2", b"two", {}, "ana", "", NOW, renamed=[("Support", "Done"), ("Support", "Gone")])
            assert len(await store.waiting_events(NOW, 10)) == 2
            assert [card.id for card in await store.open_cards(0, 10)] == [1]

    asyncio.run(scene())


def test_two_editors_of_a_draft_do_not_overwrite_each_other(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert await store.draft() is None
            first = await store.save_draft({"a": "1"}, "h1", "ana", 0, NOW)
            assert await store.draft() == first
            second = await store.save_draft({"a": "2"}, "h1", "bea", first.revision, NOW + HOUR)
            with pytest.raises(Conflict, match="bea"):
                await store.save_draft({"a": "3"}, "h1", "ana", first.revision, NOW)
            with pytest.raises(Conflict, match="bea"):
                await store.save_draft({"a": "3"}, "h1", "ana", 0, NOW)
            assert await store.draft() == second
            await store.discard_draft()
            assert await store.draft() is None
            with pytest.raises(Conflict, match="discarded"):
                await store.save_draft({"a": "3"}, "h1", "ana", second.revision, NOW)
            third = await store.save_draft({"a": "3"}, "h2", "ana", 0, NOW)
            with pytest.raises(Conflict):
                await store.save_draft({"a": "4"}, "h1", "bea", second.revision, NOW)
            assert await store.draft() == third

    asyncio.run(scene())


def test_two_who_begin_a_draft_at_once_are_one_and_a_conflict(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            saves = (store.save_draft({"a": name}, "h", name, 0, NOW) for name in ("ana", "bea"))
            results = await asyncio.gather(*saves, return_exceptions=True)
            assert sorted(type(result).__name__ for result in results) == ["Conflict", "Draft"]
            assert len(await sql(store, "SELECT id FROM draft")) == 1

    asyncio.run(scene())
