"""The quarantine's page and who may write on a card, in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from admin_ui.house import Served, Visit, Watch
from duly_admin_ui.services import Change


def test_a_message_is_let_into_its_card_and_its_sender_remembered(served: Served, visit: Visit) -> None:
    page = visit(served, "/quarantine", "ana")
    expect(page.get_by_role("link", name="Quarantine 2 messages wait for a decision")).to_be_visible()
    message = page.get_by_role("region", name="Re: Parcel is lost")
    expect(message.get_by_text("eva@cliente.example").first).to_be_visible()
    expect(message.locator("pre")).to_contain_text("<b>Eva</b>")
    expect(message.get_by_text("order.pdf")).to_be_visible()
    expect(message.get_by_role("checkbox")).to_be_checked()
    message.get_by_role("button", name="Let it into card #1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("#1")
    may = page.get_by_role("region", name="May also write by mail")
    expect(may.get_by_text("eva@cliente.example").first).to_be_visible()
    may.get_by_role("button", name="Remove eva@cliente.example").click()
    expect(may.get_by_text("Nobody but the customer.")).to_be_visible()
    may.get_by_role("textbox", name="E-mail address").fill("rui@cliente.example")
    may.get_by_role("button", name="Let in").click()
    expect(may.get_by_text("rui@cliente.example").first).to_be_visible()


def test_a_forged_one_that_names_no_card_opens_one_of_its_own(served: Served, visit: Visit) -> None:
    page = visit(served, "/quarantine", "ana", script=False)
    message = page.get_by_role("region", name="Your invoice")
    expect(message.locator(".reason")).to_contain_text("may be forged")
    expect(message.get_by_role("checkbox")).to_have_count(0)
    expect(message.get_by_role("button", name="Let it into")).to_have_count(0)
    message.get_by_role("button", name="Open a card of its own").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your invoice")


def test_discarding_by_keyboard_is_undone(served: Served, visit: Visit) -> None:
    page = visit(served, "/board/Customer%20support", "ana")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.get_by_role("heading", name="Quarantine", level=1).wait_for()
    page.get_by_role("region", name="Your invoice").get_by_role("button", name="Discard").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Your invoice")).to_have_count(0)
    expect(page.get_by_role("link", name="Quarantine 1 message waits for a decision")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Your invoice")).to_be_visible()


def test_the_discarded_ones_are_kept_and_taken_back(served: Served, visit: Visit) -> None:
    served.theatre.memory.decide(31, "", "discarded", "bruno")
    page = visit(served, "/quarantine?view=discarded", "ana")
    message = page.get_by_role("region", name="Re: Parcel is lost")
    expect(message.get_by_text("Bruno Lima")).to_be_visible()
    message.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("region", name="Re: Parcel is lost").get_by_role("button", name="Discard")).to_be_visible()
    page.goto("/quarantine?view=discarded")
    expect(page.get_by_role("heading", name="Nothing is discarded")).to_be_visible()


def test_an_empty_quarantine_says_what_would_wait_here(served: Served, visit: Visit) -> None:
    served.theatre.memory.held.clear()
    page = visit(served, "/quarantine", "ana")
    expect(page.get_by_role("heading", name="Nothing is in quarantine")).to_be_visible()
    expect(page.get_by_role("link", name="Quarantine", exact=True)).to_be_visible()


def test_two_people_decide_once(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/quarantine", "ana")
    watches[0].expect("409")
    served.theatre.memory.decide(32, "", "discarded", "bruno")
    page.get_by_role("region", name="Your invoice").get_by_role("button", name="Discard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Somebody else changed it first")


def test_news_reach_the_page_and_the_count(served: Served, visit: Visit) -> None:
    page = visit(served, "/board/Customer%20support", "ana")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    memory = served.theatre.memory
    memory.held.append(memory._quarantined(33, "stranger", "leo@x.example", 1, "Me too", "Hi"))
    served.theatre.tell(Change(topic="quarantine"))
    expect(page.get_by_role("link", name="Quarantine 3 messages wait for a decision")).to_be_visible()


def test_who_may_not_review_sees_neither_page_nor_count(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "vera")
    watches[0].expect("403")
    expect(page.get_by_role("link", name="Quarantine")).to_have_count(0)
    expect(page.get_by_role("button", name="Let in")).to_have_count(0)
    page.goto("/quarantine")
    expect(page.get_by_role("main")).to_contain_text("decide about mail in quarantine")
