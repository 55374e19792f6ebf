"""The main job, through the front door: a WhatsApp message becomes a card, its promise is watched, alerted, missed,
escalated, and everybody who should hear of it does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from acceptance.outside import outside, whatsapp_body
from acceptance.running import Duly, installed, until
from duly_connectors.webhook.posting import message_name

pytestmark = pytest.mark.xdist_group("acceptance")
KINDS = [
    pytest.param("embedded", id="SQLite, one process"),
    pytest.param("spread", marks=[pytest.mark.postgres, pytest.mark.redis], id="PostgreSQL and Redis, three processes"),
]


def say(duly: Duly, customer: str, message_id: str, text: str) -> httpx.Response:
    body, headers = whatsapp_body(customer, "Maria Silva", message_id, text, duly.now().timestamp())
    return duly.post(body, headers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_becomes_a_card_whose_promise_is_kept_or_told(kind: str, tmp_path: Path) -> None:
    with outside() as world, installed(kind, tmp_path, world.secrets) as duly:
        answer = say(duly, "5511988887777", "wamid.1", "Where is my order?")
        assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 0, "parked": False})
        again = say(duly, "5511988887777", "wamid.1", "Where is my order?")
        assert again.json() == {"accepted": 0, "duplicates": 1, "parked": False}

        greeting = until(lambda: world.graph.deliveries, 30, "the greeting")[0]
        assert (greeting["to"], greeting["text"]) == ("5511988887777", "Hello Maria, your case is 1.")

        alert = until(lambda: world.mails_to("ana@desk.example"), 30, "the alert")[0]
        assert alert["Subject"].startswith("Card 1: first reply is due")
        assert "80% of the time has passed." in alert.get_content()
        assert alert["Auto-Submitted"] == "auto-generated"

        level_1 = until(lambda: world.mails_to("boss@desk.example"), 30, "level 1")[0]
        assert level_1["Subject"] == "O cartão 1 está atrasado: primeira resposta, nível 1"
        (key, call) = until(lambda: world.receiver.calls, 30, "the webhook")[0]
        assert (call["type"], call["data"]["card"]["number"]) == ("rule.fired", 1)
        assert (call["data"]["card"]["stage"], call["data"]["card"]["owner"]) == ("New", "ana")
        level_2 = until(lambda: world.mails_to("ana@desk.example")[1:], 30, "level 2")[0]
        assert level_2["Subject"] == "Card 1 is late: first reply, level 2"

        async def facts():
            async with duly.store() as store:
                (found,) = await store.cards()
                return await store.card(found.id), await store.deliveries(), await store.counts()

        card, deliveries, counts = asyncio.run(facts())
        (clock,) = [clock for clock in card.clocks if clock.metric == "first reply"]
        assert clock.due_at is not None
        assert clock.missed_at == clock.due_at
        assert (clock.due_at - clock.started_at).total_seconds() == 1800
        assert sorted(row.state for row in deliveries) == ["sent"] * 5
        assert len({row.key for row in deliveries}) == 5
        assert key in {message_name(row.key) for row in deliveries}
        assert (counts["events"] > 1, counts["unhandled"], counts["cards"]) == (True, 0, 1)

        # A signature that does not fit and a body that is not JSON leave nothing.
        body, headers = whatsapp_body("5511900000000", "Nobody", "wamid.2", "x", duly.now().timestamp())
        refused = duly.post(body.replace(b'"x"', b'"y"'), headers)
        assert (refused.status_code, refused.json()["detail"]) == (401, "the signature does not fit the body")
        assert httpx.post(f"{duly.url}/in/nowhere", content=b"{}", trust_env=False).status_code == 404
        assert duly.counts()["cards"] == 1

        assert httpx.get(f"{duly.url}/health", trust_env=False).json()["status"] == "ok"
        assert duly.stop() == dict.fromkeys(duly.processes, 0)


def test_a_broker_that_is_away_delays_by_seconds(tmp_path: Path) -> None:
    with outside() as world, installed("brokerless", tmp_path, world.secrets) as duly:
        assert say(duly, "5511988887777", "wamid.1", "Is anybody there?").status_code == 200
        until(lambda: world.graph.deliveries, 60, "the greeting")
        until(lambda: world.mails_to("ana@desk.example"), 60, "the alert")
        until(lambda: world.mails_to("boss@desk.example"), 60, "level 1")
        assert duly.stop() == dict.fromkeys(duly.processes, 0)
