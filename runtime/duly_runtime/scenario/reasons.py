"""Why something a test expects is not so, beyond the rules: what last changed it, what was refused, where a target stands
in the files, what an escalation waits for, and who was told instead."""

from __future__ import annotations

import datetime as dt

from duly_dsl import program as p
from duly_dsl.i18n import marked as _
from duly_runtime.card import Clock
from duly_runtime.decision import Entry, World
from duly_runtime.engine.clocks import JUDGED
from duly_runtime.engine.work import Work
from duly_runtime.scenario.play import Player
from duly_runtime.scenario.story import Teller

OPERANDS = {"stage": "stage.entered", "owner": "owner.changed", "team": "owner.changed"}
"""Operand -> the kind of entry that tells of its changes; fields and the rest have `field.changed`."""


class Reasons:
    def __init__(self, player: Player, teller: Teller) -> None:
        self._player = player
        self._teller = teller

    def changed(self, operand: str) -> tuple[str, ...]:
        """The last entry that changed an operand, as the story tells it; nothing where none did."""
        kind = OPERANDS.get(operand, "field.changed")
        found = [
            entry
            for entry in self._player.entries
            if entry.kind == kind and (kind != "field.changed" or entry.details["field"] == operand)
        ]
        if not found:
            return ()
        return (self._teller.say(_("last change: {what}"), what="; ".join(self._teller.timeline(found[-1:]))),)

    def refused(self) -> tuple[str, ...]:
        """What the test did last, where it was refused."""
        if not self._player.refused:
            return ()
        found = [entry for entry in self._player.entries if entry.kind == "refused"]
        why = self._teller.timeline(found[-1:])[0] if found else self._player.refused.partition(": ")[2]
        return (self._teller.say(_("what the test did before was refused: {why}"), why=why),)

    def alerts(self, clock: Clock) -> tuple[str, ...]:
        """The lines that give alerts about a clock."""
        player, card = self._player, self._player.card
        pipeline = player.graph.pipeline(card.pipeline) if card else None
        if card is None or pipeline is None:
            return ()
        found = player.graph.alerts(pipeline, clock.stage, card.stage, clock.metric)
        if not found:
            return (self._teller.say(_("no line gives an alert about {metric} here"), metric=clock.metric),)
        return tuple(self._line(alert) for alert in found)

    def _line(self, node: p.Record) -> str:
        """`desk.duly:18: alert owner at 50% of leave stage`."""
        return f"{node.span.path}:{node.span.line}: " + " ".join(self._teller.line(node.span).split())

    def target(self, clock: Clock) -> tuple[str, ...]:
        """The line that promises what a clock has; nothing where the card has changed since it was looked up."""
        player, card = self._player, self._player.card
        pipeline = player.graph.pipeline(card.pipeline) if card else None
        if card is None or pipeline is None:
            return ()
        stage = player.graph.stage(pipeline, clock.stage or card.stage)
        promise = player.graph.target(pipeline, stage, clock.metric)
        if promise is None:
            return ()
        rows = promise[1].rows
        work = Work(player.graph, pipeline, card, player.now, World())
        place = work.first(rows, JUDGED)
        if place < 0 or rows[place].amount != clock.target:
            return ()
        return (self._teller.say(_("its target stands in {line}"), line=self._line(rows[place])),)

    def pausing(self, pipeline: p.Pipeline, metric: str, *, paused: bool) -> tuple[str, ...]:
        """Where a clock stands still. `paused`: it does now, though the test wants it to run."""
        card = self._player.card
        if card is None:
            return ()
        if paused:
            return (self._teller.say(_('"{stage}" pauses {metric}'), stage=card.stage, metric=metric),)
        stages = ", ".join(f'"{stage.name}"' for stage in pipeline.stages if metric in stage.pauses)
        if stages:
            text = _('the card is in "{stage}"; {metric} stands still in {stages}')
            return (self._teller.say(text, stage=card.stage, metric=metric, stages=stages),)
        return (self._teller.say(_("no stage pauses {metric}"), metric=metric),)

    def ladder(self, pipeline: p.Pipeline, name: str, until: dt.datetime) -> tuple[str, ...]:
        """How far an escalation came up to an instant, or what it waits for."""
        ladder = next((each for each in pipeline.escalations if each.name == name), None)
        if ladder is None:
            return ()
        at = f"{ladder.span.path}:{ladder.span.line}"
        told = [entry for entry in self._player.entries if _of_ladder(entry, name) and entry.at <= until]
        if told:
            lines = self._teller.timeline(told)
            return (
                self._teller.say(_('escalation "{ladder}" ({at}):'), ladder=name, at=at),
                *(f"  {line}" for line in lines),
            )
        waits = ", ".join(ladder.metrics)
        text = _('escalation "{ladder}" ({at}) never began: it waits for a miss of {metrics}')
        missed = [e for e in self._player.entries if e.kind == "clock.missed" and e.details["metric"] in ladder.metrics]
        if any(entry.at <= until for entry in missed):
            text = _('escalation "{ladder}" ({at}) did not begin with the miss of {metrics}: its other condition was false')
        return (self._teller.say(text, ladder=name, at=at, metrics=waits),)

    def told_then(self, at: dt.datetime, metric: str = "") -> tuple[str, ...]:
        """Who was told of something at an instant; with `metric`, who was alerted about it."""
        found = [
            f"{each.who} ({each.channel})" if each.channel else each.who
            for each in self._player.happened
            if each.at == at and each.who and (each.kind == "alert" and each.metric == metric if metric else True)
        ]
        if not found:
            return (self._teller.say(_("nobody was told of anything then")),) if not metric else ()
        return (self._teller.say(_("told at that moment: {people}"), people=", ".join(dict.fromkeys(found))),)


def _of_ladder(entry: Entry, name: str) -> bool:
    return entry.kind in ("ladder.started", "ladder.level", "ladder.stopped") and entry.details.get("ladder") == name
