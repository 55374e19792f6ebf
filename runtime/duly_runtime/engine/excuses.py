"""Excused misses: a missed clock stays missed, with its instants; the excuse stands beside it."""

from __future__ import annotations

from msgspec.structs import replace

from duly_runtime.card import Clock, Excuse
from duly_runtime.engine.moves import refused
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.telling import told
from duly_runtime.engine.work import Work
from duly_runtime.events import ExcuseMiss, WithdrawExcuse
from duly_runtime.permissions import ROLES


def by_person(work: Work, body: ExcuseMiss) -> None:
    """Refusal where there is nothing to excuse, or this person may not."""
    _may(work, body.reason, body.role)
    clock = _missed(work, body.metric, body.cycle)
    _excuse(work, clock, Excuse(reason=body.reason, at=work.at, author=body.author))


def by_rule(work: Work, metric: str, reason: str, rule: str) -> None:
    """What can't be excused is noted, and the rule goes on."""
    try:
        clock = _missed(work, metric, 0)
    except Refusal as refusal:
        refused(work, refusal, rule=rule)
        return
    _excuse(work, clock, Excuse(reason=reason, at=work.at, rule=rule))


def withdraw(work: Work, body: WithdrawExcuse) -> None:
    found = [clock for clock in _of(work, body.metric, body.cycle) if clock.excuse is not None]
    if not found:
        raise Refusal("nothing-excused", metric=body.metric)
    clock, excuse = found[-1], found[-1].excuse
    assert excuse is not None
    _may(work, excuse.reason, body.role, withdrawn=True)
    work.put_clock(clock, replace(clock, excuse=None))
    work.say("clock.unexcused", {**told(clock), "reason": excuse.reason}, author=body.author)


def _of(work: Work, metric: str, cycle: int) -> list[Clock]:
    return [clock for clock in work.card.clocks if clock.metric == metric and cycle in (0, clock.cycle)]


def _missed(work: Work, metric: str, cycle: int) -> Clock:
    """The latest miss that is not excused yet."""
    found = [clock for clock in _of(work, metric, cycle) if clock.missed_at is not None]
    if not found:
        raise Refusal("nothing-missed", metric=metric)
    clock = next((clock for clock in reversed(found) if clock.excuse is None), found[-1])
    if clock.excuse is not None:
        raise Refusal("excused-already", metric=metric, reason=clock.excuse.reason)
    return clock


def _may(work: Work, reason: str, role: str, *, withdrawn: bool = False) -> None:
    """A reason the rules no longer list can only be withdrawn, by a manager."""
    least = work.pipeline.excuses.get(reason)
    if least is None and not withdrawn:
        raise Refusal("unknown-excuse", pipeline=work.pipeline.name, reason=reason)
    least = least or "manager"
    if role not in ROLES or ROLES.index(role) < ROLES.index(least):
        raise Refusal("excuse-role", reason=reason, role=least)


def _excuse(work: Work, clock: Clock, excuse: Excuse) -> None:
    work.put_clock(clock, replace(clock, excuse=excuse))
    work.say("clock.excused", {**told(clock), "reason": excuse.reason, "rule": excuse.rule}, author=excuse.author)
