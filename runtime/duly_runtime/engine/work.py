"""The private working state of one step: the card as it becomes, and what is decided on the way."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from duly_dsl.program import Pipeline, Silence, Stage
from duly_runtime.calendars import WorkingTime
from duly_runtime.card import Card, Clock, Ladder, Visit
from duly_runtime.decision import AnyEffect, Entry, FactTrace, Timer, World
from duly_runtime.engine.facts import MICROSECOND, Facts
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.matching import Rows

PASSING = ("card enters", "card leaves")
"""Facts judged as if the card were in the stage they are about; all others where the card is."""


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something that became true and may set rules off. `depth` is 0 for the event's own, n for what rules led to."""

    kind: str
    stage: str = ""
    metric: str = ""
    subject: str = ""
    depth: int = 0


class Cause(msgspec.Struct, frozen=True):
    """What acts: for the keys of its effects and the words of the history."""

    key: str
    about: str
    details: dict[str, str]


class News(msgspec.Struct, frozen=True):
    """An event of the catalogue that a connector wants to be told of."""

    event: str
    at: dt.datetime
    details: dict[str, str]
    author: str = ""


EVENT_OF = {
    "card.created": "card.created",
    "owner.changed": "card.assigned",
    "field.changed": "card.changed",
    "tag.added": "card.tagged",
    "tag.removed": "card.untagged",
    "card.finished": "card.finished",
    "card.reopened": "card.reopened",
    "card.merged": "card.merged",
    "card.unmerged": "card.unmerged",
    "card.split": "card.split",
    "message.in": "message.received",
    "message.out": "message.sent",
    "note.added": "note.added",
    "clock.started": "clock.started",
    "clock.paused": "clock.paused",
    "clock.resumed": "clock.resumed",
    "clock.missed": "clock.breached",
    "clock.met": "clock.met",
    "clock.cancelled": "clock.cancelled",
    "clock.excused": "clock.excused",
    "ladder.started": "escalation.started",
    "ladder.level": "escalation.level",
    "ladder.stopped": "escalation.stopped",
}
"""Kind of a history line -> its event. `card.moved` comes of `stage.entered` with a stage it comes from, and
`clock.at_risk` of no line."""


class Due(msgspec.Struct, frozen=True):
    """Something that falls due by itself. `rank` orders what is due at one instant: alerts, misses, levels, silences, what
    was held.

    `act` gets the instant up to which is caught up.
    """

    at: dt.datetime
    rank: int
    key: str
    act: Callable[[Work, dt.datetime], None]
    timer: Timer

    @classmethod
    def of(cls, at: dt.datetime, rank: int, key: str, act: Callable[[Work, dt.datetime], None]) -> Due:
        return cls(at, rank, key, act, Timer(key=key, due_at=at))


class Memory:
    """What the card waits for, kept while it stays as it is: within a step, and from one step to the next where one process
    takes them all (`Decision.card` goes into the next step as the same object). It saves work and changes no decision, but
    for lines of history nobody asks for.

    For one card under one graph.
    """

    __slots__ = ("clocks", "ladders", "lines", "listed", "silences")

    def __init__(self, lines: frozenset[str] | None = None) -> None:
        self.lines = lines
        """The kinds of history lines that are wanted; None: all."""
        self.listed: tuple[Card | None, list[Due]] = (None, [])
        """A card (by identity), and what `due` lists for it."""
        self.clocks: dict[int, tuple[Clock, Stage, list[Due]]] = {}
        """The same of each clock, while it is the same clock (by identity) and the card is in the same stage."""
        self.ladders: dict[int, tuple[Ladder, Due]] = {}
        """The same of each ladder that has a level to come."""
        self.silences: tuple[Stage | None, dt.datetime | None, tuple[tuple[Silence, dt.datetime], ...]] = (None, None, ())
        """When each silence of a stage is over, counted from an instant."""


class Work:
    """One step at work. `at` is the instant being handled: it only moves forwards."""

    __slots__ = (
        "_lines",
        "actions",
        "answered",
        "answering",
        "arrived",
        "assigned",
        "at",
        "backfill",
        "begun",
        "begun_with",
        "card",
        "changed",
        "cursors",
        "depth",
        "effects",
        "entries",
        "graph",
        "halted",
        "held",
        "memory",
        "message",
        "news",
        "now",
        "occasion",
        "over",
        "overdue",
        "pipeline",
        "promises",
        "queue",
        "reopened",
        "revision",
        "stage",
        "stopped",
        "subscribed",
        "taken",
        "time",
        "trace",
        "traced",
        "world",
    )

    def __init__(
        self,
        graph: Graph,
        pipeline: Pipeline,
        card: Card,
        now: dt.datetime,
        world: World,
        *,
        backfill: bool = False,
        traced: bool = True,
        memory: Memory | None = None,
    ) -> None:
        self.graph = graph
        self.pipeline = pipeline
        self.card = card
        self.begun_with = card
        """The card as the step found it; in no stage where the step opens it."""
        self.over: dict[tuple[str, str], bool] = {}
        self.now = now
        self.at = now
        self.world = world
        self.backfill = backfill
        self.overdue = False
        """What is handled now fell due by itself."""
        place = graph.place(pipeline, card.stage)
        self.time: WorkingTime = place.time
        """The pipeline's working time."""
        self.stage: Stage = place.stage
        """The stage the card is in."""
        self.subscribed = place.subscribed
        """Event of the catalogue -> connectors that want to be told."""
        self.promises = place.promises
        """What the stage promises: metric -> who promises it, and what."""
        self.message = ""
        """The text of the event's message, folded; empty while something else than the event is handled."""
        self.answering = ""
        """Who wrote the message that is handled: `person`, `machine`, or empty while something else is."""
        self.answered: tuple[str, ...] = ()
        """Mail addresses that this step answers."""
        self.revision = card.revision + 1
        self.effects: dict[str, AnyEffect] = {}
        self.entries: list[Entry] = []
        self.trace: list[FactTrace] = []
        self.cursors: dict[str, int] = {}
        self.assigned: dict[str, int] = {}
        """Person -> cards given less cards taken in this step."""
        self.queue: deque[Fact] = deque()
        self.taken = 0
        """Facts taken from it in this step: they number the rules' effects."""
        self.depth = 0
        self.actions = 0
        self.news: list[News] = []
        self.memory = memory or Memory()
        self._lines = self.memory.lines
        self.traced = traced
        """Whether it is noted which rules each fact was held against."""
        self.occasion: dt.datetime | None = None
        """When the scheduled rules that are asked now were due."""
        self.stopped = False
        """The cascade of this event or instant was cut off."""
        self.changed: set[str] = set()
        """Operands that changed since clocks were last settled."""
        self.begun: dict[str, dt.datetime] = {}
        """Named clocks that this event or instant starts, once it is over, and from when."""
        self.held: set[str] = set()
        """Of those, the ones that start paused."""
        self.halted: set[str] = set()
        """Named clocks that this event or instant stopped."""
        self.reopened = False
        """The card left a finish since clocks were last settled."""
        self.arrived = False
        """The card came to its stage since clocks were last settled."""

    # --- reading ------------------------------------------------------------------------------------------------------

    def working(self, calendar: str) -> WorkingTime:
        """The working time of a calendar, the pipeline's where the version has none of that name."""
        return self.time if calendar == self.pipeline.calendar else self.graph.working(self.pipeline, calendar)

    @property
    def quiet(self) -> bool:
        """Nothing is sent of what takes effect now: it is imported, or fell due before the import."""
        until = self.card.imported_until
        return self.backfill or (self.overdue and until is not None and self.at <= until)

    def facts(self, fact: Fact) -> Facts:
        card = self.card
        if fact.kind in PASSING and fact.stage != card.stage:
            card = replace(card, stage=fact.stage)
        found = Facts(fact.kind, card, fact.stage, fact.metric, fact.subject, self.message, self.at)
        if self.graph.matcher.open_ages:
            time, created, at = self.time, card.created_at, self.at
            found.business = lambda: time.between(created, at)
            found.past = lambda amount: (at - time.add(created, amount)) // MICROSECOND
        return found

    def holds(self, predicate: int | None, fact: Fact) -> bool:
        """None always holds."""
        return predicate is None or self.graph.matcher.holds(predicate, self.facts(fact))

    def first(self, rows: Rows, fact: Fact) -> int:
        """The place of the first row of a table that holds, -1 where none does."""
        if rows and rows[0].when is None:
            return 0
        return self.graph.matcher.first(rows, self.facts(fact))

    # --- writing ------------------------------------------------------------------------------------------------------

    def update(self, **changes: object) -> None:
        """With the first change the card has its new revision."""
        self.card = replace(self.card, revision=self.revision, **changes)

    def put_clock(self, old: Clock | None, new: Clock) -> None:
        """Replace a clock, or add one."""
        card = self.card
        if old is None:
            clocks = (*card.clocks, new)
        else:
            clocks = tuple([new if clock is old else clock for clock in card.clocks])
        self.card = replace(card, revision=self.revision, clocks=clocks)

    def put_ladder(self, old: Ladder | None, new: Ladder) -> None:
        if old is None:
            self.update(ladders=(*self.card.ladders, new))
        else:
            self.update(ladders=tuple([new if ladder is old else ladder for ladder in self.card.ladders]))

    def enter(self, stage: Stage, **changes: object) -> None:
        """The card is in a stage from now on."""
        self.stage = stage
        self.promises = self.graph.promises(self.pipeline, stage)
        self.update(stage=stage.name, **changes)

    def put_visit(self, visit: Visit) -> None:
        """Replace the card's present visit."""
        self.update(visits=(*self.card.visits[:-1], visit))

    def wants(self, kind: str) -> bool:
        """Whether anybody has a use for lines of history of this kind."""
        return self._lines is None or kind in self._lines or bool(self.subscribed)

    def say(self, kind: str, details: dict[str, str] | None = None, *, author: str = "") -> None:
        """A line of history, and news for whoever subscribes; in an imported past no news, and the line says that nothing
        was sent."""
        if self.subscribed:
            self._news(kind, details or {}, author)
        if self._lines is not None and kind not in self._lines:
            return
        words = details or {}
        if "" in words.values():
            words = {key: value for key, value in words.items() if value}
        if (self.backfill or self.overdue) and self.quiet:
            words = {**words, "backfill": "yes"}
        self.entries.append(Entry(kind=kind, at=self.at, author=author, details=words))

    def _news(self, kind: str, details: dict[str, str], author: str) -> None:
        event = "card.moved" if kind == "stage.entered" and "from" in details else EVENT_OF.get(kind, "")
        if event in self.subscribed and not self.quiet:
            given = {key: value for key, value in details.items() if value}
            self.news.append(News(event, self.at, given, author))

    def do(self, effect: AnyEffect) -> None:
        """An effect, once per key; none in an imported past."""
        if not ((self.backfill or self.overdue) and self.quiet):
            self.effects.setdefault(effect.key, effect)

    def fact(self, kind: str, *, stage: str = "", metric: str = "", subject: str = "") -> None:
        self.queue.append(Fact(kind, stage, metric, subject, self.depth))

    def begin(self) -> None:
        """A new event or due instant: limits count anew."""
        self.depth = 0
        self.actions = 0
        self.occasion = None
        self.stopped = False
