"""A message that names a card joins it only where its sender may write there; else it waits for a person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import MessageCustomer
from duly_runtime.doors import Inbound, Sent
from duly_runtime.events import (
    AgentMessage,
    ChangeParticipants,
    Contact,
    CustomerMessage,
    Event,
    Identity,
    MoveCard,
    Thread,
)
from duly_runtime.store.api import Conflict, Handled, Missing, Store
from support.store_scenes import HOUR, NOW, decider, opened, sql, take_in

ANA, EVA = "Ana@Cliente.example", "eva@elsewhere.example"


def mail(key: str, sender: str = ANA, *, conversation: str = "", channel: str = "email", **claim: Any) -> Inbound:
    body = CustomerMessage(
        text=key,
        contact=Contact(email=sender, address=sender),
        channel=channel,
        connector="shop",
        conversation=conversation,
        provider_id=f"{key}@cliente.example",
        thread=Thread(sender=sender, **claim),
    )
    return Inbound(key=key, at=NOW, body=body)


def let_in(card: Card, event: Event) -> Card:
    """What the engine does of participants."""
    if isinstance(event.body, ChangeParticipants):
        kept = [name for name in card.participants if name not in event.body.remove]
        return replace(card, participants=(*kept, *event.body.add))
    return card


DECIDE = decider(
    change=let_in,
    effects=lambda card, event: (
        (MessageCustomer(key=f"r/{event.id}", text="Hello", rendered=True),) if isinstance(event.body, AgentMessage) else ()
    ),
)


async def handle(store: Store, event_id: int) -> Handled:
    return await store.handle(event_id, DECIDE, "v1", NOW)


async def come(store: Store, item: Inbound) -> Handled:
    (event_id,) = await take_in(store, item)
    return await handle(store, event_id)


async def opened_card(store: Store, key: str = "first") -> int:
    return (await come(store, mail(key))).card_id


def scene(url: str, play: Any) -> None:
    async def main() -> None:
        async with opened(url) as store:
            await play(store)

    asyncio.run(main())


def test_a_token_and_a_known_sender_join(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        handled = await come(store, mail("m2", "ana@cliente.EXAMPLE", card=card))
        assert handled.card_id == card
        assert [message.text for message in await store.messages(card)] == ["first", "m2"]
        assert await store.quarantined() == []

    scene(store_url, play)


def test_a_stolen_token_waits_and_nothing_moves(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        before, timers = await store.card(card), await sql(store, "SELECT * FROM timer")
        handled = await come(store, mail("m2", EVA, card=card))
        assert handled.done
        assert handled.quarantined
        assert handled.card_id == 0
        assert await store.card(card) == before
        assert await sql(store, "SELECT * FROM timer") == timers
        assert len(await store.messages(card)) == 1
        (kept,) = await store.quarantined()
        assert (kept.why, kept.sender, kept.claim, kept.message.text) == ("stranger", EVA, card, "m2")
        assert kept.claim_number == before.number
        counts = await store.counts(NOW)
        assert (counts["quarantined"], counts["parked"], counts["unhandled"], counts["cards"]) == (1, 0, 0, 1)
        assert await store.parked() == []
        assert await store.waiting_events(NOW + HOUR, 10) == []
        with pytest.raises(Conflict):
            await store.unpark("event", kept.event_id, NOW)

    scene(store_url, play)


def test_what_the_mail_server_found_forged_waits_whatever_it_names(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        assert (await come(store, mail("m2", card=card, trusted=False))).quarantined
        assert (await come(store, mail("m3", trusted=False))).quarantined
        found = {kept.message.text: (kept.why, kept.claim) for kept in await store.quarantined()}
        assert found == {"m2": ("forged", card), "m3": ("forged", 0)}

    scene(store_url, play)


def test_references_to_what_was_received_or_sent_join_for_a_known_sender_only(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        reply = await store.command(card, AgentMessage(text="Hi", author="bea"), NOW)
        (outbox_id,) = (await handle(store, reply)).outbox_ids
        (item,) = await store.lease(NOW, 10, 30, (outbox_id,))
        await store.settle(item, Sent(provider_id="ours@desk.example"), "Hi", NOW)

        received = await come(store, mail("m2", references=("unknown@x", "first@cliente.example")))
        sent = await come(store, mail("m3", references=("ours@desk.example",)))
        assert (received.card_id, sent.card_id) == (card, card)
        assert (await come(store, mail("m4", EVA, references=("ours@desk.example",)))).quarantined
        other = await come(store, mail("m5", EVA, references=("unknown@x",)))
        assert other.card_id not in (0, card), "a message nobody here knows is no claim"

    scene(store_url, play)


def test_a_token_that_does_not_help_is_not_made_up_for_by_references(store_url: str) -> None:
    async def play(store: Store) -> None:
        anas = await opened_card(store)
        evas = (await come(store, mail("e1", EVA))).card_id
        handled = await come(store, mail("e2", EVA, card=anas, references=("e1@cliente.example",)))
        assert handled.quarantined
        assert (await store.quarantined())[0].claim == anas
        assert len(await store.messages(evas)) == 1

    scene(store_url, play)


def test_the_newest_message_its_sender_may_answer_counts(store_url: str) -> None:
    async def play(store: Store) -> None:
        anas = await opened_card(store)
        evas = (await come(store, mail("e1", EVA))).card_id
        assert (await come(store, mail("m2", references=("e1@cliente.example", "first@cliente.example")))).card_id == anas
        assert (await come(store, mail("e2", EVA, references=("e1@cliente.example",)))).card_id == evas

    scene(store_url, play)


def test_a_conversation_is_a_claim_too(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = (await come(store, mail("first", conversation="ana m1"))).card_id
        assert (await come(store, mail("m2", conversation="ana m1"))).card_id == card
        assert (await come(store, mail("m3", EVA, conversation="ana m1"))).quarantined

    scene(store_url, play)


def test_a_mail_that_names_nothing_opens_a_card(store_url: str) -> None:
    async def play(store: Store) -> None:
        first = await opened_card(store)
        second = (await come(store, mail("m2", EVA))).card_id
        third = (await come(store, mail("m3", EVA, card=999))).card_id
        assert len({first, second, third, 0}) == 4

    scene(store_url, play)


def test_a_token_of_a_card_keeps_the_order_of_its_mails(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        await take_in(store, mail("m2", card=card, conversation="a"), mail("m3", references=("first@cliente.example",)))
        (last,) = await take_in(store, mail("m4", card=card, conversation="b"))
        await handle(store, last)
        assert [message.text for message in await store.messages(card)] == ["first", "m2", "m3", "m4"]

    scene(store_url, play)


def test_a_finished_card_is_still_known_by_its_token(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        await handle(store, await store.command(card, MoveCard(stage="Done"), NOW))
        handled = await come(store, mail("m2", card=card))
        assert handled.card_id not in (0, card), "the rules say it opens another one"
        assert (await come(store, mail("m3", EVA, card=card))).quarantined

    scene(store_url, play)


async def one(store: Store, **claim: Any) -> int:
    assert (await come(store, mail("evil", EVA, **claim))).quarantined
    return (await store.quarantined())[0].event_id


def test_let_into_the_card_and_remembered(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        event_id = await one(store, card=card)
        for wake in await store.admit(event_id, False, True, "bea", NOW):
            assert (await handle(store, wake)).card_id == card
        assert [message.text for message in await store.messages(card)] == ["first", "evil"]
        assert (await store.card(card)).participants == (EVA,)
        assert (await come(store, mail("m3", EVA, card=card))).card_id == card
        kept = await store.quarantined_message(event_id)
        assert (kept.decision, kept.author, kept.decided_at) == ("card", "bea", NOW)
        (row,) = await store.audit_log()
        assert (row.author, row.action, row.subject) == ("bea", "quarantine.admitted", str(event_id))
        assert row.details == {"sender": EVA, "card": str(card), "remembered": "yes"}
        assert await store.quarantined() == []
        assert (await store.counts(NOW))["parked"] == 0
        with pytest.raises(Conflict):
            await store.admit(event_id, False, True, "cid", NOW)
        with pytest.raises(Conflict):
            await store.discard_quarantined(event_id, "cid", NOW)

    scene(store_url, play)


def test_let_in_once_without_being_remembered(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        (event_id,) = await store.admit(await one(store, card=card), False, False, "bea", NOW)
        assert (await handle(store, event_id)).card_id == card
        assert (await come(store, mail("m3", EVA, card=card))).quarantined

    scene(store_url, play)


def test_let_in_as_a_card_of_its_own(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = (await come(store, mail("first", conversation="c"))).card_id
        event_id = await one(store, card=card, conversation="c")
        (event_id,) = await store.admit(event_id, True, True, "bea", NOW)
        new = (await handle(store, event_id)).card_id
        assert new not in (0, card)
        assert (await store.card(new)).contact.email == EVA
        assert (await come(store, mail("m2", conversation="c"))).card_id == card, "the conversation stays where it was"
        assert (await come(store, mail("m3", EVA, references=("evil@cliente.example",)))).card_id == new

    scene(store_url, play)


def test_what_names_no_card_can_not_join_one(store_url: str) -> None:
    async def play(store: Store) -> None:
        event_id = await one(store, trusted=False)
        with pytest.raises(Conflict):
            await store.admit(event_id, False, True, "bea", NOW)
        assert [kept.event_id for kept in await store.quarantined()] == [event_id], "and it waits on"
        with pytest.raises(Missing):
            await store.admit(event_id + 1000, True, False, "bea", NOW)

    scene(store_url, play)


def test_discarded_is_kept_and_can_be_taken_back(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        event_id = await one(store, card=card)
        await store.discard_quarantined(event_id, "bea", NOW)
        assert await store.quarantined() == []
        assert (await store.counts(NOW))["quarantined"] == 0
        assert (await store.counts(NOW))["parked"] == 0
        assert await store.waiting_events(NOW + HOUR, 10) == []
        (kept,) = await store.quarantined("discarded")
        assert (kept.author, kept.message.text) == ("bea", "evil")
        await store.restore_quarantined(event_id, "bea", NOW)
        assert await store.quarantine_size() == 1
        assert [row.action for row in await store.audit_log()] == ["quarantine.restored", "quarantine.discarded"]
        assert await store.verify_audit() == 0
        assert [kept.event_id for kept in await store.quarantined()] == [event_id]
        with pytest.raises(Conflict):
            await store.restore_quarantined(event_id, "bea", NOW)

    scene(store_url, play)


def test_the_same_mail_twice_is_one(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = await opened_card(store)
        await one(store, card=card)
        assert (await store.accept("shop", None, [mail("evil", EVA, card=card)], NOW)).duplicates == 1
        assert len(await store.quarantined()) == 1

    scene(store_url, play)


def test_several_together(store_url: str) -> None:
    """SQLite handles many events in one transaction; one in quarantine doesn't hold up the others."""

    async def play(store: Store) -> None:
        card = await opened_card(store)
        ids = await take_in(store, mail("a", card=card), mail("evil", EVA, card=card), mail("b", card=card))
        done = await store.handle_together(ids, DECIDE, "v1", NOW)
        for event_id in ids:
            if event_id not in done:
                await handle(store, event_id)
        assert [message.text for message in await store.messages(card)] == ["first", "a", "b"]
        assert len(await store.quarantined()) == 1

    scene(store_url, play)


def test_a_customer_may_write_from_every_address_known_to_be_theirs(store_url: str) -> None:
    async def play(store: Store) -> None:
        card = (await come(store, vouched("first", ANA))).card_id
        evas = (await come(store, vouched("e1", EVA))).card_id
        assert (await come(store, mail("m2", EVA, card=card))).quarantined
        of = {number: (await store.contact_of_card(number)).id for number in (card, evas)}
        await store.merge_contacts(of[card], of[evas], "bea", NOW)
        assert (await come(store, mail("m3", EVA, card=card))).card_id == card

    scene(store_url, play)


def vouched(key: str, sender: str) -> Inbound:
    item = mail(key, sender)
    assert isinstance(item.body, CustomerMessage)
    return replace(item, body=replace(item.body, identities=(Identity("email", sender),)))
