"""Whose a message is, and what people do to contacts."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from msgspec.structs import replace

from duly_runtime.card import Card, Visit
from duly_runtime.doors import Inbound
from duly_runtime.events import Contact, CustomerMessage, Identity, MoveCard, OpenCard
from duly_runtime.store import migrations, rows
from duly_runtime.store.api import Conflict, Missing, Store
from support.store_scenes import HOUR, NOW, decider, opened, sql, take_in

PHONE = "+5511988776655"


def wrote(key: str, conversation: str, *identities: Identity, connector: str = "Chat", **contact: str) -> Inbound:
    body = CustomerMessage(
        text=key,
        contact=Contact(**contact),
        identities=identities,
        channel=connector.lower(),
        connector=connector,
        conversation=conversation,
        provider_id=key,
    )
    return Inbound(key=key, at=NOW, body=body)


def whatsapp(key: str, phone: str = PHONE, user: str = "", name: str = "Ana") -> Inbound:
    found = [Identity("whatsapp", user)] if user else []
    found += [Identity("phone", phone)] if phone else []
    return wrote(key, user or phone, *found, connector="WhatsApp", name=name, phone=phone, address=phone or user)


def mail(key: str, address: str = "ana@example.com", name: str = "Ana Lima") -> Inbound:
    return wrote(key, key, Identity("email", address), connector="Mail", name=name, email=address, address=address)


def form(key: str, **contact: str) -> Inbound:
    return wrote(key, key, connector="Form", **contact)


async def came(store: Store, item: Inbound) -> int:
    """The card it came to."""
    (event_id,) = await take_in(store, item)
    return (await store.handle(event_id, decider(), "v", NOW)).card_id


async def whose(store: Store, item: Inbound) -> int:
    return (await store.contact_of_card(await came(store, item))).id


def on(url: str, scene: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(url) as store:
            await scene(store)

    asyncio.run(run())


# --- found and made


def test_one_person_over_two_channels_is_one_contact(store_url: str) -> None:
    async def scene(store: Store) -> None:
        first = await whose(store, mail("m1"))
        assert await whose(store, mail("m2", "ANA@Example.com", "")) == first
        assert await whose(store, form("f1", email="ana@example.com", name="Somebody")) == first
        found = await store.contact(first)
        assert (found.name, [(i.kind, i.value, i.verified, i.source) for i in found.identities]) == (
            "Ana Lima",
            [("email", "ana@example.com", True, "Mail")],
        )
        assert [(card.connector, card.claimed) for card in await store.contact_cards(first)] == [
            ("Form", True),
            ("Mail", False),
            ("Mail", False),
        ]

    on(store_url, scene)


def test_a_name_alone_never_joins_two(store_url: str) -> None:
    async def scene(store: Store) -> None:
        one = await whose(store, form("f1", name="Ana Lima"))
        other = await whose(store, form("f2", name="Ana Lima"))
        assert one and other and one != other
        assert await whose(store, form("f3")) == 0

    on(store_url, scene)


def test_a_chat_name_means_somebody_with_its_connector_only(store_url: str) -> None:
    async def scene(store: Store) -> None:
        one = await whose(store, wrote("1", "c1", connector="Chat", address="u-17"))
        assert await whose(store, wrote("2", "c2", connector="Chat", address="u-17")) == one
        assert await whose(store, wrote("3", "c3", connector="Other", address="u-17")) != one

    on(store_url, scene)


def test_whoever_fills_in_anothers_address_gets_nothing_of_theirs(store_url: str) -> None:
    """A stranger writes the victim's address and a number of their own into a form."""

    async def scene(store: Store) -> None:
        victim = await whose(store, mail("m1", "ana@example.com"))
        assert await whose(store, form("f1", name="Ana", email="ana@example.com", phone="+5511900000001")) == victim
        # The answer goes to the victim. The stranger's number is nobody's: written from, it is somebody else.
        assert [i.value for i in (await store.contact(victim)).identities] == ["ana@example.com"]
        stranger = await whose(store, whatsapp("w1", "+5511900000001"))
        assert stranger != victim
        # And the victim's number with the stranger's address leads to the stranger only.
        ana = await whose(store, whatsapp("w2"))
        assert await whose(store, form("f2", email="eve@example.com", phone=PHONE)) not in (ana, victim)
        claims = {claim.value: claim.contact_id for claim in await store.contact_claims(victim)}
        assert claims == {"+5511900000001": stranger}

    on(store_url, scene)


def test_what_was_claimed_is_theirs_once_the_channel_vouches_for_it(store_url: str) -> None:
    async def scene(store: Store) -> None:
        filled_in = await whose(store, form("f1", name="Ana", email="ana@example.com"))
        assert [i.verified for i in (await store.contact(filled_in)).identities] == [False]
        assert await whose(store, mail("m1")) == filled_in
        (identity,) = (await store.contact(filled_in)).identities
        assert (identity.verified, identity.source) == (True, "Mail")

    on(store_url, scene)


def test_what_meta_tells_of_one_sender_belongs_together(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, whatsapp("w1"))
        # Meta begins to give an id, later without the number, later with another number.
        assert await whose(store, whatsapp("w2", user="US.1")) == ana
        assert await whose(store, whatsapp("w3", phone="", user="US.1")) == ana
        assert await whose(store, whatsapp("w4", phone="+5521977776666", user="US.1")) == ana
        values = [i.value for i in (await store.contact(ana)).identities]
        assert values == [PHONE, "US.1", "+5521977776666"]

    on(store_url, scene)


def test_a_number_that_changed_hands_is_not_the_one_who_had_it(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, whatsapp("w1", user="US.1"))
        other = await whose(store, whatsapp("w2", user="US.2", name="Bia"))
        assert other != ana
        assert [i.value for i in (await store.contact(other)).identities] == ["US.2"]

    on(store_url, scene)


def test_a_conversation_tells_who_opened_it(store_url: str) -> None:
    async def scene(store: Store) -> None:
        card = await came(store, wrote("1", "c", connector="Chat", name="Ana"))
        ana = (await store.contact_of_card(card)).id
        assert await came(store, wrote("2", "c", connector="Chat")) == card
        assert await came(store, wrote("3", "c", connector="Chat", address="u-17")) == card
        assert [i.value for i in (await store.contact(ana)).identities] == ["u-17"]
        assert [message.contact_id for message in await store.messages(card)] == [ana, ana, ana]

    on(store_url, scene)


def test_another_writer_in_a_conversation_is_told_apart(store_url: str) -> None:
    async def scene(store: Store) -> None:
        first = wrote("1", "thread", Identity("email", "ana@example.com"), connector="Mail", email="ana@example.com")
        second = wrote("2", "thread", Identity("email", "bia@example.com"), connector="Mail", email="bia@example.com")
        card = await came(store, first)
        assert await came(store, second) == card
        one, other = [message.contact_id for message in await store.messages(card)]
        assert one != other
        assert (await store.contact_of_card(card)).id == one

    on(store_url, scene)


def test_messages_at_once_make_one_contact(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ids = await take_in(store, *(mail(f"m{n}") for n in range(12)))
        handled = await asyncio.gather(*(store.handle(event_id, decider(), "v", NOW) for event_id in ids))
        found = {(await store.contact_of_card(each.card_id)).id for each in handled}
        assert len(found) == 1
        assert len(await store.contacts()) == 1

    on(store_url, scene)


def test_a_card_opened_by_hand_has_a_contact(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m1"))

        def decide(event, card, world):  # type: ignore[no-untyped-def]
            body = event.body
            stood_in = CustomerMessage(text="", contact=body.contact, channel="manual")
            return decider()(replace(event, body=stood_in), card, world)

        event_id = await store.command(0, OpenCard(pipeline="Support", contact=Contact(email="ana@example.com")), NOW)
        handled = await store.handle(event_id, decide, "v", NOW)
        assert (await store.contact_of_card(handled.card_id)).id == ana

    on(store_url, scene)


# --- lists


def test_contacts_are_found_by_name_and_by_identity(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m1"))
        card = await came(store, mail("m2"))
        await store.handle(await store.command(card, MoveCard(stage="Done"), NOW), decider(), "v", NOW)
        bia = await whose(store, whatsapp("w1", name="Bia 100%"))
        assert [line.id for line in await store.contacts()] == [bia, ana]
        assert [line.id for line in await store.contacts(query="LIMA example")] == [ana]
        assert [line.id for line in await store.contacts(query="98877")] == [bia]
        assert [line.id for line in await store.contacts(query="100%")] == [bia]
        assert [line.id for line in await store.contacts(query="%")] == [bia]
        assert [line.id for line in await store.contacts(limit=1, before=bia)] == [ana]
        (line,) = await store.contacts(query="lima")
        assert (line.name, line.names, line.cards, line.open_cards, line.last_at) == (
            "Ana Lima",
            ("ana@example.com",),
            2,
            1,
            NOW,
        )
        whose_card = await store.contact_of_card(card)
        assert (whose_card.name, whose_card.others, whose_card.claimed) == ("Ana Lima", 1, False)
        with pytest.raises(Missing):
            await store.contact(99)
        with pytest.raises(Missing):
            await store.contact_of_card(99)

    on(store_url, scene)


# --- what people do


def test_a_contact_is_renamed_and_the_name_stays(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m1"))
        await store.rename_contact(ana, "Ana of the shop", "bruno", NOW)
        await came(store, mail("m2", name="A. Lima"))
        assert (await store.contact(ana)).name == "Ana of the shop"
        assert [line.id for line in await store.contacts(query="shop")] == [ana]
        (row,) = await store.audit_log()
        assert (row.author, row.action, row.subject, row.details) == (
            "bruno",
            "contact.renamed",
            str(ana),
            {"from": "Ana Lima", "to": "Ana of the shop"},
        )

    on(store_url, scene)


def test_contacts_are_merged_and_the_merge_undone(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m1"))
        phone = await whose(store, whatsapp("w1", name="Aninha"))
        merge = await store.merge_contacts(ana, phone, "bruno", NOW)
        found = await store.contact(ana)
        assert (found.name, [i.value for i in found.identities]) == ("Ana Lima", ["ana@example.com", PHONE])
        assert [(m.id, m.name, m.author, m.undone_at) for m in found.merges] == [(merge, "Aninha", "bruno", None)]
        assert len(await store.contact_cards(ana)) == 2
        assert (await store.contact(phone)).merged_into == ana
        assert [line.id for line in await store.contacts()] == [ana]
        since = await whose(store, wrote("w2", "other", Identity("phone", PHONE), connector="WhatsApp"))
        assert since == ana
        with pytest.raises(Conflict):
            await store.merge_contacts(phone, ana, "bruno", NOW)

        assert await store.undo_contact_merge(merge, "bruno", NOW + HOUR) == phone
        back = await store.contact(phone)
        assert (back.name, back.merged_into, [i.value for i in back.identities]) == ("Aninha", 0, [PHONE])
        # What came in by the number meanwhile goes along.
        assert [card.connector for card in await store.contact_cards(phone)] == ["WhatsApp", "WhatsApp"]
        assert [card.connector for card in await store.contact_cards(ana)] == ["Mail"]
        assert (await store.contact(ana)).merges[0].undone_at == NOW + HOUR
        with pytest.raises(Conflict):
            await store.undo_contact_merge(merge, "bruno", NOW)
        assert [row.action for row in await store.audit_log()] == ["contact.merge.undone", "contact.merged"]
        assert await store.verify_audit() == 0

    on(store_url, scene)


def test_merges_within_merges_are_undone_from_the_outside(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana, bia, carla = [await whose(store, mail(name, f"{name}@example.com")) for name in ("ana", "bia", "carla")]
        inner = await store.merge_contacts(bia, carla, "bruno", NOW)
        outer = await store.merge_contacts(ana, bia, "bruno", NOW)
        assert len((await store.contact(ana)).identities) == 3
        await store.undo_contact_merge(outer, "bruno", NOW)
        assert [i.value for i in (await store.contact(bia)).identities] == ["bia@example.com", "carla@example.com"]
        await store.undo_contact_merge(inner, "bruno", NOW)
        assert [len((await store.contact(who)).identities) for who in (ana, bia, carla)] == [1, 1, 1]

    on(store_url, scene)


def test_a_contact_is_split_by_its_identities(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m1"))
        phone = await whose(store, whatsapp("w1", name="Bia"))
        await store.merge_contacts(ana, phone, "bruno", NOW)
        mailed, number = (await store.contact(ana)).identities
        with pytest.raises(Conflict):
            await store.split_contact(ana, [mailed.id, number.id], "bruno", NOW)
        with pytest.raises(Conflict):
            await store.split_contact(ana, [], "bruno", NOW)
        with pytest.raises(Conflict):
            await store.split_contact(ana, [number.id, 999], "bruno", NOW)
        other = await store.split_contact(ana, [number.id], "bruno", NOW)
        assert (await store.contact(other)).name == "Bia"
        assert [card.connector for card in await store.contact_cards(other)] == ["WhatsApp"]
        assert [card.connector for card in await store.contact_cards(ana)] == ["Mail"]
        assert await whose(store, wrote("w2", "x", Identity("phone", PHONE), connector="WhatsApp")) == other

    on(store_url, scene)


def test_identities_are_added_and_confirmed_by_people(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, form("f1", email="ana@example.com", name="Ana"))
        (claimed,) = (await store.contact(ana)).identities
        await store.confirm_identity(ana, claimed.id, "bruno", NOW)
        added = await store.add_identity(ana, "phone", "+55 11 98877-6655", "bruno", NOW)
        assert await store.add_identity(ana, "phone", PHONE, "bruno", NOW) == added
        found = [(i.kind, i.value, i.verified, i.source) for i in (await store.contact(ana)).identities]
        assert found == [("email", "ana@example.com", True, "bruno"), ("phone", PHONE, True, "bruno")]
        assert await whose(store, whatsapp("w1")) == ana
        bia = await whose(store, mail("m1", "bia@example.com"))
        with pytest.raises(Conflict, match=f"contact {ana}"):
            await store.add_identity(bia, "phone", PHONE, "bruno", NOW)
        with pytest.raises(ValueError, match="no phone number"):
            await store.add_identity(bia, "phone", "988776655", "bruno", NOW)
        with pytest.raises(ValueError, match="no e-mail"):
            await store.add_identity(bia, "email", "bia", "bruno", NOW)

    on(store_url, scene)


def test_a_merge_and_messages_at_once_leave_nobody_behind(store_url: str) -> None:
    async def scene(store: Store) -> None:
        ana = await whose(store, mail("m0"))
        bia = await whose(store, mail("b0", "bia@example.com"))
        ids = await take_in(store, *(mail(f"b{n}", "bia@example.com") for n in range(1, 9)))
        handling = [store.handle(event_id, decider(), "v", NOW) for event_id in ids]
        await asyncio.gather(*handling[:4], store.merge_contacts(ana, bia, "bruno", NOW), *handling[4:])
        assert len(await store.contact_cards(ana)) == 10
        assert await store.contact_cards(bia) == []

    on(store_url, scene)


# --- what was there before


def test_cards_of_before_contacts_get_theirs(bare_store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = migrations.MIGRATIONS
    before = next(place for place, module in enumerate(now) if module.__name__.endswith("_contacts"))

    def card(number: int, contact: Contact, channel: str = "webhook", conversation: str = "") -> Card:
        return Card(
            id=100 + number,
            number=100 + number,
            pipeline="Support",
            stage="New",
            contact=contact,
            channel=channel,
            connector="Door",
            conversation=conversation,
            created_at=NOW + dt.timedelta(hours=number),
            visits=(Visit(number=1, stage="New", entered_at=NOW),),
        )

    old = [
        card(1, Contact(name="Ana", email="Ana@Example.com")),
        card(2, Contact(name="Ana L", email="ana@example.com")),
        card(3, Contact(name="Bia", phone=PHONE, address="5511988776655"), "whatsapp", "1:5511988776655"),
        card(4, Contact(name="Caio", address="US.7"), "whatsapp", "1:US.7"),
        card(5, Contact(name="Davi")),
        card(6, Contact()),
        card(7, Contact(name="Eva", address="u-17"), "chat"),
    ]

    async def scene() -> None:
        monkeypatch.setattr(migrations, "MIGRATIONS", now[:before])
        async with opened(bare_store_url) as store:
            for each in old:
                row = rows.card_row(each, (), None, NOW)
                del row["merged_into"]  # came later
                marks = ", ".join("?" * len(row))
                await sql(store, f"INSERT INTO card ({', '.join(row)}) VALUES ({marks})", *row.values())
        monkeypatch.setattr(migrations, "MIGRATIONS", now)
        async with opened(bare_store_url) as store:
            found = [await store.contact_of_card(each.id) for each in old]
            assert found[0].id == found[1].id
            assert [(one.name, one.claimed) for one in found] == [
                ("Ana", True), ("Ana", True), ("Bia", False), ("Caio", False), ("Davi", True), ("", False), ("Eva", False),
            ]  # fmt: skip
            identities = [(await store.contact(one.id)).identities for one in found if one.id]
            assert [[(i.kind, i.scope, i.value, i.verified) for i in each] for each in identities] == [
                [("email", "", "ana@example.com", False)],
                [("email", "", "ana@example.com", False)],
                [("phone", "", PHONE, True)],
                [("whatsapp", "", "US.7", True)],
                [],
                [("address", "Door", "u-17", True)],
            ]
            assert await whose(store, whatsapp("w1")) == found[2].id
            assert [line.names for line in await store.contacts(query="EVA U-17")] == [("u-17",)]

    asyncio.run(scene())


def test_an_event_of_before_is_read(store_url: str) -> None:
    """Events journalled by a Duly without identities."""
    body = CustomerMessage(text="Hello", contact=Contact(phone=PHONE))
    tree = msgspec.json.decode(msgspec.json.encode(body))
    tree.pop("identities", None)
    assert msgspec.convert(tree, CustomerMessage) == body
