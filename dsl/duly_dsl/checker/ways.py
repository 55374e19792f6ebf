"""The ways through a pipeline: can every stage be reached, and does every way end?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from duly_dsl import syntax as s
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import stages as kinds
from duly_dsl.checker.context import Checking
from duly_dsl.compiler.conditions import could_be, facts_at
from duly_dsl.diagnostics import Diagnostic, last_line
from duly_dsl.scope import Scope


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        edges = edges_of(scope)
        come = reached(scope, edges)
        finishes = [name for name, stage in scope.stages.items() if stage.finish]
        ends = _from(finishes, _turned(edges))
        dead = {name for name in scope.stages if name not in finishes and not edges[name] - {name}}
        lost = [name for name in come - ends - dead if not _from([name], edges) & dead]
        for name, stage in scope.stages.items():
            if name not in come:
                yield kinds.UNREACHABLE_STAGE.at(stage.name.span, stage=name)
            if name in dead:
                fixes = (last_line(stage.span, "finish", titles.INSERT, sure=False),)
                yield kinds.DEAD_END.at(stage.name.span, fixes=fixes, stage=name)
        yield from _to_and_fro(scope)
        # With no finish stage at all this is true of every stage, and said once.
        for name in [name for name in scope.stages if name in lost][: None if finishes else 1]:
            yield kinds.NEVER_FINISHES.at(scope.stages[name].name.span, stage=name)


def _to_and_fro(scope: Scope) -> Iterator[Diagnostic]:
    """Circles of stages that silence alone leads a card round."""
    silent = {
        name: [move.stage.text for silence in stage.silences for move in _moves((silence.action,))]
        for name, stage in scope.stages.items()
    }
    told: set[str] = set()
    for name, stage in scope.stages.items():
        ways = {each: {to for to in after if to in silent and to != each} for each, after in silent.items()}
        if name in told or name not in _from(list(ways[name]), ways):
            continue
        told |= _from([name], ways)
        line = next(silence for silence in stage.silences if any(True for _move in _moves((silence.action,))))
        yield kinds.SILENT_LOOP.at(line.span, stage=name)


def reached(scope: Scope, edges: dict[str, set[str]] | None = None) -> set[str]:
    """The stages a card can come to; all of them where none is the start."""
    start = next((name for name, stage in scope.stages.items() if stage.start), None)
    if start is None:
        return set(scope.stages)
    return _from([start], edges_of(scope) if edges is None else edges)


def edges_of(scope: Scope) -> dict[str, set[str]]:
    """Where a card in a stage can go: by hand, by the stage's own lines, by rules and escalations."""
    everywhere = set(scope.stages)
    edges: dict[str, set[str]] = {}
    for name, stage in scope.stages.items():
        after = {each.text for each in stage.next}
        if not stage.next and not stage.finish:
            after = everywhere - {name}
        after |= {resume.stage.text for resume in stage.resumes if resume.stage is not None}
        after |= {move.stage.text for silence in stage.silences for move in _moves((silence.action,))}
        if stage.reopen is not None:
            after.add(stage.reopen.stage.text)
        edges[name] = after & everywhere
    for rule in scope.pipeline.rules:
        if rule.when is None or rule.mode == "off":
            continue
        for move in _moves(rule.actions):
            for name in everywhere:
                if move.stage.text in everywhere and any(could_be(rule.when, fact)[0] for fact in facts_at(name)):
                    edges[name].add(move.stage.text)
    for escalation in scope.pipeline.escalations:
        for level in escalation.levels:
            for move in _moves(level.actions):
                for name, stage in scope.stages.items():
                    if move.stage.text in everywhere and not stage.finish:
                        edges[name].add(move.stage.text)
    return edges


def _moves(actions: tuple[s.Action, ...]) -> Iterator[s.Move]:
    for action in actions:
        if isinstance(action, s.Move):
            yield action


def _turned(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    back: dict[str, set[str]] = {name: set() for name in edges}
    for name, after in edges.items():
        for each in after:
            back[each].add(name)
    return back


def _from(starts: list[str], edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = list(starts)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += edges[name]
    return seen
