"""What stands beside the text of the rules, in Chromium, over the theatre."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

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


def test_a_picture_drawn_anew_keeps_who_is_on_a_stage(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, "/rules?file=people.duly&view=graph", "ana")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    stage = page.locator(".picture a", has_text="Triage")
    stage.focus()
    page.locator(".picture").first.evaluate("picture => picture.classList.add('before')")
    page.locator("#views a[aria-current]").evaluate("tab => tab.click()")  # a click that takes no focus
    expect(page.locator(".picture.before")).to_have_count(0)
    expect(stage).to_be_focused()


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
    for view in ("graph", "tests", "form"):
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


def choose(page: Page, block: str) -> None:
    """In the form's list of blocks."""
    page.get_by_text("All blocks of the file").click()
    page.locator("#view-form").get_by_role("link", name=block, exact=True).first.click()


def test_a_form_changes_the_text_and_one_undo_takes_it_back(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=form", "ana")
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    choose(page, 'stage "Triage"')
    form = page.locator("#view-form")
    expect(form.locator(".form-title")).to_have_text('stage "Triage"')
    form.get_by_role("checkbox", name="Waiting for customer").uncheck()
    expect(page.locator(".cm-content")).to_contain_text('stage "Triage" {    next "In progress", "Done"')
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+z")
    expect(form.get_by_role("checkbox", name="Waiting for customer")).to_be_checked()
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_text("Draft saved")
    assert served.theatre.memory.saved is not None
    assert served.theatre.memory.saved.sources == sources


def test_a_grid_of_targets_changes_one_cell(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    line = line_of(sources["support.duly"], 'stage "New"')
    page = visit(served, f"{FILE}&view=form&line={line}", "ana")
    cell = page.get_by_label("first reply, row 1")
    cell.fill("20m")
    cell.press("Enter")
    expect(page.locator(".cm-content")).to_contain_text("| urgent   | any  | 20m ")
    cell.fill("soon")
    cell.press("Tab")
    expect(page.locator("#view-status")).to_contain_text("Not changed:")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_text("Draft saved")
    assert served.theatre.memory.saved is not None
    expected = sources["support.duly"].replace("| 15m ", "| 20m ", 1)
    assert served.theatre.memory.saved.sources["support.duly"] == expected


def test_lines_are_added_moved_and_removed(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=form", "ana")
    choose(page, 'stage "Triage"')
    form = page.locator("#view-form")
    expect(form.locator(".form-title")).to_have_text('stage "Triage"')
    form.get_by_label("Add a line").fill("alert owner at 50% of leave stage")
    form.get_by_role("button", name="Add").click()
    added = form.get_by_role("button", name="Move up: alert owner at 50% of leave stage")
    expect(added).to_be_visible()
    added.click()
    expect(page.locator(".cm-content")).to_contain_text(
        "alert owner at 50% of leave stage    alert manager at 90% of leave stage by email"
    )
    form.get_by_role("button", name="Remove: alert manager at 90% of leave stage by email").click()
    expect(page.locator(".cm-content")).not_to_contain_text("alert manager at 90%")


def test_a_form_that_is_older_than_the_text_changes_nothing(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    line = line_of(sources["support.duly"], 'stage "Triage"')
    page = visit(served, f"{FILE}&view=form&line={line}", "ana")
    with page.expect_response("**/rules/form"):  # made anew once the text was checked
        pass
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    form = page.locator("#view-form")
    expect(form.locator(".form-title")).to_have_text('stage "Triage"')
    remove = form.get_by_role("button", name="Remove: alert manager at 90% of leave stage by email")
    remove.evaluate("button => (button.form.dataset.was = 'owner at 10% of leave stage')")
    remove.click()
    expect(page.locator("#view-status")).to_contain_text("the text has changed meanwhile")
    expect(page.locator(".cm-content")).to_contain_text("alert manager at 90%")


def test_an_error_greys_its_own_row_only(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    line = line_of(sources["support.duly"], "alert manager at 90%")
    text = sources["support.duly"].replace("alert manager at 90%", "alert manager at at 90%")
    draft(served, support=text)
    page = visit(served, f"{FILE}&view=form&line={line}", "ana", script=False)
    expect(page.locator(".form-row.broken")).to_have_count(1)
    expect(page.get_by_role("checkbox", name="Waiting for customer")).to_be_enabled()


def test_a_form_works_without_scripts(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    line = line_of(sources["support.duly"], 'stage "Triage"')
    page = visit(served, f"{FILE}&view=form&line={line}", "ana", script=False)
    page.get_by_role("checkbox", name="Done").uncheck()
    page.locator("form", has=page.get_by_role("checkbox", name="Done")).get_by_role("button", name="Set").click()
    expect(page.locator(".form-title")).to_have_text('stage "Triage"')
    expect(page.get_by_role("checkbox", name="Done")).not_to_be_checked()
    assert served.theatre.memory.saved is not None
    changed = sources["support.duly"].replace(
        '"Waiting for customer", "Done"\n    leave', '"Waiting for customer"\n    leave', 1
    )
    assert served.theatre.memory.saved.sources["support.duly"] == changed


def test_viewers_see_a_form_they_can_t_change(served: Served, visit: Visit, sources: dict[str, str]) -> None:
    page = visit(served, FILE + "&view=form", "vera")
    expect(page.locator("#view-form input:visible").first).to_be_disabled()
    expect(page.get_by_label("Add a line")).to_have_count(0)
