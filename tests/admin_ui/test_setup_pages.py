"""Setting up connectors in Chromium: over the theatre in every state, and over a running Duly with a real mail server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from admin_ui.house import Served, Visit, Watch
from admin_ui.test_browser import violations
from admin_ui.test_running import KEY, RULES, Running, set_up
from connectors import servers

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAIL = """
connector "Mail" sends email {
  server secret "SMTP_URL"
  from "Support <support@desk.example>"
}
"""


def test_the_list_says_how_each_connector_is(served: Served, visit: Visit) -> None:
    page = visit(served, "/connectors", "ana")
    shop, mail, pager, hook = (page.locator(f"#connector-{number}") for number in (1, 2, 3, 4))
    expect(shop).to_contain_text("The secret SHOP_KEY is missing.")
    expect(shop.locator(".health")).to_contain_text("Needs attention")
    expect(mail).to_contain_text("the mail server answered 535")
    expect(mail).to_contain_text("INBOX old@mail.test: signed out")
    expect(pager).to_contain_text("no connector of this kind is installed")
    expect(hook.locator(".health")).to_contain_text("In order")
    expect(page.locator(".alert")).to_contain_text("duly_pager:Pager")
    page.get_by_role("button", name="Check all").click()
    for each in (shop, mail, pager, hook):
        expect(each.locator(".health")).to_contain_text("In order")
    expect(page.locator("#said")).to_contain_text("In order")


def test_without_scripts_everything_works_too(served: Served, visit: Visit) -> None:
    page = visit(served, "/connectors", "ana", script=False)
    page.get_by_role("button", name="Check Mail").click()
    expect(page.locator("#connector-2 .health")).to_contain_text("In order")
    page.get_by_role("link", name="Mail", exact=True).click()
    page.get_by_label("E-mail address").fill("ana@example.org")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator(".trial")).to_contain_text("the mail server answered 451: later")
    page.get_by_label("New value of SMTP_URL").fill("smtp://elsewhere")
    page.get_by_role("button", name="Store SMTP_URL").click()
    expect(page.get_by_role("status").first).to_contain_text("The secret SMTP_URL is stored")
    assert served.theatre.connectors.secrets == {"SMTP_URL": "smtp://elsewhere"}
    assert "smtp://elsewhere" not in page.content()


def test_a_test_message_by_keyboard(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/connectors/Mail", "ana")
    watches[0].expect("422")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type("nobody@example.org")
    page.keyboard.press("Enter")
    expect(page.locator("#trial [data-progress]")).to_contain_text("this is no address")
    expect(page.get_by_label("E-mail address")).to_have_value("nobody@example.org")
    page.get_by_label("E-mail address").fill("ana@example.org")
    page.keyboard.press("Enter")
    expect(page.locator(".trial")).to_contain_text("Not now")
    expect(page.locator(".trial")).to_contain_text("the mail server answered 451: later")
    assert served.theatre.connectors.told == [("Mail", "ana@example.org")]
    page.get_by_role("button", name="Run the checks").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#checks .health")).to_contain_text("In order")
    expect(page.get_by_role("button", name="Run the checks")).to_be_focused()


@pytest.mark.parametrize("script", [True, False])
def test_templates_at_meta_are_shown_and_read_now(served: Served, visit: Visit, axe: str, script: bool) -> None:
    page = visit(served, "/connectors/WhatsApp", "ana", script=script)
    rows = page.locator("#templates tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_contain_text("rejected")
    expect(rows.nth(1)).to_contain_text("no template of the rules uses it")
    expect(rows.nth(3)).to_contain_text("waiting for Meta's decision")
    expect(rows.nth(4)).to_contain_text("not at Meta")
    page.get_by_role("button", name="Read them now").click()
    expect(page.locator("#templates")).to_contain_text("They could not be read: WhatsApp 190")
    if script:
        assert violations(page, axe) == []
    page.goto("/connectors/Mail")
    expect(page.locator("#templates")).to_have_count(0)


def test_the_address_is_copied(served: Served, visit: Visit) -> None:
    page = visit(served, "/connectors/Shop", "ana", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "https://duly.example/in/shop"


def test_the_empty_page_says_how_to_begin(empty: Served, visit: Visit) -> None:
    empty.theatre.memory._fill()
    page = visit(empty, "/connectors", "ana")
    expect(page.locator(".empty")).to_contain_text('connector "Shop" receives webhook')


def test_only_administrators_come_in(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/connectors", "bruno")
    watches[0].expect("403")
    expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
    expect(page.get_by_role("link", name="Connectors")).to_have_count(0)


def test_the_first_request_shows_by_itself(running: Running, page: Page) -> None:
    page.goto("/connectors/Shop")
    expect(page.locator("#received")).to_contain_text("Waiting for the first request")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    running.message(text="Where is it?", subject="Lost parcel", name="Marta")
    expect(page.locator("#received")).to_contain_text("1 event")
    running.message(subject="No text in here")
    expect(page.locator("#received li").first).to_contain_text("put aside")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, RULES + MAIL, {"SMTP_URL": "smtp://127.0.0.1:9", "SHOP_KEY": KEY}) as up:
        yield up


@pytest.fixture
def page(running: Running, visit: Visit) -> Page:
    return set_up(visit(running, "/setup?token=setup-token"))


def test_a_mail_connector_is_set_up_and_tried_out(running: Running, page: Page) -> None:
    with servers.aside(servers.mail()) as mail:
        page.get_by_role("link", name="Connectors").click()
        page.get_by_role("link", name="Mail", exact=True).click()
        page.get_by_role("button", name="Run the checks").click()
        expect(page.locator("#checks li[data-state=bad]")).to_contain_text("Mail server")
        page.get_by_label("New value of SMTP_URL").fill(f"smtp://127.0.0.1:{mail.port}")
        page.get_by_role("button", name="Store SMTP_URL").click()
        expect(page.get_by_role("status").first).to_contain_text("SMTP_URL is stored")
        expect(page.locator("#checks")).to_contain_text("Not checked yet")
        page.get_by_role("button", name="Run the checks").click()
        expect(page.locator("#checks .health")).to_contain_text("In order")
        page.get_by_label("E-mail address").fill("ana@example.org")
        page.get_by_role("button", name="Send a test").click()
        expect(page.locator(".trial")).to_have_attribute("data-outcome", "sent")
        (taken,) = mail.messages
        assert b"To: ana@example.org" in taken
        mail.says["rcpt"] = "550 nobody of that name"
        page.get_by_role("button", name="Send a test").click()
        expect(page.locator(".trial")).to_contain_text("550: nobody of that name")
        expect(page.locator(".trial")).to_contain_text("Not delivered")
        assert str(mail.port) not in page.content(), "a secret is never shown"
        log = running.ask(lambda desk: desk.store.audit_log(10, 0))
        assert {row.action for row in log} >= {"secret.stored", "connector.tested"}
        assert str(mail.port) not in "".join(str(row.details) for row in log)
