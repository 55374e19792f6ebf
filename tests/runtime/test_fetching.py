"""Files that come by reference are there a moment later, or the card says why not."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from duly_runtime import fetching
from duly_runtime.changes import Change, Changes
from duly_runtime.doors import Failed, Fetched, FetchOutcome, Inbound, Retry
from duly_runtime.events import File
from duly_runtime.fetching import Fetching
from duly_runtime.store.api import Store, StoreUnavailable
from duly_runtime.store.files_api import FileRow
from duly_runtime.time import FakeClock
from duly_runtime.versions import Versions
from runtime.polling import until
from runtime.workspace import PROGRAM, START, Doors, Line, chat_message, opened, running
from support.store_scenes import decider

VOICE = File(name="v.ogg", media_type="audio/ogg", reference="media-1")


async def comes(clock: FakeClock, condition: Callable[[], bool]) -> None:
    """Let seconds pass until `condition` holds."""
    for _ in range(400):
        if condition():
            return
        clock.advance(dt.timedelta(seconds=1))
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


class Fetch:
    """A store with one card whose message came with files to be fetched."""

    def __init__(self, store: Store, doors: Doors) -> None:
        self.store = store
        self.doors = doors
        self.clock = FakeClock(START)
        self.changes = Changes()
        self.fetching = Fetching(store, self.clock, Versions(store, doors), doors, self.changes)

    @property
    def door(self):  # type: ignore[no-untyped-def]
        return self.doors.by_names["Chat"]

    async def comes(self, *files: File, connector: str = "Chat") -> None:
        body = replace(chat_message(Line("1", "maria", "hi")), connector=connector, files=files)
        accepted = await self.store.accept("Chat", None, [Inbound(key="1", at=START, body=body)], START)
        assert (await self.store.handle(accepted.event_ids[0], decider(), PROGRAM.hash, START)).done

    async def files(self) -> list[FileRow]:
        return [file for message in await self.store.messages(1) for file in message.files]

    async def looked(self) -> list[FileRow]:
        """The files, after one look has done its work."""
        await self.fetching.look()
        await until(lambda: not self.fetching.busy)
        return await self.files()


@contextlib.asynccontextmanager
async def fetch(folder: Path, *doors: str) -> AsyncIterator[Fetch]:
    async with opened(folder) as store:
        yield Fetch(store, Doors(*doors))


def test_what_is_waiting_is_fetched_by_its_connector(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            to.door.content = lambda file: Fetched(data=b"OggS", media_type="audio/ogg; codecs=opus")
            await to.comes(VOICE)
            (file,) = await to.looked()
            assert (file.state, file.size, file.media_type) == ("stored", 4, "audio/ogg; codecs=opus")
            assert await to.store.content(file.sha256) == b"OggS"
            assert to.door.fetched == [VOICE]
            await to.looked()
            assert to.door.fetched == [VOICE]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (Failed(reason="it is gone"), "failed", "it is gone"),
        (Retry(reason="the provider answered 503"), "waiting", "the provider answered 503"),
        (KeyError("x"), "waiting", "the connector broke while fetching: KeyError"),
    ],
)
def test_what_can_not_be_had_says_why(tmp_path: Path, outcome: FetchOutcome | Exception, state: str, error: str) -> None:
    def answers(file: File) -> FetchOutcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def main() -> None:
        async with fetch(tmp_path) as to:
            to.door.content = answers
            await to.comes(VOICE)
            (file,) = await to.looked()
            assert (file.state, file.error) == (state, error)

    asyncio.run(main())


def test_a_retry_is_made_when_its_time_has_come(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            answers: list[FetchOutcome] = [Retry(reason="busy", after=600), Fetched(data=b"x")]
            to.door.content = lambda file: answers.pop(0)
            await to.comes(VOICE)
            await to.looked()
            to.clock.advance(dt.timedelta(seconds=599))
            (file,) = await to.looked()
            assert file.state == "waiting"
            to.clock.advance(dt.timedelta(seconds=1))
            (file,) = await to.looked()
            assert (file.state, file.error) == ("stored", "")

    asyncio.run(main())


def test_a_connector_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            await to.comes(VOICE, connector="Gone")
            (file,) = await to.looked()
            assert (file.state, file.error) == ("waiting", "there is no connector `Gone`")

    asyncio.run(main())


def test_a_fetch_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.01)

    async def main() -> None:
        async with fetch(tmp_path) as to:
            to.door.gate = asyncio.Event()
            await to.comes(VOICE)
            (file,) = await to.looked()
            assert (file.state, file.error) == ("waiting", "no answer within 0 seconds")

    asyncio.run(main())


def test_no_more_at_once_than_there_is_room_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            to.door.gate = asyncio.Event()
            await to.comes(*(replace(VOICE, reference=f"media-{n}") for n in range(fetching.SLOTS + 2)))
            for _ in range(3):
                await to.fetching.look()
            await until(lambda: len(to.door.fetched) == fetching.SLOTS)
            to.door.gate.set()
            await until(lambda: not to.fetching.busy)
            files = await to.looked()
            assert [file.state for file in files] == ["stored"] * (fetching.SLOTS + 2)

    asyncio.run(main())


def test_what_was_fetched_is_held_while_the_database_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            await to.comes(VOICE)
            settle, away = to.store.settle_file, [1]

            async def settles(*given):  # type: ignore[no-untyped-def]
                if away:
                    away.clear()
                    raise StoreUnavailable("away")
                return await settle(*given)

            monkeypatch.setattr(to.store, "settle_file", settles)
            (file,) = await to.looked()
            assert file.state == "stored"
            assert len(to.door.fetched) == 1

    asyncio.run(main())


def test_a_process_that_stops_leaves_a_file_to_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            to.door.gate = asyncio.Event()
            await to.comes(VOICE)
            await to.fetching.look()
            await until(lambda: bool(to.door.fetched))
            await to.fetching.drain(0.01)
            (file,) = await to.files()
            assert file.state == "waiting"
            to.door.gate = None
            await to.fetching.look()
            assert not to.fetching.busy, "it begins nothing more"
            other = Fetching(to.store, to.clock, Versions(to.store, to.doors), to.doors, to.changes)
            to.clock.advance(dt.timedelta(seconds=fetching.LEASE_SECONDS))
            await other.look()
            await until(lambda: not other.busy)
            (file,) = await to.files()
            assert (file.state, file.attempts) == ("stored", 2)

    asyncio.run(main())


def test_uploads_nobody_used_go_after_a_day(tmp_path: Path) -> None:
    async def main() -> None:
        async with fetch(tmp_path) as to:
            await to.store.upload(b"left behind", START)
            await to.fetching.look()
            to.clock.advance(fetching.UNUSED + dt.timedelta(seconds=1))
            await to.fetching.look()
            assert await to.store.forget_unused(to.clock.now()) == 0

    asyncio.run(main())


def test_screens_of_every_process_hear_of_it(tmp_path: Path) -> None:
    """A worker fetches; the screens hang on another process, which hears of it from the database."""

    async def main() -> None:
        clock, doors = FakeClock(START), Doors()
        async with opened(tmp_path) as store, running(store, doors, clock, "web") as web:
            heard: list[Change] = []

            async def listen() -> None:
                async for change in web.changes:
                    heard.append(change)

            listening = asyncio.create_task(listen())
            await asyncio.sleep(0)
            body = replace(chat_message(Line("1", "maria", "hi")), files=(VOICE,))
            accepted = await store.accept("Chat", None, [Inbound(key="1", at=START, body=body)], START)
            await store.handle(accepted.event_ids[0], decider(), PROGRAM.hash, START)
            door, told = doors.by_names["Chat"], Change(topic="card", card_id=1, pipeline="Support")
            door.gate = asyncio.Event()
            async with running(store, doors, clock, "worker"):
                await comes(clock, lambda: told in heard and bool(door.fetched))  # of the message
                heard.clear()
                door.gate.set()
                await comes(clock, lambda: told in heard)
                (message,) = await store.messages(1)
                assert message.files[0].state == "stored"
            listening.cancel()

    asyncio.run(main())
