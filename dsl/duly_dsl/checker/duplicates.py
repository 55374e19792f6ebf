"""One name, two things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import names as kinds
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic


def check(checking: Checking) -> Iterator[Diagnostic]:
    files = checking.files
    yield from _twice("calendar", (each.name for file in files for each in file.calendars))
    yield from _twice("person", (each.name for file in files for each in file.people))
    yield from _twice("team", (each.name for file in files for each in file.teams))
    yield from _twice("pipeline", (each.name for file in files for each in file.pipelines))
    yield from _twice("connector", (each.name for file in files for each in file.connectors))
    yield from _twice("template", (each.name for file in files for each in file.templates))
    yield from _twice("test", (each.name for file in files for each in file.tests))
    for file in files:
        for pipeline in file.pipelines:
            yield from _twice("field", (each.name for each in pipeline.fields), fold=True)
            yield from _twice("stage", (each.name for each in pipeline.stages))
            yield from _twice("escalation", (each.name for each in pipeline.escalations))
            yield from _twice("rule", (each.name for each in pipeline.rules))
            yield from _twice("priority", pipeline.priorities)
            yield from _twice("ticket type", pipeline.types)
            for field in pipeline.fields:
                yield from _twice("choice", field.choices)
            yield from _old_names("stage", [(each.name, each.was) for each in pipeline.stages])
        for team in file.teams:
            yield from _twice("member", team.members)
    yield from _old_names("pipeline", [(each.name, each.was) for file in files for each in file.pipelines])


def _twice(sort: str, names: Iterable[s.Name], fold: bool = False) -> Iterator[Diagnostic]:
    seen: dict[str, s.Name] = {}
    for name in names:
        key = name.text.casefold() if fold else name.text
        first = seen.setdefault(key, name)
        if first is not name:
            related = ((first.span, "first defined here"),)
            yield kinds.DUPLICATE_NAME.at(name.span, related=related, sort=sort, name=name.text)


def _old_names(sort: str, things: list[tuple[s.Name, tuple[s.Name, ...]]]) -> Iterator[Diagnostic]:
    taken = {name.text: name for name, _ in things}
    for _, was in things:
        for old in was:
            other = taken.setdefault(old.text, old)
            if other is not old:
                related = ((other.span, "the other one"),)
                yield kinds.RENAME_CLASH.at(old.span, related=related, sort=sort, name=old.text)
