"""What a publish does to open cards, said before and done after: the plan is held against the engine."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from duly_dsl.program import Environment
from duly_runtime import publishing
from duly_runtime.card import Card, Clock
from duly_runtime.events import AgentMessage, AnyBody, MoveCard, OpenCard, SetFields
from duly_runtime.node import Node
from duly_runtime.planning import CHOICES, CardEffect, Plan
from duly_runtime.publishing import PlanChanged
from duly_runtime.store.api import Conflict
from duly_runtime.store.database import open_store
from duly_runtime.time import FakeClock
from runtime.workspace import START, Doors, running
from support.databases import sqlite_database

HOUR = dt.timedelta(hours=1)

DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

person ana {
  name "Ana Sousa"
}

person bruno {
  name "Bruno Lima"
}

team "Desk" {
  members ana, bruno
  lead ana
  manager bruno
}

pipeline "Support" {
  calendar "Always"
  field "Order" text

  stage "New" {
    start
    next "Working"
    first reply within 2h
    alert lead of "Desk" at 50% of first reply
  }

  stage "Working" {
    next "Done"
    leave stage within 4h
  }

  stage "Done" {
    finish
  }

  escalation "Late" {
    when first reply is missed
    level 1 at once   notify lead of "Desk"
    level 2 after 1h  notify manager of "Desk"
    stop when agent replies
  }
}
"""
TIGHT = (
    DESK.replace("first reply within 2h", "first reply within 1h")
    .replace("leave stage within 4h", "leave stage within 3h")
    .replace("level 2 after 1h ", "level 2 after 3h ")
)


class Bench:
    """A node whose store has one version live, and a clock the test moves."""

    def __init__(self, node: Node, clock: FakeClock) -> None:
        self.node = node
        self.store = node.store
        self.clock = clock

    async def plan(self, text: str) -> Plan:
        return await publishing.make_plan(self.store, {"desk.duly": text}, Environment(), self.clock.now())

    async def publish(self, text: str, choice: str = "from now on", plan: str = "") -> str:
        done = await publishing.publish(
            self.store, {"desk.duly": text}, Environment(), "ana", "", self.clock.now(), choice, wanted=plan
        )
        assert done.hash, [problem.message for problem in done.diagnostics]
        await self.settle()
        return done.hash

    async def settle(self) -> None:
        while waiting := await self.store.waiting_events(self.clock.now(), 100):
            for event_id in waiting:
                await self.node.handle(event_id)

    async def do(self, card: int, body: AnyBody) -> Card:
        handled = await self.node.handle(await self.store.command(card, body, self.clock.now()))
        assert not handled.refused, handled.refused
        return await self.store.card(handled.card_id)

    async def after(self, amount: dt.timedelta) -> None:
        """Let time pass, every timer fired."""
        self.clock.advance(amount)
        while await self.store.claim_due(self.clock.now(), 100):
            await self.settle()


def on(folder: Path, scene: Callable[[Bench], Awaitable[None]], text: str = DESK) -> None:
    @contextlib.asynccontextmanager
    async def bench() -> AsyncIterator[Bench]:
        store = open_store(sqlite_database(folder / "duly.sqlite"))
        await store.start()
        try:
            clock = FakeClock(START)
            async with running(store, Doors(), clock, "web") as node:
                made = Bench(node, clock)
                await made.publish(text)
                yield made
        finally:
            await store.stop()

    async def main() -> None:
        async with bench() as made:
            await scene(made)

    asyncio.run(main())


def clock_of(card: Card, metric: str) -> Clock:
    return next(clock for clock in reversed(card.clocks) if clock.metric == metric)


def due(card: Card, metric: str) -> float:
    """Hours from the clock's start."""
    clock = clock_of(card, metric)
    assert clock.due_at is not None
    return (clock.due_at - clock.started_at) / HOUR


def told(plan: Plan, choice: str, kind: str) -> list[CardEffect]:
    return [effect for effect in plan.choices[choice].cards if effect.kind == kind]


@pytest.mark.parametrize(
    ("choice", "first", "later"), [("keep", 2, 4), ("from now on", 2, 3), ("recompute", 1, 3)]
)  # fmt: skip
def test_how_the_choices_differ(tmp_path: Path, choice: str, first: int, later: int) -> None:
    """The running clock, and the one that starts on the same card after the publish."""

    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support", text="hi"))
        older = await bench.store.active_hash()
        newer = await bench.publish(TIGHT, choice)
        card = await bench.store.card(card.id)
        assert due(card, "first reply") == first
        assert clock_of(card, "first reply").version == (newer if choice == "recompute" else older)
        assert card.kept == (older if choice == "keep" else "")
        card = await bench.do(card.id, MoveCard(stage="Working"))
        assert due(card, "leave stage") == later
        assert clock_of(card, "leave stage").version == (older if choice == "keep" else newer)
        fresh = await bench.do(0, OpenCard(pipeline="Support"))
        assert due(fresh, "first reply") == 1 and not fresh.kept

    on(tmp_path, scene)


def test_a_kept_card_keeps_through_further_publishes_until_one_says_otherwise(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support"))
        older = await bench.store.active_hash()
        await bench.publish(TIGHT, "keep")
        await bench.publish(TIGHT.replace("3h", "5h"), "keep")
        card = await bench.do(card.id, SetFields(values={"field:Order": "7"}))
        assert card.kept == older
        card = await bench.do(card.id, MoveCard(stage="Working"))
        assert due(card, "leave stage") == 4
        await bench.publish(TIGHT.replace("3h", "6h"), "recompute")
        card = await bench.store.card(card.id)
        assert (card.kept, due(card, "leave stage")) == ("", 6)

    on(tmp_path, scene)


@pytest.mark.parametrize(("choice", "hours"), [("keep", 1), ("from now on", 1), ("recompute", 3)])
def test_a_ladder_in_flight_finishes_under_its_version_unless_the_publish_says_recompute(
    tmp_path: Path, choice: str, hours: int
) -> None:
    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support"))
        # three levels before, so that the last is one the live version would place elsewhere
        await bench.after(2 * HOUR)
        card = await bench.store.card(card.id)
        assert [(ladder.name, ladder.level) for ladder in card.ladders] == [("Late", 1)]
        await bench.publish(TIGHT, choice)
        (ladder,) = (await bench.store.card(card.id)).ladders
        assert ladder.next_at is not None
        assert (ladder.next_at - ladder.began_at) / HOUR == hours
        await bench.after(hours * HOUR)
        (ladder,) = (await bench.store.card(card.id)).ladders
        assert ladder.level == 2

    on(tmp_path, scene)


def test_later_levels_of_a_ladder_in_flight_are_those_it_began_with(tmp_path: Path) -> None:
    three = DESK.replace("    stop when", "    level 3 after 2h  notify owner\n    stop when")
    other = three.replace("level 3 after 2h ", "level 3 after 9h ")

    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support"))
        await bench.after(2 * HOUR)
        await bench.publish(other)
        await bench.after(HOUR)
        (ladder,) = (await bench.store.card(card.id)).ladders
        assert ladder.next_at is not None
        assert (ladder.level, (ladder.next_at - ladder.began_at) / HOUR) == (2, 2)
        # a ladder that begins now climbs as the live version says
        second = await bench.do(0, OpenCard(pipeline="Support"))
        await bench.after(3 * HOUR)
        (ladder,) = (await bench.store.card(second.id)).ladders
        assert ladder.next_at is not None
        assert (ladder.level, (ladder.next_at - ladder.began_at) / HOUR) == (2, 9)

    on(tmp_path, scene, three)


@pytest.mark.parametrize("choice", CHOICES)
def test_the_plan_says_what_the_publish_then_does(tmp_path: Path, choice: str) -> None:
    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support", title="Parcel"))
        early = await bench.do(0, OpenCard(pipeline="Support"))
        await bench.do(early.id, AgentMessage(text="hi", author="ana"))
        await bench.after(HOUR * 0.75)
        plan = await bench.plan(TIGHT)
        assert plan.open_cards == 2 and len(plan.changes) == 3
        await bench.publish(TIGHT, choice, plan.choices[choice].id)
        after = clock_of(await bench.store.card(card.id), "first reply")
        moved = told(plan, choice, "moved")
        if choice == "recompute":
            (effect,) = moved
            assert (effect.card, effect.title, effect.metric) == (card.number, "Parcel", "first reply")
            assert (effect.was, effect.due) == (clock_of(card, "first reply").due_at, after.due_at)
            assert plan.choices[choice].counts == {"moved": 1, "alert": 1}
            assert [effect.detail for effect in told(plan, choice, "alert")] == ["ana"]
        else:
            assert plan.choices[choice].counts == {}
            assert after.due_at == clock_of(card, "first reply").due_at
        (row, _) = await bench.store.versions()
        assert (row.choice, row.details) == (choice, {"plan": plan.choices[choice].id})
        (entry,) = [each for each in await bench.store.audit_log() if each.details.get("plan")]
        assert entry.details["open_cards"] == choice

    on(tmp_path, scene)


def test_a_tighter_promise_makes_cards_late_at_once(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support"))
        await bench.after(HOUR * 1.5)
        plan = await bench.plan(TIGHT)
        assert plan.choices["recompute"].counts == {"late": 1, "ladder": 1}
        assert plan.choices["keep"].counts == plan.choices["from now on"].counts == {}
        (late,) = told(plan, "recompute", "late")
        assert late.due == clock_of(card, "first reply").started_at + HOUR
        await bench.publish(TIGHT, "recompute", plan.choices["recompute"].id)
        card = await bench.store.card(card.id)
        assert clock_of(card, "first reply").missed_at == bench.clock.now()
        # what is missed stays missed (CLOCKS, point 18)
        back = await bench.plan(DESK)
        assert "on time" not in back.choices["recompute"].counts
        await bench.publish(DESK, "recompute")
        assert clock_of(await bench.store.card(card.id), "first reply").outcome == "missed"

    on(tmp_path, scene)


def test_a_publish_is_held_to_its_plan(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        await bench.do(0, OpenCard(pipeline="Support"))
        plan = await bench.plan(TIGHT)
        again = await bench.plan(TIGHT)
        assert {name: each.id for name, each in plan.choices.items()} == {n: e.id for n, e in again.choices.items()}
        assert len({each.id for each in plan.choices.values()}) == len(CHOICES)
        wanted = plan.choices["recompute"].id
        live = await bench.store.active_hash()
        await bench.do(0, OpenCard(pipeline="Support"))  # its deadline would move as well
        with pytest.raises(PlanChanged, match="nothing was published") as refused:
            await bench.publish(TIGHT, "recompute", wanted)
        assert await bench.store.active_hash() == live
        assert refused.value.plan.choices["recompute"].counts["moved"] == 2
        # nothing of what the other choice does has changed
        await bench.publish(TIGHT, "keep", plan.choices["keep"].id)
        with pytest.raises(PlanChanged):
            await bench.publish(TIGHT, "keep", plan.choices["keep"].id)

    on(tmp_path, scene)


def test_of_two_publishes_from_one_version_the_second_is_refused(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        base = await bench.store.active_hash()
        await bench.store.publish("other", b"", {}, "ana", "", START, base=base)
        with pytest.raises(Conflict, match="went live"):
            await bench.store.publish("third", b"", {}, "ana", "", START, base=base)

    on(tmp_path, scene)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_renamed_stage_and_pipeline_take_their_cards_along(tmp_path: Path, choice: str) -> None:
    renamed = (
        DESK.replace('pipeline "Support"', 'pipeline "Care" was "Support"')
        .replace('stage "Working"', 'stage "In progress" was "Working"')
        .replace('next "Working"', 'next "In progress"')
    )

    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support"))
        card = await bench.do(card.id, MoveCard(stage="Working"))
        done = await bench.do(0, OpenCard(pipeline="Support", stage="Done"))
        plan = await bench.plan(renamed)
        assert [change.kind for change in plan.changes] == ["renamed", "renamed"]
        assert plan.diagnostics == () and plan.choices[choice].counts == {}
        before = clock_of(card, "leave stage")
        await bench.publish(renamed, choice, plan.choices[choice].id)
        rows = {row.id: row for row in await bench.store.board("Care", START)}
        assert (rows[card.id].stage, rows[done.id].stage) == ("In progress", "Done")
        after = clock_of(await bench.store.card(card.id), "leave stage")
        assert (after.stage, after.due_at) == ("In progress", before.due_at)
        card = await bench.do(card.id, MoveCard(stage="Done"))
        assert clock_of(card, "leave stage").outcome == "met"

    on(tmp_path, scene)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_renamed_field_takes_its_values_along(tmp_path: Path, choice: str) -> None:
    renamed = DESK.replace('field "Order" text', 'field "Order number" was "Order" text')

    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support", fields={"field:Order": "77"}))
        done = await bench.do(0, OpenCard(pipeline="Support", stage="Done", fields={"field:Order": "78"}))
        plan = await bench.plan(renamed)
        assert [change.kind for change in plan.changes] == ["renamed"]
        assert plan.diagnostics == () and plan.choices[choice].counts == {}
        await bench.publish(renamed, choice, plan.choices[choice].id)
        assert (await bench.store.card(card.id)).fields == {"Order number": "77"}
        assert (await bench.store.card(done.id)).fields == {"Order number": "78"}
        card = await bench.do(card.id, SetFields(values={"field:Order number": "79"}))
        assert card.fields == {"Order number": "79"}

    on(tmp_path, scene)


def test_what_a_card_holds_and_the_new_version_lacks_is_said(tmp_path: Path) -> None:
    less = (
        DESK.replace('  field "Order" text\n', "  priorities high, normal\n")
        .replace('stage "Working"', 'stage "Shipping and handling"')
        .replace('next "Working"', 'next "Shipping and handling"')
        .replace('person bruno {\n  name "Bruno Lima"\n}', 'person carla {\n  name "Carla"\n}')
        .replace("ana, bruno", "ana, carla")
        .replace("manager bruno", "manager carla")
        .replace("leave stage within 4h", 'leave stage within 9h\n    owner team "Desk"')
    )

    async def scene(bench: Bench) -> None:
        card = await bench.do(0, OpenCard(pipeline="Support", fields={"field:Order": "77", "priority": "urgent"}))
        card = await bench.do(card.id, MoveCard(stage="Working"))
        plan = await bench.plan(less)
        assert [(each.detail, each.value) for each in told(plan, "keep", "stranded")] == [
            ("stage", "Working"),
            ("priority", "urgent"),
            ("field:Order", "77"),
        ]
        assert plan.choices["keep"].counts["stranded"] == 1
        assert [problem.code for problem in plan.diagnostics if problem.code.startswith("W19")] == ["W1902", "W1903"]

    on(tmp_path, scene)


def test_a_stage_that_looks_renamed_is_asked_about(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        plan = await bench.plan(DESK.replace('"Working"', '"Working on it"'))
        (problem,) = plan.diagnostics
        assert (problem.code, problem.values["name"], problem.values["new"]) == ("W1901", "Working", "Working on it")
        (fix,) = problem.fixes
        line = DESK.replace('"Working"', '"Working on it"').splitlines()[fix.span.line - 1]
        mended = line[: fix.span.column - 1] + fix.text + line[fix.span.column - 1 :]
        assert mended == '  stage "Working on it" was "Working" {'

    on(tmp_path, scene)


def test_files_with_an_error_have_a_plan_that_says_so(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        plan = await bench.plan(DESK.replace('next "Done"', 'next "Dnoe"'))
        assert (plan.version, plan.choices, plan.changes) == ("", {}, ())
        assert any("Dnoe" in problem.message for problem in plan.diagnostics)

    on(tmp_path, scene)


def test_progress_is_told_while_cards_are_looked_at(tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        for _ in range(3):
            await bench.do(0, OpenCard(pipeline="Support"))
        seen: list[tuple[int, int]] = []
        await publishing.make_plan(
            bench.store, {"a.duly": TIGHT}, Environment(), START, progress=lambda done, of: seen.append((done, of))
        )
        assert seen == [(3, 3)]

    on(tmp_path, scene)
