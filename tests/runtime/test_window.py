"""WhatsApp's 24-hour window: what goes out as text, what as an approved template, and what not at all."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from duly_dsl.program import Approval, Template
from duly_runtime.card import Card, Visit
from duly_runtime.changes import Changes
from duly_runtime.decision import AnyEffect, Decision, MessageCustomer, NotifyPerson, World
from duly_runtime.delivery import Outbox
from duly_runtime.doors import Approved, Inbound, Outgoing
from duly_runtime.events import Contact, CustomerMessage, Event, OpenCard
from duly_runtime.store.api import OutboxRow, Store
from duly_runtime.time import FakeClock
from duly_runtime.versions import Versions
from runtime.desk import Desk, program
from runtime.polling import until
from runtime.test_sending import sent
from runtime.workspace import PROGRAM, START, Doors, opened, publish

RULES = """
  stage "Open" {
    start
    next "Done"
    after 30h elapsed of silence send "Hello" or outside window send "Still there?"
    after 20h elapsed of silence reply "Are you there?"
    after 40h elapsed of silence send "Hello"
  }
  stage "Done" { finish }
"""


def whatsapp(body: str = RULES) -> Desk:
    """A desk whose template `Still there?` needs approval, and a card that came by WhatsApp."""
    desk = Desk(body)
    made = program(body)
    template = made.templates["Still there?"]
    approved = msgspec.structs.replace(template, approval=Approval(name="still_there"))
    changed = msgspec.structs.replace(made, templates={**made.templates, "Still there?": approved}).sealed()
    desk.graph = type(desk.graph)(changed)
    desk.handle(CustomerMessage(text="hello", pipeline="Support", channel="whatsapp"))
    return desk


def test_outside_the_window_the_fallback_is_sent_and_free_text_is_not():
    desk = whatsapp().until("wed 9:00")
    assert sent(desk) == [("tue 5:00", "Are you there?"), ("tue 15:00", "Still there?")]
    told = [(entry.kind, entry.details.get("template"), entry.details.get("why", "")) for entry in desk.entries]
    assert ("message.out", "Still there?", "") in told
    assert ("message.dropped", "Hello", "window") in told


def test_inside_the_window_and_by_other_channels_the_first_choice_goes():
    desk = Desk(RULES).writes().until("wed 9:00")
    assert [template for _, template in sent(desk)] == ["Are you there?", "Hello", "Hello"]
    desk = whatsapp().until("tue 8:59")
    desk.handle(CustomerMessage(text="yes", pipeline="Support", channel="whatsapp"))
    desk.until("wed 6:00")
    assert [template for _, template in sent(desk)] == ["Are you there?", "Are you there?"]


def test_a_persons_reply_is_tried_whenever_it_comes():
    desk = whatsapp().until("thu 9:00")
    desk.replies("sorry, we were closed")
    assert sent(desk)[-1] == ("thu 9:00", "sorry, we were closed")


def test_a_message_held_past_the_window_takes_the_fallback_too():
    body = """
  send limits {
    quiet hours tuesday 00:00-24:00
  }
  stage "Open" {
    start
    next "Done"
    after 20h elapsed of silence reply "Are you there?" or outside window send "Still there?"
  }
  stage "Done" { finish }
"""
    desk = whatsapp(body).until("wed 9:00")
    assert sent(desk) == [("wed 0:00", "Still there?")]


# --- at the door -----------------------------------------------------------------------------------------------------

DOORS = {**PROGRAM.connectors, "Chat": msgspec.structs.replace(PROGRAM.connectors["Chat"], kind="whatsapp")}
ASK = Template(
    name="Ask",
    texts={
        "en": "Hi {customer.name}, is {card.title} here? Yours, {customer.name} {type}.",
        "pt-BR": "Oi {card.number}, tudo bem?",
    },
    approval=Approval(name="ask_again"),
)
WHATSAPP = msgspec.structs.replace(PROGRAM, hash="", connectors=DOORS, templates={**PROGRAM.templates, "Ask": ASK}).sealed()


def delivered(
    folder: Path,
    effect: AnyEffect,
    wrote: dt.timedelta | None,
    language: str = "en",
    doors: Doors | None = None,
    before: Callable[[Store], Awaitable[None]] | None = None,
) -> tuple[OutboxRow, list[Outgoing]]:
    """What becomes of an effect on a card whose customer wrote so long ago."""
    doors = doors or Doors()

    async def main() -> tuple[OutboxRow, list[Outgoing]]:
        async with opened(folder) as store:
            await publish(store, WHATSAPP)
            if before is not None:
                await before(store)
            outbox = Outbox(store, FakeClock(START), Versions(store, doors), doors, Changes())

            def decide(event: Event, card: Card | None, world: World) -> Decision:
                made = Card(
                    id=world.next_card_id,
                    number=world.next_card_number,
                    pipeline="Support",
                    stage="New",
                    title="a\n parcel",
                    contact=Contact(name="Maria", address="551199", language=language),
                    channel="whatsapp",
                    connector="Chat",
                    created_at=START,
                    last_customer_at=None if wrote is None else START - wrote,
                    visits=(Visit(number=1, stage="New", entered_at=START),),
                )
                return Decision(card=made, effects=(effect,))

            if wrote is None:
                event_id = await store.command(0, OpenCard(pipeline="Support"), START)
            else:
                hello = CustomerMessage(text="hello", pipeline="Support", channel="whatsapp", connector="Chat")
                taken = await store.accept("Chat", None, [Inbound(key="1", at=START - wrote, body=hello)], START)
                (event_id,) = taken.event_ids
            handled = await store.handle(event_id, decide, WHATSAPP.hash, START)
            await outbox.sweep()
            await until(lambda: not outbox.busy)
            return (await store.deliveries(handled.card_id))[0], doors.by_names["Chat"].sent

    return asyncio.run(main())


DAY = dt.timedelta(hours=24)
MOMENT = dt.timedelta(seconds=1)


def test_a_template_is_text_inside_the_window_and_metas_outside(tmp_path: Path) -> None:
    _, (inside,) = delivered(tmp_path, MessageCustomer(key="k", template="Ask"), DAY - MOMENT)
    assert (inside.text, inside.template) == ("Hi Maria, is a\n parcel here? Yours, Maria .", None)
    (tmp_path / "again").mkdir()
    row, (outside,) = delivered(tmp_path / "again", MessageCustomer(key="k", template="Ask"), DAY)
    assert outside.template == Approved(name="ask_again", language="en", parameters=("Maria", "a parcel", "–"))
    assert (row.state, row.text) == ("sent", outside.text)


def test_the_language_at_meta_is_that_of_the_text(tmp_path: Path) -> None:
    _, (message,) = delivered(tmp_path, MessageCustomer(key="k", template="Ask"), None, "pt-PT")
    assert message.template == Approved(name="ask_again", language="pt_BR", parameters=("1",))


@pytest.mark.parametrize("effect", [MessageCustomer(key="k", text="Hi"), MessageCustomer(key="k", template="Hello")])
def test_a_window_that_closed_on_the_way_stops_what_is_not_approved(tmp_path: Path, effect: MessageCustomer) -> None:
    row, messages = delivered(tmp_path, effect, DAY)
    assert (row.state, messages) == ("failed", [])
    assert row.error == "the customer last wrote more than 24 hours ago, and this is no approved template"


def test_a_window_that_closed_on_the_way_brings_the_fallback(tmp_path: Path) -> None:
    _, (message,) = delivered(tmp_path, MessageCustomer(key="k", text="Hi", outside="Ask"), DAY)
    assert message.template is not None and message.template.name == "ask_again"


def test_a_persons_words_go_out_as_they_are(tmp_path: Path) -> None:
    effect = MessageCustomer(key="k", text="Hi", rendered=True, author="ana")
    _, (message,) = delivered(tmp_path, effect, None)
    assert (message.text, message.template) == ("Hi", None)


def test_a_notice_by_whatsapp_is_sent_as_its_approved_template(tmp_path: Path) -> None:
    effect = NotifyPerson(key="k", person="ana", channel="whatsapp", about="rule", template="Ask", details={"rule": "R"})
    _, (message,) = delivered(tmp_path, effect, None)
    assert message.template == Approved(name="ask_again", language="pt_BR", parameters=("1",))
