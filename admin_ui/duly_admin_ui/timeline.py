"""The life of a card as lanes, one a stage. Pure geometry: places are per cent of the stretch that is shown.

The stretch begins when the card was opened. It ends at the last due instant of an open clock, but no further ahead than
the card is old (at least half an hour), so that what has happened fills at least half of the picture.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from duly_runtime.card import Card, Clock
from duly_runtime.store.api import VisitRow

LEAST_AHEAD = dt.timedelta(minutes=30)
TICKS = 4


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A bar: a visit, or within it a stretch where the clocks stood still."""

    x: float
    width: float
    start: dt.datetime
    end: dt.datetime
    paused: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: `due`, `missed`, `met`. `beyond`: it lies past the stretch shown and stands at its edge."""

    x: float
    kind: str
    metric: str
    at: dt.datetime
    beyond: bool = False


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """`stage` is empty for the lane of promises that are the whole card's. Times are seconds; `business` is None where a
    stay is not measured yet."""

    stage: str
    segments: list[Segment]
    marks: list[Mark]
    visits: int
    business: float | None
    wall: float
    paused: float


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    lanes: list[Lane]
    ticks: list[tuple[float, dt.datetime]]
    now: float
    """Where now is, in per cent."""


class _Scale:
    def __init__(self, start: dt.datetime, end: dt.datetime) -> None:
        self.start = start
        self.span = max((end - start).total_seconds(), 1.0)

    def __call__(self, at: dt.datetime) -> float:
        return round(min(max((at - self.start).total_seconds() / self.span, 0.0), 1.0) * 100, 3)

    def at(self, fraction: float) -> dt.datetime:
        return self.start + dt.timedelta(seconds=self.span * fraction)


def timeline(card: Card, visits: Sequence[VisitRow], stages: Sequence[str], now: dt.datetime) -> Timeline:
    """`stages` is the pipeline's order; stages it no longer has come last."""
    open_dues = [clock.due_at for clock in card.clocks if clock.open and clock.due_at is not None]
    until = card.finished_at or now
    ahead = now + max(now - card.created_at, LEAST_AHEAD)
    end = max([until, *(min(due, ahead) for due in open_dues)])
    scale = _Scale(card.created_at, end)
    pauses = [(pause.start, pause.until or now) for clock in card.clocks for pause in clock.pauses if pause.start < until]
    order = list(stages) + [visit.stage for visit in visits]
    visited = {visit.stage for visit in visits}
    lanes = [
        _lane(stage, card, [v for v in visits if v.stage == stage], pauses, scale, until, end)
        for stage in dict.fromkeys(order)
        if stage in visited
    ]
    marks = _marks([clock for clock in card.clocks if not clock.stage], scale, end)
    if marks:
        lanes.insert(0, Lane(stage="", segments=[], marks=marks, visits=0, business=None, wall=0, paused=0))
    ticks = [(round(100 * n / TICKS, 3), scale.at(n / TICKS)) for n in range(TICKS + 1)]
    return Timeline(lanes=lanes, ticks=ticks, now=scale(now))


def _lane(
    stage: str,
    card: Card,
    visits: Sequence[VisitRow],
    pauses: Sequence[tuple[dt.datetime, dt.datetime]],
    scale: _Scale,
    until: dt.datetime,
    end: dt.datetime,
) -> Lane:
    segments: list[Segment] = []
    wall = paused = 0.0
    for visit in visits:
        left = max(visit.left_at or until, visit.entered_at)
        wall += (left - visit.entered_at).total_seconds()
        segments.append(_segment(scale, visit.entered_at, left))
        for start, stop in _merged(pauses, visit.entered_at, left):
            paused += (stop - start).total_seconds()
            segments.append(_segment(scale, start, stop, paused=True))
    measured = [visit.business_seconds for visit in visits]
    business = None if None in measured else sum(seconds for seconds in measured if seconds is not None)
    marks = _marks([clock for clock in card.clocks if clock.stage == stage], scale, end)
    return Lane(
        stage=stage,
        segments=segments,
        marks=marks,
        visits=len(visits),
        business=business,
        wall=wall,
        paused=paused,
    )


def _segment(scale: _Scale, start: dt.datetime, end: dt.datetime, *, paused: bool = False) -> Segment:
    x = scale(start)
    return Segment(x=x, width=round(max(scale(end) - x, 0.4), 3), start=start, end=end, paused=paused)


def _merged(
    pauses: Sequence[tuple[dt.datetime, dt.datetime]], start: dt.datetime, end: dt.datetime
) -> list[tuple[dt.datetime, dt.datetime]]:
    """The pauses inside a stretch, those that overlap made one."""
    inside = sorted((max(a, start), min(b, end)) for a, b in pauses if a < end and b > start)
    merged: list[tuple[dt.datetime, dt.datetime]] = []
    for a, b in inside:
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


def _marks(clocks: Sequence[Clock], scale: _Scale, end: dt.datetime) -> list[Mark]:
    marks: list[Mark] = []
    for clock in clocks:
        if clock.missed_at is not None:
            kind, at = "missed", clock.missed_at
        elif clock.outcome == "met" and clock.stopped_at is not None:
            kind, at = "met", clock.stopped_at
        elif clock.open and clock.due_at is not None:
            kind, at = "due", clock.due_at
        else:
            continue
        marks.append(Mark(x=scale(at), kind=kind, metric=clock.metric, at=at, beyond=at > end))
    return marks
