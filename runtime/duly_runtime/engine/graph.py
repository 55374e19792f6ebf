"""A program made ready to run: conditions compiled, calendars laid out, names looked up."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from duly_dsl.program import (
    METRICS,
    Alert,
    Assign,
    Calendar,
    Escalation,
    Field,
    NamedClock,
    Pipeline,
    Program,
    Quiet,
    Record,
    Schedule,
    Stage,
    Target,
    Team,
)
from duly_runtime import addresses
from duly_runtime.calendars import Calendars, WorkingTime
from duly_runtime.decision import RuleTrace
from duly_runtime.engine.facts import Facts
from duly_runtime.engine.matching import Matcher

KEPT = 8
"""Graphs kept by their hash: the live version, the one before, and drafts under test."""


class Place(msgspec.Struct, frozen=True):
    """A stage as a card stands in it, with what every step there needs."""

    stage: Stage
    time: WorkingTime
    """The pipeline's working time."""
    subscribed: dict[str, tuple[str, ...]]
    """Event of the catalogue -> connectors that are told of it (`send events`)."""
    promises: dict[str, tuple[str, Target]]
    """What `Graph.promises` answers."""


class Awaited(msgspec.Struct, frozen=True):
    """Who waits for facts of one kind in one stage."""

    judge: Callable[[Facts], tuple[RuleTrace, ...]] | None = None
    """Judges the rules; None where there are none."""
    clocks: tuple[NamedClock, ...] = ()
    tables: tuple[Assign, ...] = ()


class Graph:
    """Read-only after it is made, apart from what matcher and calendars work out on demand; shared between threads."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.matcher = Matcher(program)
        self.calendars = Calendars(program)
        self._pipelines = {was: pipeline for pipeline in program.pipelines.values() for was in pipeline.was}
        self._pipelines.update(program.pipelines)
        self._stages: dict[tuple[str, str], Stage] = {}
        self._alerts: dict[tuple[str, str, str, str], tuple[Alert, ...]] = {}
        self._clocks: dict[tuple[str, str], NamedClock] = {}
        self._promises: dict[tuple[str, str], dict[str, tuple[str, Target]]] = {}
        self.concerning: dict[tuple[str, str], tuple[str, ...]] = {}
        """(Pipeline, stage) -> schedules of its rules; filled by `schedules`."""
        self._schedules = {name: {each.key: each for each in p.schedules} for name, p in program.pipelines.items()}
        self._quiet: dict[str, tuple[tuple[Quiet, WorkingTime], ...]] = {}
        self.limited = tuple(
            (p.name, stage.name, line, old)
            for p in program.pipelines.values()
            for stage in p.stages
            if stage.limit is not None
            for line in (p.name, *p.was)
            for old in (stage.name, *stage.was)
        )
        """Stages with a limit: pipeline and stage, and each pair of names under which their cards may be stored."""
        self.own_addresses = addresses.own(program)
        """Where mail of this workspace comes from: no rule writes there."""
        self._places: dict[tuple[str, str], Place] = {}
        self._awaited: dict[tuple[str, str, str], Awaited | None] = {}
        self._subscribed = {name: _subscribed(program, name) for name in program.pipelines}
        self._former = {name: {was: f.name for f in p.fields for was in f.was} for name, p in program.pipelines.items()}
        self._same = {
            name: frozenset(stage.name for stage in p.stages)
            for name, p in program.pipelines.items()
            if not self._former[name] and not any(clock.was for clock in p.clocks)
        }
        self._fields = {name: {f.name: f for f in p.fields} for name, p in program.pipelines.items()}
        self._heeded = {name: _waited_for(p) for name, p in program.pipelines.items()}
        self._steady = {name: _steady(p) for name, p in program.pipelines.items()}
        for name, pipeline in program.pipelines.items():
            self._clocks.update({(name, was): clock for clock in pipeline.clocks for was in clock.was})
            self._clocks.update({(name, clock.name): clock for clock in pipeline.clocks})
            self._stages.update({(name, was): stage for stage in pipeline.stages for was in stage.was})
            self._stages.update({(name, stage.name): stage for stage in pipeline.stages})

    def place(self, pipeline: Pipeline, stage: str) -> Place:
        """Where a card is that stands in a stage."""
        found = self._places.get((pipeline.name, stage))
        if found is None:
            node, told = self.stage(pipeline, stage), self._subscribed.get(pipeline.name, {})
            made = Place(node, self.working(pipeline), told, self.promises(pipeline, node))
            found = self._places.setdefault((pipeline.name, stage), made)
        return found

    def awaited(self, pipeline: Pipeline, kind: str, stage: str) -> Awaited | None:
        """Who waits for a fact, as it is judged in a stage. None: nobody, but for rules, clocks, tables it may be for
        ladders whose escalation is gone."""
        key = (pipeline.name, kind, stage)
        if key in self._awaited:
            return self._awaited[key]
        found: Awaited | None = None
        ruled = bool(self.matcher.candidates(*key))
        if ruled or kind in self._heeded[pipeline.name]:
            found = Awaited(
                judge=self.matcher.judge(*key) if ruled else None,
                clocks=tuple(clock for clock in pipeline.clocks if kind in clock.kinds),
                tables=tuple(table for table in pipeline.assigns if table.kind == kind),
            )
        self._awaited[key] = found
        return found

    def steady(self, pipeline: Pipeline) -> bool:
        """Whether what clocks promise hangs on the card alone, neither on its age nor on a message."""
        return self._steady[pipeline.name]

    def saw(self, node: Record) -> None:
        """The engine acts on a node of the program: a stage entered, a row that matched, an alert, level or silence that
        came. Nothing here; the graph of a coverage run counts them."""

    def pipeline(self, name: str) -> Pipeline | None:
        """By its name or a former one."""
        return self._pipelines.get(name)

    def only_pipeline(self) -> Pipeline | None:
        """The pipeline of a workspace that has just one."""
        return next(iter(self.program.pipelines.values())) if len(self.program.pipelines) == 1 else None

    def known_stage(self, pipeline: Pipeline, name: str) -> Stage | None:
        """By its name or a former one."""
        return self._stages.get((pipeline.name, name))

    def stage(self, pipeline: Pipeline, name: str) -> Stage:
        """Of a stage that the version no longer has: one that promises nothing and may be left for any other."""
        return self.known_stage(pipeline, name) or Stage(name=name)

    def clock(self, pipeline: Pipeline, name: str) -> NamedClock | None:
        """A named clock by its name or a former one."""
        return self._clocks.get((pipeline.name, name))

    def escalation(self, pipeline: Pipeline, name: str) -> Escalation | None:
        return next((found for found in pipeline.escalations if found.name == name), None)

    def working(self, pipeline: Pipeline, calendar: str = "") -> WorkingTime:
        """The calendar named, or the pipeline's where the version has no such calendar any more."""
        return self.calendars.of(calendar if calendar in self.program.calendars else pipeline.calendar)

    def quiet_hours(self, pipeline: Pipeline) -> tuple[tuple[Quiet, WorkingTime], ...]:
        """The quiet hours of a pipeline, each laid out as the open time of a calendar of its own."""
        found = self._quiet.get(pipeline.name)
        if found is None:
            zone = self.working(pipeline).calendar.zone
            lines = pipeline.limits.quiet if pipeline.limits else ()
            found = self._quiet[pipeline.name] = tuple(
                (quiet, WorkingTime(Calendar(name="quiet hours", zone=quiet.zone or zone, week=quiet.week)))
                for quiet in lines
            )
        return found

    def schedule(self, pipeline: Pipeline, key: str) -> Schedule | None:
        return self._schedules[pipeline.name].get(key)

    def same_names(self, pipeline: Pipeline, stage: str) -> bool:
        """Whether a card that is in this stage can hold no name of the pipeline that has changed. Former names of other
        stages may stand in its past."""
        return stage in self._same.get(pipeline.name, ())

    def former_fields(self, pipeline: Pipeline) -> dict[str, str]:
        """What fields were called before -> what they are called."""
        return self._former[pipeline.name]

    def field(self, pipeline: Pipeline, name: str) -> Field | None:
        return self._fields[pipeline.name].get(name)

    def team_of(self, person: str) -> Team | None:
        """The first team of the file that a person is in."""
        return next((team for team in self.program.teams.values() if person in team.people), None)

    def alerts(self, pipeline: Pipeline, promised_in: str, here: str, metric: str) -> tuple[Alert, ...]:
        """The alerts of the stage that made the promise (empty: none), of the stage the card is in, of the pipeline, and a
        named clock's own."""
        key = (pipeline.name, promised_in, here, metric)
        found = self._alerts.get(key)
        if found is None:
            stages = [self.stage(pipeline, name) for name in dict.fromkeys((here, promised_in)) if name]
            named = self.clock(pipeline, metric)
            own = named.alerts if named is not None else ()
            every = (*own, *(alert for stage in stages for alert in stage.alerts), *pipeline.alerts)
            found = self._alerts[key] = tuple(alert for alert in every if alert.metric == metric)
        return found

    def target(self, pipeline: Pipeline, stage: Stage, metric: str) -> tuple[str, Target] | None:
        """Who promises a metric to a card in a stage, and what: the stage, else the pipeline (an empty name)."""
        return self.promises(pipeline, stage).get(metric)

    def promises(self, pipeline: Pipeline, stage: Stage) -> dict[str, tuple[str, Target]]:
        """All that `target` answers for a stage: metric -> who promises it, and what; in the order of METRICS."""
        found = self._promises.get((pipeline.name, stage.name))
        if found is None:
            made = {target.metric: ("", target) for target in reversed(pipeline.targets)}
            made.update({target.metric: (stage.name, target) for target in reversed(stage.targets)})
            found = {metric: made[metric] for metric in METRICS if metric in made}
            self._promises[pipeline.name, stage.name] = found
        return found


def _subscribed(program: Program, pipeline: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for connector in program.connectors.values():
        if not connector.events_in or pipeline in connector.events_in:
            for event in connector.events:
                found[event] = (*found.get(event, ()), connector.name)
    return found


def _waited_for(pipeline: Pipeline) -> frozenset[str]:
    kinds = {table.kind for table in pipeline.assigns}
    for clock in pipeline.clocks:
        kinds.update(clock.kinds)
    for escalation in pipeline.escalations:
        kinds.update(escalation.stop_kinds)
    for stage in pipeline.stages:
        for resume in stage.resumes:
            kinds.update(resume.kinds)
    return frozenset(kinds)


def _steady(pipeline: Pipeline) -> bool:
    targets = [*pipeline.targets, *(clock.target for clock in pipeline.clocks)]
    targets += [target for stage in pipeline.stages for target in stage.targets]
    return not any("card age" in target.reads or "message" in target.reads for target in targets)


_graphs: OrderedDict[str, Graph] = OrderedDict()
_lock = threading.Lock()


def load(program: Program) -> Graph:
    """The graph of a program; the same one for the same hash while it is among the last few asked for."""
    if not program.hash:
        return Graph(program)
    with _lock:
        graph = _graphs.get(program.hash)
        if graph is not None:
            _graphs.move_to_end(program.hash)
            return graph
    graph = Graph(program)
    with _lock:
        graph = _graphs.setdefault(program.hash, graph)
        while len(_graphs) > KEPT:
            _graphs.popitem(last=False)
    return graph
