"""One answer an hour for each address, over all cards and workers: the store remembers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import Decision, MessageCustomer, World
from duly_runtime.doors import Inbound
from duly_runtime.engine.answers import PAUSE
from duly_runtime.events import Contact, CustomerMessage, Event
from duly_runtime.store.api import Store
from support.store_scenes import NOW, decider, opened, sql, take_in

ANA, EVA = "ana@cliente.example", "eva@cliente.example"


def mail(key: str, sender: str = ANA) -> Inbound:
    contact = Contact(email=sender, address=sender)
    return Inbound(key=key, at=NOW, body=CustomerMessage(text=key, contact=contact, channel="email", connector="shop"))


def answering(event: Event, card: Card | None, world: World) -> Decision:
    """Answers where it may, as the engine does."""
    decision = decider()(event, card, world)
    assert decision.card is not None
    address = decision.card.contact.email.casefold()
    if address in world.answered:
        return decision
    effect = MessageCustomer(key=f"r/{event.id}", text="Hello", rendered=True)
    return replace(decision, effects=(effect,), answered=(address,))


async def come(store: Store, key: str, sender: str = ANA, now: dt.datetime = NOW) -> int:
    (event_id,) = await take_in(store, mail(key, sender))
    return len((await store.handle(event_id, answering, "v1", now)).outbox_ids)


def test_over_all_cards(store_url: str) -> None:
    async def main() -> None:
        async with opened(store_url) as store:
            assert await come(store, "m1") == 1
            assert await come(store, "m2", "ANA@Cliente.example") == 0
            assert await come(store, "m3", EVA) == 1
            assert (await store.counts())["cards"] == 3

    asyncio.run(main())


def test_of_many_at_once_one_is_answered(store_url: str) -> None:
    async def main() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, *(mail(f"m{n}") for n in range(8)))
            found = await asyncio.gather(*(store.handle(event_id, answering, "v1", NOW) for event_id in ids))
            assert sum(len(handled.outbox_ids) for handled in found) == 1
            assert (await store.counts())["cards"] == 8

    asyncio.run(main())


def test_what_is_over_is_forgotten(store_url: str) -> None:
    async def main() -> None:
        async with opened(store_url) as store:
            await come(store, "m1")
            await come(store, "m2", EVA, NOW + PAUSE)
            rows: list[dict[str, Any]] = await sql(store, "SELECT address, at FROM answered")
            assert rows == [{"address": EVA, "at": NOW + PAUSE}]

    asyncio.run(main())
