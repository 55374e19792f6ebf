"""Setting up connectors by the API: real mail server, real web server, Meta played by the fake Graph."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from connectors import servers
from duly_admin_ui.services import Refused
from duly_connectors import registry
from duly_connectors.registry import Plugins
from duly_runtime.store.api import Missing
from fakes.graph import FakeGraph
from support.office import RULES, Office, office

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHATSAPP = """
connector "WhatsApp" connects whatsapp {{
  path "/in/whatsapp"
  phone number id "106540352242922"
  verify token secret "WA_VERIFY"
  app secret secret "WA_APP"
  access token secret "WA_TOKEN"
  api "{api}"
  open card in "Support"
}}
"""
MAIL = """
connector "Mail" sends email {
  server secret "SMTP_URL"
  from "Support <support@desk.example>"
}
"""
HOOK = """
connector "CRM" sends webhook {{
  url "{url}/hook"
  sign with secret "CRM_KEY"
  send events card.created
}}
"""


@contextlib.asynccontextmanager
async def house(folder: Path, rules: str) -> AsyncIterator[Office]:
    """Published while the secrets were there; they have gone since."""
    async with office(folder, "", {"DULY_ALLOW_PRIVATE_ADDRESSES": "1"}) as here:
        names = sorted(set(re.findall(r'secret "(\w+)"', rules)))
        for name in names:
            here.desk.secrets.set(name, "for now")
        published = await here.desk.publish({"support.duly": RULES + rules}, "tester", "first")
        assert published.hash, [each.message for each in published.diagnostics]
        for name in names:
            here.desk.secrets.remove(name)
        yield here


def run(folder: Path, rules: str, body: Callable[[Office, dict[str, str]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with house(folder, rules) as here:
            await body(here, await here.token("read", "write", "admin"))

    asyncio.run(main())


async def ask(here: Office, headers: dict[str, str], what: str, **body: str) -> dict[str, Any]:
    answer = await here.client.post(f"/api/v1/connectors/{what}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(here: Office, headers: dict[str, str]) -> dict[str, dict[str, Any]]:
    answer = await here.client.get("/api/v1/connectors", headers=headers)
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["connectors"]}


async def audited(here: Office, action: str) -> list[tuple[str, dict[str, str]]]:
    return [(row.subject, row.details) for row in await here.desk.store.audit_log(100, 0) if row.action == action]


def test_a_connector_says_what_the_other_side_must_know_and_what_is_missing(tmp_path: Path) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        (found,) = (await listed(here, headers)).values()
        assert found["address"] == "http://duly.test/in/whatsapp"
        assert found["address"] in found["guide"][0]
        assert any("`WA_VERIFY`" in step for step in found["guide"])
        assert (found["state"], found["checked"], found["last_received_at"]) == ("bad", None, None)
        assert [(each["name"], each["use"], each["state"]) for each in found["secrets"]] == [
            ("WA_VERIFY", "verify token", "missing"),
            ("WA_APP", "app secret", "missing"),
            ("WA_TOKEN", "access token", "missing"),
        ]
        for name in ("WA_VERIFY", "WA_APP", "WA_TOKEN"):
            await here.desk.connectors.store_secret("WhatsApp", name, "a value of ours", "ana")
        (found,) = (await listed(here, headers)).values()
        assert found["state"] == "unknown"
        assert {each["state"] for each in found["secrets"]} == {"stored"}
        told = json.dumps([found, await audited(here, "secret.stored")])
        assert "a value of ours" not in told
        assert await audited(here, "secret.stored") == [
            (name, {"connector": "WhatsApp", "replaced": "no"}) for name in ("WA_TOKEN", "WA_APP", "WA_VERIFY")
        ]

    run(tmp_path, WHATSAPP.format(api="https://graph.test"), body)


def test_a_secret_is_replaced_at_once_or_beside_the_one_before(tmp_path: Path) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        store, secrets = here.desk.connectors.store_secret, here.desk.secrets
        for value, keep, before in (("one", True, ""), ("two", True, "one"), ("three", False, ""), ("four", True, "three")):
            await store("WhatsApp", "WA_APP", value, "ana", keep=keep)
            assert (secrets.get("WA_APP"), secrets.previous("WA_APP", here.clock.now())) == (value, before)
        assert secrets.previous("WA_APP", here.clock.now() + dt.timedelta(days=8)) == ""
        assert [details["replaced"] for _, details in await audited(here, "secret.stored")] == [
            "rotated",
            "yes",
            "rotated",
            "no",
        ]

    run(tmp_path, WHATSAPP.format(api="https://graph.test"), body)


def test_whatsapp_is_checked_and_tried_out(tmp_path: Path) -> None:
    with FakeGraph(token="the token", number_id="106540352242922", windows=True) as graph:

        async def body(here: Office, headers: dict[str, str]) -> None:
            for name, value in (("WA_VERIFY", "v"), ("WA_APP", "s"), ("WA_TOKEN", "wrong")):
                here.desk.secrets.set(name, value)
            checked = await ask(here, headers, "check", connector="WhatsApp")
            assert [check["state"] for check in checked["checks"]] == ["ok", "ok", "ok", "bad"]
            assert (await listed(here, headers))["WhatsApp"]["state"] == "bad"
            await here.desk.connectors.store_secret("WhatsApp", "WA_TOKEN", "the token", "ana")
            assert (await listed(here, headers))["WhatsApp"]["checked"] is None, "what was checked is another now"
            checked = await ask(here, headers, "check", connector="WhatsApp")
            assert {check["state"] for check in checked["checks"]} == {"ok"}, checked
            assert (await listed(here, headers))["WhatsApp"]["state"] == "ok"
            closed = await ask(here, headers, "test", connector="WhatsApp", to="+55 11 98888-0000")
            assert closed["outcome"] == "failed" and "131047" in closed["reason"]
            graph.wrote["5511988880000"] = graph.clock()
            graph.fault("130429")
            busy = await ask(here, headers, "test", connector="WhatsApp", to="+55 11 98888-0000")
            assert busy["outcome"] == "retry" and "130429" in busy["reason"]
            sent = await ask(here, headers, "test", connector="WhatsApp", to="+55 11 98888-0000")
            assert (sent["outcome"], sent["reason"]) == ("sent", "")
            assert [each["to"] for each in graph.deliveries] == ["5511988880000"]
            assert "Duly" in graph.deliveries[0]["text"]
            wanted = [{"to": "+55 11 98888-0000", "outcome": outcome} for outcome in ("sent", "retry", "failed")]
            found = await audited(here, "connector.tested")
            assert [{key: each[key] for key in ("to", "outcome")} for _, each in found] == wanted
            assert await here.desk.store.deliveries() == [], "a test is no delivery"

        run(tmp_path, WHATSAPP.format(api=graph.url), body)


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "sent", ""),
        ({"rcpt": "550 no such user"}, "failed", "550"),
        ({"rcpt": "451 later"}, "retry", "451"),
        ({"end": ""}, "unknown", "may have taken it"),
    ],
)
def test_a_test_mail_tells_what_the_server_said(tmp_path: Path, says: dict[str, str], outcome: str, words: str) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        with servers.aside(servers.mail(**says)) as mail:
            here.desk.secrets.set("SMTP_URL", f"smtp://127.0.0.1:{mail.port}")
            checked = await ask(here, headers, "check", connector="Mail")
            assert {check["state"] for check in checked["checks"]} == {"ok"}, checked
            trial = await ask(here, headers, "test", connector="Mail", to="ana@example.org")
            assert trial["outcome"] == outcome and words in trial["reason"]
            if outcome == "sent":
                (taken,) = mail.messages
                assert b"To: ana@example.org" in taken and b"Auto-Submitted" in taken
            for to in ("", "a\nb@example.org", "x" * 321):
                answer = await here.client.post(
                    "/api/v1/connectors/test", json={"connector": "Mail", "to": to}, headers=headers
                )
                assert answer.status_code in (400, 422), to

    run(tmp_path, MAIL, body)


def test_a_webhook_is_tried_out_with_a_signed_event(tmp_path: Path) -> None:
    async def main() -> None:
        with servers.aside(servers.web(servers.status(204))) as web:
            async with house(tmp_path, HOOK.format(url=web.url)) as here:
                headers = await here.token("read", "write")
                waits = await ask(here, headers, "test", connector="CRM")
                assert waits["outcome"] == "retry" and "CRM_KEY" in waits["reason"], "nothing goes out unsigned"
                here.desk.secrets.set("CRM_KEY", KEY)
                assert (await ask(here, headers, "test", connector="CRM"))["outcome"] == "sent"
                ((line, given, posted),) = web.requests
                assert line == "POST /hook HTTP/1.1"
                assert json.loads(posted)["type"] == "test.ping"
                assert json.loads(posted)["data"] == {"connector": "CRM"}
                assert given["webhook-id"].startswith("test-")
                # The clock of the test stands elsewhere, so the time is not judged; the signature is.
                made = Webhook(KEY).sign(given["webhook-id"], here.clock.now(), posted.decode())
                assert given["webhook-signature"] == made
                web.answer = servers.status(500)
                refused = await ask(here, headers, "test", connector="CRM")
                assert refused["outcome"] == "retry" and "500" in refused["reason"]
                web.answer = servers.status(410)
                assert (await ask(here, headers, "test", connector="CRM"))["outcome"] == "failed"

    asyncio.run(main())


def test_what_can_not_be_built_is_shown_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        found = registry.plugins()
        others = {name: kind for name, kind in found.classes.items() if name != "email"}
        broken = Plugins(others, {"email": "could not be loaded: no such module"})
        monkeypatch.setattr(registry, "plugins", lambda: broken)
        answer = (await here.client.get("/api/v1/connectors", headers=headers)).json()
        assert answer["plugin_problems"] == {"email": "could not be loaded: no such module"}
        (mail,) = answer["connectors"]
        assert mail["state"] == "bad" and "no such module" in mail["problem"]
        checked = await ask(here, headers, "check", connector="Mail")
        assert [check["state"] for check in checked["checks"]] == ["bad"]
        tried = await here.client.post(
            "/api/v1/connectors/test", json={"connector": "Mail", "to": "a@b.example"}, headers=headers
        )
        assert tried.status_code == 422 and "no such module" in tried.text

    run(tmp_path, MAIL, body)


def test_nobody_else_may_and_unknown_names_are_not_found(tmp_path: Path) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        manager = await here.token("read", "write", role="manager")
        assert (await here.client.get("/api/v1/connectors", headers=manager)).status_code == 403
        for what in ("check", "test"):
            wanted = {"connector": "Nope"}
            answer = await here.client.post(f"/api/v1/connectors/{what}", json=wanted, headers=headers)
            assert answer.status_code == 404, answer.text

    run(tmp_path, MAIL, body)


def test_a_secret_is_stored_before_the_rules_that_name_it(tmp_path: Path) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        store = here.desk.connectors.store_secret
        await store("", "CRM_KEY", KEY, "ana")
        assert here.desk.secrets.get("CRM_KEY") == KEY
        for name, value in (("CRM_KEY", "another"), ("DULY_CSRF_KEY", "mine"), ("crm key", "x"), ("OTHER", " ")):
            with pytest.raises(Refused):
                await store("", name, value, "ana")
        with pytest.raises(Missing):
            await store("Mail", "CRM_KEY", "another", "ana")
        assert here.desk.secrets.get("CRM_KEY") == KEY
        assert await audited(here, "secret.stored") == [("CRM_KEY", {"connector": "", "replaced": "no"})]

    run(tmp_path, MAIL, body)


def test_a_mailbox_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    async def body(here: Office, headers: dict[str, str]) -> None:
        here.desk.secrets.set("SMTP_URL", "smtp://mail.example")
        await here.desk.store.tell_source("Mail", "INBOX ana@mail.example", "bad", "no password", here.clock.now())
        found = (await listed(here, headers))["Mail"]
        assert found["state"] == "bad"
        assert [(each["name"], each["detail"]) for each in found["sources"]] == [("INBOX ana@mail.example", "no password")]
        await here.desk.store.tell_source("Mail", "INBOX ana@mail.example", "ok", "", here.clock.now())
        assert (await listed(here, headers))["Mail"]["state"] == "unknown"

    run(tmp_path, MAIL, body)
