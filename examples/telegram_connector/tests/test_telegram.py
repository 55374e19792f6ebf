"""The contract's own suites, and what is Telegram's: written from the Bot API's documentation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import pytest
from bot_api import TOKEN, BotApi, wrong
from duly_telegram import Telegram

from duly_connectors.contract import Tools
from duly_connectors.outbound import Network
from duly_connectors.registry import Guarded
from duly_connectors.testing import NOON, FetcherContract, ReceiverContract, SenderContract
from duly_dsl.program import Connector, Pipeline, Setting
from duly_runtime.doors import Failed, Fetched, OutFile, Outgoing, Raw, Retry, Sent, Unknown
from duly_runtime.events import Contact, CustomerMessage, File, MessageChanged
from duly_runtime.time import FakeClock

SECRET = "a-secret-token-of-ours"
SECRETS = {"BOT_TOKEN": TOKEN, "TELEGRAM_SECRET": SECRET}
ANA = {"id": 77, "is_bot": False, "first_name": "Ana", "last_name": "Sousa", "username": "ana", "language_code": "pt"}


def door(api: str = "") -> Connector:
    settings = {
        "bot token": Setting(value="BOT_TOKEN", secret=True),
        "secret token": Setting(value="TELEGRAM_SECRET", secret=True),
    }
    if api:
        settings["api"] = Setting(value=api)
    return Connector(
        name="Telegram", kind="telegram", direction="connects", path="/in/telegram", pipeline="Support", settings=settings
    )


def update(number: int = 1, kind: str = "message", **fields: Any) -> dict[str, Any]:
    """An update with a message of Ana's in her private chat."""
    chat = {"id": 77, "type": "private", "first_name": "Ana", "last_name": "Sousa"}
    base = {"message_id": 10 + number, "from": ANA, "chat": chat, "date": 1772452800}
    return {"update_id": number, kind: {**base, **fields}}


def request(tree: object) -> Raw:
    headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": SECRET}
    body = json.dumps(tree).encode()
    return Raw(method="POST", path="/in/telegram", headers=headers, body=body, received_at=NOON)


PHOTO = [
    {"file_id": name, "file_unique_id": name, "width": w, "height": w, "file_size": w}
    for name, w in (("s", 90), ("l", 800))
]
DOCUMENT = {"file_id": "doc-1", "file_unique_id": "d", "file_name": "invoice.pdf", "mime_type": "application/pdf"}
UPDATES = [
    update(1, text="The shop is down"),
    update(2, photo=PHOTO, caption="Look"),
    update(3, document=DOCUMENT, reply_to_message={"message_id": 5, "chat": {"id": 77, "type": "private"}, "date": 1}),
    update(4, voice={"file_id": "v", "file_unique_id": "v", "duration": 3, "mime_type": "audio/ogg", "file_size": 900}),
    update(
        5, sticker={"file_id": "st", "file_unique_id": "st", "type": "regular", "emoji": "👍", "width": 512, "height": 512}
    ),
    update(6, location={"latitude": 38.7, "longitude": -9.1}),
    update(7, contact={"phone_number": "+551198", "first_name": "Zé"}),
    update(8, kind="edited_message", text="The shop is up", edit_date=1772452900),
    update(9, dice={"emoji": "🎲", "value": 4}),
]


class TestContract(ReceiverContract, SenderContract, FetcherContract):
    secrets: ClassVar = SECRETS
    signs_body = False
    tells_repeats = False

    def make(self, tools: Tools) -> Telegram:
        return Telegram(door(), Pipeline(name="Support", calendar=""), tools)

    def samples(self) -> Sequence[Raw]:
        return [request(tree) for tree in UPDATES]

    def mixed(self) -> Sequence[tuple[Raw, int]]:
        """An update is one item."""
        return [(request({"update_id": 20, "message": {"message_id": 4}}), 0), (request({"message": {}}), 0)]

    def sign(self, raw: Raw) -> Raw:
        return msgspec.structs.replace(raw, headers={"x-telegram-bot-api-secret-token": SECRET})

    def outgoing(self) -> Sequence[Outgoing]:
        return [message("On it")]

    def files(self) -> Sequence[File]:
        return [File(name="invoice.pdf", media_type="application/pdf", reference="doc-1")]


def message(text: str = "", *files: OutFile, to: str = "77", reply_to: str = "") -> Outgoing:
    return Outgoing(
        outbox_id=1,
        key="event-1/reply",
        kind="message",
        to=Contact(address=to),
        text=text,
        files=files,
        reply_to=reply_to,
        now=NOON,
    )


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as running:
        yield running


def connector(api: str = "", secrets: dict[str, str] = SECRETS) -> Telegram:
    tools = Tools(secrets=secrets.__getitem__, clock=FakeClock(NOON), network=Network(allow_private=True))
    return Telegram(door(api), None, tools)


def read(tree: object) -> CustomerMessage:
    parsed = connector().parse(request(tree))
    (item,) = parsed.items
    assert parsed.problems == () and isinstance(item.body, CustomerMessage)
    return item.body


# --- in


def test_a_message_names_who_wrote_and_where_the_answer_goes() -> None:
    body = read(UPDATES[0])
    assert (body.text, body.kind, body.provider_id) == ("The shop is down", "text", "77/11")
    assert body.contact == Contact(name="Ana Sousa", address="77")
    assert (body.conversation, body.channel, body.pipeline) == ("77", "telegram", "Support")
    (item,) = connector().parse(request(UPDATES[0])).items
    assert (item.key, item.at) == ("update-1", NOON)


@pytest.mark.parametrize(
    ("tree", "kind", "text", "file"),
    [
        (UPDATES[1], "image", "Look", ("", "image/jpeg", "l")),
        (UPDATES[2], "document", "", ("invoice.pdf", "application/pdf", "doc-1")),
        (UPDATES[3], "voice", "", ("voice", "audio/ogg", "v")),
        (UPDATES[4], "sticker", "👍", ("sticker", "image/webp", "st")),
        (UPDATES[5], "location", "38.7, -9.1", None),
        (UPDATES[6], "contact", "Zé\n+551198", None),
        (UPDATES[8], "dice", "[dice]", None),
        (update(1, a_thing_of_tomorrow={"x": 1}), "a_thing_of_tomorrow", "[a_thing_of_tomorrow]", None),
        (update(1), "unsupported", "[unsupported]", None),
        (update(1, animation=DOCUMENT, document=DOCUMENT), "animation", "", ("invoice.pdf", "application/pdf", "doc-1")),
    ],
)
def test_every_kind_of_message_is_shown(tree: object, kind: str, text: str, file: tuple[str, str, str] | None) -> None:
    body = read(tree)
    assert (body.kind, body.text) == (kind, text)
    assert [(each.name, each.media_type, each.reference) for each in body.files] == ([file] if file else [])


def test_an_edit_changes_the_message_it_is_about() -> None:
    (item,) = connector().parse(request(UPDATES[7])).items
    about = {"connector": "Telegram", "conversation": "77", "provider_id": "77/18"}
    assert item.body == MessageChanged(**about, change="edited", text="The shop is up")
    assert item.key == "update-8" and item.at.timestamp() == 1772452900


def test_in_a_group_an_edit_says_whose_it_is() -> None:
    tree = update(1, kind="edited_message", chat={"id": -1001, "type": "supergroup", "title": "Shop"}, text="hi")
    (item,) = connector().parse(request(tree)).items
    assert isinstance(item.body, MessageChanged)
    assert (item.body.provider_id, item.body.author) == ("-1001/11", "Ana Sousa")


def test_an_edited_caption_and_an_edit_of_nothing() -> None:
    (item,) = connector().parse(request(update(1, kind="edited_message", photo=PHOTO, caption="Look again"))).items
    assert isinstance(item.body, MessageChanged) and item.body.text == "Look again"
    parsed = connector().parse(request(update(1, kind="edited_message", message_id=None, text="hi")))
    assert parsed.items == () and parsed.problems


@pytest.mark.parametrize(
    ("quoted", "reply_to"),
    [
        ({"message_id": 5, "chat": {"id": 77, "type": "private"}, "date": 1}, "77/5"),
        ({"message_id": 5, "chat": {"id": 78, "type": "private"}, "date": 1}, ""),
        ({"message_id": "5", "chat": {"id": 77}}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_reply_names_what_it_answers(quoted: object, reply_to: str) -> None:
    assert read(update(1, text="Yes", reply_to_message=quoted)).reply_to == reply_to


def test_a_group_is_one_conversation() -> None:
    group = {"id": -1001, "type": "supergroup", "title": "Shop"}
    body = read(update(1, chat=group, text="hi"))
    assert (body.conversation, body.contact) == ("-1001", Contact(name="Ana Sousa", address="-1001"))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        [],
        7,
        None,
        {"update_id": True},
        {"update_id": 1},
        {"update_id": 1, "poll": {}},
        update(1, chat={}),
        update(1, chat=[]),
    ],
)
def test_what_holds_no_message_waits_for_a_person(tree: object) -> None:
    parsed = connector().parse(request(tree))
    assert parsed.items == () and parsed.problems


# --- out


def test_a_text_is_sent(api: BotApi) -> None:
    outcome = asyncio.run(connector(api.url).send(message("On it")))
    assert outcome == Sent(provider_id="77/1")
    assert api.sent == [("sendMessage", {"chat_id": "77", "text": "On it"})]


def test_what_a_reply_quotes_is_named_where_it_is_of_the_same_chat(api: BotApi) -> None:
    wanted = {"message_id": 11, "allow_sending_without_reply": True}
    file = OutFile(name="a.pdf", media_type="application/pdf", data=b"%PDF")
    for item in (message("Yes", reply_to="77/11"), message("Here", file, reply_to="77/11")):
        assert isinstance(asyncio.run(connector(api.url).send(item)), Sent)
    (_, asked), (_, form) = api.sent
    assert (asked["reply_parameters"], json.loads(form["reply_parameters"])) == (wanted, wanted)
    for other in ("78/11", "77/x", "wamid.1"):
        assert isinstance(asyncio.run(connector(api.url).send(message("Yes", reply_to=other))), Sent)
        assert "reply_parameters" not in api.sent[-1][1]


@pytest.mark.parametrize(
    ("file", "method", "field"),
    [
        (OutFile(name="a.png", media_type="image/png", data=b"\x89PNG\r\n--x"), "sendPhoto", "photo"),
        (OutFile(name='b"\r\n.pdf', media_type="application/pdf", data=b"%PDF"), "sendDocument", "document"),
        (OutFile(name="c", media_type="bad\r\ntype", data=b""), "sendDocument", "document"),
        (OutFile(name="big.png", media_type="image/png", data=b"0" * (10 * 1024 * 1024 + 1)), "sendDocument", "document"),
    ],
)
def test_a_file_is_sent_whole(api: BotApi, file: OutFile, method: str, field: str) -> None:
    outcome = asyncio.run(connector(api.url).send(message("Here", file)))
    assert isinstance(outcome, Sent)
    ((used, asked),) = api.sent
    assert used == method and asked["caption"] == "Here"
    name, _media_type, data = asked[field]
    assert data == file.data and "\r" not in name


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        (wrong(429, "Too Many Requests: retry after 7", retry_after=7), Retry, "retry after 7"),
        (wrong(401, "Unauthorized"), Retry, "401"),
        (wrong(500, "Internal Server Error"), Retry, "500"),
        (wrong(403, "Forbidden: bot was blocked by the user"), Failed, "blocked by the user"),
        (wrong(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1002), Failed, "-1002"),
        ((502, b"<html>Bad Gateway</html>"), Unknown, "502"),
        ((503, b"<html>"), Retry, "503"),
        ((200, b"<html>"), Unknown, ""),
    ],
)
def test_a_no_is_a_clear_one(api: BotApi, fault: tuple[int, Any], outcome: type, words: str) -> None:
    api.faults["sendMessage"].append(fault)
    told = asyncio.run(connector(api.url).send(message("On it")))
    assert type(told) is outcome and words in told.reason
    assert api.sent == []
    if isinstance(told, Retry) and "429" in told.reason:
        assert told.after == 7


@pytest.mark.parametrize(
    "item",
    [
        message("x" * 4097), message("", to="77"), message("hi", to="ana"), message("hi", to=""), message("hi", to="999"),
        message("x" * 1025, OutFile(name="a", media_type="", data=b"")),
        message("hi", *[OutFile(name="a", media_type="", data=b"")] * 2),
    ],
)  # fmt: skip
def test_what_telegram_would_never_take_fails(api: BotApi, item: Outgoing) -> None:
    assert isinstance(asyncio.run(connector(api.url).send(item)), Failed)
    assert api.sent == []


def test_no_outcome_tells_the_token() -> None:
    unreachable = connector("http://127.0.0.1:1")
    for told in (
        asyncio.run(Guarded(unreachable).send(message("hi"))),
        asyncio.run(Guarded(unreachable).fetch(File(reference="doc-1"))),
        asyncio.run(Guarded(unreachable).check()),
    ):
        assert TOKEN not in repr(told)


# --- files


def test_a_file_is_fetched(api: BotApi) -> None:
    api.files["doc-1"] = b"%PDF-1.7"
    found = asyncio.run(connector(api.url).fetch(File(reference="doc-1")))
    assert isinstance(found, Fetched) and found.data == b"%PDF-1.7"
    assert isinstance(asyncio.run(connector(api.url).fetch(File(reference="gone"))), Failed)


def test_a_path_that_has_run_out_is_asked_for_again(api: BotApi) -> None:
    api.files["doc-1"] = b"%PDF-1.7"
    api.faults["getFile"].append((200, {"ok": True, "result": {"file_id": "doc-1", "file_path": "documents/old"}}))
    assert isinstance(asyncio.run(connector(api.url).fetch(File(reference="doc-1"))), Retry)
    assert isinstance(asyncio.run(connector(api.url).fetch(File(reference="doc-1"))), Fetched)


@pytest.mark.parametrize("path", ["../bot1/getMe", "documents/../../x", "a\\b"])
def test_no_path_leads_elsewhere(api: BotApi, path: str) -> None:
    api.faults["getFile"].append((200, {"ok": True, "result": {"file_path": path}}))
    assert isinstance(asyncio.run(connector(api.url).fetch(File(reference="doc-1"))), Retry)


# --- set-up


def test_checks_say_what_is_wrong(api: BotApi) -> None:
    def states(**secrets: str) -> list[str]:
        made = connector(api.url, {**SECRETS, **secrets})
        return [check.state for check in asyncio.run(made.check())]

    assert states() == ["ok", "ok", "ok", "bad"]
    assert states(BOT_TOKEN="99:wrong") == ["ok", "ok", "bad"]
    api.webhook["url"] = "https://elsewhere.example/in/other"
    assert states() == ["ok", "ok", "ok", "bad"]
    api.webhook["url"] = "https://duly.example/in/telegram"
    assert states() == ["ok", "ok", "ok", "ok"]
    api.webhook |= {"pending_update_count": 3, "last_error_message": "Wrong response from the webhook: 401 Unauthorized"}
    (*_, last) = asyncio.run(connector(api.url).check())
    assert last.state == "bad" and "401" in last.detail


def test_the_guide_names_the_door_and_no_secret() -> None:
    steps = " ".join(connector().guide("https://duly.example/in/telegram"))
    assert "https://duly.example/in/telegram" in steps and SECRET not in steps and TOKEN not in steps
