"""What a change of version may do to cards without anybody meaning it: the diagnostics of a plan."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from duly_dsl.catalogue.fixes import ADD_WAS
from duly_dsl.catalogue.plans import FIELD_STILL_HELD, RENAME_WITHOUT_WAS, STAGE_STILL_HOLDS
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.meaning.side import Side
from duly_dsl.program import Pipeline, Program
from duly_dsl.source import Span

ALIKE = 0.6
"""Names at least this close may be one name changed."""
SAME = 0.95
"""What is said of two things at least this close may be one thing renamed."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Open cards by what they hold on to, as the version now live calls it."""

    stages: Mapping[tuple[str, str], int] = {}
    """(pipeline, stage) -> cards in it."""
    fields: Mapping[tuple[str, str], int] = {}
    """(pipeline, field) -> cards with a value in it."""

    def of_pipeline(self, name: str) -> int:
        return sum(count for (pipeline, _), count in self.stages.items() if pipeline == name)


def problems(old: Program, new: Program, held: Held) -> tuple[Diagnostic, ...]:
    """In the order of the places they point at."""
    found: list[Diagnostic] = []
    sides = Side(old), Side(new)
    pipelines = _gone(old.pipelines.values(), new.pipelines.values())
    suspects = _pairs(pipelines, [each for each in new.pipelines.values() if each.name not in old.pipelines], sides)
    for was, now in suspects:
        found.append(_renamed("pipeline", was, now))
    for each in pipelines:
        if held.of_pipeline(each.name) and each not in [was for was, _ in suspects]:
            found.append(
                STAGE_STILL_HOLDS.at(_near(new, each), sort="pipeline", name=each.name, count=held.of_pipeline(each.name))
            )
    for pipeline in new.pipelines.values():
        was = next((old.pipelines[name] for name in (pipeline.name, *pipeline.was) if name in old.pipelines), None)
        if was is not None:
            found += _inside(was, pipeline, held, sides)
    suspects = _pairs(
        _gone(old.templates.values(), new.templates.values()),
        [each for each in new.templates.values() if each.name not in old.templates],
        sides,
    )
    found += [_renamed("template", was, now) for was, now in suspects]
    return tuple(sorted(found, key=lambda problem: (problem.span, problem.code)))


def _inside(was: Pipeline, now: Pipeline, held: Held, sides: tuple[Side, Side]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    gone = _gone(was.stages, now.stages)
    names = {each.name for each in was.stages}
    suspects = _pairs(gone, [each for each in now.stages if each.name not in names and not each.was], sides)
    found += [_renamed("stage", old, new) for old, new in suspects]
    for stage in gone:
        count = held.stages.get((was.name, stage.name), 0)
        if count and stage not in [old for old, _ in suspects]:
            found.append(STAGE_STILL_HOLDS.at(now.span, sort="stage", name=stage.name, count=count))
    gone = _gone(was.fields, now.fields)
    names = {each.name for each in was.fields}
    suspects = _pairs(gone, [each for each in now.fields if each.name not in names and not each.was], sides)
    found += [_renamed("field", old, new) for old, new in suspects]
    for field in gone:
        count = held.fields.get((was.name, field.name), 0)
        if count and field not in [old for old, _ in suspects]:
            found.append(FIELD_STILL_HELD.at(now.span, name=field.name, pipeline=now.name, count=count))
    return found


def _gone(old: Iterable[Any], new: Iterable[Any]) -> list[Any]:
    """Of `old`, what no name of `new` and no `was` leads to."""
    named: set[str] = set()
    for each in new:
        named |= {each.name, *getattr(each, "was", ())}
    return [each for each in old if each.name not in named]


def _pairs(gone: list[Any], fresh: list[Any], sides: tuple[Side, Side]) -> list[tuple[Any, Any]]:
    """What may be one thing under a new name: the likeliest first, each taken once."""
    likely: list[tuple[float, int, int]] = []
    for here, was in enumerate(gone):
        for there, now in enumerate(fresh):
            name = difflib.SequenceMatcher(None, was.name.casefold(), now.name.casefold()).ratio()
            said = [_said(side, each) for side, each in zip(sides, (was, now), strict=True)]
            content = difflib.SequenceMatcher(None, *said, autojunk=False).ratio() if len(said[0]) < 20_000 else 0.0
            # What says next to nothing is like everything else that does.
            telling = min(len(each) for each in said) > LEAST or said[0] == said[1]
            if name >= ALIKE or (content >= SAME and telling):
                likely.append((max(name, content), here, there))
    pairs: list[tuple[Any, Any]] = []
    for _, here, there in sorted(likely, key=lambda each: (-each[0], each[1], each[2])):
        if gone[here] not in [was for was, _ in pairs] and fresh[there] not in [now for _, now in pairs]:
            pairs.append((gone[here], fresh[there]))
    return pairs


LEAST = 100
"""Characters a thing must say before its likeness to another tells anything."""


def _said(side: Side, thing: Any) -> str:
    """All that is said of a thing but its name, without what is not said of it."""
    return msgspec.json.encode({**_spoken(side.plain(thing)), "name": "", "": ""}).decode()


def _spoken(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _spoken(each) for key, each in cast(dict[str, Any], part).items() if each not in (None, "", [], False)}
    return [_spoken(each) for each in cast(list[Any], part)] if isinstance(part, list) else part


def _renamed(sort: str, was: Any, now: Any) -> Diagnostic:
    fixes: tuple[Fix, ...] = ()
    if sort in ("stage", "pipeline", "field") and not now.was:
        head = now.span.column + len(f'{sort} "{now.name}"')
        place = Span(now.span.path, now.span.line, head, now.span.line, head)
        fixes = (Fix(ADD_WAS, place, f' was "{was.name}"', sure=False),)
    return RENAME_WITHOUT_WAS.at(now.span, fixes=fixes, sort=sort, name=was.name, new=now.name)


def _near(new: Program, gone: Pipeline) -> Span:
    """Where to point at for what is gone: the file it was in."""
    for each in new.pipelines.values():
        if each.span.path == gone.span.path:
            return each.span
    return gone.span
