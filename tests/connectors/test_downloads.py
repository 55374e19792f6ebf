"""What is fetched from an address: how much of it, and which answers are worth another try."""

from __future__ import annotations

import asyncio

import pytest

from connectors import samples
from connectors.servers import status, web
from duly_connectors.contract import Connector, Tools
from duly_connectors.outbound import Network
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_runtime.doors import MAX_FILE, Failed, Fetched, FetchOutcome, Retry
from duly_runtime.time import FakeClock


def door(network: Network) -> Connector:
    return Webhook(samples.SHOP, samples.PIPELINE, Tools(secrets=lambda _: "x", clock=FakeClock(NOON), network=network))


def fetched(answer: bytes) -> FetchOutcome:
    async def main() -> FetchOutcome:
        async with web(answer) as server:
            return await door(Network(allow_private=True)).download(f"http://127.0.0.1:{server.port}/a", {"x-key": "1"})

    return asyncio.run(main())


def test_a_content_and_its_type() -> None:
    data = bytes(range(256)) * 8192  # two megabytes: more than other answers may have
    assert fetched(status(200, "content-type: image/png", body=data)) == Fetched(data=data, media_type="image/png")


def test_no_more_is_read_than_shows_that_it_is_too_large() -> None:
    outcome = fetched(status(200, body=bytes(MAX_FILE + 1000)))
    assert isinstance(outcome, Fetched)
    assert len(outcome.data) == MAX_FILE + 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(404), Failed(reason="The server answered 404.")),
        (status(302, "location: http://127.0.0.1/"), Failed(reason="The server answered 302.")),
        (status(204), Failed(reason="The server answered 204.")),
        (status(401), Retry(reason="The server answered 401.")),
        (status(503), Retry(reason="The server answered 503.")),
        (status(429, "retry-after: 120"), Retry(reason="The server answered 429.", after=120)),
    ],
    ids=repr,
)
def test_what_an_answer_means(answer: bytes, outcome: FetchOutcome) -> None:
    assert fetched(answer) == outcome


def test_nobody_there_is_tried_again_and_addresses_inside_never() -> None:
    assert isinstance(asyncio.run(door(Network(allow_private=True)).download("http://127.0.0.1:1/a")), Retry)
    assert isinstance(asyncio.run(door(Network()).download("https://127.0.0.1:1/a")), Failed)
