"""A person's reply by WhatsApp: one file a message, a template once the window has closed, and what goes instead of a
message that was shut out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from duly_runtime import rendering
from duly_runtime.decision import Decision, MessageCustomer, World
from duly_runtime.doors import Failed, Outcome, Outgoing, Sent
from duly_runtime.engine.step import step
from duly_runtime.events import AgentMessage, Choice, DeliveryStatus, Event, File
from runtime.desk import Desk, at
from runtime.test_window import RULES, delivered, whatsapp
from runtime.workspace import Doors

PHOTO = File(name="a.png", media_type="image/png", size=3, sha256="a" * 64)
PAPER = File(name="b.pdf", media_type="application/pdf", size=3, sha256="b" * 64)
SOUND = File(name="c.ogg", media_type="audio/ogg", size=3, sha256="c" * 64)


def sent(desk: Desk, body: AgentMessage) -> list[MessageCustomer]:
    before = len(desk.effects)
    desk.handle(body)
    return [effect for _, effect in desk.effects[before:] if isinstance(effect, MessageCustomer)]


def parts(desk: Desk, body: AgentMessage) -> list[tuple[str, list[str]]]:
    made = sent(desk, body)
    assert len({effect.key for effect in made}) == len(made)
    assert all(effect.author == "ana" and effect.rendered for effect in made)
    return [(effect.text, [file.name for file in effect.files]) for effect in made]


@pytest.mark.parametrize(
    ("text", "files", "made"),
    [
        ("hi", (), [("hi", [])]),
        ("hi", (PHOTO,), [("hi", ["a.png"])]),
        ("", (PHOTO,), [("", ["a.png"])]),
        ("hi", (PHOTO, PAPER), [("hi", ["a.png"]), ("", ["b.pdf"])]),
        ("hi", (SOUND, PAPER), [("hi", []), ("", ["c.ogg"]), ("", ["b.pdf"])]),
        ("", (SOUND,), [("", ["c.ogg"])]),
        ("x" * 1024, (PHOTO,), [("x" * 1024, ["a.png"])]),
        ("x" * 1025, (PHOTO,), [("x" * 1025, []), ("", ["a.png"])]),
    ],
)
def test_whatsapp_takes_one_file_a_message(text: str, files: tuple[File, ...], made: list[tuple[str, list[str]]]) -> None:
    assert parts(whatsapp(), AgentMessage(text=text, author="ana", files=files)) == made


def test_other_channels_take_all_files_in_one() -> None:
    desk = Desk(RULES).writes()
    assert parts(desk, AgentMessage(text="hi", author="ana", files=(SOUND, PAPER))) == [("hi", ["c.ogg", "b.pdf"])]


def test_only_the_first_part_quotes() -> None:
    made = sent(whatsapp(), AgentMessage(text="hi", author="ana", files=(PHOTO, PAPER), reply_to="wamid.1"))
    assert [effect.reply_to for effect in made] == ["wamid.1", ""]


def test_a_reply_may_be_a_template() -> None:
    desk = whatsapp().until("tue 12:00")
    (effect,) = sent(desk, AgentMessage(text="", author="ana", template="Still there?"))
    assert (effect.template, effect.text, effect.author) == ("Still there?", "", "ana")
    assert desk.card.last_agent_at == at("tue 12:00"), "it is a reply like any other"


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (AgentMessage(text="", author="ana"), "empty-message"),
        (AgentMessage(text="", author="ana", template="Nope"), "unknown-template"),
        (AgentMessage(text="hi", author="ana", template="Hello"), "template-alone"),
        (AgentMessage(text="", author="ana", template="Hello", language="de"), "unknown-language"),
        (AgentMessage(text="", author="ana", template="Hello", variables={"Nope": "x"}), "unknown-variable"),
        (AgentMessage(text="hi", author="ana", connector="Nope"), "unknown-connector"),
        (AgentMessage(text="", author="ana", template="Hello", files=(PHOTO,)), "template-alone"),
        (AgentMessage(text="", author="ana", template="Hello", choices=(Choice(title="Yes"),)), "template-alone"),
        (AgentMessage(text="hi", author="ana", files=(PHOTO,), choices=(Choice(title="Yes"),)), "choices-alone"),
        (AgentMessage(text=" ", author="ana", choices=(Choice(title="Yes"),)), "empty-message"),
        (AgentMessage(text="x" * 1025, author="ana", choices=(Choice(title="Yes"),)), "bad-choices"),
        (AgentMessage(text="hi", author="ana", choices=(Choice(title=" "),)), "bad-choices"),
        (AgentMessage(text="hi", author="ana", choices=(Choice(title="x" * 25),)), "bad-choices"),
        (AgentMessage(text="hi", author="ana", choices=(Choice(title="x", description="y" * 73),)), "bad-choices"),
        (AgentMessage(text="hi", author="ana", choices=(Choice(title="Yes"), Choice(title="Yes "))), "bad-choices"),
        (AgentMessage(text="hi", author="ana", choices=tuple(Choice(title=f"{n}") for n in range(11))), "bad-choices"),
    ],
)
def test_what_is_no_reply_is_refused(body: AgentMessage, refused: str) -> None:
    desk = whatsapp()
    assert desk.handle(body).refused.startswith(refused)
    assert desk.card.last_agent_at is None


@pytest.mark.parametrize(
    ("choices", "label"),
    [
        ((Choice(title="1"), Choice(title="2"), Choice(title="x" * 20)), ""),
        ((Choice(title="1"), Choice(title="2"), Choice(title="x" * 21)), "Choose"),
        ((Choice(title="1", description="one"),), "Choose"),
        (tuple(Choice(title=f"{n}") for n in range(4)), "Choose"),
    ],
)
def test_answers_are_buttons_where_they_fit(choices: tuple[Choice, ...], label: str) -> None:
    (effect,) = sent(whatsapp(), AgentMessage(text="hi", author="ana", choices=choices))
    assert effect.choices == choices
    text = rendering.reply(effect.text, effect.choices, "en")
    assert text.rich is not None and text.rich.choices is not None and text.rich.choices.label == label


def test_what_opens_a_list_is_in_the_customers_language() -> None:
    text = rendering.reply("oi", [Choice(title=f"{n}") for n in range(4)], "pt-PT")
    assert text.rich is not None and text.rich.choices is not None and text.rich.choices.label == "Escolher"
    assert rendering.reply("oi", (), "pt") == rendering.Text("", "oi")


# --- shut out by Meta, whatever we knew ------------------------------------------------------------------------------


def told(desk: Desk, effect: MessageCustomer | None) -> Decision:
    event = Event(at=desk.now, body=DeliveryStatus(provider_id="p", state="failed", closed=True))
    decision = step(desk.graph, desk.card, event, desk.now, World(refused=effect))
    assert decision == step(desk.graph, desk.card, event, desk.now, World(refused=effect))
    return decision


@pytest.mark.parametrize(
    "effect",
    [
        MessageCustomer(key="k", template="Hello", outside="Still there?"),
        MessageCustomer(key="k", text="Are you there?", outside="Still there?"),
        MessageCustomer(key="k", template="Still there?", author="ana"),
    ],
)
def test_its_template_goes_instead_of_what_was_shut_out(effect: MessageCustomer) -> None:
    (instead,) = told(whatsapp(), effect).effects
    assert instead == MessageCustomer(key="k/approved", template="Still there?", approved=True, author=effect.author)


@pytest.mark.parametrize(
    "effect",
    [
        None,
        MessageCustomer(key="k", text="hi", rendered=True, author="ana"),
        MessageCustomer(key="k", template="Hello"),
        MessageCustomer(key="k", template="Gone"),
        MessageCustomer(key="k/approved", template="Still there?", approved=True),
    ],
)
def test_what_has_no_other_template_stays_failed(effect: MessageCustomer | None) -> None:
    assert told(whatsapp(), effect).effects == ()


# --- at the door -----------------------------------------------------------------------------------------------------

HOUR = dt.timedelta(hours=1)


def shut(item: Outgoing) -> Outcome:
    return Sent(provider_id="p") if item.template else Failed(reason="too late", closed=True)


def test_a_window_that_meta_has_closed_brings_the_template_at_once(tmp_path: Path) -> None:
    doors = Doors()
    doors.by_names["Chat"].answer = shut
    row, (first, second) = delivered(tmp_path, MessageCustomer(key="k", text="Hi", outside="Ask"), HOUR, doors=doors)
    assert (first.text, first.template) == ("Hi", None)
    assert second.template is not None and second.template.name == "ask_again"
    assert (row.state, row.text) == ("sent", second.text)


def test_without_a_template_it_is_failed_with_metas_words(tmp_path: Path) -> None:
    doors = Doors()
    doors.by_names["Chat"].answer = shut
    effect = MessageCustomer(key="k", text="Hi", rendered=True, author="ana")
    row, messages = delivered(tmp_path, effect, HOUR, doors=doors)
    assert (row.state, row.error, len(messages)) == ("failed", "too late", 1)


def test_what_must_go_as_a_template_does_so_inside_the_window_too(tmp_path: Path) -> None:
    _, (message,) = delivered(tmp_path, MessageCustomer(key="k", template="Ask", approved=True), HOUR)
    assert message.template is not None and message.template.name == "ask_again"


def test_a_persons_template_is_metas_once_the_window_is_closed(tmp_path: Path) -> None:
    _, (message,) = delivered(tmp_path, MessageCustomer(key="k", template="Ask", author="ana"), 25 * HOUR)
    assert message.template is not None and not message.automatic


def test_a_quote_goes_along(tmp_path: Path) -> None:
    effect = MessageCustomer(key="k", text="Hi", rendered=True, author="ana", reply_to="wamid.7")
    _, (message,) = delivered(tmp_path, effect, HOUR)
    assert message.reply_to == "wamid.7"
