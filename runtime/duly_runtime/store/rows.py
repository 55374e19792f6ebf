"""The rows a card is written as beside its whole self. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from duly_runtime.card import AT_RISK, Card, Clock, ClockState, Visit
from duly_runtime.decision import AnyEffect, CallWebhook, MessageCustomer, NotifyPerson, Timer
from duly_runtime.events import Contact
from duly_runtime.store.api import Measure

SAFE_TO_REPEAT = frozenset(("email", "webhook", "app"))
"""Channels whose receiver tells a second copy of a message by its key (a stable Message-ID, an idempotency key)."""


_encoder = msgspec.json.Encoder()


def json(value: Any) -> str:
    return _encoder.encode(value).decode()


def customer_name(contact: Contact) -> str:
    return contact.name or contact.address or contact.email or contact.phone


def card_row(card: Card, timers: Sequence[Timer], before: dict[str, Any] | None, now: dt.datetime) -> dict[str, Any]:
    """`before` is the row as it was: a clock that is at risk stays so."""
    contact = card.contact
    searched = (card.title, contact.name, contact.email, contact.phone, contact.address, str(card.number), *card.tags)
    return {
        "id": card.id,
        "number": card.number,
        "pipeline": card.pipeline,
        "stage": card.stage,
        "title": card.title,
        "customer": customer_name(contact),
        "channel": card.channel,
        "connector": card.connector,
        "conversation": card.conversation,
        "priority": card.priority,
        "type": card.type,
        "owner": card.owner,
        "team": card.team,
        "tags": json(card.tags),
        "created_at": card.created_at,
        "entered_at": card.visit.entered_at if card.visits else card.created_at,
        "finished_at": card.finished_at,
        **_deadline(card, timers, before, now),
        "revision": card.revision,
        "changed_at": now,
        "merged_into": card.merged.card if card.merged is not None else 0,
        "search": "\n".join(part for part in searched if part).casefold(),
        "data": json(card),
    }


def _deadline(card: Card, timers: Sequence[Timer], before: dict[str, Any] | None, now: dt.datetime) -> dict[str, Any]:
    """The nearest due instant of the running clocks, or since when all stand still."""
    running = [clock for clock in card.clocks if clock.state is ClockState.RUNNING and clock.due_at is not None]
    paused = [clock for clock in card.clocks if clock.state is ClockState.PAUSED]
    row: dict[str, Any] = {
        "clock": "",
        "started_at": None,
        "due_at": None,
        "risk_at": None,
        "paused": bool(paused) and not running,
        "paused_at": None,
        "missed": any(clock.open and clock.missed_at is not None for clock in card.clocks),
    }
    if running:
        clock = min(running, key=lambda c: (c.due_at or c.started_at, c.metric))
        row |= {"clock": clock.metric, "started_at": clock.started_at, "due_at": clock.due_at}
        row["risk_at"] = _risk(clock, timers, before, now)
    elif paused:
        clock = paused[0]
        row |= {"clock": clock.metric, "started_at": clock.started_at}
        row["paused_at"] = min((c.pauses[-1].start for c in paused if c.pauses), default=None)
    return row


def _risk(clock: Clock, timers: Sequence[Timer], before: dict[str, Any] | None, now: dt.datetime) -> dt.datetime | None:
    """From the first alert on; without alerts, from 80 % of the time between start and due."""
    due = clock.due_at
    assert due is not None
    if clock.sent:
        same = before is not None and before["clock"] == clock.metric and before["started_at"] == clock.started_at
        known = before["risk_at"] if before is not None and same else None
        return min(known or now, now, due)
    alerts = [t.due_at for t in timers if t.key.startswith(f"{clock.metric}/{clock.cycle}/") and t.due_at < due]
    return min(alerts, default=clock.started_at + (due - clock.started_at) * AT_RISK)


def visit_row(card: Card, visit: Visit, measure: Measure | None) -> dict[str, Any]:
    left = visit.left_at
    seconds = measure(card, "", visit.entered_at, left) if measure is not None and left is not None else None
    return {
        "card_id": card.id,
        "number": visit.number,
        "pipeline": card.pipeline,
        "stage": visit.stage,
        "entered_at": visit.entered_at,
        "left_at": left,
        "owner": card.owner,
        "business_seconds": seconds,
    }


def clock_row(card: Card, clock: Clock, measure: Measure | None) -> dict[str, Any]:
    return {
        "card_id": card.id,
        "metric": clock.metric,
        "cycle": clock.cycle,
        "pipeline": card.pipeline,
        "stage": clock.stage,
        "visit": clock.visit,
        "calendar": clock.calendar,
        "target": str(clock.target),
        "version": clock.version,
        "state": clock.state.value,
        "outcome": clock.outcome,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "stopped_at": clock.stopped_at,
        "missed_at": clock.missed_at,
        "detected_at": clock.detected_at,
        "owner_at_miss": clock.owner_at_miss,
        "owner": card.owner,
        "team": card.team,
        "priority": card.priority,
        "type": card.type,
        "channel": card.channel,
        "business_seconds": _spent(card, clock, measure),
        "excuse": clock.excuse.reason if clock.excuse else "",
        "excused_at": clock.excuse.at if clock.excuse else None,
        "excused_by": clock.excuse.author if clock.excuse else "",
    }


def _spent(card: Card, clock: Clock, measure: Measure | None) -> float | None:
    """Open time from start to stop without the pauses, with what was carried in; None while it runs."""
    end = clock.stopped_at
    if measure is None or end is None:
        return None
    total, start = clock.carried / 1_000_000, clock.started_at
    for pause in clock.pauses:
        total += measure(card, clock.calendar, start, min(pause.start, end)) or 0.0
        start = end if pause.until is None else min(pause.until, end)
    return total + (measure(card, clock.calendar, start, end) or 0.0)


UNTRIED: Mapping[str, Any] = {
    "card_id": 0, "event_id": 0, "text": "", "state": "pending", "repeat": True, "attempts": 0, "token": "",
    "leased_until": None, "version": "", "settled_at": None, "error": "", "provider_id": "", "connector": "",
    "discarded_at": None,
}  # fmt: skip
"""A row of the outbox that nobody has tried to deliver, as far as it does not say otherwise."""


def outbox_row(effect: AnyEffect, card: Card, event_id: int, version: str, now: dt.datetime) -> dict[str, Any]:
    next_at = now
    connector = ""
    match effect:
        case NotifyPerson(person=person, channel=channel, digest=digest, gather_until=gather_until):
            kind, recipient, text, repeat = "digest" if digest else "notice", person, "", True
            next_at = max(now, gather_until or now)
        case MessageCustomer(text=text):
            kind, channel = "message", effect.channel or card.channel
            recipient = effect.address or card.contact.address or customer_name(card.contact)
            repeat, connector = channel in SAFE_TO_REPEAT, effect.connector or card.connector
        case CallWebhook(connector=connector):
            kind, channel, recipient, text, repeat = "call", "webhook", connector, "", True
    return {
        **UNTRIED,
        "card_id": card.id,
        "event_id": event_id,
        "key": effect.key,
        "kind": kind,
        "channel": channel,
        "recipient": recipient,
        "effect": json(effect),
        "text": text,
        "repeat": repeat,
        "next_at": next_at,
        "version": version,
        "created_at": now,
        "connector": connector,
    }
