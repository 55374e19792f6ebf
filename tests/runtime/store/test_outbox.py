"""Deliveries: leased by one, settled by who holds the lease, and never less known than they were."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools

import pytest
from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import Decision, World
from duly_runtime.doors import Failed, Inbound, Outcome, Retry, Sent, Unknown
from duly_runtime.events import DeliveryStatus, Event
from duly_runtime.store.api import Conflict, OutboxRow, Store
from duly_runtime.store.outbox import joined
from support.store_scenes import HOUR, NOW, decider, notice, one_delivery, opened, reply, said, take_in

SECOND = dt.timedelta(seconds=1)
LEASE = 30 * SECOND


async def only(store: Store) -> OutboxRow:
    (row,) = await store.deliveries()
    return row


async def status(store: Store, key: str, state: str, *, provider_id: str = "", outbox_id: int = 0, error: str = "") -> None:
    body = DeliveryStatus(provider_id=provider_id, outbox_id=outbox_id, state=state, error=error)
    accepted = await store.accept("shop", None, [Inbound(key=key, at=NOW, body=body)], NOW)
    for event_id in accepted.event_ids:
        assert (await store.handle(event_id, decider(), "v", NOW)).done


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (Sent(provider_id="p1"), "sent", ""),
        (Failed(reason="no such number"), "failed", "no such number"),
        (Unknown(reason="timed out"), "unknown", "timed out"),
        (Retry(reason="busy", after=10), "pending", "busy"),
        (Retry(reason="busy", give_up=True), "parked", "busy"),
    ],
)
def test_an_outcome_is_recorded(store_url: str, outcome: Outcome, state: str, error: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            assert (await only(store)).state == "leased"
            assert await store.settle(item, outcome, "Hello Rita", NOW)
            row = await only(store)
            assert (row.state, row.error, row.text, row.attempts) == (state, error, "Hello Rita", 1)
            assert row.next_at == (NOW + 10 * SECOND if state == "pending" else None)
            assert row.settled_at == (None if state == "pending" else NOW)
            message = (await store.messages(1))[-1]
            assert (message.state, message.error, message.text) == (state, error, "Hello Rita")
            parked = [one.what for one in await store.parked()]
            assert parked == (["delivery"] if state in ("unknown", "parked") else [])
            assert not await store.settle(item, Sent(), "", NOW), "the lease is over"

    asyncio.run(scene())


def test_a_delivery_is_leased_to_one_worker(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, *(said(f"m{n}", address=f"+5511{n}") for n in range(60)))
            for event_id in ids:
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            parts = await asyncio.gather(*(store.lease(NOW, 9, 30) for _ in range(8)))
            leased = [item.id for part in parts for item in part]
            assert len(leased) == len(set(leased))
            rest = await store.lease(NOW, 100, 30)
            assert len(leased) + len(rest) == 60
            assert await store.lease(NOW, 100, 30) == []

    asyncio.run(scene())


def test_a_retry_waits_its_time_and_is_given_up_after_the_eighth(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            now, gaps = NOW, []
            for attempt in range(1, 9):
                assert item.attempts == attempt
                assert await store.settle(item, Retry(reason="busy"), "", now)
                row = await only(store)
                if attempt == 8:
                    assert (row.state, row.next_at) == ("parked", None)
                    break
                assert row.next_at is not None
                assert await store.lease(row.next_at - SECOND, 10, 30) == []
                gaps.append((row.next_at - now).total_seconds())
                now = row.next_at
                (item,) = await store.lease(now, 10, 30)
            assert all(later > 2 * earlier for earlier, later in itertools.pairwise(gaps)), "the gaps grow"
            assert 18 * 3600 < sum(gaps) < 24 * 3600

            await store.unpark("delivery", item.id, now)
            (item,) = await store.lease(now, 10, 30)
            assert item.attempts == 1
            with pytest.raises(Conflict):
                await store.unpark("delivery", item.id, now)

    asyncio.run(scene())


def test_a_stale_lease_is_fenced(store_url: str) -> None:
    """PROMISES, point 10: a worker that slept past its lease writes nothing."""

    async def scene() -> None:
        async with opened(store_url) as store:
            stale = await one_delivery(store, notice)
            (fresh,) = await store.lease(NOW + LEASE, 10, 30)
            assert (fresh.id, fresh.key, fresh.attempts) == (stale.id, stale.key, 2)
            assert not await store.settle(stale, Failed(reason="stale"), "stale", NOW + LEASE)
            assert await store.settle(fresh, Sent(), "fresh", NOW + LEASE)
            row = await only(store)
            assert (row.state, row.text) == ("sent", "fresh")

    asyncio.run(scene())


def test_when_a_worker_dies_only_what_is_safe_is_sent_again(store_url: str) -> None:
    """A notice under its key; a WhatsApp message to a customer is for a person to see (PROMISES, point 5)."""

    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, said("whatsapp", channel="whatsapp"), said("mail", channel="email"))
            for event_id in ids:
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            assert len(await store.lease(NOW, 10, 30)) == 2
            assert await store.lease(NOW + LEASE - SECOND, 10, 30) == []
            (again,) = await store.lease(NOW + LEASE, 10, 30)
            found = {row.channel: (row.id, row.state) for row in await store.deliveries()}
            assert found["email"] == (again.id, "leased")
            assert found["whatsapp"][1] == "unknown"
            (parked,) = await store.parked()
            assert (parked.what, parked.id) == ("delivery", found["whatsapp"][0])
            await store.unpark("delivery", parked.id, NOW + LEASE)
            (item,) = await store.lease(NOW + LEASE, 10, 30)
            assert item.id == parked.id

    asyncio.run(scene())


def test_what_kills_its_worker_each_time_is_not_tried_for_ever(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await one_delivery(store, notice)
            now = NOW
            for _ in range(20):
                now += LEASE
                if not await store.lease(now, 10, 30):
                    break
            row = await only(store)
            assert (row.state, row.attempts) == ("parked", 8)

    asyncio.run(scene())


def test_statuses_in_any_order_end_at_the_highest(store_url: str) -> None:
    """A lattice: `sent` < `delayed` < `failed` < `delivered` < `read`, whatever comes last."""

    async def scene() -> None:
        async with opened(store_url) as store:
            orders = list(itertools.permutations(("sent", "delivered", "read")))
            for n, order in enumerate(orders):
                (event_id,) = await take_in(store, said(f"m{n}"))
                (outbox_id,) = (await store.handle(event_id, decider(effects=reply), "v", NOW)).outbox_ids
                (item,) = await store.lease(NOW, 1, 30, (outbox_id,))
                await store.settle(item, Sent(provider_id=f"p{n}"), "", NOW)
                for state in order:
                    await status(store, f"{n}/{state}", state, provider_id=f"p{n}")
            assert {row.state for row in await store.deliveries()} == {"read"}

    asyncio.run(scene())


def test_failed_comes_after_sent_only() -> None:
    assert joined("sent", "failed") == "failed"
    assert joined("unknown", "failed") == "failed"
    assert joined("sent", "delayed") == joined("delayed", "sent") == "delayed"
    assert joined("delayed", "failed") == "failed"
    assert joined("delayed", "delivered") == joined("delivered", "delayed") == "delivered"
    assert joined("delivered", "failed") == "delivered"
    assert joined("read", "failed") == "read"
    assert joined("failed", "sent") == "failed"
    assert joined("failed", "delivered") == "delivered"
    states = ("sent", "delayed", "failed", "delivered", "read")
    for a, b, c in itertools.product(states, repeat=3):
        assert joined(a, b) == joined(b, a)
        assert joined(joined(a, b), c) == joined(a, joined(b, c))


def test_a_status_before_we_know_the_message_is_joined_when_we_do(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await status(store, "s1", "failed", provider_id="p1", error="131026")
            assert (await only(store)).state == "leased"
            await store.settle(item, Sent(provider_id="p1"), "", NOW)
            row = await only(store)
            assert (row.state, row.error, row.provider_id) == ("failed", "131026", "p1")

    asyncio.run(scene())


def test_a_status_while_it_is_being_sent_outlives_what_the_worker_says(store_url: str) -> None:
    """The provider names our delivery itself; our own time-out then is no reason to send again."""

    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await status(store, "s1", "delivered", provider_id="p1", outbox_id=item.id)
            assert await store.settle(item, Retry(reason="timed out", after=1), "Hello", NOW)
            row = await only(store)
            assert (row.state, row.error, row.next_at, row.provider_id) == ("delivered", "", None, "p1")
            assert await store.lease(NOW + HOUR, 10, 30) == []
            await status(store, "s2", "read", provider_id="p1")
            assert (await only(store)).state == "read"

    asyncio.run(scene())


def test_an_unknown_delivery_is_cleared_up_by_a_status(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, Unknown(reason="timed out"), "", NOW)
            await status(store, "s1", "sent", outbox_id=item.id)
            assert (await only(store)).state == "sent"
            assert await store.parked() == []

    asyncio.run(scene())


def test_a_status_of_nothing_we_know_is_kept_and_harms_nothing(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await one_delivery(store)
            await status(store, "s1", "read", provider_id="somebody else's")
            await status(store, "s2", "read", outbox_id=99)
            await status(store, "s3", "warmed up", outbox_id=1)
            assert (await only(store)).state == "leased"
            assert (await store.counts())["unhandled"] == 0
            assert await store.parked() == []

    asyncio.run(scene())


def test_a_failed_delivery_sent_again_starts_afresh(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await status(store, "s1", "failed", provider_id="p1", outbox_id=item.id)
            await store.settle(item, Sent(provider_id="p1"), "", NOW)
            await store.unpark("delivery", item.id, NOW)
            (item,) = await store.lease(NOW, 10, 30)
            await store.settle(item, Sent(provider_id="p2"), "", NOW)
            assert (await only(store)).state == "sent"
            assert not await store.settle(replace(item, token=""), Failed(reason="x"), "", NOW), "no token, no write"

    asyncio.run(scene())


def test_a_status_and_its_message_at_once_find_each_other(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for n in range(20):
                (event_id,) = await take_in(store, said(f"m{n}"))
                (outbox_id,) = (await store.handle(event_id, decider(effects=reply), "v", NOW)).outbox_ids
                (item,) = await store.lease(NOW, 1, 30, (outbox_id,))
                await asyncio.gather(
                    store.settle(item, Sent(provider_id=f"p{n}"), "", NOW),
                    status(store, f"s{n}", "delivered", provider_id=f"p{n}"),
                )
            assert {row.state for row in await store.deliveries()} == {"delivered"}

    asyncio.run(scene())


def test_messages_to_one_customer_go_one_after_the_other(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, said("m1", "a"), said("m2", "b"), said("m3", "a"), said("m4", address="+5522"))
            for event_id in ids:
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            first, other = await store.lease(NOW, 10, 30)
            assert (first.id, other.id) == (1, 4), "another customer is not held up"
            assert await store.lease(NOW, 10, 30) == [], "the first is under way"
            await store.settle(first, Retry(reason="busy", after=1200), "", NOW)
            assert await store.lease(NOW, 10, 30) == [], "the first is tried again soon"
            later = NOW + 1200 * SECOND
            (first,) = await store.lease(later, 10, 30)
            await store.settle(first, Sent(), "", later)
            (second,) = await store.lease(later, 10, 30)
            assert second.id == 2
            await store.settle(second, Retry(reason="busy", after=1201), "", later)
            (third,) = await store.lease(later, 10, 30)
            assert third.id == 3, "what waits for longer is overtaken"

    asyncio.run(scene())


@pytest.mark.parametrize("outcome", [Failed(reason="no"), Unknown(reason="?"), Retry(reason="no", give_up=True), Sent()])
def test_what_is_settled_holds_nobody_up(store_url: str, outcome: Outcome) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for event_id in await take_in(store, said("m1", "a"), said("m2", "a")):
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            (first,) = await store.lease(NOW, 10, 30)
            await store.settle(first, outcome, "", NOW)
            assert [item.id for item in await store.lease(NOW, 10, 30)] == [2]

    asyncio.run(scene())


def test_a_lost_lease_holds_nobody_up(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for event_id in await take_in(store, said("m1", "a"), said("m2", "a")):
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            assert [item.id for item in await store.lease(NOW, 10, 30)] == [1]
            assert [item.id for item in await store.lease(NOW + LEASE, 10, 30)] == [2]

    asyncio.run(scene())


def test_mail_need_not_wait_for_mail(store_url: str) -> None:
    """Each has its date, and its place in the thread."""

    async def scene() -> None:
        async with opened(store_url) as store:
            for event_id in await take_in(store, said("m1", "a", channel="email"), said("m2", "a", channel="email")):
                await store.handle(event_id, decider(effects=reply), "v", NOW)
            assert [item.id for item in await store.lease(NOW, 10, 30)] == [1, 2]

    asyncio.run(scene())


def test_a_message_the_window_shut_out_is_shown_to_the_decision(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, Sent(provider_id="p1"), "We are on it.", NOW)
            seen: list[World] = []

            def decide(event: Event, card: Card | None, world: World) -> Decision:
                seen.append(world)
                return Decision(card=card)

            for key, state, closed in (("a", "sent", True), ("b", "failed", False), ("c", "failed", True)):
                body = DeliveryStatus(provider_id="p1", state=state, closed=closed, error="late")
                accepted = await store.accept("shop", None, [Inbound(key=key, at=NOW, body=body)], NOW)
                await store.handle(accepted.event_ids[0], decide, "v", NOW)
            assert [world.refused is not None for world in seen] == [False, False, True]
            assert seen[-1].refused is not None and seen[-1].refused.key == item.key

    asyncio.run(scene())
