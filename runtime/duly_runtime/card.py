"""The card and what runs on it: the aggregate the engine reads and returns. Immutable; stored whole and as rows.

All instants are UTC. Rows of clocks and visits in the store are written from here and exist for boards and reports.
"""

from __future__ import annotations

import datetime as dt
import enum

import msgspec

from duly_dsl.units import Duration
from duly_runtime.effects import AnyEffect
from duly_runtime.events import Contact, Scalar

AT_RISK = 0.8
"""The part of the time from start to due after which a clock without alerts counts as at risk."""


class ClockState(enum.StrEnum):
    """Where a clock stands. Whether it was missed is told apart (`Clock.missed_at`): a missed clock runs on until
    its stop, so that how late it was is known."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    """Stopped by what it waited for; met or missed."""
    CANCELLED = "cancelled"
    """Overtaken (resolving cancels `next reply`, leaving the pipeline cancels all): counts neither way, unless it was
    missed before."""


RUNNING, PAUSED = ClockState.RUNNING, ClockState.PAUSED


class Pause(msgspec.Struct, frozen=True, array_like=True):
    """`until` None: still paused."""

    start: dt.datetime
    until: dt.datetime | None = None


class Excuse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a miss is excused. The outcome and its instants stay as they are; reports may leave it out."""

    reason: str
    at: dt.datetime
    author: str = ""
    """User name, or empty for Duly itself."""
    rule: str = ""


class Clock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cycle of one clock.

    `due_at` is the instant it falls due, None while paused. `missed_at` is the due instant that passed, or the later
    moment at which a change put the due instant into the past (CLOCKS, point 12); `detected_at` when that was seen.
    `sent` holds keys of alerts already given (CLOCKS, point 14).
    """

    metric: str
    cycle: int
    """From 1; for `leave stage` it is the visit's number."""
    stage: str
    """The stage whose promise it is, or empty where the pipeline makes it."""
    visit: int = 0
    calendar: str
    target: Duration
    version: str
    """Hash of the Program that started it."""
    started_at: dt.datetime
    carried: int = 0
    """Microseconds already spent in earlier cycles or visits, for `continue` and `total`."""
    pauses: tuple[Pause, ...] = ()
    state: ClockState = ClockState.RUNNING
    due_at: dt.datetime | None = None
    missed_at: dt.datetime | None = None
    detected_at: dt.datetime | None = None
    owner_at_miss: str = ""
    excuse: Excuse | None = None
    stopped_at: dt.datetime | None = None
    """None exactly while it is open."""
    cancelled_by: str = ""
    """Why it was cancelled: `resolved`; `merged` where the card is part of another now; `split` where what it waited an
    answer to went to another card; `removed` where the live version has no such clock; `stopped` where what it
    waited for came while nothing was promised; or `no promise` where no row promises anything any more (such a clock
    goes on, with its time kept, when one promises again)."""
    sent: tuple[str, ...] = ()
    held: bool = False
    """A named clock's `pause when` has held since, and its `resume when` not yet."""

    @property
    def open(self) -> bool:
        return self.stopped_at is None

    @property
    def outcome(self) -> str:
        """`missed`, `met`, or empty while it is open or where it counts neither way."""
        if self.missed_at is not None:
            return "missed"
        return "met" if self.state is ClockState.DONE else ""


class Ladder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of an escalation, for one missed clock (metric and cycle).

    `next_at` is when the next level (`level`, or its repeat) comes; None when no level is left, though the ladder still
    waits for its stop.
    """

    name: str
    metric: str
    cycle: int
    version: str
    visit: int
    began_at: dt.datetime
    """The due instant that was missed: levels count from here."""
    level: int = 0
    """The last level reached."""
    repeats: int = 0
    next_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    stopped_by: str = ""
    """`stop`, `left stage`, `acknowledged`, `finished`, `merged` with the card, or `removed` where the live version has no
    such ladder."""


class Visit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stay in one stage. `number` counts the card's visits from 1."""

    number: int
    stage: str
    entered_at: dt.datetime
    left_at: dt.datetime | None = None
    resumed: bool = False
    """What the stage waits for has come: its clocks run again, though the card is still here."""
    silences: tuple[int, ...] = ()
    """Silence rules of the stage that have acted since the last message."""
    silences_once: tuple[int, ...] = ()
    """Silence rules marked `once` that have acted in this visit."""


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a rule sends that must wait. `why`: `quiet hours` or `rate`."""

    effect: AnyEffect
    until: dt.datetime
    why: str
    rule: str = ""
    visit: int = 0
    """A reminder of this visit: pointless once the card is elsewhere or somebody has written since `silent_since`."""
    silent_since: dt.datetime | None = None
    answer: bool = False
    """A message of the customer set it off: it counts as an answer."""


class Merged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The card is part of another one (`card`, an id). `finished_at` and `unanswered_since` are as they were before."""

    card: int
    number: int
    at: dt.datetime
    finished_at: dt.datetime | None = None
    unanswered_since: dt.datetime | None = None


class Absorbed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another card that is part of this one. `participants` are those this card has by it."""

    card: int
    number: int
    at: dt.datetime
    participants: tuple[str, ...] = ()


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket. `revision` grows by one with every event handled."""

    id: int
    number: int
    pipeline: str
    stage: str
    title: str = ""
    contact: Contact = Contact()
    channel: str = ""
    connector: str = ""
    conversation: str = ""
    priority: str = ""
    type: str = ""
    owner: str = ""
    """User name of a person, or empty."""
    team: str = ""
    fields: dict[str, Scalar] = {}
    tags: tuple[str, ...] = ()
    created_at: dt.datetime
    finished_at: dt.datetime | None = None
    last_customer_at: dt.datetime | None = None
    last_agent_at: dt.datetime | None = None
    unanswered_since: dt.datetime | None = None
    """The first customer message no person has answered."""
    first_replied_at: dt.datetime | None = None
    clocks: tuple[Clock, ...] = ()
    """Every open clock, and the finished ones."""
    unpromised: dict[str, dt.datetime] = {}
    """Named clocks that would have started then, had a row of their targets promised anything."""
    ladders: tuple[Ladder, ...] = ()
    visits: tuple[Visit, ...] = ()
    sent_once: tuple[str, ...] = ()
    """Templates sent with `once`."""
    held: tuple[Held, ...] = ()
    """What waits for the end of quiet hours, or for room under the rate."""
    messaged: tuple[dt.datetime, ...] = ()
    """When rules lately sent the customer something, as far back as a rate looks."""
    schedules: dict[str, dt.datetime] = {}
    """Schedule of rules -> the last occasion handled, or since when the card waits for it."""
    imported_until: dt.datetime | None = None
    """The card was imported or corrected after the event: of what took effect up to here nothing is sent (CLOCKS,
    point 15)."""
    kept: str = ""
    """Hash of the version whose promises it keeps until it is finished; empty: those of the live one."""
    by_machine: bool = False
    """Nobody but machines has written on it so far (auto-replies, mailing lists): rules send the customer nothing."""
    participants: tuple[str, ...] = ()
    """Addresses, beside the customer's own, that may write on it by mail (`participants`)."""
    merged: Merged | None = None
    absorbed: tuple[Absorbed, ...] = ()
    revision: int = 0

    @property
    def visit(self) -> Visit:
        return self.visits[-1]
