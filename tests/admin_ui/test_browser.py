"""The pages in Chromium, over the theatre."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.sync_api import Page, expect

from admin_ui.house import Served, Visit, Watch
from admin_ui.theatre import HASH, PASSWORD, SOURCES
from duly_admin_ui.services import Change
from duly_runtime.store.api import Draft

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BOARD = "/board/Customer%20support"
PAGES = {
    "board": BOARD,
    "filtered": BOARD + "?q=nothing",
    "conversation": "/cards/1",
    "window closed": "/cards/5",
    "timeline": "/cards/4?view=timeline",
    "history": "/cards/1?view=history",
    "why": "/cards/1?view=why",
    "new card": "/new-card/Customer%20support",
    "merge": "/cards/1/merge?q=a",
    "split": "/cards/1/split",
    "contacts": "/contacts",
    "contact": "/contacts/1?q=a",
    "rules": "/rules?file=support.duly",
    "versions": "/versions",
    "parked": "/parked",
    "connectors": "/connectors",
    "connector": "/connectors/Shop",
    "connector with templates": "/connectors/WhatsApp",
    "connector that sends": "/connectors/Mail?stored=SMTP_URL",
    "discarded": "/parked?discarded=true",
    "deliveries": "/deliveries",
    "deliveries filtered": "/deliveries?state=read&period=day",
    "delivery": "/deliveries/2",
    "delivery in doubt": "/deliveries/3",
    "requests": "/requests",
    "request": "/requests/7",
    "quarantine": "/quarantine",
    "quarantine, discarded": "/quarantine?view=discarded",
    "reports": "/reports",
    "promises": "/reports/sla?compare=1",
    "promises by owner, past": "/reports/sla?by=owner&net=1&as_of=2030-01-01T00:00",
    "stays": "/reports/sla?measure=time+in+stage&by=week",
    "nothing to count": "/reports/sla?since=2001-01-01&until=2001-01-02",
    "cards of a number": "/reports/sla/cards?owner=ana",
    "reports by e-mail": "/reports/mails?of=by%3Downer",
    "notices": "/notices",
    "mail": "/demo/mail",
    "help": "/help",
}


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations'], runOnly:"
        " ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations"
    )
    return [
        f"{item['id']}: {item['help']}: {node['html'][:120]} {node['failureSummary'][:300]}"
        for item in found
        for node in item["nodes"]
    ]


@pytest.mark.parametrize(
    ("theme", "language", "width"), [("light", "en", 1280), ("dark", "pt-BR", 1280), ("dark", "en", 390)]
)
def test_pages_are_accessible(served: Served, visit: Visit, axe: str, theme: str, language: str, width: int) -> None:
    ana = served.theatre.memory.accounts["ana"]
    served.theatre.memory.accounts["ana"] = msgspec.structs.replace(ana, language=language)
    page = visit(served, "/help", "ana", color_scheme=theme, viewport={"width": width, "height": 800})
    found: dict[str, list[str]] = {}
    served.theatre.memory.saved = Draft(
        sources=SOURCES, base=HASH, author="ana", updated_at=served.theatre.clock.now(), revision=1
    )
    for name, path in {**PAGES, "publish": "/rules/publish"}.items():
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        if name == "rules":
            expect(page.locator("#status")).to_have_attribute("data-state", "good")
        found[name] = violations(page, axe)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[name].append("wider than the window")
    assert {name: complaints for name, complaints in found.items() if complaints} == {}


def test_first_administrator(empty: Served, visit: Visit, watches: list[Watch], axe: str) -> None:
    page = visit(empty, "/")
    watches[0].expect("422")
    expect(page).to_have_url(empty.url + "/setup")
    assert violations(page, axe) == []
    page.get_by_label("Token").fill("a guess")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    assert empty.theatre.memory.accounts == {}
    page.get_by_label("Token").fill("the-token")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_role("heading", name="Customer support")).to_be_visible()
    assert empty.theatre.memory.accounts["ana"].role == "admin"
    expect(page.get_by_role("heading", name="No card yet")).to_be_visible()
    expect(page.locator("#teach")).to_contain_text("/in/shop")
    page.goto("/setup")
    expect(page).to_have_url(empty.url + "/board/Customer%20support")


def test_sign_in_and_out(served: Served, visit: Visit, watches: list[Watch], axe: str) -> None:
    page = visit(served, "/cards/2")
    watches[0].expect("422")
    assert violations(page, axe) == []
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill("not her password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("don't belong together")
    expect(page.get_by_label("User name")).to_have_value("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Where is my order?")).to_be_visible()
    cookie = next(c for c in page.context.cookies() if c.get("name") == "duly_session")
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    page.locator("summary", has_text="Ana Sousa").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(served.url + "/login")
    page.goto("/cards/2")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_sign_in_leads_nowhere_else(served: Served, visit: Visit) -> None:
    page = visit(served, "/login?next=https://evil.example/")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Customer support")).to_be_visible()
    assert page.url.startswith(served.url)


def test_the_board_counts_down(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana")
    badge = page.locator("#card-2 .badge")
    expect(badge).to_contain_text("At risk")
    before = badge.locator(".left").inner_text()
    expect(badge.locator(".left")).not_to_have_text(before)
    expect(page.locator("#card-1 .badge")).to_contain_text("Late")
    expect(page.locator("#card-3 .badge")).to_contain_text("On time")
    expect(page.locator("#card-4 .badge")).to_contain_text("Paused 1h 3")
    order = page.locator("[data-stage='New'] .card").evaluate_all("cards => cards.map(card => card.dataset.number)")
    assert order == ["1", "2"], "earliest due first"
    expect(page.locator("[data-stage='New'] .count").first).to_have_text("2")
    expect(page.locator("[data-stage='New'] .count.late")).to_have_text("1")


def test_a_card_walks_by_keyboard(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana")
    page.locator("#card-1 .card-link").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#card-2 .card-link")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#card-3 .card-link")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("]")
    expect(page.get_by_role("status").filter(has_text="Card #1 moved to In progress")).to_be_visible()
    expect(page.locator("[data-stage='In progress'] #card-1")).to_be_visible()
    expect(page.locator("#card-1 .card-link")).to_be_focused()
    assert served.theatre.memory.known[101].stage == "In progress"


def test_a_refused_move_goes_back_and_says_why(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, BOARD, "ana")
    watches[0].expect("409")
    page.locator("#card-3 .card-link").focus()
    page.keyboard.press("[")
    expect(page.locator("#said")).to_contain_text('Card #3 stays: A card in "In progress" can\'t go to "New"')
    expect(page.locator("[data-stage='In progress'] #card-3")).to_be_visible()
    assert served.theatre.memory.known[103].stage == "In progress"


def test_a_card_moves_by_hand(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana", viewport={"width": 1400, "height": 800})
    start = page.locator("#card-2").bounding_box()
    target = page.locator("[data-stage='In progress'] .cards").bounding_box()
    assert start is not None
    assert target is not None
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    shut = page.locator("[data-stage='Waiting for customer'].closed")
    for step in range(200):  # the drag begins with a movement seen after it was armed
        page.mouse.move(start["x"] + 70 + step % 20, start["y"] + 65)
        if shut.count():
            break
    expect(shut).to_be_visible()
    there = page.locator("[data-stage='In progress'] #card-2")
    for step in range(200):  # the page looks where the pointer is from time to time; a drop before that goes nowhere
        page.mouse.move(target["x"] + 80 + step % 20, target["y"] + 60)
        if there.count():
            break
    expect(there).to_have_count(1)
    page.mouse.up()
    expect(there).to_be_visible()
    expect(page.locator("#said")).to_contain_text("moved to In progress")
    assert served.theatre.memory.known[102].stage == "In progress"


def test_news_arrive_and_one_tab_holds_the_stream(served: Served, visit: Visit) -> None:
    board = visit(served, BOARD, "ana")
    expect(board.locator("body")).to_have_attribute("data-live", "on")
    second = board.context.new_page()
    second.goto("/cards/2")
    other = visit(served, "/cards/2", "bruno")
    other.get_by_label("To stage").select_option("In progress")
    other.locator("form", has=other.get_by_label("To stage")).get_by_role("button", name="Move").click()
    expect(other.locator("#head .crumbs")).to_contain_text("In progress")
    expect(other.locator("body")).to_have_attribute("data-live", "on")  # the page after the move listens again
    second.bring_to_front()
    expect(second.locator("#head .crumbs")).to_contain_text("In progress")
    board.bring_to_front()
    expect(board.locator("[data-stage='In progress'] #card-2")).to_be_visible()
    for _ in range(200):  # a page that was left lets go of its stream in its own time
        if len(served.theatre.queues) == 2:
            break
        board.wait_for_timeout(50)
    assert len(served.theatre.queues) == 2, "one stream for each browser"


def test_a_lost_stream_is_said(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/notices", "ana")
    watches[0].expect("net::ERR_FAILED")
    page.route("**/changes", lambda route: route.abort())
    page.goto(BOARD)
    expect(page.locator("#offline")).to_contain_text("Not live since")
    expect(page.locator("#card-1")).to_be_visible()
    page.unroute("**/changes")
    expect(page.locator("#offline")).to_be_hidden()


def test_filters_live_in_the_address(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "bruno")
    page.get_by_label("Owner").select_option("My cards")
    expect(page.locator("#card-3")).to_be_visible()
    expect(page.locator("#card-1")).to_have_count(0)
    assert "owner=bruno" in page.url
    page.goto(BOARD + "?state=late")
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_language_and_colours_are_kept(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana")
    page.locator("summary", has_text="Ana Sousa").click()
    page.get_by_role("button", name="Português").click()
    expect(page.locator("#card-1 .badge")).to_contain_text("Atrasado")
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    assert served.theatre.memory.accounts["ana"].language == "pt-BR"
    page.locator("summary", has_text="Ana Sousa").click()
    page.get_by_role("button", name="Escuro").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page).to_have_url(served.url + BOARD)


def test_replies_and_notes(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/3", "bruno")
    page.get_by_label("Reply by E-mail").fill("It is on its way <script>alert(1)</script>")
    page.get_by_role("button", name="Send reply").click()
    last = page.locator(".message").last
    expect(last).to_contain_text("It is on its way <script>alert(1)</script>")
    expect(last).to_contain_text("waiting to be sent")
    page.get_by_label("Reply by E-mail").fill("Check the address")
    page.get_by_role("button", name="Add as a note").click()
    expect(page.locator(".message.note").last).to_contain_text("Check the address")


def test_forms_work_without_scripts(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/2", "ana", script=False)
    watches[0].expect("409")
    page.get_by_label("Reply by Webhook").fill("Hello")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".message.out").last).to_contain_text("Hello")
    page.get_by_label("To stage").select_option("In progress")
    page.locator("form", has=page.get_by_label("To stage")).get_by_role("button").click()
    expect(page.locator(".crumbs")).to_contain_text("In progress")
    page.locator("summary", has_text="Fields").click()
    page.get_by_label("Refund amount").fill("12.5")
    page.get_by_role("button", name="Save fields").click()
    page.wait_for_url("**/cards/2*")
    assert served.theatre.memory.known[102].fields == {"Tier": "gold", "Refund amount": 12.5}
    page.get_by_label("Give to").select_option("Bruno Lima")
    page.get_by_role("button", name="Give").click()
    expect(page.locator(".person")).to_contain_text("Bruno Lima")
    page.goto("/rules?file=support.duly")
    page.get_by_label("Text of support.duly").fill("# nothing forst\n")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#problems")).to_contain_text("is no word of the language")
    watches[0].expect("422")
    page.get_by_role("link", name="Publish…").click()
    expect(page.get_by_role("alert").first).to_contain_text("Not published")


def test_what_a_role_may_not_do_is_named(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "vera")
    watches[0].expect("403")
    watches[0].expect("404")
    expect(page.get_by_role("button", name="Send reply")).to_have_count(0)
    page.goto("/parked")
    expect(page.locator("main")).to_contain_text("handle what was put aside")
    expect(page.locator("main")).to_contain_text("viewer")
    page.goto("/cards/999")
    expect(page.locator("main")).to_contain_text("There is no such thing")
    page.goto("/nowhere")
    expect(page.locator("main")).to_contain_text("There is no such page")
    agent = visit(served, "/cards/1", "bruno")
    expect(agent.get_by_label("Give to")).to_have_count(0)


def test_promises_are_asked_without_scripts_and_lead_to_their_cards(served: Served, visit: Visit) -> None:
    page = visit(served, "/reports/sla", "ana", script=False)
    page.locator("select[name=by]").select_option("owner")
    page.locator("select[name=channel]").select_option("email")
    page.get_by_label("compare with the period before").check()
    page.get_by_role("button", name="Show").click()
    assert "by=owner" in page.url and "channel=email" in page.url and "compare=1" in page.url
    expect(page.get_by_role("columnheader", name="Difference")).to_be_visible()
    bar = page.locator("svg a", has_text="Ana Sousa")
    count = page.get_by_role("row", name="Ana Sousa").get_by_role("link").first.inner_text()
    bar.click()
    expect(page.get_by_role("heading", name="Cards behind a number")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(int(count))
    page.locator("tbody a").first.click()
    expect(page).to_have_url(re.compile(r"/cards/\d+\?view=timeline"))


def test_help_opens_on_a_key(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana")
    expect(page.locator("html")).to_have_attribute("data-scripts", "")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("move the card one stage back or on")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Rules")).to_be_visible()


def test_timeline_and_trace(served: Served, visit: Visit) -> None:
    page = visit(served, "/cards/4?view=timeline", "ana")
    expect(page.locator("svg.lane .held")).to_have_count(1)
    expect(page.get_by_role("table")).to_contain_text("1h 3")
    page.get_by_role("link", name="Why").click()
    expect(page.locator(".why").first).to_contain_text("because this was false: tier is gold")
    page.get_by_role("link", name="support.duly:10").first.click()
    expect(page.locator("li:target")).to_contain_text("when card is created and tier is gold")


def test_parked_requests_are_shown_whole_and_replayed(served: Served, visit: Visit) -> None:
    page = visit(served, "/parked", "ana")
    expect(page.locator(".parked pre")).to_contain_text('"text": "<b>hi</b>"')
    expect(page.locator(".reason")).to_contain_text("order.id is missing")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Nothing is put aside")).to_be_visible()


def test_what_was_put_aside_is_discarded_and_taken_back(served: Served, visit: Visit) -> None:
    page = visit(served, "/parked", "ana")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("heading", name="Nothing is put aside")).to_be_visible()
    page.get_by_role("link", name="Discarded").click()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("heading", name="Nothing was discarded")).to_be_visible()
    page.get_by_role("link", name="Waiting").click()
    page.get_by_role("button", name="Try all again: Shop").click()
    expect(page.get_by_role("status").first).to_contain_text("Under way again: 1")
    expect(page.get_by_role("status").first).to_contain_text("Left alone, as they might arrive twice: 1")


def test_places_keep_their_names_on_a_phone(served: Served, visit: Visit) -> None:
    page = visit(served, BOARD, "ana")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/deliveries")
    here = page.locator(".rail nav [aria-current]")
    expect(here).to_be_in_viewport()
    assert here.locator("span").evaluate("name => name.scrollWidth <= name.clientWidth"), "the name is cut"


def test_the_log_of_deliveries(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/deliveries", "ana")
    rows = page.locator("#deliveries tbody tr")
    expect(rows).to_have_count(5)
    heads, cells = page.locator("#deliveries thead th"), rows.first.locator("th, td")
    for n in range(heads.count()):  # each column's head stands over it
        head, cell = heads.nth(n).bounding_box(), cells.nth(n).bounding_box()
        assert head and cell and abs(head["x"] - cell["x"]) < 1
    page.get_by_label("State").select_option("waiting")
    expect(rows).to_have_count(2)
    assert "state=waiting" in page.url
    page.goto("/deliveries?state=waiting&connector=WhatsApp")  # a connector that the rules no longer have
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Connector")).to_have_value("WhatsApp")
    page.get_by_label("Kind").select_option("call")
    expect(page.get_by_text("No delivery matches.")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(rows).to_have_count(5)

    # By keyboard: there, down the rows, into one.
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(rows).to_have_count(5)
    page.locator("body").press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Delivery 3")

    # It may have arrived: not without a word.
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("checkbox")).to_be_focused()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#delivery .bar")).to_contain_text("waiting to be sent")
    expect(page.locator("#delivery tbody")).to_contain_text("sent again by hand")
    expect(page.locator("#delivery tbody")).to_contain_text("Ana Sousa")
    page.get_by_role("button", name="Don't send it").click()
    expect(page.locator("#delivery .bar")).to_contain_text("cancelled")


def test_a_doubtful_delivery_is_not_sent_without_a_word_even_without_scripts(
    served: Served, visit: Visit, watches: list[Watch]
) -> None:
    page = visit(served, "/deliveries/3", "ana", script=False)
    watches[0].expect("409")
    page.locator("form[action$=replay]").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("alert")).to_have_text("Say first that it may arrive twice.")
    assert served.theatre.memory.outbox[3].state == "unknown"


def test_payloads_and_answers_are_text_whatever_is_in_them(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/deliveries/2", "ana")
    expect(page.locator("pre.answer")).to_contain_text('<script>alert("in the payload")</script>')
    expect(page.locator("#delivery > pre")).to_contain_text("alert('in the payload')")
    page.goto("/requests/7")
    expect(page.locator("#request > pre")).to_contain_text("alert('in the payload')")
    assert page.locator("#delivery script, #request script").count() == 0


def test_the_log_is_live(served: Served, visit: Visit) -> None:
    page = visit(served, "/deliveries", "ana")
    row = page.locator("#delivery-4")
    expect(row).to_contain_text("waiting to be sent")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    memory = served.theatre.memory
    memory.outbox[4] = msgspec.structs.replace(memory.outbox[4], state="sent")
    served.theatre.tell(Change(topic="deliveries"))
    expect(row.locator(".chip")).to_have_text("sent")


def test_requests_lead_to_their_events_and_back(served: Served, visit: Visit) -> None:
    page = visit(served, "/deliveries", "ana")
    page.get_by_role("link", name="In", exact=True).click()
    expect(page.locator("#requests tbody tr")).to_have_count(2)
    page.get_by_label("State").select_option("parked")
    expect(page.locator("#requests tbody tr")).to_have_count(1)
    page.locator("#requests tbody a").click()
    expect(page.locator("#request")).to_contain_text("POST /in/shop?page=2")
    page.get_by_role("button", name="Discard").click()
    page.goto("/requests/6")
    page.get_by_role("link", name="#1", exact=True).click()
    expect(page).to_have_url(f"{served.url}/cards/1")


def test_an_agent_sees_no_log(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "bruno")
    watches[0].expect("403")
    assert page.get_by_role("link", name="Deliveries").count() == 0
    for path in ("/deliveries", "/deliveries/2", "/requests", "/requests/7"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")


def test_contacts_are_found_merged_and_split(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "bruno")
    watches[0].expect("409")
    page.get_by_role("link", name="Marta Silva").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Marta Silva")
    page.get_by_role("searchbox").fill("eva")
    page.get_by_role("search").get_by_role("button").click()
    page.get_by_role("button", name="Merge into Marta Silva").click()
    expect(page.get_by_role("region", name="Cards").get_by_role("link")).to_have_count(2)
    page.get_by_text("Somebody else's").first.click()
    page.get_by_role("button", name="Make it another contact").click()
    expect(page.get_by_role("alert")).to_contain_text("leave at least one")
    page.get_by_role("checkbox", name="+5511988770005").check()
    page.get_by_role("button", name="Make it another contact").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Without a name")
    page.get_by_role("textbox", name="Name").fill("Eva of the shop")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Eva of the shop")
    page.goto("/contacts/1")
    page.get_by_role("button", name="Undo Eva Dias").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Eva Dias")


def test_an_address_is_added_and_a_claim_confirmed(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/contacts/1", "bruno", script=False)
    watches[0].expect("409")
    page.get_by_role("textbox", name="Address or number").fill("988776655")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("with its country")
    page.get_by_role("textbox", name="Address or number").fill("marta@example.org")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("marta@example.org").first).to_be_visible()
    page.get_by_role("button", name="Confirm customer1@example.org").click()
    expect(page.get_by_role("button", name="Confirm customer1@example.org")).to_have_count(0)


def test_a_viewer_sees_contacts_and_changes_nothing(served: Served, visit: Visit) -> None:
    page = visit(served, "/contacts", "vera")
    page.get_by_role("link", name="Marta Silva").click()
    expect(page.get_by_text("customer1@example.org").first).to_be_visible()
    expect(page.locator("main form")).to_have_count(0)


def test_a_card_becomes_part_of_another_and_its_own_again(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/2", "bruno")
    watches[0].expect("409")
    page.get_by_role("link", name="Merge into another card").click()
    page.get_by_role("searchbox").fill("size")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Merge into #3").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("#3")
    expect(page.get_by_role("list", name="Conversation").get_by_role("link", name="from #2").first).to_be_visible()
    page.get_by_role("list", name="Conversation").get_by_role("link", name="from #2").first.click()
    expect(page.get_by_role("status").filter(has_text="part of another one")).to_be_visible()
    expect(page.get_by_role("button", name="Send reply")).to_have_count(0)
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_role("button", name="Send reply")).to_be_visible()


def test_messages_are_split_off(served: Served, visit: Visit, watches: list[Watch]) -> None:
    page = visit(served, "/cards/1", "bruno", script=False)
    watches[0].expect("409")
    page.get_by_role("link", name="Split off messages").click()
    page.get_by_role("textbox", name="Title").fill("Something else")
    page.get_by_role("radio", name="go to the new card").check()
    page.get_by_role("button", name="Make it a new card").click()
    expect(page.get_by_role("alert")).to_contain_text("leave at least one here")
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Something else")
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("button", name="Make it a new card").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Something else")
    expect(page.locator(".message")).to_have_count(1)
