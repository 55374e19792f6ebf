"""Notices that wait for a digest: leased whole by one worker, settled together, never lost with a worker."""

from __future__ import annotations

import asyncio
import datetime as dt

from duly_runtime.card import Card
from duly_runtime.decision import AnyEffect, NotifyPerson
from duly_runtime.doors import Retry, Sent
from duly_runtime.events import Event
from duly_runtime.store.api import OutboxItem, Store
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened, said, take_in

DUE = NOW + 30 * MINUTE


def gathered(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    """For ana two kinds by e-mail and one by WhatsApp, and one for bea."""

    def notice(person: str, digest: str, channel: str) -> NotifyPerson:
        key = f"{person}/{digest}/{channel}/{card.id}"
        return NotifyPerson(key=key, person=person, about="rule", channel=channel, digest=digest, gather_until=DUE)

    return (
        notice("ana", "alerts", "email"),
        notice("ana", "notices", "email"),
        notice("ana", "alerts", "whatsapp"),
        notice("bea", "alerts", "email"),
    )


async def put(store: Store, cards: int) -> None:
    for event_id in await take_in(store, *(said(f"m{number}") for number in range(cards))):
        await store.handle(event_id, decider(effects=gathered), "v1", NOW)


def keys(groups: list[list[OutboxItem]]) -> list[list[str]]:
    return sorted(sorted(item.key for item in group) for group in groups)


def test_a_digest_is_all_that_is_due_for_one_person_one_channel_and_one_line(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await put(store, 3)
            assert await store.lease(DUE + HOUR, 100, 30) == [], "none of them is a delivery by itself"
            assert await store.lease_digests(DUE - MINUTE, 100, 30) == []
            found = await store.lease_digests(DUE, 100, 30)
            assert keys(found) == [
                [f"ana/alerts/email/{card}" for card in (1, 2, 3)],
                [f"ana/alerts/whatsapp/{card}" for card in (1, 2, 3)],
                [f"ana/notices/email/{card}" for card in (1, 2, 3)],
                [f"bea/alerts/email/{card}" for card in (1, 2, 3)],
            ]
            assert await store.lease_digests(DUE, 100, 30) == []
            assert await store.settle_all([(item, "said") for item in found[0]], Sent(provider_id="p"), DUE)
            rows = {row.key: row for row in await store.deliveries() if row.state == "sent"}
            assert sorted(rows) == sorted(item.key for item in found[0])
            assert {(row.text, row.provider_id) for row in rows.values()} == {("said", "p")}

    asyncio.run(scene())


def test_two_workers_at_once_never_share_a_digest(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store, opened(store_url) as other:
            await put(store, 5)
            found = await asyncio.gather(*(each.lease_digests(DUE, 2, 30) for each in (store, other, store, other)))
            groups = [group for groups in found for group in groups]
            assert len(groups) == 4
            assert {len(group) for group in groups} == {5}

    asyncio.run(scene())


def test_what_a_worker_took_with_it_and_what_could_not_be_sent_is_gathered_again(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await put(store, 2)
            lost, busy, *_ = await store.lease_digests(DUE, 2, 30)
            assert await store.settle_all([(item, "") for item in busy], Retry(reason="busy", after=60), DUE)
            later = DUE + dt.timedelta(seconds=61)
            await store.lease(later, 1, 30)  # ends the leases that ran out
            again = await store.lease_digests(later, 10, 30)
            assert {tuple(sorted(item.key for item in group)) for group in (lost, busy)} <= {
                tuple(group) for group in keys(again)
            }
            assert not await store.settle_all([(item, "") for item in lost], Sent(), later), "its lease is over"

    asyncio.run(scene())
