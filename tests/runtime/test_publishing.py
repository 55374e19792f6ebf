"""Files become the running version as a whole, or nothing changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duly_dsl.program import Environment
from duly_runtime import publishing
from duly_runtime.events import OpenCard
from duly_runtime.publishing import Published
from duly_runtime.store.api import Store, User
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from runtime.workspace import START, Doors, running
from support.databases import sqlite_database

DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

person ana {
  name "Ana Sousa"
  email "ana@desk.example"
}

person bruno {
  name "Bruno Lima"
}

team "Desk" {
  members ana, bruno
  lead ana
  manager ana
}

pipeline "Support" {
  calendar "Always"
  languages "en"

  stage "New" {
    start
    next "Done"
    owner team "Desk"
    first reply within %s
    alert manager at 80%% of first reply
  }

  stage "Done" {
    finish
  }
}
"""


@contextlib.asynccontextmanager
async def empty(folder: Path) -> AsyncIterator[Store]:
    store = open_store(sqlite_database(folder / "duly.sqlite"))
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def publish(store: Store, text: str, choice: str = "keep") -> Published:
    return await publishing.publish(store, {"desk.duly": text}, Environment(), "ana", "a note", START, choice)


def test_a_publish_makes_a_version_accounts_and_a_record(tmp_path: Path) -> None:
    async def main() -> None:
        async with empty(tmp_path) as store:
            await store.save_user(
                User(name="bruno", full_name="B.", email="", phone="", role="admin", language="en", active=True)
            )
            published = await publish(store, DESK % "1h")
            assert published.hash
            assert published.hash == await store.active_hash()
            live = await store.active_version()
            assert live is not None
            assert live.sources == {"desk.duly": DESK % "1h"}
            (version,) = await store.versions()
            assert (version.author, version.note, version.active) == ("ana", "a note", True)
            users = {user.name: user for user in await store.users()}
            assert (users["ana"].role, users["ana"].email, users["ana"].active) == ("manager", "ana@desk.example", True)
            assert (users["bruno"].role, users["bruno"].full_name) == ("admin", "B.")
            assert await store.password_hash("ana") == ""
            actions = [row.action for row in await store.audit_log()]
            assert actions.count("rules.published") == 1
            assert await store.verify_audit() == 0

    asyncio.run(main())


def test_files_with_an_error_change_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with empty(tmp_path) as store:
            first = await publish(store, DESK % "1h")
            broken = await publish(store, (DESK % "1h").replace('next "Done"', 'next "Dnoe"'))
            assert broken.hash == ""
            assert any("Dnoe" in problem.message for problem in broken.diagnostics)
            assert await store.active_hash() == first.hash
            assert len(await store.versions()) == 1

    asyncio.run(main())


def test_a_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with empty(tmp_path) as store:
            with pytest.raises(ValueError, match="from now on, keep, recompute, not `perhaps`"):
                await publish(store, DESK % "1h", "perhaps")
            assert await store.active_hash() == ""

    asyncio.run(main())


@pytest.mark.parametrize(("choice", "hours"), [("keep", 1), ("from now on", 1), ("recompute", 2)])
def test_open_cards_keep_their_promise_or_get_the_new_one(tmp_path: Path, choice: str, hours: int) -> None:
    async def main() -> None:
        async with empty(tmp_path) as store, running(store, Doors(), FakeClock(START), "web") as node:
            await publish(store, DESK % "1h")
            opened = await node.handle(await store.command(0, OpenCard(pipeline="Support", text="hi"), START))
            await publish(store, DESK % "2h", choice)
            waiting = await store.waiting_events(START, 10)
            assert len(waiting) == 1
            for event_id in waiting:
                await node.handle(event_id)
            clocks = (await store.card(opened.card_id)).clocks
            (clock,) = [clock for clock in clocks if clock.metric == "first reply" and clock.open]
            assert clock.due_at is not None
            assert (clock.due_at - START).total_seconds() == hours * 3600
            assert (clock.version == await store.active_hash()) is (choice == "recompute")

    asyncio.run(main())


def test_going_back_to_an_earlier_version_makes_it_live_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with empty(tmp_path) as store:
            first = await publish(store, DESK % "1h")
            second = await publish(store, DESK % "2h")
            assert await store.active_hash() == second.hash
            again = await publish(store, DESK % "1h")
            assert again.hash == first.hash
            assert await store.active_hash() == first.hash

    asyncio.run(main())


def test_open_cards_wait_for_the_scheduled_rules_of_a_new_version_and_keep_their_clocks(tmp_path: Path) -> None:
    rule = '  rule "Look" {\n    when every day 18:00\n    then notify owner\n  }\n\n  stage "Done"'

    async def main() -> None:
        clock = FakeClock(START)
        async with empty(tmp_path) as store:
            await publish(store, DESK % "1h")
            async with running(store, Doors(), clock, "web") as node:
                event_id = await store.command(0, OpenCard(pipeline="Support"), START)
                card = await store.card((await node.handle(event_id)).card_id)
                await publish(store, (DESK % "2h").replace('  stage "Done"', rule))
                (rearming,) = await store.waiting_events(START, 10)
                assert (await node.handle(rearming)).done
                after = await store.card(card.id)
                assert after.clocks == card.clocks
                assert after.schedules == {"day 18:00": START}
                assert (await store.counts(START))["timers"] == 1

    asyncio.run(main())
