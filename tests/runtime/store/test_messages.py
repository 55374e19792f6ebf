"""The conversation of a card: what messages answer, and what became of them, whichever comes first."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools

import pytest
from msgspec.structs import replace

from duly_runtime.doors import Inbound, Sent
from duly_runtime.events import CustomerMessage, MessageChanged, SentElsewhere
from duly_runtime.store.api import Message, Store
from duly_runtime.store.messages_api import Reaction, Wording
from support.store_scenes import MINUTE, NOW, decider, one_delivery, opened, reply, sql, take_in


def wrote(key: str, text: str = "", *, reply_to: str = "", connector: str = "shop", conversation: str = "ana") -> Inbound:
    body = CustomerMessage(
        text=text or key,
        channel="whatsapp",
        connector=connector,
        conversation=conversation,
        provider_id=key,
        reply_to=reply_to,
    )
    return Inbound(key=key, at=NOW, body=body)


def change(
    key: str,
    target: str,
    change: str,
    text: str = "",
    *,
    minutes: int = 1,
    author: str = "",
    ours: bool = False,
    connector: str = "shop",
    conversation: str = "ana",
) -> Inbound:
    body = MessageChanged(
        connector=connector,
        conversation=conversation,
        provider_id=target,
        change=change,
        text=text,
        author=author,
        ours=ours,
    )
    return Inbound(key=key, at=NOW + minutes * MINUTE, body=body)


def after(minutes: int) -> dt.datetime:
    return NOW + minutes * MINUTE


async def handled(store: Store, *items: Inbound, source: str = "shop") -> int:
    """The card the last of them came to."""
    card_id = 0
    for item in items:
        (event_id,) = (await store.accept(source, None, [item], NOW)).event_ids
        result = await store.handle(event_id, decider(), "v", NOW)
        assert result.done
        card_id = result.card_id or card_id
    return card_id


def shown(message: Message) -> tuple[str, tuple[str, ...], bool, tuple[str, ...]]:
    return (
        message.text,
        tuple(each.text for each in message.earlier),
        message.deleted_at is not None,
        tuple(each.emoji for each in message.reactions),
    )


def test_an_edit_shows_the_new_words_and_keeps_the_old(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            card_id = await handled(
                store,
                wrote("m1", "one"),
                change("e1", "m1", "edited", "two", minutes=1),
                change("e2", "m1", "edited", "three", minutes=2),
            )
            (message,) = await store.messages(card_id)
            assert message.text == "three"
            assert message.edited_at == after(2)
            assert message.earlier == (Wording(text="one", at=NOW), Wording(text="two", at=after(1)))
            assert [row["text"] for row in await sql(store, "SELECT text FROM message")] == ["one"]

    asyncio.run(scene())


def test_what_was_taken_back_keeps_its_words(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            card_id = await handled(store, wrote("m1", "secret"), change("d1", "m1", "deleted", minutes=3))
            (message,) = await store.messages(card_id)
            assert (message.text, message.deleted_at) == ("secret", after(3))

    asyncio.run(scene())


def test_each_person_has_one_reaction(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            card_id = await handled(
                store,
                wrote("m1"),
                change("r1", "m1", "reacted", "👍", minutes=1),
                change("r2", "m1", "reacted", "🎉", minutes=2),
                change("r3", "m1", "reacted", "😀", minutes=3, author="Rui"),
                change("r4", "m1", "reacted", "🙏", minutes=4, ours=True),
                change("r5", "m1", "unreacted", minutes=5, author="Rui"),
            )
            (message,) = await store.messages(card_id)
            assert message.reactions == (
                Reaction(emoji="🎉", author="", ours=False, at=after(2)),
                Reaction(emoji="🙏", author="", ours=True, at=after(4)),
            )

    asyncio.run(scene())


def test_whatever_comes_first_it_ends_the_same(store_url: str) -> None:
    """All orders in which a message and three changes of it can come, each also twice."""
    items = (
        wrote("m1", "one"),
        change("e1", "m1", "edited", "two", minutes=1),
        change("r1", "m1", "reacted", "👍", minutes=2),
        change("u1", "m1", "unreacted", minutes=3),
    )

    async def scene() -> None:
        async with opened(store_url) as store:
            for n, order in enumerate(itertools.permutations(items)):
                name = f"shop{n}"
                for item in order:
                    accepted = await store.accept(name, None, [of(item, name)], NOW)
                    for event_id in accepted.event_ids:
                        assert (await store.handle(event_id, decider(), "v", NOW)).done
                    again = await store.accept(name, None, [of(item, name)], NOW)
                    assert (again.event_ids, again.duplicates) == ((), 1)
                (message,) = await store.messages(n + 1)
                assert shown(message) == ("two", ("one",), False, ()), [item.key for item in order]

    def of(item: Inbound, connector: str) -> Inbound:
        return replace(item, body=replace(item.body, connector=connector))

    asyncio.run(scene())


def test_changes_of_what_we_sent_are_shown_with_it(store_url: str) -> None:
    """By the id the provider gave it, which may be known only after the reaction came."""

    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            early = await handled(store, change("r0", "p1", "reacted", "👍", conversation="with m1"))
            assert early == item.card_id, "it is told on the conversation's card, though the message is not known yet"
            await store.settle(item, Sent(provider_id="p1"), "On it", NOW)
            sent = (await store.messages(item.card_id))[-1]
            assert (sent.direction, shown(sent)) == ("out", ("On it", (), False, ("👍",)))

    asyncio.run(scene())


def test_a_change_reaches_the_message_on_an_earlier_card(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first = await handled(store, wrote("m1"))
            await sql(store, "UPDATE conversation SET card_id = 0")
            second = await handled(store, wrote("m2"))
            assert second != first
            assert await handled(store, change("r1", "m1", "reacted", "👍")) == first
            (message,) = await store.messages(first)
            assert shown(message)[3] == ("👍",)

    asyncio.run(scene())


@pytest.mark.parametrize("connector", ["shop", "another"])
def test_ids_of_one_connector_say_nothing_of_another(store_url: str, connector: str) -> None:
    """Whoever posts to one door can't write into what came by the other."""

    async def scene() -> None:
        async with opened(store_url) as store:
            card_id = await handled(store, wrote("m1", "one"))
            forged = change("e1", "m1", "edited", "two", connector=connector, conversation="nobody")
            await handled(store, forged, source=connector)
            (message,) = await store.messages(card_id)
            assert message.text == ("two" if connector == "shop" else "one")

    asyncio.run(scene())


def test_a_change_of_nothing_we_know_is_kept_and_harms_nothing(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, change("r1", "m9", "reacted", "👍"))
            assert (await store.handle(event_id, decider(), "v", NOW)).card_id == 0
            assert await store.parked() == []
            assert [row["text"] for row in await sql(store, "SELECT text FROM annotation")] == ["👍"]

    asyncio.run(scene())


def test_a_quote_shows_what_it_answers(store_url: str) -> None:
    """Ours or theirs, as it reads now; of an earlier card too; and nothing where it is not known."""

    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store)
            await store.settle(item, Sent(provider_id="p1"), "On it", NOW)
            card_id = await handled(
                store,
                wrote("m2", "about yours", reply_to="p1", conversation="with m1"),
                wrote("m3", "about mine", reply_to="m1", conversation="with m1"),
                wrote("m4", "about what?", reply_to="m99", conversation="with m1"),
                change("e1", "m1", "edited", "first, better", conversation="with m1"),
                change("d1", "p1", "deleted", ours=True, conversation="with m1"),
            )
            quotes = {message.text: message.answers for message in await store.messages(card_id)}
            yours, mine = quotes["about yours"], quotes["about mine"]
            assert yours is not None and mine is not None
            assert (yours.direction, yours.text, yours.deleted) == ("out", "On it", True)
            assert (mine.direction, mine.text, mine.deleted) == ("in", "first, better", False)
            assert quotes["about what?"] is None

            await sql(store, "UPDATE conversation SET card_id = 0")
            later = await handled(store, wrote("m5", "still", reply_to="m1", conversation="with m1"))
            (message,) = await store.messages(later)
            assert message.answers is not None
            assert (message.answers.card_id, message.answers.text) == (card_id, "first, better")

    asyncio.run(scene())


def test_what_was_sent_by_another_way_and_is_ours_after_all_is_shown_once(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = await one_delivery(store, reply)
            await store.settle(item, Sent(provider_id="p1"), "On it", NOW)
            body = SentElsewhere(text="On it", connector="shop", conversation="with m1", provider_id="p1")
            await handled(store, Inbound(key="p1", at=NOW, body=body))
            assert [message.text for message in await store.messages(item.card_id)] == ["m1", "On it"]
            assert (await store.counts())["unhandled"] == 0

    asyncio.run(scene())
