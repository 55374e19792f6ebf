"""One process of the runtime: the parts of its roles, started and stopped together, on one event loop."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence

import dramatiq
import msgspec
import structlog

from duly_dsl.program import Program
from duly_dsl.units import SECOND
from duly_runtime import ingest
from duly_runtime.actors import Wakes
from duly_runtime.approvals import Approving
from duly_runtime.broker import NAMESPACE, open_broker
from duly_runtime.card import Card
from duly_runtime.changes import Change, Changes
from duly_runtime.decision import Decision, World
from duly_runtime.delivery import Outbox
from duly_runtime.doors import Answer, Doors, Raw, Refused
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.kept import Keeper, Needed, Unready, judged_by
from duly_runtime.engine.step import step, wants_new_card
from duly_runtime.events import Event, Recompute
from duly_runtime.fetching import Fetching
from duly_runtime.packing import Packing
from duly_runtime.report_mails import ReportMails
from duly_runtime.retention import Retention
from duly_runtime.scheduler import Loop, Scheduler, Stragglers
from duly_runtime.sources import Sources
from duly_runtime.store.api import Accepted, Decide, Handled, Measure, Store, StoreUnavailable
from duly_runtime.time import Clock, monotonic
from duly_runtime.versions import Live, Versions

ROLES = frozenset({"web", "worker", "scheduler"})
STOP_SECONDS = 8.0
"""Real seconds a stopping process gives to what it has in hand; what is longer is picked up by others, or after a start."""

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NodeConfig:
    """How one process takes part. `store` is started and stopped by the caller."""

    store: Store
    clock: Clock
    doors: Doors
    broker_url: str = "memory://"
    namespace: str = NAMESPACE
    """Keeps installations apart that share a Redis."""
    roles: frozenset[str] = ROLES
    base_url: str = ""
    """How people reach the screens, for links in what is sent."""
    threads: int = 8
    """Events handled at once."""
    keep_requests: dt.timedelta | None = None
    """How long requests that were read are kept; None: for ever."""
    keep_attempts: dt.timedelta | None = None
    """How long the logs of deliveries that are done are kept; None: for ever."""


class Node:
    """`changes` tells live screens what was written. All methods belong to the loop `start` was called on."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.store = config.store
        self.clock = config.clock
        self.doors = config.doors
        self.changes = Changes()
        self.versions = Versions(config.store, config.doors)
        self._outbox = Outbox(
            config.store, config.clock, self.versions, config.doors, self.changes, base_url=config.base_url
        )
        self._fetching = Fetching(config.store, config.clock, self.versions, config.doors, self.changes)
        self._sources = Sources(config.store, config.clock, self.versions, config.doors, self.take)
        self._scheduler = Scheduler(config.store, config.clock, self.wake_events)
        self._wakes: Wakes | None = None
        self._worker: dramatiq.Worker | None = None
        self._loops: dict[str, Loop] = {}
        self._handling: set[int] = set()
        self._told_version = ""

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        config = self.config
        broker = open_broker(config.broker_url, asyncio.get_running_loop(), config.namespace)
        self._wakes = Wakes(broker, self._handle_events, self._outbox.wake)
        if "worker" in config.roles:
            # The worker's threads only wait for coroutines of this loop; a short time-out lets them stop quickly.
            self._worker = dramatiq.Worker(broker, worker_threads=config.threads, worker_timeout=200)
            await asyncio.to_thread(self._worker.start)
            self._add("outbox", self._deliver_due)
            self._add("files", self._fetching.look)
            self._add("sources", self._sources.look)
            self._add("approvals", Approving(self.store, self.clock, self.versions, self.doors).look)
            if not config.broker_url.startswith("memory"):
                self._add("stragglers", Stragglers(self.store, self.clock, self.handle).look)
        if "scheduler" in config.roles:
            self._add("scheduler", self._scheduler.look)
            mails = ReportMails(self.store, self.clock, self.versions, config.base_url, self.wake)
            self._add("report mails", mails.look)
            self._add("packing", Packing(self.store, self.clock, self.versions).look)
            keep = Retention(self.store, self.clock, requests=config.keep_requests, attempts=config.keep_attempts)
            self._add("retention", keep.look)
        if "web" in config.roles:
            self._add("changes", self._watch)
        for loop in self._loops.values():
            loop.start()

    async def stop(self) -> None:
        """Finish what is in hand, within STOP_SECONDS or a little more."""
        self.changes.close()
        await asyncio.gather(*(loop.stop(STOP_SECONDS) for loop in self._loops.values()))
        await self._sources.stop()
        if self._worker is not None:
            await asyncio.to_thread(self._worker.stop, int(STOP_SECONDS * 1000))
        await asyncio.gather(self._outbox.drain(STOP_SECONDS), self._fetching.drain(STOP_SECONDS))
        if self._wakes is not None:
            self._wakes.close()
        await self.doors.close()

    def wake(self) -> None:
        """Look for work at once, not at the next second (something was published or replayed)."""
        for loop in self._loops.values():
            loop.poke()

    def scheduler_age(self) -> float | None:
        """Real seconds since the scheduler last looked with success; None where this process has none."""
        loop = self._loops.get("scheduler")
        return None if loop is None or loop.last_tick is None else monotonic() - loop.last_tick

    # --- wake-ups ----------------------------------------------------------------------------------------------------

    def wake_events(self, ids: Sequence[int]) -> None:
        """Tell the workers of events; never fails, as what is lost is found by the poll."""
        self._scheduler.woken(ids)
        if self._wakes is not None:
            self._wakes.events([item for item in ids if item not in self._handling])

    def wake_deliveries(self, ids: Sequence[int]) -> None:
        if self._wakes is not None:
            self._wakes.deliveries(ids)

    # --- work --------------------------------------------------------------------------------------------------------

    async def program(self) -> Program | None:
        """The rules that are live; None before the first publish."""
        live = await self.versions.live()
        return None if live is None else live.program

    async def receive(self, raw: Raw) -> Answer | Accepted:
        """A request at one of the doors. As `ingest.receive`; Refused(404) where no door has this path."""
        _ = self.versions.recent or await self.versions.live()  # the doors follow it
        receiver = self.doors.receiver_for(raw.path)
        if receiver is None:
            raise Refused(404, "there is no connector at this path")
        taken = await ingest.receive(self.store, receiver, raw, self.clock.now())
        if isinstance(taken, Accepted):
            self._accepted(taken)
        return taken

    async def take(self, connector: str, raw: Raw) -> bool:
        """What a connector has fetched, or a server that is believed has handed over: safe in the database once this
        returns. False where there is no such connector. Raises StoreUnavailable."""
        _ = self.versions.recent or await self.versions.live()
        receiver = self.doors.receiver(connector)
        if receiver is None:
            return False
        self._accepted(await ingest.take(self.store, receiver, raw, self.clock.now()))
        return True

    def _accepted(self, taken: Accepted) -> None:
        self.wake_events(taken.event_ids)
        self.changes.request(taken.raw_id, parked=taken.parked)

    async def handle(self, event_id: int) -> Handled:
        """Judge one event and write what was decided. Raises StoreUnavailable; anything else that goes wrong is put on
        record with the event, which is tried again later."""
        if event_id in self._handling:
            return Handled(done=False)
        self._handling.add(event_id)
        written: dict[int, Card] = {}
        now = self.clock.now()
        try:
            recent = self.versions.recent
            while True:
                written.clear()
                try:
                    handled = await self._judge(
                        event_id, recent or await self.versions.live(), now, written, recent is None
                    )
                    break
                except Stale:
                    recent = None
                except Needed as needed:
                    await self.versions.learn(needed.versions)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("event_failed", event_id=event_id)
            await self.store.event_failed(event_id, f"{type(error).__name__}: {error}", now)
            self._scheduler.forget(event_id)
            return Handled(done=False)
        finally:
            self._handling.discard(event_id)
        self._tell(handled.outbox_ids, written, quarantined=handled.quarantined)
        return handled

    def _tell(self, outbox_ids: Sequence[int], written: dict[int, Card], *, quarantined: bool) -> None:
        """Who waits for what was just written."""
        if quarantined:
            self.changes.publish(Change(topic="quarantine"))
        self.wake_deliveries(outbox_ids)
        for card in written.values():
            self.changes.card(card.id, card.pipeline, card.revision)

    async def _judge(
        self, event_id: int, live: Live | None, now: dt.datetime, written: dict[int, Card], fresh: bool
    ) -> Handled:
        if live is None:
            return Handled(done=False)
        decide = decider(live.graph, now, written, self.versions.keeper, fresh=fresh)
        return await self.store.handle(event_id, decide, live.hash, now, measurer(live.graph), live.graph.limited)

    async def _handle_events(self, ids: list[int]) -> None:
        """The actor. What can be judged at once is written at once; the others side by side."""
        rest = await self._handle_together(ids) if len(ids) > 1 else ids
        if rest:
            await asyncio.gather(*(self._handle_event(event_id) for event_id in rest))

    async def _handle_together(self, ids: list[int]) -> list[int]:
        """Those that are left to be handled by themselves."""
        recent = self.versions.recent
        mine = [event_id for event_id in ids if event_id not in self._handling]
        if recent is None or not mine:
            return ids
        self._handling.update(mine)
        written: dict[int, Card] = {}
        now = self.clock.now()
        decide = decider(recent.graph, now, written, self.versions.keeper, fresh=False)
        try:
            done = await self.store.handle_together(
                mine, decide, recent.hash, now, measurer(recent.graph), recent.graph.limited
            )
        except StoreUnavailable:
            return mine
        finally:
            self._handling.difference_update(mine)
        if done:
            woken = [each for handled in done.values() for each in handled.outbox_ids]
            self._tell(woken, written, quarantined=any(handled.quarantined for handled in done.values()))
        return [event_id for event_id in mine if event_id not in done]

    async def _handle_event(self, event_id: int) -> None:
        try:
            await self.handle(event_id)
        except StoreUnavailable as error:
            log.warning("store_unavailable", event_id=event_id, error=str(error))

    async def _deliver_due(self) -> bool:
        await self._outbox.sweep()
        return False

    async def _watch(self) -> bool:
        """Tell the screens of this process what others have written."""
        await self.changes.poll(self.store, self.clock.now())
        version = await self.store.active_hash()
        if version != self._told_version:
            if self._told_version:
                self.changes.publish(Change(topic="rules"))
            self._told_version = version
        return False

    def _add(self, name: str, work: Callable[[], Awaitable[bool]]) -> None:
        self._loops[name] = Loop(name, work, self.clock)


class Stale(Unready):
    """The event needs the version that is live now, and we only know which was a moment ago."""


def decider(graph: Graph, now: dt.datetime, written: dict[int, Card], keeper: Keeper, *, fresh: bool) -> Decide:
    """`step` under one version at one instant, with what a card keeps of older ones. The cards it decides are left in
    `written`. Raises Needed where the keeper must learn a version first.

    `fresh`: the version was read after the event was journalled. A publish that measures open cards anew journals that as
    events of its own, which no older version may judge; they raise Stale.
    """

    def decide(event: Event, card: Card | None, world: World) -> Decision:
        if isinstance(event.body, Recompute) and not fresh:
            raise Stale
        if card is not None and wants_new_card(graph, card, event, now):
            card = None
        if card is not None and card.kept and card.finished_at is not None and not isinstance(event.body, Recompute):
            card = msgspec.structs.replace(card, kept="")  # it was to be kept until the finish
        judging = graph if card is None else judged_by(keeper, graph, card, event.body)
        decision = step(judging, card, event, now, world)
        if decision.card is not None:
            written[decision.card.id] = decision.card
        return decision

    return decide


def measurer(graph: Graph) -> Measure:
    """Open time on the calendars of one version."""

    def measure(card: Card, calendar: str, start: dt.datetime, end: dt.datetime) -> float | None:
        pipeline = graph.pipeline(card.pipeline)
        return None if pipeline is None else graph.working(pipeline, calendar).between(start, end) / SECOND

    return measure
