"""Escalation ladders: levels counted from the miss, until something stops them (CLOCKS, point 16).

The escalation is that of the version that started the ladder, unless the publish said `recompute`: the graph a card is
judged by holds it (`engine.kept`). Where that version can't be read any more the live one of the same name goes on, the
level waited for coming when it was said to; where there is none, the ladder stops as `removed`.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.program import Level
from duly_dsl.units import Duration
from duly_runtime.card import Clock, Ladder
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Fact, Work


def running(work: Work) -> list[Ladder]:
    return [ladder for ladder in work.card.ladders if ladder.stopped_at is None]


def start(work: Work, clock: Clock, missed_at: dt.datetime) -> None:
    """The ladders a missed clock sets off."""
    fact = Fact("missed", metric=clock.metric)
    for escalation in work.pipeline.escalations:
        if clock.metric not in escalation.metrics or not escalation.levels or not work.holds(escalation.when, fact):
            continue
        ladder = Ladder(
            name=escalation.name,
            metric=clock.metric,
            cycle=clock.cycle,
            version=work.graph.program.hash,
            visit=work.card.visit.number,
            began_at=missed_at,
        )
        ladder = replace(ladder, next_at=_after(work, ladder, escalation.levels[0].after))
        work.put_ladder(None, ladder)
        work.say("ladder.started", {**_told(ladder), **told(clock)})


def climb(work: Work, ladder: Ladder, until: dt.datetime) -> tuple[Level, str] | None:
    """Reach the level (or repeat) that is due; the level that acts and a key for it.

    Repeats due up to `until` collapse into one. None where the live version has no such level any more.
    """
    due = ladder.next_at
    escalation = work.graph.escalation(work.pipeline, ladder.name)
    if escalation is None or due is None:
        end(work, ladder, "removed")
        return None
    level = next((level for level in escalation.levels if level.number == ladder.level), None)
    following = next((level for level in escalation.levels if level.number > ladder.level), None)
    next_level = _after(work, ladder, following.after) if following else None
    count = 1
    if level is not None and level.repeat_every is not None and (next_level is None or due < next_level):
        repeats = ladder.repeats + 1
        again = _repeat(work, ladder, level, due, repeats)
        while again is not None and again <= until and (next_level is None or again < next_level):
            repeats, count, due = repeats + 1, count + 1, again
            again = _repeat(work, ladder, level, due, repeats)
        climbed = replace(ladder, repeats=repeats)
    elif following is not None:
        level = following
        climbed = replace(ladder, level=level.number, repeats=0)
        following = next((other for other in escalation.levels if other.number > level.number), None)
        next_level = _after(work, ladder, following.after) if following else None
        again = _repeat(work, climbed, level, due, 0)
    else:
        work.put_ladder(ladder, replace(ladder, next_at=None))
        return None
    work.graph.saw(level)
    climbed = replace(climbed, next_at=min((at for at in (again, next_level) if at is not None), default=None))
    work.put_ladder(ladder, climbed)
    details = {**_told(climbed), "repeat": str(climbed.repeats or ""), "due_at": instant(ladder.next_at)}
    if count > 1:
        details["collapsed"] = str(count)
        details["last_due_at"] = instant(due)
    work.say("ladder.level", details)
    key = f"ladder/{work.card.id}/{ladder.name}/{ladder.metric}/{ladder.cycle}/{climbed.level}/{climbed.repeats}"
    return level, key


def end_of_levels(work: Work, climbed: Ladder) -> None:
    """A ladder with no level left and nothing that could stop it is finished."""
    for ladder in running(work):
        same = (ladder.name, ladder.metric, ladder.cycle) == (climbed.name, climbed.metric, climbed.cycle)
        if same and ladder.next_at is None:
            escalation = work.graph.escalation(work.pipeline, ladder.name)
            if escalation is None or escalation.stop is None:
                end(work, ladder, "finished")


def heed(work: Work, fact: Fact) -> None:
    """Stop the ladders whose stop condition this fact makes true."""
    for ladder in work.card.ladders:
        if ladder.stopped_at is not None:
            continue
        escalation = work.graph.escalation(work.pipeline, ladder.name)
        if escalation is None:
            end(work, ladder, "removed")
        elif escalation.stop is not None and fact.kind in escalation.stop_kinds and work.holds(escalation.stop, fact):
            end(work, ladder, "stop")


def left_stage(work: Work) -> None:
    for ladder in running(work):
        end(work, ladder, "left stage")


def acknowledge(work: Work, name: str, author: str) -> None:
    mine = [ladder for ladder in running(work) if ladder.name == name]
    if not mine:
        raise Refusal("no-such-escalation", ladder=name)
    for ladder in mine:
        end(work, ladder, "acknowledged", author)


def end(work: Work, ladder: Ladder, why: str, author: str = "") -> None:
    work.put_ladder(ladder, replace(ladder, next_at=None, stopped_at=work.at, stopped_by=why))
    work.say("ladder.stopped", {**_told(ladder), "why": why}, author=author)


def recompute(work: Work) -> None:
    """Count the levels still to come as this version says."""
    for ladder in running(work):
        escalation = work.graph.escalation(work.pipeline, ladder.name)
        if escalation is None:
            end(work, ladder, "removed")
            continue
        level = next((level for level in escalation.levels if level.number == ladder.level), None)
        following = next((level for level in escalation.levels if level.number > ladder.level), None)
        ahead = [_after(work, ladder, following.after)] if following else []
        if ladder.next_at is not None and level is not None and level.repeat_every is not None:
            ahead.append(ladder.next_at)
        work.put_ladder(ladder, replace(ladder, version=work.graph.program.hash, next_at=min(ahead, default=None)))


def _after(work: Work, ladder: Ladder, amount: Duration | None) -> dt.datetime:
    """Counted from the miss on the clock's calendar."""
    if amount is None:
        return ladder.began_at
    clock = _clock(work, ladder)
    return work.graph.working(work.pipeline, clock.calendar if clock else "").add(ladder.began_at, amount)


def _repeat(work: Work, ladder: Ladder, level: Level, last: dt.datetime, repeats: int) -> dt.datetime | None:
    if level.repeat_every is None or (level.repeat_at_most is not None and repeats >= level.repeat_at_most):
        return None
    clock = _clock(work, ladder)
    return work.graph.working(work.pipeline, clock.calendar if clock else "").add(last, level.repeat_every)


def _clock(work: Work, ladder: Ladder) -> Clock | None:
    for clock in work.card.clocks:
        if (clock.metric, clock.cycle) == (ladder.metric, ladder.cycle):
            return clock
    return None


def _told(ladder: Ladder) -> dict[str, str]:
    return {"ladder": ladder.name, "level": str(ladder.level or ""), "metric": ladder.metric}
