"""A small workspace and a card on it, in simulated time, for tests of the engine.

Instants are written `mon 10:00`, `tue2 9:30`: a day of the week of Monday 2 March 2026, or of the week after; all UTC.
The office is open Monday to Friday, 9:00 to 17:00.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.compiler import compile_files
from duly_dsl.parser import parse
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_runtime.card import Card, Clock
from duly_runtime.decision import AnyEffect, Decision, Entry, FactTrace, NotifyPerson, Timer, World
from duly_runtime.engine.step import Graph, Memory, load, step
from duly_runtime.events import (
    AgentMessage,
    AnyBody,
    CustomerMessage,
    Event,
    MoveCard,
    OpenCard,
    Scalar,
    SetFields,
    TimerFired,
)

PEOPLE = """
calendar "Office" {
  time zone "UTC"
  open monday to friday 09:00-17:00
}
person ana { name "Ana Sousa" }
person bruno { name "Bruno" }
person carla { name "Carla" }
person diogo { name "Diogo" }
team "Desk" {
  members ana, bruno
  lead ana
  manager diogo
}
team "Money" {
  members carla, bruno
  manager diogo
}
template "Hello" { "en" "Hello" }
template "Still there?" { "en" "Still there?" }
connector "Shop events" sends webhook { url secret "URL" }
"""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(text: str) -> dt.datetime:
    """`tue2 9:30` -> Tuesday 10 March 2026, 9:30 UTC."""
    day, time = text.split()
    week = int(day[3:] or 1)
    hour, minute = (int(part) for part in time.split(":"))
    date = dt.datetime(2026, 3, 2, hour, minute, tzinfo=dt.UTC)
    return date + dt.timedelta(days=DAYS.index(day[:3]) + 7 * (week - 1))


def when(instant: dt.datetime | None) -> str:
    """The other way round; empty for None."""
    if instant is None:
        return ""
    days = (instant.date() - dt.date(2026, 3, 2)).days
    week = f"{days // 7 + 1}" if days >= 7 else ""
    return f"{DAYS[days % 7]}{week} {instant.hour}:{instant.minute:02}"


def program(*pipelines: str) -> Program:
    """A program of the people above and the pipelines given; the bodies are put into `pipeline "Support" { … }`."""
    texts = [PEOPLE]
    for number, body in enumerate(pipelines):
        name = "Support" if number == 0 else f"Support {number + 1}"
        texts.append(f'pipeline "{name}" {{\n  calendar "Office"\n{body}\n}}\n')
    one_line = "\n".join(texts)
    spread = "\n".join(_spread(line) for line in one_line.splitlines())
    parsed = parse(SourceFile("desk.duly", spread))
    assert not parsed.diagnostics, [(str(each.span), each) for each in parsed.diagnostics]
    return compile_files([parsed.file])


def _spread(line: str) -> str:
    """`person ana { name "Ana" }` over several lines: one statement is one line."""
    text = line.strip()
    if text.endswith("}") and "{" in text and not text.startswith("|"):
        head, rest = text.split("{", 1)
        return f"{head}{{\n{rest.rsplit('}', 1)[0].strip()}\n}}"
    return line


def graph(body: str) -> Graph:
    return load(program(body))


class Desk:
    """One card and all that was decided about it."""

    def __init__(self, body: str, start: str = "mon 9:00", *, world: World | None = None) -> None:
        self.graph = graph(body)
        self.now = at(start)
        self.world = world or World()
        self.answered = dict(self.world.answered)
        """As the store remembers it."""
        self.found: Card | None = None
        self.timers: tuple[Timer, ...] = ()
        self.effects: list[tuple[str, AnyEffect]] = []
        self.entries: list[Entry] = []
        self.trace: list[FactTrace] = []
        self.last: Decision | None = None
        self.kept = self.graph, Memory()

    @property
    def card(self) -> Card:
        assert self.found is not None
        return self.found

    def handle(self, body: AnyBody, *, happened: str = "", backfill: bool = False) -> Decision:
        """An event at the present moment, or one that happened earlier and is only handled now."""
        event = Event(at=at(happened) if happened else self.now, body=body, backfill=backfill)
        world = World(
            load=self.world.load,
            cursors=self.world.cursors,
            answered=self.answered,
            next_card_id=7,
            next_card_number=7,
        )
        decision = step(self.graph, self.found, event, self.now, world)
        if self.kept[0] is not self.graph:
            self.kept = self.graph, Memory()
        # The same with what is kept from one step to the next: it saves work and decides nothing.
        quick = step(self.graph, self.found, event, self.now, world, traced=False, memory=self.kept[1])
        assert quick == replace(decision, trace=())
        self.answered = {**self.answered, **dict.fromkeys(decision.answered, self.now)}
        self.found = quick.card
        self.timers = decision.timers
        self.effects += [(when(self.now), effect) for effect in decision.effects]
        self.entries += decision.entries
        self.trace += decision.trace
        self.last = decision
        return decision

    def until(self, moment: str) -> Desk:
        """Let time pass, every timer handled at its instant."""
        end = at(moment)
        while self.timers and self.timers[0].due_at <= end:
            timer = self.timers[0]
            self.now = max(self.now, timer.due_at)
            self.handle(TimerFired(key=timer.key, due_at=timer.due_at))
        self.now = end
        return self

    def away_until(self, moment: str) -> Decision:
        """Nothing runs until then; the first timer that was due is handled late."""
        self.now = at(moment)
        timer = self.timers[0]
        return self.handle(TimerFired(key=timer.key, due_at=timer.due_at))

    # --- things that happen -------------------------------------------------------------------------------------------

    def open(self, stage: str = "", **fields: Scalar) -> Desk:
        self.handle(OpenCard(pipeline="Support", stage=stage, fields=named(fields)))
        return self

    def writes(self, text: str = "hello", *, automatic: bool = False, **fields: Scalar) -> Desk:
        """The customer does; the first message opens the card."""
        self.handle(CustomerMessage(text=text, pipeline="Support", automatic=automatic, fields=named(fields)))
        return self

    def replies(self, text: str = "hi", author: str = "ana") -> Desk:
        self.handle(AgentMessage(text=text, author=author))
        return self

    def moves(self, stage: str) -> Desk:
        self.handle(MoveCard(stage=stage, author="ana"))
        return self

    def sets(self, **fields: Scalar | None) -> Desk:
        self.handle(SetFields(values=named(fields), author="ana"))
        return self

    # --- what came of it ----------------------------------------------------------------------------------------------

    def clock(self, metric: str, cycle: int = 0) -> Clock:
        """The last cycle, or one of them."""
        found = [clock for clock in self.card.clocks if clock.metric == metric]
        return next(clock for clock in reversed(found) if not cycle or clock.cycle == cycle)

    def cycles(self, metric: str) -> list[tuple[int, str]]:
        """Every cycle of a clock and its outcome or state."""
        return [(each.cycle, each.outcome or each.state.value) for each in self.card.clocks if each.metric == metric]

    def due(self, metric: str) -> str:
        return when(self.clock(metric).due_at)

    def told(self, about: str = "") -> list[tuple[str, str]]:
        """(when, whom) of notices to people."""
        return [
            (moment, effect.person)
            for moment, effect in self.effects
            if isinstance(effect, NotifyPerson) and about in ("", effect.about)
        ]

    def history(self, kind: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == kind]


def named(fields: dict[str, Scalar]) -> dict[str, Scalar]:
    """`tier="gold"` -> `field:Tier`; built-in operands keep their names."""
    return {key if key in ("priority", "type", "title") else f"field:{key.capitalize()}": v for key, v in fields.items()}
