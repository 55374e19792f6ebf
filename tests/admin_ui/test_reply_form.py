"""The form of a reply: WhatsApp's window, templates, quotes, answers to choose from, and other ways to the customer."""

from __future__ import annotations

import msgspec
import pytest
from playwright.sync_api import expect

from admin_ui.house import Served, Visit, Watch
from admin_ui.test_browser import violations
from duly_admin_ui.composer import answers, pair, paired
from duly_admin_ui.services import Change
from duly_runtime.events import Choice

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("script", [True, False])
def test_a_message_is_quoted_and_answers_are_offered(served: Served, visit: Visit, axe: str, script: bool) -> None:
    page = visit(served, "/cards/1", "ana", script=script)
    page.get_by_label("Reply by WhatsApp").fill("Which one")
    page.get_by_role("button", name="Reply to this").first.click()
    quoting = page.locator(".quoting")
    expect(quoting).to_contain_text("Hello, refund has not arrived")
    expect(page.get_by_label("Reply by WhatsApp")).to_have_value("Which one")
    if script:
        assert violations(page, axe) == []
    page.get_by_role("button", name="Don't quote it").click()
    expect(quoting).to_have_count(0)
    page.get_by_role("button", name="Reply to this").first.click()
    page.locator(".composer summary").click()
    page.locator("#choices").fill("Small\nLarge | over 10 kg\n\n")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out").last).to_contain_text("Which one")
    (draft,) = served.theatre.drafts
    first = served.theatre.memory.said[101][0]
    assert (draft.text, draft.quote) == ("Which one", first.id)
    assert draft.choices == (Choice(title="Small"), Choice(title="Large", description="over 10 kg"))
    assert (draft.connector, draft.address) == ("WhatsApp", "+5511988770001")


@pytest.mark.parametrize("script", [True, False])
def test_once_the_window_has_closed_a_template_is_filled_in(
    served: Served, visit: Visit, watches: list[Watch], axe: str, script: bool
) -> None:
    page = visit(served, "/cards/5", "ana", script=script)
    expect(page.locator("#window")).to_contain_text("24-hour window closed: only an approved template can be sent")
    expect(page.get_by_role("button", name="Send reply")).to_have_count(0)
    template = page.locator("select[name=template]")
    assert template.locator("option:disabled").all_inner_texts() == [
        "Still there? · pt-BR (paused by Meta: LOW_QUALITY)",
        "Offer · en (rejected)",
        "Soon · en (not at Meta)",
    ]
    expect(page.get_by_label("Customer's first name")).to_have_value("Eva")
    page.get_by_label("Order number").fill("77")
    page.get_by_role("button", name="Look at it again").click()
    expect(page.locator(".preview")).to_contain_text("Hi Eva, do you still need us about 77?")
    template.select_option(label="Goodbye · en")
    if not script:
        page.locator(".templates").get_by_role("button", name="Show").click()
    expect(page.locator(".preview")).to_contain_text("Goodbye!")
    template.select_option(label="Still there? · en")
    if not script:
        page.locator(".templates").get_by_role("button", name="Show").click()
    page.get_by_label("Order number").fill("78")
    page.get_by_role("button", name="Send the template").click()
    expect(page.locator(".message.out").last).to_contain_text("Still there?")
    (draft,) = served.theatre.drafts
    assert (draft.template, draft.language, draft.text) == ("Still there?", "en", "")
    assert draft.variables == {"customer.first_name": "Eva", "Order number": "78"}


def test_a_note_can_be_written_whatever_the_window(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/5", "ana")
    page.get_by_label("Note, for us only").fill("They will call back")
    page.get_by_role("button", name="Add as a note").click()
    expect(page.locator(".message.note").last).to_contain_text("They will call back")
    assert served.theatre.drafts == []


@pytest.mark.parametrize("script", [True, False])
def test_another_way_is_chosen_and_what_was_written_stays(served: Served, visit: Visit, script: bool) -> None:
    page = visit(served, "/cards/1", "ana", script=script)
    by = page.locator("select[name=way]")
    assert by.locator("option:disabled").all_inner_texts() == [
        "Pager (out of service)",
        "Post · other@cliente.example (only claimed: confirm it on the contact's page)",
    ]
    page.get_by_label("Reply by WhatsApp").fill("By mail then")
    by.select_option(label="Post · marta@cliente.example")
    if not script:
        page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("Reply by E-mail")).to_have_value("By mail then")
    expect(page.locator(".window")).to_have_count(0)
    expect(page.get_by_role("button", name="Reply to this")).to_have_count(0)
    if script:
        expect(page.locator("body")).to_have_attribute("data-live", "on")
        fails(served, "read")
        expect(page.locator(".message.out .delivery").first).to_contain_text("read")
        expect(page.locator(".window")).to_have_count(0)
        expect(page.get_by_role("button", name="Reply to this")).to_have_count(0)
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out").last).to_contain_text("By mail then")
    (draft,) = served.theatre.drafts
    assert (draft.connector, draft.address) == ("Post", "marta@cliente.example")


def test_what_is_refused_says_what_to_do_and_keeps_the_words(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "ana")
    watches[-1].expect("409")
    page.get_by_label("Reply by WhatsApp").fill("too late")
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_role("alert")).to_contain_text("WhatsApp takes only an approved template: choose one")
    expect(page.get_by_label("Reply by WhatsApp")).to_have_value("too late")
    page.goto("/cards/1/reply")  # loaded again, it is the card
    expect(page.get_by_role("heading", level=1)).to_contain_text("Refund has not arrived")


def test_the_window_closes_under_what_is_being_written(
    served: Served, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre = served.theatre
    page = visit(served, "/help", "ana")
    page.clock.install()
    page.goto("/cards/1")
    page.get_by_label("Reply by WhatsApp").fill("I am still")
    expect(page.locator("#window .left")).to_contain_text("2h 59m")
    closed = await_(theatre.ways(theatre.memory.known[105], ()))

    async def ways(card: object, messages: object) -> object:
        return closed

    monkeypatch.setattr(theatre, "ways", ways)
    page.get_by_role("heading", level=1).click()
    page.clock.fast_forward("03:00:01")
    expect(page.locator("#window")).to_contain_text("24-hour window closed: only an approved template can be sent")
    expect(page.get_by_label("Reply by WhatsApp")).to_have_value("I am still")
    page.get_by_role("button", name="Show the templates").click()
    expect(page.get_by_role("button", name="Send the template")).to_be_visible()
    expect(page.get_by_label("Note, for us only")).to_have_value("I am still")


def test_the_window_opens_again_under_an_open_page(served: Served, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    theatre = served.theatre
    page = visit(served, "/cards/5", "ana")
    expect(page.locator("body[data-live=on]")).to_have_count(1)
    card = theatre.memory.known[101]
    open_ways = await_(theatre.ways(card, ()))

    async def ways(card: object, messages: object) -> object:
        return open_ways

    monkeypatch.setattr(theatre, "ways", ways)
    theatre.tell(Change(topic="card", pipeline="Customer support", card=105))
    expect(page.locator("#window")).to_contain_text("24-hour window open until")
    page.get_by_role("button", name="Write freely").click()
    expect(page.get_by_role("button", name="Send reply")).to_be_visible()


def fails(served: Served, state: str, error: str = "", card: int = 101) -> None:
    """Our message of a card becomes this, and open pages are told."""
    said = served.theatre.memory.said[card]
    said[1] = msgspec.structs.replace(said[1], state=state, error=error, delivery=3)
    served.theatre.tell(Change(topic="card", pipeline="Customer support", card=card))


def test_what_became_of_a_message_shows_at_once_and_is_judged(
    served: Served, visit: Visit, watches: list[Watch], axe: str
) -> None:
    page = visit(served, "/cards/1", "ana")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    message = page.locator(".message.out")
    expect(message.locator(".delivery")).to_contain_text("delivered")
    expect(message.locator(".judge")).to_have_count(0)
    fails(served, "unknown", "no answer within 15 seconds")
    expect(message.locator(".delivery")).to_contain_text("may not have arrived: no answer within 15 seconds")
    message.locator(".judge summary").click()
    assert violations(page, axe) == []
    message.get_by_role("button", name="Mark as sent").click()
    expect(message).to_contain_text("marked as sent by Ana Sousa")
    message.get_by_role("button", name="It was not sent after all").click()
    expect(message.locator(".delivery")).to_contain_text("may not have arrived")
    message.locator(".judge summary").click()
    message.get_by_label("I know that it may then arrive twice").check()
    message.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/cards/1")
    assert served.theatre.memory.outbox[3].state == "pending"


def test_a_doubtful_message_is_not_sent_again_without_a_word(served: Served, visit: Visit, watches: list[Watch]) -> None:
    fails(served, "unknown")
    page = visit(served, "/cards/1", "ana", script=False)
    watches[0].expect("409")
    page.locator(".judge summary").click()
    page.locator(".judge input[type=checkbox]").evaluate("box => box.required = false")
    page.locator(".judge details button").click()
    expect(page.get_by_role("alert")).to_contain_text("Say first that it may arrive twice.")
    assert served.theatre.memory.outbox[3].state == "unknown"


def test_who_may_not_judge_sees_the_state_and_what_to_do(served: Served, visit: Visit, watches: list[Watch]) -> None:
    fails(served, "failed", "WhatsApp 131047: only an approved template now", card=105)
    page = visit(served, "/cards/5", "bruno")
    expect(page.locator(".message.out .delivery").first).to_contain_text("not delivered: WhatsApp 131047")
    expect(page.locator(".judge")).to_have_count(0)
    page.get_by_role("link", name="Send a template instead").click()
    expect(page.locator("#composer")).to_be_in_viewport()
    answer = page.request.post("/cards/5/deliveries/3/mark", form={})
    assert answer.status == 403


def await_(work: object) -> object:
    """What a coroutine returns that never waits."""
    try:
        work.send(None)  # type: ignore[attr-defined]
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def test_pairs_of_names_and_answers() -> None:
    assert pair(paired('a "b"', "é|")) == ('a "b"', "é|")
    assert [pair(text) for text in ("", "x", "[1, 2]", '["a"]')] == [("", "")] * 4
    assert answers(" Yes \n\n No| not now \n") == (Choice(title="Yes"), Choice(title="No", description="not now"))
