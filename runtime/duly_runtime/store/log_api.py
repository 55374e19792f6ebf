"""What the rest of Duly may ask of the store about what went out, what came in, and what waits for a person. Part of
`store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from duly_runtime.doors import Raw


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as a screen shows it. State: `pending`, `leased`, `sent`, `delayed`, `delivered`, `read`, `failed`,
    `unknown`, `parked`, `cancelled`. `kind`: `message` (to a customer), `notice` or `digest` (to a person), `call` (to a
    program).

    `connector` is the one it left by, or is to leave by as far as known. `repeat`: sent again under the same key it does
    no harm, as whoever gets it tells it by the key."""

    id: int
    card_id: int
    key: str
    channel: str
    recipient: str
    kind: str
    text: str
    state: str
    attempts: int
    next_at: dt.datetime | None
    created_at: dt.datetime
    settled_at: dt.datetime | None
    error: str
    provider_id: str
    connector: str = ""
    repeat: bool = True
    discarded_at: dt.datetime | None = None
    """Since when a person has it no longer among what waits."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a delivery at one time. `outcome`: of an attempt `sent`, `retry`, `failed`, `unknown`, `parked` (the
    last one failed too) or `lost` (its worker disappeared); of the provider's word `delayed`, `delivered`, `read`,
    `failed`; of a person's doing `again`, `cancelled`, `marked` as sent, `unmarked`, `discarded` or `restored`, by
    `author`."""

    id: int
    at: dt.datetime
    began_at: dt.datetime | None
    outcome: str
    error: str
    answer: str
    """What the other side said, cut."""
    author: str


class DeliveryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Empty means all. `state` may be `waiting` (parked or unknown, and not discarded). Of those created from `since` to
    before `until`, with an id below `before`."""

    connector: str = ""
    state: str = ""
    kind: str = ""
    card_id: int = 0
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    before: int = 0
    limit: int = 100


class RequestFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Empty means all. `state`: `taken`, `parked`, `discarded`."""

    connector: str = ""
    state: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    before: int = 0
    limit: int = 100


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came in and was kept. `parked` is why it waits for a person, or waited when it was discarded."""

    id: int
    connector: str
    received_at: dt.datetime
    events: int
    """Made of it and new."""
    parked: str = ""
    discarded_at: dt.datetime | None = None


class RequestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event a request made: its kind, the card it came to (0: none, or not yet), and why it was refused."""

    id: int
    kind: str
    key: str
    card_id: int
    card_number: int
    handled: bool
    refused: str
    error: str


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A raw request, event or delivery kept for a person. `what`: `raw`, `event`, `delivery`. `repeat` as in OutboxRow."""

    what: str
    id: int
    connector: str
    reason: str
    at: dt.datetime
    body: bytes
    repeat: bool = True
    discarded_at: dt.datetime | None = None


class ParkedId(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits, without what is in it."""

    what: str
    id: int
    connector: str
    repeat: bool


class DeliveryChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log of a delivery, for screens that are live."""

    id: int
    outbox_id: int
    card_id: int
    pipeline: str
    kind: str
    recipient: str
    outcome: str


class RequestArrived(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    parked: bool


class DeliveryLog(Protocol):
    # what went out
    async def deliveries(self, card_id: int = 0, state: str = "", limit: int = 200) -> list[OutboxRow]:
        """Newest first."""
        ...

    async def delivery_log(self, wanted: DeliveryFilter) -> list[OutboxRow]:
        """Newest first."""
        ...

    async def delivery(self, outbox_id: int) -> tuple[OutboxRow, Sequence[Attempt], bytes]:
        """With its log, oldest first, and the effect (JSON of an `AnyEffect`). Missing where there is none."""
        ...

    async def card_numbers(self, card_ids: Sequence[int]) -> dict[int, int]:
        """Card id -> the number people know it by; those there are."""
        ...

    async def cancel_delivery(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        """It is not sent. Conflict where it is not pending (any more)."""
        ...

    async def mark_sent(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        """A person says that a message to a customer arrived after all. The card's history tells it. Conflict where it is
        neither failed, unknown nor parked."""
        ...

    async def unmark_sent(self, outbox_id: int, author: str, now: dt.datetime) -> None:
        """They take it back: it is as it was before. Conflict where it is not marked, or the provider has spoken since."""
        ...

    # what came in
    async def requests(self, wanted: RequestFilter) -> list[RequestRow]:
        """Newest first."""
        ...

    async def request(self, raw_id: int) -> tuple[RequestRow, Raw, Sequence[RequestEvent]]:
        """Missing where there is none."""
        ...

    async def raw(self, raw_id: int) -> tuple[str, Raw]:
        """The connector's name and the request, to replay it."""
        ...

    # what is removed
    async def forget_requests(self, before: dt.datetime, limit: int) -> int:
        """Remove the oldest requests that came before then, at most so many; how many. Kept are those that wait for a
        person, or of which an event does or has not been handled. Keys of events stay: repetitions are still known."""
        ...

    async def forget_attempts(self, before: dt.datetime, limit: int) -> int:
        """Remove the oldest lines of deliveries written before then, at most so many; how many. Kept are those of
        deliveries that are under way or wait for a person, and what people did, with what it takes to undo that."""
        ...

    # what waits for a person
    async def parked(self, connector: str = "", limit: int = 0, *, discarded: bool = False) -> list[Parked]:
        """Oldest first within its kind, at most `limit` of each (0: all). A delivery nobody knows the fate of (`unknown`)
        is here too."""
        ...

    async def parked_ids(self, connector: str = "") -> list[ParkedId]:
        """All that waits, as `parked`."""
        ...

    async def unpark(self, what: str, item_id: int, now: dt.datetime, author: str = "") -> None:
        """A person says: again (an event, or a delivery, also one that failed or was cancelled), or: dealt with (a raw
        request that was replayed). Conflict where it does not wait."""
        ...

    async def discard_parked(self, what: str, item_id: int, author: str, now: dt.datetime) -> None:
        """It waits no more and nothing is done about it; it is kept. Conflict where it does not wait."""
        ...

    async def restore_parked(self, what: str, item_id: int, author: str, now: dt.datetime) -> None:
        """Take a discarded one back. Conflict where it is not discarded."""
        ...

    # for live screens
    async def deliveries_changed_since(self, since: dt.datetime, limit: int = 1000) -> list[DeliveryChanged]:
        """Lines of the log written at or after `since` (the writer's `now`), oldest first."""
        ...

    async def requests_since(self, since: dt.datetime, limit: int = 1000) -> list[RequestArrived]:
        """Requests kept at or after `since`, oldest first."""
        ...
