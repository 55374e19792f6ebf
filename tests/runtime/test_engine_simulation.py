"""The engine under random events (seeded): whatever happens, what Duly promises holds after every step.

The seed is printed with a failure; DULY_SEED=… runs that one, DULY_SIMULATIONS=… more of them.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from pathlib import Path

import msgspec
import pytest

from duly_dsl.compiler import compile_files
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_runtime.card import Card, Clock, ClockState
from duly_runtime.decision import Decision, World
from duly_runtime.engine.step import Graph, Memory, load, step, wants_new_card
from duly_runtime.events import (
    Acknowledge,
    AgentMessage,
    AnyBody,
    AssignCard,
    CustomerMessage,
    Event,
    InternalNote,
    MoveCard,
    OpenCard,
    Recompute,
    SetFields,
    TagCard,
    TimerFired,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
STEPS = 120
SEEDS = (
    [int(os.environ["DULY_SEED"])] if os.environ.get("DULY_SEED") else range(int(os.environ.get("DULY_SIMULATIONS", "12")))
)
START = dt.datetime(2026, 12, 18, 12, tzinfo=dt.UTC)
"""Before the holidays and the year-end shutdown of the example's calendar."""

WORDS = ("hello", "a complaint", "refund please", "reembolso", "ok, thanks", "LAWYER!")
STAGES = ("New", "Triage", "In progress", "Waiting for customer", "Done", "Nowhere")
PEOPLE = ("ana", "bruno", "carla", "diogo", "", "nobody")


CLOCK = """
  clock "Refund decision" {
    start when "Refund amount" changes or card enters "Triage"
    pause when customer replies
    resume when agent replies
    stop when card is assigned or card leaves "In progress"
    targets {
      | priority | within |
      | urgent   | 1h     |
      | low      | -      |
      | else     | 6h     |
    }
    alert owner at 50%
    alert manager 2h after due
    on reopen continue
  }

  escalation "Slow refund" {
    when "Refund decision" is missed
    level 1 at once   notify owner
    level 2 after 1h  notify manager then stop clock "Refund decision"
  }

  alert manager 30m after first reply
"""
"""A named clock that all sorts of things start, pause and stop."""


class Simulation:
    """One card after the other, in random hands."""

    def __init__(self, seed: int, graphs: list[Graph]) -> None:
        self.random = random.Random(seed)
        self.graphs = graphs
        self.graph = graphs[0]
        self.now = START
        self.card: Card | None = None
        self.timers: dict[str, dt.datetime] = {}
        self.keys: set[str] = set()
        self.cards = 0
        self.cursors: dict[str, int] = {}
        self.kept: tuple[Graph, Memory, Card | None] = (self.graph, Memory(), None)

    def happens(self) -> None:
        """Time passes and something is done, or a timer fires; seldom late."""
        pick = self.random.random()
        due = min(self.timers.values(), default=None)
        if due is not None and pick < 0.45:
            late = dt.timedelta(hours=self.random.choice((0, 0, 0, 0, 3, 40)))
            self.now = max(self.now, due + late)
            key = min(self.timers, key=lambda name: self.timers[name])
            self.handle(TimerFired(key=key, due_at=due), self.now)
            return
        ahead = dt.timedelta(minutes=self.random.choice((0, 1, 7, 30, 90, 600, 4000)))
        self.now += ahead
        happened = self.now - dt.timedelta(minutes=self.random.choice((0, 0, 0, 2, 50)))
        backfill = self.random.random() < 0.05
        if self.random.random() < 0.03:
            self.graph = self.random.choice(self.graphs)
        self.handle(self.body(), happened, backfill=backfill)

    def body(self) -> AnyBody:
        some = self.random
        fields = some.choice(({}, {"priority": some.choice(("urgent", "low", "odd"))}, {"field:Tier": "gold"}))
        if self.card is None:
            if some.random() < 0.3:
                return OpenCard(pipeline="Customer support", stage=some.choice(STAGES[:4]), fields={})
            channel = some.choice(("whatsapp", "email"))
            return CustomerMessage(text=some.choice(WORDS), pipeline="Customer support", channel=channel, fields=fields)
        author = some.choice(PEOPLE[:4])
        values = some.choice(
            (
                {"field:Resolution": "done"},
                {"field:Refund amount": some.choice((10.0, 900.0, None))},
                {"priority": some.choice(("urgent", "high", "normal", "low"))},
                {"type": some.choice(("complaint", None)), "field:Tier": some.choice(("gold", None))},
            )
        )
        return some.choice(
            (
                CustomerMessage(text=some.choice(WORDS), automatic=some.random() < 0.2, fields=fields),
                AgentMessage(text="let me see", author=author),
                MoveCard(stage=some.choice(STAGES), author=author),
                MoveCard(stage=some.choice(STAGES), author=author),
                SetFields(values=values, author=author),
                AssignCard(owner=some.choice(PEOPLE), author=author),
                TagCard(add=("a",), remove=("vip",), author=author),
                InternalNote(text="note", author=author),
                Acknowledge(ladder=some.choice(("Late reply", "Stuck")), author=author),
                Recompute(author=author),
            )
        )

    def handle(self, body: AnyBody, happened: dt.datetime, *, backfill: bool = False) -> None:
        event = Event(at=happened, body=body, backfill=backfill)
        before = self.card
        if before is not None and wants_new_card(self.graph, before, event, self.now):
            before = None
        if before is None:
            self.cards += 1
        load_ = {person: self.random.randrange(4) for person in PEOPLE[:4]}
        world = World(load=load_, cursors=self.cursors, next_card_id=self.cards, next_card_number=self.cards)
        decision = step(self.graph, before, event, self.now, world)
        assert step(self.graph, before, event, self.now, world) == decision
        self.check_shortcuts(before, event, world, decision)
        self.check(before, event, decision)
        if decision.card is not None:
            self.card = decision.card
            self.timers = {timer.key: timer.due_at for timer in decision.timers}
        self.cursors = {**self.cursors, **decision.cursors}

    def check_shortcuts(self, before: Card | None, event: Event, world: World, decision: Decision) -> None:
        """Without a trace, and with what the card waits for kept from step to step: the same decision."""
        untraced = msgspec.structs.replace(decision, trace=())
        assert step(self.graph, before, event, self.now, world, traced=False) == untraced
        graph, memory, kept = self.kept
        if before is None or graph is not self.graph or kept != before:
            memory, kept = Memory(), before
        quick = step(self.graph, kept, event, self.now, world, traced=False, memory=memory)
        assert quick == untraced
        self.kept = (self.graph, memory, quick.card)

    # --- what holds after every step ----------------------------------------------------------------------------------

    def check(self, before: Card | None, event: Event, decision: Decision) -> None:
        keys = [effect.key for effect in decision.effects]
        assert len(set(keys)) == len(keys)
        assert self.keys.isdisjoint(keys), "an effect twice"
        self.keys.update(keys)
        if event.backfill:
            # What was due before a correction is still said; the event itself sends nothing.
            assert before is not None or keys == []
            assert not any(key.startswith("reply/") for key in keys)
        card = decision.card
        if decision.refused:
            assert card == before
            assert keys == []
            return
        assert card is not None
        assert card.revision == (before.revision if before else 0) + 1
        self.check_card(before, card)
        assert len({timer.key for timer in decision.timers}) == len(decision.timers)
        for timer in decision.timers:
            assert timer.due_at > self.now or event.backfill, f"left undone: {timer}"
        for entry in decision.entries:
            assert entry.at <= self.now

    def check_card(self, before: Card | None, card: Card) -> None:
        names = [(clock.metric, clock.cycle) for clock in card.clocks]
        assert len(set(names)) == len(names)
        open_metrics = [clock.metric for clock in card.clocks if clock.open]
        assert len(set(open_metrics)) == len(open_metrics), "two clocks of one metric at once"
        for clock in card.clocks:
            self.check_clock(clock)
        for old in before.clocks if before else ():
            if not old.open and old.cancelled_by != "no promise":
                assert old in card.clocks, "a closed outcome changed"
        assert len({(ladder.name, ladder.metric, ladder.cycle) for ladder in card.ladders}) == len(card.ladders)
        for ladder in card.ladders:
            assert ladder.stopped_at is None or ladder.next_at is None
            assert ladder.visit == card.visit.number or ladder.stopped_at is not None
        assert [visit.number for visit in card.visits] == list(range(1, len(card.visits) + 1))
        assert card.visits[-1].stage == card.stage
        assert all(visit.left_at is not None for visit in card.visits[:-1])
        for left, entered in zip(card.visits, card.visits[1:], strict=False):
            assert left.entered_at <= left.left_at == entered.entered_at
        finish = self.graph.stage(self.graph.program.pipelines[card.pipeline], card.stage).finish
        assert (card.finished_at is not None) == finish
        if finish:
            assert open_metrics == []

    def check_clock(self, clock: Clock) -> None:
        assert clock.started_at <= self.now
        paused = bool(clock.pauses) and clock.pauses[-1].until is None
        assert paused == (clock.state is ClockState.PAUSED)
        for pause in clock.pauses:
            assert pause.until is None or pause.start <= pause.until
        if clock.missed_at is not None:
            assert clock.due_at is not None
            assert clock.due_at <= clock.missed_at <= self.now
            assert clock.detected_at is not None and clock.missed_at <= clock.detected_at
            assert clock.outcome == "missed"
        elif clock.state is ClockState.DONE:
            assert clock.due_at is not None and clock.stopped_at is not None
            assert clock.stopped_at <= clock.due_at, "met after it was due"
        if clock.open:
            assert clock.stopped_at is None
        else:
            assert clock.stopped_at is not None


@pytest.fixture(scope="module")
def graphs() -> list[Graph]:
    """The example with a named clock, a later version without it, with other promises and another escalation, and one where
    no level repeats."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(EXAMPLE.glob("*.duly")))
    text = "\n".join(line for line in text.splitlines() if not line.startswith("use "))
    stage = '\n  stage "New" {'
    assert text.count(stage) == 1
    first = text.replace(stage, CLOCK + stage)
    named = parse(SourceFile("all.duly", first))
    assert named.diagnostics == ()
    text = text.replace("| urgent   | any    | 15m", "| urgent   | any    | 5m").replace(
        'escalation "Stuck"', 'escalation "Held"'
    )
    parsed = parse(SourceFile("all.duly", text))
    assert parsed.diagnostics == ()
    once = parse(SourceFile("all.duly", "\n".join(line for line in first.splitlines() if "repeat level" not in line)))
    return [load(compile_files([named.file])), load(compile_files([parsed.file])), load(compile_files([once.file]))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_events_break_no_promise(seed: int, graphs: list[Graph]):
    simulation = Simulation(seed, graphs[:2])
    for _ in range(STEPS):
        simulation.happens()
    assert simulation.card is not None and simulation.keys


@pytest.mark.parametrize("seed", SEEDS)
def test_timers_late_or_in_time_lead_to_the_same_card(seed: int, graphs: list[Graph]):
    """The same events, once with every timer at its instant, once with none at all until the event after it.

    Without repeats: those collapse on purpose.
    """
    some = Simulation(seed, graphs[2:])
    bodies: list[tuple[dt.datetime, AnyBody]] = []
    some.card, some.now = None, START
    first = CustomerMessage(text="hello", pipeline="Customer support", channel="whatsapp", fields={"priority": "urgent"})
    moment = START
    opened = step(some.graph, None, Event(at=moment, body=first), moment, World(next_card_id=1))
    some.card = opened.card
    for _ in range(12):
        moment += dt.timedelta(minutes=some.random.choice((3, 17, 240, 900)))
        body = some.body()
        if not isinstance(body, Recompute):
            bodies.append((moment, body))
    world = World(next_card_id=1, load={"ana": 1})
    timely = late = opened
    timely_keys: list[str] = []
    late_keys: list[str] = []
    for moment, body in bodies:
        while timely.timers and timely.timers[0].due_at < moment:
            timer = timely.timers[0]
            fired = Event(at=timer.due_at, body=TimerFired(key=timer.key, due_at=timer.due_at))
            timely = step(some.graph, timely.card, fired, timer.due_at, world)
            timely_keys += [effect.key for effect in timely.effects]
        # Both catch up first, so that a refused command is judged on the same card.
        wake = Event(at=moment, body=TimerFired(key="", due_at=moment))
        just_before = moment - dt.timedelta(microseconds=1)
        late = step(some.graph, late.card, wake, just_before, world)
        late_keys += [effect.key for effect in late.effects]
        event = Event(at=moment, body=body)
        timely, late = (step(some.graph, each.card, event, moment, world) for each in (timely, late))
        timely_keys += [effect.key for effect in timely.effects]
        late_keys += [effect.key for effect in late.effects]
        assert timely.refused == late.refused
        assert timely.timers == late.timers
        assert timely.card is not None and late.card is not None
        assert [_judged(clock) for clock in timely.card.clocks] == [_judged(clock) for clock in late.card.clocks]
        assert (timely.card.stage, timely.card.priority) == (late.card.stage, late.card.priority)
        assert timely.card.ladders == late.card.ladders
    alerts = {key for key in timely_keys if key.startswith("alert/")}
    assert alerts == {key for key in late_keys if key.startswith("alert/")}


def _judged(clock: Clock) -> tuple[object, ...]:
    """A clock without the moment at which a miss was seen."""
    return clock.metric, clock.cycle, clock.state, clock.due_at, clock.missed_at, clock.stopped_at, clock.pauses, clock.sent
