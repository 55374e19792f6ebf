"""Levels of a team: who is told, who gets the card, and who belongs to the team."""

from __future__ import annotations

from duly_dsl.compiler import compile_files
from duly_dsl.parser import parse
from duly_dsl.program import Actor, Program
from duly_dsl.source import SourceFile
from duly_runtime.decision import World
from duly_runtime.engine import people
from duly_runtime.engine.step import load
from runtime.desk import Desk

TEAMS = """
team "Front" {
  members ana, bruno
  lead ana
  level 2 carla, diogo
  level 3 eva
}
team "Small" {
  members fabio
  lead fabio
}
pipeline "Support" {
  calendar "Office"
  first reply within 1h
  stage "New" {
    start
    next "Done"
    owner team "Front"
  }
  stage "Done" {
    finish
  }
  escalation "Late" {
    when first reply is missed
    level 1 at once  notify level 2
    level 2 after 1h  assign to level 2
    level 3 after 2h  notify level 3 of "Front" and level 2 of "Small"
  }
  assign when card is created {
    | type     | to                 |
    | question | level 3 of "Front" |
    | else     | team "Front"       |
  }
}
"""


class Front(Desk):
    """The desk of the other tests, with these rules."""

    def __init__(self, world: World | None = None) -> None:
        super().__init__('stage "New" {\nstart\nnext "Done"\n}\nstage "Done" {\nfinish\n}', world=world)
        self.graph = load(program())


def program() -> Program:
    office = 'calendar "Office" {\ntime zone "UTC"\nopen monday to friday 09:00-17:00\n}\n'
    text = office + TEAMS.replace('  calendar "Office"\n', '  calendar "Office"\n  ticket types question, complaint\n')
    parsed = parse(SourceFile("teams.duly", text))
    assert not parsed.diagnostics, parsed.diagnostics
    return compile_files([parsed.file])


def test_a_level_is_told_and_a_team_without_it_is_its_lead() -> None:
    desk = Front().open().until("mon 13:00")
    assert desk.told("escalation") == [
        ("mon 10:00", "carla"),
        ("mon 10:00", "diogo"),
        ("mon 12:00", "eva"),
        ("mon 12:00", "fabio"),
    ]


def test_a_level_gets_the_card_by_load_and_the_team_keeps_it() -> None:
    desk = Front(World(load={"carla": 4, "diogo": 3})).open().until("mon 11:30")
    assert (desk.card.owner, desk.card.team) == ("diogo", "Front")
    assert Front(World(load={"carla": 2, "diogo": 3})).open().until("mon 11:30").card.owner == "carla"


def test_a_table_deals_to_a_level() -> None:
    desk = Front().open(type="question")
    assert (desk.card.owner, desk.card.team) == ("eva", "Front")
    assert Front().open(type="complaint").card.owner == ""


def test_people_at_a_level_belong_to_the_team_and_are_not_dealt_its_cards() -> None:
    graph = load(program())
    front = graph.program.teams["Front"]
    assert front.people == ("ana", "bruno", "carla", "diogo", "eva")
    assert graph.team_of("eva") is front
    desk = Front().open()
    everybody = people.recipients(graph, desk.card, (Actor(kind="team", name="Front"),))
    assert everybody == ("ana", "bruno") == front.at_level(1)
    assert front.at_level(4) == ()
