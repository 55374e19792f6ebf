"""The way in: acknowledged means written; refused leaves nothing; what can't be read is kept whole."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from duly_runtime import ingest
from duly_runtime.doors import Answer, Parsed, Raw, Refused
from duly_runtime.store.api import Accepted, Store
from runtime.workspace import START, ChatDoor, Line, chat_request, opened


async def accepted(store: Store, *lines: Line) -> Accepted:
    taken = await ingest.receive(store, ChatDoor(), chat_request(*lines), START)
    assert isinstance(taken, Accepted)
    return taken


def test_a_verification_is_answered_and_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            answer = await ingest.receive(store, ChatDoor(), Raw(method="GET", path="/in/chat", received_at=START), START)
            assert answer == Answer(body=b"hello")
            assert (await store.counts())["events"] == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (chat_request(Line("1", "maria", "hi"), token="wrong"), 401),
        (Raw(method="POST", path="/in/chat", headers={"token": "right"}, body=b"{not json", received_at=START), 400),
        (Raw(method="POST", path="/in/chat", headers={"token": "right"}, body=b"[" * 200_000, received_at=START), 400),
    ],
    ids=["not believed", "not readable", "large and not readable"],
)
def test_what_is_refused_leaves_nothing(tmp_path: Path, request_: Raw, status: int) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(Refused) as refused:
                await ingest.receive(store, ChatDoor(), request_, START)
            assert refused.value.status == status
            counts = await store.counts()
            assert (counts["events"], counts["cards"], counts["parked"]) == (0, 0, 0)

    asyncio.run(main())


def test_a_repeated_request_is_taken_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            lines = (Line("1", "maria", "hi"), Line("2", "joao", "hello"))
            first, again = await accepted(store, *lines), await accepted(store, *lines)
            assert (len(first.event_ids), first.duplicates) == (2, 0)
            assert (len(again.event_ids), again.duplicates) == (0, 2)
            assert (await store.counts())["events"] == 2

    asyncio.run(main())


def test_what_cannot_be_mapped_is_parked_whole_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            request = chat_request(Line("1", "maria", "hi"), Line("2", "joao"))
            taken = await ingest.receive(store, ChatDoor(), request, START)
            assert isinstance(taken, Accepted)
            assert len(taken.event_ids) == 1
            (parked,) = await store.parked()
            assert (parked.what, parked.connector, parked.reason) == ("raw", "Chat", "line 2 has no text")
            assert parked.body == request.body

    asyncio.run(main())


class Lenient(ChatDoor):
    """The door after its mapping was mended."""

    def read(self, raw: Raw) -> Parsed:
        return super().read(Raw(**{**_fields(raw), "body": raw.body.replace(b'"text":""', b'"text":"(empty)"')}))


def _fields(raw: Raw) -> dict[str, object]:
    return {name: getattr(raw, name) for name in raw.__struct_fields__}


def test_a_replay_takes_only_what_was_missing(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            request = chat_request(Line("1", "maria", "hi"), Line("2", "joao"))
            taken = await ingest.receive(store, ChatDoor(), request, START)
            assert isinstance(taken, Accepted)

            still = await ingest.replay(store, ChatDoor(), taken.raw_id, START)
            assert (still.accepted.event_ids, still.problem) == ((), "line 2 has no text")
            assert len(await store.parked()) == 1

            mended = await ingest.replay(store, Lenient(), taken.raw_id, START)
            assert (len(mended.accepted.event_ids), mended.accepted.duplicates, mended.problem) == (1, 1, "")
            assert await store.parked() == []

    asyncio.run(main())


class Slow(ChatDoor):
    """Can't read a request before another one was let in."""

    WAITS: ClassVar[bool] = True

    def __init__(self) -> None:
        self.other_is_in = threading.Event()

    def read(self, raw: Raw) -> Parsed:
        assert self.other_is_in.wait(20)
        return super().read(raw)


def test_a_door_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            slow = Slow()
            waiting = asyncio.create_task(ingest.receive(store, slow, chat_request(Line("1", "maria", "hi")), START))
            await asyncio.sleep(0)  # it has begun
            assert isinstance(
                await ingest.receive(store, ChatDoor(), chat_request(Line("2", "joao", "hi")), START), Accepted
            )
            slow.other_is_in.set()
            taken = await waiting
            assert isinstance(taken, Accepted) and len(taken.event_ids) == 1

    asyncio.run(main())
