"""Limits of stages: told once a crossing, and rules may act on it."""

from __future__ import annotations

from typing import Any

from duly_runtime.decision import Decision, NotifyPerson, World
from duly_runtime.engine.step import load, step
from duly_runtime.events import Event, MoveCard, OpenCard
from runtime.desk import Desk, at, program

BODY = """
stage "New" {
  start
  next "Doing", "Done"
  at most 2 cards
  owner team "Desk"
}
stage "Doing" was "Working" {
  next "New", "Done"
}
stage "Done" {
  finish
}
rule "Full" {
  when too many cards in "New"
  then tag "full"
}
rule "Through" {
  when card is created and priority is urgent
  then move to "Doing"
}
"""
NEW = ("Support", "New")


def held(count: int, *, over: bool = False) -> World:
    return World(stages={NEW: count}, over=frozenset({NEW} if over else ()), next_card_id=7, next_card_number=7)


def arrives(world: World, *, backfill: bool = False, **fields: Any) -> Decision:
    event = Event(at=at("mon 10:00"), body=OpenCard(pipeline="Support", fields=fields), backfill=backfill)
    return step(load(program(BODY)), None, event, at("mon 10:00"), world)


def told(decision: Decision) -> list[str]:
    return [each.person for each in decision.effects if isinstance(each, NotifyPerson) and each.about == "limit"]


def test_the_card_that_is_one_too_many_tells_the_lead_and_sets_off_rules() -> None:
    decision = arrives(held(2))
    assert told(decision) == ["ana"]
    assert decision.over == {NEW: True}
    assert decision.card is not None
    assert decision.card.tags == ("full",)
    assert decision.card.stage == "New"
    (entry,) = [entry for entry in decision.entries if entry.kind == "stage.over"]
    assert entry.details == {"stage": "New", "cards": "3", "limit": "2", "to": "ana"}


def test_within_the_limit_or_told_already_nothing_is_said() -> None:
    for world in (held(1), held(5, over=True)):
        decision = arrives(world)
        assert told(decision) == []
        assert decision.over == {}
        assert decision.card is not None
        assert decision.card.tags == ()


def test_a_card_that_only_passes_through_counts_nothing() -> None:
    decision = arrives(held(2), priority="urgent")
    assert decision.card is not None
    assert decision.card.stage == "Doing"
    assert (told(decision), decision.over) == ([], {})


def test_an_import_tells_nobody_and_leaves_it_to_the_next() -> None:
    decision = arrives(held(2), backfill=True)
    assert (told(decision), decision.over) == ([], {})


def test_leaving_makes_room_to_tell_again() -> None:
    desk = Desk(BODY).open()
    moved = Event(at=at("mon 11:00"), body=MoveCard(stage="Doing", author="ana"))
    down = step(desk.graph, desk.card, moved, at("mon 11:00"), held(3, over=True))
    assert down.over == {NEW: False}
    still = step(desk.graph, desk.card, moved, at("mon 11:00"), held(4, over=True))
    assert still.over == {}


def test_the_graph_names_stages_with_limits_and_their_old_names() -> None:
    graph = load(program(BODY.replace("  at most 2 cards\n", "").replace('next "New"', 'at most 4 cards\n  next "New"')))
    assert graph.limited == (("Support", "Doing", "Support", "Doing"), ("Support", "Doing", "Support", "Working"))
