"""What people do with what waits, and with deliveries: each step leaves a line in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from duly_runtime import ingest
from duly_runtime.changes import Change
from duly_runtime.store.api import Conflict, Missing

if TYPE_CHECKING:
    from duly_platform.desk import Desk


class MayRepeat(Conflict):
    """It may have arrived, and whoever gets it can't tell a second one: a person must say that they know."""


class Still(msgspec.Struct, frozen=True):
    """Something that waits still, and why."""

    what: str
    id: int
    problem: str


class ReplayedAll(msgspec.Struct, frozen=True):
    """`skipped` are deliveries that might arrive twice: each has to be looked at by itself."""

    replayed: int
    skipped: int
    still: tuple[Still, ...] = ()


class Waiting:
    """Part of the Desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def replay(self, what: str, item_id: int, author: str, *, twice: bool = False) -> str:
        """Try it again, or send it again under its key; why it failed once more, or empty. MayRepeat where a delivery may
        arrive twice and `twice` does not say that this is known."""
        if what == "delivery" and not twice:
            row, _, _ = await self._desk.store.delivery(item_id)
            if row.state == "unknown" and not row.repeat:
                raise MayRepeat("it may have arrived, and would then arrive twice: say that it may (`twice`)")
        problem = await self._again(what, item_id, author)
        await self._audit(author, "delivery.replayed" if what == "delivery" else "parked.replayed", f"{what} {item_id}")
        self._done()
        return problem

    async def replay_all(self, connector: str, author: str) -> ReplayedAll:
        """Everything that waits, of one connector or (empty) of all. One audit row for all of it."""
        replayed, skipped, still = 0, 0, list[Still]()
        for item in await self._desk.store.parked_ids(connector):
            if not item.repeat:
                skipped += 1
                continue
            try:
                problem = await self._again(item.what, item.id, author)
            except (Conflict, Missing) as error:
                problem = str(error)
            if problem:
                still.append(Still(item.what, item.id, problem))
            else:
                replayed += 1
        details = {"replayed": str(replayed), "still": str(len(still)), "skipped": str(skipped)}
        await self._audit(author, "parked.replayed-all", connector or "*", details)
        self._done()
        return ReplayedAll(replayed, skipped, tuple(still))

    async def discard(self, what: str, item_id: int, author: str) -> None:
        await self._desk.store.discard_parked(what, item_id, author, self._desk.now())
        await self._audit(author, "parked.discarded", f"{what} {item_id}")
        self._done()

    async def restore(self, what: str, item_id: int, author: str) -> None:
        await self._desk.store.restore_parked(what, item_id, author, self._desk.now())
        await self._audit(author, "parked.restored", f"{what} {item_id}")
        self._done()

    async def cancel(self, outbox_id: int, author: str) -> None:
        """A delivery that is pending is not sent."""
        await self._desk.store.cancel_delivery(outbox_id, author, self._desk.now())
        await self._audit(author, "delivery.cancelled", f"delivery {outbox_id}")
        self._done()

    async def mark(self, outbox_id: int, author: str) -> None:
        """A message that failed, or may not have arrived, counts as sent by this person's word."""
        await self._desk.store.mark_sent(outbox_id, author, self._desk.now())
        await self._audit(author, "delivery.marked", f"delivery {outbox_id}")
        self._done()

    async def unmark(self, outbox_id: int, author: str) -> None:
        await self._desk.store.unmark_sent(outbox_id, author, self._desk.now())
        await self._audit(author, "delivery.unmarked", f"delivery {outbox_id}")
        self._done()

    async def _again(self, what: str, item_id: int, author: str) -> str:
        desk = self._desk
        if what != "raw":
            await desk.store.unpark(what, item_id, desk.now(), author)
            return ""
        await desk.program()  # the doors follow the rules
        connector, _raw = await desk.store.raw(item_id)
        receiver = desk.node.doors.receiver(connector)
        if receiver is None:
            raise Missing(f"no connector of the running rules that receives is called `{connector}`")
        replayed = await ingest.replay(desk.store, receiver, item_id, desk.now())
        desk.node.wake_events(replayed.accepted.event_ids)
        return replayed.problem

    async def _audit(self, author: str, action: str, subject: str, details: dict[str, str] | None = None) -> None:
        await self._desk.store.audit(author, action, subject, details or {}, self._desk.now())

    def _done(self) -> None:
        self._desk.node.wake()
        self._desk.node.changes.publish(Change(topic="parked"))
