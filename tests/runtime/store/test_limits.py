"""Limits of stages in the store: what is counted are the rows, and who is told is told once a crossing."""

from __future__ import annotations

import asyncio
from typing import Any

from duly_runtime.decision import Decision, World
from duly_runtime.engine.step import load, step
from duly_runtime.events import Event, MoveCard, OpenCard
from duly_runtime.store.api import Store
from runtime.desk import at, program
from support.store_scenes import opened, sql

BODY = """
stage "New" {
  start
  next "Doing", "Done"
  at most 2 cards
  owner team "Desk"
}
stage "Doing" {
  next "New", "Done"
}
stage "Done" {
  finish
}
"""


def test_cards_are_counted_and_the_lead_is_told_once_a_crossing(store_url: str) -> None:
    graph = load(program(BODY))
    now = at("mon 10:00")

    async def does(store: Store, card: int, body: Any) -> int:
        event_id = await store.command(card, body, now)

        def decide(event: Event, found: Any, world: World) -> Decision:
            return step(graph, found, event, now, world)

        handled = await store.handle(event_id, decide, "v", now, None, graph.limited)
        assert handled.done
        assert not handled.refused
        return handled.card_id

    async def notices(store: Store) -> int:
        rows = await sql(store, "SELECT COUNT(*) AS n FROM outbox WHERE key LIKE 'limit/%'")
        return int(rows[0]["n"])

    async def scene() -> None:
        async with opened(store_url) as store:
            cards = [await does(store, 0, OpenCard(pipeline="Support")) for _ in range(2)]
            assert await notices(store) == 0
            cards.append(await does(store, 0, OpenCard(pipeline="Support")))
            assert await notices(store) == 1
            cards.append(await does(store, 0, OpenCard(pipeline="Support")))
            assert await notices(store) == 1
            for card in cards[:2]:
                await does(store, card, MoveCard(stage="Doing", author="ana"))
            assert await notices(store) == 1
            await does(store, cards[0], MoveCard(stage="New", author="ana"))
            assert await notices(store) == 2
            await does(store, cards[0], MoveCard(stage="Done", author="ana"))
            rows = await sql(store, "SELECT n FROM tally WHERE kind = 'over'")
            assert [int(row["n"]) for row in rows] == [0]

    asyncio.run(scene())
