"""What stands beside the text of the rules, in Chromium, over the theatre."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import expect

from admin_ui.house import Served, Visit
from admin_ui.test_browser import violations
from admin_ui.test_editor import write
from admin_ui.theatre import HASH
from duly_runtime.store.api import Draft

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "support_desk"
FILE = "/rules?file=support.duly"


def draft(served: Served, **changed: str) -> dict[str, str]:
    """Keep the example as the draft; its files. `changed`: whole files, by name without `.duly`."""
    sources = {path.name: path.read_text() for path in sorted(EXAMPLE.glob("*.duly"))}
    sources |= {f"{name}.duly": text for name, text in changed.items()}
    now = served.theatre.clock.now()
    served.theatre.memory.saved = Draft(sources=sources, base=HASH, author="ana", updated_at=now, revision=1)
    return sources


@pytest.fixture
def sources(served: Served) -> dict[str, str]:
    return draft(served)


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if words in line)


def pipeline(name: str) -> str:
    """A pipeline that holds, without its closing brace."""
    first = '  stage "A" {\n    start\n    next "B"\n    leave stage within 1h\n  }\n'
    return f'\npipeline "{name}" {{\n  calendar "São Paulo office"\n{first}  stage "B" {{\n    finish\n  }}\n'


def test_tabs_are_in_the_address(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE, "ana")
    tabs = page.get_by_role("navigation", name="Beside the text")
    expect(tabs.get_by_role("link", name="Problems")).to_have_attribute("aria-current", "page")
    tabs.get_by_role("link", name="Graph").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(served.url + FILE + "&view=graph")
    expect(page.locator("#view-problems")).to_be_hidden()
    expect(page.locator("#view-graph .picture")).to_be_visible()
    page.reload()
    expect(tabs.get_by_role("link", name="Graph")).to_have_attribute("aria-current", "page")
    page.locator(".files a", has_text="people.duly").click()
    expect(page).to_have_url(served.url + "/rules?file=people.duly&view=graph")


def test_views_are_pages_without_scripts(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE, "ana", script=False)
    page.get_by_role("link", name="Graph").click()
    expect(page.locator(".picture")).to_contain_text("In progress")
    page.get_by_text("Customer support in words").click()
    expect(page.locator(".in-words")).to_contain_text("→ Waiting for customer")


def test_the_graph_shows_the_text_as_typed(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=graph", "ana")
    picture = page.locator(".picture")
    expect(picture).to_contain_text("New (starts here)")
    held = [each for each in served.theatre.memory.known.values() if each.stage == "New"]
    expect(picture.locator("a", has_text="New (starts here)")).to_contain_text(f"open cards: {len(held)}")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    write(page, pipeline("Second"))
    expect(page.locator("#view-status")).to_have_text("The text has errors: this is how it was before")
    expect(picture).to_have_count(1)
    write(page, '  stage "Lost" {\n    finish\n  }\n}\n')
    expect(picture).to_have_count(2)
    expect(page.locator("#view-status")).to_have_text("")
    lost = page.locator(".picture a", has_text="Lost")
    expect(lost).to_contain_text("nothing leads here")
    assert lost.locator("rect").evaluate("each => getComputedStyle(each).strokeDasharray") == "4px, 4px"


def test_a_stage_in_the_picture_leads_to_its_line(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, "/rules?file=people.duly&view=graph", "ana")
    stage = page.locator(".picture a", has_text="Triage")
    stage.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".files a[aria-current]")).to_contain_text("support.duly")
    expect(page.locator(".cm-activeLine")).to_contain_text('stage "Triage"')


def test_the_picture_is_kept_as_a_file(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=graph", "ana")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    write(page, pipeline("Not saved yet") + "}\n")
    expect(page.locator(".picture")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as SVG").click()
    text = Path(download.value.path()).read_text()
    assert text.startswith("<svg") and "Not saved yet" in text and "<style>" in text


@pytest.mark.parametrize(
    ("theme", "language", "width"), [("light", "en", 1280), ("dark", "pt-BR", 1280), ("light", "pt-BR", 390)]
)
def test_views_are_accessible(
    served: Served, visit: Visit, sources: dict[str, str], axe: str, theme: str, language: str, width: int
) -> None:
    ana = served.theatre.memory.accounts["ana"]
    served.theatre.memory.accounts["ana"] = msgspec.structs.replace(ana, language=language)
    page = visit(served, FILE + "&view=graph", "ana", color_scheme=theme, viewport={"width": width, "height": 800})
    for view in ("graph", "tests"):
        page.goto(f"{FILE}&view={view}")
        expect(page.locator("#status")).to_have_attribute("data-state", "good")
        if view == "tests":
            page.locator("#run-tests").click()
            expect(page.locator("#coverage")).to_be_visible()
        assert violations(page, axe) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_the_scripts_of_the_editor_stay_small(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    """All scripts, the style and the page, compressed as a server in front would."""
    page = visit(served, FILE, "ana")
    bodies: list[bytes] = []
    page.on("response", lambda answer: bodies.append(answer.body()))
    page.reload()
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    assert bodies and sum(len(gzip.compress(body)) for body in bodies) <= 180 * 1024


def test_the_tests_run_on_the_text_as_typed(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, "/rules?file=support.tests.duly&view=tests", "ana")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    page.get_by_role("button", name="Run the tests").click()
    count = sum(text.count("\ntest ") for text in sources.values())
    expect(page.locator("#test-sum")).to_have_text(f"{count} of {count} tests passed")
    expect(page.locator("#tests-progress")).to_be_hidden()
    write(page, '\ntest "Too much is promised" {\n  clock starts monday 2026-11-09 09:00 in "São Paulo office"\n')
    page.keyboard.insert_text('  given card in "New" with priority low\n  at +1h  expect first reply is missed\n}\n')
    page.get_by_role("button", name="Run the tests").click()
    expect(page.locator("#test-sum")).to_have_text(f"{count} of {count + 1} tests passed")
    failure = page.locator(".failure")
    expect(failure).to_contain_text("at +1h  expect first reply is missed")
    expect(failure.locator("li").first).to_contain_text("the card is opened")
    page.locator(".files a", has_text="people.duly").click()
    failure.get_by_role("link", name="Too much is promised").click()
    expect(page.locator(".cm-activeLine")).to_contain_text('test "Too much is promised"')
    assert served.theatre.memory.saved is not None
    assert served.theatre.memory.saved.sources == sources


def test_what_the_tests_have_tried_stands_beside_the_lines(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=tests", "ana")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    expect(page.locator(".tried-all:visible")).to_have_count(0)
    page.get_by_role("button", name="Run the tests").click()
    expect(page.locator("#coverage")).to_contain_text("Stages")
    row = line_of(sources["support.duly"], "| urgent   | any  | 15m")
    signs = page.locator(".cm-tried .cm-gutterElement", has=page.locator(".tried-all"))
    top = page.locator(".cm-lineNumbers .cm-gutterElement", has_text=re.compile(f"^{row}$")).bounding_box()
    assert top is not None
    assert top["y"] in [box["y"] for each in signs.all() if (box := each.bounding_box())]
    page.get_by_text("Not tried:").click()
    page.locator(".test-results details li a").first.click()
    expect(page.locator(".cm-activeLine")).to_be_visible()


def test_the_tests_of_broken_files_say_what_they_need(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=tests", "ana")
    write(page, "stage\n")
    page.get_by_role("button", name="Run the tests").click()
    expect(page.locator("#test-results").get_by_role("alert")).to_contain_text("The tests need files without errors")


def test_tests_run_without_scripts(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=tests", "ana", script=False)
    page.get_by_role("button", name="Run the tests").click()
    expect(page.locator("#test-sum")).to_contain_text("tests passed")
    expect(page.locator("#coverage")).to_contain_text("Rules")
