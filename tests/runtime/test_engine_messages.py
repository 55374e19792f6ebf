"""What is about other messages, what went out by another way, customers with new names: what the engine makes of each."""

from __future__ import annotations

import pytest

from duly_runtime.decision import MessageCustomer
from duly_runtime.events import AnyBody, Contact, ContactChanged, CustomerMessage, MessageChanged, SentElsewhere
from runtime.desk import Desk, when

PIPELINE = """
  next reply within 1h
  stage "Open" {
    start
    next "Done"
    first reply within 2h
    after 6h elapsed of silence send "Still there?"
  }
  stage "Done" {
    finish
    reopen within 7 calendar days to "Open"
  }
  rule "Answered" {
    when agent replies
    then tag "answered"
  }
  rule "Refund" {
    when customer replies and message contains "refund"
    then tag "refund"
  }
"""


def desk() -> Desk:
    return Desk(PIPELINE).writes()


def elsewhere(text: str = "sent from the phone", *, automatic: bool = False) -> SentElsewhere:
    return SentElsewhere(text=text, connector="wa", conversation="ana", automatic=automatic)


@pytest.mark.parametrize("change", ["reacted", "unreacted", "edited", "deleted"])
@pytest.mark.parametrize("ours", [True, False])
def test_what_becomes_of_a_message_is_told_and_is_no_reply(change: str, ours: bool) -> None:
    alone, told = desk().until("mon 10:00"), desk().until("mon 10:00")
    told.handle(MessageChanged(connector="wa", provider_id="m1", change=change, text="a refund", ours=ours))
    (entry,) = told.history(f"message.{change}")
    assert (entry.author, entry.details["text"]) == ("" if ours else "customer", "a refund")
    assert told.card.clocks == alone.card.clocks
    assert told.timers == alone.timers
    assert told.card.last_customer_at == alone.card.last_customer_at
    assert told.card.last_agent_at is None
    assert told.card.tags == ()
    assert told.effects == alone.effects


def test_a_reaction_to_a_finished_card_does_not_open_it_again() -> None:
    done = desk().replies().moves("Done")
    done.handle(MessageChanged(connector="wa", provider_id="m1", change="reacted", text="👍"))
    assert done.card.finished_at is not None
    assert done.cycles("next reply") == desk().replies().moves("Done").cycles("next reply")


def test_a_reply_by_another_way_answers_the_clocks_and_is_not_sent_again() -> None:
    answered = desk().until("mon 10:00")
    answered.handle(elsewhere())
    assert answered.clock("first reply").outcome == "met"
    assert when(answered.card.last_agent_at) == "mon 10:00"
    assert answered.card.unanswered_since is None
    assert answered.card.tags == ("answered",)
    assert not [effect for _, effect in answered.effects if isinstance(effect, MessageCustomer)]
    (entry,) = answered.history("message.elsewhere")
    assert entry.details["text"] == "sent from the phone"


def test_silence_counts_from_it() -> None:
    quiet = desk().until("mon 10:00")
    quiet.handle(elsewhere())
    quiet.until("mon 15:30")
    assert not quiet.history("silence.acted")
    quiet.until("mon 16:00")
    assert len(quiet.history("silence.acted")) == 1


def test_a_call_nobody_took_is_no_reply() -> None:
    called = desk().until("mon 10:00")
    called.handle(elsewhere("[Our call was not taken]", automatic=True))
    assert called.clock("first reply").outcome == ""
    assert called.card.tags == ()


def test_a_customer_with_new_names_is_the_same_customer() -> None:
    contact = Contact(name="Ana", phone="+551", address="551")
    found = Desk(PIPELINE)
    found.handle(CustomerMessage(text="hello", pipeline="Support", contact=contact))
    before = found.card
    found.handle(
        ContactChanged(
            connector="wa", conversation="new", contact=Contact(phone="+552", address="552"), text="Ana changed number"
        )
    )
    assert found.card.contact == Contact(name="Ana", phone="+552", address="552")
    assert found.card.clocks == before.clocks
    assert found.card.last_customer_at == before.last_customer_at
    (entry,) = found.history("contact.changed")
    assert entry.details == {"from": "551", "to": "552", "text": "Ana changed number"}


@pytest.mark.parametrize(
    "body",
    [
        MessageChanged(connector="wa", provider_id="m1", change="reacted", text="👍"),
        elsewhere(),
        ContactChanged(connector="wa", conversation="new"),
    ],
)
def test_none_of_them_opens_a_card_or_is_refused(body: AnyBody) -> None:
    empty = Desk(PIPELINE)
    decision = empty.handle(body)
    assert (decision.card, decision.refused, decision.effects) == (None, "", ())
