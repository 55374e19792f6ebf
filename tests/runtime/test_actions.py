"""Every action of the language, and every word that can be added to one: what it changes, and that nothing else does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from duly_runtime.decision import CallWebhook, MessageCustomer, NotifyPerson
from runtime.desk import Desk

GRAMMAR = Path(__file__).parents[2] / "dsl" / "duly_dsl" / "duly.lark"

PIPELINE = """
  field "Tier" choice gold, basic default basic
  ticket types question, complaint
  excuses "Storm"
  clock "Parcel" {
    start when card has tag "never"
    stop when card has tag "never either"
    within 8h
  }
  clock "Refund" {
    start when customer replies
    stop when card has tag "never"
    within 8h
  }
  stage "Open" {
    start
    next "Wait", "Done"
    owner agent bruno
    first reply within 1h
  }
  stage "Wait" { next "Open", "Done" }
  stage "Done" { finish }
  rule "This" {
    when type changes
    then %s
  }
  rule "Old" {
    when card is created
    then tag "old"
  }
"""

Seen = dict[str, Any]


def seen(action: str) -> Seen:
    """What is so after a rule has acted on a card of bruno's (of the team Desk) whose first reply was missed."""
    desk = Desk(PIPELINE % action).writes("hello", tier="basic").until("mon 11:00")
    before = len(desk.effects), len(desk.entries)
    desk.sets(type="complaint")
    card = desk.card
    effects = [_effect(effect) for _, effect in desk.effects[before[0] :]]
    said = [entry.details.get("text", "") for entry in desk.entries[before[1] :] if entry.kind == "note.added"]
    whys = [entry.details.get("reason", "") for entry in desk.entries[before[1] :] if entry.kind == "stage.entered"]
    return {
        "priority": card.priority,
        "stage": card.stage,
        "owner": (card.owner, card.team),
        "tags": card.tags,
        "tier": card.fields["Tier"],
        "once": card.sent_once,
        "clocks": {clock.metric: clock.state.value for clock in card.clocks},
        "excused": desk.clock("first reply").excuse is not None,
        "effects": effects,
        "notes": said,
        "reasons": whys,
    }


def _effect(effect: object) -> tuple[str, ...]:
    match effect:
        case NotifyPerson(person=person, channel=channel, template=template, about=about):
            return ("notice", person, channel, template, about)
        case MessageCustomer(template=template, text=text, outside=outside):
            return ("message", template, text, outside)
        case CallWebhook(connector=connector, event=event):
            return ("call", connector, event)
        case _:
            raise TypeError(effect)


NOTHING = seen('tag "old"')
"""What is so where the rule does nothing: the card has the tag already."""


def notice(person: str, channel: str = "", template: str = "") -> tuple[str, ...]:
    return ("notice", person, channel, template, "rule")


TABLE: list[tuple[str, str, Seen]] = [
    ("notify", "notify owner", {"effects": [notice("bruno")]}),
    ("notify", "notify owner by app", {"effects": [notice("bruno", "app")]}),
    ("notify", "notify owner by email", {"effects": [notice("bruno", "email")]}),
    ("notify", "notify owner by whatsapp", {"effects": [notice("bruno", "whatsapp")]}),
    ("notify", 'notify owner using "Hello"', {"effects": [notice("bruno", "", "Hello")]}),
    ("notify", 'notify manager by email using "Hello"', {"effects": [notice("diogo", "email", "Hello")]}),
    ("notify", "notify lead and owner", {"effects": [notice("ana"), notice("bruno")]}),
    ("notify", 'notify lead of "Desk" and agent carla', {"effects": [notice("ana"), notice("carla")]}),
    ("notify", 'notify manager of "Money"', {"effects": [notice("diogo")]}),
    ("notify", 'notify team "Money"', {"effects": [notice("carla"), notice("bruno")]}),
    ("set", "set priority to low", {"priority": "low"}),
    ("set", "set tier to gold", {"tier": "gold"}),
    ("tag", 'tag "new"', {"tags": ("old", "new")}),
    ("untag", 'untag "old"', {"tags": ()}),
    ("assign_to", "assign to agent ana", {"owner": ("ana", "Desk")}),
    ("assign_to", 'assign to team "Money"', {"owner": ("bruno", "Money")}),
    ("assign_to", 'assign to least busy of "Money"', {"owner": ("carla", "Money")}),
    ("assign_to", 'assign to round robin of "Money"', {"owner": ("carla", "Money")}),
    ("move", 'move to "Wait"', {"stage": "Wait", "reasons": [""]}),
    ("move", 'move to "Wait" because "why not"', {"stage": "Wait", "reasons": ["why not"]}),
    ("send", 'send "Hello"', {"effects": [("message", "Hello", "", "")]}),
    ("send", 'send "Hello" once', {"effects": [("message", "Hello", "", "")], "once": ("Hello",)}),
    (
        "outside",
        'send "Hello" or outside window send "Still there?"',
        {"effects": [("message", "Hello", "", "Still there?")]},
    ),
    ("reply", 'reply "Hi {customer.name}"', {"effects": [("message", "", "Hi {customer.name}", "")]}),
    (
        "outside",
        'reply "Hi" or outside window send "Still there?"',
        {"effects": [("message", "", "Hi", "Still there?")]},
    ),
    ("call", 'call "Shop events"', {"effects": [("call", "Shop events", "rule.fired")]}),
    ("raise_priority", "raise priority", {"priority": "high"}),
    ("lower_priority", "lower priority", {"priority": "low"}),
    ("add_note", 'add note "now {priority} in {stage}"', {"notes": ["now normal in Open"]}),
    ("excuse", 'excuse first reply because "Storm"', {"excused": True}),
    ("start_clock", 'start clock "Parcel"', {"clocks": {**NOTHING["clocks"], "Parcel": "running"}}),
    ("stop_clock", 'stop clock "Refund"', {"clocks": {**NOTHING["clocks"], "Refund": "done"}}),
]


@pytest.mark.parametrize(("action", "changes"), [row[1:] for row in TABLE], ids=[row[1] for row in TABLE])
def test_an_action_does_what_it_says_and_nothing_else(action: str, changes: Seen) -> None:
    found = seen(action)
    assert {key: value for key, value in found.items() if value != NOTHING[key]} == changes


def test_every_action_of_the_grammar_is_in_the_table() -> None:
    (rule,) = re.findall(r"(?m)^_action: (.*(?:\n +\|.*)*)", GRAMMAR.read_text(encoding="utf-8"))
    actions = set(re.findall(r"\w+", rule))
    assert len(actions) > 10
    assert actions - {name for name, _, _ in TABLE} == set()


def test_actions_of_one_rule_are_done_in_their_order() -> None:
    found = seen('raise priority then add note "{priority}" then set priority to low then add note "{priority}"')
    assert (found["priority"], found["notes"]) == ("low", ["high", "low"])


def test_once_is_once_a_card() -> None:
    desk = Desk(PIPELINE % 'send "Hello" once').writes().until("mon 11:00")
    for kind in ("question", "complaint", "question"):
        desk.sets(type=kind)
    assert len([effect for _, effect in desk.effects if isinstance(effect, MessageCustomer)]) == 1
