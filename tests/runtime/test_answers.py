"""No two machines write to each other for ever: what rules don't send, and that it is on record."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from duly_dsl import program as p
from duly_runtime import addresses
from duly_runtime.decision import MessageCustomer, World
from duly_runtime.engine.step import load
from duly_runtime.events import AgentMessage, Contact, CustomerMessage, OpenCard, SetFields
from runtime.desk import Desk, at

STAGES = """
  stage "Open" {
    start
    next "Done"
    first reply within 2h
    after 12h elapsed of silence send "Still there?"
  }
  stage "Done" { finish }
  rule "Thank" {
    when card is created
    then send "Hello"
  }
  rule "Thank again" {
    when customer replies
    then reply "We read it."
  }
  rule "Look" {
    when priority changes
    then reply "It is more urgent now."
  }
"""
ONE = """
  stage "Open" { start }
  rule "Thank" {
    when customer replies
    then send "Hello" once
  }
"""
ANA = "ana@cliente.example"


def mail(sender: str = ANA, *, automatic: bool = False, **more: object) -> CustomerMessage:
    contact = Contact(email=sender, address=sender)
    return CustomerMessage(text="Help", contact=contact, channel="email", automatic=automatic, **more)  # type: ignore[arg-type]


def sent(desk: Desk) -> list[str]:
    return [effect.template or effect.text for _, effect in desk.effects if isinstance(effect, MessageCustomer)]


def kept_back(desk: Desk) -> list[tuple[str, str]]:
    return [
        (entry.details["why"], entry.details.get("to", "")) for entry in desk.entries if entry.kind == "message.dropped"
    ]


def test_a_machine_gets_no_answer() -> None:
    desk = Desk(STAGES)
    desk.handle(mail(automatic=True))
    assert sent(desk) == []
    assert kept_back(desk) == [("automatic", ANA)], "the rule on `customer replies` doesn't even fire"
    assert desk.card.by_machine


def test_what_a_machine_changes_sends_nothing_either() -> None:
    desk = Desk(ONE + STAGES[STAGES.index('  rule "Look"') :])
    desk.handle(mail())
    desk.now = at("mon 15:00")
    desk.handle(mail(automatic=True, fields={"priority": "high"}))
    assert sent(desk) == ["Hello"]
    assert kept_back(desk) == [("automatic", ANA)]


def test_nor_does_a_machine_hear_later_that_it_was_silent() -> None:
    desk = Desk(STAGES)
    desk.handle(mail(automatic=True))
    desk.until("wed 9:00")
    assert sent(desk) == []
    assert ("automatic", ANA) in kept_back(desk)[1:]


@pytest.mark.parametrize("person", [mail(), AgentMessage(text="Hi", author="ana")], ids=["customer", "agent"])
def test_once_a_person_has_written_rules_may(person: CustomerMessage | AgentMessage) -> None:
    desk = Desk(STAGES)
    desk.handle(mail(automatic=True))
    desk.handle(person)
    assert not desk.card.by_machine
    desk.until("wed 9:00")
    assert "Still there?" in sent(desk)


def test_a_persons_own_words_go_to_machines_too() -> None:
    desk = Desk(STAGES)
    desk.handle(mail("noreply@shop.example", automatic=True))
    desk.handle(AgentMessage(text="Please stop.", author="ana"))
    assert sent(desk) == ["Please stop."]


def test_one_answer_an_hour() -> None:
    desk = Desk(STAGES)
    desk.handle(mail())
    assert sent(desk) == ["Hello"], "the second rule answers the same message"
    assert kept_back(desk) == [("hourly", ANA)]
    desk.now = at("mon 9:59")
    desk.handle(mail())
    assert sent(desk) == ["Hello"]
    desk.now = at("mon 10:00")
    desk.handle(mail("ANA@Cliente.example"))
    assert sent(desk) == ["Hello", "We read it."]
    assert kept_back(desk) == [("hourly", ANA)] * 2


def test_an_hour_holds_over_all_cards() -> None:
    desk = Desk(STAGES, world=World(answered={ANA: at("mon 8:30")}))
    desk.handle(mail())
    assert sent(desk) == []
    assert [why for why, _ in kept_back(desk)] == ["hourly", "hourly"]
    other = Desk(STAGES, world=World(answered={ANA: at("mon 8:00")}))
    other.handle(mail())
    assert sent(other) == ["Hello"]


def test_a_machine_whose_clock_is_ahead_counts_too() -> None:
    desk = Desk(STAGES, world=World(answered={ANA: at("mon 9:01")}))
    desk.handle(mail())
    assert sent(desk) == []


def test_what_a_person_or_time_sets_off_is_no_answer() -> None:
    desk = Desk(STAGES)
    desk.handle(mail())
    desk.handle(SetFields(values={"priority": "high"}, author="ana"))
    assert sent(desk) == ["Hello", "It is more urgent now."]


def test_what_was_kept_back_was_not_sent_once() -> None:
    desk = Desk(ONE)
    desk.handle(mail(automatic=True))
    desk.handle(mail())
    desk.now = at("tue 9:00")
    desk.handle(mail())
    assert sent(desk) == ["Hello"]


LIMITED = (
    ONE
    + """
send limits {
  quiet hours 22:00-08:00
}
"""
)


def test_answers_that_waited_for_the_morning_are_one_an_hour_as_well() -> None:
    desk = Desk(LIMITED.replace(" once", ""), start="mon 23:00")
    desk.handle(mail())
    desk.until("tue 1:00").handle(mail())
    desk.until("tue 3:00").handle(mail())
    assert sent(desk) == []
    desk.until("tue 12:00")
    assert sent(desk) == ["Hello"]
    assert kept_back(desk) == [("hourly", ANA)] * 2


@pytest.mark.parametrize(
    "sender",
    [
        "noreply@shop.example",
        "No-Reply@shop.example",
        "do_not_reply@shop.example",
        "naoresponda@shop.example",
        "orders-noreply@shop.example",
        "noreply+abc123@shop.example",
        "MAILER-DAEMON@shop.example",
        "bounce+42=x@shop.example",
        "list-owner@shop.example",
        "owner-list@shop.example",
        "list-request@shop.example",
    ],
)
def test_addresses_that_take_no_answers(sender: str) -> None:
    desk = Desk(STAGES)
    desk.handle(mail(sender))
    assert sent(desk) == []
    assert {why for why, _ in kept_back(desk)} == {"nobody"}


@pytest.mark.parametrize("sender", ["noel.reply@x.example", "notary@x.example", "reply@x.example", "anoreplya@x.example"])
def test_addresses_that_only_look_so(sender: str) -> None:
    desk = Desk(STAGES)
    desk.handle(mail(sender))
    assert sent(desk) == ["Hello"]


def test_we_do_not_write_to_ourselves() -> None:
    desk = Desk(STAGES)
    settings = {
        "server": p.Setting(value="SMTP", secret=True),
        "from": p.Setting(value="Support <Support@desk.example>"),
    }
    mailer = p.Connector(name="Mail", kind="email", direction="sends", settings=settings)
    program = desk.graph.program
    desk.graph = load(replace(program, connectors={**program.connectors, "Mail": mailer}, hash="with mail"))
    assert addresses.own(desk.graph.program) == {"support@desk.example"}
    desk.handle(mail("support+c42.abc@desk.example"))
    assert sent(desk) == []
    assert {why for why, _ in kept_back(desk)} == {"own"}


def test_another_channel_has_no_hourly_limit() -> None:
    desk = Desk(STAGES)
    chat = CustomerMessage(text="Hi", contact=Contact(address="+5511999"), channel="whatsapp")
    desk.handle(chat)
    desk.handle(chat)
    assert sent(desk) == ["Hello", "We read it.", "We read it."]


def test_a_card_opened_by_hand_is_nobodys_machine() -> None:
    desk = Desk(STAGES)
    desk.handle(OpenCard(pipeline="Support", contact=Contact(email=ANA)))
    assert sent(desk) == ["Hello"]
