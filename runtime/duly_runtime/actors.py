"""The two Dramatiq actors. A message holds ids; what is to be done stands in the database."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import dramatiq
import structlog
from dramatiq import Actor, Broker

from duly_runtime.broker import MemoryBroker
from duly_runtime.time import monotonic

QUEUE = "duly"
REST_SECONDS = 2.0
"""How long a broker that failed is left alone: each attempt may take seconds, and the poll does its work meanwhile."""
MESSAGE_IDS = 25
"""Ids in one message at most. A message costs more than an event, so what is woken within one turn of the loop shares them;
a worker has soon done with so few, and others take the rest."""
MAX_BATCHES = 200
"""Batches of wake-ups that may wait for a slow broker before new ones are left to the poll."""

log = structlog.get_logger(__name__)


class Wakes:
    """Declares the actors on a broker and sends to them. Sending never raises and never blocks the caller's loop, which is
    the loop this was made on."""

    def __init__(
        self,
        broker: Broker,
        handle_events: Callable[[list[int]], Coroutine[Any, Any, None]],
        deliver: Callable[[list[int]], Coroutine[Any, Any, None]],
    ) -> None:
        self.broker = broker
        self._loop = asyncio.get_running_loop()
        self._handle_events = dramatiq.actor(broker=broker, actor_name="handle_events", queue_name=QUEUE, priority=0)(
            handle_events
        )
        self._deliver = dramatiq.actor(broker=broker, actor_name="deliver", queue_name=QUEUE, priority=1)(deliver)
        self._in_process = isinstance(broker, MemoryBroker)
        # One thread: pika keeps a connection for each thread that sends.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="duly-wake")
        self._gathered: dict[Actor[[list[int]], None], list[int]] = {}
        self._waiting = 0
        self._rest_until = 0.0

    def events(self, ids: Sequence[int]) -> None:
        self._gather(self._handle_events, ids)

    def deliveries(self, ids: Sequence[int]) -> None:
        self._gather(self._deliver, ids)

    @property
    def resting(self) -> bool:
        """The broker has just failed and is left alone."""
        return monotonic() < self._rest_until

    def close(self) -> None:
        """Let go of the broker; what is not sent yet is dropped."""
        self._gathered.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.broker.close()

    def _gather(self, actor: Actor[[list[int]], None], ids: Sequence[int]) -> None:
        if not ids:
            return
        if not self._gathered:
            self._loop.call_soon(self._send_gathered)
        self._gathered.setdefault(actor, []).extend(ids)

    def _send_gathered(self) -> None:
        gathered, self._gathered = self._gathered, {}
        for actor, ids in gathered.items():
            if self._in_process:
                self._send(actor, ids)
            elif self._waiting < MAX_BATCHES and not self.resting:
                self._waiting += 1
                self._thread.submit(self._send_apart, actor, ids).add_done_callback(self._sent)

    def _send(self, actor: Actor[[list[int]], None], ids: list[int]) -> None:
        for start in range(0, len(ids), MESSAGE_IDS):
            actor.send(ids[start : start + MESSAGE_IDS])

    def _send_apart(self, actor: Actor[[list[int]], None], ids: list[int]) -> None:
        if self.resting:
            return
        try:
            self._send(actor, ids)
        except Exception as error:  # each client has exceptions of its own; none may matter
            self._rest_until = monotonic() + REST_SECONDS
            log.warning("broker_unreachable", error=repr(error), left_to_the_poll=len(ids))

    def _sent(self, _: concurrent.futures.Future[None]) -> None:
        self._waiting -= 1
