"""Teams with nobody in them, and roles nobody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
        yield from _levels(team)
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
        for actor in [*owners, *(actor for actor, _channel in c.told_of(pipeline))]:
            yield from _level(actor, teams, met)
        gives = bool(owners)
        first = next((actor for actor, _channel in c.told_of(pipeline) if actor.kind == "owner"), None)
        if first is not None and not gives and not nobody:
            yield kinds.OWNER_REQUIRED.at(first.span, pipeline=pipeline.name.text)
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


def _levels(team: s.Team) -> Iterator[Diagnostic]:
    """The levels of a team count from 2, each once."""
    seen: dict[int, s.TeamLevel] = {}
    for level in team.levels:
        if level.number < 2:
            yield kinds.LEVEL_OF_MEMBERS.at(level.span, number=level.number)
        elif seen.setdefault(level.number, level) is not level:
            related = ((seen[level.number].span, _("the other one")),)
            yield kinds.LEVEL_TWICE.at(level.span, related=related, number=level.number, name=team.name.text)


def _level(actor: s.Actor, teams: Mapping[str, s.Team], met: list[s.Team]) -> Iterator[Diagnostic]:
    """A level nobody is at."""
    if actor.kind not in ("level", "level_of") or actor.level == 1:
        return
    if actor.name is None:
        if not any(level.number == actor.level for team in met for level in team.levels):
            reason = _("no team of this pipeline has one") if met else _("there is no team")
            yield kinds.NOBODY.at(actor.span, found=f"level {actor.level}", reason=reason)
    elif actor.name.text in teams and not any(level.number == actor.level for level in teams[actor.name.text].levels):
        found = f"level {actor.level} of {c.quoted(actor.name.text)}"
        yield kinds.NOBODY.at(actor.span, found=found, reason=_("the team has none"))


def _has(team: s.Team, role: str) -> bool:
    return (team.lead if role == "lead" else team.manager) is not None
