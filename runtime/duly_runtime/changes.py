"""What changed, told to the screens of this process as it happens. Names only, never contents."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator

import msgspec

from duly_runtime.store.api import Store

BACKLOG = 1000
"""Notices a slow screen may be behind; then the oldest go, as a page that fetches itself anew sees the latest anyway."""
OVERLAP = dt.timedelta(seconds=5)
"""A write may become visible a little after the instant it carries."""
REMEMBERED = 20_000
WAITING = frozenset(("parked", "unknown", "lost", "again", "marked", "unmarked", "discarded", "restored", "cancelled"))
"""Lines of a delivery's log with which what waits for a person changes."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`topic`: `card` (written), `notices` (of `person`), `rules` (another version is live), `parked`, `quarantine`,
    `deliveries` (the log of what went out), `requests` (of what came in)."""

    topic: str
    card_id: int = 0
    pipeline: str = ""
    revision: int = 0
    person: str = ""


class Changes:
    """In-process fan-out. Writes of other processes come in by `poll`; each card's revision is told once."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change | None]] = set()
        self._revisions: OrderedDict[int, int] = OrderedDict()
        self._files: OrderedDict[int, dt.datetime] = OrderedDict()
        self._settled: Counter[tuple[int, str]] = Counter()
        """Deliveries settled here, and how: told already, when their lines are found in the log."""
        self._heard: Counter[tuple[int, str]] = Counter()
        """Those found in the log first. One of ours may be: it is in the database a moment before we are told."""
        self._told: OrderedDict[tuple[str, int], None] = OrderedDict()
        """Lines of the log and requests that were told."""
        self._since: dt.datetime | None = None
        self._closed = False

    def publish(self, change: Change) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)

    def card(self, card_id: int, pipeline: str, revision: int) -> None:
        """A card was written; told unless this revision has been told already."""
        if self._revisions.get(card_id, -1) >= revision:
            return
        self._revisions[card_id] = revision
        self._revisions.move_to_end(card_id)
        if len(self._revisions) > REMEMBERED:
            self._revisions.popitem(last=False)
        self.publish(Change(topic="card", card_id=card_id, pipeline=pipeline, revision=revision))

    def delivery(self, outbox_id: int, outcome: str, card_id: int, pipeline: str, kind: str, recipient: str) -> None:
        """Something became of a delivery in this process."""
        if self._queues:
            if self._heard[outbox_id, outcome] > 0:
                self._heard[outbox_id, outcome] -= 1
                return
            self._settled[outbox_id, outcome] += 1
            self._delivery(outcome, card_id, pipeline, kind, recipient)
            self.publish(Change(topic="deliveries"))

    def _delivery(self, outcome: str, card_id: int, pipeline: str, kind: str, recipient: str) -> None:
        if kind == "message" and card_id:
            self.publish(Change(topic="card", card_id=card_id, pipeline=pipeline))
        if kind in ("notice", "digest"):
            self.publish(Change(topic="notices", person=recipient))
        if outcome in WAITING:
            self.publish(Change(topic="parked"))

    def request(self, raw_id: int, *, parked: bool) -> None:
        """A request was kept; told once, whichever process took it."""
        if self._queues and raw_id and self._new("request", raw_id):
            self.publish(Change(topic="requests"))
            if parked:
                self.publish(Change(topic="parked"))

    def _new(self, what: str, number: int) -> bool:
        if (what, number) in self._told:
            return False
        self._told[what, number] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True

    async def poll(self, store: Store, now: dt.datetime) -> None:
        """Tell what other processes have written, if anybody listens."""
        if not self._queues:
            self._since = None
            self._settled.clear()
            self._heard.clear()
            return
        since = self._since or now
        self._since = now
        for changed in await store.changed_since(since - OVERLAP):
            self.card(changed.card_id, changed.pipeline, changed.revision)
        for file in await store.files_changed_since(since - OVERLAP):
            if self._files.get(file.id) != file.at:
                self._files[file.id] = file.at
                self._files.move_to_end(file.id)
                self.publish(Change(topic="card", card_id=file.card_id, pipeline=file.pipeline))
        while len(self._files) > REMEMBERED:
            self._files.popitem(last=False)
        for request in await store.requests_since(since - OVERLAP):
            self.request(request.id, parked=request.parked)
        await self._poll_deliveries(store, since - OVERLAP)

    async def _poll_deliveries(self, store: Store, since: dt.datetime) -> None:
        fresh = False
        for line in await store.deliveries_changed_since(since):
            if not self._new("delivery", line.id):
                continue
            if self._settled[line.outbox_id, line.outcome] > 0:
                self._settled[line.outbox_id, line.outcome] -= 1
                continue
            fresh = True
            self._heard[line.outbox_id, line.outcome] += 1
            self._delivery(line.outcome, line.card_id, line.pipeline, line.kind, line.recipient)
        self._settled, self._heard = +self._settled, +self._heard
        for known in (self._settled, self._heard):
            if len(known) > REMEMBERED:
                known.clear()
        if fresh:
            self.publish(Change(topic="deliveries"))

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Everything from now on; ends with `close`."""
        if self._closed:
            return
        queue: asyncio.Queue[Change | None] = asyncio.Queue(BACKLOG)
        self._queues.add(queue)
        try:
            while (change := await queue.get()) is not None:
                yield change
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        self._closed = True
        for queue in self._queues:
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:
                    queue.get_nowait()
            queue.put_nowait(None)
