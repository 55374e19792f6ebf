"""Who may write on a card: the customer, and whom people have let in."""

from __future__ import annotations

import pytest

from duly_runtime import participants
from duly_runtime.events import ChangeParticipants, Contact, CustomerMessage
from runtime.desk import Desk

STAGES = """
  stage "Open" {
    start
    next "Done"
    first reply within 2h
  }
  stage "Done" { finish }
"""


def desk() -> Desk:
    found = Desk(STAGES)
    contact = Contact(email="Ana@Cliente.example", address="Ana@Cliente.example")
    found.handle(CustomerMessage(text="Help", contact=contact, channel="email"))
    return found


def change(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> ChangeParticipants:
    return ChangeParticipants(add=add, remove=remove, author="bea")


def test_the_customer_may_write_and_nobody_else() -> None:
    card = desk().card
    assert participants.may_write(card, "ana@cliente.EXAMPLE")
    for stranger in ("eva@cliente.example", "", "ana", "ana@cliente.example.evil.example"):
        assert not participants.may_write(card, stranger)


def test_a_phone_number_or_a_name_is_no_address() -> None:
    found = Desk(STAGES)
    found.handle(CustomerMessage(text="Help", contact=Contact(address="+5511999"), channel="whatsapp"))
    assert participants.writers(found.card) == frozenset()
    assert not participants.may_write(found.card, "+5511999")
    assert not participants.may_write(found.card, "")


def test_people_are_let_in_once_and_shown_out() -> None:
    found = desk()
    clocks = found.card.clocks
    found.handle(change(add=("Eva@Cliente.example", "eva@cliente.example", "ANA@cliente.example")))
    assert found.card.participants == ("eva@cliente.example",)
    assert participants.may_write(found.card, "EVA@cliente.example")
    found.handle(change(remove=("EVA@cliente.example", "nobody@x.example")))
    assert found.card.participants == ()
    assert [(entry.kind, entry.details, entry.author) for entry in found.entries if "participant" in entry.kind] == [
        ("participant.added", {"address": "eva@cliente.example"}, "bea"),
        ("participant.removed", {"address": "eva@cliente.example"}, "bea"),
    ]
    assert found.card.clocks == clocks


@pytest.mark.parametrize("text", ["eva", "eva@", "@x", "eva@x.example, bob@x.example", "Eva <eva@x.example>", "e va@x", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    found = desk()
    decision = found.handle(change(add=("good@x.example", text)))
    assert decision.refused.startswith("no-address")
    assert found.card.participants == ()


def test_a_card_takes_no_crowd() -> None:
    found = desk()
    crowd = tuple(f"p{n}@x.example" for n in range(participants.MOST))
    assert not found.handle(change(add=crowd)).refused
    assert found.handle(change(add=("one@more.example",))).refused.startswith("too-many-participants")
    assert found.card.participants == crowd
