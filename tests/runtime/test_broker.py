"""The broker wakes actors on the loop that is running; it keeps nothing and loses nothing that matters."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid

import dramatiq
import pytest

from duly_runtime.actors import MESSAGE_IDS, QUEUE, Wakes
from duly_runtime.broker import MemoryBroker, open_broker
from runtime.polling import until
from support.services import need

REDIS = os.environ.get("DULY_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
RABBITMQ = os.environ.get("DULY_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")


class Heard:
    """Actors that write down what they were woken for, and on which loop."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.deliveries: list[int] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def handle_events(self, ids: list[int]) -> None:
        self.loops.add(asyncio.get_running_loop())
        if min(ids) < 0:
            raise ValueError("an actor that breaks")
        self.events += ids

    async def deliver(self, ids: list[int]) -> None:
        self.deliveries += ids


async def exchange(url: str) -> tuple[Heard, asyncio.AbstractEventLoop]:
    heard = Heard()
    loop = asyncio.get_running_loop()
    wakes = Wakes(open_broker(url, loop, f"duly-test-{uuid.uuid4().hex}"), heard.handle_events, heard.deliver)
    worker = dramatiq.Worker(wakes.broker, worker_threads=4, worker_timeout=100)
    await asyncio.to_thread(worker.start)
    try:
        wakes.events(range(1, 51))
        wakes.deliveries([7])
        await until(lambda: len(heard.events) >= 50 and bool(heard.deliveries))
    finally:
        await asyncio.to_thread(worker.stop, 5000)
        wakes.close()
    return heard, loop


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        pytest.param(REDIS, marks=pytest.mark.redis, id="redis"),
        pytest.param(RABBITMQ, marks=pytest.mark.rabbitmq, id="rabbitmq"),
    ],
)
def test_actors_run_on_the_loop_of_the_process(url: str) -> None:
    if url is REDIS:
        need("Redis", url)
    elif url is RABBITMQ:
        need("RabbitMQ", url)
    heard, loop = asyncio.run(exchange(url))
    assert set(range(1, 51)) <= set(heard.events)
    assert 7 in heard.deliveries
    assert heard.loops == {loop}


def test_the_memory_broker_keeps_no_dead_letters() -> None:
    async def main() -> MemoryBroker:
        heard = Heard()
        broker = open_broker("memory://", asyncio.get_running_loop())
        assert isinstance(broker, MemoryBroker)
        wakes = Wakes(broker, heard.handle_events, heard.deliver)
        worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
        await asyncio.to_thread(worker.start)
        wakes.events([-1] * 20)
        await asyncio.sleep(0)  # what is woken in one turn of the loop shares a message
        wakes.events([1])
        await until(lambda: heard.events == [1])
        await asyncio.to_thread(worker.stop, 5000)
        wakes.close()
        return broker

    broker = asyncio.run(main())
    assert broker.dead_letters == []
    assert broker.queues[QUEUE].unfinished_tasks == 0


def test_stopping_gives_back_what_was_fetched_and_not_begun() -> None:
    async def main() -> tuple[int, int]:
        gate = asyncio.Event()
        begun: list[int] = []

        async def slow(ids: list[int]) -> None:
            begun.extend(ids)
            await gate.wait()

        broker = open_broker("memory://", asyncio.get_running_loop())
        wakes = Wakes(broker, slow, slow)
        worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
        await asyncio.to_thread(worker.start)
        wakes.events(range(10 * MESSAGE_IDS))
        await until(lambda: bool(begun))
        stopping = asyncio.create_task(asyncio.to_thread(worker.stop, 5000))
        await until(lambda: not worker.workers[0].running)
        gate.set()
        await stopping
        left = broker.queues[QUEUE].qsize() * MESSAGE_IDS
        wakes.close()
        return len(begun), left

    begun, left = asyncio.run(main())
    assert begun + left == 10 * MESSAGE_IDS
    assert left > 0


def test_a_broker_that_is_away_is_no_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def main() -> None:
        heard = Heard()
        wakes = Wakes(
            open_broker(f"redis://127.0.0.1:{port}/0", asyncio.get_running_loop()), heard.handle_events, heard.deliver
        )
        wakes.events([1, 2, 3])
        await until(lambda: wakes.resting)
        wakes.events([4])
        wakes.close()
        assert heard.events == []

    asyncio.run(main())


def test_an_unknown_broker_is_named() -> None:
    async def main() -> None:
        open_broker("kafka://localhost", asyncio.get_running_loop())

    with pytest.raises(ValueError, match="unknown broker `kafka://localhost`: use memory://, redis:// or amqp://"):
        asyncio.run(main())
