"""The demo's surroundings: what its customers send is what the real doors take, and what comes back is seen."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import random
import re
from collections.abc import Callable, Coroutine
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosmtplib
import httpx
import msgspec
import pytest

from duly_connectors.contract import Connector, Tools
from duly_connectors.outbound import Network
from duly_connectors.webhook import Webhook
from duly_connectors.whatsapp import WhatsApp
from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.program import Calendar, Environment, Program, Window
from duly_platform.demo import everything
from duly_platform.demo.agents import AgentApi
from duly_platform.demo.conversations import ENGLISH, PORTUGUESE
from duly_platform.demo.customers import Customer, Customers
from duly_platform.demo.graph import Graph, Taken
from duly_platform.demo.mailbox import Mailbox
from duly_platform.demo.traffic import Traffic, strangers
from duly_runtime.calendars import WorkingTime
from duly_runtime.doors import Approved, Choices, Header, OutFile, Outgoing, Raw, Rich, Sent
from duly_runtime.events import Choice, Contact, CustomerMessage, DeliveryStatus
from duly_runtime.time import FakeClock, SystemClock, shared_since

NOW = dt.datetime(2026, 11, 6, 12, 0, tzinfo=dt.UTC)
WHO = Customer(name="Júlia Rocha", language="pt-BR", phone="5511900123456", email="j@customers.example", order="471203")
SHOP_KEY, APP_SECRET = "shop key", "app secret"
SECONDS = 30
FOLDER = Path(__file__).parents[2] / "examples" / "support_desk"


@pytest.fixture(scope="module")
def desk() -> Program:
    files = workspace.load([FOLDER])
    built = build(files, Environment())
    assert built.program is not None, built.diagnostics
    return built.program


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not true():  # noqa: ASYNC110 - what is waited for comes over the network
            await asyncio.sleep(0.01)


def client(handler: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://duly")


class Doors:
    """Keeps what is sent, as the connectors would be given it."""

    def __init__(self, *answers: int) -> None:
        self.raws: list[Raw] = []
        self._answers = list(answers)

    async def take(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = Raw(method="POST", path=request.url.path, headers=headers, body=request.content, received_at=NOW)
        self.raws.append(raw)
        return httpx.Response(self._answers.pop(0) if self._answers else 202)

    def customers(self) -> Customers:
        quiet = random.Random(1)
        quiet.random = lambda: 0.5  # nothing is sent twice
        return Customers(client(self.take), FakeClock(NOW), quiet, shop_key=SHOP_KEY, app_secret=APP_SECRET)


def connector(desk: Program, name: str) -> Connector:
    secrets = {"SHOP_SIGNING_KEY": SHOP_KEY, "WHATSAPP_APP_SECRET": APP_SECRET}
    definition = desk.connectors[name]
    tools = Tools(secrets=secrets.__getitem__, clock=FakeClock(NOW), network=Network(allow_private=True))
    made = Webhook if definition.kind == "webhook" else WhatsApp
    return made(definition, desk.pipelines[definition.pipeline], tools)


def test_the_shops_messages_are_taken_by_the_real_door(desk: Program) -> None:
    doors = Doors()
    assert asyncio.run(doors.customers().shop(WHO, "Caneca", "Chegou sem alça", "high", "gold"))
    door, (raw,) = connector(desk, "Shop"), doors.raws
    assert raw.path == desk.connectors["Shop"].path
    door.authenticate(raw)
    (item,) = door.parse(raw).items
    assert isinstance(item.body, CustomerMessage)
    assert (item.body.text, item.body.title, item.body.contact.name) == ("Chegou sem alça", "Caneca", "Júlia Rocha")
    assert (item.body.contact.email, item.body.contact.phone) == ("j@customers.example", "+5511900123456")
    assert item.body.fields == {"field:Order number": "471203", "field:Tier": "gold", "priority": "high"}


def test_the_broken_form_of_the_shop_is_parked(desk: Program) -> None:
    doors = Doors()
    assert asyncio.run(doors.customers().shop_without_order(WHO, "Oi"))
    door, (raw,) = connector(desk, "Shop"), doors.raws
    door.authenticate(raw)
    parsed = door.parse(raw)
    assert parsed.items == ()
    assert len(parsed.problems) == 1


def test_whatsapp_messages_are_taken_by_the_real_door(desk: Program) -> None:
    doors = Doors()
    assert asyncio.run(doors.customers().whatsapp(WHO, "Oi! Tudo bem?"))
    door, (raw,) = connector(desk, "WhatsApp"), doors.raws
    assert raw.path == desk.connectors["WhatsApp"].path
    door.authenticate(raw)
    parsed = door.parse(raw)
    assert parsed.problems == ()
    (item,) = parsed.items
    assert isinstance(item.body, CustomerMessage)
    assert (item.at, item.body.text, item.body.contact.name) == (NOW, "Oi! Tudo bem?", "Júlia Rocha")


def test_no_two_messages_have_the_same_name(desk: Program) -> None:
    """The same words twice are two messages, also where the demo starts anew with the same seed."""
    doors = Doors()

    async def send() -> None:
        for _ in range(2):
            await doors.customers().whatsapp(WHO, "Oi")
            await doors.customers().shop(WHO, "Oi", "Oi")

    asyncio.run(send())
    keys = [connector(desk, "Shop" if raw.path == "/in/shop" else "WhatsApp").parse(raw).items[0].key for raw in doors.raws]
    assert len(set(keys)) == 4


def test_a_door_that_fails_is_tried_again_and_one_that_refuses_is_not() -> None:
    failing, refusing = Doors(503, 202), Doors(401, 202)
    assert asyncio.run(failing.customers().whatsapp(WHO, "Oi"))
    assert len(failing.raws) == 2
    assert failing.raws[0].body == failing.raws[1].body
    assert not asyncio.run(refusing.customers().whatsapp(WHO, "Oi"))
    assert len(refusing.raws) == 1


def test_the_stand_in_for_meta_takes_a_message_and_tells_how_it_fared(desk: Program) -> None:
    doors = Doors()

    async def run() -> tuple[httpx.Response, list[Raw]]:
        clock = SystemClock(speed=100_000)
        graph = Graph(clock, "token", random.Random(3))
        graph.customers = doors.customers()
        async with graph.serving(), httpx.AsyncClient(base_url=graph.url, trust_env=False) as http:
            body = {"messaging_product": "whatsapp", "to": WHO.phone, "type": "text", "text": {"body": "Oi, Júlia"}}
            headers = {"Authorization": "Bearer token"}
            answer = await http.post(
                "/v25.0/106540352242922/messages", json={**body, "biz_opaque_callback_data": "7"}, headers=headers
            )
            await until(lambda: len(doors.raws) >= 2)
            assert [(taken.to, taken.text) for taken in graph.taken] == [(WHO.phone, "Oi, Júlia")]
        return answer, doors.raws

    answer, raws = asyncio.run(run())
    wamid = answer.json()["messages"][0]["id"]
    assert answer.status_code == 200
    assert answer.json()["contacts"] == [{"input": WHO.phone, "wa_id": WHO.phone}]
    door, states = connector(desk, "WhatsApp"), []
    for raw in raws:
        door.authenticate(raw)
        (item,) = door.parse(raw).items
        assert isinstance(item.body, DeliveryStatus)
        assert (item.body.provider_id, item.body.outbox_id) == (wamid, 7)
        states.append(item.body.state)
    assert states[:2] == ["sent", "delivered"]
    assert set(states[2:]) <= {"read"}


ROWS = (Choice(title="Refund"), Choice(title="Exchange", description="For another size"))
PDF = OutFile(name="fatura.pdf", media_type="application/pdf", data=b"%PDF-1.7 fatura")
SAID = [
    ({"text": "Oi"}, Taken("", WHO.phone, "Oi")),
    ({"text": "Oi", "reply_to": "wamid.1"}, Taken("", WHO.phone, "Oi", quotes="wamid.1")),
    ({"text": "Veja", "files": (PDF,)}, Taken("", WHO.phone, "Veja", "document", "ID")),
    (
        {"files": (OutFile(name="a.ogg", media_type="audio/ogg", data=b"OggS"),)},
        Taken("", WHO.phone, "", "audio", "ID"),
    ),
    (
        {"text": "Oi", "template": Approved(name="still_there", language="pt_BR", parameters=("Júlia", "471203"))},
        Taken("", WHO.phone, "still_there: Júlia, 471203", "template"),
    ),
    (
        {
            "text": "Oi",
            "template": Approved(name="plain", language="en", media=Header(media="image", link="https://x.example/a")),
        },
        Taken("", WHO.phone, "plain: https://x.example/a", "template"),
    ),
    (
        {"text": "O que?", "rich": Rich(body="O que?", choices=Choices(rows=ROWS))},
        Taken("", WHO.phone, "O que?", "interactive", choices=("Refund", "Exchange")),
    ),
    (
        {
            "text": "O que?",
            "rich": Rich(body="O que?", header=Header(text="Pedido"), choices=Choices(rows=ROWS, label="Escolher")),
        },
        Taken("", WHO.phone, "O que?", "interactive", choices=("Refund", "Exchange")),
    ),
    (
        {"text": "Foto", "rich": Rich(body="Foto", header=Header(media="image", link="https://x.example/a.png"))},
        Taken("", WHO.phone, "Foto", "image", "https://x.example/a.png"),
    ),
]


@pytest.mark.parametrize(("parts", "wanted"), SAID)
def test_the_stand_in_for_meta_takes_all_that_a_reply_can_be(desk: Program, parts: dict[str, Any], wanted: Taken) -> None:
    """By the connector itself, through to `delivered`."""
    doors = Doors()

    async def run() -> Graph:
        graph = Graph(SystemClock(speed=100_000), "token", random.Random(3))
        graph.customers = doors.customers()
        async with graph.serving():
            secrets = {"WHATSAPP_API": graph.url, "WHATSAPP_ACCESS_TOKEN": "token"}
            tools = Tools(secrets=secrets.__getitem__, clock=FakeClock(NOW), network=Network(allow_private=True))
            door = WhatsApp(desk.connectors["WhatsApp"], desk.pipelines["Customer support"], tools)
            item = Outgoing(outbox_id=7, key="k", kind="message", to=Contact(address=WHO.phone), now=NOW, **parts)
            outcome = await door.send(item)
            (taken,) = graph.taken
            assert outcome == Sent(provider_id=taken.wamid)
            await until(lambda: len(doors.raws) >= 2)
        return graph

    graph = asyncio.run(run())
    (taken,) = graph.taken
    ids = list(graph.uploads)
    assert msgspec.structs.replace(taken, wamid="", file="ID" if taken.file in ids else taken.file) == wanted
    for file in parts.get("files", ()):
        assert list(graph.uploads.values()) == [(file.name, file.media_type, len(file.data))]
    states: list[str] = []
    for raw in doors.raws[:2]:
        (item,) = connector(desk, "WhatsApp").parse(raw).items
        assert isinstance(item.body, DeliveryStatus) and item.body.provider_id == taken.wamid
        states.append(item.body.state)
    assert states == ["sent", "delivered"]


BUTTONS = {"type": "button", "body": {"text": "x"}}


def button(number: int) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": str(number), "title": "x"}}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": {"body": " "}},
        {"type": "image", "image": {"id": "123"}},
        {"type": "image", "image": {}},
        {"type": "poem", "poem": {}},
        {"type": "template", "template": {"name": "x"}},
        {"type": "interactive", "interactive": {**BUTTONS, "action": {"buttons": []}}},
        {"type": "interactive", "interactive": {**BUTTONS, "action": {"buttons": [button(n) for n in range(4)]}}},
        {"type": "interactive", "interactive": {**BUTTONS, "action": {"buttons": [button(1), button(1)]}}},
        {
            "type": "interactive",
            "interactive": {"type": "list", "body": {"text": "x"}, "action": {"button": "", "sections": []}},
        },
        {"type": "interactive", "interactive": {"type": "flow", "body": {"text": "x"}, "action": {}}},
    ],
)
def test_the_stand_in_for_meta_refuses_what_meta_would(content: dict[str, Any]) -> None:
    async def run() -> None:
        graph = Graph(FakeClock(NOW), "token", random.Random(3))
        async with graph.serving(), httpx.AsyncClient(base_url=graph.url, trust_env=False) as http:
            body = {"messaging_product": "whatsapp", "to": WHO.phone, **content}
            answer = await http.post("/v25.0/1/messages", json=body, headers={"Authorization": "Bearer token"})
            assert answer.status_code == 400 and answer.json()["error"]["code"] in (100, 131009)
            assert not graph.taken

    asyncio.run(run())


def test_the_stand_in_for_meta_refuses_as_meta_does() -> None:
    async def run() -> None:
        graph = Graph(FakeClock(NOW), "token", random.Random(3))
        async with graph.serving(), httpx.AsyncClient(base_url=graph.url, trust_env=False) as http:
            wrong = await http.post("/v25.0/1/messages", json={}, headers={"Authorization": "Bearer other"})
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
            empty = await http.post("/v25.0/1/messages", json={}, headers={"Authorization": "Bearer token"})
            assert (empty.status_code, empty.json()["error"]["code"]) == (400, 100)
            number = await http.get("/v25.0/1", headers={"Authorization": "Bearer token"})
            assert number.json()["verified_name"] == "Customer support"
            told = await http.post("/shop/events", content=b'{"type":"clock.missed"}')
            assert told.status_code == 204
            assert (list(graph.taken), list(graph.events)) == ([], [b'{"type":"clock.missed"}'])

    asyncio.run(run())


def test_the_mailbox_keeps_the_last_mails() -> None:
    async def run() -> None:
        box, told = Mailbox(FakeClock(NOW), kept=2), []
        box.on_mail = lambda: told.append(len(box.mails()))
        async with box.serving():
            for number in range(3):
                mail = EmailMessage()
                mail["From"], mail["To"], mail["Subject"] = (
                    "duly@support.example",
                    "ana@support.example",
                    f"Cartão {number}",
                )
                mail.set_content(f"Vence às 18h — {number}\n")
                await aiosmtplib.send(mail, hostname="127.0.0.1", port=box.port)
            newest, before = box.mails()
            assert (newest.subject, before.subject) == ("Cartão 2", "Cartão 1")
            assert (newest.sender, newest.to) == ("duly@support.example", "ana@support.example")
            assert (newest.text, newest.at) == ("Vence às 18h — 2", NOW)
            assert told == [1, 2, 2]

    asyncio.run(run())


class Desk:
    """Duly as the traffic sees it: doors that make cards, and the part of the API that agents use."""

    def __init__(self) -> None:
        self.cards: list[dict[str, object]] = []
        self.said: dict[int, list[str]] = {}
        self.by_conversation: dict[str, int] = {}
        self.authors: set[str] = set()
        self.paths: set[str] = set()
        self.unsigned = 0

    async def take(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.add(re.sub(r"/\d+", "/N", path))
        if path.startswith("/in/"):
            return self._message(path, request)
        self.authors.add(request.headers["authorization"])
        if path == "/api/v1/cards":
            return httpx.Response(200, json=self.cards[::-1][: int(request.url.params["limit"])])
        number, verb = re.fullmatch(r"/api/v1/cards/(\d+)/?(\w*)", path).groups()  # type: ignore[union-attr]
        card = self.cards[int(number) - 1]
        if verb == "reply":
            self.said[int(number)].append("agent: " + json.loads(request.content)["text"])
        elif verb == "fields":
            card.update(json.loads(request.content)["values"])
        elif verb == "move":
            stage = json.loads(request.content)["stage"]
            if card["stage"] == "In progress" and "Resolution" not in card:
                return httpx.Response(422, json={"detail": "`Resolution` is required"})
            card["stage"] = stage
        return httpx.Response(200, json=card)

    def _message(self, path: str, request: httpx.Request) -> httpx.Response:
        tree = json.loads(request.content)
        key, header = (SHOP_KEY, "X-Shop-Signature") if path == "/in/shop" else (APP_SECRET, "X-Hub-Signature-256")
        right = hmac.new(key.encode(), request.content, hashlib.sha256).hexdigest()
        self.unsigned += request.headers[header] != f"sha256={right}"
        if path == "/in/shop":
            if "order" not in tree:
                return httpx.Response(202)
            name, text, conversation = tree["customer"]["name"], tree["text"], tree["order"]["id"]
        else:
            value = tree["entry"][0]["changes"][0]["value"]
            name, text = value["contacts"][0]["profile"]["name"], value["messages"][0]["text"]["body"]
            conversation = value["messages"][0]["from"]
        number = self.by_conversation.get(conversation)
        if number is None:
            number = self.by_conversation[conversation] = len(self.cards) + 1
            owner = ("ana", "bruno", "")[number % 3]
            self.cards.append({"number": number, "customer": name, "stage": "New", "owner": owner})
            self.said[number] = []
        self.said[number].append(text)
        return httpx.Response(202)


def test_conversations_run_to_their_end() -> None:
    desk = Desk()

    async def run() -> None:
        clock, rng = SystemClock(speed=200_000), random.Random(7)
        async with client(desk.take) as http, asyncio.timeout(2 * SECONDS):
            customers = Customers(http, clock, rng, shop_key=SHOP_KEY, app_secret=APP_SECRET)
            agents = AgentApi(http, {"ana": "token of ana", "bruno": "token of bruno"})
            await Traffic(customers, agents, clock, rng, pace=60, first=5).run(most=60)

    asyncio.run(run())
    assert desk.unsigned == 0
    assert desk.paths >= {
        "/in/shop",
        "/in/whatsapp",
        "/api/v1/cards/N/reply",
        "/api/v1/cards/N/move",
        "/api/v1/cards/N/fields",
    }
    assert desk.authors == {"Bearer token of ana", "Bearer token of bruno"}
    assert 50 <= len(desk.cards) <= 60
    stages = [card["stage"] for card in desk.cards]
    # Everybody was answered; most are done, and some wait for a customer who never came back.
    assert all(any(text.startswith("agent: ") for text in said) for said in desk.said.values())
    assert stages.count("Done") > 40
    assert set(stages) <= {"Done", "Waiting for customer"}
    # No placeholder was left in what people read.
    assert not [text for said in desk.said.values() for text in said if "{" in text]
    # Both languages are spoken.
    words = {text for said in desk.said.values() for text in said}
    assert any("order" in text for text in words)
    assert any("pedido" in text for text in words)


def test_every_text_can_be_filled_in() -> None:
    for script in ENGLISH + PORTUGUESE:
        for name, value in msgspec.structs.asdict(script).items():
            assert value.format(order="1", name="Ana"), name
            assert "{" not in value.format(order="1", name="Ana")
    assert {script.language for script in ENGLISH} == {"en"}
    assert {script.language for script in PORTUGUESE} == {"pt-BR"}


def test_the_same_seed_brings_the_same_customers_and_names_are_not_repeated() -> None:
    one, other = strangers(random.Random(5)), strangers(random.Random(5))
    first = [next(one) for _ in range(700)]
    assert first == [next(other) for _ in range(700)]
    assert len({who.name for who in first}) == 700
    assert all(who.email.isascii() and who.phone.isdigit() and len(who.order) == 6 for who in first)


OFFICE = WorkingTime(
    Calendar(
        name="office",
        zone="America/Sao_Paulo",
        week=(*((Window(opens=480, closes=720), Window(opens=780, closes=1080)),) * 5, (), ()),
    )
)


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ("2026-11-05 10:00", "2026-11-06 08:00"),  # a Thursday
        ("2026-11-05 12:30", "2026-11-06 08:00"),  # lunch is no night
        ("2026-11-06 10:00", "2026-11-09 08:00"),  # over the weekend
        ("2026-11-07 20:00", "2026-11-10 08:00"),
    ],
)
def test_the_demo_begins_in_the_morning(now: str, morning: str) -> None:
    def local(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Sao_Paulo"))

    assert everything.next_morning(OFFICE, local(now)) == local(morning)


def test_an_office_without_nights_begins_now() -> None:
    always = WorkingTime(Calendar(name="always", zone="UTC", week=((Window(opens=0, closes=1440),),) * 7))
    assert everything.next_morning(always, NOW) == NOW


def test_the_fast_clock_shows_the_morning_when_the_demo_starts(desk: Program, tmp_path: Path) -> None:
    now = SystemClock().now()
    everything.begin_in_the_morning(FOLDER, tmp_path, 30.0, now)
    since = shared_since(tmp_path / "fast-clock")
    shown = since + (now - since) * 30
    office = WorkingTime(desk.calendars[desk.pipelines["Customer support"].calendar])
    wanted = everything.next_morning(office, now) + everything.AFTER_OPENING
    assert abs(shown - wanted) < dt.timedelta(seconds=1)
    assert shown > now
    before = (tmp_path / "fast-clock").read_text()
    everything.begin_in_the_morning(FOLDER, tmp_path, 30.0, now + dt.timedelta(days=1))
    assert (tmp_path / "fast-clock").read_text() == before  # a demo that goes on keeps its time
