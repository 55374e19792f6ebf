"""Who is meant: the people an actor of the language stands for, at the moment it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from duly_dsl.program import Actor, Team
from duly_runtime.card import Card
from duly_runtime.engine.graph import Graph


def team_of_card(graph: Graph, card: Card) -> Team | None:
    """The card's team, else its owner's."""
    team = graph.program.teams.get(card.team)
    return team or (graph.team_of(card.owner) if card.owner else None)


def lead(team: Team | None) -> tuple[str, ...]:
    """The lead, or everybody where there is none: somebody must hear of it."""
    if team is None:
        return ()
    return (team.lead,) if team.lead else team.members


def manager(team: Team | None) -> tuple[str, ...]:
    """The manager; where a team has none, its lead."""
    if team is None:
        return ()
    return (team.manager,) if team.manager else lead(team)


def at_level(team: Team | None, number: int) -> tuple[str, ...]:
    """Who is at a level of a team; where it has no such level, its lead."""
    return () if team is None else team.at_level(number) or lead(team)


def owner(graph: Graph, card: Card) -> tuple[str, ...]:
    """The owner; of a card nobody owns, the lead of its team."""
    return (card.owner,) if card.owner else lead(team_of_card(graph, card))


def recipients(graph: Graph, card: Card, actors: Sequence[Actor]) -> tuple[str, ...]:
    """Everybody the actors stand for, each once, in the order they are named."""
    found: dict[str, None] = {}
    for actor in actors:
        found.update(dict.fromkeys(_of(graph, card, actor)))
    return tuple(found)


def _of(graph: Graph, card: Card, actor: Actor) -> tuple[str, ...]:
    teams = graph.program.teams
    match actor.kind:
        case "owner":
            return owner(graph, card)
        case "lead":
            return lead(team_of_card(graph, card))
        case "manager":
            return manager(team_of_card(graph, card))
        case "lead_of":
            return lead(teams.get(actor.name))
        case "manager_of":
            return manager(teams.get(actor.name))
        case "agent":
            return (actor.name,)
        case "level":
            return at_level(team_of_card(graph, card), actor.level)
        case "level_of":
            return at_level(teams.get(actor.name), actor.level)
        case "team" | "least_busy" | "round_robin":
            team = teams.get(actor.name)
            return team.members if team else ()
        case _:
            raise ValueError(f"unknown actor: {actor.kind}")
