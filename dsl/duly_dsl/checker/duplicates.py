"""One name, two things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import names as kinds
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic


def check(checking: Checking) -> Iterator[Diagnostic]:
    files = checking.files
    yield from _twice(_("calendar"), (each.name for file in files for each in file.calendars))
    yield from _twice(_("person"), (each.name for file in files for each in file.people))
    yield from _twice(_("team"), (each.name for file in files for each in file.teams))
    yield from _twice(_("pipeline"), (each.name for file in files for each in file.pipelines))
    yield from _twice(_("connector"), (each.name for file in files for each in file.connectors))
    yield from _twice(_("template"), (each.name for file in files for each in file.templates))
    yield from _twice(_("test"), (each.name for file in files for each in file.tests))
    yield from _twice(_("report"), (each.name for file in files for each in file.reports))
    for file in files:
        for pipeline in file.pipelines:
            yield from _twice(_("field"), (each.name for each in pipeline.fields), fold=True)
            yield from _twice(_("stage"), (each.name for each in pipeline.stages))
            yield from _twice(_("clock"), (each.name for each in pipeline.clocks))
            yield from _twice(_("escalation"), (each.name for each in pipeline.escalations))
            yield from _twice(_("rule"), (each.name for each in pipeline.rules))
            yield from _twice(_("priority"), pipeline.priorities)
            yield from _twice(_("ticket type"), pipeline.types)
            for field in pipeline.fields:
                yield from _twice(_("choice"), field.choices)
            yield from _old_names(_("field"), [(each.name, each.was) for each in pipeline.fields])
            yield from _old_names(_("stage"), [(each.name, each.was) for each in pipeline.stages])
            yield from _old_names(_("clock"), [(each.name, each.was) for each in pipeline.clocks])
        for team in file.teams:
            yield from _twice(_("member"), team.members)
            for level in team.levels:
                yield from _twice(_("member"), level.people)
    yield from _old_names(_("pipeline"), [(each.name, each.was) for file in files for each in file.pipelines])


def _twice(sort: str, names: Iterable[s.Name], fold: bool = False) -> Iterator[Diagnostic]:
    seen: dict[str, s.Name] = {}
    for name in names:
        key = name.text.casefold() if fold else name.text
        first = seen.setdefault(key, name)
        if first is not name:
            related = ((first.span, _("first defined here")),)
            yield kinds.DUPLICATE_NAME.at(name.span, related=related, sort=sort, name=name.text)


def _old_names(sort: str, things: list[tuple[s.Name, tuple[s.Name, ...]]]) -> Iterator[Diagnostic]:
    taken = {name.text: name for name, _was in things}
    for _name, was in things:
        for old in was:
            other = taken.setdefault(old.text, old)
            if other is not old:
                related = ((other.span, _("the other one")),)
                yield kinds.RENAME_CLASH.at(old.span, related=related, sort=sort, name=old.text)
