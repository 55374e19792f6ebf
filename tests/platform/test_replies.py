"""Answering customers by WhatsApp and by other ways: over the API, with Meta played by the fake Graph."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors import samples
from connectors.servers import aside, mail
from duly_runtime import approvals
from duly_runtime.events import Contact, CustomerMessage, Identity
from duly_runtime.store.api import Accepted
from fakes.graph import FakeGraph, Template
from runtime.polling import until
from support.office import MONDAY, RULES, Office, office

DESK = (
    RULES
    + """
template "Still there?" {
  "en" "Hi {customer.first_name}, do you still need us about {Resolution}?"
  "pt-BR" "Olá {customer.first_name}, ainda precisa de nós?"
  needs whatsapp approval
}

template "Offer" {
  "en" "We have an offer."
  needs whatsapp approval for marketing
}

template "Thanks" {
  "en" "Thank you, {customer.first_name}."
}

connector "Mail" sends email {
  server secret "SMTP_URL"
  from "Support <support@desk.example>"
}
"""
    + samples.whatsapp_rules("Support", '  business account id "330099"')
)
AT_META = (
    Template("still_there", "en", "Hi {{1}}, do you still need us about {{2}}?"),
    Template("still_there", "pt_BR", "Olá {{1}}, ainda precisa de nós?", status="PAUSED", reason="LOW_QUALITY"),
    Template("offer", "en", "We have an offer.", status="REJECTED", reason="SCAM"),
)
HOUR = dt.timedelta(hours=1)


class House:
    """An office with WhatsApp and mail."""

    def __init__(self, here: Office, graph: FakeGraph, headers: dict[str, str]) -> None:
        self.here = here
        self.graph = graph
        self.headers = headers
        self._names = 0

    async def writes(self, text: str = "Olá") -> str:
        """The customer does; Meta's id of the message."""
        self._names += 1
        name = f"wamid.IN{self._names}"
        stamp = str(int(self.here.clock.now().timestamp()))
        message = samples.message(name=name, timestamp=stamp, text={"body": text})
        tree = samples.body(samples.value(messages=[message], contacts=[samples.contact()]))
        raw = msgspec.structs.replace(samples.wa_request(tree), received_at=self.here.clock.now())
        accepted = await self.here.desk.receive(raw)
        assert isinstance(accepted, Accepted)
        self.graph.wrote[samples.CUSTOMER] = self.here.clock.now().timestamp()
        for event in accepted.event_ids:
            await self.here.desk.node.handle(event)
        return name

    async def get(self, path: str) -> Any:
        answer = await self.here.client.get(f"/api/v1/cards/{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def reply(self, card: int = 1, **body: Any) -> None:
        answer = await self.here.client.post(f"/api/v1/cards/{card}/reply", json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text

    async def finishes(self) -> None:
        """The first card is done."""
        for what, data in (("fields", {"values": {"Resolution": "sent"}}), ("move", {"stage": "Done"})):
            done = await self.here.client.post(f"/api/v1/cards/1/{what}", json=data, headers=self.headers)
            assert done.status_code == 200, done.text

    async def refused(self, card: int = 1, **body: Any) -> tuple[str, str]:
        answer = await self.here.client.post(f"/api/v1/cards/{card}/reply", json=body, headers=self.headers)
        assert answer.status_code == 422, answer.text
        return answer.json()["reason"], answer.json()["detail"]

    async def sent(self, count: int = 1) -> dict[str, Any]:
        """The last of so many messages Meta has taken."""
        await until(lambda: len(self.graph.deliveries) >= count)
        await until(lambda: not self.here.desk.node._outbox.busy)
        assert len(self.graph.deliveries) == count
        return self.graph.deliveries[-1]


@contextlib.asynccontextmanager
async def house(folder: Path, smtp: str = "smtp://127.0.0.1:9") -> AsyncIterator[House]:
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, windows=True, templates=AT_META) as graph:
        async with office(folder, "", {"DULY_ALLOW_PRIVATE_ADDRESSES": "1"}) as here:
            graph.clock = lambda: here.clock.now().timestamp()
            for name, value in {**samples.WHATSAPP_SECRETS, "WA_API": graph.url, "SMTP_URL": smtp}.items():
                here.desk.secrets.set(name, value)
            published = await here.desk.publish({"support.duly": DESK}, "tester", "first")
            assert published.hash, [each.message for each in published.diagnostics]
            found = House(here, graph, await here.token("read", "write"))
            await found.writes()
            yield found


async def synced(house: House) -> None:
    """What Meta has is known."""
    desk = house.here.desk
    live = await desk.program()
    assert live is not None
    for account, approver in approvals.accounts(live, desk.node.doors).items():
        assert not (await approvals.at_once(desk.store, account, approver, desk.now())).error


def run(folder: Path, body: Callable[[House], Awaitable[None]], smtp: str = "smtp://127.0.0.1:9") -> None:
    async def main() -> None:
        async with house(folder, smtp) as found:
            await body(found)

    asyncio.run(main())


def test_inside_the_window_people_write_freely_quote_and_offer_answers(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        (way, *others) = await house.get("1/ways")
        assert (way["connector"], way["channel"], way["address"]) == ("WhatsApp", "whatsapp", "+5511988776655")
        assert (way["default"], way["problem"], way["closed"]) == (True, "", False)
        assert dt.datetime.fromisoformat(way["open_until"]) == MONDAY + 24 * HOUR
        assert [(each["connector"], each["problem"]) for each in others] == [("Mail", "no-address")]

        (message,) = await house.get("1/messages")
        assert (message["connector"], message["provider_id"]) == ("WhatsApp", "wamid.IN1")
        buttons = [{"title": "Yes"}, {"title": "No"}]
        await house.reply(text="Still broken?", reply_to=message["id"], choices=buttons)
        got = (await house.sent())["message"]
        assert got["context"] == {"message_id": "wamid.IN1"}
        assert [each["reply"]["title"] for each in got["interactive"]["action"]["buttons"]] == ["Yes", "No"]

        rows = [{"title": f"Day {n}", "description": "morning"} for n in range(4)]
        await house.reply(text="When?", choices=rows)
        got = (await house.sent(2))["message"]
        assert got["interactive"]["type"] == "list"
        assert got["interactive"]["action"]["sections"][0]["rows"][3]["title"] == "Day 3"
        assert "context" not in got

        _, answer, _ = await house.get("1/messages")
        assert (answer["answers"]["text"], answer["state"]) == ("Olá", "sent"), "the card shows what we quoted"
        await house.reply(text="As I said", reply_to=answer["id"])
        assert (await house.sent(3))["message"]["context"] == {"message_id": house.graph.deliveries[0]["id"]}

    run(tmp_path, body)


def test_outside_the_window_only_an_approved_template_goes(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        house.here.clock.advance(25 * HOUR)
        await synced(house)
        found = await house.get("1/templates")
        assert (found["connector"], found["closed"]) == ("WhatsApp", True)
        shown = [(each["template"], each["language"], each["status"], each["problem"]) for each in found["templates"]]
        assert shown == [
            ("Still there?", "en", "APPROVED", ""),
            ("Still there?", "pt-BR", "PAUSED", "status"),
            ("Offer", "en", "REJECTED", "status"),
        ]
        first = found["templates"][0]
        assert first["variables"] == [{"name": "customer.first_name", "value": "Ana"}, {"name": "Resolution", "value": ""}]
        assert first["preview"] == "Hi Ana, do you still need us about ?"

        assert (await house.refused(text="Hello"))[0] == "window-closed"
        reason, detail = await house.refused(template="Still there?")
        assert (reason, detail.split(":")[0]) == ("missing-variable", 'Fill in "Resolution"')
        given = {"Resolution": "the parcel", "customer.first_name": "Aninha"}
        reason, detail = await house.refused(template="Still there?", language="pt-BR", variables={})
        assert reason == "not-approved" and "(PAUSED)" in detail
        assert (await house.refused(template="Offer"))[0] == "not-approved"
        assert (await house.refused(template="Thanks"))[0] == "needs-approval"
        assert (await house.refused(template="Nope"))[0] == "unknown-template"
        assert (await house.refused(template="Offer", language="de"))[0] == "unknown-language"
        assert (await house.refused(template="Still there?", variables={**given, "x": "1"}))[0] == "unknown-variable"
        assert house.graph.deliveries == []

        await house.reply(template="Still there?", language="en", variables=given)
        got = await house.sent()
        assert (got["template"], got["variables"]) == ("still_there", ["Aninha", "the parcel"])
        said = (await house.get("1/messages"))[-1]
        assert (said["text"], said["author"]) == ("Hi Aninha, do you still need us about the parcel?", "tester_admin")

    run(tmp_path, body)


def test_while_it_is_open_a_template_goes_as_text_and_needs_no_approval(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.reply(template="Thanks")
        got = await house.sent()
        assert (got["text"], "template" in got) == ("Thank you, Ana.", False)
        await house.writes("Mais uma coisa")
        house.here.clock.advance(23 * HOUR)
        assert (await house.get("1/ways"))[0]["closed"] is False

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "empty-message"),
        ({"text": "hi", "template": "Thanks"}, "template-alone"),
        ({"text": "hi", "choices": [{"title": str(n)} for n in range(11)]}, "bad-choices"),
        ({"text": "hi", "reply_to": 999}, "cannot-quote"),
        ({"text": "hi", "connector": "Nope"}, "no-such-way"),
        ({"text": "hi", "connector": "WhatsApp", "address": "+351911111111"}, "no-such-way"),
        ({"text": "hi", "connector": "Mail"}, "no-address"),
    ],
)
def test_what_can_not_be_sent_says_why(tmp_path: Path, body: dict[str, Any], reason: str) -> None:
    async def go(house: House) -> None:
        assert (await house.refused(**body))[0] == reason
        assert house.graph.deliveries == []

    run(tmp_path, go)


def test_a_whatsapp_card_is_answered_by_mail(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        here = house.here
        contact = (await house.get("1/contact"))["id"]
        added = {"kind": "email", "value": "ana@cliente.example"}
        path = f"/api/v1/contacts/{contact}/identities"
        assert (await here.client.post(path, json=added, headers=house.headers)).status_code == 200
        ways = await house.get("1/ways")
        assert [(way["connector"], way["address"], way["default"], way["problem"]) for way in ways] == [
            ("WhatsApp", "+5511988776655", True, ""),
            ("Mail", "ana@cliente.example", False, ""),
        ]
        (message,) = await house.get("1/messages")
        assert (await house.refused(text="hi", connector="Mail", reply_to=message["id"]))[0] == "cannot-quote"
        house.here.clock.advance(30 * HOUR)  # WhatsApp's window has no say in mail
        await house.reply(text="It is on its way.", connector="Mail")
        await until(lambda: len(server.messages) == 1)
        assert b"It is on its way." in server.messages[0]
        assert any("<ana@cliente.example>" in line for line in server.envelopes)
        await until(lambda: not here.desk.node._outbox.busy)
        rows = (await here.client.get("/api/v1/cards/1/deliveries", headers=house.headers)).json()
        (row,) = [each for each in rows if each["kind"] == "message"]
        assert (row["connector"], row["channel"], row["recipient"]) == ("Mail", "email", "ana@cliente.example")
        said = (await house.get("1/messages"))[-1]
        assert (said["channel"], said["connector"], said["state"]) == ("email", "Mail", "sent")

    with aside(mail()) as server:
        run(tmp_path, body, f"smtp://127.0.0.1:{server.port}")


def test_a_card_by_hand_is_answered_by_whatsapp_once_the_contact_is_known_there(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await synced(house)
        opened = {"pipeline": "Support", "title": "Invoice", "email": "ana@cliente.example", "name": "Ana"}
        answer = await house.here.client.post("/api/v1/cards", json=opened, headers=house.headers)
        assert answer.json()["number"] == 2
        ways = await house.get("2/ways")
        assert [(way["connector"], way["default"], way["problem"]) for way in ways] == [
            ("Mail", True, ""),
            ("WhatsApp", False, "no-address"),
        ]
        assert (await house.refused(2, text="hi", connector="WhatsApp"))[0] == "no-address"
        headers = house.headers
        mine, theirs = [(await house.get(f"{number}/contact"))["id"] for number in (2, 1)]
        merged = await house.here.client.post(f"/api/v1/contacts/{theirs}/merge", json={"contact": mine}, headers=headers)
        assert merged.status_code == 200, merged.text
        way = (await house.get("2/ways"))[1]
        assert (way["connector"], way["address"], way["problem"]) == ("WhatsApp", "+5511988776655", "")
        assert way["closed"] is False, "they wrote there on another card"
        await house.reply(2, text="hi", connector="WhatsApp")
        assert (await house.sent())["to"] == "5511988776655"

    run(tmp_path, body)


def test_what_they_answer_by_the_other_way_comes_to_the_card(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        here = house.here
        done = await here.client.post("/api/v1/cards/1/move", json={"stage": "Done"}, headers=house.headers)
        assert done.status_code == 422, "it asks for a resolution"
        await house.finishes()
        contact = (await house.get("1/contact"))["id"]
        added = {"kind": "email", "value": "ana@cliente.example"}
        await here.client.post(f"/api/v1/contacts/{contact}/identities", json=added, headers=house.headers)
        event = CustomerMessage(
            text="By mail",
            contact=Contact(name="Ana", email="ana@cliente.example", address="ana@cliente.example"),
            identities=(Identity("email", "ana@cliente.example"),),
            channel="email",
            connector="Mail",
            conversation="mail-1",
            pipeline="Support",
        )
        accepted = await here.desk.store.command(0, event, here.clock.now())
        assert (await here.desk.node.handle(accepted)).card_id == 2
        ways = await house.get("2/ways")
        assert [(way["connector"], way["default"], way["problem"]) for way in ways] == [
            ("Mail", True, ""),
            ("WhatsApp", False, ""),
        ]
        await house.reply(2, text="Quicker here", connector="WhatsApp")
        got = await house.sent()
        assert (got["to"], got["text"]) == ("5511988776655", "Quicker here")
        await house.writes("Indeed")
        assert [message["text"] for message in await house.get("2/messages")] == ["By mail", "Quicker here", "Indeed"]
        assert (await house.get("2/ways"))[0]["connector"] == "WhatsApp", "they wrote there last"
        await house.reply(2, text="And here I stay")
        assert (await house.sent(2))["to"] == "5511988776655"

    run(tmp_path, body)


def test_the_window_of_another_card_of_the_customer_counts(tmp_path: Path) -> None:
    """It is the customer's, not the card's: they wrote by this number an hour ago, on whichever card."""

    async def body(house: House) -> None:
        await house.finishes()
        store = house.here.desk.store
        card = await store.card(1)
        assert await store.last_heard(card.id, "WhatsApp") == MONDAY
        assert await store.last_heard(card.id, "Mail") is None
        house.here.clock.advance(23 * HOUR)
        await house.writes("De novo")
        assert [message["text"] for message in await house.get("2/messages")] == ["De novo"]
        assert await store.last_heard(card.id, "WhatsApp") == MONDAY + 23 * HOUR

    run(tmp_path, body)


def test_a_template_goes_as_text_where_they_wrote_on_another_card(tmp_path: Path) -> None:
    """What the form calls open is open for the delivery."""

    async def body(house: House) -> None:
        await house.finishes()
        house.here.clock.advance(72 * HOUR)
        await house.writes("Outra coisa")
        assert [message["text"] for message in await house.get("2/messages")] == ["Outra coisa"]
        assert (await house.get("1/ways"))[0]["closed"] is False
        await house.reply(1, template="Thanks")
        got = await house.sent()
        assert (got["text"], "template" in got) == ("Thank you, Ana.", False)

    run(tmp_path, body)


def test_the_reference_tells_of_all_of_it(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        answer = await house.here.client.get("/api/v1/docs/openapi.json")
        tree = json.loads(answer.text)
        assert "/api/v1/cards/{number}/templates" in tree["paths"]
        reply = tree["components"]["schemas"]["Reply"]["properties"]
        assert {"choices", "template", "variables", "reply_to", "connector", "address", "files"} <= reply.keys()

    run(tmp_path, body)


def test_a_message_that_did_not_arrive_is_marked_as_sent_and_that_taken_back(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        here = house.here
        house.graph.fault("131026")
        await house.reply(text="Are you there?")

        async def message() -> dict[str, Any]:
            return (await house.get("1/messages"))[-1]

        async def becomes(state: str) -> dict[str, Any]:
            for _ in range(2000):
                found = await message()
                if found["state"] == state:
                    return found
                await asyncio.sleep(0.005)
            raise AssertionError(found)

        failed = await becomes("failed")
        assert "131026" in failed["error"]
        at = f"/api/v1/deliveries/{failed['delivery']}"
        agent = await here.token("read", "write", role="agent")
        assert (await here.client.post(f"{at}/mark-sent", headers=agent)).status_code == 403
        assert (await here.client.post(f"{at}/unmark-sent", headers=house.headers)).status_code == 409
        answer = await here.client.post(f"{at}/mark-sent", headers=house.headers)
        assert (answer.status_code, answer.json()["delivery"]["state"]) == (200, "sent")
        marked = await message()
        assert (marked["state"], marked["error"], marked["marked"]["author"]) == ("sent", "", "tester_admin")
        assert (await here.client.post(f"{at}/mark-sent", headers=house.headers)).status_code == 409

        answer = await here.client.post(f"{at}/unmark-sent", headers=house.headers)
        assert [line["outcome"] for line in answer.json()["log"]] == ["failed", "marked", "unmarked"]
        back = await message()
        assert (back["state"], back["error"], back["marked"]) == ("failed", failed["error"], None)

        await here.client.post(f"{at}/replay", headers=house.headers)
        assert (await becomes("sent"))["marked"] is None
        assert (await house.sent())["text"] == "Are you there?"
        told = [(row["kind"], row["author"]) for row in await house.get("1/history") if row["kind"].startswith("delivery")]
        assert told == [(f"delivery.{what}", "tester_admin") for what in ("marked", "unmarked", "again")]
        actions = [row.action for row in await here.desk.store.audit_log() if row.action.startswith("delivery")]
        assert actions == ["delivery.replayed", "delivery.unmarked", "delivery.marked"]

    run(tmp_path, body)


def test_the_set_up_page_says_what_meta_has_and_what_the_rules_want(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        here = house.here
        admin = await here.token("read", "write", "admin")
        house.graph.fault("190", on="templates")
        house.graph.templates.all["old_one", "en"] = Template("old_one", "en")
        house.graph.templates.all["offer", "en"].category = "UTILITY"
        house.graph.templates.all["offer", "en"].status = "APPROVED"
        house.graph.templates.all["still_there", "en"].body = "Hi {{1}}"

        async def read() -> dict[str, Any]:
            sync = await here.client.post(
                "/api/v1/connectors/templates/sync", json={"connector": "WhatsApp"}, headers=admin
            )
            assert sync.status_code == 200, sync.text
            return sync.json()

        assert "190" in (await read())["error"]
        await read()
        found = await here.client.get("/api/v1/connectors/templates?connector=WhatsApp", headers=admin)
        told = found.json()
        assert (told["account"], told["error"], told["synced_at"] is None) == ("330099", "", False)
        rows = [(row["name"], row["language"], row["template"], row["status"], row["problem"]) for row in told["rows"]]
        assert rows == [
            ("offer", "en", "Offer", "APPROVED", "category"),
            ("old_one", "en", "", "APPROVED", "unused"),
            ("still_there", "en", "Still there?", "APPROVED", "variables"),
            ("still_there", "pt_BR", "Still there?", "PAUSED", "status"),
        ]
        del house.graph.templates.all["offer", "en"]
        assert [row["problem"] for row in (await read())["rows"] if row["name"] == "offer"] == ["missing"]
        none = await here.client.get("/api/v1/connectors/templates?connector=Mail", headers=admin)
        assert none.status_code == 404
        refused = await here.client.post("/api/v1/connectors/templates/sync", json={"connector": "Mail"}, headers=admin)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:duly:problem:refused")

    run(tmp_path, body)


def test_a_repeat_is_the_same_reply_whatever_has_changed_since(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        headers = {**house.headers, "Idempotency-Key": "once"}

        async def send() -> int:
            answer = await house.here.client.post("/api/v1/cards/1/reply", json={"text": "Hi"}, headers=headers)
            return answer.status_code

        assert await send() == 200
        await house.sent()
        house.here.clock.advance(25 * HOUR)
        assert await send() == 200
        assert (await house.refused(text="Hi"))[0] == "window-closed"
        assert len(house.graph.deliveries) == 1

    run(tmp_path, body)
