"""Mails become events: a customer's message, or what became of one of ours."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from connectors import mails
from connectors.mails import ALL, mail, multipart
from duly_connectors.mail import incoming
from duly_connectors.mail.reading import ParsedMail, read_mail
from duly_connectors.mail.threading import Keys
from duly_connectors.testing import NOON
from duly_dsl import program
from duly_runtime.doors import Inbound, Parsed, Raw
from duly_runtime.events import CustomerMessage, DeliveryStatus

DOOR = program.Connector(name="Mail", kind="email", direction="connects", pipeline="Support")
KEYS = Keys("a key of ours")
OURS = "00112233445566778899aabbccddeeff00112233@desk.example"
"""As `Email.message_id` makes them."""


def parsed(data: bytes, found: ParsedMail | None = None, **query: str) -> Parsed:
    raw = Raw(method="MAIL", path="INBOX", query=query, body=data, received_at=NOON)
    return incoming.events(DOOR, raw, found or read_mail(data, "mx.desk.example"), KEYS)


def item(data: bytes) -> Inbound:
    (only,) = parsed(data).items
    assert only.at == NOON
    return only


def message(data: bytes) -> CustomerMessage:
    body = item(data).body
    assert isinstance(body, CustomerMessage)
    return body


def status(data: bytes) -> DeliveryStatus:
    body = item(data).body
    assert isinstance(body, DeliveryStatus)
    return body


def ours(data: bytes) -> bytes:
    return data.replace(b"0011223344@desk.example", OURS.encode())


def test_a_mail_is_what_a_customer_says() -> None:
    found = message(ALL["plain"])
    assert (found.text, found.title, found.channel, found.connector) == ("Olá, onde está?", "Pedido 17", "email", "Mail")
    assert found.pipeline == "Support"
    assert (found.contact.name, found.contact.email, found.contact.address) == ("Ana Lima", *["ana@cliente.example"] * 2)
    assert (found.provider_id, found.automatic) == ("m1@cliente.example", False)
    assert found.thread is not None and found.thread.sender == "ana@cliente.example" and found.thread.trusted
    assert not found.identities  # the store takes the thread's sender, where that is to be believed


def test_files_and_html_come_along() -> None:
    only = item(ALL["nested"])
    body = only.body
    assert isinstance(body, CustomerMessage)
    assert set(only.contents) == {file.sha256 for file in body.files} | {body.html}
    assert hashlib.sha256(only.contents[body.html]).hexdigest() == body.html
    assert b'src="cid:foto@x"' in only.contents[body.html]
    assert message(ALL["flowed"]).quoted.startswith("> an old line")
    assert message(ALL["plain"]).html == ""


def test_answers_go_where_the_sender_wants_them() -> None:
    found = message(mail(b"x", b"Reply-To: other@cliente.example"))
    assert (found.contact.email, found.contact.address) == ("ana@cliente.example", "other@cliente.example")
    assert found.thread is not None and found.thread.sender == "ana@cliente.example"


@pytest.mark.parametrize("field", [b"Delivered-To", b"To", b"Cc"])
def test_the_token_is_found_wherever_it_was_sent_to(field: bytes) -> None:
    address = f"support+{KEYS.token(42)}@desk.example".encode()
    found = message(mail(b"x", field + b": Support <" + address + b">"))
    assert found.thread is not None and found.thread.card == 42


def test_references_tell_the_thread() -> None:
    found = message(mail(b"x", b"In-Reply-To: <b@x.example>", b"References: <a@x.example> <b@x.example>"))
    assert found.thread is not None and found.thread.references == ("b@x.example", "a@x.example")
    first = message(mail(b"x").replace(b"m1@cliente", b"a@x.example> <m1@cliente"))
    assert found.conversation == "ana@cliente.example a@x.example" == first.conversation


def test_a_mail_that_is_disowned_is_not_trusted() -> None:
    for word, trusted in ((b"fail", False), (b"pass", True), (b"none", True)):
        found = message(mail(b"x", b"Authentication-Results: mx.desk.example; dmarc=" + word))
        assert found.thread is not None and found.thread.trusted is trusted


def test_machines_and_our_own_words() -> None:
    assert message(mail(b"x", b"Auto-Submitted: auto-replied")).automatic
    assert message(mail(b"x", b"X-Duly: person; by=" + KEYS.mark().encode())).automatic
    assert not message(mail(b"x", b"X-Duly: person; by=" + Keys("theirs").mark().encode())).automatic


def test_what_the_envelope_says() -> None:
    address = f"support+{KEYS.token(42)}@desk.example"
    (only,) = parsed(ALL["plain"], **{"to": address, "from": "", "arrived": "2026-03-02T11:00:00+00:00"}).items
    assert isinstance(only.body, CustomerMessage) and only.body.thread is not None
    assert (only.body.thread.card, only.body.automatic) == (42, True)
    assert only.at == NOON - dt.timedelta(hours=1)
    for told in ("2026-03-02T13:00:00+00:00", "2026-03-02T11:00:00", "yesterday"):
        assert parsed(ALL["plain"], arrived=told).items[0].at == NOON


# --- the same mail -------------------------------------------------------------------------------------------------------


def test_a_mail_is_the_same_by_whichever_way_it_comes() -> None:
    first = item(ALL["mixed"]).key
    assert item(b"Received: from x by y; Mon, 2 Mar 2026\nDelivered-To: a@x.example\n" + ALL["mixed"]).key == first
    assert item(mails.crlf(ALL["mixed"])).key == first
    assert len(first) <= 200 and first.startswith("m1@cliente.example ")


def test_mails_with_one_id_and_other_words_are_two() -> None:
    assert item(mail(b"one")).key != item(mail(b"two")).key


def test_a_mail_without_an_id_is_known_by_what_it_says() -> None:
    bare = mail(b"one").replace(b"Message-ID: <m1@cliente.example>\n", b"")
    assert item(bare).key == item(b"Received: x\n" + bare).key
    assert item(bare).key != item(bare.replace(b"ana@", b"bia@")).key
    assert message(bare).provider_id == "" and message(bare).conversation == item(bare).key
    assert len(item(mail(b"x").replace(b"m1@", b"m" * 800 + b"@")).key) <= 200


# --- reports -------------------------------------------------------------------------------------------------------------


def test_a_report_is_what_became_of_a_message() -> None:
    found = status(ours(ALL["dsn"]))
    assert (found.provider_id, found.state) == (OURS, "failed")
    assert found.error == "gone@cliente.example 550 5.1.1 <gone@cliente.example>: user unknown"


@pytest.mark.parametrize(
    ("action", "state"), [(b"failed", "failed"), (b"delayed", "delayed"), (b"delivered", "delivered"), (b"relayed", "sent")]
)
def test_what_a_report_says(action: bytes, state: str) -> None:
    found = status(ours(ALL["dsn"].replace(b"Action: failed", b"Action: " + action)))
    assert found.state == state
    assert bool(found.error) is (action in (b"failed", b"delayed"))


def test_a_report_that_brings_nothing_back_names_the_message_by_its_envelope() -> None:
    fields = mails.DSN_FIELDS.replace(b"outbox-77", OURS.partition("@")[0].encode())
    assert status(mails.report(fields, b"\nnothing came back")).provider_id == OURS


def test_a_report_on_a_message_that_is_not_ours_is_for_a_person() -> None:
    found = message(ALL["dsn"])
    assert found.automatic and "could not be delivered" in found.text
    assert message(ALL["mdn"]).automatic


# --- what can't be read --------------------------------------------------------------------------------------------------


def test_a_mail_that_was_not_read_is_parked_whole() -> None:
    found = parsed(b"whatever", ParsedMail(problems=("it could not be read within the limit of time",)))
    assert found == Parsed(problems=("it could not be read within the limit of time",))
    assert parsed(b"") == Parsed(problems=("there is nothing in it",))


def test_what_could_be_read_goes_on() -> None:
    found = parsed(multipart(mails.PLAIN, *[b"Content-Type: image/png\n\nx"] * 300))
    assert len(found.items) == 1
    assert found.problems == ("it has more than 200 parts",)


@pytest.mark.parametrize("name", ALL)
def test_every_mail_is_an_event_or_a_problem(name: str) -> None:
    found = parsed(ALL[name])
    assert len(found.items) + len(found.problems) == 1
    assert parsed(ALL[name]) == found
