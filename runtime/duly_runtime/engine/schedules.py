"""Scheduled rules: `when every monday 09:00 and …`, asked of each open card by itself.

A card keeps, for each schedule that could concern it where it is, the last occasion that was handled, or when the card
came there. The next occasion is a timer like any other, so it survives restarts and comes once; what was missed while
nothing ran comes once, at the first of its instants (CLOCKS, point 17). An occasion is never one from before the rules
named it.
"""

from __future__ import annotations

import datetime as dt

from duly_dsl import predicates as code
from duly_dsl import program as p
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.work import Work

MOST_MISSED = 2000
"""Occasions stepped over after downtime; if there were more, the next one is counted from now."""


def settle(work: Work) -> None:
    """Wait for the schedules of the place the card is in, and for no others."""
    known = work.card.schedules
    wanted = () if work.card.finished_at is not None else concerning(work.graph, work.pipeline, work.card.stage)
    if known.keys() != set(wanted):
        since = work.now if work.quiet else work.at
        work.update(schedules={key: known.get(key, since) for key in wanted})


def concerning(graph: Graph, pipeline: p.Pipeline, stage: str) -> tuple[str, ...]:
    """The schedules of rules that could act on a card in a stage."""
    place = (pipeline.name, stage)
    found = graph.concerning.get(place)
    if found is None:
        rules = graph.matcher.candidates(pipeline.name, "every", stage)
        found = graph.concerning[place] = tuple(sorted({key for rule in rules for key in _named(graph.program, rule.when)}))
    return found


def _named(program: p.Program, index: int) -> list[str]:
    predicate = program.predicates[index]
    if isinstance(predicate, p.EventAtom):
        return [predicate.subject] if predicate.kind == "every" else []
    return [key for child in code.children(predicate) for key in _named(program, child)]


def upcoming(work: Work, key: str, since: dt.datetime) -> dt.datetime | None:
    """The first occasion after an instant; None where this version has no such schedule."""
    schedule = work.graph.schedule(work.pipeline, key)
    if schedule is None:
        return None
    if schedule.interval is not None:
        return work.time.add(since, schedule.interval)
    return work.time.next_at(since, schedule.minutes, schedule.days)


def occur(work: Work, key: str, at: dt.datetime, until: dt.datetime) -> None:
    """The occasion at `at` has come, and with it those up to `until`."""
    last = at
    for _ in range(MOST_MISSED):
        following = upcoming(work, key, last)
        if following is None or following > until:
            break
        last = following
    else:
        last = until
    work.update(schedules={**work.card.schedules, key: last})
    work.occasion = at
    work.fact("every", subject=key)
