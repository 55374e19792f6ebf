"""What a decision is written as."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from duly_dsl.units import Duration, Unit
from duly_runtime.card import Card, Clock, ClockState, Pause
from duly_runtime.decision import Decision, World
from duly_runtime.decision import Timer as Alarm
from duly_runtime.events import AgentMessage, AssignCard, Event, InternalNote, MoveCard
from duly_runtime.store.sqlite import SQLiteDatabase
from support.store_scenes import HOUR, MINUTE, NOW, decider, notice, opened, reply, said, sql, take_in

CLOCK = Clock(
    metric="first reply",
    cycle=1,
    stage="",
    calendar="Office",
    target=Duration(Unit.BUSINESS, 3_600_000_000),
    version="v",
    started_at=NOW,
    due_at=NOW + HOUR,
)


def test_a_message_opens_a_card_and_all_of_it_is_read_back(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("m1", text="Where is my order?"))
            handled = await store.handle(event_id, decider(owner="ana", effects=reply), "v1", NOW)
            assert (handled.done, handled.pipeline, len(handled.outbox_ids)) == (True, "Support", 1)
            card = await store.card(handled.card_id)
            assert (card.title, card.owner, card.visit.stage) == ("Where is my order?", "ana", "New")
            assert await store.card_id(card.number) == card.id

            first, second = await store.messages(card.id)
            assert (first.direction, first.author, first.text, first.state) == ("in", "Rita", "Where is my order?", "")
            assert (second.direction, second.text, second.state) == ("out", "We are on it.", "pending")
            (entry,) = await store.history(card.id)
            assert (entry.event_id, entry.kind, entry.details) == (event_id, "field.changed", {"event": str(event_id)})
            (trace,) = await store.trace(card.id)
            assert (trace.event_id, trace.version, trace.event_kind) == (event_id, "v1", "CustomerMessage")
            assert trace.facts[0].subject == "CustomerMessage"
            (delivery,) = await store.deliveries(card.id)
            assert (delivery.kind, delivery.channel, delivery.recipient) == ("message", "whatsapp", "+5511999")
            assert await store.outcome(event_id) == replace(handled, outbox_ids=())

    asyncio.run(scene())


MOST_STATEMENTS = 15
"""For the first message of a customer, with an owner and without clocks: each costs about as much as a rule."""


def test_a_first_message_takes_few_statements(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with opened(sqlite_url) as store:
            (event_id,) = await take_in(store, said("m1"))
            texts: list[str] = []
            fetch = SQLiteDatabase.fetch

            async def counted(self: SQLiteDatabase, text: str, args: Sequence[Any]) -> list[dict[str, Any]]:
                texts.append(text)
                return await fetch(self, text, args)

            monkeypatch.setattr(SQLiteDatabase, "fetch", counted)
            assert (await store.handle(event_id, decider(owner="ana"), "v1", NOW)).done
            assert len(texts) <= MOST_STATEMENTS, "\n".join(texts)

    asyncio.run(scene())


def test_an_effect_whose_key_is_known_is_not_made_again(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:

            def same(card: Card, event: Event):  # type: ignore[no-untyped-def]
                return tuple(replace(effect, key="always the same") for effect in reply(card, event))

            first, second = await take_in(store, said("1", "c"), said("2", "c"))
            assert len((await store.handle(first, decider(effects=same), "v", NOW)).outbox_ids) == 1
            assert (await store.handle(second, decider(effects=same), "v", NOW)).outbox_ids == ()
            assert [message.direction for message in await store.messages(1)] == ["in", "out", "in"]

    asyncio.run(scene())


def test_a_persons_words_are_one_message_whether_or_not_they_are_sent(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("1", "c"))
            card_id = (await store.handle(event_id, decider(), "v", NOW)).card_id
            unsent = await store.command(card_id, AgentMessage(text="Hello", author="ana"), NOW)
            await store.handle(unsent, decider(), "v", NOW)
            sent = await store.command(card_id, AgentMessage(text="Hello", author="ana"), NOW)
            await store.handle(sent, decider(effects=reply), "v", NOW)
            noted = await store.command(card_id, InternalNote(text="Is new here", author="ana"), NOW)
            await store.handle(noted, decider(), "v", NOW)
            found = [(m.direction, m.author, m.state) for m in await store.messages(card_id)]
            assert found == [("in", "Rita", ""), ("out", "ana", ""), ("out", "", "pending"), ("note", "ana", "")]

    asyncio.run(scene())


def test_what_was_refused_was_not_said(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await take_in(store, said("1", "c"), said("2", "c"))
            card_id = (await store.handle(first, decider(), "v", NOW)).card_id

            def refuses(event: Event, card: Card | None, world: World) -> Decision:
                return Decision(card=card, refused="empty-message")

            event_id = await store.command(card_id, AgentMessage(text="", author="ana"), NOW)
            assert (await store.handle(second, refuses, "v", NOW)).refused == "empty-message"
            assert (await store.handle(event_id, refuses, "v", NOW)).refused == "empty-message"
            assert [m.text for m in await store.messages(card_id)] == ["1", "2"], "a customer has said it all the same"

    asyncio.run(scene())


def test_a_finished_cards_conversation_opens_a_new_card(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("1", "c"))
            old = (await store.handle(event_id, decider(), "v", NOW)).card_id
            event_id = await store.command(old, MoveCard(stage="Done"), NOW)
            await store.handle(event_id, decider(), "v", NOW)
            (event_id,) = await take_in(store, said("2", "c"))
            new = (await store.handle(event_id, decider(), "v", NOW)).card_id
            assert new > old
            (event_id,) = await take_in(store, said("3", "c"))
            assert (await store.handle(event_id, decider(), "v", NOW)).card_id == new
            assert (await store.card(old)).title == "1 MoveCard"
            assert (await store.card(new)).title == "2 3"

    asyncio.run(scene())


def test_a_decision_may_open_a_card_though_one_is_open(store_url: str) -> None:
    """It is asked again, with a number for the new card (`same card when … within`)."""

    async def scene() -> None:
        async with opened(store_url) as store:
            first, second = await take_in(store, said("1", "c"), said("2", "c"))
            old = (await store.handle(first, decider(), "v", NOW)).card_id
            new = await store.handle(second, lambda event, card, world: decider()(event, None, world), "v", NOW)
            assert new.card_id == old + 1
            assert sorted(card.title for card in await store.cards()) == ["1", "2"]

    asyncio.run(scene())


def test_a_decision_that_fails_leaves_nothing(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("1", "c"))

            def breaks(card: Card, event: Event):  # type: ignore[no-untyped-def]
                raise KeyError("x")

            for _ in range(2):
                try:
                    await store.handle(event_id, decider(effects=breaks), "v", NOW)
                except KeyError:
                    continue
                raise AssertionError("the error must come out")
            assert (await store.counts())["cards"] == 0
            assert await sql(store, "SELECT * FROM conversation") == []

    asyncio.run(scene())


def test_visits_and_clocks_are_rows_with_their_business_seconds(store_url: str) -> None:
    def half_open(card: Card, calendar: str, start: dt.datetime, end: dt.datetime) -> float:
        """A calendar that is open half of the time."""
        assert calendar in ("", "Office")
        return (end - start).total_seconds() / 2

    def clocks(card: Card, event: Event) -> Card:
        if isinstance(event.body, MoveCard):
            done = replace(
                CLOCK,
                state=ClockState.DONE,
                stopped_at=NOW + 40 * MINUTE,
                due_at=NOW + HOUR,
                pauses=(Pause(NOW + 10 * MINUTE, NOW + 20 * MINUTE),),
                carried=60_000_000,
            )
            return replace(card, clocks=(done,))
        return replace(card, clocks=(CLOCK,))

    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("1", "c"))
            card_id = (await store.handle(event_id, decider(change=clocks), "v", NOW, half_open)).card_id
            (row,) = await sql(store, "SELECT * FROM clock")
            assert (row["state"], row["outcome"], row["business_seconds"]) == ("running", "", None)
            assert (row["target"], row["due_at"]) == ("1h", NOW + HOUR)

            event_id = await store.command(card_id, MoveCard(stage="Open"), NOW)
            await store.handle(event_id, decider(change=clocks), "v", NOW, half_open)
            first, second = await store.visits(card_id)
            assert (first.stage, first.left_at, first.business_seconds) == ("New", NOW + HOUR, 1800.0)
            assert (second.stage, second.left_at, second.business_seconds) == ("Open", None, None)
            (row,) = await sql(store, "SELECT * FROM clock")
            # Carried 60 s; open half of the 40 minutes less the 10 of the pause.
            assert (row["state"], row["outcome"], row["business_seconds"]) == ("done", "met", 60 + 900)

    asyncio.run(scene())


def test_the_world_knows_loads_and_cursors(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            worlds: list[World] = []

            def deal(event: Event, card: Card | None, world: World) -> Decision:
                worlds.append(world)
                owner = "bea" if world.cursors.get("Desk", 0) % 3 == 2 else "ana"
                decision = decider(owner=owner)(event, card, world)
                return replace(decision, cursors={"Desk": world.cursors.get("Desk", 0) + 1})

            for key in "1234":
                (event_id,) = await take_in(store, said(key))
                await store.handle(event_id, deal, "v", NOW)
            assert [world.load for world in worlds] == [{}, {"ana": 1}, {"ana": 2}, {"ana": 2, "bea": 1}]
            assert [world.cursors.get("Desk", 0) for world in worlds] == [0, 1, 2, 3]

            async def act(card_id: int, body: MoveCard | AssignCard, **new: str) -> None:
                event_id = await store.command(card_id, body, NOW)
                await store.handle(event_id, decider(change=lambda card, event: replace(card, **new)), "v", NOW)

            await act(1, MoveCard(stage="Done"))
            await act(2, AssignCard(owner="bea"), owner="bea")
            (event_id,) = await take_in(store, said("5"))
            await store.handle(event_id, deal, "v", NOW)
            # ana had 1, 2 and 4: one is finished, one is bea's now.
            assert worlds[-1].load == {"ana": 1, "bea": 2}

    asyncio.run(scene())


def test_a_team_is_dealt_in_turn_by_workers_at_once(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:

            def deal(event: Event, card: Card | None, world: World) -> Decision:
                place = world.cursors.get("Desk", 0)
                decision = decider(owner=f"person {place % 4}")(event, card, world)
                return replace(decision, cursors={"Desk": place + 1})

            ids = await take_in(store, *(said(f"m{n}") for n in range(40)))
            await asyncio.gather(*(store.handle(event_id, deal, "v", NOW) for event_id in ids))
            owners = [card.owner for card in await store.cards()]
            assert {owner: owners.count(owner) for owner in set(owners)} == {f"person {n}": 10 for n in range(4)}

    asyncio.run(scene())


def test_the_board_shows_the_nearest_deadline(store_url: str) -> None:
    due = {"soon": 30 * MINUTE, "late": 90 * MINUTE}

    def clocks(card: Card, event: Event) -> Card:
        far = replace(CLOCK, metric="resolution", due_at=NOW + 5 * HOUR)
        waits = (Pause(NOW + MINUTE),)
        match card.title:
            case "none":
                return card
            case "paused":
                return replace(card, clocks=(replace(CLOCK, state=ClockState.PAUSED, due_at=None, pauses=waits),))
            case "missed":
                return replace(card, clocks=(replace(CLOCK, missed_at=NOW, detected_at=NOW, due_at=NOW), far))
            case title:
                return replace(card, clocks=(far, replace(CLOCK, due_at=NOW + due[title])))

    alarms = (Alarm(key="first reply/1/80%", due_at=NOW + 20 * MINUTE), Alarm(key="resolution/1/50%", due_at=NOW))

    async def scene() -> None:
        async with opened(store_url) as store:
            for key in ("late", "none", "paused", "soon", "missed"):
                (event_id,) = await take_in(store, said(key))
                wanted = alarms if key == "late" else ()
                await store.handle(event_id, decider(change=clocks, timers=wanted), "v", NOW)
            board = await store.board("Support", NOW)
            found = {card.title: card for card in board}
            assert [card.title for card in board] == ["missed", "soon", "late", "none", "paused"], "most urgent first"
            assert (found["soon"].clock, found["soon"].due_at) == ("first reply", NOW + 30 * MINUTE)
            assert found["soon"].risk_at == NOW + 24 * MINUTE, "80 % of half an hour"
            assert found["late"].risk_at == NOW + 20 * MINUTE, "its first alert"
            assert (found["paused"].paused, found["paused"].paused_at) == (True, NOW + MINUTE)
            assert (found["paused"].clock, found["paused"].due_at) == ("first reply", None)
            assert [found[t].missed for t in ("missed", "soon")] == [True, False]
            assert (found["none"].clock, found["none"].due_at, found["none"].paused) == ("", None, False)
            assert await store.board("Other", NOW) == []

            event_id = await store.command(found["none"].id, MoveCard(stage="Done"), NOW)
            await store.handle(event_id, decider(), "v", NOW + HOUR)
            assert "none MoveCard" in {card.title for card in await store.board("Support", NOW)}
            assert len(await store.board("Support", NOW + 2 * HOUR)) == 4, "finished before"

    asyncio.run(scene())


def test_a_card_at_risk_stays_at_risk_when_its_alert_was_given(store_url: str) -> None:
    def clocks(card: Card, event: Event) -> Card:
        sent = () if card.revision == 1 else ("80%",)
        return replace(card, clocks=(replace(CLOCK, sent=sent),))

    async def scene() -> None:
        async with opened(store_url) as store:
            alarm = Alarm(key="first reply/1/80%", due_at=NOW + 48 * MINUTE)
            (event_id,) = await take_in(store, said("1", "c"))
            await store.handle(event_id, decider(change=clocks, timers=(alarm,)), "v", NOW)
            for event_id in await store.claim_due(NOW + 50 * MINUTE, 10):
                await store.handle(event_id, decider(change=clocks), "v", NOW + 50 * MINUTE)
            (card,) = await store.board("Support", NOW)
            assert card.risk_at == NOW + 48 * MINUTE

    asyncio.run(scene())


def test_cards_are_found_by_what_is_asked(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for n, (owner, text) in enumerate([("ana", "Blue 50% Sofa"), ("bea", "Green sofa"), ("ana", "Ähre")]):
                (event_id,) = await take_in(store, said(f"m{n}", text=text))
                await store.handle(event_id, decider(owner=owner), "v", NOW)

            async def titles(**asked: str) -> list[str]:
                return [card.title for card in await store.cards(**asked)]  # type: ignore[arg-type]

            assert await titles() == ["Ähre", "Green sofa", "Blue 50% Sofa"], "newest first"
            assert await titles(query="sofa") == ["Green sofa", "Blue 50% Sofa"]
            assert await titles(query="SOFA blue") == ["Blue 50% Sofa"]
            assert await titles(query="ähre") == ["Ähre"]
            assert await titles(query="50%") == ["Blue 50% Sofa"]
            assert await titles(query="%") == ["Blue 50% Sofa"], "no wildcard"
            assert await titles(query="+5511999", owner="bea") == ["Green sofa"]
            assert await titles(pipeline="Support", stage="New", owner="ana") == ["Ähre", "Blue 50% Sofa"]
            assert await titles(stage="Done") == []
            _, *rest = await store.cards(limit=2)
            assert [card.title for card in await store.cards(limit=2, before=rest[-1].id)] == ["Blue 50% Sofa"]

    asyncio.run(scene())


def test_screens_are_told_what_changed(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for n in range(3):
                (event_id,) = await take_in(store, said(f"m{n}"))
                await store.handle(event_id, decider(), "v", NOW + n * MINUTE)
            changed = await store.changed_since(NOW + MINUTE)
            assert [(one.card_id, one.pipeline, one.revision, one.at) for one in changed] == [
                (2, "Support", 1, NOW + MINUTE),
                (3, "Support", 1, NOW + 2 * MINUTE),
            ]

    asyncio.run(scene())


def test_notices_are_in_the_app_whether_or_not_they_are_also_sent(store_url: str) -> None:
    def notices(card: Card, event: Event):  # type: ignore[no-untyped-def]
        (first,) = notice(card, event)
        channels = ("", "app", "email")
        return tuple(replace(first, key=f"{first.key}/{channel}", channel=channel) for channel in channels)

    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("1", "c"))
            await store.handle(event_id, decider(effects=notices), "v", NOW)
            assert [row.channel for row in await store.notices("ana")] == ["app", ""]
            assert await store.notices("bea") == []

    asyncio.run(scene())


def test_events_handled_together_keep_their_order_and_leave_out_those_that_must_wait(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            items = [said(text, conversation) for text, conversation in zip("12345", "ccdde", strict=True)]
            before, *ids = await take_in(store, *items)
            done = await store.handle_together(list(reversed(ids)), decider(effects=reply), "v", NOW)
            if store_url.startswith("sqlite"):
                # The second message of `c` waits for the first, which is not among them.
                assert sorted(done) == ids[1:]
                assert [(await store.card(done[event_id].card_id)).title for event_id in ids[1:]] == ["3 4", "3 4", "5"]
                assert all(handled.done and len(handled.outbox_ids) == 1 for handled in done.values())
            else:
                assert done == {}
            for event_id in (ids[0], *ids):
                await store.handle(event_id, decider(), "v", NOW)
            assert (await store.outcome(before)).done
            assert sorted(card.title for card in await store.cards()) == ["1 2", "3 4", "5"]

    asyncio.run(scene())


def test_one_that_fails_leaves_all_to_be_handled_by_themselves(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            ids = await take_in(store, *(said(str(n)) for n in range(5)))

            def decide(event: Event, card: Card | None, world: World) -> Decision:
                if event.id == ids[3]:
                    raise ValueError("broken")
                return decider()(event, card, world)

            assert await store.handle_together(ids, decide, "v", NOW) == {}
            assert (await store.counts())["cards"] == 0

    asyncio.run(scene())
