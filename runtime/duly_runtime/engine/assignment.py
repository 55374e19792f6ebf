"""Giving a card to people: by name, by team, in turn, or to whoever has least to do."""

from __future__ import annotations

from collections.abc import Sequence

from duly_dsl.program import Actor, Assign, EventAtom, Team
from duly_runtime.engine import people
from duly_runtime.engine.work import Fact, Work

BY_OTHER_CARDS = ("least_busy", "round_robin", "level", "level_of")
"""Kinds of actors among whom it depends on other cards who gets this one."""


def give(work: Work, owner: str, team: str, *, author: str = "") -> None:
    """Make them owner and team of the card; `card is assigned` is a fact where someone new has it."""
    card = work.card
    if (owner, team) == (card.owner, card.team):
        return
    if owner != card.owner:
        work.assigned[owner] = work.assigned.get(owner, 0) + 1
        work.assigned[card.owner] = work.assigned.get(card.owner, 0) - 1
    work.update(owner=owner, team=team)
    work.say(
        "owner.changed",
        {"from": card.owner, "to": owner, "from_team": card.team, "to_team": team},
        author=author,
    )
    new_owner, new_team = owner != card.owner, team != card.team
    if new_owner:
        work.changed.add("owner")
        work.fact("changes", subject="owner")
    if new_team:
        work.changed.add("team")
        work.fact("changes", subject="team")
    if owner if new_owner else (team and new_team and not owner):
        work.fact("card is assigned")


def assign(work: Work, actor: Actor) -> None:
    """Give the card to whom an actor stands for. A team takes it without an owner, unless the owner is one of them."""
    card, program = work.card, work.graph.program
    match actor.kind:
        case "team":
            team = program.teams.get(actor.name)
            keeps = team is not None and card.owner and card.owner in team.people
            give(work, card.owner if keeps else "", actor.name)
        case "least_busy" | "round_robin":
            team = program.teams.get(actor.name)
            if team is not None and team.members:
                pick = _least_busy(work, team.members) if actor.kind == "least_busy" else _next_in_turn(work, team)
                give(work, pick, team.name)
        case "level" | "level_of":
            team = program.teams.get(actor.name) if actor.name else people.team_of_card(work.graph, card)
            found = people.at_level(team, actor.level)
            if team is not None and found:
                give(work, _least_busy(work, found), team.name)
        case _:
            found = people.recipients(work.graph, card, (actor,))
            if found:
                give(work, found[0], team_for(work, found[0]))


def team_for(work: Work, person: str) -> str:
    """The card's team where the person is in it, else the person's own; the card's where they are in none."""
    team = work.graph.program.teams.get(work.card.team)
    if team is not None and person in team.people:
        return team.name
    own = work.graph.team_of(person)
    return own.name if own else work.card.team


def by_table(work: Work, fact: Fact, tables: Sequence[Assign]) -> None:
    """Assignment tables that wait for facts of this kind; in each that waits for this one the first row that matches
    decides."""
    for table in tables:
        if _waits_for(work, table, fact):
            place = work.first(table.rows, fact)
            if place >= 0:
                row = table.rows[place]
                work.graph.saw(row)
                assign(work, row.to)


def _waits_for(work: Work, table: Assign, fact: Fact) -> bool:
    if table.stage and table.stage != fact.stage:
        return False
    atom = work.graph.program.predicates[table.event]
    assert isinstance(atom, EventAtom)
    return not (atom.metric and atom.metric != fact.metric) and not (atom.subject and atom.subject != fact.subject)


def _least_busy(work: Work, among: tuple[str, ...]) -> str:
    """By open cards, those given in this step counted; among equals the order of the file."""
    return min(among, key=lambda person: work.world.load.get(person, 0) + work.assigned.get(person, 0))


def _next_in_turn(work: Work, team: Team) -> str:
    dealt = work.cursors.get(team.name, work.world.cursors.get(team.name, 0))
    work.cursors[team.name] = dealt + 1
    return team.members[dealt % len(team.members)]
