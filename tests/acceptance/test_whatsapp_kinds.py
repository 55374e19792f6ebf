"""What else WhatsApp tells, through the front door of a running installation: what the card, its page and the API show."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acceptance.running import Duly, installed, until
from connectors.samples import NUMBER_ID, WHATSAPP_SECRETS, body, sign_whatsapp, value
from connectors.samples import request as request_of
from duly_platform.accounts import Accounts
from duly_runtime.store.api import User
from duly_runtime.time import SystemClock
from fakes.graph import FakeGraph

pytestmark = pytest.mark.xdist_group("acceptance")
RULES = Path(__file__).parent / "whatsapp_workspace"
SALES_ID = "220011448800332"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
SECONDS = 30.0
"""For a bound, on a busy machine."""


class Line:
    """A running installation, Meta's API, and whoever looks at the cards."""

    def __init__(self, duly: Duly, graph: FakeGraph) -> None:
        self.duly = duly
        self.graph = graph
        self._names = itertools.count(1)
        token, session = asyncio.run(self._account())
        self.api = httpx.Client(
            base_url=f"{duly.url}/api/v1", headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=SECONDS
        )
        self.browser = httpx.Client(base_url=duly.url, cookies={"duly_session": session}, trust_env=False, timeout=SECONDS)

    async def _account(self) -> tuple[str, str]:
        ana = User(name="ana", full_name="Ana", email="", phone="", role="admin", language="en", active=True)
        async with self.duly.store() as store:
            accounts = Accounts(store, SystemClock())
            await accounts.save(ana, "correct horse battery")
            _, token = await accounts.make_token("tests", "ana", ["read", "write"], None)
            return token, await accounts.open_session(ana)

    def close(self) -> None:
        self.api.close()
        self.browser.close()

    # --- what Meta posts -------------------------------------------------------------------------------------------------

    def name(self) -> str:
        return f"wamid.K{next(self._names)}"

    def message(self, sender: str, text: str = "", **more: Any) -> dict[str, Any]:
        content = {"type": "text", "text": {"body": text}} if text else {}
        return {"from": sender, "id": self.name(), "timestamp": self.now(), **content, **more}

    def now(self) -> str:
        return str(int(self.duly.now().timestamp()))

    def post(self, tree: dict[str, Any]) -> dict[str, Any]:
        """To the door of the first number, as the app does for all of its numbers."""
        raw = sign_whatsapp(request_of(json.dumps(tree).encode()))
        answer = self.duly.post(raw.body, raw.headers, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def says(self, *messages: dict[str, Any], number: str = NUMBER_ID, contacts: Any = None) -> dict[str, Any]:
        """What customers write."""
        senders = {message["from"] for message in messages if "from" in message}
        known = [{"wa_id": sender, "profile": {"name": "Rui Prado"}} for sender in sorted(senders)]
        return self.post(body(value(number, contacts=known if contacts is None else contacts, messages=list(messages))))

    def told(self, word: str, name: str, **more: Any) -> dict[str, Any]:
        """A status of a message of ours."""
        status = {"id": name, "status": word, "timestamp": self.now(), "recipient_id": "5511", **more}
        return self.post(body(value(statuses=[status])))

    # --- what is there ---------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def card(self, text: str) -> int:
        """The number of the card somebody began with these words."""

        def found() -> int:
            cards = [card["number"] for card in self.get("/cards", limit=500) if text in card["title"]]
            assert len(cards) <= 1, f"{len(cards)} cards"
            return cards[0] if cards else 0

        return until(found, SECONDS, f"a card is opened by `{text}`")

    def messages(self, card: int) -> list[dict[str, Any]]:
        return self.get(f"/cards/{card}/messages")

    def page(self, card: int) -> str:
        answer = self.browser.get(f"/cards/{card}")
        assert answer.status_code == 200
        return answer.text

    def reply(self, card: int, text: str) -> dict[str, Any]:
        """Ana writes; what Meta took of it."""
        answer = self.api.post(f"/cards/{card}/reply", json={"text": text})
        assert answer.status_code == 200, answer.text
        return until(lambda: [taken for taken in list(self.graph.deliveries) if taken["text"] == text], SECONDS, text)[0]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    graph = FakeGraph(
        token=WHATSAPP_SECRETS["WA_TOKEN"],
        number_id=NUMBER_ID,
        other_numbers=(SALES_ID,),
        statuses=(),
    )
    with graph:
        secrets = {**WHATSAPP_SECRETS, "WA_API": graph.url}
        with installed("embedded", folder, secrets, rules=RULES, variables={"DULY_SPEED": "1"}) as duly:
            made = Line(duly, graph)
            try:
                yield made
            finally:
                made.close()


def test_a_picture_is_fetched_and_shown(line: Line) -> None:
    kept = line.graph.receive(PNG, "image/png")
    image = {"id": kept.id, "mime_type": "image/png", "sha256": kept.sha256, "caption": "It came broken"}
    line.says(line.message("551140000001", type="image", image=image))
    card = line.card("It came broken")

    def stored() -> list[dict[str, Any]]:
        (message,) = line.messages(card)
        return [file for file in message["files"] if file["state"] == "stored"]

    (file,) = until(stored, SECONDS, "the picture is fetched")
    assert (file["media_type"], file["size"]) == ("image/png", len(PNG))
    answer = line.api.get(f"/cards/{card}/files/{file['key']}")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert "attachment" in answer.headers["content-disposition"]
    page = line.page(card)
    assert f"/files/{file['key']}" in page and "<img" in page and "It came broken" in page


def test_reactions_come_and_go(line: Line) -> None:
    line.says(line.message("551140000002", "Thanks for the parcel"))
    card = line.card("Thanks for the parcel")
    ours = line.reply(card, "You are welcome")
    reaction = {"message_id": ours["id"], "emoji": "🎉"}

    def reactions() -> list[str]:
        return [each["emoji"] for each in line.messages(card)[1]["reactions"]]

    line.says(line.message("551140000002", type="reaction", reaction=reaction))
    until(lambda: reactions() == ["🎉"], SECONDS, "the reaction is on our message")
    assert "🎉" in line.page(card)
    line.says(line.message("551140000002", type="reaction", reaction={"message_id": ours["id"]}))
    until(lambda: reactions() == [], SECONDS, "the reaction is taken back")
    assert "🎉" not in line.page(card)
    assert len(line.messages(card)) == 2, "a reaction is no message"


def test_a_message_is_edited_and_deleted(line: Line) -> None:
    first = line.message("551140000003", "Size forty please")
    line.says(first)
    card = line.card("Size forty please")
    edit = {"original_message_id": first["id"], "message": {"type": "text", "text": {"body": "Size fifty please"}}}
    line.says(line.message("551140000003", type="edit", edit=edit))

    def only() -> dict[str, Any]:
        (message,) = line.messages(card)
        return message

    until(lambda: only()["edited_at"], SECONDS, "it is edited")
    assert (only()["text"], [each["text"] for each in only()["earlier"]]) == ("Size fifty please", ["Size forty please"])
    page = line.page(card)
    assert "Size fifty please" in page and "Size forty please" in page and "What it said before" in page
    line.says(line.message("551140000003", type="revoke", revoke={"original_message_id": first["id"]}))
    until(lambda: only()["deleted_at"], SECONDS, "it is deleted")
    assert only()["text"] == "Size fifty please", "its words are kept"
    assert "What it said" in line.page(card)


def test_an_answer_shows_what_it_quotes(line: Line) -> None:
    line.says(line.message("551140000004", "Which one is cheaper?"))
    card = line.card("Which one is cheaper?")
    ours = line.reply(card, "The green one is cheaper")
    line.says(line.message("551140000004", "That one then", context={"from": "551133224455", "id": ours["id"]}))
    messages = until(lambda: [m for m in line.messages(card) if m["text"] == "That one then"], SECONDS, "it is there")
    quoted = messages[0]["answers"]
    assert (quoted["text"], quoted["direction"]) == ("The green one is cheaper", "out")
    assert line.page(card).count("The green one is cheaper") == 2


def test_statuses_in_any_order_end_at_the_furthest(line: Line) -> None:
    line.says(line.message("551140000005", "Is it open today?"))
    card = line.card("Is it open today?")
    ours = line.reply(card, "Until six")

    def state() -> str:
        return line.messages(card)[1]["state"]

    for word, becomes in (("delivered", "delivered"), ("sent", "delivered"), ("read", "read"), ("delivered", "read")):
        assert line.told(word, ours["id"])["accepted"] + line.told(word, ours["id"])["duplicates"] >= 1
        until(lambda becomes=becomes: state() == becomes, SECONDS, f"{word} makes it {becomes}")
    line.says(line.message("551140000005", "Thank you, see you"))  # handled after all of them
    until(lambda: len(line.messages(card)) == 3, SECONDS, "the next message is there")
    assert state() == "read"
    (delivery,) = line.get(f"/cards/{card}/deliveries")
    assert delivery["state"] == "read"
    assert 'data-state="read"' in line.page(card)


def test_good_items_get_in_and_bad_ones_wait_for_a_person(line: Line) -> None:
    good = [line.message("551140000006", "The first good one"), line.message("551140000007", "The second good one")]
    tree = body(value(contacts=[], messages=[good[0], "nonsense", good[1]], statuses=[{"status": "read"}]))
    assert line.post(tree) == {"accepted": 2, "duplicates": 0, "parked": True}
    cards = [line.card("The first good one"), line.card("The second good one")]
    assert [len(line.messages(card)) for card in cards] == [1, 1]
    (parked,) = [item for item in line.get("/parked") if item["connector"] == "Support line"]
    assert "not an object" in parked["reason"] and "no message id" in parked["reason"]
    page = line.browser.get("/parked").text
    assert "Support line" in page and "not an object" in page
    again = line.post(tree)
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert [len(line.messages(card)) for card in cards] == [1, 1]


def test_each_number_of_an_app_has_its_cards_and_answers(line: Line) -> None:
    line.says(line.message("551140000008", "Do you sell by the dozen?"), number=SALES_ID)
    card = line.card("Do you sell by the dozen?")
    assert line.get(f"/cards/{card}")["pipeline"] == "Sales"
    (message,) = line.messages(card)
    assert message["connector"] == "Sales line"
    line.reply(card, "Yes, by the dozen")
    (delivery,) = line.get(f"/cards/{card}/deliveries")
    assert delivery["connector"] == "Sales line"
    line.says(line.message("551140000008", "And where is my old order?"))
    other = line.card("And where is my old order?")
    assert line.get(f"/cards/{other}")["pipeline"] == "Support"


def test_a_number_that_is_nobodys_is_kept_to_be_seen(line: Line) -> None:
    before = len(line.get("/parked"))
    assert line.says(line.message("551140000009", "Who am I writing to?"), number="999")["parked"] is True
    assert len(line.get("/parked")) == before + 1


def test_a_customer_without_a_number_is_answered_by_user_id(line: Line) -> None:
    user = "BR.7712045507731"
    contact = {"user_id": user, "profile": {"name": "Lia", "username": "lia.reis"}}
    message = line.message("", "I hide my number", from_user_id=user)
    del message["from"]
    line.says(message, contacts=[contact])
    card = line.card("I hide my number")
    assert line.get(f"/cards/{card}")["contact"]["name"] == "Lia"
    sent = line.reply(card, "And we find you all the same")
    assert sent["message"]["recipient"] == user and "to" not in sent["message"]
    line.says({**message, "id": line.name(), "text": {"body": "So you do"}}, contacts=[contact])
    until(lambda: len(line.messages(card)) == 3, SECONDS, "the answer joins the card")


def test_a_customer_with_another_number_stays_the_same(line: Line) -> None:
    old, new = "551140000010", "551140000011"
    line.says(line.message(old, "I am about to move"))
    card = line.card("I am about to move")
    system = {"body": "Rui changed", "type": "customer_changed_number", "wa_id": new, "new_wa_id": new, "customer": old}
    line.says(line.message(old, type="system", system=system), contacts=[])
    contact = line.get(f"/cards/{card}/contact")["id"]

    def numbers() -> set[str]:
        return {each["value"] for each in line.get(f"/contacts/{contact}")["identities"] if each["kind"] == "phone"}

    until(lambda: f"+{new}" in numbers(), SECONDS, "the contact has the other number")
    line.says(line.message(new, "Here I am again"))
    until(lambda: [m["text"] for m in line.messages(card)][-1] == "Here I am again", SECONDS, "it joins the card")
    assert line.get(f"/cards/{card}/contact")["id"] == contact
    assert line.reply(card, "Welcome back")["to"] == new


def test_what_was_sent_from_the_phone_is_on_the_card(line: Line) -> None:
    customer = "551140000012"
    line.says(line.message(customer, "Nobody answers the app"))
    card = line.card("Nobody answers the app")
    sent = {
        "from": "551133224455", "to": customer, "id": line.name(), "timestamp": line.now(),
        "type": "text", "text": {"body": "I answer from my phone"},
    }  # fmt: skip
    tree = body(value(message_echoes=[sent]))
    tree["entry"][0]["changes"][0]["field"] = "smb_message_echoes"
    line.post(tree)
    until(lambda: len(line.messages(card)) == 2, SECONDS, "the echo is on the card")
    message = line.messages(card)[1]
    assert (message["direction"], message["text"], message["state"]) == ("out", "I answer from my phone", "")
    assert line.get(f"/cards/{card}/deliveries") == []
    assert all(taken["text"] != "I answer from my phone" for taken in line.graph.deliveries)
    page = line.page(card)
    assert "I answer from my phone" in page and "Sent without Duly" in page
