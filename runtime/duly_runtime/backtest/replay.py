"""What would have happened: the events of the past under one version of the rules.

What people did is replayed; what rules did is decided anew, and every timer fires at its own instant. All cards live in one
simulated time, so that whoever has least to do, and whose turn it is, is known as it was known then.

What a line came to in the past (`Line.card`) only tells which cards its conversation has: where these rules open a card
of its own for a message that joined one, or the other way round, later lines of both go where that message went.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from heapq import heappop, heappush

import msgspec

from duly_dsl import program as p
from duly_runtime.backtest.lines import Line
from duly_runtime.backtest.outcomes import COUNTED, Tally, Watcher
from duly_runtime.card import Card
from duly_runtime.decision import Decision, World
from duly_runtime.engine.assignment import BY_OTHER_CARDS
from duly_runtime.engine.step import Graph, Memory, step, wants_new_card
from duly_runtime.events import AbsorbCard, CustomerMessage, Event, OpenCard, SplitOff, TimerFired


class Endless(Exception):
    """A timer fires and is wanted again for the same instant: the engine would do so for ever."""


_packed = msgspec.msgpack.Encoder()
_cards = msgspec.msgpack.Decoder(Card)


class _Running:
    """A card in the replay. One that is finished and waits for nothing is laid down, packed: most of a long past is."""

    __slots__ = ("_card", "_laid_down", "apart", "memory", "next_at", "next_key", "watcher")

    def __init__(self, tally: Tally) -> None:
        self._card: Card | None = None
        self._laid_down = b""
        self.memory: Memory | None = None
        self.watcher = Watcher(tally)
        self.apart = False
        """People merged another card into it, or split it off: what came to it then comes to it here as well."""
        self.next_at: dt.datetime | None = None
        self.next_key = ""

    @property
    def open(self) -> bool:
        """False also where it is nothing yet."""
        return self._card is not None and self._card.finished_at is None

    @property
    def card(self) -> Card | None:
        return _cards.decode(self._laid_down) if self._laid_down else self._card

    def put(self, card: Card) -> None:
        self._card, self._laid_down = card, b""

    def lay_down(self) -> None:
        self._laid_down = _packed.encode(self._card)
        self._card = self.memory = None


class _Case:
    """A conversation, or a card without one. `cards`: its cards by the id they had in the past."""

    __slots__ = ("cards", "latest")

    def __init__(self) -> None:
        self.cards: dict[int, _Running] = {}
        self.latest: _Running | None = None


class Replay:
    """Takes lines in the order of the journal; `finish` ends it. Equal lines give an equal tally."""

    def __init__(self, graph: Graph, tally: Tally) -> None:
        self.graph = graph
        self.tally = tally
        self.events = 0
        """Lines taken."""
        self.timers = 0
        """Timers fired."""
        self.lost: Counter[str] = Counter()
        """Why lines came to no card: `no card` where what they are about was never opened here."""
        self.now: dt.datetime | None = None
        self._cases: dict[str, _Case] = {}
        self._awaited: list[tuple[dt.datetime, int, _Running]] = []
        self._awaited_count = 0
        self._load: dict[str, int] = {}
        self._cursors: dict[str, int] = {}
        # The engine only reads it, and finds in it what is known by then.
        self._held: dict[tuple[str, str], int] = {}
        self._answered: dict[str, dt.datetime] = {}
        self._world = World(load=self._load, cursors=self._cursors, stages=self._held, answered=self._answered)

    def take(self, line: Line) -> None:
        """An event, after all that fell due before it. Lines of the past that come out of order take effect now."""
        now = line.now if self.now is None or line.now > self.now else self.now
        if self._awaited and self._awaited[0][0] < now:
            self.advance(now, inclusive=False)
        self.now = now
        self.events += 1
        body = line.body
        if isinstance(body, (CustomerMessage, OpenCard, SplitOff)):
            self._message(line, now)
            return
        case = self._cases.get(line.case)
        running = case.cards.get(line.card) if case is not None else None
        if running is None:
            self.lost["no card"] += 1
            return
        if isinstance(body, AbsorbCard):
            running.apart = True
        self._step(running, Event(id=line.id, at=line.at, body=body, backfill=line.backfill), now, 0)

    def advance(self, until: dt.datetime, *, inclusive: bool) -> None:
        """Let pass what falls due before (or up to) an instant."""
        awaited = self._awaited
        while awaited:
            at, _, running = awaited[0]
            if at > until or (at == until and not inclusive):
                return
            heappop(awaited)
            if running.next_at != at:
                continue  # it was moved since
            # What an import leaves behind is due in the past.
            now = self.now = at if self.now is None or at > self.now else self.now
            self.timers += 1
            key, running.next_at = running.next_key, None
            decision = self._step(running, Event(at=now, body=TimerFired(key=key, due_at=at)), now, 0)
            if decision.timers and decision.timers[0].due_at == at and decision.timers[0].key == key:
                raise Endless(f"{key} at {at.isoformat()}")

    def finish(self, until: dt.datetime) -> None:
        """Let time pass up to the end, and count how everything stands then."""
        self.advance(until, inclusive=True)
        seen: set[int] = set()
        for case in self._cases.values():
            for running in case.cards.values():
                card = running.card if running.open else None
                if card is not None and card.id not in seen:
                    seen.add(card.id)
                    running.watcher.end(card)

    def cards(self) -> dict[int, Card]:
        """The cards as they are now, by id."""
        every = [running.card for case in self._cases.values() for running in case.cards.values()]
        return {card.id: card for card in every if card is not None}

    def _message(self, line: Line, now: dt.datetime) -> None:
        """It opens a card or joins the latest one of its conversation, as the rules have it."""
        case = self._cases.get(line.case)
        if case is None:
            case = self._cases[line.case] = _Case()
        event = Event(id=line.id, at=line.at, body=line.body, backfill=line.backfill)
        past = case.cards.get(line.card)
        running = past if past is not None and past.apart else case.latest
        latest = running.card if running is not None else None
        parts = isinstance(line.body, SplitOff)
        if latest is not None and (parts or wants_new_card(self.graph, latest, event, now)):
            running = None
        if running is None:
            running = _Running(self.tally)
            running.apart = parts
            # Its id of the past, where no other card here has that.
            fresh = line.card if line.card and line.card not in case.cards else -line.id
            decision = self._step(running, event, now, fresh)
            if decision.card is None:
                self.lost[decision.refused.partition(":")[0] or "no card"] += 1
                return
            if case.latest is None or not isinstance(line.body, SplitOff) or line.body.follow:
                case.latest = running
            case.cards[fresh] = running
        else:
            self._step(running, event, now, 0)
        case.cards[line.card] = running

    def _step(self, running: _Running, event: Event, now: dt.datetime, fresh: int) -> Decision:
        before = running.card
        world = self._world
        if fresh:
            world = msgspec.structs.replace(world, next_card_id=fresh, next_card_number=max(fresh, 0))
        memory = running.memory
        if memory is None:
            memory = running.memory = Memory(COUNTED)
        decision = step(self.graph, before, event, now, world, traced=False, memory=memory)
        card = decision.card
        if card is None:
            return decision
        running.put(card)
        if decision.refused:
            running.watcher.refused(card, decision.refused.partition(":")[0], card.id, now)
        else:
            running.watcher.watch(card, decision, now)
        if decision.cursors:
            self._cursors.update(decision.cursors)
        for address in decision.answered:
            self._answered[address] = now
        if decision.over:
            told = {key for key, over in decision.over.items() if over}
            self._world = msgspec.structs.replace(self._world, over=(self._world.over - decision.over.keys()) | told)
        if before is None or before.owner != card.owner or card.finished_at is not before.finished_at:
            self._weigh(before, card)
        if self.graph.limited:
            self._count(before, card)
        if decision.timers:
            timer = decision.timers[0]
            if timer.due_at != running.next_at:
                # A timer that is due already (an import, or more than is handled at once) comes next.
                self._awaited_count += 1
                running.next_at = timer.due_at
                heappush(self._awaited, (timer.due_at, self._awaited_count, running))
            running.next_key = timer.key
        else:
            running.next_at = None
            if card.finished_at is not None:
                running.lay_down()
        return decision

    def _count(self, before: Card | None, after: Card) -> None:
        """Keep how many open cards each stage holds."""
        for card, change in ((before, -1), (after, 1)):
            if card is not None and card.finished_at is None:
                key = (card.pipeline, card.stage)
                self._held[key] = self._held.get(key, 0) + change

    def _weigh(self, before: Card | None, after: Card) -> None:
        """Keep how many open cards everybody has."""
        old = before.owner if before is not None and before.finished_at is None else ""
        new = after.owner if after.finished_at is None else ""
        if old == new:
            return
        if old:
            self._load[old] = self._load.get(old, 0) - 1
        if new:
            self._load[new] = self._load.get(new, 0) + 1


def deals(program: p.Program) -> bool:
    """Whether what is done depends on other cards: whose turn it is, who has least to do, how many a stage holds."""
    if any(stage.limit is not None for pipeline in program.pipelines.values() for stage in pipeline.stages):
        return True
    actions: list[p.AnyAction] = [action for rule in program.rules for action in rule.actions]
    actors: list[p.Actor] = []
    for pipeline in program.pipelines.values():
        for stage in pipeline.stages:
            actions += [silence.action for silence in stage.silences]
            if stage.owner is not None:
                actors.append(stage.owner)
        for escalation in pipeline.escalations:
            actions += [action for level in escalation.levels for action in level.actions]
        actors += [row.to for table in pipeline.assigns for row in table.rows]
    actors += [action.actor for action in actions if isinstance(action, p.AssignTo)]
    return any(actor.kind in BY_OTHER_CARDS for actor in actors)
