"""A store under test, and a small `decide` whose effects are easy to tell."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec.structs import replace

from duly_runtime.card import Card, Visit
from duly_runtime.decision import AnyEffect, Decision, Entry, FactTrace, MessageCustomer, NotifyPerson, Timer, World
from duly_runtime.doors import Inbound, Raw
from duly_runtime.events import AgentMessage, Contact, CustomerMessage, DeliveryStatus, Event, MoveCard, TimerFired
from duly_runtime.store import unit
from duly_runtime.store.api import Decide, OutboxItem, Store
from duly_runtime.store.database import DatabaseStore, open_store

NOW = dt.datetime(2026, 11, 9, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def sql(store: Store, text: str, *args: Any) -> list[dict[str, Any]]:
    """A statement past the store's back."""
    assert isinstance(store, DatabaseStore)
    rows = await store._write(lambda: unit.fetch(text, *args))
    return [dict(row) for row in rows]


def raw(body: bytes = b"{}") -> Raw:
    return Raw(method="POST", path="/in/shop", headers={"x-key": "1"}, body=body, received_at=NOW)


def said(
    key: str, conversation: str = "", text: str = "", *, channel: str = "whatsapp", address: str = "+5511999"
) -> Inbound:
    """A customer's message; the conversation is the key's own where none is named."""
    body = CustomerMessage(
        text=text or key,
        contact=Contact(name="Rita", address=address),
        channel=channel,
        connector="shop",
        conversation=conversation or f"with {key}",
        provider_id=key,
    )
    return Inbound(key=key, at=NOW, body=body)


async def take_in(store: Store, *items: Inbound) -> tuple[int, ...]:
    return (await store.accept("shop", raw(), items, NOW)).event_ids


def decider(
    *,
    owner: str = "",
    timers: tuple[Timer, ...] = (),
    effects: Callable[[Card, Event], tuple[AnyEffect, ...]] = lambda card, event: (),
    change: Callable[[Card, Event], Card] = lambda card, event: card,
) -> Decide:
    """Opens a card for a message, and afterwards writes down in its title the order in which it saw the events.

    A move to `Done` finishes a card; a message to a finished card opens a new one.
    """

    def decide(event: Event, card: Card | None, world: World) -> Decision:
        body = event.body
        if isinstance(body, DeliveryStatus) and card is None:
            return Decision(card=None)
        finished = card is not None and card.finished_at is not None
        if isinstance(body, CustomerMessage) and (card is None or finished):
            card = Card(
                id=world.next_card_id,
                number=world.next_card_number,
                pipeline="Support",
                stage="New",
                contact=body.contact,
                channel=body.channel,
                connector=body.connector,
                conversation=body.conversation,
                owner=owner,
                created_at=NOW,
                visits=(Visit(number=1, stage="New", entered_at=NOW),),
            )
        if card is None:
            return Decision(card=None, refused="no-card")
        seen = body.text if isinstance(body, (CustomerMessage, AgentMessage)) else type(body).__name__
        card = replace(card, title=f"{card.title} {seen}".strip(), revision=card.revision + 1)
        if isinstance(body, MoveCard):
            visit = replace(card.visit, left_at=NOW + HOUR)
            card = replace(
                card,
                stage=body.stage,
                visits=(visit, Visit(number=2, stage=body.stage, entered_at=NOW + HOUR)),
                finished_at=NOW + HOUR if body.stage == "Done" else None,
            )
        card = change(card, event)
        wanted = () if isinstance(body, TimerFired) else timers
        return Decision(
            card=card,
            timers=wanted,
            effects=effects(card, event),
            entries=(Entry(kind="field.changed", at=NOW, details={"event": str(event.id)}),),
            trace=(FactTrace(kind="event", subject=type(body).__name__),),
        )

    return decide


def reply(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    """One answer to the customer for each event."""
    return (MessageCustomer(key=f"reply/{card.id}/{event.id}", text="We are on it.", rendered=True),)


def notice(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    return (NotifyPerson(key=f"notice/{card.id}/{event.id}", person="ana", about="rule"),)


async def one_delivery(store: Store, effects: Callable[[Card, Event], tuple[AnyEffect, ...]] = reply) -> OutboxItem:
    """A card with one delivery, leased for 30 s."""
    (event_id,) = await take_in(store, said("m1"))
    handled = await store.handle(event_id, decider(effects=effects), "v1", NOW)
    (outbox_id,) = handled.outbox_ids
    (item,) = await store.lease(NOW, 10, 30, (outbox_id,))
    return item
