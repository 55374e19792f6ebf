"""Things nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import names as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic


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
            if isinstance(action, s.Send | s.Notify) and action.template is not None:
                templates.add(action.template.text)
            elif isinstance(action, s.Call):
                called.add(action.connector.text)
        for atom in c.all_atoms(pipeline):
            if isinstance(atom, s.Is):
                # `team is "Billing"` uses the team too.
                teams |= {str(value.value) for value in atom.values}
    if not checking.workspace.pipelines:
        return  # A file by itself: what uses it is elsewhere.
    for name, template in checking.workspace.templates.items():
        if name not in templates:
            yield kinds.UNUSED_DEFINITION.at(template.name.span, sort=_("template"), name=name)
    for name, team in checking.workspace.teams.items():
        if name not in teams:
            yield kinds.UNUSED_DEFINITION.at(team.name.span, sort=_("team"), name=name)
    known = checking.environment.connector_kinds
    kinds_known = None if known is None else {kind.name for kind in known}
    for name, door in checking.workspace.connectors.items():
        if kinds_known is not None and door.kind.text not in kinds_known:
            continue
        if door.direction == "sends" and door.kind.text not in ("email", "whatsapp") and name not in called:
            yield kinds.UNUSED_DEFINITION.at(door.name.span, sort=_("connector"), name=name)
