"""Deliveries, requests and what waits, over the API and on the command line. Webhooks go to a real server and come in
signed."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook as Standard

from connectors.servers import Web, status, web
from duly_connectors.contract import MAX_BODY
from duly_platform.cli import main
from duly_platform.composition import open_desk
from duly_platform.settings import load
from duly_runtime.doors import Raw, Unknown
from duly_runtime.events import AgentMessage, OpenCard
from duly_runtime.store.log_api import RequestFilter
from runtime.polling import until
from support.office import MONDAY, Office, office
from support.shop import KEY as SHOP_KEY
from support.shop import SECRET, signed, with_door

KEY = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, ours!").decode()
CRM = """
connector "CRM" sends webhook {
  url secret "CRM_URL"
  sign with secret "CRM_KEY"
  send events card.created, card.moved, message.received in "Support"
  retry 1 time over 1h elapsed then park
}
"""


def workspace(path: str = "text") -> str:
    return with_door(path) + CRM


def run(folder: Path, body: Callable[[Office, Web], Awaitable[None]], answer: bytes | None = None) -> None:
    async def main_() -> None:
        async with web(answer or status(202, body=b"thank you")) as server:
            environ = {
                "DULY_ALLOW_PRIVATE_ADDRESSES": "1",
                "DULY_SECRET_CRM_URL": f"{server.url}/hook?token=very-secret",
                "DULY_SECRET_CRM_KEY": KEY,
                SECRET: SHOP_KEY,
            }
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environ.items():
                    patch.setenv(name, value)
                async with office(folder, workspace(), environ) as here:
                    await body(here, server)

    asyncio.run(main_())


async def posts(here: Office, tree: dict[str, Any]) -> dict[str, Any]:
    """The shop posts, signed; what it is answered."""
    body = json.dumps(tree).encode()
    headers = {**signed(body), "authorization": "Bearer x"}
    answer = await here.client.post("/in/shop", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def comes(here: Office, path: str, headers: dict[str, str], wanted: Callable[[Any], bool]) -> Any:
    """Ask until the answer is as wanted, while seconds pass."""
    for _ in range(400):
        found = (await here.client.get(f"/api/v1{path}", headers=headers)).json()
        if wanted(found):
            return found
        here.clock.advance(dt.timedelta(seconds=1))
        await asyncio.sleep(0.02)
    raise AssertionError(found)


def tried(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {(row["state"], row["attempts"]) for row in rows}


def test_events_of_a_card_reach_the_other_side_signed_and_as_their_schemas_say(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write")
        assert (await posts(here, {"id": "o1", "text": "Olá"}))["accepted"] == 1
        assert (await posts(here, {"id": "o1", "text": "Olá", "try": 2})) == {
            "accepted": 0,
            "duplicates": 1,
            "parked": False,
        }
        rows = await comes(here, "/deliveries?connector=CRM&state=sent", headers, lambda rows: len(rows) == 2)
        await until(lambda: len(server.requests) == 2)
        types = set()
        for _, sent, payload in server.requests:
            # The receiver's library judges by the machine's time, so the signature is made anew for the time it names.
            at = dt.datetime.fromtimestamp(int(sent["webhook-timestamp"]), dt.UTC)
            assert abs(at - here.clock.now()) < dt.timedelta(minutes=10)
            assert sent["webhook-signature"] == Standard(KEY).sign(sent["webhook-id"], at, payload.decode())
            event = json.loads(payload)
            types.add(event["type"])
            schema = (await here.client.get(f"/api/v1/events/schemas/{event['type']}", headers=headers)).json()
            jsonschema.validate(event, schema)
            assert event["data"]["card"]["link"] == "http://duly.test/cards/1"
        assert types == {"card.created", "message.received"}
        detail = (await here.client.get(f"/api/v1/deliveries/{rows[0]['id']}", headers=headers)).json()
        assert [(line["outcome"], line["answer"]) for line in detail["log"]] == [("sent", "202\nthank you")]
        assert json.loads(detail["delivery"]["text"])["type"] in types
        assert detail["effect"]["type"] == "CallWebhook"

    run(tmp_path, body)


def test_what_the_other_side_repeats_of_our_secrets_is_not_kept(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read")
        server.answer = status(400, body=f"no such hook {server.url}/hook?token=very-secret for {KEY}".encode())
        await posts(here, {"id": "o1", "text": "hi"})
        rows = await comes(here, "/deliveries?state=failed", headers, lambda rows: len(rows) == 2)
        text = (await here.client.get(f"/api/v1/deliveries/{rows[0]['id']}", headers=headers)).text
        assert "no such hook ••• for •••" in text
        assert "very-secret" not in text and KEY not in text

    run(tmp_path, body)


def test_parked_deliveries_are_replayed_together_once_the_other_side_is_back(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write", "admin")
        await posts(here, {"id": "o1", "text": "hi"})
        await comes(here, "/deliveries?kind=call", headers, lambda rows: tried(rows) == {("pending", 1)})
        here.clock.advance(dt.timedelta(hours=1))
        rows = await comes(here, "/deliveries?state=waiting", headers, lambda rows: len(rows) == 2)
        assert {row["state"] for row in rows} == {"parked"}
        assert len((await here.client.get("/api/v1/parked?connector=CRM", headers=headers)).json()) == 2
        assert (await here.client.get("/api/v1/parked?connector=Shop", headers=headers)).json() == []
        ids = {line.split()[1] for line, *_ in server.requests}
        server.answer = status(200)
        before = len(server.requests)
        answer = await here.client.post("/api/v1/parked/replay", json={"connector": "CRM"}, headers=headers)
        assert answer.json() == {"replayed": 2, "skipped": 0, "still": []}
        await comes(here, "/deliveries?state=sent&connector=CRM", headers, lambda rows: len(rows) == 2)
        again = server.requests[before:]
        assert len(again) == 2 and ids == {"/hook?token=very-secret"}
        # The same ids and the same bodies as before, so a receiver that had one knows it.
        first = {sent["webhook-id"]: payload for _, sent, payload in server.requests[:2]}
        assert {sent["webhook-id"]: payload for _, sent, payload in again} == first
        log = (await here.client.get(f"/api/v1/deliveries/{rows[0]['id']}", headers=headers)).json()["log"]
        assert [line["outcome"] for line in log] == ["retry", "parked", "again", "sent"]
        assert log[2]["author"] == "tester_admin"
        audit = (await here.client.get("/api/v1/audit", headers=headers)).json()
        assert audit[0]["action"] == "parked.replayed-all"
        assert (audit[0]["subject"], audit[0]["details"]["replayed"]) == ("CRM", "2")
        # A call that was sent can be sent once more: its receiver tells it by the id.
        answer = await here.client.post(f"/api/v1/deliveries/{rows[0]['id']}/replay", headers=headers)
        assert answer.json() == {"done": True, "problem": ""}
        await until(lambda: len(server.requests) == before + 3)

    run(tmp_path, body, status(503, body=b"closed"))


def test_a_request_is_replayed_under_mended_rules_and_never_twice(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write")
        assert (await posts(here, {"id": "o1", "body": "hi"}))["parked"] is True
        (item,) = (await here.client.get("/api/v1/parked", headers=headers)).json()
        assert (item["what"], item["connector"], item["repeat"]) == ("raw", "Shop", True)
        path = f"/api/v1/parked/raw/{item['id']}"
        still = (await here.client.post(f"{path}/replay", headers=headers)).json()
        assert still == {"done": False, "problem": "`message`: the message holds nothing at `text`"}
        every = (await here.client.post("/api/v1/parked/replay", json={}, headers=headers)).json()
        assert (every["replayed"], [each["id"] for each in every["still"]]) == (0, [item["id"]])
        assert (await here.desk.publish({"support.duly": workspace("body")}, "tester", "mended")).hash
        assert (await here.client.post(f"{path}/replay", headers=headers)).json() == {"done": True, "problem": ""}
        assert (await here.client.post(f"{path}/replay", headers=headers)).status_code == 409
        cards = await comes(here, "/cards", headers, lambda cards: len(cards) == 1)
        assert cards[0]["title"] == "hi"
        assert (await posts(here, {"id": "o1", "body": "hi"}))["duplicates"] == 1
        request = (await here.client.get(f"/api/v1/requests/{item['id']}", headers=headers)).json()
        assert request["request"]["parked"] == "" and request["path"] == "/in/shop"
        assert "authorization" not in request["headers"]
        assert json.loads(base64.b64decode(request["body_base64"])) == {"id": "o1", "body": "hi"}
        (row,) = (await here.client.get("/api/v1/requests?connector=Shop&state=taken", headers=headers)).json()
        assert row["id"] == item["id"]

    run(tmp_path, body)


def test_what_waits_is_discarded_and_restored_with_an_audit_row_each(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write", "admin")
        await posts(here, {"id": "o1"})
        (item,) = (await here.client.get("/api/v1/parked", headers=headers)).json()
        path = f"/api/v1/parked/raw/{item['id']}"
        assert (await here.client.post(f"{path}/discard", headers=headers)).status_code == 204
        assert (await here.client.get("/api/v1/parked", headers=headers)).json() == []
        (gone,) = (await here.client.get("/api/v1/parked?discarded=true", headers=headers)).json()
        assert gone["id"] == item["id"] and gone["discarded_at"]
        assert (await here.client.post(f"{path}/discard", headers=headers)).status_code == 409
        assert (await here.client.post(f"{path}/restore", headers=headers)).status_code == 204
        assert len((await here.client.get("/api/v1/parked", headers=headers)).json()) == 1
        assert (await here.client.post("/api/v1/parked/letter/1/discard", headers=headers)).status_code == 404
        audit = (await here.client.get("/api/v1/audit", headers=headers)).json()
        assert [(row["action"], row["subject"]) for row in audit[:2]] == [
            ("parked.restored", f"raw {item['id']}"),
            ("parked.discarded", f"raw {item['id']}"),
        ]

    run(tmp_path, body)


def test_what_may_have_arrived_takes_a_word_more(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write")
        store = here.desk.store
        await here.desk.command(0, OpenCard(pipeline="Support", channel="whatsapp", connector="Chat"))
        number = await _stuck(here)
        answer = await here.client.post(f"/api/v1/deliveries/{number}/replay", headers=headers)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:duly:problem:may-repeat"
        answer = await here.client.post(f"/api/v1/parked/delivery/{number}/replay", headers=headers)
        assert answer.status_code == 409
        skipped = (await here.client.post("/api/v1/parked/replay", json={}, headers=headers)).json()
        assert (skipped["replayed"], skipped["skipped"]) == (0, 1)
        assert (await store.delivery(number))[0].state == "unknown"
        answer = await here.client.post(f"/api/v1/deliveries/{number}/replay?twice=true", headers=headers)
        assert answer.json()["done"] is True
        assert (await store.delivery(number))[0].state != "unknown"

    run(tmp_path, body)


async def _stuck(here: Office) -> int:
    """A reply by WhatsApp of which nobody knows whether it arrived."""
    store = here.desk.store

    async def nobody(*_: object, **__: object) -> list[Any]:
        return []

    lease, store.lease = store.lease, nobody  # type: ignore[method-assign]
    await here.desk.command(1, AgentMessage(text="On it", author="ana"))
    (row,) = [row for row in await store.deliveries() if row.kind == "message"]
    store.lease = lease  # type: ignore[method-assign]
    (item,) = await store.lease(here.clock.now(), 1, 30, (row.id,))
    await store.settle(item, Unknown(reason="no answer"), "On it", here.clock.now())
    return row.id


def test_a_pending_delivery_is_cancelled(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read", "write")
        await posts(here, {"id": "o1", "text": "hi"})
        rows = await comes(here, "/deliveries?kind=call", headers, lambda rows: tried(rows) == {("pending", 1)})
        number = rows[0]["id"]
        answer = await here.client.post(f"/api/v1/deliveries/{number}/cancel", headers=headers)
        assert answer.json()["delivery"]["state"] == "cancelled"
        assert (await here.client.post(f"/api/v1/deliveries/{number}/cancel", headers=headers)).status_code == 409
        assert (await here.client.post("/api/v1/deliveries/999/cancel", headers=headers)).status_code == 404
        here.clock.advance(dt.timedelta(hours=1))
        await comes(here, "/deliveries?state=parked&kind=call", headers, lambda rows: len(rows) == 1)
        cancelled = (await here.client.get("/api/v1/deliveries?state=cancelled", headers=headers)).json()
        assert [row["id"] for row in cancelled] == [number]

    run(tmp_path, body, status(503))


def test_a_page_of_the_log_by_time_and_id(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        headers = await here.token("read")
        for n in range(3):
            await posts(here, {"id": f"o{n}", "text": "hi"})
        await comes(here, "/deliveries?state=sent", headers, lambda rows: len(rows) == 6)
        first = (await here.client.get("/api/v1/deliveries?limit=4", headers=headers)).json()
        rest = (await here.client.get(f"/api/v1/deliveries?before={first[-1]['id']}", headers=headers)).json()
        assert [row["id"] for row in (*first, *rest)] == [6, 5, 4, 3, 2, 1]
        later = (await here.client.get("/api/v1/deliveries?since=2030-01-01T00:00:00Z", headers=headers)).json()
        sooner = (await here.client.get("/api/v1/deliveries?until=2030-01-01T00:00:00", headers=headers)).json()
        assert (len(later), len(sooner)) == (0, 6)
        assert (await here.client.get("/api/v1/deliveries?since=yesterday", headers=headers)).status_code == 400

    run(tmp_path, body)


def test_what_a_sender_is_answered(tmp_path: Path) -> None:
    async def body(here: Office, server: Web) -> None:
        async def answered(content: bytes, method: str = "POST", path: str = "/in/shop", **more: str) -> int:
            headers = {**signed(content), **more}
            return (await here.client.request(method, path, content=content, headers=headers)).status_code

        good = b'{"id": "1", "text": "hi"}'
        large = b'{"id": "2", "text": "' + b"x" * (MAX_BODY - 23) + b'"}'
        assert len(large) == MAX_BODY
        assert await answered(good, method="PUT") == 200
        assert await answered(large) == 200
        assert await answered(large + b" ") == 413
        assert await answered(b"x" * 20_000_000) == 413
        assert await answered(b"not json") == 400
        assert await answered(good, **{"x-hub-signature-256": "sha256=" + "0" * 64}) == 401
        assert await answered(good, path="/in/nobody") == 404
        assert await answered(good, method="GET") == 405
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DULY_SECRET_SHOP_KEY", "")
            assert await answered(good) == 503
        assert (await here.desk.store.counts())["events"] >= 2
        assert len(await here.desk.store.requests(RequestFilter())) == 2, "of what is refused nothing is kept"

    run(tmp_path, body)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for name in ("DULY_DATA", "DULY_DATABASE_URL", "DULY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CRM_URL", "CRM_KEY", "SHOP_KEY"):
        monkeypatch.setenv(f"DULY_SECRET_{name}", "https://crm.example/" + name)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["parked", *words])
        told = capfdbinary.readouterr()
        return code, told.out.decode(), told.err.decode()

    async def begin() -> None:
        async with open_desk(load(tmp_path, {})) as desk:
            assert (await desk.publish({"support.duly": workspace()}, "tester", "first")).hash
            for n in range(3):
                raw = Raw(method="POST", path="/in/shop", body=b'{"id": "%d", "body": "hi"}' % n, received_at=MONDAY)
                await desk.store.accept("Shop", raw, (), MONDAY, parked="nothing at\n`text`")

    asyncio.run(begin())
    code, out, _ = call()
    assert code == 0
    assert out.splitlines() == [f"raw {n}  2026-11-09 12:00  Shop  nothing at `text`" for n in (1, 2, 3)]
    assert call("--connector", "CRM")[1] == "Nothing waits.\n"
    assert len(json.loads(call("--json")[1])) == 3
    assert call("show", "raw", "2")[1] == '{"id": "1", "body": "hi"}\n'
    assert call("show", "raw", "9")[0] == 2
    assert call("discard", "raw", "1") == (0, "Discarded.\n", "")
    assert call("list", "--discarded")[1].startswith("raw 1  ")
    assert call("restore", "raw", "1") == (0, "It waits again.\n", "")
    code, out, err = call("replay", "raw", "1")
    assert (code, out, err) == (1, "", "`message`: the message holds nothing at `text`\n")
    code, out, err = call("replay", "--all")
    assert (code, out, err.count("the message holds nothing")) == (1, "Under way again: 0\n", 3)

    async def mend() -> None:
        async with open_desk(load(tmp_path, {})) as desk:
            assert (await desk.publish({"support.duly": workspace("body")}, "tester", "mended")).hash

    asyncio.run(mend())
    assert call("replay", "raw", "1") == (0, "Under way again.\n", "")
    assert call("replay", "--connector", "Shop") == (0, "Under way again: 2\n", "")
    assert call()[1] == "Nothing waits.\n"
    assert call("replay")[0] == 2
    assert call("discard")[0] == 2
    assert call("replay", "raw", "1")[0] == 2
