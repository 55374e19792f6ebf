"""Timers fire once each, at their time, whatever else runs."""

from __future__ import annotations

import asyncio
import datetime as dt

from duly_runtime.decision import Decision, Timer
from duly_runtime.events import InternalNote, TimerFired
from duly_runtime.store.api import Store
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened, said, sql, take_in


async def armed(store: Store, *timers: Timer, name: str = "m1") -> int:
    (event_id,) = await take_in(store, said(name))
    return (await store.handle(event_id, decider(timers=timers), "v", NOW)).card_id


def test_a_timer_fires_when_it_is_due_and_not_before(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await armed(store, Timer(key="a", due_at=NOW + MINUTE), Timer(key="b", due_at=NOW + HOUR))
            assert await store.claim_due(NOW + MINUTE - dt.timedelta(microseconds=1), 10) == []
            (fired,) = await store.claim_due(NOW + MINUTE, 10)
            assert await store.claim_due(NOW + MINUTE, 10) == []
            bodies = []

            def watch(event, card, world) -> Decision:  # type: ignore[no-untyped-def]
                bodies.append(event.body)
                return decider()(event, card, world)

            assert (await store.handle(fired, watch, "v", NOW + MINUTE)).done
            assert bodies == [TimerFired(key="a", due_at=NOW + MINUTE)]

    asyncio.run(scene())


def test_a_card_has_one_timer_for_what_falls_due_first(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            card_id = await armed(store, Timer(key="a", due_at=NOW + MINUTE), Timer(key="b", due_at=NOW + HOUR))

            async def after(*timers: Timer) -> list[tuple[str, dt.datetime]]:
                event_id = await store.command(card_id, InternalNote(text="x", author="ana"), NOW)
                await store.handle(event_id, decider(timers=timers), "v", NOW)
                return [(row["key"], row["due_at"]) for row in await sql(store, "SELECT key, due_at FROM timer")]

            later, last = Timer(key="b", due_at=NOW + HOUR), Timer(key="c", due_at=NOW + 2 * HOUR)
            assert await after(later, last) == [("b", NOW + HOUR)]
            assert (await store.counts(NOW + MINUTE))["overdue_timers"] == 0
            assert await after(later, last) == [("b", NOW + HOUR)]
            assert await after(last, Timer(key="b", due_at=NOW + MINUTE)) == [("b", NOW + MINUTE)]
            assert await after() == []

    asyncio.run(scene())


def test_three_schedulers_claim_each_timer_once(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for n in range(200):
                await armed(store, Timer(key="a", due_at=NOW + n * dt.timedelta(seconds=1)), name=f"m{n}")

            async def scheduler() -> list[int]:
                claimed: list[int] = []
                while part := await store.claim_due(NOW + HOUR, 7):
                    claimed += part
                return claimed

            parts = await asyncio.gather(*(scheduler() for _ in range(3)))
            claimed = [event_id for part in parts for event_id in part]
            assert len(claimed) == len(set(claimed)) == 200
            rows = await sql(store, "SELECT card_id FROM event WHERE kind = 'TimerFired'")
            assert len({row["card_id"] for row in rows}) == 200
            assert (await store.counts())["timers"] == 0

    asyncio.run(scene())


def test_a_timer_that_is_still_wanted_comes_again_and_is_not_lost(store_url: str) -> None:
    """A worker whose clock is behind the scheduler's sees nothing due yet: the timer must fire again, not at once."""

    async def scene() -> None:
        async with opened(store_url) as store:
            wanted = Timer(key="a", due_at=NOW + MINUTE)
            await armed(store, wanted)

            def still_wants(event, card, world) -> Decision:  # type: ignore[no-untyped-def]
                decision = decider()(event, card, world)
                return Decision(card=decision.card, timers=(wanted,))

            behind = NOW + MINUTE - dt.timedelta(milliseconds=5)
            (fired,) = await store.claim_due(NOW + MINUTE, 10)
            await store.handle(fired, still_wants, "v", behind)
            assert await store.claim_due(NOW + MINUTE, 10) == []
            (again,) = await store.claim_due(NOW + 2 * MINUTE, 10)
            assert again != fired
            await store.handle(again, decider(), "v", NOW + 2 * MINUTE)
            assert (await store.counts())["timers"] == 0

    asyncio.run(scene())


def test_a_timer_set_for_the_past_fires_at_once(store_url: str) -> None:
    """An imported card is caught up with, step by step."""

    async def scene() -> None:
        async with opened(store_url) as store:
            await armed(store, Timer(key="a", due_at=NOW - HOUR))
            assert len(await store.claim_due(NOW, 10)) == 1

    asyncio.run(scene())
