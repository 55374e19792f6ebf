"""What comes in is kept once, whole and in order."""

from __future__ import annotations

import asyncio
import random

import pytest

from duly_runtime.decision import Decision
from duly_runtime.doors import Inbound
from duly_runtime.events import AgentMessage, CustomerMessage, InternalNote, OpenCard
from duly_runtime.store.api import Conflict, Missing
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened, raw, said, sql, take_in


def test_a_request_and_its_events_are_kept_whole(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            accepted = await store.accept("shop", raw(b"\x00\xff"), [said("a"), said("b")], NOW)
            assert len(accepted.event_ids) == 2
            assert accepted.event_ids == tuple(sorted(accepted.event_ids))
            assert await store.raw(accepted.raw_id) == ("shop", raw(b"\x00\xff"))
            assert await store.waiting_events(NOW, 10) == list(accepted.event_ids)
            with pytest.raises(Missing):
                await store.raw(accepted.raw_id + 1)

    asyncio.run(scene())


def test_the_same_key_is_the_same_event(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.accept("shop", raw(), [said("a")], NOW)
            again = await store.accept("shop", raw(), [said("a"), said("b"), said("b")], NOW)
            assert (len(again.event_ids), again.duplicates) == (1, 2)
            repeated = await store.accept("shop", raw(), [said("a"), said("b")], NOW)
            assert (repeated.event_ids, repeated.duplicates, repeated.raw_id) == ((), 2, 0)
            other = await store.accept("mail", raw(), [said("a")], NOW)
            assert len(other.event_ids) == 1, "keys belong to their connector"
            assert len(await sql(store, "SELECT id FROM raw")) == 3
            unnamed = [Inbound(key="", at=NOW, body=said("x").body)] * 2
            assert len((await store.accept("shop", None, unnamed, NOW)).event_ids) == 2

    asyncio.run(scene())


def test_a_request_that_can_not_be_read_waits_for_a_person(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            accepted = await store.accept("shop", raw(b"what?"), [], NOW, parked="no `id`")
            (parked,) = await store.parked()
            assert (parked.what, parked.id, parked.connector) == ("raw", accepted.raw_id, "shop")
            assert (parked.reason, parked.body) == ("no `id`", b"what?")
            await store.unpark("raw", accepted.raw_id, NOW)
            assert await store.parked() == []
            with pytest.raises(Conflict):
                await store.unpark("raw", accepted.raw_id, NOW)
            with pytest.raises(Missing):
                await store.unpark("letter", 1, NOW)

    asyncio.run(scene())


def test_commands_with_a_key_are_journalled_once_a_card(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            note = InternalNote(text="x", author="ana")
            first = await store.command(7, note, NOW, key="k")
            assert await store.command(7, note, NOW, key="k") == first
            assert await store.command(8, note, NOW, key="k") != first
            assert await store.command(7, note, NOW) != await store.command(7, note, NOW)

    asyncio.run(scene())


def test_one_card_an_event_whatever_is_repeated_and_shuffled(store_url: str) -> None:
    """PROMISES, point 2, in small: each event sent up to five times, eight at once, handled by eight at once."""
    random_ = random.Random(20261109)

    async def scene() -> None:
        async with opened(store_url) as store:
            sent = [f"m{n}" for n in range(60) for _ in range(random_.randint(1, 5))]
            random_.shuffle(sent)
            gate = asyncio.Semaphore(8)

            async def deliver(key: str) -> None:
                async with gate:
                    for event_id in await take_in(store, said(key)):
                        # Woken twice: by the broker and by the sweep.
                        await asyncio.gather(
                            store.handle(event_id, decider(), "v", NOW), store.handle(event_id, decider(), "v", NOW)
                        )

            await asyncio.gather(*(deliver(key) for key in sent))
            counts = await store.counts()
            assert (counts["events"], counts["cards"], counts["unhandled"]) == (60, 60, 0)
            cards = await store.cards(limit=1000)
            assert sorted(card.title for card in cards) == sorted(set(sent))
            assert len({card.number for card in cards}) == 60

    asyncio.run(scene())


def test_events_of_a_card_are_handled_in_their_order(store_url: str) -> None:
    """Whoever is woken first: what came first is judged first. Commands and messages of one card share its order."""

    async def scene() -> None:
        async with opened(store_url) as store:
            (first,) = await take_in(store, said("0", "c"))
            handled = await store.handle(first, decider(), "v", NOW)
            ids: list[int] = []
            for n in range(1, 21):
                if n % 3:
                    ids += await take_in(store, said(str(n), "c"))
                else:
                    ids.append(await store.command(handled.card_id, AgentMessage(text=str(n), author="ana"), NOW))
            random.Random(7).shuffle(ids)
            await asyncio.gather(*(store.handle(event_id, decider(), "v", NOW) for event_id in ids))
            card = await store.card(handled.card_id)
            assert card.title == " ".join(str(n) for n in range(21))
            assert card.revision == 21
            assert (await store.counts())["unhandled"] == 0

    asyncio.run(scene())


def test_two_first_messages_of_a_conversation_make_one_card(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = [event_id for n in range(12) for event_id in await take_in(store, said(f"m{n}", "c"))]
            await asyncio.gather(*(store.handle(event_id, decider(), "v", NOW) for event_id in reversed(ids)))
            (card,) = await store.cards()
            assert card.title == " ".join(f"m{n}" for n in range(12))

    asyncio.run(scene())


def test_an_event_that_fails_comes_again_later_and_holds_back_those_behind_it(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await take_in(store, said("bad", "c"), said("good", "c"))
            (other,) = await take_in(store, said("other", "d"))
            broken = decider(change=lambda card, event: 1 // 0)  # type: ignore[arg-type,return-value]

            with pytest.raises(ZeroDivisionError):
                await store.handle(first, broken, "v", NOW)
            await store.event_failed(first, "ZeroDivisionError", NOW)
            assert await store.waiting_events(NOW, 10) == [other]
            assert not (await store.handle(first, decider(), "v", NOW)).done, "it is put off"
            assert not (await store.handle(second, decider(), "v", NOW)).done, "it waits for the first"
            assert (await store.handle(other, decider(), "v", NOW)).done

            later = NOW + MINUTE
            assert await store.waiting_events(later, 10) == [first, second]
            assert (await store.handle(second, decider(), "v", later)).done
            assert "bad good" in {card.title for card in await store.cards()}

    asyncio.run(scene())


def test_a_failure_of_an_earlier_event_is_put_on_that_event(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await take_in(store, said("bad", "c"), said("good", "c"))

            def breaks(event, card, world) -> Decision:  # type: ignore[no-untyped-def]
                if event.id == first:
                    raise ValueError("no")
                return decider()(event, card, world)

            handled = await store.handle(second, breaks, "v", NOW)
            assert not handled.done
            rows = await sql(store, "SELECT id, attempts, error FROM event ORDER BY id")
            assert [(row["attempts"], row["error"]) for row in rows] == [(1, "ValueError: no"), (0, "")]

    asyncio.run(scene())


def test_after_the_tenth_failure_a_person_must_look_and_the_rest_goes_on(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await take_in(store, said("bad", "c"), said("good", "c"))
            now = NOW
            for n in range(10):
                assert await store.parked() == [], n
                await store.event_failed(first, f"failure {n + 1}", now)
                now += HOUR
            (parked,) = await store.parked()
            assert (parked.what, parked.id, parked.reason) == ("event", first, "failure 10")
            assert (await store.handle(second, decider(), "v", now)).done
            await store.unpark("event", first, now)
            assert await store.waiting_events(now, 10) == [first]
            assert (await store.handle(first, decider(), "v", now)).done
            (card,) = await store.cards()
            assert card.title == "good bad"

    asyncio.run(scene())


def test_a_message_that_finds_no_place_is_kept_for_a_person(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("m"))
            handled = await store.handle(
                event_id, lambda event, card, world: Decision(card=None, refused="unknown-pipeline"), "v", NOW
            )
            assert (handled.done, handled.refused) == (True, "unknown-pipeline")
            (parked,) = await store.parked()
            assert (parked.what, parked.id, parked.reason) == ("event", event_id, "unknown-pipeline")
            await store.unpark("event", event_id, NOW)
            assert (await store.handle(event_id, decider(), "v", NOW)).card_id > 0

    asyncio.run(scene())


def test_a_refused_command_is_on_record(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            event_id = await store.command(0, OpenCard(pipeline="Nope"), NOW)
            assert not (await store.outcome(event_id)).done
            await store.handle(event_id, lambda event, card, world: Decision(card=None, refused="no"), "v", NOW)
            outcome = await store.outcome(event_id)
            assert (outcome.done, outcome.refused, outcome.card_id) == (True, "no", 0)
            assert await store.parked() == [], "who gave the command has been told"

    asyncio.run(scene())


def test_an_event_keeps_when_it_happened_and_whether_it_is_told_late(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            seen = []

            def watch(event, card, world) -> Decision:  # type: ignore[no-untyped-def]
                seen.append((event.at, event.backfill, event.body))
                return decider()(event, card, world)

            body = CustomerMessage(text="x", conversation="c", connector="shop")
            item = Inbound(key="1", at=NOW - HOUR, body=body, backfill=True)
            (event_id,) = (await store.accept("shop", None, [item], NOW)).event_ids
            await store.handle(event_id, watch, "v", NOW)
            note = InternalNote(text="n", author="ana")
            event_id = await store.command(1, note, NOW, at=NOW - MINUTE, backfill=True)
            await store.handle(event_id, watch, "v", NOW)
            assert seen == [(NOW - HOUR, True, body), (NOW - MINUTE, True, note)]

    asyncio.run(scene())
