"""Two cards that become one and part again, as they are written: on both databases, by the real engine."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest

from duly_dsl.units import Duration, Unit
from duly_runtime.card import Card
from duly_runtime.doors import Inbound
from duly_runtime.engine.kept import Keeper
from duly_runtime.engine.step import load
from duly_runtime.events import (
    AgentMessage,
    AnyBody,
    Contact,
    CustomerMessage,
    File,
    Identity,
    MergeCard,
    MoveCard,
    SplitCard,
    Thread,
    UnmergeCard,
)
from duly_runtime.node import decider
from duly_runtime.store.api import Handled, Message, Store
from runtime.desk import at, program
from support.store_scenes import opened, raw, sql

GRAPH = load(
    program(
        """
  first reply within 2h
  next reply within 2h
  stage "New" {
    start
    next "Done"
    owner agent ana
  }
  stage "Done" {
    finish
    reopen within 5 calendar days to "New"
  }
"""
    )
)
NOW = at("mon 10:00")
MINUTE = dt.timedelta(minutes=1)


class Hall:
    """A store with a clock of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOW
        self.count = 0

    async def judge(self, event_id: int) -> Handled:
        return await self.store.handle(event_id, decider(GRAPH, self.now, {}, Keeper(), fresh=True), "v", self.now)

    async def journal(self, text: str, conversation: str, connector: str = "Chat", **more: object) -> int:
        self.now += MINUTE
        self.count += 1
        body = CustomerMessage(
            text=text,
            contact=Contact(name=conversation, address=conversation),
            channel=connector.lower(),
            connector=connector,
            conversation=conversation,
            pipeline="Support",
            provider_id=f"<{self.count}>",
            **more,  # type: ignore[arg-type]
        )
        item = Inbound(key=f"k{self.count}", at=self.now, body=body)
        return (await self.store.accept(connector, raw(), [item], self.now)).event_ids[0]

    async def writes(self, text: str, conversation: str, connector: str = "Chat", **more: object) -> int:
        """The card it came to."""
        return (await self.judge(await self.journal(text, conversation, connector, **more))).card_id

    async def does(self, card: int, body: AnyBody) -> Handled:
        self.now += MINUTE
        return await self.judge(await self.store.command(card, body, self.now))

    async def merges(self, card: int, into: int) -> Handled:
        other = await self.store.card(into)
        return await self.does(card, MergeCard(into=into, number=other.number, author="ana"))

    async def said(self, card: int) -> list[str]:
        return [message.text for message in await self.store.messages(card)]

    async def kinds(self, card: int) -> list[str]:
        return [row.kind for row in await self.store.history(card)]

    async def split(self, card: int, *texts: str, follow: bool = False, since: dt.datetime | None = None) -> Handled:
        """Give the messages of these texts to a new card."""
        now = await self.store.card(card)
        messages = tuple(m.id for m in await self.store.messages(card) if m.text in texts)
        body = SplitCard(
            messages=messages,
            last_customer_at=now.last_customer_at,
            unanswered_since=since,
            follow=follow,
            author="ana",
        )
        return await self.does(card, body)


def on(url: str, scene: Callable[[Hall], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(url) as store:
            await scene(Hall(store))

    asyncio.run(run())


async def load_of(store: Store, person: str) -> int:
    rows = await sql(store, "SELECT n FROM tally WHERE kind = 'load' AND name = ?", person)
    return int(rows[0]["n"]) if rows else 0


# --- merging


def test_two_cards_become_one_and_later_messages_of_both_go_there(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept = await hall.writes("by mail", "ana@x", "Mail")
        gone = await hall.writes("by chat", "ana", "Chat")
        await hall.writes("again by mail", "ana@x", "Mail")
        assert await load_of(hall.store, "ana") == 2
        handled = await hall.merges(gone, kept)
        assert (handled.card_id, handled.other_id, handled.refused) == (gone, kept, "")

        card, other = await hall.store.card(gone), await hall.store.card(kept)
        assert card.merged is not None
        assert (card.merged.card, card.merged.number) == (kept, other.number)
        assert [each.card for each in other.absorbed] == [gone]
        assert {clock.cancelled_by for clock in card.clocks} == {"merged"}
        assert await load_of(hall.store, "ana") == 1
        assert await sql(hall.store, "SELECT key FROM timer WHERE card_id = ?", gone) == []
        assert [row.number for row in await hall.store.board("Support", NOW)] == [other.number]
        assert (await hall.kinds(gone))[-1] == "card.merged"
        assert (await hall.kinds(kept))[-1] == "card.absorbed"

        assert await hall.writes("more by chat", "ana", "Chat") == kept
        assert await hall.writes("more by mail", "ana@x", "Mail") == kept
        found = [(m.text, m.origin, m.card_id) for m in await hall.store.messages(kept)]
        assert found == [
            ("by mail", 0, kept),
            ("by chat", card.number, gone),
            ("again by mail", 0, kept),
            ("more by chat", 0, kept),
            ("more by mail", 0, kept),
        ]
        assert await hall.said(gone) == ["by chat"]
        assert (await hall.does(gone, AgentMessage(text="hi", author="ana"))).refused.startswith("merged:")

    on(store_url, scene)


def test_the_other_side_is_in_the_journal_and_told_to_whoever_asks_later(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("one", "a"), await hall.writes("two", "b")
        event_id = await hall.store.command(gone, MergeCard(into=kept, number=kept, author="ana"), hall.now)
        await hall.judge(event_id)
        again = await hall.store.outcome(event_id)
        assert (again.done, again.card_id, again.other_id) == (True, gone, kept)
        assert not (await hall.judge(event_id)).done
        past = [(b"AbsorbCard" in event.body, event.card_id) for event in await hall.store.past_events(event_id - 1, 10)]
        assert past == [(False, gone), (True, kept)]

    on(store_url, scene)


def test_a_merge_is_undone(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("one", "a"), await hall.writes("two", "b")
        await hall.merges(gone, kept)
        await hall.writes("three", "b")
        handled = await hall.does(gone, UnmergeCard(author="bruno"))
        assert (handled.card_id, handled.other_id) == (gone, kept)
        card, other = await hall.store.card(gone), await hall.store.card(kept)
        assert (card.merged, card.finished_at, other.absorbed) == (None, None, ())
        assert [clock.state.value for clock in card.clocks] == ["running"]
        assert await sql(hall.store, "SELECT key FROM timer WHERE card_id = ?", gone) != []
        assert await load_of(hall.store, "ana") == 2
        assert (await hall.said(kept), await hall.said(gone)) == (["one", "three"], ["two"])
        assert await hall.writes("four", "b") == gone
        assert (await hall.kinds(kept))[-1] == "card.released"
        assert (await hall.does(gone, UnmergeCard(author="bruno"))).refused.startswith("not-merged")

    on(store_url, scene)


def test_cards_merged_one_after_the_other_are_all_one(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        a, b, c = [await hall.writes(name, name) for name in ("a", "b", "c")]
        await hall.merges(c, b)
        assert (await hall.merges(b, c)).refused.startswith("merge-into-itself")
        await hall.merges(b, a)
        assert (await hall.merges(a, b)).refused.startswith("merge-into-itself")
        assert await hall.said(a) == ["a", "b", "c"]
        assert await hall.writes("more of c", "c") == a
        # The outer merge is undone: what is part of b stays part of b.
        await hall.does(b, UnmergeCard(author="ana"))
        assert (await hall.said(a), await hall.said(b)) == (["a", "more of c"], ["b", "c"])
        assert await hall.writes("again", "c") == b
        await hall.does(c, UnmergeCard(author="ana"))
        assert await hall.writes("and again", "c") == c

    on(store_url, scene)


def test_what_is_refused_changes_neither(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("one", "a"), await hall.writes("two", "b")
        await hall.does(kept, MoveCard(stage="Done", author="ana"))
        handled = await hall.merges(gone, kept)
        assert handled.refused.startswith("merge-into-finished")
        assert handled.other_id == 0
        assert (await hall.store.card(gone)).merged is None
        assert (await hall.store.card(kept)).absorbed == ()
        assert (await hall.kinds(gone))[-1] == "refused"
        assert await sql(hall.store, "SELECT key FROM timer WHERE card_id = ?", gone) != []
        # Both finished is well.
        await hall.does(gone, MoveCard(stage="Done", author="ana"))
        assert not (await hall.merges(gone, kept)).refused

    on(store_url, scene)


def test_a_message_reopens_the_card_its_own_is_part_of_or_opens_a_new_one(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("one", "a"), await hall.writes("two", "b")
        await hall.merges(gone, kept)
        await hall.does(kept, MoveCard(stage="Done", author="ana"))
        assert await hall.writes("not solved", "b") == kept
        assert (await hall.store.card(kept)).finished_at is None
        await hall.does(kept, MoveCard(stage="Done", author="ana"))
        hall.now += dt.timedelta(days=6)
        new = await hall.writes("another matter", "b")
        assert new not in (kept, gone)
        assert await hall.writes("more", "b") == new
        assert await hall.writes("first again", "a") not in (kept, gone, new)

    on(store_url, scene)


def test_a_mail_to_a_merged_card_comes_to_the_other(store_url: str) -> None:
    """Its token names the card that is gone; whoever may write there may write here."""

    async def scene(hall: Hall) -> None:
        def mail(sender: str, card: int = 0) -> dict[str, object]:
            return {
                "thread": Thread(card=card, sender=sender, trusted=True),
                "identities": (Identity("email", sender),),
            }

        kept = await hall.writes("by chat", "a", "Chat")
        gone = await hall.writes("by mail", "bia@example.com", "Mail", **mail("bia@example.com"))
        await hall.merges(gone, kept)
        assert "bia@example.com" in (await hall.store.card(kept)).participants
        assert await hall.writes("re: by mail", "bia@example.com", "Mail", **mail("bia@example.com", gone)) == kept
        stranger = await hall.judge(
            await hall.journal("re: by mail", "eve@example.com", "Mail", **mail("eve@example.com", gone))
        )
        assert stranger.quarantined

    on(store_url, scene)


def test_messages_that_come_while_cards_merge_are_all_there(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("kept", "a"), await hall.writes("gone", "b")
        ids = [await hall.journal(f"m{n}", "ab"[n % 2]) for n in range(12)]
        merge = await hall.store.command(gone, MergeCard(into=kept, number=kept, author="ana"), hall.now)
        ids.insert(6, merge)
        await asyncio.gather(*(hall.judge(event_id) for event_id in ids))
        assert sorted(await hall.said(kept)) == sorted(["kept", "gone", *(f"m{n}" for n in range(12))])
        card = await hall.store.card(gone)
        assert card.merged is not None
        rows = await sql(hall.store, "SELECT COUNT(*) AS n FROM event WHERE handled_at IS NULL")
        assert rows[0]["n"] == 0

    on(store_url, scene)


def test_two_people_who_merge_two_cards_into_each_other_make_one(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        for _ in range(5):
            hall.count += 1
            one, other = await hall.writes("1", f"a{hall.count}"), await hall.writes("2", f"b{hall.count}")
            both = [
                await hall.store.command(card, MergeCard(into=into, number=into, author="ana"), hall.now)
                for card, into in ((one, other), (other, one))
            ]
            handled = await asyncio.gather(*(hall.judge(event_id) for event_id in both))
            outcomes = [await hall.store.outcome(event_id) for event_id in both]
            assert all(each.done for each in outcomes), handled
            assert sorted(bool(each.refused) for each in outcomes) == [False, True]

    on(store_url, scene)


# --- splitting


def test_messages_become_a_card_of_their_own(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        name = await hall.store.upload(b"a photo", hall.now)
        photo = File(name="shoe.png", media_type="image/png", size=7, sha256=name)
        card = await hall.writes("my order", "a")
        began = hall.now
        await hall.writes("and another thing", "a", files=(photo,))
        thing = hall.now
        await hall.does(card, AgentMessage(text="we look into it", author="ana"))
        hall.now += dt.timedelta(hours=3)
        handled = await hall.split(card, "and another thing", "we look into it", since=began)
        assert not handled.refused
        new = await hall.store.card(handled.other_id)
        assert (new.title, new.created_at, new.conversation, new.owner) == ("and another thing", thing, "a", "ana")
        assert (new.first_replied_at, [clock.outcome for clock in new.clocks]) == (thing + MINUTE, ["met"])
        assert (await hall.said(card), await hall.said(new.id)) == (
            ["my order"],
            ["and another thing", "we look into it"],
        )
        old = await hall.store.card(card)
        assert (old.unanswered_since, old.id) == (began, card)
        moved = await hall.store.messages(new.id)
        assert [message.origin for message in moved] == [old.number, old.number]
        assert [file.name for file in moved[0].files] == ["shoe.png"]
        assert (await hall.store.file(moved[0].files[0].key)).card_id == new.id
        assert await hall.store.deliveries(new.id) == [], "nothing is sent for the past"
        assert (await hall.kinds(card))[-1] != "refused"
        (told,) = [row for row in await hall.store.history(card) if row.kind == "card.split"]
        assert told.details == {"number": str(new.number), "messages": "2"}
        (told,) = [row for row in await hall.store.history(new.id) if row.kind == "card.split_off"]
        assert told.details == {"number": str(old.number)}
        contacts = [(await hall.store.contact_of_card(each)).id for each in (card, new.id)]
        assert contacts[0] == contacts[1] > 0
        # The person chose that what comes stays with the old one.
        assert await hall.writes("hello?", "a") == card

    on(store_url, scene)


def test_later_messages_follow_where_that_is_chosen(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        card = await hall.writes("one", "a")
        began = hall.now
        await hall.writes("two", "a")
        handled = await hall.split(card, "two", follow=True, since=began)
        assert await hall.writes("three", "a") == handled.other_id
        assert await hall.said(handled.other_id) == ["two", "three"]
        (back,) = [await hall.merges(handled.other_id, card)]
        assert not back.refused
        assert await hall.said(card) == ["one", "two", "three"]
        assert await hall.writes("four", "a") == card

    on(store_url, scene)


@pytest.mark.parametrize("texts", [(), ("one", "two")])
def test_some_messages_go_and_some_stay(store_url: str, texts: tuple[str, ...]) -> None:
    async def scene(hall: Hall) -> None:
        card = await hall.writes("one", "a")
        await hall.writes("two", "a")
        handled = await hall.split(card, *texts)
        assert handled.refused.startswith("unfit-messages")
        assert handled.other_id == 0
        assert await hall.said(card) == ["one", "two"]
        assert len(await hall.store.cards()) == 1
        assert await sql(hall.store, "SELECT key FROM timer WHERE card_id = ?", card) != []

    on(store_url, scene)


def test_messages_of_other_cards_are_not_taken(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        card = await hall.writes("one", "a")
        await hall.writes("two", "a")
        other = await hall.writes("three", "b")
        theirs: list[Message] = await hall.store.messages(other)
        now = await hall.store.card(card)
        body = SplitCard(
            messages=(theirs[0].id,), last_customer_at=now.last_customer_at, unanswered_since=None, author="ana"
        )
        assert (await hall.does(card, body)).refused.startswith("unfit-messages")
        assert await hall.said(other) == ["three"]

    on(store_url, scene)


def test_what_a_merge_brought_along_can_be_split_off(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        kept, gone = await hall.writes("one", "a"), await hall.writes("two", "b", "Mail")
        began = (await hall.store.card(kept)).created_at
        await hall.merges(gone, kept)
        handled = await hall.split(kept, "two", since=began)
        new: Card = await hall.store.card(handled.other_id)
        assert (new.connector, new.conversation, new.contact.name) == ("Mail", "b", "b")
        assert await hall.said(new.id) == ["two"]
        assert [message.origin for message in await hall.store.messages(new.id)] == [(await hall.store.card(gone)).number]

    on(store_url, scene)


# --- one card for each customer


@pytest.mark.parametrize("connector", ["WhatsApp", "Mail", "Pager"])
def test_a_customer_has_one_card_where_the_connector_says_so(store_url: str, connector: str) -> None:
    """Whatever the kind: two conversations of one person, and one of another."""

    async def scene(hall: Hall) -> None:
        ana = {"identities": (Identity("phone", "+5511988776655"),), "same_customer": True}
        bia = {"identities": (Identity("phone", "+5511900000001"),), "same_customer": True}
        card = await hall.writes("one", "first talk", connector, **ana)
        assert await hall.writes("two", "second talk", connector, **ana) == card
        assert await hall.writes("three", "third talk", connector, **bia) != card
        assert await hall.writes("four", "fourth talk", "Other", **ana) != card, "another connector"
        within = Duration(Unit.CALENDAR_DAYS, 7)
        hall.now += dt.timedelta(days=6)
        assert await hall.writes("in time", "second talk", connector, **ana, same_within=within) == card
        hall.now += dt.timedelta(days=7, hours=1)
        new = await hall.writes("too late", "second talk", connector, **ana, same_within=within)
        assert new != card
        assert await hall.writes("more", "fifth talk", connector, **ana, same_within=within) == new

    on(store_url, scene)


def test_a_sender_nobody_vouches_for_does_not_tell_the_card(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        def mail(proved: bool) -> dict[str, object]:
            return {"same_customer": True, "thread": Thread(sender="ana@cliente.example", proved=proved)}

        forged = await hall.writes("before her", "a", "Mail", **mail(False))
        card = await hall.writes("one", "b", "Mail", **mail(True))
        assert card != forged
        assert await hall.writes("forged", "c", "Mail", **mail(False)) not in (card, forged)
        assert await hall.writes("two", "d", "Mail", **mail(True)) == card
        assert await hall.said(card) == ["one", "two"]

    on(store_url, scene)


def test_first_messages_of_a_customer_at_once_are_one_card(store_url: str) -> None:
    async def scene(hall: Hall) -> None:
        ana = {"identities": (Identity("phone", "+5511988776655"),), "same_customer": True}
        ids = [await hall.journal(f"m{n}", f"talk {n}", **ana) for n in range(8)]
        cards = {handled.card_id for handled in await asyncio.gather(*(hall.judge(event_id) for event_id in ids))}
        assert len(cards) == 1

    on(store_url, scene)
