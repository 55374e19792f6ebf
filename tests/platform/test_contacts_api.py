"""Contacts over the API and on their pages, on a running Duly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.office import Office, office


def run(folder: Path, body: Callable[[Office], Awaitable[None]]) -> None:
    async def main() -> None:
        async with office(folder) as here:
            await body(here)

    asyncio.run(main())


async def contact_of(here: Office, headers: dict[str, str], **fields: str) -> int:
    """The contact of a card opened for somebody."""
    card = await here.client.post(
        "/api/v1/cards", json={"pipeline": "Support", "title": "Hello", **fields}, headers=headers
    )
    found = await here.client.get(f"/api/v1/cards/{card.json()['number']}/contact", headers=headers)
    assert found.status_code == 200, found.text
    return found.json()["id"]


def test_a_contact_is_found_renamed_and_added_to(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write")
        ana = await contact_of(here, headers, name="Ana", email="Ana@example.com")
        assert await contact_of(here, headers, email="ana@example.com") == ana
        (line,) = (await here.client.get("/api/v1/contacts?query=example.com", headers=headers)).json()
        assert (line["id"], line["name"], line["names"], line["cards"]) == (ana, "Ana", ["ana@example.com"], 2)
        renamed = await here.client.post(f"/api/v1/contacts/{ana}/name", json={"name": "Ana Lima"}, headers=headers)
        assert renamed.json()["name"] == "Ana Lima"
        path = f"/api/v1/contacts/{ana}/identities"
        bad = await here.client.post(path, json={"kind": "phone", "value": "98877"}, headers=headers)
        assert (bad.status_code, bad.json()["detail"]) == (422, "`98877` is no phone number")
        added = await here.client.post(path, json={"kind": "phone", "value": "+55 11 98877-6655"}, headers=headers)
        claimed, phone = added.json()["identities"]
        assert (phone["value"], phone["verified"], phone["source"]) == ("+5511988776655", True, "tester_admin")
        sure = await here.client.post(f"{path}/{claimed['id']}/confirm", headers=headers)
        assert [each["verified"] for each in sure.json()["identities"]] == [True, True]
        cards = (await here.client.get(f"/api/v1/contacts/{ana}/cards", headers=headers)).json()
        assert [card["claimed"] for card in cards] == [True, True]
        actions = [row.action for row in await here.desk.store.audit_log()][:3]
        assert actions == ["contact.identity.confirmed", "contact.identity.added", "contact.renamed"]

    run(tmp_path, body)


def test_contacts_are_merged_the_merge_undone_and_one_split(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write")
        ana = await contact_of(here, headers, name="Ana", email="ana@example.com")
        other = await contact_of(here, headers, name="Aninha", phone="+5511988776655", email="")
        path = f"/api/v1/contacts/{ana}/merge"
        itself = await here.client.post(path, json={"contact": ana}, headers=headers)
        assert (itself.status_code, itself.json()["title"]) == (409, "conflict")
        merged = (await here.client.post(path, json={"contact": other}, headers=headers)).json()
        assert len(merged["contact"]["identities"]) == 2
        undo = f"/api/v1/contact-merges/{merged['merge']}/undo"
        assert (await here.client.post(undo, headers=headers)).json()["name"] == "Aninha"
        assert (await here.client.post(undo, headers=headers)).status_code == 409
        await here.client.post(path, json={"contact": other}, headers=headers)
        taken = [merged["contact"]["identities"][1]["id"]]
        split = await here.client.post(f"/api/v1/contacts/{ana}/split", json={"identities": taken}, headers=headers)
        assert [each["value"] for each in split.json()["identities"]] == ["+5511988776655"]
        assert (await here.client.get("/api/v1/contacts/99", headers=headers)).status_code == 404
        assert (await here.client.get("/api/v1/contacts/99/cards", headers=headers)).status_code == 404

    run(tmp_path, body)


def test_what_a_card_claims_beside_its_contact_is_listed(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write")
        phone = await contact_of(here, headers, name="Bia", phone="+5511988776655")
        ana = await contact_of(here, headers, name="Ana", email="ana@example.com", phone="+55 11 98877 6655")
        assert ana != phone
        (claim,) = (await here.client.get(f"/api/v1/contacts/{ana}/claims", headers=headers)).json()
        assert claim == {"kind": "phone", "value": "+5511988776655", "contact_id": phone, "name": "Bia"}

    run(tmp_path, body)


def test_a_viewer_changes_no_contact(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        ana = await contact_of(here, await here.token("read", "write"), name="Ana", email="ana@example.com")
        viewer = await here.token("read", "write", role="viewer")
        assert (await here.client.get(f"/api/v1/contacts/{ana}", headers=viewer)).status_code == 200
        refused = await here.client.post(f"/api/v1/contacts/{ana}/name", json={"name": "X"}, headers=viewer)
        assert refused.status_code == 403
        assert "contacts.edit" in refused.json()["detail"]

    run(tmp_path, body)
