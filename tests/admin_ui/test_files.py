"""Files in a browser: attached, shown, taken home."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from admin_ui.house import Served, Visit, Watch
from admin_ui.test_running import Running, page, running
from admin_ui.theatre import PNG
from duly_admin_ui.serving import disposition
from duly_admin_ui.words import size
from duly_platform.desk import Desk
from duly_runtime.doors import MAX_FILE, Inbound
from duly_runtime.events import CustomerMessage, File

__all__ = ["page", "running"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PDF = FilePayload(name="relatório final.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7\r\n\x00\xff" * 3000)
PICTURE = FilePayload(name="parcel.png", mimeType="image/png", buffer=PNG)

DROP = """([selector, kind, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(["dropped"], name, { type: "text/plain" }));
  const what = kind === "paste"
    ? new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer })
    : new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer });
  document.querySelector(selector).dispatchEvent(what);
}"""


def test_a_file_goes_up_and_comes_down_again(running: Running, page: Page, tmp_path: Path) -> None:
    """Through the whole of Duly: the bytes that come down are those that went up."""
    running.message(text="Where is my report?", subject="Report", name="Marta")
    page.locator("#card-1 .card-link").click()
    page.get_by_label("Reply by").fill("Here you are.")
    page.get_by_label("Attach files").set_input_files([PDF, PICTURE])
    expect(page.locator(".chosen li")).to_have_count(2)
    page.get_by_role("button", name="Send reply").click()
    sent = page.locator(".message.out")
    expect(sent).to_contain_text("Here you are.")
    expect(sent.locator(".file")).to_have_count(2)
    with page.expect_download() as downloading:
        sent.get_by_role("link", name="relatório final.pdf").click()
    taken = downloading.value
    assert taken.suggested_filename == "relatório final.pdf"
    taken.save_as(tmp_path / "taken.pdf")
    assert (tmp_path / "taken.pdf").read_bytes() == PDF["buffer"]
    picture = sent.locator("img")
    expect(picture).to_have_js_property("naturalWidth", 64)
    with page.context.expect_page() as opening:
        sent.get_by_role("link", name="Show parcel.png").click()
    expect(opening.value.locator("img")).to_have_js_property("naturalWidth", 64)
    files = running.ask(lambda desk: desk.store.messages(1))[1].files
    assert running.ask(lambda desk: desk.store.content(files[0].sha256)) == PDF["buffer"]


def test_a_reply_of_files_only_and_a_note_with_one(running: Running, page: Page) -> None:
    running.message(text="Hi", subject="Report", name="Marta")
    page.locator("#card-1 .card-link").click()
    page.get_by_label("Attach files").set_input_files([PICTURE])
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out img")).to_have_count(1)
    page.get_by_label("Reply by").fill("Keep this")
    page.get_by_label("Attach files").set_input_files([PDF])
    page.get_by_role("button", name="Add as a note").click()
    expect(page.locator(".message.note .file")).to_contain_text("relatório final.pdf")


def test_an_open_page_hears_what_became_of_a_file(running: Running, page: Page) -> None:
    running.message(text="Hi", subject="Report", name="Marta")
    page.locator("#card-1 .card-link").click()
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    file = File(name="voice.ogg", media_type="audio/ogg", reference="media-1")

    async def comes(desk: Desk) -> None:
        key = (await desk.store.card(1)).conversation
        body = CustomerMessage(text="Listen", connector="Shop", conversation=key, pipeline="Support", files=(file,))
        item = Inbound(key="m2", at=desk.now(), body=body)
        desk.node.wake_events((await desk.store.accept("Shop", None, [item], desk.now())).event_ids)

    running.ask(comes)
    told = page.locator(".file", has_text="voice.ogg")
    expect(told).to_contain_text("It is not here: This connector fetches no files.")
    page.evaluate("window.sameAsBefore = true")
    told.get_by_role("button", name="Try again").click()
    expect(told).to_contain_text("It is not here: This connector fetches no files.")
    assert page.evaluate("window.sameAsBefore") is None, "the page was loaded anew by the form"


def test_chosen_files_are_chips_that_can_be_taken_away(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/3", "bruno")
    chips = page.locator(".chosen li")
    expect(page.get_by_label("Reply by E-mail")).to_have_attribute("required", "")
    page.get_by_label("Attach files").set_input_files([PDF])
    expect(chips).to_have_text(["relatório final.pdf · 35.2 KB ×"])
    page.get_by_label("Attach files").set_input_files([PICTURE])
    expect(chips).to_have_count(2)
    page.evaluate(DROP, ["form.composer", "dragover", "dropped.txt"])
    expect(page.locator("form.composer")).to_have_attribute("data-over", "")
    page.evaluate(DROP, ["form.composer", "drop", "dropped.txt"])
    expect(page.locator("form.composer")).not_to_have_attribute("data-over", "")
    page.evaluate(DROP, ["#text", "paste", "pasted.txt"])
    expect(chips).to_have_count(4)
    page.get_by_role("button", name="Remove relatório final.pdf").click()
    page.get_by_role("button", name="Remove dropped.txt").click()
    expect(chips).to_have_count(2)
    expect(page.get_by_role("button", name="Remove parcel.png")).to_be_focused()
    page.get_by_role("button", name="Send reply").click()
    last = page.locator(".message.out").last
    expect(last.locator(".file-line a")).to_have_text(["parcel.png", "pasted.txt"])


def test_too_much_is_said_before_it_is_sent(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/3", "bruno")
    page.get_by_label("Attach files").set_input_files([PICTURE])
    page.get_by_label("Attach files").evaluate("(input, most) => { input.dataset.bytes = most }", str(MAX_FILE))
    page.evaluate(
        """most => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(most)], "film.mp4"));
          const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer });
          document.querySelector("form.composer").dispatchEvent(drop);
        }""",
        MAX_FILE,
    )
    expect(page.locator("#said")).to_have_text("The files of a message can have 25 MB together")
    expect(page.locator(".chosen li")).to_have_count(1)
    page.get_by_label("Attach files").set_input_files([PICTURE] * 10)
    expect(page.locator("#said")).to_have_text("A message can have 10 files")
    expect(page.locator(".chosen li")).to_have_count(1)


def test_what_was_attached_is_kept_when_a_reply_is_refused(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/3", "bruno")
    watches[0].expect("409")
    page.get_by_label("Reply by E-mail").fill("refuse me")
    page.get_by_label("Attach files").set_input_files([PDF])
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_role("alert")).to_contain_text("refused, as asked")
    expect(page.get_by_label("Reply by E-mail")).to_have_value("refuse me")
    expect(page.get_by_label("relatório final.pdf")).to_be_checked()
    page.get_by_label("Reply by E-mail").fill("Then so")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out").last.locator(".file-line a")).to_have_text(["relatório final.pdf"])


def test_files_are_attached_without_scripts(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/3", "bruno", script=False)
    watches[0].expect("409")
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_role("alert")).to_contain_text("Write something first.")
    page.get_by_label("Attach files").set_input_files([PDF, PICTURE])
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out").last.locator(".file-line a")).to_have_text(["relatório final.pdf", "parcel.png"])


def test_files_in_every_state(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/1", "ana")
    files = page.locator(".message").first.locator(".file")
    expect(files.filter(has_text="parcel.png").locator("img")).to_have_js_property("naturalWidth", 64)
    expect(files.filter(has_text="Sound").locator("audio")).to_have_count(1)
    for name in ("invoice <1>.pdf", "drawing.svg"):
        expect(files.filter(has_text=name).locator("img, audio, video")).to_have_count(0)
    expect(files.filter(has_text="film.mp4")).to_contain_text("It is being fetched.")
    expect(files.filter(has_text="voice.ogg")).to_contain_text("Last try: The server answered 503.")
    expect(files.filter(has_text="backup.zip")).to_contain_text("It is not here: it is larger than 25 MB")
    expect(files.filter(has_text="backup.zip").get_by_role("button")).to_have_count(0)
    files.filter(has_text="scan.tiff").get_by_role("button", name="Try again").click()
    expect(files.filter(has_text="scan.tiff")).to_contain_text("It is being fetched.")
    viewer = visit(served, "/cards/1", "vera")
    expect(viewer.locator(".file")).to_have_count(8)
    expect(viewer.get_by_label("Attach files")).to_have_count(0)


def test_a_sound_that_plays_is_not_cut_off_by_news(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/1", "ana")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    sound = page.locator("audio")
    sound.evaluate("sound => { sound.muted = true; sound.loop = true; return sound.play() }")
    sound.evaluate("sound => { window.kept = sound }")
    other = visit(served, "/cards/1", "bruno")
    other.get_by_label("Reply by WhatsApp").fill("News")
    with page.expect_response(lambda answer: answer.url.endswith("/cards/1")):
        other.get_by_role("button", name="Send reply").click()
    expect(other.locator(".message.out").last).to_contain_text("News")
    expect(page.locator("#view")).not_to_contain_text("News")
    assert sound.evaluate("sound => sound === window.kept && !sound.paused")
    sound.evaluate("sound => sound.pause()")
    expect(page.locator("#view")).to_contain_text("News")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ('a".pdf', "attachment; filename=\"a_.pdf\"; filename*=UTF-8''a%22.pdf"),
        ("é\r\nX: y", "attachment; filename=\"e__X_ y\"; filename*=UTF-8''%C3%A9%0D%0AX%3A%20y"),
        ("日本", "attachment; filename=\"file\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
        ("\ud800", "attachment; filename=\"file\"; filename*=UTF-8''%3F"),
    ],
)
def test_dispositions(name: str, told: str) -> None:
    assert disposition(name) == told


@pytest.mark.parametrize(
    ("count", "language", "written"),
    [
        (0, "en", "0 B"),
        (999, "en", "999 B"),
        (1000, "en", "1 KB"),
        (35_000, "pt-BR", "34,2 KB"),
        (500_000, "en", "488 KB"),
        (MAX_FILE, "en", "25 MB"),
        (3_500_000, "pt-BR", "3,3 MB"),
    ],
)
def test_sizes(count: int, language: str, written: str) -> None:
    assert size(count, language) == written
