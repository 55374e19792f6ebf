"""What people say of deliveries, when customers were last heard, and cards they are reached from: on both databases."""

from __future__ import annotations

import asyncio

import pytest

from duly_runtime.doors import Failed, Inbound, Outcome, Retry, Sent, Unknown
from duly_runtime.events import AgentMessage, CustomerMessage, DeliveryStatus, Identity
from duly_runtime.store.api import Conflict, Missing, Store
from support.store_scenes import HOUR, MINUTE, NOW, decider, notice, one_delivery, opened


@pytest.mark.parametrize(
    ("outcome", "was"),
    [
        (Failed(reason="no such number"), "failed"),
        (Unknown(reason="no answer"), "unknown"),
        (Retry(reason="busy", give_up=True), "parked"),
    ],
)
def test_a_message_counts_as_sent_by_a_persons_word_until_they_take_it_back(
    store_url: str, outcome: Outcome, was: str
) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, outcome, "We are on it.", NOW, "Chat")
            await store.mark_sent(item.id, "ana", NOW + MINUTE)
            row, log, _ = await store.delivery(item.id)
            assert (row.state, row.error, row.settled_at) == ("sent", "", NOW + MINUTE)
            assert (log[-1].outcome, log[-1].author) == ("marked", "ana")
            assert await store.parked() == []
            message = (await store.messages(item.card_id))[-1]
            assert message.marked is not None and (message.marked.author, message.marked.at) == ("ana", NOW + MINUTE)
            with pytest.raises(Conflict):
                await store.mark_sent(item.id, "ana", NOW + MINUTE)
            await store.unmark_sent(item.id, "bruno", NOW + HOUR)
            row, _, _ = await store.delivery(item.id)
            assert (row.state, row.error) == (was, getattr(outcome, "reason", ""))
            assert (await store.messages(item.card_id))[-1].marked is None
            with pytest.raises(Conflict):
                await store.unmark_sent(item.id, "bruno", NOW + HOUR)
            told = [row for row in await store.history(item.card_id) if row.kind.startswith("delivery.")]
            assert [(row.kind, row.author, row.at) for row in told] == [
                ("delivery.marked", "ana", NOW + MINUTE),
                ("delivery.unmarked", "bruno", NOW + HOUR),
            ]
            assert told[0].details["text"] == "We are on it."

    asyncio.run(scene())


def test_the_providers_word_counts_more_than_a_persons(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, Unknown(reason="no answer", provider_id="p1"), "Hi", NOW)
            await store.mark_sent(item.id, "ana", NOW)
            status = Inbound(key="s1", at=NOW, body=DeliveryStatus(provider_id="p1", state="delivered"))
            (event,) = (await store.accept("shop", None, [status], NOW)).event_ids
            await store.handle(event, decider(), "v", NOW)
            assert (await store.delivery(item.id))[0].state == "delivered"
            with pytest.raises(Conflict):
                await store.unmark_sent(item.id, "ana", NOW)
            with pytest.raises(Conflict):
                await store.mark_sent(item.id, "ana", NOW)

    asyncio.run(scene())


def test_what_was_sent_and_what_is_no_message_is_not_marked(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, Sent(), "Hi", NOW)
            with pytest.raises(Conflict):
                await store.mark_sent(item.id, "ana", NOW)
            with pytest.raises(Conflict):
                await store.unmark_sent(item.id, "ana", NOW)
            with pytest.raises(Missing):
                await store.mark_sent(999, "ana", NOW)

    asyncio.run(scene())


def test_a_notice_is_not_marked(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store, notice)
            await store.settle(item, Failed(reason="no"), "Hi", NOW)
            with pytest.raises(Conflict):
                await store.mark_sent(item.id, "ana", NOW)

    asyncio.run(scene())


def wrote(key: str, who: str, *, connector: str, minutes: int = 0, automatic: bool = False) -> Inbound:
    body = CustomerMessage(
        text=key,
        channel="chat",
        connector=connector,
        conversation=f"{connector}/{who}",
        identities=(Identity("phone", who),),
        provider_id=key,
        automatic=automatic,
    )
    return Inbound(key=key, at=NOW + minutes * MINUTE, body=body)


async def came(store: Store, item: Inbound) -> int:
    """The card it came to."""
    (event,) = (await store.accept(item.body.connector, None, [item], NOW)).event_ids  # type: ignore[union-attr]
    return (await store.handle(event, decider(), "v", NOW)).card_id


ANA, EVA = "+351912000111", "+351912000222"


def test_when_a_customer_was_last_heard_by_a_connector(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first = await came(store, wrote("a1", ANA, connector="One", minutes=1))
            await came(store, wrote("a2", ANA, connector="One", minutes=2))
            await came(store, wrote("a3", ANA, connector="One", minutes=9, automatic=True))
            other = await came(store, wrote("a4", ANA, connector="Two", minutes=5))
            hers = await came(store, wrote("e1", EVA, connector="One", minutes=7))
            assert len({first, other, hers}) == 3
            assert await store.last_heard(first, "One") == NOW + 2 * MINUTE
            assert await store.last_heard(other, "One") == NOW + 2 * MINUTE, "on another card of the same customer"
            assert await store.last_heard(first, "Two") == NOW + 5 * MINUTE
            assert await store.last_heard(hers, "Two") is None

    asyncio.run(scene())


def test_what_a_customer_answers_by_another_connector_comes_to_the_card_they_were_written_to_from(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            card = await came(store, wrote("a1", ANA, connector="One"))
            body = AgentMessage(text="Quicker here", author="ana", connector="Two", address=ANA)
            event = await store.command(card, body, NOW)
            assert (await store.handle(event, decider(), "v", NOW)).done
            assert await came(store, wrote("e1", EVA, connector="Two")) != card, "somebody else"
            assert await came(store, wrote("a2", ANA, connector="Three")) != card, "a way nobody has written by"
            assert await came(store, wrote("a3", ANA, connector="Two", minutes=1)) == card
            assert await came(store, wrote("a4", ANA, connector="Two", minutes=2)) == card
            assert [message.text for message in await store.messages(card)][-2:] == ["a3", "a4"]

    asyncio.run(scene())


def test_an_open_card_of_their_own_goes_before(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            own = await came(store, wrote("a1", ANA, connector="Two"))
            card = await came(store, wrote("a2", ANA, connector="One"))
            event = await store.command(card, AgentMessage(text="Hi", author="ana", connector="Two", address=ANA), NOW)
            assert (await store.handle(event, decider(), "v", NOW)).done
            assert await came(store, wrote("a3", ANA, connector="Two", minutes=1)) == own

    asyncio.run(scene())
