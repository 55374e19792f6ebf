"""Cards that hold on to an older version's promises (CLOCKS, points 16 and 18).

Such a card is judged by a blend: stages, rules and people of the live version, and of the older one what it promises:
targets, alerts, pauses, reopening, escalations and the calendars they are measured on. A ladder in flight is climbed as the
version says that started it, whatever else the card is judged by.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from duly_dsl.meaning.parts import PREDICATES, STAGES
from duly_dsl.meaning.side import Side
from duly_dsl.program import Pipeline, Program, Stage
from duly_runtime.card import Card
from duly_runtime.engine.graph import Graph
from duly_runtime.events import Recompute

OF_PIPELINE = ("calendar", "targets", "alerts", "reopens", "escalations", "clocks")
"""What a pipeline promises, by the fields of `Pipeline`."""
OF_STAGE = ("targets", "total", "alerts", "pauses", "resumes")
"""The same of a stage."""
KEPT = 32
"""Blends held in memory."""


class Unready(Exception):
    """A decision can't be made before something is read. It is no failure of the event; nothing is put on record."""


class Needed(Unready):
    """`versions` are the hashes of the programs that must be learned first."""

    def __init__(self, versions: tuple[str, ...]) -> None:
        super().__init__(*versions)
        self.versions = versions


class Keeper:
    """The graph each card is judged by. Programs of older versions must be learned before they are needed."""

    def __init__(self) -> None:
        self._programs: dict[str, Program | None] = {}
        self._graphs: OrderedDict[tuple[str, str, tuple[tuple[str, str], ...]], Graph] = OrderedDict()
        self._same: dict[tuple[str, str, str, str], bool] = {}

    def learn(self, version: str, program: Program | None) -> None:
        """None: it can't be read any more; the live version stands in for it."""
        self._programs[version] = program

    def graph(self, live: Graph, card: Card, kept: str = "") -> Graph:
        """`kept` beats the card's own. Raises Needed."""
        current = live.program.hash
        held = kept or (card.kept if card.finished_at is None else "")
        ladders = tuple(
            sorted({(each.name, each.version) for each in card.ladders if each.stopped_at is None} - {("", "")})
        )
        wanted = {held, *(version for _, version in ladders)} - {"", current}
        if not wanted:
            return live
        missing = tuple(sorted(version for version in wanted if version not in self._programs))
        if missing:
            raise Needed(missing)
        pipeline = live.pipeline(card.pipeline)
        held = held if held != current and self._programs.get(held) is not None else ""
        ladders = tuple(
            (name, version)
            for name, version in ladders
            if version != held and pipeline is not None and self._differs(live, pipeline, name, version, held)
        )
        if not held and not ladders:
            return live
        key = (current, held, ladders)
        graph = self._graphs.get(key)
        if graph is None:
            program = live.program
            if held:
                program = blend(program, self._known(held), OF_PIPELINE, OF_STAGE)
            for name, version in ladders:
                older = live.program if version == current else self._known(version)
                program = blend(program, older, ("escalations",), (), only=name)
            graph = self._graphs[key] = Graph(replace(program, hash=held or current))
        self._graphs.move_to_end(key)
        if len(self._graphs) > KEPT:
            self._graphs.popitem(last=False)
        return graph

    def _known(self, version: str) -> Program:
        program = self._programs[version]
        assert program is not None
        return program

    def _differs(self, live: Graph, pipeline: Pipeline, name: str, version: str, held: str) -> bool:
        """Whether the ladder's own version says something else of it than the card's version does."""
        current = live.program.hash
        base = held or current
        key = (base, version, pipeline.name, name)
        if key not in self._same:
            said = [self._ladder(live, each, pipeline, name) for each in (base, version)]
            self._same[key] = said[1] is None or said[0] == said[1]
        return not self._same[key]

    def _ladder(self, live: Graph, version: str, pipeline: Pipeline, name: str) -> Any:
        program = live.program if version == live.program.hash else self._programs.get(version)
        if program is None:
            return None
        older = counterpart(program, pipeline)
        found = next((each for each in older.escalations if each.name == name), None) if older else None
        return Side(program).plain(found) if found is not None else None


def counterpart(older: Program, pipeline: Pipeline) -> Pipeline | None:
    """The pipeline of an older version that `pipeline` is now."""
    names = (pipeline.name, *pipeline.was)
    return next((older.pipelines[name] for name in names if name in older.pipelines), None)


def blend(
    live: Program, older: Program, of_pipeline: tuple[str, ...], of_stage: tuple[str, ...], only: str = ""
) -> Program:
    """`live` with the fields named taken from `older`; with `only`, of the escalations just the one of that name.

    A stage or pipeline the older version did not have keeps what it has.
    """
    predicates = live.predicates
    pipelines: dict[str, Pipeline] = {}
    calendars = dict(live.calendars)
    for name, pipeline in live.pipelines.items():
        was = counterpart(older, pipeline)
        if was is None:
            pipelines[name] = pipeline
            continue
        stages = {former: stage.name for stage in pipeline.stages for former in (*stage.was, stage.name)}
        moved = _Moved(len(predicates), stages)
        predicates = (*predicates, *(moved.of(each) for each in older.predicates))
        fields: dict[str, Any] = {}
        for field in of_pipeline:
            if not hasattr(was, field):
                continue
            value = moved.of(getattr(was, field))
            if only:
                mine = next((each for each in value if each.name == only), None)
                if mine is None:
                    continue
                others = tuple(each for each in pipeline.escalations if each.name != only)
                value = (*others, mine)
            fields[field] = value
        if of_stage:
            fields["stages"] = tuple(_stage(stage, was, moved, of_stage) for stage in pipeline.stages)
        if "calendar" in fields:
            # Measured on the hours it was promised on, even if the calendar of that name has others by now.
            for mine in (fields["calendar"], *(clock.calendar for clock in was.clocks)):
                if mine in older.calendars:
                    calendars[mine] = older.calendars[mine]
        pipelines[name] = replace(pipeline, **fields)
    return replace(live, pipelines=pipelines, predicates=predicates, calendars=calendars)


def _stage(stage: Stage, was: Pipeline, moved: _Moved, fields: tuple[str, ...]) -> Stage:
    for name in (stage.name, *stage.was):
        former = next((each for each in was.stages if each.name == name), None)
        if former is not None:
            return replace(stage, **{field: moved.of(getattr(former, field)) for field in fields if hasattr(former, field)})
    return stage


class _Moved:
    """Parts of an older graph as they stand in a blend: conditions under new numbers, stages under their names of today."""

    def __init__(self, offset: int, stages: Mapping[str, str]) -> None:
        self._offset = offset
        self._stages = stages

    def of(self, part: Any) -> Any:
        if isinstance(part, msgspec.Struct):
            kind = type(part).__name__
            changed = {field: self._field(kind, field, part) for field in part.__struct_fields__}
            return replace(part, **changed)
        if isinstance(part, tuple):
            return tuple(self.of(each) for each in cast(tuple[Any, ...], part))
        if isinstance(part, dict):
            return {key: self.of(each) for key, each in cast(dict[str, Any], part).items()}
        return part

    def _field(self, kind: str, field: str, record: Any) -> Any:
        part = getattr(record, field)
        if (kind, field) in PREDICATES:
            if isinstance(part, tuple):
                return tuple(each + self._offset for each in cast(tuple[int, ...], part))
            return None if part is None else part + self._offset
        if (kind, field) in STAGES or (kind == "OneOf" and field == "values" and record.operand == "stage"):
            if isinstance(part, tuple):
                return tuple(self._stages.get(each, each) for each in cast(tuple[str, ...], part))
            return self._stages.get(part, part)
        return self.of(part)


def judged_by(keeper: Keeper, live: Graph, card: Card, body: object) -> Graph:
    """The graph an event of a card is judged by. Raises Needed."""
    if not isinstance(body, Recompute):
        return keeper.graph(live, card)
    match body.choice:
        case "keep":
            return keeper.graph(live, card, kept=card.kept or body.before)
        case "recompute":
            return live
        case _:
            return keeper.graph(live, replace(card, kept=""))
