"""One process, or several, from a message to what becomes of it: real engine, real store, time told by the test."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

import duly_runtime.node
from duly_dsl.program import Program
from duly_runtime.changes import Change
from duly_runtime.decision import Decision
from duly_runtime.doors import Outgoing, Refused
from duly_runtime.events import AgentMessage, MoveCard
from duly_runtime.node import Node
from duly_runtime.store.api import Accepted, Store, StoreUnavailable
from duly_runtime.time import FakeClock
from runtime.polling import until
from runtime.workspace import PROGRAM, START, Doors, Line, chat_request, opened, publish, running

MINUTE = dt.timedelta(minutes=1)


async def counted(store: Store, clock: FakeClock, name: str, wanted: int) -> None:
    """Let seconds pass until the store counts so many."""
    for _ in range(400):
        if (await store.counts())[name] == wanted:
            return
        await second(clock)
    raise AssertionError(f"{name} is {(await store.counts())[name]}, not {wanted}")


async def comes(clock: FakeClock, condition: Callable[[], bool]) -> None:
    """Let seconds pass until `condition` holds; less than twelve minutes of them."""
    for _ in range(400):
        if condition():
            return
        await second(clock)
    raise AssertionError("it did not come true")


async def second(clock: FakeClock) -> None:
    """A second passes, and what it woke gets a moment to work."""
    clock.advance(dt.timedelta(seconds=1))
    await asyncio.sleep(0.02)


async def tick(clock: FakeClock, by: dt.timedelta = dt.timedelta(seconds=1)) -> None:
    """Move on once a loop sleeps."""
    await until(lambda: clock.waiting > 0)
    clock.advance(by)


def mails(doors: Doors) -> list[Outgoing]:
    return doors.by_names["Mail"].sent


def test_from_a_message_to_an_alert_a_miss_and_an_escalation(tmp_path: Path) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock) as node:
            taken = await node.receive(chat_request(Line("1", "maria", "hi"), Line("2", "maria", "are you there?")))
            assert isinstance(taken, Accepted)
            await counted(store, clock, "unhandled", 0)
            (card,) = await store.cards()
            assert [message.text for message in await store.messages(card.id)] == ["hi", "are you there?"]

            await tick(clock, 47 * MINUTE)
            await tick(clock)
            assert mails(doors) == []
            await tick(clock, MINUTE)  # 80 % of an hour are 48 minutes
            await comes(clock, lambda: len(mails(doors)) == 1)
            assert mails(doors)[0].subject == "Cartão 1: primeira resposta vence sex., 6 de nov., 13:00"

            await tick(clock, 12 * MINUTE)
            await comes(clock, lambda: len(mails(doors)) == 2)
            assert mails(doors)[1].subject == "O cartão 1 está atrasado: primeira resposta, nível 1"
            clocks = (await store.card(card.id)).clocks
            assert [(c.metric, c.missed_at) for c in clocks if c.metric == "first reply"] == [
                ("first reply", START + 60 * MINUTE)
            ]
            await counted(store, clock, "unhandled", 0)
            for _ in range(3):
                await tick(clock, 60 * MINUTE)
            assert len(mails(doors)) == 2

    asyncio.run(main())


def test_several_processes_do_each_thing_once(tmp_path: Path) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock) as a, running(store, doors, clock) as b:
            lines = [Line(str(n), f"customer-{n}", "hi") for n in range(20)]
            for node in (a, b):
                await node.receive(chat_request(*lines))
            await counted(store, clock, "unhandled", 0)
            await counted(store, clock, "cards", 20)
            await tick(clock, 50 * MINUTE)
            await comes(clock, lambda: len(mails(doors)) >= 20)
            await tick(clock)
            await tick(clock)
            await counted(store, clock, "unhandled", 0)
            assert len({mail.key for mail in mails(doors)}) == len(mails(doors)) == 20

    asyncio.run(main())


def test_wake_ups_that_are_lost_cost_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock) as node:
            monkeypatch.setattr(node, "wake_deliveries", lambda ids: None)
            monkeypatch.setattr(node, "wake_events", lambda ids: None)
            await node.receive(chat_request(Line("1", "maria", "hi")))
            monkeypatch.undo()
            monkeypatch.setattr(node, "wake_deliveries", lambda ids: None)
            assert (await store.counts())["unhandled"] == 1
            await tick(clock)
            await counted(store, clock, "unhandled", 0)
            await tick(clock, 50 * MINUTE)
            await counted(store, clock, "unhandled", 0)
            await tick(clock)
            await comes(clock, lambda: len(mails(doors)) == 1)

    asyncio.run(main())


def test_an_event_that_breaks_the_engine_stops_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = duly_runtime.node.step

    def brittle(graph, card, event, now, world) -> Decision:
        if getattr(event.body, "text", "") == "poison":
            raise ZeroDivisionError("poison")
        return step(graph, card, event, now, world)

    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        monkeypatch.setattr(duly_runtime.node, "step", brittle)
        async with opened(tmp_path) as store, running(store, doors, clock) as node:
            await node.receive(chat_request(Line("1", "maria", "poison"), Line("2", "joao", "hello")))
            await counted(store, clock, "cards", 1)
            for _ in range(60):
                if (await store.counts())["parked"]:
                    break
                await tick(clock, dt.timedelta(days=1))
                await asyncio.sleep(0.02)
            (parked,) = await store.parked()
            assert parked.what == "event"
            assert "ZeroDivisionError: poison" in parked.reason

            monkeypatch.setattr(duly_runtime.node, "step", step)
            await store.unpark("event", parked.id, clock.now())
            node.wake()
            await counted(store, clock, "cards", 2)

    asyncio.run(main())


def test_a_command_that_is_refused_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock, "web") as node:
            await node.receive(chat_request(Line("1", "maria", "hi")))
            for event_id in await store.waiting_events(START, 10):
                await node.handle(event_id)
            (card,) = await store.cards()
            refused = await node.handle(await store.command(card.id, MoveCard(stage="Nowhere", author="ana"), START))
            assert refused.done
            assert refused.refused == 'unknown-stage: There is no stage "Nowhere" in "Support".'
            done = await node.handle(await store.command(card.id, AgentMessage(text="Hello", author="ana"), START))
            assert (done.done, done.refused, len(done.outbox_ids)) == (True, "", 1)

    asyncio.run(main())


def test_screens_hear_of_every_card_once(tmp_path: Path) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock, "web") as web:
            heard: list[Change] = []

            async def listen(node: Node) -> None:
                async for change in node.changes:
                    heard.append(change)

            listener = asyncio.create_task(listen(web))
            await asyncio.sleep(0)
            await tick(clock)
            async with running(store, doors, clock, "worker scheduler") as worker:
                await web.receive(chat_request(Line("1", "maria", "hi")))
                await worker.receive(chat_request(Line("2", "joao", "hi")))
                await counted(store, clock, "cards", 2)
                await tick(clock)
                await comes(clock, lambda: len([change for change in heard if change.topic == "card"]) == 2)
                await publish(store, Program(pipelines={}).sealed(), clock.now())
                await tick(clock)
                await comes(clock, lambda: any(change.topic == "rules" for change in heard))
                await tick(clock)
            cards = [change for change in heard if change.topic == "card"]
            assert {change.card_id for change in cards} == {card.id for card in await store.cards()}
            assert len(cards) == 2
            assert {change.pipeline for change in cards} == {"Support"}
        await asyncio.wait_for(listener, 10)  # the end of the node ends the stream

    asyncio.run(main())


def test_a_new_version_is_used_from_its_publish_on(tmp_path: Path) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        other = PROGRAM.sealed()
        async with opened(tmp_path) as store, running(store, doors, clock) as node:
            assert await node.program() == PROGRAM
            quiet = Program(
                calendars=other.calendars, pipelines={}, people=other.people, connectors=other.connectors
            ).sealed()
            await publish(store, quiet, START + MINUTE)
            assert await node.program() == quiet
            assert doors.used == [PROGRAM.hash, quiet.hash]
        assert doors.closed

    asyncio.run(main())


def test_a_path_without_a_door_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store, running(store, Doors(), FakeClock(START), "web") as node:
            request = chat_request(Line("1", "maria", "hi"))
            with pytest.raises(Refused) as refused:
                await node.receive(type(request)(**{**_fields(request), "path": "/in/nowhere"}))
            assert refused.value.status == 404

    asyncio.run(main())


def _fields(raw: object) -> dict[str, object]:
    return {name: getattr(raw, name) for name in raw.__struct_fields__}  # type: ignore[attr-defined]


def test_the_scheduler_outlives_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock) as node:

            async def away(*_: object) -> list[int]:
                raise StoreUnavailable("restarting")

            with monkeypatch.context() as patch:
                patch.setattr(store, "claim_due", away)
                patch.setattr(store, "waiting_events", away)
                patch.setattr(store, "lease", away)
                for _ in range(3):
                    await tick(clock)
            await node.receive(chat_request(Line("1", "maria", "hi")))
            await tick(clock, 50 * MINUTE)
            await tick(clock)
            await comes(clock, lambda: len(mails(doors)) == 1)
            age = node.scheduler_age()
            assert age is not None
            assert age < 60

    asyncio.run(main())


def test_a_stop_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duly_runtime.node, "STOP_SECONDS", 0.2)

    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store:
            async with running(store, doors, clock) as node:
                doors.by_names["Mail"].gate = asyncio.Event()
                await node.receive(chat_request(Line("1", "maria", "hi")))
                await counted(store, clock, "unhandled", 0)
                await tick(clock, 50 * MINUTE)
                await comes(clock, lambda: len(mails(doors)) == 1)
            (row,) = [row for row in await store.deliveries() if row.channel == "email"]
            assert row.state == "leased"

    asyncio.run(asyncio.wait_for(main(), 30))
