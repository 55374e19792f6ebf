"""What a publish would do, before it does: changes by meaning, and the effect on each open card under each choice.

The effect is the engine's own: each card is judged as its publish event would be, and as it would be without one. A plan is
named by what it saw (`Effects.id`), so that a publish can be held to it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from duly_dsl.diagnostics import Diagnostic
from duly_dsl.meaning import Change, changes
from duly_dsl.meaning.problems import Held, problems
from duly_dsl.program import Program
from duly_runtime.card import Card, Clock
from duly_runtime.decision import Decision, NotifyPerson
from duly_runtime.engine.graph import Graph, load
from duly_runtime.engine.kept import Keeper, Needed, judged_by
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.step import step
from duly_runtime.engine.values import FIELD, checked
from duly_runtime.events import AnyBody, Event, Recompute, TimerFired
from duly_runtime.store.api import Missing, Store

CHOICES = ("from now on", "keep", "recompute")
"""What a publish does to open cards: running clocks keep their targets and all that starts later is measured by the new
version; the card keeps the promises it has until it is finished; or its clocks are measured anew."""

BATCH = 500
"""Cards read at a time."""

KINDS = ("stranded", "late", "on time", "moved", "ended", "started", "ladder", "alert")
"""Effects, the gravest first."""


class CardEffect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One effect on one card.

    `moved`, `late` (missed at once), `on time` (no longer missed), `ended` (nothing promises it any more) and `started` are
    about a clock: `metric`, with its due instant as it is and as it would be. `ladder` and `alert` are escalations and
    alerts that would start at once. `stranded` says in `detail` what the card holds that is no more: `pipeline`, `stage`,
    `owner`, `team`, `priority`, `type`, or `field:NAME`, with what it was in `value`.
    """

    kind: str
    card: int
    """The card's number."""
    title: str = ""
    pipeline: str = ""
    stage: str = ""
    owner: str = ""
    metric: str = ""
    cycle: int = 0
    was: dt.datetime | None = None
    due: dt.datetime | None = None
    detail: str = ""
    value: str = ""


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What one choice does. `counts` are cards by kind; `cards` the first of each kind."""

    id: str
    """Names the plan: the version it started from, the new one, the choice, and every effect."""
    counts: dict[str, int]
    cards: tuple[CardEffect, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is empty where `diagnostics` holds an error; nothing else is known then. `base` is the live version, empty
    before the first publish."""

    base: str
    version: str
    changes: tuple[Change, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    open_cards: int = 0
    choices: dict[str, Effects] = {}


Progress = Callable[[int, int], None]
"""Called with the cards done and how many there are."""


def identity(base: str, version: str, choice: str, effects: Iterable[CardEffect]) -> str:
    """The same for the same plan, whoever makes it; 20 hex digits."""
    seen = hashlib.sha256(f"{base}\n{version}\n{choice}\n".encode())
    for effect in effects:
        seen.update(msgspec.json.encode(replace(effect, title="", owner="")))
    return seen.hexdigest()[:20]


async def plan(
    store: Store,
    program: Program,
    diagnostics: Sequence[Diagnostic],
    now: dt.datetime,
    *,
    choices: Sequence[str] = CHOICES,
    limit: int = 50,
    progress: Progress | None = None,
) -> Plan:
    """The plan of making `program` live. `limit` is how many cards of each kind it brings along."""
    base = await store.active_hash()
    live = Program.decode((await store.version(base)).program) if base else Program()
    total = (await store.counts())["open_cards"]
    planner = Planner(live, program, choices)
    after = done = 0
    while True:
        cards = await store.open_cards(after, BATCH)
        if not cards:
            break
        while True:
            try:
                await asyncio.to_thread(planner.take, cards, now)
                break
            except Needed as needed:
                for version in needed.versions:
                    planner.keeper.learn(version, await _program(store, version))
        after, done = cards[-1].id, done + len(cards)
        if progress is not None:
            progress(done, max(total, done))
    return Plan(
        base=base,
        version=program.hash,
        changes=changes(live, program) if base != program.hash else (),
        diagnostics=(*diagnostics, *problems(live, program, planner.held())),
        open_cards=done,
        choices={choice: planner.effects(base, choice, limit) for choice in choices},
    )


async def _program(store: Store, version: str) -> Program | None:
    try:
        return Program.decode((await store.version(version)).program)
    except (Missing, msgspec.ValidationError, msgspec.DecodeError):
        return None


class Planner:
    """Judges cards under two versions. Pure over the cards it is given."""

    def __init__(self, live: Program, new: Program, choices: Sequence[str]) -> None:
        self.live = load(live)
        self.new = load(new)
        self.keeper = Keeper()
        self.keeper.learn(live.hash, live)
        self.keeper.learn(new.hash, new)
        self._found: dict[str, list[CardEffect]] = {choice: [] for choice in choices}
        self._stages: Counter[tuple[str, str]] = Counter()
        self._fields: Counter[tuple[str, str]] = Counter()

    def take(self, cards: Sequence[Card], now: dt.datetime) -> None:
        """All of the cards, or none: raises Needed where older programs must be learned first."""
        found: list[tuple[str, list[CardEffect]]] = []
        for card in cards:
            before = self._without(card, now)
            pipeline = self.new.pipeline(card.pipeline)
            names = {was: clock.name for clock in pipeline.clocks for was in clock.was} if pipeline else {}
            lost = list(stranded(self.live, self.new, card))
            for choice in self._found:
                after = self._with(card, choice, now)
                found.append((choice, [*lost, *compare(card, before, after, names)]))
        for choice, effects in found:
            self._found[choice] += effects
        for card in cards:
            pipeline = self.live.pipeline(card.pipeline)
            if pipeline is not None:
                stage = self.live.known_stage(pipeline, card.stage)
                self._stages[pipeline.name, stage.name if stage else card.stage] += 1
                for name, value in card.fields.items():
                    if value != "":
                        self._fields[pipeline.name, name] += 1

    def held(self) -> Held:
        return Held(stages=dict(self._stages), fields=dict(self._fields))

    def effects(self, base: str, choice: str, limit: int) -> Effects:
        found = self._found[choice]
        shown: list[CardEffect] = []
        counts: dict[str, int] = {}
        for kind in KINDS:
            mine = [effect for effect in found if effect.kind == kind]
            if mine:
                counts[kind] = len({effect.card for effect in mine})
                shown += mine[:limit]
        return Effects(id=identity(base, self.new.program.hash, choice, found), counts=counts, cards=tuple(shown))

    def _without(self, card: Card, now: dt.datetime) -> Decision:
        """The card at this moment with nothing published."""
        graph = self.keeper.graph(self.live, card)
        return _judged(graph, card, TimerFired(key="", due_at=now), now)

    def _with(self, card: Card, choice: str, now: dt.datetime) -> Decision:
        body = Recompute(choice=choice, before=self.live.program.hash)
        return _judged(judged_by(self.keeper, self.new, card, body), card, body, now)


def _judged(graph: Graph, card: Card, body: AnyBody, now: dt.datetime) -> Decision:
    return step(graph, card, Event(at=now, body=body), now, traced=False)


def compare(card: Card, before: Decision, after: Decision, names: Mapping[str, str]) -> Iterator[CardEffect]:
    """What the publish adds to what would have happened anyway. `names` are the new ones of clocks that were renamed."""
    if before.card is None or after.card is None or after.refused:
        return
    about: dict[str, Any] = {
        "card": card.number,
        "title": card.title,
        "pipeline": card.pipeline,
        "stage": card.stage,
        "owner": card.owner,
    }
    were = {(names.get(clock.metric, clock.metric), clock.cycle): clock for clock in before.card.clocks}
    are = {(clock.metric, clock.cycle): clock for clock in after.card.clocks}
    for key in dict.fromkeys((*were, *are)):
        kind = _clock(were.get(key), are.get(key))
        if kind:
            was, now = were.get(key), are.get(key)
            yield CardEffect(
                kind=kind, metric=key[0], cycle=key[1], was=was.due_at if was else None,
                due=now.due_at if now else None, **about,
            )  # fmt: skip
    climbed = {(each.name, names.get(each.metric, each.metric), each.cycle, each.level) for each in before.card.ladders}
    for each in after.card.ladders:
        if (each.name, each.metric, each.cycle, each.level) not in climbed:
            yield CardEffect(kind="ladder", metric=each.metric, cycle=each.cycle, detail=each.name, **about)
    told = {effect.key for effect in before.effects}
    people = [
        effect
        for effect in after.effects
        if isinstance(effect, NotifyPerson) and effect.about == "alert" and effect.key not in told
    ]
    for metric in dict.fromkeys(effect.details.get("metric", "") for effect in people):
        whom = dict.fromkeys(effect.person for effect in people if effect.details.get("metric", "") == metric)
        yield CardEffect(kind="alert", metric=metric, detail=", ".join(whom), **about)


def _clock(was: Clock | None, now: Clock | None) -> str:
    """What became of a clock; empty where nothing did."""
    if now is None or (not now.open and (was is None or was.open)):
        return "ended" if was is not None and was.open else ""
    if was is None or (now.open and not was.open):
        return "started" if now.missed_at is None else "late"
    if (now.missed_at is None) is not (was.missed_at is None):
        return "late" if was.missed_at is None else "on time"
    return "moved" if now.open and now.due_at != was.due_at else ""


def stranded(live: Graph, new: Graph, card: Card) -> Iterator[CardEffect]:
    """What the card holds that the new version no longer has, and the live one did."""

    def lost(detail: str, value: str) -> CardEffect:
        return CardEffect(
            kind="stranded", card=card.number, title=card.title, pipeline=card.pipeline, stage=card.stage, owner=card.owner,
            detail=detail, value=value,
        )  # fmt: skip

    here, there = live.pipeline(card.pipeline), new.pipeline(card.pipeline)
    if there is None:
        if here is not None:
            yield lost("pipeline", card.pipeline)
        return
    if new.known_stage(there, card.stage) is None and here is not None and live.known_stage(here, card.stage) is not None:
        yield lost("stage", card.stage)
    if card.owner in live.program.people and card.owner not in new.program.people:
        yield lost("owner", card.owner)
    if card.team in live.program.teams and card.team not in new.program.teams:
        yield lost("team", card.team)
    if here is None:
        return
    for operand, value in (
        ("priority", card.priority),
        ("type", card.type),
        *((FIELD + name, value) for name, value in card.fields.items()),
    ):
        if value != "" and _fits(live, card, operand, value) and not _fits(new, card, operand, value):
            yield lost(operand, str(value))


def _fits(graph: Graph, card: Card, operand: str, value: str | float | bool) -> bool:
    pipeline = graph.pipeline(card.pipeline)
    if pipeline is None:
        return False
    if operand.startswith(FIELD):
        name = operand.removeprefix(FIELD)
        operand = FIELD + next((field.name for field in pipeline.fields if name in field.was), name)
    try:
        checked(graph, pipeline, operand, value)
    except Refusal:
        return False
    return True


def renamed(old: Program, new: Program) -> list[tuple[str, str]]:
    """(pipeline, stage) of `old` whose cards have another name by `new`, or a field of theirs has; an empty stage means the
    whole pipeline."""
    found: list[tuple[str, str]] = []
    for pipeline in new.pipelines.values():
        if pipeline.name not in old.pipelines:
            found += [(was, "") for was in pipeline.was if was in old.pipelines and was not in new.pipelines]
        names = {stage.name for stage in pipeline.stages}
        former = [name for name in (pipeline.name, *pipeline.was) if name in old.pipelines]
        for was in former:
            known = {field.name for field in old.pipelines[was].fields}
            if any(known & {*field.was} and field.name not in known for field in pipeline.fields):
                found.append((was, ""))
        for stage in pipeline.stages:
            found += [(name, was) for was in stage.was if was not in names for name in former]
    return found
