"""Rules, assignment, cascades, what people may do, and the trace of it all."""

from __future__ import annotations

import datetime as dt

import pytest

from duly_dsl.units import Duration, Unit
from duly_runtime.card import Card
from duly_runtime.decision import CallWebhook, Decision, MessageCustomer, NotifyPerson, World
from duly_runtime.engine.refusal import SENTENCES, sentence
from duly_runtime.engine.step import load, step, wants_new_card
from duly_runtime.events import (
    AgentMessage,
    AssignCard,
    Contact,
    CustomerMessage,
    DeliveryStatus,
    Event,
    MoveCard,
    OpenCard,
    Scalar,
    SetFields,
    TagCard,
)
from runtime.desk import Desk, at, program, when

STAGES = """
  priorities urgent, high, normal, low
  ticket types question, complaint
  field "Tier" choice gold, basic default basic
  field "Amount" number
  field "Order" text matching "[0-9]{6}"
  field "Day" date
  field "Paid" yes/no
  field "Phone" phone
  field "Mail" email
  field "Answer" text required to leave "Work"
  stage "Open" {
    start
    next "Work"
  }
  stage "Work" {
    next "Done", "Open"
  }
  stage "Done" {
    finish
    reopen within 2 working days to "Work"
  }
"""


def desk(rules: str = "", start: str = "mon 9:00", world: World | None = None) -> Desk:
    return Desk(STAGES + rules, start, world=world)


# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_card_opens_with_its_defaults_and_what_the_message_brings():
    card = desk().writes("Where is it?\nI wait.", priority="high", amount=12.0).card
    assert (card.id, card.number, card.stage, card.title) == (7, 7, "Open", "Where is it?")
    assert (card.priority, card.type, card.fields) == ("high", "", {"Tier": "basic", "Amount": 12.0})
    assert (when(card.created_at), when(card.unanswered_since), card.revision) == ("mon 9:00", "mon 9:00", 1)


def test_what_a_message_brings_and_cannot_stand_is_noted_and_the_card_opens_all_the_same():
    found = desk().writes(priority="extreme", order="12")
    assert (found.card.priority, found.card.fields) == ("normal", {"Tier": "basic"})
    assert [entry.details["code"] for entry in found.history("refused")] == ["not-a-choice", "wrong-pattern"]


def test_the_first_message_is_both_the_creation_and_a_reply():
    found = desk("""
      rule "Created" {
        when card is created
        then tag "created"
      }
      rule "Entered" {
        when card enters "Open"
        then tag "entered"
      }
      rule "Replied" {
        when customer replies and message contains "refund"
        then tag "refund"
      }
    """).writes("A REFUND please")
    assert found.card.tags == ("created", "entered", "refund")
    assert desk().writes("I am a bot", automatic=True).card.unanswered_since is None


def test_what_cannot_be_opened_is_refused():
    graph = load(program(STAGES))

    def refused(body: OpenCard | AgentMessage) -> tuple[Card | None, str]:
        decision = step(graph, None, Event(at=at("mon 9:00"), body=body), at("mon 9:00"))
        return decision.card, decision.refused.split(":")[0]

    assert refused(OpenCard(pipeline="Sales")) == (None, "unknown-pipeline")
    assert refused(OpenCard(pipeline="Support", stage="Nowhere")) == (None, "unknown-stage")
    assert refused(OpenCard(pipeline="Support", fields={"priority": "extreme"})) == (None, "not-a-choice")
    assert refused(AgentMessage(text="hi", author="ana")) == (None, "no-card")


def test_a_stray_status_concerns_no_card():
    decision = step(
        load(program(STAGES)), None, Event(at=at("mon 9:00"), body=DeliveryStatus(state="read")), at("mon 9:00")
    )
    assert decision == Decision(card=None)


# --- assignment -------------------------------------------------------------------------------------------------------

TABLE = """
  assign when card enters "Open" {
    | tier | words    | to                   |
    | gold | any      | agent carla          |
    | any  | "refund" | round robin of "Money" |
    | any  | any      | least busy of "Desk" |
  }
"""


def test_the_first_row_that_matches_decides():
    assert desk(TABLE).writes("refund", tier="gold").card.owner == "carla"
    found = desk(TABLE).writes("a refund, please")
    assert (found.card.owner, found.card.team) == ("carla", "Money")
    assert (desk(TABLE).writes().card.owner, desk(TABLE).writes().card.team) == ("ana", "Desk")


def test_round_robin_deals_in_turn_and_says_where_it_stands():
    world = World(cursors={"Money": 5})
    found = desk(TABLE, world=world).writes("refund")
    assert found.card.owner == "bruno"  # the sixth of two members
    assert found.last is not None and found.last.cursors == {"Money": 6}


def test_least_busy_goes_by_open_cards_and_by_the_file_among_equals():
    assert desk(TABLE, world=World(load={"ana": 3, "bruno": 2})).writes().card.owner == "bruno"
    assert desk(TABLE, world=World(load={"ana": 2, "bruno": 2})).writes().card.owner == "ana"


def test_least_busy_counts_what_was_dealt_in_the_same_step():
    found = desk(
        """
      rule "Twice" {
        when card is created
        then assign to least busy of "Desk"
        then assign to least busy of "Money"
        then assign to agent ana
        then assign to least busy of "Desk"
      }
    """,
        world=World(load={"ana": 1, "bruno": 1, "carla": 1}),
    ).writes()
    # ana has it last: two cards, bruno one.
    assert [entry.details["to"] for entry in found.history("owner.changed")] == ["ana", "carla", "ana", "bruno"]


def test_a_stage_gives_its_cards_to_its_owner_and_a_member_keeps_them():
    body = STAGES.replace('stage "Work" {', 'stage "Work" {\n    owner team "Desk"')
    mine = Desk(body).writes()
    mine.handle(AssignCard(owner="bruno", team="Money", author="ana"))
    assert (mine.moves("Work").card.owner, mine.card.team) == ("bruno", "Desk")
    hers = Desk(body).writes()
    hers.handle(AssignCard(owner="carla", author="ana"))
    assert (hers.card.team, hers.moves("Work").card.owner, hers.card.team) == ("Money", "", "Desk")


def test_assigning_by_hand():
    found = desk("""
      rule "Told" {
        when card is assigned
        then notify owner
      }
    """).writes()
    found.handle(AssignCard(owner="diogo", author="ana"))
    assert (found.card.owner, found.card.team) == ("diogo", "")
    found.handle(AssignCard(author="ana"))
    assert (found.card.owner, found.card.team) == ("", "")
    assert found.told("rule") == [("mon 9:00", "diogo")]
    assert found.handle(AssignCard(owner="nobody", author="ana")).refused.startswith("unknown-person:")
    assert found.handle(AssignCard(team="Nobodies", author="ana")).refused.startswith("unknown-team:")


# --- what people may do -----------------------------------------------------------------------------------------------


def test_people_move_cards_along_the_stages_and_fill_in_what_is_required():
    found = desk().writes()
    before = found.card
    assert found.handle(MoveCard(stage="Done", author="ana")).refused.startswith("stage-order:")
    assert found.handle(MoveCard(stage="Open", author="ana")).refused.startswith("already-there:")
    assert found.handle(MoveCard(stage="Moon", author="ana")).refused.startswith("unknown-stage:")
    assert found.card == before
    found.moves("Work")
    refused = found.handle(MoveCard(stage="Done", author="ana"))
    assert refused.refused == 'required-field: Fill in "Answer" before the card leaves "Work".'
    assert [entry.kind for entry in refused.entries] == ["refused"]
    found.sets(answer="yes").moves("Done")
    assert (found.card.stage, when(found.card.finished_at)) == ("Done", "mon 9:00")


def test_a_refused_command_leaves_the_card_and_its_timers_as_they_were():
    found = Desk(STAGES.replace('stage "Work" {', 'resolved within 4h\n  stage "Work" {')).writes()
    timers, card = found.timers, found.card
    assert [timer.key for timer in timers] == ["resolved/1/due"]
    found.moves("Done")
    assert (found.timers, found.card) == (timers, card)


def test_rules_may_not_leave_the_order_either_but_need_no_fields():
    found = desk("""
      rule "Jump" {
        when card is created
        then move to "Done"
        then tag "went on"
      }
    """).writes()
    assert (found.card.stage, found.card.tags) == ("Open", ("went on",))
    assert found.history("refused")[0].details["code"] == "stage-order"
    found = desk("""
      rule "Close" {
        when customer replies and stage is "Work"
        then move to "Done"
      }
    """).writes()
    assert found.moves("Work").writes().card.stage == "Done"


VALUES: list[tuple[str, Scalar | None, str]] = [
    ("priority", "urgent", ""),
    ("priority", "extreme", "not-a-choice"),
    ("priority", None, "not-a-choice"),
    ("type", "complaint", ""),
    ("type", None, ""),
    ("title", "Hello", ""),
    ("title", "", "never-empty"),
    ("stage", "Work", "read-only"),
    ("weight", 3.0, "unknown-field"),
    ("field:Nothing", "x", "unknown-field"),
    ("field:Tier", "gold", ""),
    ("field:Tier", "silver", "not-a-choice"),
    ("field:Amount", 3.5, ""),
    ("field:Amount", "3.5", "wrong-type"),
    ("field:Amount", True, "wrong-type"),
    ("field:Amount", float("nan"), "wrong-type"),
    ("field:Order", "123456", ""),
    ("field:Order", "1234567", "wrong-pattern"),
    ("field:Order", 123456.0, "wrong-type"),
    ("field:Day", "2026-03-02", ""),
    ("field:Day", "2 March", "wrong-type"),
    ("field:Paid", True, ""),
    ("field:Paid", "yes", "wrong-type"),
    ("field:Phone", "+351 912 345 678", ""),
    ("field:Phone", "call me", "wrong-type"),
    ("field:Mail", "ana@example.com", ""),
    ("field:Mail", "ana at example", "wrong-type"),
    ("field:Answer", "x" * 10_001, "too-long"),
    ("field:Answer", None, ""),
]


@pytest.mark.parametrize(("operand", "value", "code"), VALUES, ids=lambda value: str(value)[:20])
def test_values_are_checked(operand: str, value: Scalar | None, code: str):
    found = desk().writes()
    decision = found.handle(SetFields(values={operand: value}, author="ana"))
    assert decision.refused.split(":")[0] == code
    if code:
        details = decision.entries[0].details
        assert sentence(details) == decision.refused.split(": ", 1)[1]
    elif value is not None and operand.startswith("field:"):
        assert found.card.fields[operand.removeprefix("field:")] == value


def test_setting_several_values_is_all_or_nothing_and_none_empties():
    found = desk().writes()
    found.handle(SetFields(values={"field:Tier": "gold", "field:Amount": "much"}, author="ana"))
    assert found.card.fields == {"Tier": "basic"}
    found.handle(SetFields(values={"field:Tier": None}, author="ana"))
    assert found.card.fields == {}


def test_every_refusal_has_a_sentence_in_both_languages():
    details = {name: "x" for text in SENTENCES.values() for name in _names(text)}
    for code, text in SENTENCES.items():
        english = sentence({**details, "code": code})
        assert english == text.format_map(details)
        assert sentence({**details, "code": code}, "pt-BR") != english


def _names(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


def test_tags_are_put_on_and_taken_off_once():
    found = desk().writes()
    found.handle(TagCard(add=("a", "b", "a"), remove=("c",), author="ana"))
    found.handle(TagCard(remove=("a",), author="ana"))
    assert found.card.tags == ("b",)
    assert [entry.kind for entry in found.entries if entry.kind.startswith("tag")] == [
        "tag.added",
        "tag.added",
        "tag.removed",
    ]


# --- reopening and messages that come late ----------------------------------------------------------------------------


def finished() -> Desk:
    return desk().writes().moves("Work").sets(answer="yes").moves("Done")


def test_a_message_in_time_opens_the_card_again():
    found = finished().until("wed 9:00")  # two working days after Monday 9:00, to the minute
    body = CustomerMessage(text="again", pipeline="Support")
    assert not wants_new_card(found.graph, found.card, Event(at=found.now, body=body), found.now)
    found.handle(body)
    assert (found.card.stage, found.card.finished_at, when(found.card.unanswered_since)) == ("Work", None, "wed 9:00")
    assert "card is reopened" in [fact.kind for fact in found.trace]


def test_a_message_too_late_wants_a_card_of_its_own():
    found = finished().until("wed 9:01")
    event = Event(at=found.now, body=CustomerMessage(text="again", pipeline="Support"))
    assert wants_new_card(found.graph, found.card, event, found.now)
    found.handle(event.body)
    assert (found.card.stage, found.card.unanswered_since) == ("Done", None)
    robot = Event(at=found.now, body=CustomerMessage(text="away", automatic=True))
    assert not wants_new_card(found.graph, found.card, robot, found.now)


def test_a_conversation_stays_one_card_for_as_long_as_its_door_says():
    two_days = Duration(Unit.CALENDAR_DAYS, 2)
    found = desk()
    found.handle(CustomerMessage(text="first", pipeline="Support", same_within=two_days))
    began = found.now

    def later(by: dt.timedelta, same_within: Duration | None) -> bool:
        event = Event(at=began + by, body=CustomerMessage(text="more", pipeline="Support", same_within=same_within))
        return wants_new_card(found.graph, found.card, event, began + by)

    assert not later(dt.timedelta(days=2), two_days)
    assert later(dt.timedelta(days=2, seconds=1), two_days)
    assert not later(dt.timedelta(days=200), None)
    found.until("tue 9:00").handle(CustomerMessage(text="second", pipeline="Support", same_within=two_days))
    assert not later(found.now - began + dt.timedelta(days=2), two_days)  # counted from the last message


def test_people_may_bring_a_finished_card_back_to_where_a_message_would():
    assert finished().until("tue 9:00").moves("Work").card.stage == "Work"


def test_what_is_known_of_the_customer_is_completed_not_replaced():
    found = desk()
    found.handle(CustomerMessage(text="a", pipeline="Support", contact=Contact(name="Rui", address="1")))
    found.handle(CustomerMessage(text="b", pipeline="Support", contact=Contact(name="R.", email="rui@example.com")))
    assert found.card.contact == Contact(name="Rui", address="1", email="rui@example.com")


# --- actions ----------------------------------------------------------------------------------------------------------


def test_every_action():
    found = desk("""
      rule "All" {
        when customer replies
        then notify lead of "Desk" and agent carla by email using "Hello"
        then set type to complaint
        then tag "a"
        then untag "a"
        then raise priority
        then send "Hello" once
        then reply "Hi {customer.name}"
        then call "Shop events"
        then add note "In {stage}: {Tier}, {nothing}"
        then assign to agent ana
        then move to "Work" because "seen"
      }
    """).writes()
    effects = [effect for _, effect in found.effects]
    assert [(each.person, each.channel, each.template) for each in effects if isinstance(each, NotifyPerson)] == [
        ("ana", "email", "Hello"),
        ("carla", "email", "Hello"),
    ]
    sent = [(each.template, each.text, each.rendered) for each in effects if isinstance(each, MessageCustomer)]
    assert sent == [("Hello", "", False), ("", "Hi {customer.name}", False)]
    assert [(each.connector, each.event) for each in effects if isinstance(each, CallWebhook)] == [
        ("Shop events", "rule.fired")
    ]
    card = found.card
    assert (card.type, card.tags, card.priority, card.owner, card.stage) == ("complaint", (), "high", "ana", "Work")
    assert found.history("note.added")[0].details["text"] == "In Open: basic, {nothing}"
    assert found.history("stage.entered")[-1].details["reason"] == "seen"
    found.writes()
    templates = [effect for _, effect in found.effects if isinstance(effect, MessageCustomer) and effect.template]
    assert len(templates) == 1  # once a card
    assert len({effect.key for _, effect in found.effects}) == len(found.effects)


def test_priority_moves_one_step_and_stays_at_its_ends():
    found = desk("""
      rule "Up" {
        when customer replies
        then raise priority
      }
    """).writes()
    assert found.card.priority == "high"
    assert found.writes().card.priority == "urgent"
    assert found.writes().card.priority == "urgent"
    assert [entry.details["code"] for entry in found.history("refused")] == ["no-higher-priority"]


def test_shadow_rules_are_recorded_and_do_nothing_and_off_ones_are_not_asked():
    found = desk("""
      rule "Ghost" shadow {
        when customer replies
        then raise priority
        then notify manager of "Desk" by email
        then send "Hello"
      }
      rule "Off" off {
        when customer replies
        then raise priority
      }
    """).writes()
    assert found.card.priority == "normal"
    assert [(entry.details["rule"], entry.details["shadow"]) for entry in found.history("rule.fired")] == [("Ghost", "yes")]
    (entry,) = found.history("rule.fired")
    assert entry.details["would"] == 'raise priority; notify manager of "Desk" by email (diogo); send "Hello"'
    assert [(trace.fired, trace.shadow) for fact in found.trace for trace in fact.rules] == [(True, True)]
    assert found.effects == [] and found.card.sent_once == ()


def test_rules_are_judged_on_the_card_as_the_fact_found_it():
    found = desk("""
      rule "First" {
        when customer replies and priority is normal
        then set priority to low
      }
      rule "Second" {
        when customer replies and priority is normal
        then tag "second"
      }
    """).writes()
    assert (found.card.priority, found.card.tags) == ("low", ("second",))


# --- cascades ---------------------------------------------------------------------------------------------------------


def test_facts_that_rules_make_set_off_rules_in_turn():
    found = desk("""
      rule "Gold" {
        when card is created and tier is gold
        then set priority to urgent
      }
      rule "Urgent" {
        when priority changes and priority is urgent
        then move to "Work"
      }
      rule "Work" {
        when card enters "Work"
        then tag "working"
      }
    """).writes(tier="gold")
    assert (found.card.stage, found.card.tags) == ("Work", ("working",))
    assert [(fact.kind, fact.subject, fact.depth) for fact in found.trace if any(rule.fired for rule in fact.rules)] == [
        ("card is created", "", 0),
        ("changes", "priority", 1),
        ("card enters", "Work", 2),
    ]


LOOP = """
  rule "Forth" {
    when card enters "Work"
    then move to "Open"
  }
  rule "Back" {
    when card enters "Open" and priority is urgent
    then move to "Work"
  }
"""


def test_a_cascade_that_does_not_end_is_cut_off_and_recorded():
    found = desk(LOOP).writes(priority="urgent")
    stopped = found.history("cascade.stopped")
    assert [entry.details["why"] for entry in stopped] == ["depth"]
    assert max(fact.depth for fact in found.trace) == 8
    assert len(found.card.visits) == 10  # the first, and one for each of the depths 0 to 8
    assert found.writes().card.stage == found.card.stage  # the card lives on


def test_more_than_a_hundred_actions_are_cut_off():
    many = "\n".join(f'then tag "{number}"' for number in range(120))
    found = desk(f"""
      rule "Many" {{
        when customer replies
        {many}
      }}
    """).writes()
    assert len(found.card.tags) == 100
    assert [entry.details["why"] for entry in found.history("cascade.stopped")] == ["actions"]


# --- trace ------------------------------------------------------------------------------------------------------------


def test_the_trace_names_every_candidate_the_first_false_condition_and_what_was_read():
    found = desk("""
      rule "VIP" {
        when customer replies and tier is gold and priority is urgent
        then tag "vip"
      }
      rule "All" {
        when customer replies
        then tag "all"
      }
      rule "Other" {
        when agent replies
        then tag "other"
      }
    """).writes(priority="urgent")
    fact = next(fact for fact in found.trace if fact.kind == "customer replies")
    rules = found.graph.program.rules
    assert [(rules[trace.rule].name, trace.fired, trace.failed_term) for trace in fact.rules] == [
        ("VIP", False, 1),
        ("All", True, -1),
    ]
    assert fact.values == {"field:Tier": "basic", "priority": "urgent"}


def test_revision_grows_by_one_with_every_event():
    found = desk(LOOP).writes(priority="urgent")
    assert found.card.revision == 1
    assert found.writes().card.revision == 2
    found.handle(DeliveryStatus(state="read"))
    assert found.card.revision == 3


def test_a_notice_of_a_missed_clock_says_when_it_was_due():
    found = desk("""
      first reply within 1h
      rule "Tell" {
        when first reply is missed
        then notify lead of "Desk"
      }
    """)
    found.handle(CustomerMessage(text="hello", pipeline="Support"))
    due = next(clock.due_at for clock in found.card.clocks if clock.metric == "first reply")
    found.until("fri 18:00")
    told = [effect for _, effect in found.effects if isinstance(effect, NotifyPerson) and effect.about == "rule"]
    assert [effect.details["due_at"] for effect in told] == [due.isoformat()]
