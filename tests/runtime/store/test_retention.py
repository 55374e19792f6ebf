"""Requests and lines of deliveries that nobody needs are removed; keys, cards and what waits for a person stay."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from duly_runtime.doors import Failed, Inbound, Sent, Unknown
from duly_runtime.events import CustomerMessage, DeliveryStatus, Thread
from duly_runtime.node import Node, NodeConfig
from duly_runtime.retention import BATCH, LOOK_EVERY, Retention
from duly_runtime.store.api import Missing, Store
from duly_runtime.store.log_api import DeliveryFilter, RequestFilter
from duly_runtime.time import FakeClock
from runtime.workspace import Doors
from support.store_scenes import MINUTE, NOW, decider, one_delivery, opened, raw, said, sql, take_in

DAY = dt.timedelta(days=1)
LATER = NOW + DAY


def scene(url: str, play: Callable[[Store], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as store:
            await play(store)

    asyncio.run(main())


async def kept(store: Store) -> list[int]:
    return sorted(row.id for row in await store.requests(RequestFilter(limit=1000)))


async def judged(store: Store, *items: Inbound) -> int:
    """A request whose events have been handled."""
    accepted = await store.accept("shop", raw(), items, NOW)
    for event_id in accepted.event_ids:
        assert (await store.handle(event_id, decider(), "v1", NOW)).done
    return accepted.raw_id


# --- requests ----------------------------------------------------------------------------------------------------------


def test_old_requests_go_and_a_repetition_is_still_known(store_url: str) -> None:
    async def play(store: Store) -> None:
        gone = await judged(store, said("m1"), said("m2"))
        new = (await store.accept("shop", msgspec.structs.replace(raw(), received_at=LATER), [said("m3")], LATER)).raw_id
        cards = len(await store.cards())
        assert await store.forget_requests(LATER, 100) == 1
        assert await kept(store) == [new]
        with pytest.raises(Missing):
            await store.request(gone)
        again = await store.accept("shop", raw(), [said("m1"), said("m2")], LATER)
        assert (again.event_ids, again.duplicates) == ((), 2)
        assert len(await store.cards()) == cards
        (card, *_) = sorted(await store.cards(), key=lambda card: card.id)
        assert [message.text for message in await store.messages(card.id)] == ["m1"]
        assert await store.forget_requests(LATER, 100) == 0

    scene(store_url, play)


def test_requests_that_somebody_may_need_stay(store_url: str) -> None:
    async def play(store: Store) -> None:
        waiting = (await store.accept("shop", raw(), [said("not handled")], NOW)).raw_id
        parked = (await store.accept("shop", raw(b"?"), [], NOW, parked="it could not be read")).raw_id
        discarded = (await store.accept("shop", raw(b"!"), [], NOW, parked="neither could this")).raw_id
        await store.discard_parked("raw", discarded, "ana", NOW)
        forged = CustomerMessage(text="x", connector="shop", thread=Thread(sender="a@b.example", trusted=False))
        held = await store.accept("shop", raw(), [Inbound(key="forged", at=NOW, body=forged)], NOW)
        assert (await store.handle(held.event_ids[0], decider(), "v1", NOW)).quarantined
        half = await store.accept("shop", raw(), [said("good"), said("failed")], NOW)
        await store.handle(half.event_ids[0], decider(), "v1", NOW)
        await store.event_failed(half.event_ids[1], "broken", NOW)
        assert await store.forget_requests(LATER, 100) == 0
        assert await kept(store) == sorted((waiting, parked, discarded, held.raw_id, half.raw_id))
        await store.discard_quarantined(held.event_ids[0], "ana", NOW)
        assert await store.forget_requests(LATER, 100) == 0  # it may be taken back
        await store.unpark("raw", parked, NOW)
        assert await store.forget_requests(LATER, 100) == 1
        assert parked not in await kept(store)

    scene(store_url, play)


def test_they_go_in_small_pieces_the_oldest_first(store_url: str) -> None:
    async def play(store: Store) -> None:
        ids: list[int] = []
        for n in range(5):
            came = msgspec.structs.replace(raw(), received_at=NOW + n * MINUTE)
            accepted = await store.accept("shop", came, [said(f"m{n}")], NOW)
            await store.handle(accepted.event_ids[0], decider(), "v1", NOW)
            ids.append(accepted.raw_id)
        assert await store.forget_requests(NOW + 4 * MINUTE, 3) == 3
        assert await kept(store) == ids[3:]
        assert await store.forget_requests(NOW + 4 * MINUTE, 3) == 1
        assert await kept(store) == ids[4:]

    scene(store_url, play)


def test_two_processes_remove_side_by_side(store_url: str) -> None:
    async def play(store: Store) -> None:
        for n in range(20):
            await judged(store, said(f"m{n}"))
        gone = await asyncio.gather(*(store.forget_requests(LATER, 8) for _ in range(4)))
        while await store.forget_requests(LATER, 8):
            gone.append(0)
        assert await kept(store) == []
        assert max(gone) <= 8

    scene(store_url, play)


# --- lines of deliveries -------------------------------------------------------------------------------------------------


async def lines(store: Store, outbox_id: int) -> list[str]:
    _, attempts, _ = await store.delivery(outbox_id)
    return [attempt.outcome for attempt in attempts]


async def reported(store: Store, state: str) -> None:
    status = Inbound(key=f"status-{state}", at=NOW, body=DeliveryStatus(provider_id="p", state=state))
    (event_id,) = await take_in(store, status)
    await store.handle(event_id, decider(), "v1", NOW)


def test_lines_of_what_was_delivered_go_and_its_state_stays(store_url: str) -> None:
    async def play(store: Store) -> None:
        item = await one_delivery(store)
        await store.settle(item, Sent(provider_id="p"), "Hi", NOW, "Chat")
        await reported(store, "delivered")
        before = (await store.delivery(item.id))[0]
        assert before.state == "delivered"
        assert len(await lines(store, item.id)) == 2
        assert await store.forget_attempts(NOW, 100) == 0
        assert await store.forget_attempts(LATER, 1) == 1
        assert await store.forget_attempts(LATER, 100) == 1
        assert (await store.delivery(item.id))[0] == before
        assert [row.key for row in await store.delivery_log(DeliveryFilter(limit=10))] == [before.key]
        await reported(store, "read")
        assert (await store.delivery(item.id))[0].state == "read"

    scene(store_url, play)


def test_lines_of_what_is_under_way_or_waits_stay(store_url: str) -> None:
    async def play(store: Store) -> None:
        item = await one_delivery(store)
        await store.settle(item, Unknown(reason="no answer"), "Hi", NOW, "Chat")
        assert await store.forget_attempts(LATER, 100) == 0
        await store.unpark("delivery", item.id, NOW, "ana")
        assert await store.forget_attempts(LATER, 100) == 0
        assert await lines(store, item.id) == ["unknown", "again"]

    scene(store_url, play)


@pytest.mark.parametrize("late", [False, True])
def test_a_mark_can_be_taken_back_after_lines_are_gone(store_url: str, late: bool) -> None:
    """What people did stays, and what it takes to undo it; whether lines go before the mark or after it."""

    async def play(store: Store) -> None:
        item = await one_delivery(store)
        await store.settle(item, Failed(reason="no such number"), "Hi", NOW, "Chat")
        if late:
            await store.mark_sent(item.id, "ana", NOW)
        await store.forget_attempts(LATER, 100)
        if not late:
            await store.mark_sent(item.id, "ana", NOW)
        assert await lines(store, item.id) == ["failed", "marked"]
        await store.unmark_sent(item.id, "ana", NOW)
        row = (await store.delivery(item.id))[0]
        assert (row.state, row.error) == ("failed", "no such number")

    scene(store_url, play)


# --- the loop ------------------------------------------------------------------------------------------------------------


def test_the_loop_removes_what_is_old_enough_and_looks_again_each_hour(store_url: str) -> None:
    async def play(store: Store) -> None:
        clock = FakeClock(NOW)
        loop = Retention(store, clock, requests=2 * DAY, attempts=DAY)
        await judged(store, said("another"))
        item = await one_delivery(store)
        await store.settle(item, Sent(provider_id="p"), "Hi", NOW, "Chat")
        requests = len(await kept(store))
        clock.set(NOW + DAY)
        assert not await loop.look()
        assert (len(await kept(store)), len(await lines(store, item.id))) == (requests, 1)  # not older than a day
        clock.set(NOW + DAY + LOOK_EVERY / 2)
        await loop.look()
        assert len(await lines(store, item.id)) == 1  # it has looked within the hour
        clock.set(NOW + DAY + LOOK_EVERY)
        await loop.look()
        assert (len(await kept(store)), len(await lines(store, item.id))) == (requests, 0)
        clock.set(NOW + 3 * DAY)
        await loop.look()
        assert await kept(store) == []

    scene(store_url, play)


def test_a_full_batch_is_followed_by_another_at_once(store_url: str) -> None:
    async def play(store: Store) -> None:
        for n in range(BATCH + 1):
            await store.accept("shop", raw(), [], NOW, parked=f"{n}")
        await sql(store, "UPDATE raw SET parked = ''")
        loop = Retention(store, FakeClock(LATER + DAY), requests=DAY, attempts=None)
        await loop.look()
        assert len(await kept(store)) == 1
        await loop.look()
        assert await kept(store) == []

    scene(store_url, play)


def test_whoever_wants_all_of_it_keeps_it(store_url: str) -> None:
    async def play(store: Store) -> None:
        await judged(store, said("m1"))
        await Retention(store, FakeClock(NOW + 4000 * DAY), requests=None, attempts=None).look()
        assert len(await kept(store)) == 1

    scene(store_url, play)


def test_a_process_that_schedules_does_it(store_url: str) -> None:
    async def play(store: Store) -> None:
        await judged(store, said("m1"))
        config = NodeConfig(
            store=store,
            clock=FakeClock(NOW + 2 * DAY),
            doors=Doors(),
            roles=frozenset({"scheduler"}),
            keep_requests=DAY,
        )
        node = Node(config)
        await node.start()
        try:
            async with asyncio.timeout(20):
                while await kept(store):  # noqa: ASYNC110 - what is waited for is in the database
                    await asyncio.sleep(0)
        finally:
            await node.stop()

    scene(store_url, play)
