"""What the engine decides of one event: a new card, timers to set, effects to perform, and why.

The engine performs nothing. The runtime writes a Decision in one transaction and the outbox delivers afterwards.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_runtime.card import Card
from duly_runtime.effects import AnyEffect as AnyEffect
from duly_runtime.effects import CallWebhook as CallWebhook
from duly_runtime.effects import Effect as Effect
from duly_runtime.effects import MessageCustomer as MessageCustomer
from duly_runtime.effects import NotifyPerson as NotifyPerson


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """Wake the card at `due_at`. `key` is unique within the card and stable: `first reply/1/80%`, `ladder/Late/…`."""

    key: str
    due_at: dt.datetime


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the card's history, for people. `kind` names a sentence the screens can translate; `details` fill it.

    Kinds: `card.created`, `stage.entered`, `stage.left`, `owner.changed`, `field.changed`, `tag.added`, `tag.removed`,
    `participant.added`, `participant.removed`,
    `message.in`, `message.out`, `message.elsewhere` (sent by another way than Duly), `message.edited`, `message.deleted`,
    `message.reacted`, `message.unreacted`, `contact.changed`, `note.added`,
    `delivery.again`, `delivery.marked` (as sent), `delivery.unmarked`: what people do about one,
    `clock.started`, `clock.paused`, `clock.resumed`, `clock.met`,
    `clock.stopped` (what it waited for, after it was missed), `clock.missed`, `clock.cancelled`,
    `clock.retargeted`, `alert.sent`, `ladder.started`, `ladder.level`,
    `clock.excused`, `clock.unexcused`, `stage.over`,
    `ladder.stopped`, `silence.acted`, `rule.fired`, `card.finished`, `card.reopened`, `refused`, `cascade.stopped`,
    `message.held` and `notice.held` (waits `until`, `why`), `message.dropped` (`why`:
    `pointless` of a held reminder, `window` of WhatsApp, or what `engine.answers` says of `to`).
    """

    kind: str
    at: dt.datetime
    """When it took effect: for a missed clock, the due instant."""
    author: str = ""
    """User name, `customer`, or empty for Duly."""
    details: dict[str, str] = {}


class RuleTrace(msgspec.Struct, frozen=True, array_like=True):
    """A candidate rule: whether it fired, and where not, the index in `Rule.terms` of the first term that was false."""

    rule: int
    fired: bool
    failed_term: int = -1
    shadow: bool = False


class FactTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact the event led to (`customer replies`, `card enters` New …) and the candidates it was held against.

    `values` holds what the conditions read, as they were then (operand -> value as text), for `explain`.
    """

    kind: str
    subject: str = ""
    depth: int = 0
    """0 for the event itself, n for what rules set off in turn."""
    rules: tuple[RuleTrace, ...] = ()
    values: dict[str, str] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`card` None only where the event concerns no card (a stray status). `refused` is a reason code and words where a
    command was not carried out; the card is then unchanged. `timers` is the full set the card wants now."""

    card: Card | None
    timers: tuple[Timer, ...] = ()
    effects: tuple[AnyEffect, ...] = ()
    entries: tuple[Entry, ...] = ()
    trace: tuple[FactTrace, ...] = ()
    over: dict[tuple[str, str], bool] = {}
    """(Pipeline, stage) -> whether it has been told that there are too many cards, where that changed."""
    cursors: dict[str, int] = {}
    """Round-robin places that moved: team -> how many times dealt."""
    answered: tuple[str, ...] = ()
    """Mail addresses that a rule answers now."""
    refused: str = ""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may need of other cards, read in the same transaction."""

    load: dict[str, int] = {}
    """Person -> open cards owned."""
    stages: dict[tuple[str, str], int] = {}
    """(Pipeline, stage) -> open cards there; stages with a limit only."""
    over: frozenset[tuple[str, str]] = frozenset()
    """Where it has been told that there are too many."""
    cursors: dict[str, int] = {}
    answered: dict[str, dt.datetime] = {}
    """Mail address -> when a rule last answered it, on whichever card. Those the event may be about only."""
    refused: MessageCustomer | None = None
    """The message a DeliveryStatus says failed."""
    other: Card | None = None
    """The other card of an event that spans two, as it is."""
    unfit: bool = False
    """The messages a SplitCard names are not all the card's, or nothing would be left of it."""
    next_card_id: int = 0
    """Identity for a card this event opens."""
    next_card_number: int = 0
