"""Notices that can't arrive."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import calendars as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.scope import NOTICE_CHANNELS


def check(checking: Checking) -> Iterator[Diagnostic]:
    sending = {door.kind.text for door in checking.workspace.connectors.values() if door.direction != "receives"}
    for scope in checking.scopes:
        for actor, channel in c.told_of(scope.pipeline):
            if channel is None or channel.text == "app":
                continue
            if channel.text not in NOTICE_CHANNELS:
                yield c.unknown(kinds.BAD_NOTICE_CHANNEL, channel, NOTICE_CHANNELS)
                continue
            if channel.text not in sending:
                yield kinds.NO_DOOR.at(channel.span, channel=channel.text)
            yield from _address(checking, actor, channel.text)


def _address(checking: Checking, actor: s.Actor, channel: str) -> Iterator[Diagnostic]:
    for name in _named(checking, actor):
        person = checking.workspace.people.get(name)
        if person is None:
            continue
        if channel == "email" and person.email is None:
            line, sort = 'email "…"', _("e-mail address")
        elif channel == "whatsapp" and person.phone is None:
            line, sort = 'phone "…"', _("phone number")
        else:
            continue
        yield kinds.NO_ADDRESS.at(actor.span, person=name, sort=sort, channel=channel, line=line)


def _named(checking: Checking, actor: s.Actor) -> list[str]:
    """The people an actor is for sure, from the files alone."""
    if actor.name is None:
        return []
    if actor.kind == "agent":
        return [actor.name.text]
    team = checking.workspace.teams.get(actor.name.text)
    if team is None:
        return []
    match actor.kind:
        case "lead":
            return [team.lead.text] if team.lead else []
        case "manager_of":
            return [team.manager.text] if team.manager else []
        case "level_of":
            return [person.text for level in team.levels if level.number == actor.level for person in level.people]
        case "team":
            return [member.text for member in team.members]
        case _:
            return []
