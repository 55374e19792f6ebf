"""A running Duly with WhatsApp in Chromium, and what Meta gets."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from admin_ui.house import Visit
from admin_ui.test_running import RULES, Running, set_up
from connectors import samples
from duly_platform.desk import Desk
from duly_runtime import approvals, window
from fakes.graph import FakeGraph, Template

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEMPLATE = """
template "Still there?" {
  "en" "Hi {customer.first_name}, is it about {Resolution}?"
  "pt-BR" "Olá {customer.first_name}!"
  needs whatsapp approval
}
"""
WHATSAPP = samples.whatsapp_rules("Support", '  business account id "330099"')


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    templates = (Template("still_there", "en", "Hi {{1}}, is it about {{2}}?"), Template("still_there", "pt_BR", "{{1}}"))
    made = FakeGraph(
        token="token-of-ours", number_id=samples.NUMBER_ID, app_secret=samples.APP_SECRET, windows=True, templates=templates
    )
    with made:
        yield made


@pytest.fixture
def running(tmp_path: Path, graph: FakeGraph) -> Iterator[Running]:
    secrets = {**samples.WHATSAPP_SECRETS, "WA_API": graph.url}
    with Running(tmp_path, RULES.partition("connector")[0] + TEMPLATE + WHATSAPP, secrets) as up:
        graph.webhook = f"{up.url}/in/whatsapp"
        yield up
        graph.webhook = ""


@pytest.fixture
def page(running: Running, visit: Visit, graph: FakeGraph) -> Page:
    """Signed in, at the card of a customer who has just written."""
    page = set_up(visit(running, "/setup?token=setup-token"))
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    assert graph._loop is not None
    asyncio.run_coroutine_threadsafe(graph.say("Olá", samples.CUSTOMER, "Ana Lima"), graph._loop).result(20)
    expect(page.locator(".card")).to_have_count(1)
    page.goto("/cards/1")
    expect(page.locator(".message.in")).to_contain_text("Olá")
    return page


def test_a_quote_with_buttons_reaches_meta_and_its_state_comes_back_by_itself(page: Page, graph: FakeGraph) -> None:
    expect(page.locator("#window")).to_contain_text("24-hour window open until")
    page.get_by_role("button", name="Reply to this").click()
    page.get_by_label("Reply by WhatsApp").fill("Better?")
    page.locator(".composer summary").click()
    page.locator("#choices").fill("Yes\nNo")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out .message-quote")).to_contain_text("Olá")
    expect(page.locator(".message.out .delivery")).to_contain_text("delivered")
    (got,) = (delivery["message"] for delivery in graph.deliveries)
    assert got["context"]["message_id"].startswith("wamid.IN")
    assert [each["reply"]["title"] for each in got["interactive"]["action"]["buttons"]] == ["Yes", "No"]


def test_after_a_day_a_template_is_chosen_and_filled_in(
    running: Running, page: Page, graph: FakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(desk: Desk) -> Any:
        live = await desk.program()
        assert live is not None
        ((account, approver),) = approvals.accounts(live, desk.node.doors).items()
        return await approvals.at_once(desk.store, account, approver, desk.now())

    assert len(running.ask(read).templates) == 2
    monkeypatch.setattr(window, "WINDOW", dt.timedelta(0))  # the clock of this Duly is the wall's
    page.goto("/cards/1")
    expect(page.locator("#window")).to_contain_text("24-hour window closed: only an approved template can be sent")
    page.get_by_label("Resolution", exact=True).last.fill("the parcel")
    page.get_by_role("button", name="Send the template").click()
    expect(page.locator(".message.out")).to_contain_text("Hi Ana, is it about the parcel?")
    expect(page.locator(".message.out .delivery")).to_contain_text("delivered")
    (got,) = graph.deliveries
    assert (got["template"], got["variables"]) == ("still_there", ["Ana", "the parcel"])
