"""What people read: placeholders, languages, instants in the pipeline's zone. Expected texts are worked by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from duly_dsl import placeholders
from duly_dsl.program import Calendar, Pipeline, Program, Stage, Template
from duly_runtime import rendering
from duly_runtime.card import Card
from duly_runtime.events import Contact
from duly_runtime.rendering import Facts

DUE = dt.datetime(2026, 11, 6, 20, 45, tzinfo=dt.UTC)
"""A Friday; 17:45 in São Paulo."""

PROGRAM = Program(
    calendars={"Office": Calendar(name="Office", zone="America/Sao_Paulo", week=((),) * 7)},
    pipelines={
        "Support": Pipeline(
            name="Support", calendar="Office", languages=("pt-BR", "en"), stages=(Stage(name="New", start=True),)
        )
    },
)


def facts(contact: Contact | None = None, details: dict[str, str] | None = None) -> Facts:
    card = Card(
        id=7,
        number=42,
        pipeline="Support",
        stage="New",
        title="Late parcel",
        contact=contact or Contact(name="Maria da Silva", email="maria@customer.example", phone="+5511988887777"),
        channel="whatsapp",
        priority="high",
        type="question",
        owner="ana",
        team="Front desk",
        fields={"Order number": "123456", "Refund amount": 12.0, "Weight": 2.5, "Gift": True},
        created_at=DUE,
    )
    return Facts(program=PROGRAM, card=card, base_url="https://desk.example", owner="Ana Sousa", details=details or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {customer.first_name}!", "Hi Maria!"),
        ("{customer.name} <{customer.email}> {customer.phone}", "Maria da Silva <maria@customer.example> +5511988887777"),
        ("{card.number} {card.title} {link}", "42 Late parcel https://desk.example/cards/7"),
        ("{stage}/{priority}/{type}/{team}/{channel}/{owner.name}", "New/high/question/Front desk/whatsapp/Ana Sousa"),
        ("{ Order number } {Refund amount} {Weight} {Gift}", "123456 12 2.5 yes"),
        ("{Promised date}|{clock}|{due}", "||"),
        ("a { brace, {} and {\n}", "a { brace, {} and {\n}"),
    ],
)
def test_placeholders(text: str, expected: str) -> None:
    assert rendering.fill(text, facts(), "en") == expected


def test_every_built_in_placeholder_has_a_value() -> None:
    details = {"metric": "first reply", "due_at": DUE.isoformat()}
    for name in placeholders.BUILT_IN:
        assert rendering.fill(f"{{{name}}}", facts(details=details), "en"), name


def test_what_a_customer_wrote_is_no_template() -> None:
    sly = Contact(name="{card.title} {customer.email}", email="sly@customer.example")
    assert rendering.fill("Hi {customer.name}", facts(sly), "en") == "Hi {card.title} {customer.email}"
    notice = rendering.notice("alert", facts(sly, {"metric": "first reply", "due_at": DUE.isoformat()}), "en")
    assert "sly@customer.example" not in notice.text


def test_a_subject_stays_one_line() -> None:
    sly = Contact(name="Maria\r\nBcc: everyone@customer.example")
    template = Template(name="T", texts={"en": "x"}, subjects={"en": "About {customer.name}"})
    assert rendering.template(template, facts(sly), "en").subject == "About Maria Bcc: everyone@customer.example"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("pt-BR", "pt-BR"),
        ("pt", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("en-GB", "en"),
        ("de", "pt-BR"),
        ("", "pt-BR"),
        ("es", "es"),
    ],
)
def test_the_language_of_the_reader_else_of_the_pipeline(wanted: str, expected: str) -> None:
    assert rendering.choose(("en", "es", "pt-BR"), wanted, ("pt-BR", "en")) == expected


def test_a_language_that_is_nowhere_takes_the_first_text() -> None:
    assert rendering.choose(("fr", "es"), "de", ("pt-BR",)) == "fr"
    assert rendering.choose((), "de", ("pt-BR",)) == ""


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("pt-BR", "sex., 6 de nov., 17:45"),
        ("en", "Fri, Nov 6, 5:45\u202fPM"),
        ("xx", "Fri, Nov 6, 5:45\u202fPM"),
    ],
)
def test_instants_are_local(language: str, expected: str) -> None:
    assert rendering.moment(DUE, "America/Sao_Paulo", language) == expected


ALERT = {"metric": "first reply", "due_at": DUE.isoformat(), "percent": "80"}


def test_an_alert_in_english() -> None:
    text = rendering.notice("alert", facts(details=ALERT), "en")
    assert text.subject == "Card 42: first reply is due Fri, Nov 6, 5:45 PM"
    assert text.text.splitlines() == [
        "Card 42 (Maria da Silva) is in “New”: first reply is due Fri, Nov 6, 5:45\u202fPM.",
        "80% of the time has passed.",
        "https://desk.example/cards/7",
    ]


def test_an_alert_after_a_miss_of_a_named_clock() -> None:
    details = {"metric": "Vendor answer", "due_at": DUE.isoformat(), "after": "2h"}
    text = rendering.notice("alert", facts(details=details), "en")
    assert text.subject == "Card 42 is late: Vendor answer was due Fri, Nov 6, 5:45 PM"
    assert text.text.splitlines() == [
        "Card 42 (Maria da Silva) is in “New” and late: Vendor answer was due Fri, Nov 6, 5:45\u202fPM.",
        "It was missed 2h ago.",
        "https://desk.example/cards/7",
    ]
    assert rendering.notice("alert", facts(details=details), "pt-BR").text.splitlines()[1] == "Foi perdido há 2h."


def test_an_alert_in_portuguese() -> None:
    text = rendering.notice("alert", facts(details=ALERT), "pt-BR")
    assert text.subject == "Cartão 42: primeira resposta vence sex., 6 de nov., 17:45"
    assert text.text.splitlines() == [
        "O cartão 42 (Maria da Silva) está em “New”: primeira resposta vence sex., 6 de nov., 17:45.",
        "80% do tempo já passou.",
        "https://desk.example/cards/7",
    ]


def test_an_escalation_names_its_level() -> None:
    details = {"metric": "leave stage", "due_at": DUE.isoformat(), "level": "2", "ladder": "Stuck"}
    text = rendering.notice("escalation", facts(details=details), "en")
    assert text.subject == "Card 42 is late: leaving the stage, level 2"
    assert "This is level 2 of the escalation “Stuck”." in text.text
    text = rendering.notice("escalation", facts(details=details), "pt-BR")
    assert text.subject == "O cartão 42 está atrasado: saída da etapa, nível 2"


def test_a_rule_names_itself_and_anything_else_is_said_plainly() -> None:
    assert rendering.notice("rule", facts(details={"rule": "Complaints are urgent"}), "en").subject == (
        "Card 42: Complaints are urgent"
    )
    assert rendering.notice("rule", facts(), "en").text.startswith("Card 42 (Maria da Silva) in “New” needs you.")


def test_a_notice_for_somebody_of_no_language_speaks_the_pipelines() -> None:
    assert rendering.notice("alert", facts(details=ALERT), "").subject.startswith("Cartão 42")
