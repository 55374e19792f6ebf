"""Alerts: the thresholds of a running clock, each given once (CLOCKS, points 8 and 14)."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.program import Alert
from duly_runtime.card import Clock
from duly_runtime.decision import NotifyPerson
from duly_runtime.engine import people, sending
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Work


def alerts_of(work: Work, clock: Clock) -> tuple[Alert, ...]:
    """The alerts of the place that made the promise, of the stage the card is in, and of the pipeline."""
    return work.graph.alerts(work.pipeline, clock.stage, work.card.stage, clock.metric)


def threshold(work: Work, clock: Clock, alert: Alert) -> dt.datetime | None:
    """When an alert falls due; None while the clock stands still before it, and for one after the miss before that."""
    time = work.working(clock.calendar)
    if alert.after is not None:
        return None if clock.missed_at is None else time.due(clock.missed_at, alert.after, clock.pauses)
    return time.threshold(
        clock.started_at, clock.target, clock.pauses, clock.carried, percent=alert.percent, before=alert.before
    )


def mark(alert: Alert) -> str:
    """The threshold as keys carry it: `80%`, `10m before`, `2h after`."""
    if alert.after is not None:
        return f"{alert.after} after"
    return f"{alert.percent}%" if alert.percent is not None else f"{alert.before} before"


def give(work: Work, clock: Clock, alert: Alert, due: dt.datetime) -> None:
    """Tell who is meant at this moment; somebody told of the same threshold already is not told again."""
    work.graph.saw(alert)
    card = work.card
    told_to = people.recipients(work.graph, card, alert.actors)
    fresh = [person for person in told_to if f"{mark(alert)}/{person}" not in clock.sent]
    details = {
        **told(clock),
        "percent": str(alert.percent or ""),
        "before": str(alert.before or ""),
        "after": str(alert.after or ""),
        "threshold_at": instant(due),
    }
    for person in fresh:
        sending.notice(
            work,
            NotifyPerson(
                key=f"alert/{card.id}/{clock.metric}/{clock.cycle}/{mark(alert)}/{person}",
                person=person,
                channel=alert.channel,
                about="alert",
                template=alert.template,
                details={key: value for key, value in details.items() if value},
            ),
        )
    sent = (*clock.sent, alert.key, *(f"{mark(alert)}/{person}" for person in fresh))
    work.put_clock(clock, replace(clock, sent=sent))
    work.say("alert.sent", {**details, "to": ", ".join(fresh)})
