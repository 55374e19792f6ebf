"""Templates as an account at the provider has them: read whole, told of one by one, the later word stays."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from duly_dsl.program import TemplateAtMeta
from duly_runtime.doors import Inbound
from duly_runtime.events import TemplateChanged
from duly_runtime.store.api import Store
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened

HELLO = TemplateAtMeta(
    name="hello",
    language="pt_BR",
    status="PENDING",
    category="utility",
    quality="UNKNOWN",
    variables=1,
    buttons=("Sim", "Não"),
)
BYE = TemplateAtMeta(name="bye", language="en", status="APPROVED", category="marketing", variables=0, header="IMAGE")


async def told(store: Store, key: str, at=NOW, **said: str) -> None:  # type: ignore[no-untyped-def]
    body = TemplateChanged(**{"account": "1", "name": "hello", "language": "pt_BR", **said})
    accepted = await store.accept("shop", None, [Inbound(key=key, at=at, body=body)], NOW)
    for event_id in accepted.event_ids:
        assert (await store.handle(event_id, decider(), "v", NOW)).done


def test_what_was_read_is_kept_by_account(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert (await store.approvals("1")).synced_at is None
            assert await store.claim_approvals("1", NOW, NOW - HOUR)
            await store.keep_approvals("1", (HELLO, BYE, BYE), NOW)
            assert await store.claim_approvals("2", NOW, NOW - HOUR)
            await store.approvals_failed("2", "the token has expired")
            first, second = await store.all_approvals()
            assert first == await store.approvals("1")
            assert (first.templates, first.synced_at, first.error) == ((BYE, HELLO), NOW, "")
            assert (second.account, second.templates, second.synced_at) == ("2", (), None)
            assert second.error == "the token has expired"

            await store.keep_approvals("1", (BYE,), NOW + MINUTE)
            assert (await store.approvals("1")).templates == (BYE,), "what the provider no longer has is gone"

    asyncio.run(scene())


def test_one_process_has_its_turn(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            turns = await asyncio.gather(*(store.claim_approvals("1", NOW, NOW - HOUR) for _ in range(6)))
            assert turns.count(True) == 1
            assert not await store.claim_approvals("1", NOW + MINUTE, NOW + MINUTE - HOUR)
            turns = await asyncio.gather(*(store.claim_approvals("1", NOW + HOUR, NOW) for _ in range(6)))
            assert turns.count(True) == 1

    asyncio.run(scene())


def test_a_word_on_one_template_changes_what_it_speaks_of(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.claim_approvals("1", NOW, NOW)
            await store.keep_approvals("1", (HELLO,), NOW)
            await told(store, "a", NOW + MINUTE, status="REJECTED", reason="SCAM")
            assert (await store.approvals("1")).templates == (replace(HELLO, status="REJECTED", reason="SCAM"),)
            await told(store, "b", NOW + 2 * MINUTE, quality="RED")
            await told(store, "c", NOW + 3 * MINUTE, status="APPROVED", category="marketing")
            now = replace(HELLO, status="APPROVED", quality="RED", category="marketing", reason="")
            assert (await store.approvals("1")).templates == (now,)

            await told(store, "d", NOW - MINUTE, status="PENDING")
            assert (await store.approvals("1")).templates == (now,), "an older word comes too late"
            await store.keep_approvals("1", (replace(HELLO, status="PENDING"),), NOW + 2 * MINUTE)
            assert (await store.approvals("1")).templates == (now,), "what was read before it too"
            await store.keep_approvals("1", (HELLO,), NOW + HOUR)
            assert (await store.approvals("1")).templates == (HELLO,)

    asyncio.run(scene())


def test_a_template_only_told_of_has_no_variables_yet(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await told(store, "a", status="APPROVED")
            (known,) = await store.all_approvals()
            assert known.synced_at is None
            assert known.templates == (TemplateAtMeta(name="hello", language="pt_BR", status="APPROVED"),)

    asyncio.run(scene())
