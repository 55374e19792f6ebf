"""What the badge of a card or clock says: computed once on the server, ticked on by the page."""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_admin_ui.times import amount
from duly_dsl.program import Pipeline
from duly_runtime.card import AT_RISK, Clock, ClockState
from duly_runtime.store.api import BoardCard


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: `ok`, `risk`, `late`, `paused`, or a finished clock's `met`, `missed`, `cancelled`. `left` is the time to
    the due instant, past it, or since the pause began. `due` and `risk` let the page count on by itself."""

    state: str
    left: str = ""
    due: dt.datetime | None = None
    risk: dt.datetime | None = None
    since: dt.datetime | None = None


def of_card(card: BoardCard, now: dt.datetime) -> Badge | None:
    """None where no clock runs."""
    if card.paused:
        return _paused(card.paused_at, now)
    if card.due_at is None:
        return None
    return _running(card.due_at, card.risk_at, card.missed, now)


def risk_of(clock: Clock, pipeline: Pipeline | None) -> dt.datetime | None:
    """From when a clock counts as at risk, as far as the card tells: at once where an alert was given. Where one is still
    to come that event will tell; where the rules have none, late in the time it has."""
    if clock.due_at is None or clock.sent:
        return clock.started_at if clock.sent else None
    places = (pipeline, *pipeline.stages, *pipeline.clocks) if pipeline else ()
    if any(alert.metric == clock.metric and alert.after is None for place in places for alert in place.alerts):
        return None
    return clock.started_at + (clock.due_at - clock.started_at) * AT_RISK


def of_clock(clock: Clock, risk: dt.datetime | None, now: dt.datetime) -> Badge:
    if clock.state is ClockState.PAUSED:
        return _paused(clock.pauses[-1].start if clock.pauses else None, now)
    if clock.state is ClockState.RUNNING and clock.due_at is not None:
        return _running(clock.due_at, risk, clock.missed_at is not None, now)
    return Badge(state=clock.outcome or "cancelled")


def _paused(since: dt.datetime | None, now: dt.datetime) -> Badge:
    left = amount((now - since).total_seconds()) if since is not None else ""
    return Badge(state="paused", left=left, since=since)


def _running(due: dt.datetime, risk: dt.datetime | None, missed: bool, now: dt.datetime) -> Badge:
    """Late from the due instant on; at it a clock is missed unless it stops there (CLOCKS, point 3)."""
    if missed or now >= due:
        state = "late"
    elif risk is not None and now >= risk:
        state = "risk"
    else:
        state = "ok"
    return Badge(state=state, left=amount((due - now).total_seconds()), due=due, risk=risk)
