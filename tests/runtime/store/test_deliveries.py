"""The log of deliveries and requests, what people do with what waits, and that other processes hear of both."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable

import pytest

from duly_runtime.card import Card
from duly_runtime.changes import Change
from duly_runtime.decision import AnyEffect, CallWebhook
from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown
from duly_runtime.events import AgentMessage, DeliveryStatus, Event
from duly_runtime.node import Node
from duly_runtime.store.api import Conflict, Missing, Store
from duly_runtime.store.log_api import DeliveryFilter, RequestFilter
from duly_runtime.time import FakeClock
from runtime.polling import until
from runtime.workspace import START, Doors, Line, chat_request, publish, running
from support.store_scenes import HOUR, MINUTE, NOW, decider, notice, one_delivery, opened, raw, reply, said, take_in

SECOND = dt.timedelta(seconds=1)


def call(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    return (CallWebhook(key=f"call/{event.id}", connector="CRM", event="card.created"),)


def every(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    return (*reply(card, event), *notice(card, event), *call(card, event))


async def sent(store: Store, outcome: Outcome, now: dt.datetime = NOW, by: str = "") -> None:
    """Everything that is due is tried, with this outcome."""
    for item in await store.lease(now, 100, 30):
        assert await store.settle(item, outcome, "said", now + SECOND, by)


async def lines(store: Store, outbox_id: int) -> list[tuple[str, str, str]]:
    _, attempts, _ = await store.delivery(outbox_id)
    return [(attempt.outcome, attempt.error or attempt.answer, attempt.author) for attempt in attempts]


def test_every_attempt_leaves_a_line(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            assert await store.settle(item, Retry(reason="busy", after=60, answer="503\nlater"), "Hi", NOW + SECOND, "Chat")
            again = NOW + 2 * MINUTE
            (item,) = await store.lease(again, 10, 30)
            await store.settle(item, Sent(provider_id="p", answer="x" * 5000), "Hi", again + SECOND, "Post")
            row, attempts, effect = await store.delivery(item.id)
            assert (row.state, row.connector, row.attempts) == ("sent", "Post", 2)
            assert b"We are on it." in effect
            assert [(each.outcome, each.error, each.at, each.began_at) for each in attempts] == [
                ("retry", "busy", NOW + SECOND, NOW),
                ("sent", "", again + SECOND, again),
            ]
            assert attempts[0].answer == "503\nlater"
            assert len(attempts[1].answer) == 2000
            with pytest.raises(Missing):
                await store.delivery(999)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Failed(reason="no"), "failed"),
        (Unknown(reason="no answer"), "unknown"),
        (Retry(reason="busy", give_up=True), "parked"),
    ],
)
def test_how_it_ended_is_the_last_line(store_url: str, outcome: Outcome, line: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, outcome, "", NOW)
            assert [each[0] for each in await lines(store, item.id)] == [line]

    asyncio.run(scene())


def test_a_lost_worker_and_the_providers_word_are_lines_too(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.lease(NOW + MINUTE, 10, 30)
            assert [each[0] for each in await lines(store, item.id)] == ["lost"]
            for key, state in (("s1", "delivered"), ("s2", "sent"), ("s3", "read")):
                body = DeliveryStatus(outbox_id=item.id, state=state)
                taken = await store.command(0, body, NOW + HOUR, key)
                await store.handle(taken, decider(), "v", NOW + HOUR)
            # A lower word after a higher one says nothing new.
            assert [each[0] for each in await lines(store, item.id)] == ["lost", "delivered", "read"]

    asyncio.run(scene())


def test_the_log_is_filtered(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, said("m1"), said("m2"))
            for minutes, event_id in enumerate(ids):
                await store.handle(event_id, decider(effects=every), "v", NOW + minutes * HOUR)
            await sent(store, Failed(reason="no"), NOW, by="Mail")

            async def found(**wanted: object) -> list[tuple[str, int]]:
                return [(row.kind, row.card_id) for row in await store.delivery_log(DeliveryFilter(**wanted))]  # type: ignore[arg-type]

            everything = await found()
            assert len(everything) == 6
            assert everything == sorted(everything, key=lambda each: -each[1])
            assert await found(kind="call") == [("call", 2), ("call", 1)]
            assert await found(connector="CRM") == [("call", 2)]
            assert await found(connector="shop") == [("message", 2)]
            assert await found(connector="Mail", kind="call") == [("call", 1)]
            assert await found(state="failed", card_id=1, kind="notice") == [("notice", 1)]
            assert await found(state="waiting") == []
            assert len(await found(since=NOW + MINUTE)) == len(await found(until=NOW + MINUTE)) == 3
            first = await store.delivery_log(DeliveryFilter(limit=2))
            rest = await store.delivery_log(DeliveryFilter(before=first[-1].id))
            assert [row.id for row in (*first, *rest)] == [6, 5, 4, 3, 2, 1]

    asyncio.run(scene())


def test_what_has_not_gone_can_be_cancelled_and_sent_after_all(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("m1"))
            await store.handle(event_id, decider(effects=reply), "v", NOW)
            (row,) = await store.deliveries()
            await store.cancel_delivery(row.id, "ana", NOW)
            assert await store.lease(NOW + HOUR, 10, 30) == []
            assert (await store.messages(1))[-1].state == "cancelled"
            with pytest.raises(Conflict, match="cancelled"):
                await store.cancel_delivery(row.id, "bruno", NOW)
            with pytest.raises(Missing):
                await store.cancel_delivery(99, "bruno", NOW)
            await store.unpark("delivery", row.id, NOW + MINUTE, "bruno")
            (item,) = await store.lease(NOW + MINUTE, 10, 30)
            with pytest.raises(Conflict, match="leased"):
                await store.cancel_delivery(row.id, "ana", NOW)
            await store.settle(item, Sent(), "", NOW + MINUTE)
            with pytest.raises(Conflict):
                await store.unpark("delivery", row.id, NOW + MINUTE, "bruno")
            assert await lines(store, row.id) == [("cancelled", "", "ana"), ("again", "", "bruno"), ("sent", "", "")]

    asyncio.run(scene())


def test_a_call_that_was_sent_can_be_sent_again_under_its_key(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store, call)
            await store.settle(item, Sent(), "{}", NOW)
            await store.unpark("delivery", item.id, NOW, "ana")
            (again,) = await store.lease(NOW, 10, 30)
            assert (again.key, again.effect, again.attempts) == (item.key, item.effect, 1)

    asyncio.run(scene())


async def three_that_wait(store: Store) -> dict[str, int]:
    """A request that could not be read, an event that failed, a delivery nobody knows the fate of."""
    item = await one_delivery(store)
    await store.settle(item, Unknown(reason="no answer"), "Hi", NOW)
    accepted = await store.accept("shop", raw(b"<b>not json</b>"), (), NOW, parked="not JSON")
    (event_id,) = await take_in(store, said("m9"))
    for _ in range(10):
        await store.event_failed(event_id, "boom", NOW)
    return {"raw": accepted.raw_id, "event": event_id, "delivery": item.id}


@pytest.mark.parametrize("what", ["raw", "event", "delivery"])
def test_what_waits_is_discarded_and_taken_back(store_url: str, what: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await three_that_wait(store)
            number = ids[what]
            assert {(item.what, item.id) for item in await store.parked()} == set(ids.items())
            assert (await store.counts())["parked"] == 3
            await store.discard_parked(what, number, "ana", NOW + MINUTE)
            assert {(item.what, item.id) for item in await store.parked()} == set(ids.items()) - {(what, number)}
            (gone,) = await store.parked(discarded=True)
            assert (gone.what, gone.id, gone.discarded_at) == (what, number, NOW + MINUTE)
            assert (await store.counts())["parked"] == 2
            for refused in (
                store.discard_parked(what, number, "bruno", NOW),
                *([store.unpark(what, number, NOW)] if what != "delivery" else []),
            ):
                with pytest.raises(Conflict):
                    await refused
            await store.restore_parked(what, number, "ana", NOW + HOUR)
            assert {(item.what, item.id) for item in await store.parked()} == set(ids.items())
            assert await store.parked(discarded=True) == []
            with pytest.raises(Conflict):
                await store.restore_parked(what, number, "ana", NOW)
            await store.unpark(what, number, NOW + HOUR)
            assert (what, number) not in {(item.what, item.id) for item in await store.parked()}

    asyncio.run(scene())


def test_there_is_nothing_else_to_discard(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for act in (store.discard_parked, store.restore_parked):
                with pytest.raises(Missing):
                    await act("letter", 1, "ana", NOW)
                with pytest.raises(Conflict):
                    await act("raw", 1, "ana", NOW)

    asyncio.run(scene())


def test_what_waits_of_one_connector_and_how_much_of_it(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await three_that_wait(store)
            for n in range(3):
                await store.accept("Forms", raw(b"%d" % n), (), NOW, parked="no")
            assert len(await store.parked()) == 6
            assert [item.body for item in await store.parked("Forms", 2)] == [b"0", b"1"]
            assert {item.what for item in await store.parked("shop")} == {"raw", "event", "delivery"}
            # What left as a message to a customer may reach them twice.
            assert [(item.what, item.repeat) for item in await store.parked("shop")] == [
                ("raw", True),
                ("event", True),
                ("delivery", False),
            ]

    asyncio.run(scene())


def test_requests_are_listed_with_what_they_made(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            taken = await store.accept("shop", raw(b'{"a": 1}'), [said("m1"), said("m2")], NOW)
            parked = await store.accept("shop", raw(b"?"), [said("m3")], NOW + HOUR, parked="a row could not be read")
            other = await store.accept("Forms", raw(b"!"), (), NOW + HOUR, parked="no")
            await store.accept("shop", raw(b'{"a": 1}'), [said("m1")], NOW + HOUR)  # a repeat leaves nothing
            await store.handle(taken.event_ids[0], decider(), "v", NOW)
            await store.discard_parked("raw", other.raw_id, "ana", NOW)

            async def found(**wanted: object) -> list[int]:
                return [row.id for row in await store.requests(RequestFilter(**wanted))]  # type: ignore[arg-type]

            assert await found() == [other.raw_id, parked.raw_id, taken.raw_id]
            assert await found(connector="shop") == [parked.raw_id, taken.raw_id]
            assert await found(state="taken") == [taken.raw_id]
            assert await found(state="parked") == [parked.raw_id]
            assert await found(state="discarded") == [other.raw_id]
            assert await found(limit=1, before=parked.raw_id) == [taken.raw_id]
            assert await found(until=NOW) == []
            row, request, events = await store.request(taken.raw_id)
            assert (row.connector, row.events, row.parked, request.body) == ("shop", 2, "", b'{"a": 1}')
            assert [(each.key, each.card_number, each.handled) for each in events] == [("m1", 1, True), ("m2", 0, False)]
            with pytest.raises(Missing):
                await store.request(999)

    asyncio.run(scene())


# --- other processes --------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def listening(node: Node) -> AsyncIterator[list[Change]]:
    heard: list[Change] = []

    async def listen() -> None:
        async for change in node.changes:
            heard.append(change)

    task = asyncio.create_task(listen())
    await until(lambda: bool(node.changes._queues))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_screens_of_one_process_hear_what_another_delivered(store_url: str) -> None:
    """The web process never sends; the worker has no screens. Each has connections of its own to one database."""

    async def scene() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(store_url) as here, opened(store_url) as there:
            await publish(here)
            door = doors.by_names["Chat"]
            door.gate = asyncio.Event()
            async with (
                running(here, doors, clock, "web") as web,
                running(there, doors, clock, "worker scheduler") as worker,
                listening(web) as heard,
            ):
                await web.receive(chat_request(Line("1", "maria", "hi")))
                await comes(lambda: "card" in topics(heard), web, worker)
                (card,) = await here.cards()
                await here.command(card.id, AgentMessage(text="On it", author="ana"), clock.now())
                await comes(lambda: bool(door.sent), web, worker)
                await looks(web)  # what the command wrote is told by now
                heard.clear()
                door.gate.set()
                wanted = {("card", card.id), ("deliveries", 0)}
                await comes(lambda: wanted <= {(change.topic, change.card_id) for change in heard}, web)
                assert (await here.messages(card.id))[-1].state == "sent"
                heard.clear()
                await looks(web)
                assert topics(heard) == [], "it is told once"

    asyncio.run(scene())


def test_screens_hear_of_requests_and_of_what_people_do_elsewhere(store_url: str) -> None:
    async def scene() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(store_url) as here, opened(store_url) as there:
            await publish(here)
            async with (
                running(here, doors, clock, "web") as one,
                running(there, doors, clock, "web") as other,
                listening(one) as heard,
                listening(other) as took,
            ):
                await other.receive(chat_request(Line("1", "maria")))  # has no text: parked
                for each in (heard, took):
                    await comes(lambda each=each: {"requests", "parked"} <= set(topics(each)), one, other)
                await looks(one, other)
                assert topics(heard) == topics(took) == ["requests", "parked"]
                heard.clear()
                item = await one_delivery(there)
                await there.settle(item, Unknown(reason="no answer"), "", clock.now())
                await there.unpark("delivery", item.id, clock.now(), "ana")
                await comes(lambda: topics(heard).count("parked") == 2, one)
                assert topics(heard).count("deliveries") == 1

    asyncio.run(scene())


def test_a_process_tells_its_own_deliveries_once(store_url: str) -> None:
    async def scene() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(store_url) as store:
            await publish(store)
            async with running(store, doors, clock) as node, listening(node) as heard:
                await node.receive(chat_request(Line("1", "maria", "hi")))
                await comes(lambda: "card" in topics(heard), node)
                (card,) = await store.cards()
                await store.command(card.id, AgentMessage(text="On it", author="ana"), clock.now())
                await comes(lambda: "deliveries" in topics(heard), node)
                await looks(node)
                assert topics(heard).count("deliveries") == 1

    asyncio.run(scene())


def test_a_delivery_found_in_the_log_before_its_sender_says_so_is_told_once(store_url: str) -> None:
    async def scene() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(store_url) as store:
            await publish(store)
            async with running(store, doors, clock) as node, listening(node) as heard:
                await node.receive(chat_request(Line("1", "maria", "hi")))
                await comes(lambda: "card" in topics(heard), node)
                (card,) = await store.cards()
                says = node.changes.delivery
                late: list[tuple[object, ...]] = []
                node.changes.delivery = lambda *told: late.append(told)  # type: ignore[method-assign]
                await store.command(card.id, AgentMessage(text="On it", author="ana"), clock.now())
                await comes(lambda: bool(late), node)
                await looks(node)
                says(*late[0])  # type: ignore[arg-type]
                await looks(node)
                assert topics(heard).count("deliveries") == 1

    asyncio.run(scene())


def topics(heard: list[Change]) -> list[str]:
    return [change.topic for change in heard]


async def comes(condition: Callable[[], bool], *nodes: Node) -> None:
    """Let the nodes look for work until the condition holds. No time passes, so that no lease runs out."""
    for _ in range(1000):
        if condition():
            return
        for node in nodes:
            node.wake()
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come true")


async def looks(*nodes: Node) -> None:
    """Each of them has looked three times at what others wrote."""
    for node in nodes:
        for _ in range(3):
            await node.changes.poll(node.store, node.clock.now())
    await asyncio.sleep(0)  # who listens takes what was said
