"""A browser, and pages that must stay clean: no console error, no refused resource, nothing asked of the outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from admin_ui.house import Served, Visit, Watch
from admin_ui.theatre import Theatre
from duly_runtime.time import SystemClock
from support.services import missing

ROOT = Path(__file__).parents[2]
AXE = ROOT / "admin_ui" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = "/usr/bin/chromium"

expect.set_options(timeout=20_000)  # how long a page may take on a busy machine before a test calls it missing


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(Theatre(SystemClock())) as running:
        yield running


@pytest.fixture
def empty() -> Iterator[Served]:
    """Nobody has signed in here yet."""
    with Served(Theatre(SystemClock(), empty=True)) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ended with its module: while it lives this thread has a running loop, which other tests could not bear."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    if not os.path.exists(CHROMIUM):
        missing(f"needs Chromium at {CHROMIUM}")
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
    yield running
    running.close()


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    """Checked when the test is over."""
    kept: list[Watch] = []
    yield kept
    for watch in kept:
        watch.check()


@pytest.fixture
def visit(browser: Browser, watches: list[Watch]) -> Iterator[Visit]:
    """Open a page of a server as somebody: `visit(served, "/rules", "ana")`."""
    contexts: list[BrowserContext] = []

    def open_page(server: Served, path: str, who: str = "", *, script: bool = True, **options: object) -> Page:
        context = browser.new_context(base_url=server.url, java_script_enabled=script, locale="en-GB", **options)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        contexts.append(context)
        watches.append(Watch(context, server.url))
        if who:
            context.add_cookies([{"name": "duly_session", "value": f"session-{who}", "url": server.url}])
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker, from the developers' packages."""
    if not AXE.exists():
        missing("axe-core is missing: run `npm ci` in admin_ui")
    return AXE.read_text()
