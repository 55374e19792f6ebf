"""Tokens of cards in mail: what holds, what doesn't, and what a mail claims."""

from __future__ import annotations

import re
from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly_connectors.mail import threading
from duly_connectors.mail.threading import Keys
from duly_runtime.events import Thread

OLD, NEW = "an-old-key-of-ours", "the-new-key-of-ours"
KEYS = Keys(NEW)


def test_a_token_names_its_card() -> None:
    token = KEYS.token(42)
    assert re.fullmatch(r"c42\.[a-z2-7]{20}", token)
    assert KEYS.card(token) == 42
    assert KEYS.card(token.upper()) == 42, "mail servers change the case of local parts"


def test_a_token_of_another_card_or_key_names_nothing() -> None:
    token = KEYS.token(42)
    assert KEYS.card("c43." + token.partition(".")[2]) == 0
    assert Keys(OLD).card(token) == 0
    assert Keys("").card(token) == 0
    assert Keys("").token(42) == ""


def test_old_keys_still_verify_and_the_newest_signs() -> None:
    rotated = Keys(f"{NEW} {OLD}")
    assert rotated.card(Keys(OLD).token(7)) == 7
    assert rotated.token(7) == Keys(NEW).token(7) != Keys(OLD).token(7)
    assert Keys(NEW).card(Keys(OLD).token(7)) == 0, "a key that was taken away verifies nothing"


@given(st.integers(1, 10**17), st.text(max_size=60))
def test_what_is_no_token_of_ours_names_nothing(card: int, text: str) -> None:
    token = KEYS.token(card)
    assert KEYS.card(token) == card
    assert KEYS.card(text) == 0
    place = len(text) % len(token)
    changed = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
    assert KEYS.card(changed) == 0


def test_the_address_of_answers() -> None:
    token = KEYS.token(42)
    found = threading.reply_address(Address("Support", "support", "desk.example"), token)
    assert found is not None
    assert found.addr_spec == f"support+{token}@desk.example"
    assert found.display_name == "Support"
    assert len(found.username) <= threading.LOCAL_PART
    assert threading.reply_address(Address("", "s" * 50, "desk.example"), token) is None
    assert threading.reply_address(Address("", "support", "desk.example"), "") is None


def claim(**more: object) -> Thread:
    given = {"sender": "ana@cliente.example", "recipients": ["support@desk.example"]} | more
    return threading.thread(KEYS, **given)  # type: ignore[arg-type]


def test_what_a_mail_claims() -> None:
    token = KEYS.token(42)
    assert claim().card == 0
    assert claim(recipients=["x@desk.example", f"support+{token}@desk.example"]).card == 42
    assert claim(recipients=[f"Support+Sales+{token.upper()}@DESK.example"]).card == 42
    assert claim(references=[f"{token}@desk.example", "a@cliente.example"]).card == 42
    assert claim(in_reply_to=f"<{token}@desk.example>").card == 42


@pytest.mark.parametrize(
    "address",
    ["support+c42.aaaaaaaaaaaaaaaaaaaa@desk.example", "support+c42@desk.example", "support+@desk.example", "+", "@", "c42"],
)
def test_a_guessed_token_claims_nothing(address: str) -> None:
    assert claim(recipients=[address]).card == 0


def test_the_address_counts_before_the_references() -> None:
    to, head = KEYS.token(1), KEYS.token(2)
    assert claim(recipients=[f"s+{to}@desk.example"], references=[f"{head}@desk.example"]).card == 1


def test_references_come_newest_first_once_each_and_not_endless() -> None:
    found = claim(in_reply_to="<c@x>", references=["a@x", "b@x", "c@x", "a@x", "", "bad\n@x", "l" * 1000 + "@x"])
    assert found.references == ("c@x", "a@x", "b@x")
    many = claim(references=[f"{n}@x" for n in range(5000)])
    assert len(many.references) == threading.MOST_IDS
    assert many.references[0] == "4999@x"


def test_heads_of_our_threads_are_no_references() -> None:
    other = Keys("somebody-else").token(9)
    found = claim(references=[f"{KEYS.token(42)}@desk.example", f"{other}@other.example", "a@x"])
    assert (found.card, found.references) == (42, ("a@x",))


def test_a_conversation_is_one_sender_and_one_thread() -> None:
    first = threading.conversation("Ana@Cliente.example", "m1@x")
    assert first == threading.conversation("ana@cliente.example", "m2@x", "m1@x", ["m1@x"])
    assert first == threading.conversation("ana@cliente.example", "m3@x", "<m1@x>")
    assert first != threading.conversation("bob@cliente.example", "m2@x", "m1@x", ["m1@x"])
    assert first != threading.conversation("ana@cliente.example", "m9@x")
    assert threading.conversation("ana@cliente.example", "") == ""


def test_an_installation_knows_its_own_mail() -> None:
    told = f"automatic; by={Keys(OLD).mark()}"
    assert Keys(f"{NEW} {OLD}").ours(told)
    assert Keys(OLD).ours(told.upper())
    assert not Keys(NEW).ours(told)
    assert not KEYS.ours("automatic")
    assert not Keys("").ours("by=" + "a" * 20)
