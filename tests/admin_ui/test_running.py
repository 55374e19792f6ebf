"""A running Duly in Chromium: the real application, store, engine and doors; nothing is played."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from admin_ui.house import Visit, Watch
from duly_platform.composition import open_desk
from duly_platform.desk import Desk
from duly_platform.settings import load
from duly_platform.web.app import create_app
from duly_runtime.time import SystemClock

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

KEY = "a signing key"
PASSWORD = "correct horse battery"
RULES = """
calendar "Office" {
  time zone "America/Sao_Paulo"
  open every day 00:00-24:00
}

person ana {
  name "Ana Sousa"
}

team "Desk" {
  members ana
  lead ana
  manager ana
}

pipeline "Support" {
  calendar "Office"

  field "Tier" choice gold, basic default basic
  field "Resolution" text required to leave "New"

  stage "New" {
    start
    next "Done"
    owner team "Desk"
    first reply within 1h
    alert owner at 80% of first reply
  }

  stage "Done" {
    finish
  }

  rule "Gold is high" {
    when card is created and tier is gold
    then set priority to high
  }
}

connector "Shop" receives webhook {
  path "/in/shop"
  verify hmac sha256 with secret "SHOP_KEY" in header "X-Shop-Signature"
  open card in "Support"
  map {
    | card field | from message | as   | if missing |
    | message    | "text"       | text | reject     |
    | title      | "subject"    | text | skip       |
    | name       | "name"       | text | skip       |
    | "Resolution" | "resolution" | text | skip     |
  }
}
"""


class Running:
    """Duly in a thread of its own, as one process would run it."""

    def __init__(
        self, folder: Path, rules: str = RULES, secrets: Mapping[str, str] = MappingProxyType({"SHOP_KEY": KEY})
    ) -> None:
        self._folder = folder
        self._rules = rules
        self._secrets = secrets
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._failed: BaseException | None = None

    async def _main(self) -> None:
        try:
            settings = load(self._folder, {"DULY_ALLOW_PRIVATE_ADDRESSES": "1"}, port=0)
            async with open_desk(settings, SystemClock()) as desk:
                for name, value in self._secrets.items():
                    desk.secrets.set(name, value)
                done = await desk.publish({"support.duly": self._rules}, "tester", "First promises")
                assert done.hash, [item.message for item in done.diagnostics]
                self.desk, self._loop = desk, asyncio.get_running_loop()
                app = create_app(desk, settings, "setup-token")
                config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
                self._server = uvicorn.Server(config)
                serving = asyncio.ensure_future(self._server.serve())
                while not self._server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.02)
                self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
                self._up.set()
                await serving
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._up.set()

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._up.wait(60)
        assert self._failed is None
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    def ask(self, question: Callable[[Desk], Awaitable[Any]]) -> Any:
        """Something of the Desk, on its own loop."""

        async def answer() -> Any:
            return await question(self.desk)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(30)

    def message(self, **body: str) -> None:
        """A signed request at the shop's door."""
        raw = json.dumps(body).encode()
        signature = hmac.new(KEY.encode(), raw, hashlib.sha256).hexdigest()
        answer = httpx.post(
            f"{self.url}/in/shop",
            content=raw,
            headers={"X-Shop-Signature": signature, "Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path) as up:
        yield up


def set_up(page: Page) -> Page:
    """Signed in as the first administrator, made through the page for that."""
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Full name").fill("Ana Sousa")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_role("heading", name="No card yet")).to_be_visible()
    return page


@pytest.fixture
def page(running: Running, visit: Visit) -> Page:
    return set_up(visit(running, "/setup?token=setup-token"))


def test_sign_in(running: Running, page: Page, watches: list[Watch]) -> None:
    watches[0].expect("422")
    page.locator("summary", has_text="Ana Sousa").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("don't belong together")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Support", exact=True)).to_be_visible()


def test_a_message_becomes_a_card_on_the_open_board_and_moves(running: Running, page: Page, watches: list[Watch]) -> None:
    watches[0].expect("409")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    running.message(text="Where is it?", subject="Lost parcel", name="Marta")
    card = page.locator("#card-1")
    expect(card).to_contain_text("Lost parcel")
    expect(card).to_contain_text("Marta")
    left = card.locator(".left")
    expect(card.locator(".badge")).to_contain_text("On time")
    expect(card.locator(".due")).to_contain_text("first reply due")
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    card.locator(".card-link").focus()
    page.keyboard.press("]")
    expect(page.locator("#said")).to_contain_text('Fill in "Resolution" before the card leaves "New"')
    expect(page.locator("[data-stage='New'] #card-1")).to_be_visible()
    page.keyboard.press("Enter")
    page.locator("summary", has_text="Fields").click()
    page.get_by_label("Resolution").fill("Sent again")
    page.get_by_role("button", name="Save fields").click()
    page.get_by_label("Reply by").fill("It is on its way.")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out")).to_contain_text("It is on its way.")
    expect(page.locator(".clocks")).to_contain_text("Met")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".history")).to_contain_text("The clock first reply was met")
    expect(page.locator(".history")).to_contain_text("Resolution set to Sent again")
    page.get_by_role("link", name="Why").click()
    expect(page.locator("#view")).to_contain_text("because this was false: tier is gold")
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator("svg.lane .ran")).to_have_count(1)
    page.get_by_role("link", name="Support", exact=True).first.click()
    page.locator("#card-1 .card-link").focus()
    page.keyboard.press("]")
    expect(page.locator("[data-stage='Done'] #card-1")).to_be_visible()
    expect(page.locator("#said")).to_contain_text("moved to Done")


def test_what_can_not_be_mapped_is_parked_whole(running: Running, page: Page) -> None:
    running.message(subject="No text in here")
    page.goto("/parked")
    expect(page.locator(".parked pre")).to_contain_text("No text in here")
    page.goto("/board/Support")
    expect(page.locator(".card")).to_have_count(0)


def test_rules_are_checked_drafted_and_published(running: Running, page: Page, watches: list[Watch]) -> None:
    watches[0].expect("422")
    first = running.ask(lambda desk: desk.store.active_hash())
    page.goto("/rules")
    expect(page.locator("#status")).to_have_attribute("data-state", "warn")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.insert_text('team "Desk" {\n')
    expect(page.locator("#problems li.error")).not_to_have_count(0)
    page.get_by_role("link", name="Publish…").click()
    expect(page.locator("#refused")).to_contain_text("The live version stays.")
    assert running.ask(lambda desk: desk.store.active_hash()) == first
    page.get_by_role("button", name="Discard draft").click()
    expect(page.locator("#draft-state")).to_contain_text("Live")
    expect(page.locator("#status")).to_have_attribute("data-state", "warn")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.insert_text("# Twice as quick.\n")
    page.locator(".cm-content").get_by_text("1h", exact=True).dblclick()
    page.keyboard.insert_text("30m")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_text("Draft saved")
    page.get_by_role("link", name="Publish…").click()
    expect(page.locator(".changes li")).to_have_count(1)
    expect(page.locator(".changes")).to_contain_text("first reply 1h → 30m")
    page.get_by_label("What changed, and why").fill("Quicker")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("tbody tr").first).to_contain_text("Quicker")
    version = running.ask(lambda desk: desk.store.active_version())
    assert version.hash != first
    assert "first reply within 30m" in version.sources["support.duly"]
    assert running.ask(lambda desk: desk.store.draft()) is None


def test_language(running: Running, page: Page) -> None:
    running.message(text="Oi", subject="Pedido")
    expect(page.locator("#card-1 .badge")).to_contain_text("On time")
    page.locator("summary", has_text="Ana Sousa").click()
    page.get_by_role("button", name="Português").click()
    expect(page.locator("#card-1 .badge")).to_contain_text("No prazo")
    assert running.ask(lambda desk: desk.store.user("ana")).language == "pt-BR"
    expect(page.locator("#card-1 .due")).to_contain_text("primeira resposta vence")
