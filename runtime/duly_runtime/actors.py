"""The two Dramatiq actors. Each message holds one id; what is to be done stands in the database."""

from __future__ import annotations

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
MAX_BATCHES = 200
"""Batches of wake-ups that may wait for a slow broker before new ones are left to the poll."""

log = structlog.get_logger(__name__)


class Wakes:
    """Declares the actors on a broker and sends to them. Sending never raises and never blocks the caller's loop."""

    def __init__(
        self,
        broker: Broker,
        handle_event: Callable[[int], Coroutine[Any, Any, None]],
        deliver: Callable[[int], Coroutine[Any, Any, None]],
    ) -> None:
        self.broker = broker
        self._handle_event = dramatiq.actor(broker=broker, actor_name="handle_event", queue_name=QUEUE, priority=0)(
            handle_event
        )
        self._deliver = dramatiq.actor(broker=broker, actor_name="deliver", queue_name=QUEUE, priority=1)(deliver)
        self._in_process = isinstance(broker, MemoryBroker)
        # One thread: pika keeps a connection for each thread that sends.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="duly-wake")
        self._waiting = 0
        self._rest_until = 0.0

    def events(self, ids: Sequence[int]) -> None:
        self._send(self._handle_event, ids)

    def deliveries(self, ids: Sequence[int]) -> None:
        self._send(self._deliver, ids)

    @property
    def resting(self) -> bool:
        """The broker has just failed and is left alone."""
        return monotonic() < self._rest_until

    def close(self) -> None:
        """Let go of the broker; batches not sent yet are dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.broker.close()

    def _send(self, actor: Actor[[int], None], ids: Sequence[int]) -> None:
        if not ids:
            return
        if self._in_process:
            for item in ids:
                actor.send(item)
        elif self._waiting < MAX_BATCHES and not self.resting:
            self._waiting += 1
            self._thread.submit(self._send_batch, actor, list(ids)).add_done_callback(self._sent)

    def _send_batch(self, actor: Actor[[int], None], ids: list[int]) -> None:
        if self.resting:
            return
        try:
            for item in ids:
                actor.send(item)
        except Exception as error:  # each client has exceptions of its own; none may matter
            self._rest_until = monotonic() + REST_SECONDS
            log.warning("broker_unreachable", error=repr(error), left_to_the_poll=len(ids))

    def _sent(self, _: concurrent.futures.Future[None]) -> None:
        self._waiting -= 1
