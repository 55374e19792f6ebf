"""Mail that names a card its sender may not write on: from the door to a person's decision, over the API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from duly_runtime.doors import Inbound
from duly_runtime.events import Contact, CustomerMessage, Thread
from support.office import MONDAY, Office, office

RULES = """\
calendar "Office" {
  time zone "UTC"
  open monday to friday 09:00-17:00
}

pipeline "Support" {
  calendar "Office"

  stage "New" {
    start
    next "Done"
    first reply within 1h
  }

  stage "Done" {
    finish
  }
}
"""
ANA, EVA = "ana@cliente.example", "eva@elsewhere.example"


async def mail(here: Office, key: str, sender: str, **claim: Any) -> int:
    """The card's id, 0 where it is in quarantine."""
    body = CustomerMessage(
        text=key,
        contact=Contact(email=sender, address=sender),
        channel="email",
        connector="Mail",
        pipeline="Support",
        provider_id=f"{key}@cliente.example",
        thread=Thread(sender=sender, **claim),
    )
    accepted = await here.desk.store.accept("Mail", None, [Inbound(key=key, at=MONDAY, body=body)], MONDAY)
    (event_id,) = accepted.event_ids
    while not (handled := await here.desk.node.handle(event_id)).done:
        outcome = await here.desk.store.outcome(event_id)
        if outcome.done:
            return outcome.card_id
        if any(row.event_id == event_id for row in await here.desk.store.quarantined()):
            return 0
        await asyncio.sleep(0.01)
    return handled.card_id


def run(folder: Path, body: Callable[[Office], Awaitable[None]]) -> None:
    async def main() -> None:
        async with office(folder, RULES) as here:
            await body(here)

    asyncio.run(main())


def test_read_admit_and_remember(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        card = await mail(here, "m1", ANA)
        before = await here.desk.store.card(card)
        assert await mail(here, "m2", EVA, card=card) == 0
        assert await here.desk.store.card(card) == before, "no clock has moved"
        headers = await here.token("read", "write", role="manager")
        (row,) = (await here.client.get("/api/v1/quarantine", headers=headers)).json()
        assert (row["why"], row["sender"], row["claim_number"], row["message"]["text"]) == ("stranger", EVA, 1, "m2")
        path = f"/api/v1/quarantine/{row['event_id']}"
        assert (await here.client.get(path, headers=headers)).json() == row
        answer = await here.client.post(f"{path}/admit", json={"to": "card", "remember": True}, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"card": 1})
        assert [message.text for message in await here.desk.store.messages(card)] == ["m1", "m2"]
        assert (await here.client.get("/api/v1/cards/1", headers=headers)).json()["participants"] == [EVA]
        assert await mail(here, "m3", EVA, card=card) == card
        again = await here.client.post(f"{path}/admit", json={"to": "new"}, headers=headers)
        assert again.status_code == 409
        actions = [(each.author, each.action) for each in await here.desk.store.audit_log()]
        assert ("tester_manager", "quarantine.admitted") in actions

    run(tmp_path, body)


def test_a_card_of_its_own(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        await mail(here, "m1", EVA, trusted=False)
        headers = await here.token("write", role="manager")
        (row,) = (await here.client.get("/api/v1/quarantine", headers=headers)).json()
        assert (row["why"], row["claim"]) == ("forged", 0)
        path = f"/api/v1/quarantine/{row['event_id']}/admit"
        assert (await here.client.post(path, json={"to": "card"}, headers=headers)).status_code == 409
        assert (await here.client.post(path, json={"to": "elsewhere"}, headers=headers)).status_code == 400
        assert (await here.client.post(path, json={"to": "new"}, headers=headers)).json() == {"card": 1}

    run(tmp_path, body)


def test_discard_and_restore(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        await mail(here, "m1", EVA, trusted=False)
        headers = await here.token("write", role="manager")
        (row,) = (await here.client.get("/api/v1/quarantine", headers=headers)).json()
        path = f"/api/v1/quarantine/{row['event_id']}"
        gone = (await here.client.post(f"{path}/discard", headers=headers)).json()
        assert (gone["decision"], gone["author"]) == ("discarded", "tester_manager")
        assert (await here.client.get("/api/v1/quarantine", headers=headers)).json() == []
        assert (await here.client.get("/api/v1/quarantine?decision=discarded", headers=headers)).json() == [gone]
        assert (await here.client.post(f"{path}/restore", headers=headers)).json() == row
        assert (await here.client.post(f"{path}/restore", headers=headers)).status_code == 409
        assert (await here.client.post("/api/v1/quarantine/999/discard", headers=headers)).status_code == 404

    run(tmp_path, body)


def test_agents_say_who_may_write_and_do_not_review(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        await mail(here, "m1", ANA)
        headers = await here.token("read", "write", role="agent")
        path = "/api/v1/cards/1/participants"
        assert (await here.client.post(path, json={"add": [EVA]}, headers=headers)).json()["participants"] == [EVA]
        assert "participants" not in (await here.client.post(path, json={"remove": [EVA]}, headers=headers)).json()
        refused = await here.client.post(path, json={"add": ["nobody"]}, headers=headers)
        assert refused.status_code == 422
        assert "no e-mail address" in refused.text
        assert (await here.client.get("/api/v1/quarantine", headers=headers)).status_code == 403

    run(tmp_path, body)


def test_what_waits_is_not_tried_again_as_if_it_had_failed(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        await mail(here, "m1", EVA, trusted=False)
        headers = await here.token("read", "write", role="manager")
        assert (await here.client.get("/api/v1/parked", headers=headers)).json() == []
        (row,) = await here.desk.store.quarantined()
        answer = await here.client.post(f"/api/v1/parked/event/{row.event_id}/replay", headers=headers)
        assert answer.status_code == 409

    run(tmp_path, body)
