"""What came of a replay, counted: each number with the cards behind it.

A cell is one measure of one subject in one place (`Key`), and holds the id of a card for every time it was counted. Cells
of several processes are added up; breakdowns are made from them at the end.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import AnyEffect, CallWebhook, Decision, MessageCustomer, NotifyPerson

MEASURES = (
    "opened",
    "finished",
    "reopened",
    "met",
    "breaches",
    "excused",
    "cancelled",
    "alerts",
    "escalations",
    "notices",
    "messages",
    "calls",
    "moves",
    "assignments",
    "rules",
    "shadow rules",
    "refused",
    "open at the end",
    "late at the end",
)
"""What is counted, in the order it is shown.

`breaches`, `met`, `cancelled`, `excused` (breaches with an excuse): clocks, by metric. `alerts`: thresholds given, by
metric. `escalations`: levels reached, by ladder and level. `notices`: to people, by person. `messages`: to customers, by
template (those a person wrote are not counted). `calls`: by connector. `moves`: by stage moved to. `assignments`: by person
or team given the card. `rules`: fired, by name. `refused`: what people did that these rules do not allow, by code. `late at
the end`: cards still open with a clock that was missed."""

DIMENSIONS = ("pipeline", "stage", "type", "priority", "owner", "team", "channel")


COUNTED = frozenset(
    (
        "card.created", "card.finished", "card.reopened", "stage.entered", "owner.changed", "field.changed", "clock.met",
        "clock.missed", "clock.excused", "clock.unexcused", "clock.cancelled", "alert.sent", "ladder.level", "rule.fired",
        "refused",
    )
)  # fmt: skip
"""Lines of history that tell of an outcome, or of where the card is; most do neither."""

PLAIN = {
    "card.created": ("opened", ""),
    "card.finished": ("finished", ""),
    "card.reopened": ("reopened", ""),
    "clock.cancelled": ("cancelled", "metric"),
    "clock.met": ("met", "metric"),
}
"""Lines that always count for one measure -> the measure, and the detail that is its subject."""

FOLLOWED = frozenset(("stage.entered", "owner.changed", "field.changed", "clock.unexcused", "clock.met"))
"""Lines that say where the card is from there on, or take back what counted."""


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False, cache_hash=True):
    """Where something happened: the card as it stood then."""

    pipeline: str = ""
    stage: str = ""
    type: str = ""
    priority: str = ""
    owner: str = ""
    team: str = ""
    channel: str = ""


Key = tuple[str, str, Place]
"""Measure, subject, place. A plain tuple: one is made for everything that is counted."""


class Tally:
    """Outcomes in [since, until]; None is open."""

    def __init__(self, since: dt.datetime | None = None, until: dt.datetime | None = None) -> None:
        self.since = since
        self.until = until
        self.endless = since is None and until is None
        """Everything counts."""
        self.cells: dict[Key, list[int]] = {}

    def counts(self, at: dt.datetime) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)

    def add(self, measure: str, subject: str, place: Place, card: int) -> None:
        key = (measure, subject, place)
        cell = self.cells.get(key)
        if cell is None:
            self.cells[key] = [card]
        else:
            cell.append(card)

    def take_back(self, key: Key, card: int) -> None:
        """Something counted turned out not to be so (a reply recorded late that was in time)."""
        cell = self.cells.get(key)
        if cell is not None and card in cell:
            cell.remove(card)

    def merge(self, cells: Iterable[tuple[Key, list[int]]]) -> None:
        for key, cards in cells:
            self.cells.setdefault(key, []).extend(cards)

    def by(self, measure: str, *dimensions: str) -> dict[tuple[str, ...], Counter[int]]:
        """Values of the dimensions (`subject` is one too) -> card -> how many times."""
        found: dict[tuple[str, ...], Counter[int]] = {}
        for (counted, subject, place), cards in self.cells.items():
            if counted == measure and cards:
                values = tuple(subject if name == "subject" else getattr(place, name) for name in dimensions)
                found.setdefault(values, Counter()).update(cards)
        return found

    def cards(self, measure: str) -> Counter[int]:
        """Card -> how many times."""
        return self.by(measure).get((), Counter())

    def total(self, measure: str, subject: str | None = None) -> int:
        return sum(
            len(cards)
            for (counted, about, _), cards in self.cells.items()
            if counted == measure and (subject is None or about == subject)
        )


class Watcher:
    """Counts what happens to one card."""

    __slots__ = ("_counted", "_place", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._place = Place()
        self._counted: dict[tuple[str, str, str], Key] | None = None
        """Measure, metric and cycle -> where a miss or its excuse was counted."""

    def watch(self, card: Card, decision: Decision, now: dt.datetime) -> None:
        """A decision that was not refused."""
        if not decision.entries and not decision.effects:
            return
        tally = self._tally
        after = Place(card.pipeline, card.stage, card.type, card.priority, card.owner, card.team, card.channel)
        if not self._place.pipeline:
            self._place = after
        # Entries tell how the card came from where it was before the step to where it is after.
        for entry in decision.entries:
            kind, details = entry.kind, entry.details
            if kind in FOLLOWED:
                self._follow(kind, details, card.id)
            if tally.endless or tally.counts(entry.at):
                self._count(kind, details, card.id)
        self._place = after
        if decision.effects and tally.counts(now):
            self._effects(decision.effects, card.id)

    def _effects(self, effects: Iterable[AnyEffect], card: int) -> None:
        tally, place = self._tally, self._place
        for effect in effects:
            match effect:
                case NotifyPerson(person=person):
                    tally.add("notices", person, place, card)
                case MessageCustomer(template=template, author=""):
                    tally.add("messages", template or "reply", place, card)
                case CallWebhook(connector=connector):
                    tally.add("calls", connector, place, card)
                case _:
                    pass

    def refused(self, card: Card | None, code: str, card_id: int, at: dt.datetime) -> None:
        if self._tally.counts(at):
            place = self._place
            if card is not None and not place.pipeline:
                place = Place(pipeline=card.pipeline, stage=card.stage)
            self._tally.add("refused", code, place, card_id)

    def end(self, card: Card) -> None:
        """How the card stands when the replay ends."""
        if card.finished_at is None:
            place = self._place
            self._tally.add("open at the end", "", place, card.id)
            if any(clock.open and clock.missed_at is not None for clock in card.clocks):
                self._tally.add("late at the end", "", place, card.id)

    def _follow(self, kind: str, details: dict[str, str], card: int) -> None:
        """Where the card is from here on, and what no longer counts."""
        match kind:
            case "stage.entered":
                self._place = replace(self._place, stage=details["stage"])
            case "owner.changed":
                self._place = replace(self._place, owner=details.get("to", ""), team=details.get("to_team", ""))
            case "field.changed":
                field = details["field"]
                if field == "type" or field == "priority":
                    self._place = replace(self._place, **{field: details.get("to", "")})
            case "clock.unexcused":
                self._take_back("excused", details, card)
            case "clock.met" if "withdrawn" in details:
                self._take_back("breaches", details, card)
                self._take_back("excused", details, card)
            case _:
                pass

    def _count(self, kind: str, details: dict[str, str], card: int) -> None:
        tally, place = self._tally, self._place
        if kind in PLAIN:
            measure, subject = PLAIN[kind]
            tally.add(measure, details[subject] if subject else "", place, card)
            return
        match kind:
            case "field.changed":
                pass
            case "rule.fired":
                tally.add("shadow rules" if "shadow" in details else "rules", details["rule"], place, card)
            case "stage.entered" if "from" in details:
                tally.add("moves", details["stage"], place, card)
            case "owner.changed" if place.owner or place.team:
                tally.add("assignments", place.owner or place.team, place, card)
            case "clock.missed":
                self._count_clock("breaches", details, replace(place, owner=details.get("owner", "")), card)
            case "clock.excused":
                self._count_clock("excused", details, place, card)
            case "alert.sent" if "to" in details:
                tally.add("alerts", details["metric"], place, card)
            case "ladder.level":
                tally.add("escalations", f"{details['ladder']}, {details.get('level', '')}", place, card)
            case "refused" if "rule" not in details:
                # A value that came with a message and can't stand in its field.
                tally.add("refused", details["code"], place, card)
            case _:
                pass

    def _count_clock(self, measure: str, details: dict[str, str], place: Place, card: int) -> None:
        key = (measure, details["metric"], place)
        self._tally.add(*key, card)
        if self._counted is None:
            self._counted = {}
        self._counted[measure, details["metric"], details["cycle"]] = key

    def _take_back(self, measure: str, details: dict[str, str], card: int) -> None:
        key = self._counted.pop((measure, details["metric"], details["cycle"]), None) if self._counted else None
        if key is not None:
            self._tally.take_back(key, card)
