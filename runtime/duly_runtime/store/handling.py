"""One event judged and written: the transaction at the heart of Duly.

What keeps the order: whoever handles an event of a card holds the locks of its conversation and its card (in that order,
so that two never wait for each other) and looks for older events of both before anything else. What an older event is
waiting for, the younger waits for too. On SQLite the one writer is the lock.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

import msgspec
from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import Decision, MessageCustomer, World
from duly_runtime.engine.answers import asked
from duly_runtime.events import (
    AbsorbCard,
    AgentMessage,
    AnyBody,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    Event,
    MessageChanged,
    OpenCard,
    ReleaseCard,
    SentElsewhere,
    SplitCard,
    SplitOff,
    TemplateChanged,
    TimerFired,
)
from duly_runtime.store import (
    answers,
    approvals,
    contacts,
    conversations,
    facts,
    journal,
    messages,
    outbox,
    quarantine,
    reached,
    rows,
    saying,
    spanning,
    threads,
    unit,
)
from duly_runtime.store.api import Decide, Handled, Limited, Measure
from duly_runtime.store.unit import Row

CUSTOMER = "\x1fcontact/"
"""What stands before a contact's id in the key of its one conversation with a connector (`same card when customer`)."""
REST = dt.timedelta(seconds=1)
"""A timer that is still wanted after it has fired (another machine's clock is behind) comes again after this long."""

_bodies = msgspec.json.Decoder(AnyBody)
_cards = msgspec.json.Decoder(Card)


class Broken(Exception):
    """`decide` raised; `__cause__` is what."""


class Contended(Exception):
    """Another worker has dealt from the same team at the same time; run again with `alone`."""


class Earlier(msgspec.Struct, frozen=True):
    """An older event must be handled first. `put_off`: it can't be yet."""

    event_id: int
    put_off: bool


async def handle_together(
    event_ids: Sequence[int],
    decide: Decide,
    version: str,
    now: dt.datetime,
    measure: Measure | None,
    limited: Limited = (),
) -> dict[int, Handled]:
    """Without those that must wait for events which are not among them."""
    done: dict[int, Handled] = {}
    for event_id in event_ids:
        result = await handle(event_id, decide, version, now, measure, False, limited)
        if isinstance(result, Handled):
            done[event_id] = result
    return done


async def handle(
    event_id: int,
    decide: Decide,
    version: str,
    now: dt.datetime,
    measure: Measure | None,
    alone: bool,
    limited: Limited = (),
) -> Handled | Earlier:
    """`alone`: keep others from dealing from any team until we are done."""
    row = await _waiting_event(event_id, now)
    if row is None:
        return Handled(done=False)
    body: AnyBody = _bodies.decode(row["body"])
    event = Event(id=event_id, at=row["at"], body=body, backfill=bool(row["backfill"]))

    if isinstance(body, ContactChanged):
        await contacts.follow(body, now)
    found = await contacts.find(body) if isinstance(body, (CustomerMessage, OpenCard)) else contacts.NOBODY
    card_id = int(row["card_id"])
    conversation: Row | None = None
    theirs: Row | None = None
    delivery: Row | None = None
    if isinstance(body, DeliveryStatus):
        delivery = await outbox.of_status(body)
        card_id = int(delivery["card_id"]) if delivery else 0
    elif isinstance(body, MessageChanged):
        card_id = await messages.card_of(body)
    thread = body.thread if isinstance(body, CustomerMessage) and not card_id else None
    place: threads.Place | None = None
    if thread is not None and await quarantine.is_new(event_id):
        pass  # neither the conversation nor what it names counts
    elif not card_id:
        conversation = await _conversation(body)
        if conversation is not None:
            card_id = int(conversation["card_id"])
        if found.contact_id and _by_customer(body):
            theirs = await conversations.find(body.connector, (f"{CUSTOMER}{found.contact_id}",))
            card_id = int(theirs["card_id"]) or card_id
        if found.contact_id and isinstance(body, CustomerMessage) and thread is None and not found.named.claimed:
            card_id = await reached.card_of(body, found.contact_id, card_id)
        if thread is not None:
            place = await threads.place(thread, card_id)
            card_id = place.card_id
    before = named = await _card_row(card_id) if card_id else None
    may_open = isinstance(body, (CustomerMessage, OpenCard))
    if may_open or isinstance(body, (SentElsewhere, MessageChanged, ContactChanged)):
        before = await _home(named)
    if unit.on_postgres():
        row = await _waiting_event(event_id, now)
        if row is None:
            return Handled(done=False)  # somebody handled it while we waited for the locks

    earlier = await _earlier(event_id, row, body, before, now)
    if earlier is not None:
        return earlier

    refused: MessageCustomer | None = None
    if isinstance(body, DeliveryStatus):
        await outbox.apply_status(body, delivery, event, now)
        refused = await outbox.refused(body, delivery)
    elif isinstance(body, TemplateChanged):
        await approvals.apply(body, event)
    elif isinstance(body, MessageChanged):
        await messages.note(body, event)
    card: Card | None = _cards.decode(before["data"]) if before else None
    if thread is not None and place is not None:
        place = await threads.still(place, thread, _cards.decode(named["data"])) if named is not None else place
        if place.why:
            await quarantine.keep(event_id, place, thread.sender, now)
            return Handled(done=True, quarantined=True)
    if isinstance(body, SentElsewhere) and await outbox.sent_by_us(body):
        return await _nothing_new(event_id, card_id, version, now)
    other_id = spanning.other_of(body, card)
    other = await _card_row(other_id) if other_id else None
    if other is not None:
        earlier = await _earlier(event_id, row, body, other, now)
        if earlier is not None:
            return earlier
    splits = body if isinstance(body, SplitCard) else None
    parting = await spanning.parting(card, splits) if splits is not None and card is not None else None
    new = splits is not None or (may_open and (card is None or card.finished_at is not None))
    answered = await answers.known(asked(body, card))
    world = await _world(new=new, alone=alone, limited=limited, answered=answered)
    world = msgspec.structs.replace(world, refused=refused) if refused is not None else world
    if other is not None or splits is not None:
        known = _cards.decode(other["data"]) if other is not None else None
        world = replace(world, other=known, unfit=splits is not None and parting is None)
    decision = _decided(decide, event, card, world)
    if decision.card is not None and not decision.card.id:
        # It opens a card although one is open: it needs the number we did not think of.
        world = await _world(new=True, alone=alone, limited=limited, answered=answered)
        decision = _decided(decide, event, card, world)

    outbox_ids: tuple[int, ...] = ()
    kept = decision.card
    if kept is not None:
        if card is None or kept.id != card.id:
            card = before = None
        whose = None
        if isinstance(body, (CustomerMessage, OpenCard)) and not (decision.refused and isinstance(body, OpenCard)):
            whose = await contacts.settle(found, body, before, now)
        await _write_card(kept, card, before, decision, event, now, measure, whose)
        outbox_ids = await _write_effects(kept, decision, event, version, now, whose)
        if isinstance(body, AgentMessage) and before is not None and not decision.refused:
            await reached.note(body, before)
        if conversation is not None and not _leads_to(conversation, named, before, kept.id):
            if not conversation["card_id"] and isinstance(body, CustomerMessage):
                await saying.sent_before(kept, (body.conversation, *body.known_as), now)
            await conversations.point(conversation, kept.id)
        if whose is not None and whose.contact_id and _by_customer(body):
            theirs = theirs or await conversations.find(body.connector, (f"{CUSTOMER}{whose.contact_id}",))
            if not _leads_to(theirs, named, before, kept.id):
                await conversations.point(theirs, kept.id)
    await answers.write(decision.answered, now)
    await _write_tallies(decision, card, world)
    await _write_trace(decision, event, version, now)
    stray = kept is None and isinstance(body, CustomerMessage)
    await _mark(event_id, kept.id if kept else card_id, decision, version, now, stray)
    other_id = 0
    if kept is not None and card is not None and not decision.refused:
        side = parting.body if parting is not None else spanning.other_side(body, card, kept)
        if side is not None:
            judging = _Judging(decide, version, now, measure, alone, limited)
            other_card, more = await _other_side(side, event, other, world, judging)
            other_id, outbox_ids = other_card.id, outbox_ids + more
            if parting is not None and splits is not None:
                await spanning.move(splits.messages, other_card, parting.body)
                await _give(other_card.id, card.id, parting.writer, now)
    return Handled(
        done=True,
        card_id=kept.id if kept else 0,
        pipeline=kept.pipeline if kept else "",
        refused=decision.refused,
        outbox_ids=outbox_ids,
        other_id=other_id,
    )


def _by_customer(body: AnyBody) -> TypeGuard[CustomerMessage]:
    """Whether the customer tells which card it is, as the connector's rules say: so nobody else may be able to say so."""
    return isinstance(body, CustomerMessage) and body.same_customer and body.sure_of_sender


class _Judging(NamedTuple):
    """How events are judged in this transaction: the arguments of `handle`."""

    decide: Decide
    version: str
    now: dt.datetime
    measure: Measure | None
    alone: bool
    limited: Limited


async def _other_side(
    side: AbsorbCard | ReleaseCard | SplitOff, event: Event, before: Row | None, world: World, how: _Judging
) -> tuple[Card, tuple[int, ...]]:
    """Journal, judge and write what an event means for the other card; that card and new deliveries."""
    backfill = isinstance(side, SplitOff)
    at = side.said[0].at if isinstance(side, SplitOff) else event.at
    card_id = int(before["id"]) if before is not None else 0
    row = journal.event_row(journal.SPANS, str(event.id), side, at=at, now=how.now, card_id=card_id, backfill=backfill)
    (new,) = await unit.insert("event", [row], "RETURNING id")
    own = Event(id=int(new["id"]), at=at, body=side, backfill=backfill)
    card: Card | None = _cards.decode(before["data"]) if before is not None else None
    answered = await answers.known(asked(side, card))
    fresh = await _world(new=False, alone=how.alone, limited=how.limited, answered=answered)
    fresh = replace(fresh, next_card_id=world.next_card_id, next_card_number=world.next_card_number)
    decision = _decided(how.decide, own, card, fresh)
    kept = decision.card
    if kept is None or decision.refused:
        raise Broken from RuntimeError(f"the other card refuses it: {decision.refused}")
    await _write_card(kept, card, before, decision, own, how.now, how.measure, None)
    outbox_ids = await _write_effects(kept, decision, own, how.version, how.now, None)
    await answers.write(decision.answered, how.now)
    await _write_tallies(decision, card, fresh)
    await _write_trace(decision, own, how.version, how.now)
    await _mark(own.id, kept.id, decision, how.version, how.now, False)
    return kept, outbox_ids


async def _give(card_id: int, from_id: int, writer: CustomerMessage | OpenCard | None, now: dt.datetime) -> None:
    """Say whose the new card of a split is: the writer's of its first message, else that of the card it comes from."""
    of_card = None
    if writer is not None:
        found = await contacts.find(writer)
        of_card = (await contacts.settle(found, writer, None, now)).of_card if found.named.keys else None
    if of_card is None:
        of_card = await unit.first("SELECT contact_id, identity_id, claimed FROM card WHERE id = ?", from_id)
    if of_card is not None:
        await unit.fetch(
            "UPDATE card SET contact_id = ?, identity_id = ?, claimed = ? WHERE id = ?",
            of_card["contact_id"],
            of_card["identity_id"],
            of_card["claimed"],
            card_id,
        )


async def _mark(event_id: int, card_id: int, decision: Decision, version: str, now: dt.datetime, stray: bool) -> None:
    """The event is handled. `stray`: a customer's message that found no place, which is for a person to see."""
    await unit.fetch(
        "UPDATE event SET handled_at = ?, card_id = ?, version = ?, refused = ?, error = ?, next_at = NULL, parked_at = ?"
        " WHERE id = ?",
        now,
        card_id,
        version,
        decision.refused,
        (decision.refused or "it opened no card") if stray else "",
        now if stray else None,
        event_id,
    )


def _leads_to(conversation: Row, named: Row | None, before: Row | None, card_id: int) -> bool:
    """Whether a conversation leads to a card already: it is its card, or its card is part of that one."""
    if card_id == conversation["card_id"]:
        return True
    followed = named is not None and before is not None and int(named["id"]) == conversation["card_id"]
    return followed and before is not None and int(before["id"]) == card_id


async def _home(row: Row | None) -> Row | None:
    """The card that a card is part of; itself where it is part of none."""
    seen: set[int] = set()
    while row is not None and row["merged_into"] and int(row["id"]) not in seen:
        seen.add(int(row["id"]))
        row = await _card_row(int(row["merged_into"]))
    return row


async def _nothing_new(event_id: int, card_id: int, version: str, now: dt.datetime) -> Handled:
    """The event tells what is known already."""
    await unit.fetch(
        "UPDATE event SET handled_at = ?, card_id = ?, version = ?, next_at = NULL WHERE id = ?",
        now,
        card_id,
        version,
        event_id,
    )
    return Handled(done=True)


async def _waiting_event(event_id: int, now: dt.datetime) -> Row | None:
    """`older`: an event of the same stream that must be handled first, if there is one."""
    return await unit.first(
        "SELECT stream, card_id, at, backfill, body, (SELECT MIN(b.id) FROM event b WHERE b.stream = e.stream"
        " AND b.stream <> '' AND b.id < e.id AND b.handled_at IS NULL AND b.parked_at IS NULL) AS older FROM event e"
        " WHERE id = ? AND handled_at IS NULL AND parked_at IS NULL AND (next_at IS NULL OR next_at <= ?)",
        event_id,
        now,
    )


async def _conversation(body: AnyBody) -> Row | None:
    """The row of the conversation an event belongs to; None where it belongs to none."""
    match body:
        case OpenCard(connector=connector, conversation=name) if name:
            return await conversations.find(connector, (name,))
        case CustomerMessage() | SentElsewhere() if body.conversation:
            return await conversations.find(body.connector, (body.conversation, *body.known_as))
        case ContactChanged():
            return await conversations.find(body.connector, (body.conversation, *body.known_as), body.former)
        case _:
            return None


async def _card_row(card_id: int) -> Row | None:
    return await unit.first(
        "SELECT id, connector, conversation, clock, started_at, risk_at, contact_id, merged_into, data FROM card"
        f" WHERE id = ?{unit.locked()}",
        card_id,
    )


async def _earlier(event_id: int, event: Row, body: AnyBody, card: Row | None, now: dt.datetime) -> Earlier | None:
    streams: set[str] = set()
    if isinstance(body, ContactChanged):
        streams.update(journal.conversation_stream(body.connector, name) for name in body.former)
    if event["older"] is not None:
        streams.add(event["stream"])
    if card is not None:
        others = {
            journal.card_stream(int(card["id"])),
            journal.conversation_stream(card["connector"], card["conversation"]),
        }
        streams |= others - {event["stream"], ""}
    if not streams:
        return None
    row = await unit.first(
        f"SELECT id, next_at FROM event WHERE stream IN ({unit.marks(len(streams))}) AND id < ?"
        " AND handled_at IS NULL AND parked_at IS NULL ORDER BY id LIMIT 1",
        *sorted(streams),
        event_id,
    )
    if row is None:
        return None
    return Earlier(event_id=int(row["id"]), put_off=row["next_at"] is not None and row["next_at"] > now)


async def _world(*, new: bool, alone: bool, limited: Limited, answered: dict[str, dt.datetime]) -> World:
    """`new`: the event may open a card, and gets a number for it (which is left out where it does not)."""
    if alone and unit.on_postgres():
        await unit.fetch("SELECT id FROM tally WHERE kind IN ('cursor', 'over') ORDER BY kind, name FOR UPDATE")
    load: dict[str, int] = {}
    cursors: dict[str, int] = {}
    over: set[str] = set()
    number = 0
    for row in await unit.fetch("SELECT kind, name, n FROM tally"):
        if row["kind"] == "load":
            if row["n"] > 0:
                load[row["name"]] = int(row["n"])
        elif row["kind"] == "cursor":
            cursors[row["name"]] = int(row["n"])
        elif row["kind"] == "over":
            if row["n"]:
                over.add(row["name"])
        else:
            number = int(row["n"]) + 1
    if new and unit.on_postgres():
        number = int((await unit.fetch("SELECT nextval('card_number_seq') AS n"))[0]["n"])
    given = number if new else 0
    return World(
        load=load,
        cursors=cursors,
        stages=await _held(limited),
        answered=answered,
        over=frozenset((line, stage) for line, stage, *_ in limited if _named(line, stage) in over),
        next_card_id=given,
        next_card_number=given,
    )


async def _held(limited: Limited) -> dict[tuple[str, str], int]:
    """Open cards in the stages that have a limit, under whatever name they are stored."""
    if not limited:
        return {}
    pairs = " OR ".join(["(pipeline = ? AND stage = ?)"] * len(limited))
    names = [name for _, _, line, stage in limited for name in (line, stage)]
    rows = await unit.fetch(
        f"SELECT pipeline, stage, COUNT(*) AS n FROM card WHERE finished_at IS NULL AND ({pairs}) GROUP BY pipeline, stage",
        *names,
    )
    counts = {(row["pipeline"], row["stage"]): int(row["n"]) for row in rows}
    held: dict[tuple[str, str], int] = {}
    for line, stage, stored_line, stored_stage in limited:
        held[line, stage] = held.get((line, stage), 0) + counts.get((stored_line, stored_stage), 0)
    return held


def _named(pipeline: str, stage: str) -> str:
    """What a tally of a stage is called; names hold no such sign."""
    return f"{pipeline}\x1f{stage}"


def _decided(decide: Decide, event: Event, card: Card | None, world: World) -> Decision:
    try:
        return decide(event, card, world)
    except Exception as error:
        raise Broken from error


async def _write_card(
    card: Card,
    old: Card | None,
    before: Row | None,
    decision: Decision,
    event: Event,
    now: dt.datetime,
    measure: Measure | None,
    whose: contacts.Whose | None,
) -> None:
    of_card = whose.of_card if whose is not None else None
    if old is None:
        nobody = {"contact_id": 0, "identity_id": 0, "claimed": False}
        await unit.insert("card", [rows.card_row(card, decision.timers, None, now) | (of_card or nobody)])
    elif card != old or of_card:
        row = rows.card_row(card, decision.timers, before, now) | (of_card or {})
        sets = ", ".join(f"{column} = ?" for column in row)
        await unit.fetch(f"UPDATE card SET {sets} WHERE id = ?", *row.values(), card.id)

    owner_changed = old is not None and old.owner != card.owner
    known = {visit.number: visit for visit in old.visits} if old else {}
    visits = [
        visit for visit in card.visits if known.get(visit.number) != visit or (owner_changed and visit.left_at is None)
    ]
    visit_rows = [rows.visit_row(card, visit, measure) for visit in visits]
    await _upsert("visit", visit_rows, ("card_id", "number"))

    were = {(clock.metric, clock.cycle): clock for clock in old.clocks} if old else {}
    clocks = [clock for clock in card.clocks if were.get((clock.metric, clock.cycle)) != clock]
    clock_rows = [rows.clock_row(card, clock, measure) for clock in clocks]
    await _upsert("clock", clock_rows, ("card_id", "metric", "cycle"))
    stays, outcomes = zip(visits, visit_rows, strict=True), zip(clocks, clock_rows, strict=True)
    await facts.write(card, old, list(stays), list(outcomes), now)

    await _write_timer(card, old is None, decision, event, now)
    entries = [
        {
            "card_id": card.id,
            "event_id": event.id,
            "kind": entry.kind,
            "at": entry.at,
            "author": entry.author,
            "details": rows.json(entry.details),
        }
        for entry in decision.entries
    ]
    await unit.insert("history", entries)


async def _upsert(table: str, new: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    if not new:
        return
    sets = ", ".join(f"{column} = excluded.{column}" for column in new[0] if column not in key)
    await unit.insert(table, new, f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets}")


async def _write_timer(card: Card, new: bool, decision: Decision, event: Event, now: dt.datetime) -> None:
    """One row a card: for what falls due first. Its event takes all that is due by then, and sets the next."""
    first = min(decision.timers, key=lambda timer: timer.due_at, default=None)
    there = [] if new else await unit.fetch("SELECT id, key, due_at FROM timer WHERE card_id = ?", card.id)
    if first is not None and [(row["key"], row["due_at"]) for row in there] == [(first.key, first.due_at)]:
        return
    if there:
        await unit.fetch("DELETE FROM timer WHERE card_id = ?", card.id)
    if first is None:
        return
    late = isinstance(event.body, TimerFired) and first.due_at <= event.body.due_at
    row = {
        "card_id": card.id,
        "key": first.key,
        "due_at": first.due_at,
        "wake_at": max(first.due_at, now + REST) if late else first.due_at,
        "armed_by": event.id,
    }
    await unit.insert("timer", [row])


async def _write_effects(
    card: Card, decision: Decision, event: Event, version: str, now: dt.datetime, whose: contacts.Whose | None
) -> tuple[int, ...]:
    """Deliveries whose key is new, and the messages of the conversation."""
    deliveries = [rows.outbox_row(effect, card, event.id, version, now) for effect in decision.effects]
    new = await unit.insert("outbox", deliveries, "ON CONFLICT (key) DO NOTHING RETURNING id, key")
    ids = {row["key"]: int(row["id"]) for row in new}
    lines = [] if decision.refused and not isinstance(event.body, CustomerMessage) else saying.lines_of(card, event)
    out = [effect for effect in decision.effects if isinstance(effect, MessageCustomer) and effect.key in ids]
    if out and isinstance(event.body, AgentMessage):
        # The person's words are in the delivery that takes them to the customer.
        lines = [line for line in lines if line["direction"] != "out"]
    for effect in out:
        channel = effect.channel or card.channel
        line = saying.line(card, event, "out", effect.author, channel, effect.text, now)
        lines.append(line | {"outbox_id": ids[effect.key], "reply_to": effect.reply_to})
    if whose is not None:
        lines = [line | {"contact_id": whose.contact_id} if line["direction"] == "in" else line for line in lines]
    await saying.write(lines, event, {ids[effect.key]: effect.files for effect in out}, now)
    return tuple(sorted(ids.values()))


async def _write_tallies(decision: Decision, old: Card | None, world: World) -> None:
    """Cursors by comparison (who lost the race decides anew), loads by difference; in the order of names, so that two
    transactions never wait for each other."""
    for team, n in sorted(decision.cursors.items()):
        known = world.cursors.get(team)
        if known == n:
            continue
        if known is None:
            row = {"kind": "cursor", "name": team, "n": n}
            moved = await unit.insert("tally", [row], "ON CONFLICT (kind, name) DO NOTHING RETURNING id")
        else:
            moved = await unit.fetch(
                "UPDATE tally SET n = ? WHERE kind = 'cursor' AND name = ? AND n = ? RETURNING id", n, team, known
            )
        if not moved:
            raise Contended
    for (line, stage), now_over in sorted(decision.over.items()):
        row = {"kind": "over", "name": _named(line, stage), "n": int(now_over)}
        ending = "ON CONFLICT (kind, name) DO UPDATE SET n = excluded.n WHERE tally.n <> excluded.n RETURNING id"
        if not await unit.insert("tally", [row], ending):
            raise Contended
    changes: dict[tuple[str, str], int] = {}
    for card, step in ((old, -1), (decision.card, 1)):
        if card is not None and card.owner and card.finished_at is None:
            changes["load", card.owner] = changes.get(("load", card.owner), 0) + step
    if decision.card is not None and old is None and not unit.on_postgres():
        changes["number", ""] = 1
    await unit.insert(
        "tally",
        [{"kind": kind, "name": name, "n": change} for (kind, name), change in sorted(changes.items()) if change],
        "ON CONFLICT (kind, name) DO UPDATE SET n = tally.n + excluded.n",
    )


async def _write_trace(decision: Decision, event: Event, version: str, now: dt.datetime) -> None:
    if decision.trace:
        row = {
            "event_id": event.id,
            "card_id": decision.card.id if decision.card else 0,
            "at": now,
            "version": version,
            "event_kind": type(event.body).__name__,
            "facts": rows.json(decision.trace),
        }
        await unit.insert("trace", [row], "ON CONFLICT (event_id) DO NOTHING")
