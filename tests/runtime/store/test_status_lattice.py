"""Statuses in every order, any number of times, before and after the answer of the send: the end is always the same."""

from __future__ import annotations

import asyncio
import os
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from duly_runtime.doors import Failed, Inbound, Outcome, Retry, Sent, Unknown
from duly_runtime.events import Contact, DeliveryStatus
from duly_runtime.store.api import OutboxItem, Store
from duly_runtime.store.outbox import RANK
from support.store_scenes import NOW, decider, opened, reply, said, take_in

FULL = os.environ.get("DULY_FULL") == "1"
EXAMPLES = 400 if FULL else 40
ANSWERS = st.sampled_from(
    (Sent(provider_id="wamid"), Unknown(reason="no answer"), Failed(reason="no"), Retry(reason="later"))
)
TOLD = st.tuples(st.sampled_from(sorted(RANK)), st.sampled_from(("by id", "by ours", "by both")))


async def tell(store: Store, n: int, key: str, state: str, by: str, item: OutboxItem) -> None:
    body = DeliveryStatus(
        provider_id=f"wamid{n}" if by != "by ours" else "", outbox_id=item.id if by != "by id" else 0, state=state
    )
    accepted = await store.accept("shop", None, [Inbound(key=f"{n}/{key}", at=NOW, body=body)], NOW)
    for event_id in accepted.event_ids:
        await store.handle(event_id, decider(), "v", NOW)


def expected(answer: Outcome, told: list[tuple[str, str]]) -> str:
    """The highest of what counts. A status that names only the provider's id counts once the answer tells that id, or
    another status tells both."""
    known = isinstance(answer, Sent) or any(by == "by both" for _, by in told)
    states = [state for state, by in told if by != "by id" or known]
    base = {Sent: "sent", Unknown: "unknown", Failed: "failed", Retry: "pending"}[type(answer)]
    return max([base, *states], key=lambda state: RANK.get(state, 0))


def test_statuses_form_a_lattice(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await examples(store)

    async def examples(store: Store) -> None:
        loop = asyncio.get_running_loop()
        n = 0

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=(HealthCheck.too_slow,), derandomize=not FULL)
        @given(ANSWERS, st.lists(TOLD, max_size=6), st.randoms(use_true_random=False))
        def each(answer: Outcome, told: list[tuple[str, str]], random: Random) -> None:
            asyncio.run_coroutine_threadsafe(one(answer, told, random), loop).result(60)

        async def one(answer: Outcome, told: list[tuple[str, str]], random: Random) -> None:
            nonlocal n
            n += 1
            # A customer each: what waits for one would hold up the next.
            message = said(f"m{n}")
            whom = replace(message.body, contact=Contact(address=f"customer {n}"))
            (event_id,) = await take_in(store, replace(message, body=whom))
            (outbox_id,) = (await store.handle(event_id, decider(effects=reply), "v", NOW)).outbox_ids
            (item,) = await store.lease(NOW, 1, 30, (outbox_id,))
            steps = [*range(len(told)), *random.sample(range(len(told)), len(told) // 2), -1]
            random.shuffle(steps)
            for step in steps:
                if step >= 0:
                    await tell(store, n, str(step), *told[step], item)
                elif isinstance(answer, Sent):
                    await store.settle(item, Sent(provider_id=f"wamid{n}"), "", NOW)
                else:
                    await store.settle(item, answer, "", NOW)
            (row,) = [row for row in await store.deliveries() if row.id == outbox_id]
            assert row.state == expected(answer, told), (answer, told, steps)

        await asyncio.to_thread(each)

    asyncio.run(scene())
