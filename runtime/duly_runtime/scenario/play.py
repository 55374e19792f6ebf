"""One card in simulated time: every timer is handled at its own instant, so that what happens has the time it is due."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from duly_runtime.card import Card
from duly_runtime.decision import Decision, Entry, FactTrace, MessageCustomer, NotifyPerson, Timer, World
from duly_runtime.engine.step import Graph, step, wants_new_card
from duly_runtime.events import AnyBody, Event, TimerFired

MOST_WAKE_UPS = 20_000
"""For one step of a test: a ladder that repeats every minute for a week stays below."""


class Endless(Exception):
    """More happened between two steps of a test than MOST_WAKE_UPS."""


class Happened(NamedTuple):
    """Something a test can expect at a moment. `kind`: `alert`, `notice`, `level`, `template`, `held`, `missed`, `met`."""

    at: dt.datetime
    kind: str
    who: str = ""
    metric: str = ""
    name: str = ""
    """Of the ladder or template."""
    number: int = 0
    channel: str = ""


class Player:
    """Keeps all that was decided, in order."""

    def __init__(self, graph: Graph, now: dt.datetime) -> None:
        self.graph = graph
        self.now = now
        self.card: Card | None = None
        self.timers: tuple[Timer, ...] = ()
        self.entries: list[Entry] = []
        self.happened: list[Happened] = []
        self.traces: list[tuple[dt.datetime, FactTrace]] = []
        self.refused = ""
        """Why the last thing done was not carried out; empty where it was."""
        self._cursors: dict[str, int] = {}
        self._answered: dict[str, dt.datetime] = {}
        self._cards = 0
        self._over: frozenset[tuple[str, str]] = frozenset()
        self.others: dict[tuple[str, str], int] = {}
        """(Pipeline, stage) -> cards there beside this one."""

    def advance(self, until: dt.datetime, *, inclusive: bool) -> None:
        """Let pass what falls due before (or up to) an instant."""
        for _ in range(MOST_WAKE_UPS):
            timer = self.timers[0] if self.timers else None
            if timer is None or timer.due_at > until or (timer.due_at == until and not inclusive):
                self.now = max(self.now, until)
                return
            self.now = max(self.now, timer.due_at)
            self._step(TimerFired(key=timer.key, due_at=timer.due_at), self.card)
        raise Endless

    def do(self, body: AnyBody) -> None:
        """An event that happens now. A message that comes too late for a finished card opens another one."""
        event = Event(at=self.now, body=body)
        card = self.card
        if card is not None and wants_new_card(self.graph, card, event, self.now):
            card = None
        self.refused = self._step(body, card).refused

    def _step(self, body: AnyBody, card: Card | None) -> Decision:
        if card is None:
            self._cards += 1
        owned = card is not None and card.owner and card.finished_at is None
        world = World(
            load={card.owner: 1} if card is not None and owned else {},
            cursors=self._cursors,
            answered=self._answered,
            stages=self._held(card),
            over=self._over,
            next_card_id=self._cards,
            next_card_number=self._cards,
        )
        decision = step(self.graph, card, Event(at=self.now, body=body), self.now, world)
        if decision.card is not None:
            self.card, self.timers = decision.card, decision.timers
        self._cursors = {**self._cursors, **decision.cursors}
        self._answered = {**self._answered, **dict.fromkeys(decision.answered, self.now)}
        changed = frozenset(decision.over)
        self._over = (self._over - changed) | {key for key, over in decision.over.items() if over}
        self.entries += decision.entries
        self.traces += [(self.now, trace) for trace in decision.trace]
        self._note(decision)
        return decision

    def _held(self, card: Card | None) -> dict[tuple[str, str], int]:
        held = dict(self.others)
        if card is not None and card.finished_at is None:
            key = (card.pipeline, card.stage)
            held[key] = held.get(key, 0) + 1
        return held

    def _note(self, decision: Decision) -> None:
        for entry in decision.entries:
            details = entry.details
            match entry.kind:
                case "clock.missed":
                    self.happened.append(Happened(entry.at, "missed", metric=details["metric"]))
                case "message.held" if template := details.get("template"):
                    self.happened.append(Happened(entry.at, "held", name=template))
                case "clock.met":
                    self.happened.append(Happened(entry.at, "met", metric=details["metric"]))
                case "ladder.level":
                    level = int(details["level"])
                    self.happened.append(Happened(entry.at, "level", name=details["ladder"], number=level))
                case _:
                    pass
        for effect in decision.effects:
            match effect:
                case NotifyPerson(person=person, channel=channel, about="alert", details=details):
                    metric = details["metric"]
                    self.happened.append(Happened(self.now, "alert", who=person, metric=metric, channel=channel))
                case NotifyPerson(person=person, channel=channel, details=details):
                    ladder, level = details.get("ladder", ""), int(details.get("level", "0"))
                    notice = Happened(self.now, "notice", who=person, name=ladder, number=level, channel=channel)
                    self.happened.append(notice)
                case MessageCustomer(template=template) if template:
                    self.happened.append(Happened(self.now, "template", name=template))
                case _:
                    pass
