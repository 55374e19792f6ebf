"""Things nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import placeholders
from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import names as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic, Fix, no_statement
from duly_dsl.scope import Scope


def check(checking: Checking) -> Iterator[Diagnostic]:
    templates: set[str] = set()
    teams: set[str] = set()
    called: set[str] = set()
    for scope in checking.scopes:
        pipeline = scope.pipeline
        actors = [*c.owners_of(pipeline), *(actor for actor, _channel in c.told_of(pipeline))]
        teams |= {actor.name.text for actor in actors if actor.name is not None and actor.kind != "agent"}
        templates |= {alert.template.text for alert in c.alerts_of(pipeline) if alert.template is not None}
        for action in c.actions_of(pipeline):
            templates |= {name.text for name in c.templates_of(action)}
            if isinstance(action, s.Call):
                called.add(action.connector.text)
        for atom in c.all_atoms(pipeline):
            if isinstance(atom, s.Is):
                # `team is "Billing"` uses the team too.
                teams |= {str(value.value) for value in atom.values}
    if not checking.workspace.pipelines:
        return  # A file by itself: what uses it is elsewhere.
    used = {scope.pipeline.calendar.text for scope in checking.scopes if scope.pipeline.calendar is not None}
    clocks = [clock for scope in checking.scopes for clock in scope.pipeline.clocks]
    used |= {clock.calendar.text for clock in clocks if clock.calendar is not None}
    limits = [
        *(each for file in checking.files for each in file.limits),
        *(scope.pipeline.limits for scope in checking.scopes),
    ]
    used |= {
        quiet.calendar.text for each in limits if each is not None for quiet in each.quiet if quiet.calendar is not None
    }
    used |= {test.zone_of.text for file in checking.files for test in file.tests if test.zone_of is not None}
    sure = used and used <= set(checking.workspace.calendars)  # else the name that is wrong is said, or the line missing
    for name, calendar in checking.workspace.calendars.items():
        if name not in used and sure:
            yield kinds.UNUSED_DEFINITION.at(calendar.name.span, fixes=_removed(calendar), sort=_("calendar"), name=name)
    yield from _fields(checking)
    yield from _people(checking)
    for name, template in checking.workspace.templates.items():
        if name not in templates and template.approval is None:  # people send the approved ones, too
            yield kinds.UNUSED_DEFINITION.at(template.name.span, fixes=_removed(template), sort=_("template"), name=name)
    for name, team in checking.workspace.teams.items():
        if name not in teams:
            yield kinds.UNUSED_DEFINITION.at(team.name.span, fixes=_removed(team), sort=_("team"), name=name)
    known = checking.environment.connector_kinds
    kinds_known = None if known is None else {kind.name for kind in known}
    for name, door in checking.workspace.connectors.items():
        if kinds_known is not None and door.kind.text not in kinds_known:
            continue
        if (
            door.direction == "sends"
            and door.events is None
            and door.kind.text not in ("email", "whatsapp")
            and name not in called
        ):
            yield kinds.UNUSED_DEFINITION.at(door.name.span, fixes=_removed(door), sort=_("connector"), name=name)


def _removed(thing: s.Node) -> tuple[Fix, ...]:
    """Whether it is to go, or to be used, somebody must say."""
    return (no_statement(thing.span, titles.OMIT, sure=False),)


def _fields(checking: Checking) -> Iterator[Diagnostic]:
    """Fields that no line reads, writes or asks for."""
    texts = [
        variant.text.value
        for template in checking.workspace.templates.values()
        for variant in (*template.variants, *template.subject, *template.headers)
    ]
    for scope in checking.scopes:
        own = [a.text.value for a in c.actions_of(scope.pipeline) if isinstance(a, s.Reply | s.AddNote)]
        shown = {name.casefold() for name in placeholders.names(*texts, *own)}
        used = {name.text.casefold() for name in _named(checking, scope)} | shown
        used |= {name.text.casefold() for file in checking.files for report in file.reports for name in report.by}
        for name, field in scope.fields.items():
            if name.casefold() not in used and not field.required_to_leave:
                yield kinds.UNUSED_FIELD.at(field.name.span, fixes=_removed(field), name=name)


def _named(checking: Checking, scope: Scope) -> Iterator[s.Name]:
    for atom in c.all_atoms(scope.pipeline):
        if isinstance(atom, s.Is | s.IsEmpty | s.Compare | s.EventIs) and atom.operand is not None:
            yield atom.operand.name
    for table in c.tables_of(scope.pipeline):
        yield from (column.operand.name for column in table.columns if column.operand is not None)
    for action in c.actions_of(scope.pipeline):
        if isinstance(action, s.Set):
            yield action.operand.name
    for door in checking.workspace.connectors.values():
        if door.pipeline is not None and door.pipeline.text == scope.pipeline.name.text:
            yield from (row.target for row in door.map)


def _people(checking: Checking) -> Iterator[Diagnostic]:
    """People in no team, whom no line names."""
    met: set[str] = set()
    for team in checking.workspace.teams.values():
        met |= {name.text for name in (*team.members, team.lead, team.manager) if name is not None}
        met |= {name.text for level in team.levels for name in level.people}
    for scope in checking.scopes:
        actors = [*c.owners_of(scope.pipeline), *(actor for actor, _channel in c.told_of(scope.pipeline))]
        met |= {actor.name.text for actor in actors if actor.kind == "agent" and actor.name is not None}
        for atom in c.all_atoms(scope.pipeline):
            if isinstance(atom, s.Is):
                met |= {str(value.value) for value in atom.values}
    for name, person in checking.workspace.people.items():
        if name not in met:
            yield kinds.UNUSED_PERSON.at(person.name.span, name=name)
