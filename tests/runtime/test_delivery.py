"""The way out: who gets what, by which door, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from duly_runtime import delivery, doors
from duly_runtime.card import Card, Visit
from duly_runtime.changes import Changes
from duly_runtime.decision import AnyEffect, CallWebhook, Decision, MessageCustomer, NotifyPerson, World
from duly_runtime.delivery import Outbox
from duly_runtime.doors import Failed, Outcome, OutFile, Outgoing, Retry, Sent, Unknown
from duly_runtime.events import AgentMessage, Contact, CustomerMessage, Event, File, OpenCard
from duly_runtime.store.api import OutboxItem, OutboxRow, Store, StoreUnavailable, User
from duly_runtime.time import FakeClock
from duly_runtime.versions import Versions
from runtime.polling import until
from runtime.workspace import PROGRAM, START, Doors, opened

MARIA = Contact(name="Maria Silva", email="maria@customer.example", address="maria-1", language="pt")


class Out:
    """A store with one card, and an outbox over it."""

    def __init__(self, store: Store, doors: Doors) -> None:
        self.store = store
        self.doors = doors
        self.clock = FakeClock(START)
        self.outbox = Outbox(store, self.clock, Versions(store, doors), doors, Changes(), base_url="https://desk.example")
        self.card_id = 0

    async def put(self, *effects: AnyEffect, connector: str = "Chat", contact: Contact = MARIA) -> None:
        """Open a card whose opening has these effects."""

        def decide(event: Event, card: Card | None, world: World) -> Decision:
            opened = Card(
                id=world.next_card_id,
                number=world.next_card_number,
                pipeline="Support",
                stage="New",
                title="A parcel",
                contact=contact,
                channel="chat",
                connector=connector,
                owner="ana",
                created_at=START,
                visits=(Visit(number=1, stage="New", entered_at=START),),
                revision=1,
            )
            return Decision(card=opened, effects=effects)

        event_id = await self.store.command(0, OpenCard(pipeline="Support"), START)
        handled = await self.store.handle(event_id, decide, PROGRAM.hash, START)
        assert handled.done
        self.card_id = handled.card_id

    async def settled(self) -> OutboxRow:
        """Deliver what is due; the latest row once nothing is under way."""
        await self.outbox.sweep()
        await until(lambda: not self.outbox.busy)
        return (await self.store.deliveries(self.card_id))[0]


@contextlib.asynccontextmanager
async def out(folder: Path, *doors: str) -> AsyncIterator[Out]:
    async with opened(folder) as store:
        yield Out(store, Doors(*doors))


def notify(channel: str = "", person: str = "ana", template: str = "") -> NotifyPerson:
    details = {"metric": "first reply", "due_at": (START + dt.timedelta(hours=1)).isoformat(), "percent": "80"}
    return NotifyPerson(
        key="/".join(filter(None, ("alert", channel, person, template))),
        person=person,
        channel=channel,
        about="alert",
        template=template,
        details=details,
    )


# --- to people who work here -----------------------------------------------------------------------------------------


def test_a_notice_by_mail_speaks_the_persons_language(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(notify("email"))
            row = await to.settled()
            (mail,) = to.doors.by_names["Mail"].sent
            assert (mail.kind, mail.to.email, mail.key) == ("notice", "ana@desk.example", "alert/email/ana")
            assert mail.subject == "Cartão 1: primeira resposta vence sex., 6 de nov., 13:00"
            assert mail.text.endswith(f"https://desk.example/cards/{to.card_id}")
            assert mail.reference == "duly-1"
            assert (row.state, row.text) == ("sent", mail.text)

    asyncio.run(main())


def test_a_template_without_a_subject_in_a_notice_takes_dulys(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(notify("email", template="Hello"))
            await to.settled()
            (mail,) = to.doors.by_names["Mail"].sent
            assert (mail.subject, mail.text) == ("Caso 1", "Olá Maria")

    asyncio.run(main())


def test_a_notice_in_the_app_leaves_by_no_door(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(notify("app"))
            assert (await to.settled()).state == "sent"
            assert all(not door.sent for door in to.doors.by_names.values())
            (notice,) = await to.store.notices("ana")
            assert notice.text.startswith("O cartão 1 (Maria Silva)")

    asyncio.run(main())


def test_a_notice_without_a_channel_is_in_the_app_and_goes_by_mail_where_it_can(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(notify(person="ana"), notify(person="bruno"))
            await to.settled()
            assert [mail.to.name for mail in to.doors.by_names["Mail"].sent] == ["Ana Sousa"]
            for person in ("ana", "bruno"):
                (notice,) = await to.store.notices(person)
                assert notice.state == "sent"

    asyncio.run(main())


def test_an_address_the_files_leave_out_comes_from_the_account(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.store.save_user(
                User(
                    name="bruno",
                    full_name="",
                    email="bruno@desk.example",
                    phone="",
                    role="agent",
                    language="en",
                    active=True,
                )
            )
            await to.put(notify("email", person="bruno"))
            await to.settled()
            (mail,) = to.doors.by_names["Mail"].sent
            assert (mail.to.email, mail.to.name) == ("bruno@desk.example", "Bruno Lima")
            assert mail.subject.startswith("Card 1: first reply is due")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("effect", "doors", "reason"),
    [
        (notify("email", person="bruno"), ("Mail",), "bruno has no e-mail address"),
        (notify("whatsapp", person="bruno"), ("Chat",), "bruno has no phone number"),
        (notify("email"), ("Chat",), "there is no email connector that sends"),
        (notify("email", template="Gone"), ("Mail",), "there is no template `Gone`"),
        (CallWebhook(key="c", connector="Nowhere", event="rule.fired"), ("Mail",), "no connector `Nowhere` that sends"),
    ],
)
def test_what_nobody_can_deliver_says_why(tmp_path: Path, effect: AnyEffect, doors: tuple[str, ...], reason: str) -> None:
    async def main() -> None:
        async with out(tmp_path, *doors) as to:
            await to.put(effect)
            row = await to.settled()
            assert row.state == "failed"
            assert reason in row.error

    asyncio.run(main())


# --- to the customer -------------------------------------------------------------------------------------------------


def test_a_reply_takes_its_files_along(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            sha256 = await to.store.upload(b"%PDF", START)
            file = File(name="a.pdf", media_type="application/pdf", size=4, sha256=sha256)
            await to.put(MessageCustomer(key="m", rendered=True, author="ana", files=(file,)))
            assert (await to.settled()).state == "sent"
            (message,) = to.doors.by_names["Chat"].sent
            assert message.files == (OutFile(name="a.pdf", media_type="application/pdf", data=b"%PDF"),)

    asyncio.run(main())


def test_a_file_that_is_gone_keeps_the_whole_message_from_going(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            file = File(name="a.pdf", sha256="0" * 64)
            await to.put(MessageCustomer(key="m", text="Here it is", rendered=True, author="ana", files=(file,)))
            row = await to.settled()
            assert (row.state, row.error) == ("failed", "the content of the file `a.pdf` is not there")
            assert to.doors.by_names["Chat"].sent == []

    asyncio.run(main())


def test_a_reply_goes_by_the_cards_door_word_for_word(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(MessageCustomer(key="m", text="Hello {customer.name}", rendered=True, author="ana"))
            await to.settled()
            (message,) = to.doors.by_names["Chat"].sent
            assert (message.kind, message.text, message.to.address) == ("message", "Hello {customer.name}", "maria-1")

    asyncio.run(main())


def test_a_template_speaks_the_customers_language(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(MessageCustomer(key="m", template="Hello"))
            row = await to.settled()
            (message,) = to.doors.by_names["Chat"].sent
            assert message.text == row.text == "Olá Maria"

    asyncio.run(main())


def test_a_card_whose_door_only_receives_is_answered_by_mail(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path, "Mail") as to:
            await to.put(MessageCustomer(key="m", text="On {card.number}, {customer.first_name}"))
            await to.settled()
            (mail,) = to.doors.by_names["Mail"].sent
            assert (mail.text, mail.to.address, mail.subject) == ("On 1, Maria", "maria@customer.example", "A parcel")

    asyncio.run(main())


def test_a_mail_names_its_card_and_what_the_customer_wrote_last(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path, "Mail", "Chat") as to:
            await to.put(connector="Mail")
            for number in range(7):
                body = CustomerMessage(text="Hm", channel="email", provider_id=f"m{number}@customer.example")
                event_id = await to.store.command(to.card_id, body, START)
                await to.store.handle(event_id, lambda event, card, world: Decision(card=card), PROGRAM.hash, START)
            words = MessageCustomer(key="m", text="We are on it.", rendered=True, author="ana")
            decide = lambda event, card, world: Decision(card=card, effects=(words,))  # noqa: E731
            event_id = await to.store.command(to.card_id, AgentMessage(text="We are on it.", author="ana"), START)
            await to.store.handle(event_id, decide, PROGRAM.hash, START)
            await to.settled()
            (mail,) = to.doors.by_names["Mail"].sent
            assert mail.card_id == to.card_id
            assert mail.answers == tuple(f"m{number}@customer.example" for number in range(2, 7))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("doors", "contact", "reason"),
    [
        (("Mail",), Contact(name="Maria", address="maria-1"), "and the customer has no e-mail address"),
        (("Events",), MARIA, "and there is no e-mail connector that sends"),
    ],
)
def test_a_customer_nobody_can_reach(tmp_path: Path, doors: tuple[str, ...], contact: Contact, reason: str) -> None:
    async def main() -> None:
        async with out(tmp_path, *doors) as to:
            await to.put(MessageCustomer(key="m", text="x"), contact=contact)
            row = await to.settled()
            assert row.state == "failed"
            assert reason in row.error
            assert "`Chat`" in row.error

    asyncio.run(main())


# --- to programs -----------------------------------------------------------------------------------------------------


def test_a_call_carries_the_card(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(CallWebhook(key="c", connector="Events", event="rule.fired", details={"rule": "Tell the shop"}))
            await to.settled()
            (call,) = to.doors.by_names["Events"].sent
            body = msgspec.json.decode(call.payload)
            assert (call.kind, call.event, call.key) == ("call", "rule.fired", "c")
            assert (body["type"], body["timestamp"]) == ("rule.fired", "2026-11-06T12:00:00Z")
            assert body["data"]["rule"] == "Tell the shop"
            card = body["data"]["card"]
            assert (card["number"], card["stage"], card["customer"]["name"]) == (1, "New", "Maria Silva")
            assert card["link"] == f"https://desk.example/cards/{to.card_id}"

    asyncio.run(main())


# --- outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Sent(provider_id="p1"), "sent"),
        (Failed(reason="no such address"), "failed"),
        (Unknown(reason="cut off"), "unknown"),
    ],
)
def test_an_outcome_that_is_final(tmp_path: Path, outcome: Outcome, state: str) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            to.doors.by_names["Mail"].answer = lambda item: outcome
            await to.put(notify("email"))
            row = await to.settled()
            assert row.state == state
            assert row.error == getattr(outcome, "reason", "")
            to.clock.advance(dt.timedelta(days=9))
            await to.settled()
            assert len(to.doors.by_names["Mail"].sent) == 1

    asyncio.run(main())


def test_retries_have_one_key_and_end_parked(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            door = to.doors.by_names["Mail"]
            door.answer = lambda item: Retry(reason="busy")
            await to.put(notify("email"))  # by "Mail": retry 2 times over 1 hour, so after 12 and another 48 minutes
            assert (await to.settled()).state == "pending"
            assert len(door.sent) == 1
            to.clock.advance(dt.timedelta(minutes=11))
            await to.settled()
            assert len(door.sent) == 1
            to.clock.advance(dt.timedelta(minutes=1))
            await to.settled()
            assert len(door.sent) == 2
            to.clock.advance(dt.timedelta(minutes=48))
            row = await to.settled()
            assert len(door.sent) == 3
            assert {item.key for item in door.sent} == {"alert/email/ana"}
            assert (row.state, row.error) == ("parked", "busy")
            (parked,) = await to.store.parked()
            assert parked.what == "delivery"

            door.answer = lambda item: Sent()
            await to.store.unpark("delivery", parked.id, to.clock.now())
            assert (await to.settled()).state == "sent"

    asyncio.run(main())


def test_a_door_that_breaks_or_does_not_answer_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(item: Outgoing) -> Outcome:
        raise ZeroDivisionError

    async def main() -> None:
        async with out(tmp_path) as to:
            to.doors.by_names["Mail"].answer = broken
            await to.put(notify("email"))
            row = await to.settled()
            assert (row.state, row.error) == ("unknown", "the connector broke while sending: ZeroDivisionError")
            to.doors.by_names["Mail"].gate = asyncio.Event()
            monkeypatch.setattr(delivery, "SEND_SECONDS", 0.05)
            await to.put(notify("email", person="ana", template="Hello"), connector="Chat")
            row = await to.settled()
            assert row.state == "unknown"
            assert row.error.startswith("no answer within")

    asyncio.run(main())


def test_large_files_have_more_time_under_a_longer_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "SLOWEST", 1 / 60)  # four bytes: four minutes

    async def main() -> None:
        async with out(tmp_path) as to:
            digest = await to.store.upload(b"%PDF", START)
            file = File(name="a.pdf", media_type="application/pdf", size=4, sha256=digest)
            door = to.doors.by_names["Chat"]
            door.gate = asyncio.Event()
            await to.put(MessageCustomer(key="m", rendered=True, author="ana", files=(file,)))
            await to.outbox.sweep()
            await until(lambda: bool(door.sent))
            to.clock.advance(dt.timedelta(seconds=delivery.LEASE_SECONDS + 239))
            assert await to.store.lease(to.clock.now(), 10, 30) == []
            assert (await to.store.deliveries(to.card_id))[0].state == "leased"
            door.gate.set()
            assert (await to.settled()).state == "sent"

    asyncio.run(main())


def test_nothing_is_sent_under_a_lease_that_was_lost(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            digest = await to.store.upload(b"%PDF", START)
            file = File(name="a.pdf", media_type="application/pdf", size=4, sha256=digest)
            await to.put(MessageCustomer(key="m", rendered=True, author="ana", files=(file,)))
            (item,) = await to.store.lease(START, 10, 30)
            assert await to.store.hold(item, START + dt.timedelta(minutes=5))
            stolen = msgspec.structs.replace(item, token="another's")
            assert not await to.store.hold(stolen, START + dt.timedelta(hours=1))
            _text, outcome, _connector = await to.outbox._attempt(stolen)
            assert isinstance(outcome, Retry) and outcome.reason == "the lease was lost"
            assert to.doors.by_names["Chat"].sent == []

    asyncio.run(main())


def test_no_more_are_sent_at_once_than_there_are_slots(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            door = to.doors.by_names["Events"]
            door.gate = asyncio.Event()
            calls = [CallWebhook(key=f"c{n}", connector="Events", event="rule.fired") for n in range(delivery.SLOTS + 5)]
            await to.put(*calls)
            await to.outbox.sweep()
            await to.outbox.sweep()
            await until(lambda: len(door.sent) == delivery.SLOTS)
            door.gate.set()
            await until(lambda: not to.outbox.busy)
            await to.settled()
            assert sorted(item.key for item in door.sent) == sorted(call.key for call in calls)

    asyncio.run(main())


def test_a_stop_waits_for_what_is_under_way_and_begins_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            door = to.doors.by_names["Events"]
            door.gate = asyncio.Event()
            await to.put(CallWebhook(key="c1", connector="Events", event="rule.fired"))
            await to.outbox.sweep()
            await until(lambda: len(door.sent) == 1)
            drained = asyncio.create_task(to.outbox.drain(10))
            await asyncio.sleep(0)
            await to.put(CallWebhook(key="c2", connector="Events", event="rule.fired"))
            await to.outbox.sweep()
            door.gate.set()
            await drained
            assert [item.key for item in door.sent] == ["c1"]
            assert sorted(row.state for row in await to.store.deliveries()) == ["pending", "sent"]

    asyncio.run(main())


def test_an_outcome_outlasts_a_database_that_is_away_for_a_moment(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(notify("email"))
            settle, tries = to.store.settle, 0

            async def away(item: OutboxItem, outcome: Outcome, text: str, now: dt.datetime, connector: str) -> bool:
                nonlocal tries
                tries += 1
                if tries == 1:
                    raise StoreUnavailable("restarting")
                return await settle(item, outcome, text, now, connector)

            to.store.settle = away
            assert (await to.settled()).state == "sent"
            assert tries == 2
            assert len(to.doors.by_names["Mail"].sent) == 1

    asyncio.run(main())
