"""The broker carries ids, as wake-ups. The database is the truth: losing every message loses nothing but a second."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from queue import Empty, Queue
from typing import Any, cast

from dramatiq import Broker, Consumer, Message, MessageProxy, Worker
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import QueueNotFound
from dramatiq.middleware import AsyncIO, Middleware

NAMESPACE = "duly"
CONNECT_SECONDS = 3
ANSWER_SECONDS = 10
"""A broker that does not answer must not hold a stopping process for long."""


class HostLoop(EventLoopThread):
    """What Dramatiq takes for its event loop thread: the loop that is running already. One loop a process means one pool
    of connections, and no thread that could outlive a SIGTERM."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        threading.Thread.__init__(self, daemon=True)  # never started, and no loop of its own
        self.loop = loop
        self.logger = logging.getLogger(__name__)
        self.interrupt_check_ival = 1.0

    def start(self, *, timeout: float | None = None) -> None:
        """Runs already."""

    def stop(self) -> None:
        """Stops with the process."""

    def join(self, timeout: float | None = None) -> None:
        """Nothing to wait for."""


class HostAsyncIO(AsyncIO):
    """Dramatiq's AsyncIO middleware over the host's loop: async actors run there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.host = HostLoop(loop)

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        set_event_loop_thread(self.host)

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        if get_event_loop_thread() is self.host:
            set_event_loop_thread(None)


class MemoryConsumer(Consumer):
    """Takes messages from a queue of this process. A message that failed is forgotten (the database knows better than a
    list that grows for ever), one that was fetched and not begun goes back."""

    def __init__(self, queue: Queue[bytes], prefetch: int, timeout: int) -> None:
        self._queue = queue
        self._timeout = timeout / 1000
        self._slots = threading.Semaphore(prefetch)

    def ack(self, message: MessageProxy) -> None:
        self._queue.task_done()
        self._slots.release()

    def nack(self, message: MessageProxy) -> None:
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        for message in messages:
            self._queue.put(message.encode())
            self.ack(message)

    def __next__(self) -> MessageProxy | None:
        if not self._slots.acquire(timeout=self._timeout):
            return None
        try:
            return MessageProxy(cast(Any, Message).decode(self._queue.get(timeout=self._timeout)))
        except Empty:
            self._slots.release()
            return None


class MemoryBroker(StubBroker):
    """Queues within one process, fit to run for months: see MemoryConsumer."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Consumer:
        queues = cast("dict[str, Queue[bytes]]", self.queues)
        if queue_name not in queues:
            raise QueueNotFound(queue_name)
        return MemoryConsumer(queues[queue_name], prefetch, timeout)


def open_broker(url: str, loop: asyncio.AbstractEventLoop, namespace: str = NAMESPACE) -> Broker:
    """A broker for `memory://`, `redis://` (`rediss://`) or `amqp://` (`amqps://`) whose actors run on `loop`.

    None of Dramatiq's default middleware is used: retries, time limits and callbacks are rows of ours, not messages.
    Opens no connection yet. Raises ValueError for another scheme.
    """
    middleware: list[Middleware] = [HostAsyncIO(loop)]
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return MemoryBroker(middleware)
    if scheme in ("redis", "rediss"):
        # Imported when chosen: each client costs start-up time.
        import redis
        from dramatiq.brokers.redis import RedisBroker

        client = cast(Any, redis.Redis).from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=CONNECT_SECONDS, health_check_interval=30
        )
        return RedisBroker(client=client, middleware=middleware, namespace=namespace)
    if scheme in ("amqp", "amqps"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        # Unconfirmed deliveries are lost by the thousand when RabbitMQ is killed; each would wait a second for the poll.
        return RabbitmqBroker(url=url, confirm_delivery=True, middleware=middleware)
    raise ValueError(f"unknown broker `{url}`: use memory://, redis:// or amqp://")
