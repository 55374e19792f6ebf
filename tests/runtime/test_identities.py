"""Who wrote: addresses and numbers in the one form in which they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly_runtime.events import Contact, CustomerMessage, Identity, OpenCard, Thread
from duly_runtime.identities import Key, Named, email, of_message, phone


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("+55 (11) 98877-6655", "+5511988776655"),
        ("0055 11 98877 6655", "+5511988776655"),
        ("+551188776655", "+5511988776655"),  # WhatsApp leaves out the ninth digit of older accounts
        ("+551133224455", "+551133224455"),  # a landline has eight
        ("+5215512345678", "+525512345678"),
        ("+49\u00a030/1234-567", "+49301234567"),
        ("11 98877-6655", ""),  # whose country?
        ("+1", ""),
        ("+0123456789", ""),
        ("call me", ""),
        ("", ""),
    ],
)
def test_phone_numbers(written: str, found: str) -> None:
    assert phone(written) == found


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (" Ana@Example.COM ", "ana@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("ana lima@example.com", ""),
        ("ana", ""),
        ("@example.com", ""),
        ("ana@", ""),
        ("a" * 400 + "@example.com", ""),
    ],
)
def test_addresses(written: str, found: str) -> None:
    assert email(written) == found


@given(st.text(max_size=60))
def test_the_one_form_is_its_own(text: str) -> None:
    assert phone(phone(text)) == phone(text)
    assert email(email(text)) == email(text)


def wrote(**contact: str) -> CustomerMessage:
    return CustomerMessage(text="Hello", connector="Chat", contact=Contact(**contact))


def test_what_the_channel_vouches_for_counts() -> None:
    body = CustomerMessage(
        text="Hello",
        connector="Chat",
        contact=Contact(email="somebody@else.example"),
        identities=(Identity("whatsapp", "US.1"), Identity("phone", "+55 11 98877-6655"), Identity("phone", "nonsense")),
    )
    assert of_message(body) == Named((Key("whatsapp", "", "US.1"), Key("phone", "", "+5511988776655")))


def test_a_name_of_the_connectors_own_means_somebody_there_only() -> None:
    assert of_message(wrote(address="u-17", email="ana@example.com")) == Named((Key("address", "Chat", "u-17"),))


@pytest.mark.parametrize(
    ("contact", "key"),
    [
        ({"email": "Ana@example.com", "phone": "+5511988776655"}, Key("email", "", "ana@example.com")),
        ({"phone": "+5511988776655"}, Key("phone", "", "+5511988776655")),
        ({"address": "ana@example.com", "email": "ana@example.com"}, Key("email", "", "ana@example.com")),
        ({"address": "+5511988776655", "phone": "+5511988776655"}, Key("phone", "", "+5511988776655")),
    ],
)
def test_what_is_only_said_is_a_claim_of_where_the_answer_goes(contact: dict[str, str], key: Key) -> None:
    assert of_message(wrote(**contact)) == Named((key,), claimed=True)
    opened = OpenCard(pipeline="Support", contact=Contact(**contact))
    assert of_message(opened) == Named((key,), claimed=True)


@pytest.mark.parametrize("trusted", [True, False])
def test_the_sender_of_a_mail_is_vouched_for_unless_our_server_says_no(trusted: bool) -> None:
    contact = Contact(email="ana@example.com", address="ana@example.com")
    thread = Thread(sender="Ana@example.com", trusted=trusted)
    body = CustomerMessage(text="Hello", connector="Mail", contact=contact, thread=thread)
    assert of_message(body) == Named((Key("email", "", "ana@example.com"),), claimed=not trusted)


def test_a_name_alone_is_nobody() -> None:
    assert of_message(wrote(name="Ana Lima")) == Named()
    assert of_message(wrote(phone="988776655")) == Named()
