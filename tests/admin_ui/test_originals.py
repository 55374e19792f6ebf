"""Mails in a browser: what they quote, and as they were written, where nothing in them can do anything."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from admin_ui.house import Served, Visit, Watch

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_what_a_mail_quotes_is_shown_to_who_asks(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/1", "vera")
    quoted = page.get_by_text("It left today.")
    expect(quoted).to_be_hidden()
    page.get_by_text("Quoted text").click()
    expect(quoted).to_be_visible()


def test_a_mail_as_it_was_written_shows_its_pictures_and_runs_nothing(
    served: Served, visit: Visit, watches: list[Watch]
) -> None:
    page = visit(served, "/cards/1", "vera")
    watches[0].expect("Content Security Policy")
    watches[0].expect("Blocked script execution")
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="As it was written").click()
    mail = opening.value
    expect(mail.get_by_role("heading", name="A parcel")).to_have_css("color", "rgb(0, 128, 0)")
    picture = mail.get_by_role("img", name="parcel")
    expect(picture).to_have_js_property("naturalWidth", 64)
    assert mail.get_by_role("img", name="none").get_attribute("src") is None
    assert mail.get_by_role("link", name="order").get_attribute("href") == "https://shop.example/17"
    assert mail.title() not in ("ran", "1")


def test_only_messages_that_came_as_html_have_one(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "vera")
    expect(page.get_by_role("link", name="As it was written")).to_have_count(1)
    watches[0].expect("404")
    for path in ("/cards/1/messages/2/original", "/cards/1/messages/999/original", "/cards/2/messages/999/original"):
        answer = page.goto(f"{served.url}{path}")
        assert answer is not None and answer.status == 404
