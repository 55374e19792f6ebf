"""Buttons, lists and headers, as WhatsApp takes them; and templates with headers of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import samples
from connectors.meta import Office, desk, office
from connectors.whatsapp_door import send
from duly_connectors.email import Address, compose
from duly_runtime import offering
from duly_runtime.doors import Approved, Choices, Failed, Header, Rich, Sent
from duly_runtime.events import Choice
from fakes.graph import FakeGraph, Template


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    templates = [
        Template("titled", "en", "Hi {{1}}", header="Case {{1}}"),
        Template("pictured", "en", "Hi", header_format="IMAGE"),
        Template("asking", "en", "Which?", buttons=("Yes", "No")),
    ]
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, templates=templates) as running:
        yield running


def choices(*titles: str, label: str = "", description: str = "") -> Choices:
    return Choices(rows=tuple(Choice(title=title, description=description) for title in titles), label=label)


def shown(graph: FakeGraph, body: str, header: Header | None, offered: Choices | None) -> dict[str, Any]:
    text = offering.plain(body, header, offered)
    assert isinstance(send(graph, text=text, rich=Rich(body=body, header=header, choices=offered)), Sent)
    return graph.deliveries[-1]["message"]


def test_buttons(graph: FakeGraph) -> None:
    assert shown(graph, "Which?", None, choices("Yes", "No"))["interactive"] == {
        "type": "button",
        "body": {"text": "Which?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "77.1", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "77.2", "title": "No"}},
            ]
        },
    }


def test_a_list(graph: FakeGraph) -> None:
    offered = choices("Lisbon", "Porto", label="Choose", description="Open till six")
    assert shown(graph, "Which?", Header(text="Shops"), offered)["interactive"] == {
        "type": "list",
        "header": {"type": "text", "text": "Shops"},
        "body": {"text": "Which?"},
        "action": {
            "button": "Choose",
            "sections": [
                {
                    "rows": [
                        {"id": "77.1", "title": "Lisbon", "description": "Open till six"},
                        {"id": "77.2", "title": "Porto", "description": "Open till six"},
                    ]
                }
            ],
        },
    }


def test_buttons_below_a_picture(graph: FakeGraph) -> None:
    picture = Header(media="image", link="https://shop.example/a.png")
    made = shown(graph, "Which?", picture, choices("Yes"))["interactive"]
    assert made["header"] == {"type": "image", "image": {"link": "https://shop.example/a.png"}}


@pytest.mark.parametrize("media", ["image", "video", "document"])
def test_a_file_above_a_text(graph: FakeGraph, media: str) -> None:
    made = shown(graph, "Look", Header(media=media, link="https://shop.example/a"), None)
    assert (made["type"], made[media]) == (media, {"link": "https://shop.example/a", "caption": "Look"})


def test_a_line_above_a_text_is_a_line(graph: FakeGraph) -> None:
    assert shown(graph, "Look", Header(text="Case 7"), None)["text"]["body"] == "Case 7\n\nLook"


@pytest.mark.parametrize(
    ("offered", "longest"), [(choices("Yes"), 1024), (choices("Yes", label="Choose"), 4080)], ids=["buttons", "list"]
)
def test_a_text_that_is_too_long_for_buttons_has_lines(graph: FakeGraph, offered: Choices, longest: int) -> None:
    assert shown(graph, "x" * longest, None, offered)["type"] == "interactive"
    if longest == 1024:
        assert shown(graph, "x" * 1025, None, offered)["text"]["body"] == "x" * 1025 + "\n\n1. Yes"


def test_by_mail_the_answers_are_numbered_lines() -> None:
    offered = Choices(rows=(Choice(title="Yes"), Choice(title="No", description="keep it")))
    rich = Rich(body="Which?", header=Header(text="Case 7"), choices=offered)
    item = samples.outgoing(text=offering.plain(rich.body, rich.header, rich.choices), rich=rich)
    mail = compose(item, Address(addr_spec="desk@a.example"), Address(addr_spec="ana@b.example"))
    assert mail.get_content() == "Case 7\n\nWhich?\n\n1. Yes\n2. No: keep it\n"


# --- templates with headers ------------------------------------------------------------------------------------------


def test_a_template_with_a_header_of_its_own(graph: FakeGraph) -> None:
    titled = Approved(name="titled", language="en", parameters=("Ana",), header="42")
    assert isinstance(send(graph, template=titled), Sent)
    assert graph.deliveries[-1]["message"]["template"]["components"] == [
        {"type": "header", "parameters": [{"type": "text", "text": "42"}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]},
    ]
    picture = Header(media="image", link="https://shop.example/a.png")
    assert isinstance(send(graph, template=Approved(name="pictured", language="en", media=picture)), Sent)
    assert isinstance(send(graph, template=Approved(name="asking", language="en")), Sent)


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (Approved(name="titled", language="en", parameters=("Ana",)), "132012"),
        (Approved(name="pictured", language="en"), "132012"),
        (Approved(name="pictured", language="en", media=Header(media="video", link="https://a.example/v")), "132012"),
        (Approved(name="asking", language="en", header="42"), "132000"),
    ],
)
def test_a_header_that_meta_knows_otherwise_is_told(graph: FakeGraph, template: Approved, code: str) -> None:
    outcome = send(graph, template=template)
    assert isinstance(outcome, Failed) and f"WhatsApp {code}" in outcome.reason


# --- from a rule and from a person -----------------------------------------------------------------------------------

ASK = """
  rule "Ask" {
    when card is created
    then send "What about?"
  }
  rule "Refund" {
    when customer replies and message contains "A refund"
    then add note "It is a refund."
  }
"""
ABOUT = """
template "What about?" {
  "en" "What is it about?"
  "pt-BR" "Sobre o que é?"
  header "en" "Case {card.number}"
  header "pt-BR" "Caso {card.number}"
  buttons "en" "An order", "A refund"
  buttons "pt-BR" "Um pedido", "Um reembolso"
}
"""


def test_what_a_rule_offers_comes_back_as_the_customers_words(tmp_path: Path, graph: FakeGraph) -> None:
    program = desk(rest=ABOUT, pipeline=ASK)

    async def scene(here: Office) -> None:
        await here.writes()
        await here.becomes("delivered")
        sent = graph.deliveries[0]["message"]["interactive"]
        assert sent["header"]["text"] == "Case 1"
        button = sent["action"]["buttons"][1]["reply"]
        reply = {"type": "button_reply", "button_reply": button}
        message = {
            "from": samples.CUSTOMER,
            "id": "wamid.B",
            "type": "interactive",
            "interactive": reply,
            "context": {"id": graph.deliveries[0]["id"]},
        }
        await here.told(graph.post({"messages": [message]}))
        assert [(m.direction, m.text) for m in await here.messages()] == [
            ("in", "Olá"),
            ("out", "Case 1\n\nWhat is it about?\n\n1. An order\n2. A refund"),
            ("in", "A refund"),
        ]
        assert "note.added" in {entry.kind for entry in await here.node.store.history(1)}

    async def main() -> None:
        async with office(tmp_path, program, graph) as here:
            await scene(here)

    asyncio.run(main())


def test_a_person_offers_answers(tmp_path: Path, graph: FakeGraph) -> None:
    async def main() -> None:
        async with office(tmp_path, desk(), graph) as here:
            await here.writes()
            await here.replies("Quando?", choices=(Choice(title="Hoje"), Choice(title="Amanhã")))
            four = tuple(Choice(title=title) for title in ("Segunda", "Terça", "Quarta", "Quinta"))
            await here.replies("Que dia?", choices=four)
            await here.becomes("delivered", "delivered")
            first, second = (taken["message"]["interactive"] for taken in graph.deliveries)
            assert [one["reply"]["title"] for one in first["action"]["buttons"]] == ["Hoje", "Amanhã"]
            assert (second["type"], second["action"]["button"]) == ("list", "Choose")
            assert (await here.messages())[-1].text == "Que dia?\n\n1. Segunda\n2. Terça\n3. Quarta\n4. Quinta"

    asyncio.run(main())
