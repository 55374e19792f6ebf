"""`send events …`: what a connector is told, when, with which payload; and the catalogue that says so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from duly_dsl import events
from duly_dsl.program import Connector
from duly_runtime import catalogue
from duly_runtime.effects import CallWebhook
from duly_runtime.engine.announcing import card_data
from duly_runtime.engine.graph import Graph
from duly_runtime.events import (
    Acknowledge,
    AssignCard,
    Contact,
    CustomerMessage,
    ExcuseMiss,
    InternalNote,
    MergeCard,
    Recompute,
    SplitCard,
    TagCard,
    UnmergeCard,
)
from runtime.desk import Desk, at, when

PIPELINE = """
  priorities high, normal, low
  field "Tier" choice gold, basic
  excuses "Storm" by agent
  first reply within 4h
  resolved within 3 working days
  stage "New" {
    start
    next "Doing", "Waiting", "Done"
  }
  stage "Doing" { next "Waiting", "Done" }
  stage "Waiting" {
    next "Doing", "Done"
    pause resolved
  }
  stage "Done" {
    finish
    reopen within 5 calendar days to "Doing"
  }
  escalation "Late" {
    when first reply is missed
    level 1 at once notify agent carla
    level 2 after 1h call "Shop events"
  }
  rule "Tell" {
    when priority changes
    then tag "seen"
    then call "Shop events"
  }
"""


def desk(body: str = PIPELINE, *, of: tuple[str, ...] = events.EVENTS, **more: Any) -> Desk:
    """A desk whose connector is told of these events."""
    made = Desk(body)
    listening(made, of=of, **more)
    return made


def listening(made: Desk, *, of: tuple[str, ...] = events.EVENTS, **more: Any) -> None:
    known = made.graph.program.connectors["Shop events"]
    connectors = {"Shop events": replace(known, events=events.named(of), **more)}
    made.graph = Graph(replace(made.graph.program, connectors=connectors, hash=""))


def calls(made: Desk) -> list[CallWebhook]:
    return [effect for _, effect in made.effects if isinstance(effect, CallWebhook)]


def told(made: Desk, event: str = "") -> list[tuple[str, str]]:
    return [(when(call.at), call.event) for call in calls(made) if event in ("", call.event)]


def posted(call: CallWebhook) -> dict[str, Any]:
    assert call.card is not None and call.at is not None
    return msgspec.json.decode(catalogue.payload(call.event, call.at, call.details, call.card, call.author))


def everything() -> Desk:
    """A story in which each event of the catalogue happens."""
    made = desk()
    made.handle(
        CustomerMessage(
            text="Olá 👋", pipeline="Support", contact=Contact(name="Rui", email="rui@cliente.example"), automatic=False
        )
    )
    made.until("mon 14:30")
    made.handle(Acknowledge(ladder="Late", author="carla"))
    made.handle(AssignCard(owner="ana", author="carla"))
    made.handle(ExcuseMiss(metric="first reply", reason="Storm", author="ana", role="manager"))
    made.replies("We are on it.")
    made.sets(priority="high", tier="gold")
    made.handle(TagCard(remove=("seen",), author="ana"))
    made.handle(InternalNote(text="a note", author="ana"))
    made.moves("Waiting").moves("Doing").moves("Done")
    made.until("tue 10:00").writes("once more", automatic=True).writes("please")
    listening(made)
    program = made.graph.program
    line = replace(program.pipelines["Support"], targets=())
    made.graph = Graph(replace(program, pipelines={"Support": line}))
    made.handle(Recompute(choice="recompute"))
    last = made.card.last_customer_at
    made.handle(SplitCard(messages=(1,), last_customer_at=last, unanswered_since=None, author="ana"))
    made.handle(MergeCard(into=3, number=3, author="ana"))
    made.handle(UnmergeCard(author="ana"))
    return made


STORY = everything()


def test_the_language_and_the_catalogue_name_the_same_events() -> None:
    assert tuple(catalogue.TYPES) == (*events.EVENTS, "rule.fired")
    assert {call.event for call in calls(STORY)} == set(catalogue.TYPES)


@pytest.mark.parametrize("name", catalogue.TYPES)
def test_what_is_posted_is_what_its_schema_says(name: str) -> None:
    schema = catalogue.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=dates())
    described = schema["$defs"][catalogue.TYPES[name].__name__]["properties"]
    found = [posted(call) for call in calls(STORY) if call.event == name]
    for each in found:
        validator.validate(each)
        assert each["data"].keys() == described.keys()
    assert found
    # The schema is no mere form: what isn't the event is refused.
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**found[0], "type": "card.elsewhere"})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**found[0], "timestamp": "yesterday"})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**found[0], "data": {}})


def dates() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())

    @checker.checks("date-time", raises=ValueError)
    def instant(value: object) -> bool:
        return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None

    return checker


def test_descriptions_of_schemas_are_one_line() -> None:
    text = msgspec.json.encode([catalogue.schema(name) for name in catalogue.TYPES]).decode()
    assert "\\n" not in text
    assert text.count('"description"') > len(catalogue.TYPES)
    with pytest.raises(KeyError):
        catalogue.schema("card.opened")


def test_a_payload_says_what_happened_and_how_the_card_is_now() -> None:
    made = desk()
    made.handle(CustomerMessage(text="Olá", pipeline="Support", contact=Contact(name="Rui"), connector="Shop"))
    made.sets(priority="high")
    first = calls(made)[0]
    rule = next(call for call in calls(made) if call.event == "rule.fired")
    assert posted(first) == {
        "type": "card.created",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "author": "",
            "connector": "Shop",
            "card": {
                "id": 7,
                "number": 7,
                "revision": 1,
                "pipeline": "Support",
                "stage": "New",
                "title": "Olá",
                "priority": "normal",
                "type": "",
                "owner": "",
                "team": "",
                "channel": "",
                "customer": {"name": "Rui"},
                "fields": {},
                "tags": [],
                "created_at": "2026-03-02T09:00:00Z",
                "finished_at": None,
                "link": "",
            },
        },
    }
    data = posted(rule)["data"]
    assert (data["rule"], data["card"]["tags"]) == ("Tell", ["seen"])
    moved = posted(next(call for call in calls(STORY) if call.event == "card.moved"))["data"]
    assert (moved["from"], moved["stage"], moved["author"]) == ("New", "Waiting", "ana")
    assert posted(next(call for call in calls(STORY) if call.details.get("automatic")))["data"]["automatic"] is True


def test_keys_are_unique_and_those_of_the_same_story_the_same() -> None:
    keys = [call.key for call in calls(STORY)]
    assert len(keys) == len(set(keys))
    assert keys == [call.key for call in calls(everything())]


def test_only_what_was_asked_for_is_sent() -> None:
    made = desk(of=("card.finished", "clock"))
    made.writes().replies().moves("Done")
    assert {event for _, event in told(made)} == {"clock.started", "clock.met", "card.finished"}


def test_only_of_the_pipelines_named() -> None:
    assert told(desk(events_in=("Elsewhere",)).writes()) == []
    assert told(desk(events_in=("Elsewhere", "Support")).writes())


def test_several_connectors_are_told_apart() -> None:
    made = desk(of=("card.created",))
    program = made.graph.program
    other = Connector(name="BI", kind="webhook", direction="sends", events=("card.created", "card.moved"))
    made.graph = Graph(replace(program, connectors={**program.connectors, "BI": other}))
    made.writes().moves("Doing")
    assert [(call.event, call.connector) for call in calls(made)] == [
        ("card.created", "Shop events"),
        ("card.created", "BI"),
        ("card.moved", "BI"),
    ]


def test_an_imported_past_is_no_news() -> None:
    made = desk()
    made.now = at("wed 9:00")
    made.handle(CustomerMessage(text="old", pipeline="Support"), happened="mon 9:00", backfill=True)
    made.handle(InternalNote(text="old too", author="ana"), happened="mon 10:00", backfill=True)
    assert told(made) == []
    made.handle(InternalNote(text="new", author="ana"))
    assert ("wed 9:00", "note.added") in told(made)


def test_a_refused_command_is_no_news() -> None:
    made = desk()
    made.writes()
    before = len(calls(made))
    made.moves("Nowhere")
    assert made.last is not None and made.last.refused
    assert len(calls(made)) == before


# --- at risk ----------------------------------------------------------------------------------------------------------

RISK = """
  first reply within 4h
  %s
  stage "New" {
    start
    next "Waiting"
  }
  stage "Waiting" {
    next "New"
    pause first reply
  }
  stage "Done" { finish }
"""


def test_without_alerts_a_clock_is_at_risk_at_four_fifths() -> None:
    made = desk(RISK % "", of=("clock.at_risk", "clock.breached")).writes()
    made.until("mon 16:00")
    assert told(made) == [("mon 12:12", "clock.at_risk"), ("mon 13:00", "clock.breached")]
    risk = posted(calls(made)[0])["data"]
    assert (risk["metric"], risk["cycle"], risk["due_at"], risk["threshold_at"]) == (
        "first reply",
        1,
        "2026-03-02T13:00:00Z",
        "2026-03-02T12:12:00Z",
    )


def test_with_alerts_at_the_first_of_them_before_the_miss() -> None:
    alerts = "alert agent ana at 75% of first reply\n  alert agent ana at 50% of first reply"
    alerts += "\n  alert agent ana 1h after first reply"
    made = desk(RISK % alerts, of=("clock.at_risk",)).writes().until("tue 16:00")
    assert told(made) == [("mon 11:00", "clock.at_risk")]


def test_a_clock_that_stands_still_is_at_no_risk() -> None:
    made = desk(RISK % "", of=("clock.at_risk",)).writes().until("mon 11:00")
    made.moves("Waiting").until("wed 9:00")
    assert told(made) == []
    made.moves("New").until("wed 16:00")
    assert told(made) == [("wed 10:12", "clock.at_risk")]


def test_a_clock_that_is_met_in_time_never_was() -> None:
    assert told(desk(RISK % "", of=("clock.at_risk",)).writes().replies().until("tue 16:00")) == []


def test_nobody_asks_and_no_timer_is_set() -> None:
    asked, unasked = desk(RISK % "", of=("clock.at_risk",)).writes(), desk(RISK % "", of=("card",)).writes()
    assert len(asked.timers) == len(unasked.timers) + 1
    assert asked.card.clocks[0].sent == unasked.card.clocks[0].sent == ()


def test_a_card_as_programs_see_it_has_every_field() -> None:
    data = msgspec.to_builtins(card_data(STORY.card))
    assert data["fields"] == {"Tier": "gold"}
    assert data["revision"] == STORY.card.revision
