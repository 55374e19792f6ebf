"""Files of messages: contents are kept once and whole, files are fetched until they are there or visibly are not."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib

import pytest
from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.decision import AnyEffect, MessageCustomer
from duly_runtime.doors import MAX_FILE, Failed, Fetched, Inbound, Retry
from duly_runtime.events import AgentMessage, Event, File
from duly_runtime.store.api import Conflict, Missing, Store
from duly_runtime.store.files_api import FileRow
from duly_runtime.store.schedule import FILE_TRIES, file_gap
from support.store_scenes import HOUR, MINUTE, NOW, decider, opened, raw, said, sql, take_in

PNG = b"\x89PNG\r\n\x1a\n\x00\x01"
PDF = b"%PDF-1.7\n\xff\x00"


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def brought(data: bytes, name: str = "a.png", media_type: str = "image/png") -> File:
    return File(name=name, media_type=media_type, size=len(data), sha256=name_of(data))


def with_files(key: str, *files: File, contents: tuple[bytes, ...] = (), conversation: str = "") -> Inbound:
    item = said(key, conversation)
    body = replace(item.body, files=files)
    return replace(item, body=body, contents={name_of(data): data for data in contents})


async def shown(store: Store, card_id: int = 1) -> list[FileRow]:
    return [file for message in await store.messages(card_id) for file in message.files]


async def announced(store: Store, reference: str = "media-1", **more: object) -> FileRow:
    """A card whose message has a file that is still to be fetched."""
    file = File(name="v.ogg", media_type="audio/ogg", reference=reference, **more)  # type: ignore[arg-type]
    (event_id,) = await take_in(store, with_files("m1", file))
    await store.handle(event_id, decider(), "v", NOW)
    (row,) = await shown(store)
    return row


def test_a_mail_keeps_what_it_quotes_and_its_html(store_url: str) -> None:
    html = b"<p>Ol\xc3\xa1</p>"

    async def scene() -> None:
        async with opened(store_url) as store:
            item = said("m1")
            body = replace(item.body, quoted="> before", html=name_of(html))
            (event_id,) = await take_in(store, replace(item, body=body, contents={name_of(html): html}))
            await store.handle(event_id, decider(), "v", NOW)
            (message,) = await store.messages(1)
            assert (message.quoted, message.html, message.files) == ("> before", name_of(html), ())
            assert await store.content(message.html) == html
            assert await store.forget_unused(NOW + 30 * HOUR) == 0
            assert await store.content(message.html) == html

    asyncio.run(scene())


def test_files_that_came_along_are_read_back_whole(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = with_files("m1", brought(PNG), brought(PDF, "b.pdf", "application/pdf"), contents=(PNG, PDF))
            (event_id,) = await take_in(store, item)
            (journalled,) = await sql(store, "SELECT body FROM event")
            assert name_of(PNG) in journalled["body"] and "contents" not in journalled["body"]
            await store.handle(event_id, decider(), "v", NOW)
            (message,) = await store.messages(1)
            first, second = message.files
            assert (first.name, first.media_type, first.size, first.state) == ("a.png", "image/png", len(PNG), "stored")
            assert (first.card_id, first.message_id) == (1, message.id)
            assert await store.content(first.sha256) == PNG
            assert await store.content(second.sha256) == PDF
            assert first.key != second.key and len(first.key) >= 20
            assert await store.file(first.key) == first
            with pytest.raises(Missing):
                await store.file("x")
            with pytest.raises(Missing):
                await store.content(name_of(b"x"))

    asyncio.run(scene())


def test_a_part_of_a_content_and_the_sizes_of_some(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            name = await store.upload(PNG, NOW)
            assert await store.content(name, 2, 5) == PNG[2:7]
            assert await store.content(name, 4, 100) == PNG[4:]
            assert await store.content(name, len(PNG), 1) == b""
            empty = await store.upload(b"", NOW)
            assert await store.content(empty) == b""
            assert await store.content_sizes([name, empty, "0" * 64]) == {name: len(PNG), empty: 0}
            assert await store.content_sizes([]) == {}

    asyncio.run(scene())


def test_a_content_is_kept_once(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            items = [with_files(f"m{n}", brought(PNG, f"{n}.png"), contents=(PNG,)) for n in range(8)]
            for ids in await asyncio.gather(*(store.accept("shop", raw(), [item], NOW) for item in items)):
                await store.handle(ids.event_ids[0], decider(), "v", NOW)
            assert await store.upload(PNG, NOW) == name_of(PNG)
            assert [row["size"] for row in await sql(store, "SELECT size FROM content")] == [len(PNG)]
            assert len(await sql(store, "SELECT id FROM file")) == 8

    asyncio.run(scene())


def test_a_repeated_request_brings_its_files_once(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = with_files("m1", brought(PNG), contents=(PNG,))
            (event_id,) = await take_in(store, item)
            assert await take_in(store, item) == ()
            await store.handle(event_id, decider(), "v", NOW)
            await store.handle(event_id, decider(), "v", NOW)
            assert len(await shown(store)) == 1

    asyncio.run(scene())


def test_a_content_under_a_wrong_name_is_not_kept_and_its_file_says_so(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            item = replace(with_files("m1", brought(PNG)), contents={name_of(PNG): PDF})
            (event_id,) = await take_in(store, item)
            await store.handle(event_id, decider(), "v", NOW)
            (file,) = await shown(store)
            assert (file.state, file.sha256, file.error) == ("failed", "", "its content did not come along")
            assert await sql(store, "SELECT sha256 FROM content") == []
            with pytest.raises(Conflict):
                await store.fetch_again(file.key, NOW)

    asyncio.run(scene())


def test_a_file_that_is_too_large_says_so(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            file = await announced(store, size=MAX_FILE + 1)
            assert (file.state, file.error) == ("failed", "it is larger than 25 MB")
            assert await store.lease_files(NOW, 10, 60) == []

    asyncio.run(scene())


def test_a_content_that_turns_out_too_large_says_so(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await announced(store)
            (item,) = await store.lease_files(NOW, 10, 60)
            assert await store.settle_file(item, Fetched(data=bytes(MAX_FILE + 1)), NOW)
            (file,) = await shown(store)
            assert (file.state, file.error) == ("failed", "it is larger than 25 MB")
            assert await sql(store, "SELECT sha256 FROM content") == []

    asyncio.run(scene())


def test_a_file_is_fetched_once_it_is_leased(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            file = await announced(store)
            assert (file.state, file.sha256) == ("waiting", "")
            (item,) = await store.lease_files(NOW, 10, 60)
            assert (item.connector, item.card_id, item.pipeline, item.attempts) == ("shop", 1, "Support", 1)
            assert item.file == File(name="v.ogg", media_type="audio/ogg", reference="media-1")
            assert await store.lease_files(NOW, 10, 60) == [], "somebody has it"
            assert await store.settle_file(item, Fetched(data=PNG, media_type="image/png"), NOW + MINUTE)
            assert not await store.settle_file(item, Failed(reason="late"), NOW + MINUTE)
            (file,) = await shown(store)
            assert (file.state, file.media_type, file.size, file.error) == ("stored", "image/png", len(PNG), "")
            assert await store.content(file.sha256) == PNG
            (changed,) = await store.files_changed_since(NOW + MINUTE)
            assert (changed.id, changed.card_id, changed.pipeline) == (file.id, 1, "Support")
            assert await store.files_changed_since(NOW + HOUR) == []

    asyncio.run(scene())


def test_two_workers_never_lease_the_same_file(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            files = [File(name=f"{n}", reference=f"media-{n}") for n in range(20)]
            (event_id,) = await take_in(store, with_files("m1", *files))
            await store.handle(event_id, decider(), "v", NOW)
            leased = await asyncio.gather(*(store.lease_files(NOW, 5, 60) for _ in range(6)))
            ids = [item.id for items in leased for item in items]
            assert len(ids) == len(set(ids))
            ids += [item.id for item in await store.lease_files(NOW, 20, 60)]
            assert len(set(ids)) == 20

    asyncio.run(scene())


def test_a_fetch_that_fails_comes_again_with_growing_gaps_and_gives_up(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await announced(store)
            now = NOW
            for attempt in range(1, FILE_TRIES + 1):
                (item,) = await store.lease_files(now, 10, 60)
                assert item.attempts == attempt
                assert await store.settle_file(item, Retry(reason=f"no answer ({attempt})"), now)
                (file,) = await shown(store)
                gap = file_gap(attempt, str(file.id))
                if gap is None:
                    break
                assert (file.state, file.error) == ("waiting", f"no answer ({attempt})")
                assert file.next_at == now + dt.timedelta(seconds=gap)
                assert await store.lease_files(file.next_at - MINUTE / 60, 10, 60) == []
                now = file.next_at
            assert (file.state, file.error, file.next_at) == ("failed", f"no answer ({FILE_TRIES})", None)
            assert await store.lease_files(now + 100 * HOUR, 10, 60) == []

            await store.fetch_again(file.key, now)
            with pytest.raises(Conflict):
                await store.fetch_again(file.key, now)
            (item,) = await store.lease_files(now, 10, 60)
            assert item.attempts == 1
            assert await store.settle_file(item, Failed(reason="it is gone"), now)
            (file,) = await shown(store)
            assert (file.state, file.error) == ("failed", "it is gone")

    asyncio.run(scene())


def test_a_provider_that_names_a_longer_wait_gets_it(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await announced(store)
            (item,) = await store.lease_files(NOW, 10, 60)
            await store.settle_file(item, Retry(reason="busy", after=3600), NOW)
            (file,) = await shown(store)
            assert file.next_at == NOW + HOUR

    asyncio.run(scene())


def test_a_lease_that_ran_out_is_somebody_elses(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await announced(store)
            (first,) = await store.lease_files(NOW, 10, 60)
            (second,) = await store.lease_files(NOW + MINUTE, 10, 60)
            assert second.attempts == 2
            assert not await store.settle_file(first, Fetched(data=PNG), NOW + MINUTE)
            assert await store.settle_file(second, Fetched(data=PDF), NOW + MINUTE)
            (file,) = await shown(store)
            assert await store.content(file.sha256) == PDF

    asyncio.run(scene())


def test_what_kills_its_worker_each_time_is_not_fetched_for_ever(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await announced(store)
            now = NOW
            for _ in range(FILE_TRIES):
                assert len(await store.lease_files(now, 10, 60)) == 1
                now += MINUTE
            assert await store.lease_files(now, 10, 60) == []
            (file,) = await shown(store)
            assert (file.state, file.error) == ("failed", "the workers that were fetching it disappeared")

    asyncio.run(scene())


def answer(card: Card, event: Event) -> tuple[AnyEffect, ...]:
    body = event.body
    if not isinstance(body, AgentMessage):
        return ()
    key = f"reply/{card.id}/{event.id}"
    return (MessageCustomer(key=key, text=body.text, rendered=True, author=body.author, files=body.files),)


def test_a_reply_has_the_files_that_were_uploaded(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, with_files("m1", brought(PNG), contents=(PNG,)))
            card_id = (await store.handle(event_id, decider(), "v", NOW)).card_id
            await store.upload(PDF, NOW)
            for effects in (answer, lambda card, event: ()):
                reply = AgentMessage(text="Here", author="ana", files=(brought(PDF, "b.pdf", "application/pdf"),))
                event_id = await store.command(card_id, reply, NOW)
                await store.handle(event_id, decider(effects=effects), "v", NOW)
            files = [[(file.name, file.state) for file in message.files] for message in await store.messages(card_id)]
            assert files == [[("a.png", "stored")], [("b.pdf", "stored")], [("b.pdf", "stored")]]

    asyncio.run(scene())


def test_a_reply_cannot_have_a_file_that_was_never_uploaded(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, said("m1"))
            card_id = (await store.handle(event_id, decider(), "v", NOW)).card_id
            for sha256 in (name_of(PDF), ""):
                reply = AgentMessage(text="Here", author="ana", files=(File(name="b.pdf", sha256=sha256),))
                with pytest.raises(Missing, match=r"b\.pdf"):
                    await store.command(card_id, reply, NOW)
            assert await store.waiting_events(NOW, 10) == []

    asyncio.run(scene())


def test_uploads_that_nobody_used_are_forgotten_and_nothing_else(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (event_id,) = await take_in(store, with_files("m1", brought(PNG), contents=(PNG,)))
            card_id = (await store.handle(event_id, decider(), "v", NOW)).card_id
            for data in (PNG, PDF, b"left behind"):
                await store.upload(data, NOW)
            reply = AgentMessage(text="Here", author="ana", files=(brought(PDF, "b.pdf"),))
            event_id = await store.command(card_id, reply, NOW)  # not even handled yet
            await store.upload(b"just now", NOW + HOUR)
            await store.upload(PDF, NOW)
            assert await store.forget_unused(NOW + MINUTE) == 1
            kept = {row["sha256"] for row in await sql(store, "SELECT sha256 FROM content")}
            assert kept == {name_of(PNG), name_of(PDF), name_of(b"just now")}
            await store.handle(event_id, decider(effects=answer), "v", NOW)
            assert [file.state for file in await shown(store)] == ["stored", "stored"]

    asyncio.run(scene())
