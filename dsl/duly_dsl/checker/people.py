"""Teams with nobody in them, and roles nobody has."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import calendars as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic

_ROLES = {"lead_of_owner": "lead", "lead": "lead", "manager": "manager", "manager_of": "manager"}
_CANNOT_OWN = {
    "owner": "owner",
    "lead_of_owner": "lead",
    "lead": "lead of",
    "manager": "manager",
    "manager_of": "manager of",
}


def check(checking: Checking) -> Iterator[Diagnostic]:
    teams = checking.workspace.teams
    for team in teams.values():
        if not team.members:
            yield kinds.EMPTY_TEAM.at(team.name.span, name=team.name.text)
    # Only a server can tell: elsewhere people may have accounts the files don't show.
    nobody = checking.environment.people is not None and not checking.workspace.known_people and not teams
    for scope in checking.scopes:
        pipeline = scope.pipeline
        owners = list(c.owners_of(pipeline))
        for owner in owners:
            if owner.kind in _CANNOT_OWN:
                yield kinds.CANNOT_OWN.at(owner.span, found=_CANNOT_OWN[owner.kind])
        own = {owner.name.text for owner in owners if owner.name is not None and owner.kind != "agent"}
        # A person may hand any card to any team, so a pipeline that names none can meet all of them.
        met = [team for name, team in teams.items() if name in own] or list(teams.values())
        for actor, _channel in c.told_of(pipeline):
            if actor.kind == "owner" and nobody:
                yield kinds.NOBODY.at(actor.span, found="owner", reason=_("nobody works here yet"))
            role = _ROLES.get(actor.kind)
            if role is None:
                continue
            if actor.name is None:
                if not any(_has(team, role) for team in met):
                    reason = _("no team of this pipeline has one") if met else _("there is no team")
                    yield kinds.NOBODY.at(actor.span, found=role, reason=reason)
            elif actor.name.text in teams and not _has(teams[actor.name.text], role):
                found = f"{role} of {c.quoted(actor.name.text)}"
                yield kinds.NOBODY.at(actor.span, found=found, reason=_("the team has none"))


def _has(team: s.Team, role: str) -> bool:
    return (team.lead if role == "lead" else team.manager) is not None
