"""Which of a workspace's promises and rules its tests have tried.

A point is something a test can make happen: a stage entered, a row of a table chosen, an alert given, a level reached, a
silence acted on, a wait ended, a rule set off; and of each condition of a rule, that it was found true and that it was
found false. Conditions are looked at in their order and only until one is false, as the engine does it. What can't happen
is no point: a rule that is off, and the falsehood of a condition wherever the event and the stage alone make it true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from duly_dsl import predicates as code
from duly_dsl import program as p
from duly_dsl.source import Span
from duly_runtime.decision import FactTrace
from duly_runtime.engine.graph import Graph

SORTS = ("stage", "target", "assignment", "alert", "silence", "resume", "level", "rule", "condition")
"""What points are about, in the order reports give them."""


class Point(msgspec.Struct, frozen=True, order=True):
    """`sort` is one of SORTS. `name` tells what it is about: the stage, the clock of a target or alert, the escalation and
    its level, the rule. `branch`: `true` or `false` for a condition, else empty."""

    span: Span
    sort: str
    pipeline: str
    name: str
    branch: str = ""


class Coverage(Graph):
    """A graph that counts what the engine acts on. One for all tests of a workspace."""

    def __init__(self, program: p.Program) -> None:
        super().__init__(program)
        self.points: list[Point] = []
        self._points_of: dict[int, int] = {}
        """Identity of a node -> its point. The program keeps the nodes alive."""
        self._fired: dict[int, int] = {}
        self._terms: dict[int, list[tuple[int | None, int | None]]] = {}
        """Rule -> for each term the points of its truth and its falsehood."""
        for pipeline in program.pipelines.values():
            for node, point in _nodes(pipeline):
                self._points_of[id(node)] = self._add(point)
        never = _never_false(program)
        for rule in program.rules:
            if rule.mode != "off":
                self._add_rule(rule, never)
        self.counts = [0] * len(self.points)
        self.counting = True
        """False while the runner looks past the end of a failed test."""

    def saw(self, node: p.Record) -> None:
        place = self._points_of.get(id(node))
        if place is not None and self.counting:
            self.counts[place] += 1

    def judged(self, traces: Iterable[FactTrace]) -> None:
        """Count the answers that rules gave."""
        for trace in traces:
            for answer in trace.rules:
                reached = len(self._terms[answer.rule]) if answer.fired else answer.failed_term
                for held, _ in self._terms[answer.rule][:reached]:
                    self._count(held)
                if answer.fired:
                    self._count(self._fired[answer.rule])
                else:
                    self._count(self._terms[answer.rule][reached][1])

    def _count(self, place: int | None) -> None:
        if place is not None:
            self.counts[place] += 1

    def _add(self, point: Point) -> int:
        self.points.append(point)
        return len(self.points) - 1

    def _add_rule(self, rule: p.Rule, never: set[tuple[int, int]]) -> None:
        self._fired[rule.id] = self._add(Point(rule.span, "rule", rule.pipeline, rule.name))
        terms: list[tuple[int | None, int | None]] = []
        for place, term in enumerate(rule.terms):
            if not code.reads(self.program.predicates, (term,)) or (rule.id, term) in never:
                # What only names events: the rule isn't asked where none of them happens.
                terms.append((None, None))
                continue
            point = Point(rule.term_spans[place], "condition", rule.pipeline, rule.name, "true")
            terms.append((self._add(point), self._add(msgspec.structs.replace(point, branch="false"))))
        self._terms[rule.id] = terms


def _nodes(pipeline: p.Pipeline) -> Iterator[tuple[p.Record, Point]]:
    def point(node: p.Record, sort: str, name: str) -> tuple[p.Record, Point]:
        return node, Point(node.span, sort, pipeline.name, name)

    yield from (point(row, "target", target.metric) for target in pipeline.targets for row in target.rows)
    yield from (point(alert, "alert", alert.metric) for alert in pipeline.alerts)
    for clock in pipeline.clocks:
        yield from (point(row, "target", clock.name) for row in clock.target.rows)
        yield from (point(alert, "alert", clock.name) for alert in clock.alerts)
    for stage in pipeline.stages:
        yield point(stage, "stage", stage.name)
        yield from (point(row, "target", target.metric) for target in stage.targets for row in target.rows)
        yield from (point(alert, "alert", alert.metric) for alert in stage.alerts)
        yield from (point(silence, "silence", stage.name) for silence in stage.silences)
        yield from (point(resume, "resume", stage.name) for resume in stage.resumes)
    for clock in pipeline.clocks:
        yield from (point(row, "target", clock.name) for row in clock.target.rows)
        yield from (point(alert, "alert", clock.name) for alert in clock.alerts)
    for ladder in pipeline.escalations:
        yield from (point(level, "level", f"{ladder.name} {level.number}") for level in ladder.levels)
    for table in pipeline.assigns:
        yield from (point(row, "assignment", table.key) for row in table.rows)


def _never_false(program: p.Program) -> set[tuple[int, int]]:
    """(rule, term) where event and stage alone make the term true, wherever the rule is asked."""
    doubtful: set[tuple[int, int]] = set()
    for entry in program.index:
        coder = code.Coder(program.predicates, entry.kind, entry.stage)
        for rule in entry.rules:
            terms = program.rules[rule].terms
            doubtful.update((rule, term) for term in terms if (rule, term) not in doubtful and coder.code(term) is not True)
    return {(rule.id, term) for rule in program.rules for term in rule.terms if (rule.id, term) not in doubtful}


class Covered(msgspec.Struct, frozen=True):
    """A point and how often it was reached."""

    point: Point
    count: int


def merged(*runs: Sequence[Covered]) -> tuple[Covered, ...]:
    """The union of several runs, in the order of the files."""
    counts: dict[Point, int] = {}
    for run in runs:
        for each in run:
            counts[each.point] = counts.get(each.point, 0) + each.count
    return tuple(Covered(point, counts[point]) for point in sorted(counts))
