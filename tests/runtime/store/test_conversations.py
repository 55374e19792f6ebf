"""Conversations by all their names: the same customer keeps the card, a stranger never gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from duly_runtime.doors import Inbound
from duly_runtime.events import Contact, ContactChanged, CustomerMessage, Identity, MoveCard, SentElsewhere
from duly_runtime.store.api import Store
from support.store_scenes import MINUTE, NOW, decider, opened, sql, take_in

ID, OTHER_ID, NEW_ID = "US.1", "US.2", "US.3"
PHONE, NEW_PHONE = "551", "552"


def wrote(key: str, *names: str) -> Inbound:
    """A customer's message under these names, strongest first."""
    body = CustomerMessage(
        text=key,
        contact=Contact(name="Rita", address=names[-1]),
        identities=tuple(Identity("phone" if name.isdigit() else "whatsapp", number(name)) for name in names),
        channel="whatsapp",
        connector="shop",
        conversation=names[0],
        known_as=names[1:],
        provider_id=key,
    )
    return Inbound(key=key, at=NOW, body=body)


def number(name: str) -> str:
    return f"+5511988{name}000" if name.isdigit() else name


def changed(key: str, now_known: Sequence[str], before: Sequence[str]) -> Inbound:
    def identities(names: Sequence[str]) -> tuple[Identity, ...]:
        return tuple(Identity("phone" if name.isdigit() else "whatsapp", number(name)) for name in names)

    body = ContactChanged(
        connector="shop",
        conversation=now_known[0],
        known_as=tuple(now_known[1:]),
        former=tuple(before),
        contact=Contact(address=now_known[-1]),
        identities=identities(now_known),
        former_identities=identities(before),
    )
    return Inbound(key=key, at=NOW, body=body)


async def cards(store: Store, *items: Inbound) -> list[int]:
    """The card each event came to, handled in their order; 0 for none."""
    found: list[int] = []
    for item in items:
        (event_id,) = await take_in(store, item)
        handled = await store.handle(event_id, decider(), "v", NOW)
        assert handled.done
        found.append(handled.card_id)
    return found


async def finish(store: Store, card_id: int) -> None:
    event_id = await store.command(card_id, MoveCard(stage="Done"), NOW)
    assert (await store.handle(event_id, decider(), "v", NOW)).done


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (((PHONE,), (ID, PHONE), (ID,)), True),
        (((ID, PHONE), (PHONE,), (ID,)), True),
        (((ID,), (ID, PHONE), (PHONE,)), True),
        (((ID, "US.ENT.1"), ("US.ENT.1",)), True),
        (((PHONE,), (NEW_PHONE,)), False),
        (((ID,), (PHONE,)), False),
        # The number is somebody else's by now.
        (((ID, PHONE), (OTHER_ID, PHONE)), False),
        (((PHONE,), (ID, PHONE), (OTHER_ID, PHONE)), False),
    ],
)
def test_one_customer_has_one_card_whatever_name_is_told(
    store_url: str, names: tuple[tuple[str, ...], ...], same: bool
) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            found = await cards(store, *(wrote(f"m{n}", *each) for n, each in enumerate(names)))
            assert (len(set(found)) == 1) is same, found

    asyncio.run(scene())


def test_a_number_goes_with_whoever_was_last_told_by_it(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            told = (wrote("m1", ID, PHONE), wrote("m2", OTHER_ID, PHONE), wrote("m3", PHONE), wrote("m4", ID))
            first, second, third, fourth = await cards(store, *told)
            assert first == fourth != second == third

    asyncio.run(scene())


def test_two_conversations_that_turn_out_to_be_one_go_on_as_one(store_url: str) -> None:
    """The card of the stronger name goes on; the other stays for people to merge."""

    async def scene() -> None:
        async with opened(store_url) as store:
            told = (wrote("m1", PHONE), wrote("m2", ID), wrote("m3", ID, PHONE), wrote("m4", PHONE), wrote("m5", ID))
            first, second, *later = await cards(store, *told)
            assert first != second
            assert later == [second] * 3

    asyncio.run(scene())


@pytest.mark.parametrize("before", [(ID, PHONE), (PHONE,), (ID,)])
def test_another_number_keeps_the_card(store_url: str, before: tuple[str, ...]) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            told = (
                wrote("m1", *before),
                changed("c", (NEW_ID, NEW_PHONE), before),
                wrote("m2", NEW_ID, NEW_PHONE),
                wrote("m3", NEW_PHONE),
                wrote("late", *before),
            )
            found = await cards(store, *told)
            assert set(found) == {found[0]}
            (contact,) = await store.contacts()
            assert set(contact.names) == {number(name) for name in (*before, NEW_ID, NEW_PHONE)}
            # Whoever gets the old number next is somebody else.
            (other,) = await cards(store, wrote("m4", OTHER_ID, PHONE))
            assert other != found[0]

    asyncio.run(scene())


def test_a_card_that_is_finished_is_followed_too(store_url: str) -> None:
    """The next message finds the conversation's latest card and decides: here it opens another."""

    async def scene() -> None:
        async with opened(store_url) as store:
            (first,) = await cards(store, wrote("m1", ID))
            await finish(store, first)
            assert await cards(store, changed("c", (NEW_ID,), (ID,))) == [first]
            second, third = await cards(store, wrote("m2", NEW_ID), wrote("m3", ID))
            assert second == third != first

    asyncio.run(scene())


def test_a_notice_of_somebody_unknown_is_remembered(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            none, first, second = await cards(
                store, changed("c", (NEW_ID, NEW_PHONE), (ID,)), wrote("late", ID), wrote("m1", NEW_PHONE)
            )
            assert none == 0
            assert first == second

    asyncio.run(scene())


def test_a_notice_that_comes_after_the_first_message_joins_what_follows(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            told = (
                wrote("m1", ID),
                wrote("m2", NEW_ID),
                changed("c", (NEW_ID,), (ID,)),
                wrote("m3", ID),
                wrote("m4", NEW_ID),
            )
            first, second, *later = await cards(store, *told)
            assert first != second
            assert later == [second] * 3

    asyncio.run(scene())


def test_a_message_under_the_new_name_waits_for_the_notice_before_it(store_url: str) -> None:
    """Whichever is handled first, the card is the same: the notice goes first, and what it waits for before it."""

    async def scene() -> None:
        async with opened(store_url) as store:
            events = [
                (await take_in(store, item))[0]
                for item in (wrote("m1", ID), changed("c", (NEW_ID,), (ID,)), wrote("m2", NEW_ID))
            ]
            last = await store.handle(events[-1], decider(), "v", NOW)
            assert last.done
            first = await store.outcome(events[0])
            assert first.card_id == last.card_id
            assert (await store.card(last.card_id)).title == "m1 ContactChanged m2"

    asyncio.run(scene())


def test_names_at_once_make_one_card(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for n in range(20):
                person, phone = f"US.P{n}", f"7{n:02}"
                told = (wrote(f"{n}/1", phone), wrote(f"{n}/2", person, phone), wrote(f"{n}/3", person))
                events = [(await take_in(store, item))[0] for item in told]
                await asyncio.gather(*(store.handle(event, decider(), "v", NOW) for event in events))
                rows = await sql(
                    store,
                    "SELECT DISTINCT CASE WHEN alias > 0 THEN alias ELSE id END AS it FROM conversation"
                    " WHERE connector = ? AND key IN (?, ?)",
                    "shop",
                    person,
                    phone,
                )
                assert len(rows) == 1, n
                assert (await store.counts())["cards"] == n + 1

    asyncio.run(scene())


def test_names_of_a_conversation_are_one_case_of_the_past(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await cards(store, wrote("m1", ID), changed("c", (NEW_ID,), (ID,)), wrote("m2", NEW_ID))
            assert len({event.case for event in await store.past_events(0, 100)}) == 1

    asyncio.run(scene())


# --- what went out by another way ------------------------------------------------------------------------------------


def echo(key: str, *names: str, text: str = "") -> Inbound:
    body = SentElsewhere(
        text=text or key,
        connector="shop",
        channel="whatsapp",
        conversation=names[0],
        known_as=names[1:],
        provider_id=key,
    )
    return Inbound(key=key, at=NOW - MINUTE, body=body)


def test_what_we_sent_by_another_way_is_in_the_conversation(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await cards(store, wrote("m1", ID, PHONE), echo("e1", PHONE))
            assert first == second
            assert [(m.direction, m.text, m.state) for m in await store.messages(first)] == [
                ("out", "e1", ""),
                ("in", "m1", ""),
            ]

    asyncio.run(scene())


def test_it_opens_no_card_and_is_in_the_one_the_customer_opens(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            none, also_none, card_id, again = await cards(
                store, echo("e1", PHONE), echo("e2", PHONE), wrote("m1", ID, PHONE), wrote("m2", ID, PHONE)
            )
            assert (none, also_none, card_id) == (0, 0, again)
            assert [message.text for message in await store.messages(card_id)] == ["e1", "e2", "m1", "m2"]
            assert await store.parked() == []

    asyncio.run(scene())
