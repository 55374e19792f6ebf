"""The journal as backtests read it: in order, page by page, with what belongs together named."""

from __future__ import annotations

import asyncio

from duly_runtime.backtest import lines
from duly_runtime.events import AgentMessage, CustomerMessage, OpenCard
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened, said, take_in


def test_handled_events_in_order_with_their_case(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            decide = decider()
            first = await take_in(store, said("a", "maria"), said("b", "joão"))
            for event in first:
                await store.handle(event, decide, "v1", NOW)
            opening = await store.command(0, OpenCard(pipeline="Support"), NOW)
            await store.handle(opening, decide, "v1", NOW)
            (maria,) = await store.past_events(0, 1)
            reply = await store.command(maria.card_id, AgentMessage(text="hi", author="ana"), NOW + MINUTE, at=NOW)
            await store.handle(reply, decide, "v1", NOW + MINUTE)
            waiting = await store.accept("shop", None, [said("c", "maria")], NOW + HOUR)

            past = await store.past_events(0, 100)
            assert [row.id for row in past] == [*first, opening, reply], "what waits is not past"
            assert waiting.event_ids[0] not in {row.id for row in past}
            cases = [row.case for row in past]
            assert len(set(cases)) == 3
            assert cases[0] == cases[3], "a reply belongs to its conversation"
            assert not any("maria" in case for case in cases), "a case names nobody"
            assert (past[3].at, past[3].received_at, past[3].backfill) == (NOW, NOW + MINUTE, False)

            pages = [await store.past_events(after, 2) for after in (0, past[1].id, past[3].id)]
            assert [row for page in pages for row in page] == past
            assert {type(lines.decode(lines.of_past(row)).body) for row in past} == {
                CustomerMessage,
                OpenCard,
                AgentMessage,
            }
            without = await store.past_events(0, 100, ("AgentMessage", "OpenCard"))
            assert [row.id for row in without] == list(first)
            assert (await store.past_count(), await store.past_count(("AgentMessage", "OpenCard"))) == (4, 2)

    asyncio.run(scene())
