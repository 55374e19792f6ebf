"""What the graph of a pipeline holds, in the words of the language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import msgspec

from duly_dsl import program as p
from duly_dsl.meaning.parts import clock
from duly_dsl.meaning.side import Side
from duly_dsl.source import Span

ANY = "*"
"""Source of a move that can happen in every stage that is no finish."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that stands in a file."""

    path: str = ""
    line: int = 0


class Promise(Line, frozen=True, kw_only=True, omit_defaults=True):
    """A clock's target: `rows` are (condition, amount), the first that holds counts; an empty condition always holds, an
    empty amount promises nothing."""

    clock: str
    rows: tuple[tuple[str, str], ...]
    start: str = ""
    """Of a clock with a name of its own: what starts, pauses, resumes and stops it."""
    pause: str = ""
    resume: str = ""
    stop: str = ""


class Stage(Line, frozen=True, kw_only=True, omit_defaults=True):
    """`pauses` are the clocks that stand still here."""

    name: str
    start: bool = False
    finish: bool = False
    owner: str = ""
    promises: tuple[Promise, ...] = ()
    pauses: tuple[str, ...] = ()


class Move(Line, frozen=True, kw_only=True, omit_defaults=True):
    """`kind`: `next` (a person may), `rule`, `silence`, `resume`, `reopen` or `level`. `source` may be ANY."""

    source: str
    target: str
    kind: str
    label: str = ""
    breach: bool = False
    """It happens because a promise was missed."""


class Level(Line, frozen=True, kw_only=True, omit_defaults=True):
    number: int
    after: str
    actions: str
    repeat: str = ""


class Ladder(Line, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    when: str
    levels: tuple[Level, ...]
    stop: str = ""


class RuleLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """`mode` is empty, `shadow` or `off`."""

    name: str
    when: str
    actions: str
    mode: str = ""


class Graph(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pipeline: str
    calendar: str
    stages: tuple[Stage, ...]
    moves: tuple[Move, ...]
    promises: tuple[Promise, ...] = ()
    """Those of the whole pipeline."""
    ladders: tuple[Ladder, ...] = ()
    rules: tuple[RuleLine, ...] = ()

    def unreachable(self) -> frozenset[str]:
        """Stages that no way leads to from where cards start."""
        reached = {ANY, *(stage.name for stage in self.stages if stage.start)}
        while found := {move.target for move in self.moves if move.source in reached} - reached:
            reached |= found
        return frozenset(stage.name for stage in self.stages if stage.name not in reached)


def graphs(program: p.Program, pipeline: str = "") -> tuple[Graph, ...]:
    """Of every pipeline in the order of their names, or of one; KeyError where there is none of that name."""
    names = [pipeline] if pipeline else sorted(program.pipelines)
    return tuple(_graph(program, program.pipelines[name]) for name in names)


def _graph(program: p.Program, pipeline: p.Pipeline) -> Graph:
    side = Side(program)
    rules = [rule for rule in program.rules if rule.pipeline == pipeline.name]
    return Graph(
        pipeline=pipeline.name,
        calendar=pipeline.calendar,
        stages=tuple(_stage(stage, side) for stage in pipeline.stages),
        moves=tuple(_unique(_moves(program, pipeline, rules))),
        promises=(
            *(_promise(target, side) for target in pipeline.targets),
            *(_named(clock, side) for clock in pipeline.clocks),
        ),
        ladders=tuple(_ladder(each, side) for each in pipeline.escalations),
        rules=tuple(
            RuleLine(
                name=rule.name,
                when=side.said(rule.when),
                actions=side.text(rule.actions, "", "actions"),
                mode="" if rule.mode == "on" else rule.mode,
                **_place(rule.span),
            )
            for rule in rules
        ),
    )


def _stage(stage: p.Stage, side: Side) -> Stage:
    return Stage(
        name=stage.name,
        start=stage.start,
        finish=stage.finish,
        owner=side.text(stage.owner),
        promises=tuple(_promise(target, side) for target in stage.targets),
        pauses=stage.pauses,
        **_place(stage.span),
    )


def _promise(target: p.Target, side: Side) -> Promise:
    rows = tuple((side.said(row.when), str(row.amount) if row.amount else "") for row in target.rows)
    return Promise(clock=target.metric, rows=rows, **_place(target.span))


def _named(clock: p.NamedClock, side: Side) -> Promise:
    return msgspec.structs.replace(
        _promise(clock.target, side),
        start=side.said(clock.start),
        pause=side.said(clock.pause),
        resume=side.said(clock.resume),
        stop=side.said(clock.stop),
    )


def _ladder(escalation: p.Escalation, side: Side) -> Ladder:
    missed = " or ".join(f"{clock(metric)} is missed" for metric in escalation.metrics)
    when = " and ".join(filter(None, (missed, side.said(escalation.when, True))))
    levels: list[Level] = []
    for level in escalation.levels:
        repeat = f"every {level.repeat_every}" if level.repeat_every else ""
        if repeat and level.repeat_at_most:
            repeat += f" at most {level.repeat_at_most} times"
        levels.append(
            Level(
                number=level.number,
                after=f"after {level.after}" if level.after else "at once",
                actions=side.text(level.actions, "", "actions"),
                repeat=repeat,
                **_place(level.span),
            )
        )
    return Ladder(
        name=escalation.name,
        when=when,
        levels=tuple(levels),
        stop=side.said(escalation.stop),
        **_place(escalation.span),
    )


def _moves(program: p.Program, pipeline: p.Pipeline, rules: list[p.Rule]) -> Iterator[Move]:
    side = Side(program)
    for stage in pipeline.stages:
        for name in stage.next:
            yield Move(source=stage.name, target=name, kind="next", **_place(stage.span))
        for resume in stage.resumes:
            if resume.stage:
                label = f"when {side.said(resume.when)}"
                yield Move(source=stage.name, target=resume.stage, kind="resume", label=label, **_place(resume.span))
        for silence in stage.silences:
            if isinstance(silence.action, p.Move):
                label = f"after {silence.amount} of silence"
                target = silence.action.stage
                yield Move(source=stage.name, target=target, kind="silence", label=label, **_place(silence.span))
        if stage.reopen is not None:
            label = f"reopen within {stage.reopen.amount}"
            yield Move(
                source=stage.name, target=stage.reopen.stage, kind="reopen", label=label, **_place(stage.reopen.span)
            )
    for rule in rules:
        for action in rule.actions:
            if isinstance(action, p.Move) and rule.mode != "off":
                label = f"{rule.name} ({rule.mode})" if rule.mode == "shadow" else rule.name
                breach = {each.kind for each in program.index if rule.id in each.rules} == {"missed"}
                for source in _asked_in(program, pipeline, rule):
                    if source != action.stage:
                        yield Move(
                            source=source, target=action.stage, kind="rule", label=label, breach=breach, **_place(rule.span)
                        )
    for ladder in pipeline.escalations:
        for level in ladder.levels:
            for action in level.actions:
                if isinstance(action, p.Move):
                    label = f"{ladder.name}, level {level.number}"
                    at = _place(level.span)
                    yield Move(source=ANY, target=action.stage, kind="level", label=label, breach=True, **at)


def _asked_in(program: p.Program, pipeline: p.Pipeline, rule: p.Rule) -> list[str]:
    """The stages in which a rule can fire; ANY alone where that is each that is no finish."""
    found = {each.stage for each in program.index if each.pipeline == pipeline.name and rule.id in each.rules}
    if found >= {stage.name for stage in pipeline.stages if not stage.finish}:
        return [ANY]
    return [stage.name for stage in pipeline.stages if stage.name in found]


def _unique(moves: Iterator[Move]) -> Iterator[Move]:
    return iter(dict.fromkeys(moves))


class _At(TypedDict):
    path: str
    line: int


def _place(span: Span) -> _At:
    return {"path": span.path, "line": span.line}
