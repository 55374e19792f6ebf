"""Facts and what they set off, until none is left.

All rules a fact concerns are judged on the card as the fact found it; then, in this order, ladders stop, the stage's wait
may end, assignment tables deal the card, and the rules that fired act in the order of the file.
"""

from __future__ import annotations

from msgspec.structs import replace

from duly_runtime.decision import FactTrace, RuleTrace
from duly_runtime.engine import actions, assignment, ladders, limits, moves, named, shadows
from duly_runtime.engine.facts import Facts
from duly_runtime.engine.graph import Awaited
from duly_runtime.engine.telling import instant
from duly_runtime.engine.work import PASSING, Cause, Fact, Work

NOBODY = Awaited()


def run(work: Work) -> None:
    queue, awaited, pipeline = work.queue, work.graph.awaited, work.pipeline
    while queue or (work.graph.limited and _at_rest(work)):
        fact = queue.popleft()
        if fact.depth > actions.DEEPEST:
            actions.stop_cascade(work, "depth")
            return
        kind = fact.kind
        by = awaited(pipeline, kind, fact.stage if kind in PASSING else work.card.stage)
        if by is not None or work.traced:
            _take(work, fact, by or NOBODY)
            continue
        # Nobody waits for it.
        work.taken += 1
        if work.card.ladders:
            ladders.heed(work, fact)


def _at_rest(work: Work) -> bool:
    """Nothing is left to take: look whether the card has made its stage too full; whether that is a fact."""
    if not work.stopped:
        limits.look(work)
    return bool(work.queue)


def _take(work: Work, fact: Fact, by: Awaited) -> None:
    traces: tuple[RuleTrace, ...] = ()
    facts: Facts | None = None
    if by.judge is not None:
        facts = work.facts(fact)
        traces = by.judge(facts)
    if work.traced:
        _note(work, fact, traces, facts)
    work.taken += 1
    number = work.taken
    work.depth = fact.depth + 1
    if work.card.ladders:
        ladders.heed(work, fact)
    if by.clocks:
        named.heed(work, fact, by.clocks)
    if work.stage.resumes:
        _end_wait(work, fact)
    if by.tables:
        assignment.by_table(work, fact, by.tables)
    for trace in traces:
        if trace.fired and not work.stopped:
            _fire(work, fact, trace, number)


def _note(work: Work, fact: Fact, traces: tuple[RuleTrace, ...], facts: Facts | None) -> None:
    """For the record: the rules a fact was held against, and what they read."""
    values = work.graph.matcher.values(work.pipeline.name, facts) if facts is not None else {}
    subject = fact.stage or fact.metric or fact.subject
    work.trace.append(FactTrace(kind=fact.kind, subject=subject, depth=fact.depth, rules=traces, values=values))


def _fire(work: Work, fact: Fact, trace: RuleTrace, number: int) -> None:
    """A rule acts, or would act where it is in shadow. `number` is the place of its fact among those of the step."""
    rule = work.graph.program.rules[trace.rule]
    details = {"rule": rule.name}
    if work.occasion is not None and fact.kind == "every":
        details["occasion"] = instant(work.occasion)
    if trace.shadow:
        work.say("rule.fired", {**details, "shadow": "yes", "would": shadows.would(work, rule)})
        return
    work.say("rule.fired", details)
    if fact.metric:
        missed = [clock.missed_at for clock in work.card.clocks if clock.metric == fact.metric and clock.missed_at]
        details = {**details, "metric": fact.metric, "due_at": instant(max(missed))}
    key = f"rule/{work.card.id}/{work.revision}/{number}/{rule.name}"
    if "occasion" in details:
        key = f"every/{work.card.id}/{fact.subject}/{details['occasion']}/{rule.name}"
    actions.perform(work, rule.actions, Cause(key, "rule", details))


def _end_wait(work: Work, fact: Fact) -> None:
    """`resume when …`: the clocks of this visit run again, and the card may go on."""
    if work.card.visit.resumed:
        return
    for resume in work.stage.resumes:
        if fact.kind in resume.kinds and work.holds(resume.when, fact):
            work.graph.saw(resume)
            work.put_visit(replace(work.card.visit, resumed=True))
            stage = work.graph.known_stage(work.pipeline, resume.stage) if resume.stage else None
            if stage is not None and stage.name != work.stage.name:
                moves.move(work, stage)
            return
