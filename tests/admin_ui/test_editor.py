"""The rules editor in Chromium, over the theatre."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from admin_ui.house import Served, Visit, Watch

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def write(page: Page, text: str) -> None:
    """At the end of the file in view."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


@pytest.fixture
def editor(served: Served, visit: Visit) -> Page:
    page = visit(served, "/rules?file=support.duly", "ana")
    expect(page.locator("#status")).to_have_text("No problems")
    return page


def test_a_problem_is_shown_and_mended(served: Served, editor: Page) -> None:
    write(editor, "# 😀 é\n  forst reply\n")
    expect(editor.locator("#problems")).to_contain_text("`forst` is no word of the language.")
    expect(editor.locator(".cm-lintRange-error")).to_have_text("forst")
    expect(editor.locator("#status")).to_have_text("1 problem(s)")
    editor.locator(".cm-lintRange-error").hover()
    editor.get_by_role("button", name="Write `first`").click()
    expect(editor.locator("#status")).to_have_text("No problems")
    expect(editor.locator(".cm-content")).to_contain_text("first reply")
    expect(editor.locator("#problems li")).to_have_count(0)


def test_columns_count_code_points(editor: Page) -> None:
    write(editor, "# 😀😀 forst\n")
    expect(editor.locator(".cm-lintRange-error")).to_have_text("forst")


def test_f8_walks_through_the_problems_of_all_files(served: Served, editor: Page) -> None:
    write(editor, "# forst\n")
    expect(editor.locator("#problems li")).to_have_count(1)
    editor.locator(".files a", has_text="calendar.duly").click()
    write(editor, "# forst\n")
    expect(editor.locator("#problems li")).to_have_count(2)
    editor.keyboard.press("F8")
    expect(editor.locator(".files a[aria-current]")).to_contain_text("support.duly")
    expect(editor.locator(".cm-activeLine")).to_contain_text("# forst")
    editor.keyboard.press("F8")
    expect(editor.locator(".files a[aria-current]")).to_contain_text("calendar.duly")


def test_saving_formats_and_keeps_a_draft(served: Served, editor: Page) -> None:
    write(editor, "# trailing   \n")
    editor.keyboard.press("Control+s")
    expect(editor.locator("#saved")).to_have_text("Draft saved")
    draft = served.theatre.memory.saved
    assert draft is not None
    assert draft.sources["support.duly"].endswith("}\n# trailing\n")
    assert draft.revision == 1
    expect(editor.locator(".files a.changed")).to_have_count(0)
    editor.reload()
    expect(editor.locator("#draft-state")).to_contain_text("Draft")
    editor.get_by_role("button", name="Discard draft").click()
    expect(editor.locator("#draft-state")).to_contain_text("Live")
    assert served.theatre.memory.saved is None


def test_a_draft_of_two_tells_who_was_faster(served: Served, visit: Visit, watches: list[Watch], editor: Page) -> None:
    watches[0].expect("409")
    other = visit(served, "/rules?file=support.duly", "ana")
    expect(other.locator("#status")).to_have_text("No problems")
    write(other, "# theirs\n")
    other.keyboard.press("Control+s")
    expect(other.locator("#saved")).to_have_text("Draft saved")
    write(editor, "# mine\n")
    editor.keyboard.press("Control+s")
    expect(editor.locator("#conflict")).to_contain_text("Ana Sousa saved the draft")
    expect(editor.locator("#conflict")).to_contain_text("support.duly")
    assert served.theatre.memory.saved is not None
    assert "# theirs" in served.theatre.memory.saved.sources["support.duly"]
    editor.get_by_role("button", name="Save mine over it").click()
    expect(editor.locator("#saved")).to_have_text("Draft saved")
    assert "# mine" in served.theatre.memory.saved.sources["support.duly"]


def test_publishing(served: Served, editor: Page) -> None:
    write(editor, "# better promises\n")
    editor.get_by_role("link", name="Publish…").click()
    expect(editor.locator(".changes")).to_contain_text("stage `New` of `Support`: first reply 1h → 30m")
    expect(editor.get_by_role("radio", name="From now on")).to_be_checked()
    editor.get_by_label("What changed, and why").fill("Quicker first replies")
    editor.get_by_role("radio", name="Measure again").check()
    editor.get_by_role("button", name="Publish", exact=True).click()
    expect(editor.get_by_role("status").filter(has_text="Published")).to_be_visible()
    expect(editor.locator("tbody tr").first).to_contain_text("Quicker first replies")
    expect(editor.locator("tbody tr").first).to_contain_text("live")
    row, sources = served.theatre.memory.published[-1]
    assert row.author == "ana"
    assert "# better promises" in sources["support.duly"]


def test_a_plan_that_changed_is_shown_anew(served: Served, editor: Page, watches: list[Watch]) -> None:
    watches[0].expect("409")
    write(editor, "# better promises\n")
    editor.get_by_role("link", name="Publish…").click()
    editor.get_by_role("radio", name="Measure again").check()
    editor.get_by_label("What changed, and why").fill("Quicker")
    served.theatre.unsettled += 1
    editor.get_by_role("button", name="Publish", exact=True).click()
    expect(editor.locator("#refused")).to_contain_text("has changed since")
    assert len(served.theatre.memory.published) == 1
    expect(editor.get_by_role("radio", name="Measure again")).to_be_checked()
    expect(editor.get_by_label("What changed, and why")).to_have_value("Quicker")
    editor.get_by_role("button", name="Publish", exact=True).click()
    expect(editor.get_by_role("status").filter(has_text="Published")).to_be_visible()


def test_the_plan_names_the_cards(served: Served, editor: Page, axe: str) -> None:
    write(editor, "# better promises\n")
    editor.get_by_role("link", name="Publish…").click()
    option = editor.locator(".option").filter(has=editor.get_by_role("radio", name="Measure again"))
    expect(option.locator(".effects")).to_contain_text("Late at once 1")
    option.locator("summary").click()
    rows = option.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Stranded: Order 77")
    expect(rows.last.locator("time")).to_have_count(2)
    keep = editor.locator(".option").filter(has=editor.get_by_role("radio", name="Keep open"))
    expect(keep).to_contain_text("No open card is affected")
    editor.evaluate(axe)
    found = editor.evaluate("axe.run().then(result => result.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html)))")
    assert found == []


def test_a_broken_file_is_not_published(served: Served, editor: Page, watches: list[Watch]) -> None:
    watches[0].expect("422")
    write(editor, "forst\n")
    editor.get_by_role("link", name="Publish…").click()
    expect(editor.locator("#refused")).to_contain_text("The live version stays.")
    expect(editor.locator("#problems")).to_contain_text("is no word of the language")
    assert len(served.theatre.memory.published) == 1
    expect(editor.locator(".cm-content")).to_contain_text("forst")


def test_an_old_version_comes_back_as_a_draft(served: Served, editor: Page) -> None:
    write(editor, "# second\n")
    editor.get_by_role("link", name="Publish…").click()
    editor.get_by_role("button", name="Publish", exact=True).click()
    editor.locator("tbody tr").last.get_by_role("link").click()
    editor.get_by_role("button", name="Restore into a draft").click()
    expect(editor.locator("#draft-state")).to_contain_text("Draft")
    assert served.theatre.memory.saved is not None
    assert "# second" not in served.theatre.memory.saved.sources["support.duly"]


def test_completion_offers_names_of_broken_files_too(editor: Page) -> None:
    write(editor, 'forst "x\n')
    editor.keyboard.press("Control+Space")
    write(editor, '\npipeline "Other" {\n  stage "Inside" {\n    next "In')
    editor.keyboard.press("Control+Space")
    expect(editor.locator(".cm-tooltip-autocomplete")).to_contain_text('"Inside"')


def test_viewers_read_only(served: Served, visit: Visit) -> None:
    page = visit(served, "/rules?file=support.duly", "vera")
    expect(page.locator("#status")).to_have_text("No problems")
    page.locator(".cm-content").click()
    page.keyboard.insert_text("x")
    expect(page.locator(".cm-content")).not_to_contain_text("x# Promises")
    expect(page.get_by_role("link", name="Publish…")).to_have_count(0)


def test_completion_knows_the_grammar_and_says_what_words_mean(editor: Page) -> None:
    write(editor, "\npip")
    editor.keyboard.press("Control+Space")
    expect(editor.locator(".cm-tooltip-autocomplete")).to_contain_text("pipeline")
    expect(editor.locator(".cm-completionInfo")).to_contain_text("The way of a card")
    editor.locator(".cm-tooltip-autocomplete li", has_text="pipeline").click()
    expect(editor.locator(".cm-activeLine")).to_have_text("pipeline")


def test_hovering_says_what_a_word_means(editor: Page) -> None:
    editor.locator(".cm-line", has_text="calendar").first.locator(".tok-keyword").first.hover()
    expect(editor.locator(".cm-tooltip .meaning")).to_contain_text("calendar")
    expect(editor.locator(".cm-tooltip .meaning pre").first).to_be_visible()
