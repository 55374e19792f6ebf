"""Deliveries: leased, sent outside any transaction, settled with the lease's token.

States: `pending` (due at `next_at`), `leased`, `sent`, `delayed`, `delivered`, `read`, `failed`, `unknown`, `parked`,
`cancelled` (by a person, before it was sent). Each attempt, each word of the provider and what people do leaves a line
(store.deliveries).

When a worker dies with a lease, nobody knows whether the send went out. Where the receiver tells a second copy by its key
(`repeat`: notices, webhook calls, e-mail with its stable Message-ID), it is sent again under the same key. Where it does
not (WhatsApp and any other channel to a customer), it becomes `unknown` for a person to see, never a second message.

A notice that belongs to a digest (kind `digest`) is no delivery by itself: `lease_digests` takes all of them that are due
for one person by one channel, and they are settled together.

What providers say later (`Status`) is joined into the state by rank, whatever the order it comes in.

Each function is a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Sequence
from typing import assert_never

import msgspec

from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown
from duly_runtime.effects import MessageCustomer, NotifyPerson
from duly_runtime.events import DeliveryStatus, Event, SentElsewhere
from duly_runtime.store import deliveries, unit
from duly_runtime.store.api import OutboxItem
from duly_runtime.store.rows import UNTRIED
from duly_runtime.store.schedule import DELIVERY_TRIES, delivery_gap
from duly_runtime.store.unit import Row

RANK = {"sent": 1, "delayed": 2, "failed": 3, "delivered": 4, "read": 5}
"""What is known, lowest first; `failed` comes after `sent` and `delayed` only. The other states know less than these."""

KEEPS_PLACE = dt.timedelta(minutes=20)
"""A message holds up later ones to the same customer by the same channel while it is under way, or tried again within this
time: five tries by the usual gaps. One that waits for longer is overtaken."""

MOST_GATHERED = 1000
"""Notices in one digest, so that it is ready within its lease; the next ones make another."""

_digests = msgspec.json.Decoder(NotifyPerson)
_messages = msgspec.json.Decoder(MessageCustomer)

LOST_LEASE = "the worker that was sending it disappeared"


def joined(one: str, other: str) -> str:
    """The state that knows more (PROMISES: statuses form a lattice)."""
    return other if RANK.get(other, 0) > RANK.get(one, 0) else one


async def lease(now: dt.datetime, limit: int, seconds: float, ids: Sequence[int], token: str) -> list[OutboxItem]:
    """`token` is new with each call, so that a call which is run again finds what it has leased already."""
    await _reclaim(now)
    skip = " FOR UPDATE SKIP LOCKED" if unit.on_postgres() else ""
    only = f" AND id IN ({unit.marks(len(ids))})" if ids else ""
    due = await unit.fetch(
        f"SELECT id FROM outbox WHERE state = 'pending' AND next_at <= ? AND kind <> 'digest'{only}"
        # One after the other: what the customer is told later must not be there before what they are told first.
        " AND NOT (kind = 'message' AND channel <> 'email' AND recipient <> '' AND EXISTS (SELECT 1 FROM outbox AS earlier"
        " WHERE earlier.kind = 'message' AND earlier.channel = outbox.channel AND earlier.recipient = outbox.recipient"
        " AND earlier.id < outbox.id AND (earlier.state = 'leased'"
        " OR (earlier.state = 'pending' AND earlier.next_at <= ?))))"
        f" ORDER BY next_at, id LIMIT ?{skip}",
        now,
        *ids,
        now + KEEPS_PLACE,
        limit,
    )
    await _take([int(row["id"]) for row in due], now + dt.timedelta(seconds=seconds), token)
    return await _leased(token, now)


async def lease_digests(now: dt.datetime, limit: int, seconds: float, token: str) -> list[list[OutboxItem]]:
    """At most `limit` digests that are due, each with all its notices, oldest first."""
    due = await unit.first(
        "SELECT id FROM outbox WHERE state = 'pending' AND kind = 'digest' AND next_at <= ? LIMIT 1", now
    )
    if due is None:
        return []
    if unit.on_postgres():  # two workers at once would each get a part of one digest
        await unit.fetch("SELECT pg_advisory_xact_lock(hashtextextended('digests', 0))")
    rows = await unit.fetch(
        "SELECT id, recipient, channel, effect FROM outbox WHERE state = 'pending' AND kind = 'digest' AND next_at <= ?"
        " ORDER BY next_at, id LIMIT 5000",
        now,
    )
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        key = (row["recipient"], row["channel"], _digests.decode(row["effect"]).digest)
        ids = groups.setdefault(key, [])
        if len(ids) < MOST_GATHERED:
            ids.append(int(row["id"]))
    taken = list(groups.values())[:limit]
    await _take([number for ids in taken for number in ids], now + dt.timedelta(seconds=seconds), token)
    items = {item.id: item for item in await _leased(token, now)}
    return [[items[number] for number in ids if number in items] for ids in taken]


async def _take(ids: list[int], until: dt.datetime, token: str) -> None:
    if ids:
        await unit.fetch(
            "UPDATE outbox SET state = 'leased', token = ?, leased_until = ?, attempts = attempts + 1"
            f" WHERE id IN ({unit.marks(len(ids))})",
            token,
            until,
            *ids,
        )


async def _leased(token: str, now: dt.datetime) -> list[OutboxItem]:
    rows = await unit.fetch(
        "SELECT id, card_id, key, effect, attempts, token, version, created_at FROM outbox WHERE token = ? ORDER BY id",
        token,
    )
    return [
        OutboxItem(
            id=int(row["id"]),
            card_id=int(row["card_id"]),
            key=row["key"],
            effect=row["effect"].encode(),
            attempts=int(row["attempts"]),
            token=row["token"],
            version=row["version"],
            created_at=row["created_at"],
            leased_at=now,
        )
        for row in rows
    ]


async def _reclaim(now: dt.datetime) -> None:
    """End the leases of workers that are gone."""
    skip = " FOR UPDATE SKIP LOCKED" if unit.on_postgres() else ""
    lost = await unit.fetch(
        "SELECT id, repeat, attempts FROM outbox WHERE state = 'leased' AND leased_until <= ?"
        f" ORDER BY leased_until LIMIT 1000{skip}",
        now,
    )
    for row in lost:
        if not row["repeat"]:
            state = "unknown"
        else:
            # What kills its worker each time is not tried for ever.
            state = "pending" if row["attempts"] < DELIVERY_TRIES else "parked"
        await unit.fetch(
            "UPDATE outbox SET state = ?, token = '', leased_until = NULL, next_at = ?, settled_at = ?, error = ?"
            " WHERE id = ?",
            state,
            now if state == "pending" else None,
            None if state == "pending" else now,
            LOST_LEASE,
            row["id"],
        )
        await deliveries.log(int(row["id"]), "lost", now, error=LOST_LEASE)


async def hold(item: OutboxItem, until: dt.datetime) -> bool:
    rows = await unit.fetch(
        "UPDATE outbox SET leased_until = ? WHERE id = ? AND token = ? AND token <> '' RETURNING id",
        until,
        item.id,
        item.token,
    )
    return bool(rows)


async def settle(item: OutboxItem, outcome: Outcome, text: str, now: dt.datetime, connector: str) -> bool:
    if isinstance(outcome, (Sent, Unknown)):
        await _alone_with(outcome.provider_id)
    row = await unit.first(
        "SELECT state, attempts, key, text, error, provider_id FROM outbox WHERE id = ? AND token = ? AND token <> ''"
        + unit.locked(),
        item.id,
        item.token,
    )
    if row is None:
        return False
    next_at: dt.datetime | None = None
    error = ""
    provider_id: str = row["provider_id"]
    match outcome:
        case Sent(provider_id=given):
            state, provider_id = "sent", given or provider_id
        case Failed(reason=error):
            state = "failed"
        case Unknown(reason=error, provider_id=given):
            state, provider_id = "unknown", given or provider_id
        case Retry(reason=error, after=after, give_up=give_up):
            gap = after or delivery_gap(int(row["attempts"]), row["key"])
            if give_up or gap is None:
                state = "parked"
            else:
                state, next_at = "pending", now + dt.timedelta(seconds=gap)
        case _:
            assert_never(outcome)
    said = "retry" if state == "pending" else state
    await deliveries.log(item.id, said, now, began_at=item.leased_at, error=error, answer=outcome.answer)
    if row["state"] != "leased":
        # The provider has spoken meanwhile: what it knows stands.
        known: str = row["state"]
        state, next_at = joined(known, state), None
        if state == known:
            error = row["error"]
    for status in await _said(item.id, provider_id):
        if joined(state, status["state"]) != state:
            state, error, next_at = status["state"], status["error"], None
    await unit.fetch(
        "UPDATE outbox SET state = ?, token = '', leased_until = NULL, next_at = ?, settled_at = ?, error = ?, text = ?,"
        " provider_id = ?, connector = COALESCE(NULLIF(?, ''), connector) WHERE id = ?",
        state,
        next_at,
        None if state == "pending" else now,
        error,
        text or row["text"],
        provider_id,
        connector,
        item.id,
    )
    if text:
        await unit.fetch("UPDATE message SET text = ? WHERE outbox_id = ?", text, item.id)
    return True


async def _said(outbox_id: int, provider_id: str) -> list[Row]:
    names = [f"#{outbox_id}"] + ([provider_id] if provider_id else [])
    return await unit.fetch(
        f"SELECT state, error FROM status WHERE name IN ({unit.marks(len(names))}) ORDER BY id",
        *names,
    )


async def _alone_with(provider_id: str) -> None:
    """Let no status and no `settle` that know this id run side by side on PostgreSQL: each would miss the other's row."""
    if provider_id and unit.on_postgres():
        await unit.fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", provider_id)


async def of_status(status: DeliveryStatus) -> Row | None:
    """The delivery a status speaks of, not locked; None for one we don't know (yet)."""
    await _alone_with(status.provider_id)
    row = None
    if status.outbox_id:
        row = await unit.first("SELECT id, card_id FROM outbox WHERE id = ?", status.outbox_id)
    if row is None and status.provider_id:
        row = await unit.first(
            "SELECT id, card_id FROM outbox WHERE provider_id = ? AND provider_id <> '' ORDER BY id DESC LIMIT 1",
            status.provider_id,
        )
    return row


async def sent_by_us(body: SentElsewhere) -> bool:
    """Whether what is said to have been sent by another way is a delivery of ours after all."""
    if not body.provider_id:
        return False
    row = await unit.first(
        "SELECT id FROM outbox WHERE provider_id = ? AND provider_id <> '' AND connector = ? LIMIT 1",
        body.provider_id,
        body.connector,
    )
    return row is not None


async def apply_status(status: DeliveryStatus, delivery: Row | None, event: Event, now: dt.datetime) -> None:
    """Keep it, and join it into the delivery's state. One that names nothing we know waits for `settle` to name it."""
    names = ([f"#{status.outbox_id}"] if status.outbox_id else []) + ([status.provider_id] if status.provider_id else [])
    if status.state not in RANK:
        return
    said = [
        {"event_id": event.id, "name": name, "state": status.state, "error": status.error, "at": event.at} for name in names
    ]
    await unit.insert("status", said, "ON CONFLICT (name, state) DO NOTHING")
    if delivery is None:
        return
    row = await unit.first("SELECT state, error, provider_id FROM outbox WHERE id = ?" + unit.locked(), delivery["id"])
    if row is None:
        return
    state, error = row["state"], row["error"]
    provider_id = row["provider_id"] or status.provider_id
    # This status may be the first to tell that what was said of the provider's id was said of this delivery.
    for each in await _said(int(delivery["id"]), provider_id):
        if joined(state, each["state"]) != state:
            state, error = each["state"], each["error"]
    if state == row["state"] and provider_id == row["provider_id"]:
        return
    spoken = state != row["state"]
    await unit.fetch(
        # The token stays: a worker that is still sending it reports to it.
        "UPDATE outbox SET state = ?, error = ?, next_at = CASE WHEN ? THEN NULL ELSE next_at END,"
        " settled_at = CASE WHEN ? THEN COALESCE(settled_at, ?) ELSE settled_at END, provider_id = ? WHERE id = ?",
        state,
        error,
        spoken,
        spoken,
        now,
        provider_id,
        delivery["id"],
    )
    if spoken:
        await deliveries.log(int(delivery["id"]), state, now, error=error)


async def refused(status: DeliveryStatus, delivery: Row | None) -> MessageCustomer | None:
    """The message to a customer of which a status says that free text was not taken."""
    if delivery is None or not status.closed or status.state != "failed":
        return None
    row = await unit.first(
        "SELECT effect FROM outbox WHERE id = ? AND state = 'failed' AND kind = 'message'", delivery["id"]
    )
    return None if row is None else _messages.decode(row["effect"])


async def tell(person: str, text: str, key: str, now: dt.datetime) -> None:
    """A notice in the app that is about no card: said at once, nothing is sent."""
    row = {
        **UNTRIED,
        "key": f"told/{key}",
        "kind": "notice",
        "channel": "app",
        "recipient": person,
        "effect": "",
        "text": text,
        "state": "delivered",
        "next_at": None,
        "created_at": now,
        "settled_at": now,
    }
    await unit.insert("outbox", [row], "ON CONFLICT (key) DO NOTHING")
