"""Files of messages and their contents.

A content is kept once, under its sha256, in the database: so it is written in the transaction of the event that speaks of
it, and is in every backup. `content.unused_since` is set while an upload belongs to no event yet; what is used is never
removed.

A file is `stored`, `waiting` or `failed`. A lease is no state of its own: it puts `next_at` off, and a worker that died has
done no harm by half a download.

Each function is a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import asyncio
import datetime as dt
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, assert_never

from duly_runtime.doors import MAX_FILE, Failed, Fetched, FetchOutcome, Inbound, Retry
from duly_runtime.events import AgentMessage, AnyBody, File, InternalNote
from duly_runtime.store import unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.files_api import FileChanged, FileRow, WaitingFile
from duly_runtime.store.schedule import FILE_TRIES, file_gap
from duly_runtime.store.unit import Row

log = logging.getLogger(__name__)

IN_THREAD = 256 * 1024
"""Bytes above which a hash is taken in a thread, so that other requests are answered meanwhile."""
ENTROPY = 18
"""Random bytes in a file's key."""

LOST = "the workers that were fetching it disappeared"
ABSENT = "its content did not come along"
TOO_LARGE = f"it is larger than {MAX_FILE // 1024 // 1024} MB"

COLUMNS = "id, key, card_id, message_id, name, media_type, size, sha256, inline, reference, state, attempts, next_at, error"


# --- contents --------------------------------------------------------------------------------------------------------


async def digest(data: bytes) -> str:
    """The name of a content."""
    if len(data) > IN_THREAD:
        return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
    return hashlib.sha256(data).hexdigest()


async def sound(items: Iterable[Inbound]) -> dict[str, bytes]:
    """The contents that came along and are what they are called. Of the others nothing is kept: their files fail."""
    found: dict[str, bytes] = {}
    for item in items:
        for name, data in item.contents.items():
            if len(data) > MAX_FILE:
                log.warning("a file of %s is larger than %d bytes", item.key, MAX_FILE)
            elif await digest(data) != name:
                log.error("a content of %s is not what its name %s says", item.key, name)
            else:
                found[name] = data
    return found


async def keep(contents: Mapping[str, bytes]) -> None:
    """Keep contents that an event uses. Their names have been checked."""
    names = sorted(contents)
    if not names:
        return
    there = await _use(names)
    for name in names:
        if name not in there:
            row = {"sha256": name, "size": len(contents[name]), "unused_since": None, "data": contents[name]}
            await unit.insert("content", [row], "ON CONFLICT (sha256) DO UPDATE SET unused_since = NULL")


async def _use(names: Sequence[str]) -> set[str]:
    """Which of them are there. From now on these are used: nobody removes them."""
    marks = unit.marks(len(names))
    await unit.fetch(
        f"UPDATE content SET unused_since = NULL WHERE sha256 IN ({marks}) AND unused_since IS NOT NULL", *names
    )
    rows = await unit.fetch(f"SELECT sha256 FROM content WHERE sha256 IN ({marks}) AND unused_since IS NULL", *names)
    return {row["sha256"] for row in rows}


async def upload(name: str, data: bytes, now: dt.datetime) -> None:
    """One that is there and still unused gets its time anew."""
    row = {"sha256": name, "size": len(data), "unused_since": now, "data": data}
    again = "ON CONFLICT (sha256) DO UPDATE SET unused_since = excluded.unused_since WHERE content.unused_since IS NOT NULL"
    await unit.insert("content", [row], again)


async def use_uploads(body: AnyBody) -> None:
    """What a command wants to send must have been uploaded. Raises Missing."""
    if isinstance(body, (AgentMessage, InternalNote)) and body.files:
        names = sorted({file.sha256 for file in body.files})
        there = await _use(names)
        for file in body.files:
            if file.sha256 not in there:
                raise Missing(f"the file `{file.name}` has not been uploaded, or too long ago")


async def forget_unused(before: dt.datetime) -> int:
    return len(await unit.fetch("DELETE FROM content WHERE unused_since < ? RETURNING sha256", before))


async def sizes(names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    rows = await unit.fetch(f"SELECT sha256, size FROM content WHERE sha256 IN ({unit.marks(len(names))})", *names)
    return {row["sha256"]: int(row["size"]) for row in rows}


async def content(name: str, start: int, size: int | None) -> bytes:
    if size is None:
        row = await unit.first("SELECT data FROM content WHERE sha256 = ?", name)
    else:
        row = await unit.first(
            "SELECT substr(data, ?, ?) AS data FROM content WHERE sha256 = ?", start + 1, max(size, 0), name
        )
    if row is None:
        raise Missing("the content of this file is not there")
    return bytes(row["data"])


# --- files of messages -----------------------------------------------------------------------------------------------


async def write(message: Row, message_id: int, connector: str, files: Sequence[File], now: dt.datetime) -> None:
    """The files of a message, with it."""
    known = await sizes(sorted({file.sha256 for file in files if file.sha256}))
    await unit.insert(
        "file",
        [
            {
                "key": secrets.token_urlsafe(ENTROPY),
                "card_id": message["card_id"],
                "event_id": message["event_id"],
                "message_id": message_id,
                "connector": connector,
                "name": file.name,
                "media_type": file.media_type,
                "sha256": file.sha256 if file.sha256 in known else "",
                "inline": file.inline,
                "reference": file.reference,
                "attempts": 0,
                "token": "",
                "changed_at": now,
                **_begin(file, known, now),
            }
            for file in files
        ],
    )


def _begin(file: File, known: Mapping[str, int], now: dt.datetime) -> dict[str, Any]:
    state, next_at, error = "failed", None, ABSENT
    if file.sha256 in known:
        state, error = "stored", ""
    elif file.size > MAX_FILE:
        error = TOO_LARGE
    elif file.reference:
        state, next_at, error = "waiting", now, ""
    return {"state": state, "size": known.get(file.sha256, file.size), "next_at": next_at, "error": error}


def _row(row: Row) -> FileRow:
    return FileRow(
        id=int(row["id"]),
        key=row["key"],
        card_id=int(row["card_id"]),
        message_id=int(row["message_id"]),
        name=row["name"],
        media_type=row["media_type"],
        size=int(row["size"]),
        sha256=row["sha256"],
        inline=row["inline"],
        fetchable=bool(row["reference"]),
        state=row["state"],
        attempts=int(row["attempts"]),
        next_at=row["next_at"],
        error=row["error"],
    )


async def of_cards(card_ids: Sequence[int]) -> dict[int, tuple[FileRow, ...]]:
    """By message."""
    found: dict[int, tuple[FileRow, ...]] = {}
    marks = unit.marks(len(card_ids))
    for row in await unit.fetch(f"SELECT {COLUMNS} FROM file WHERE card_id IN ({marks}) ORDER BY id", *card_ids):
        each = _row(row)
        found[each.message_id] = (*found.get(each.message_id, ()), each)
    return found


async def file(key: str) -> FileRow:
    row = await unit.first(f"SELECT {COLUMNS} FROM file WHERE key = ?", key)
    if row is None:
        raise Missing("there is no such file")
    return _row(row)


# --- fetching --------------------------------------------------------------------------------------------------------


async def lease(now: dt.datetime, limit: int, seconds: float, token: str) -> list[WaitingFile]:
    """`token` is new with each call, so that a call which is run again finds what it has leased already."""
    await unit.fetch(
        "UPDATE file SET state = 'failed', next_at = NULL, token = '', error = ?, changed_at = ?"
        " WHERE state = 'waiting' AND next_at <= ? AND attempts >= ?",
        LOST,
        now,
        now,
        FILE_TRIES,
    )
    skip = " FOR UPDATE SKIP LOCKED" if unit.on_postgres() else ""
    due = await unit.fetch(
        f"SELECT id FROM file WHERE state = 'waiting' AND next_at <= ? ORDER BY next_at, id LIMIT ?{skip}", now, limit
    )
    if due:
        await unit.fetch(
            f"UPDATE file SET token = ?, next_at = ?, attempts = attempts + 1 WHERE id IN ({unit.marks(len(due))})",
            token,
            now + dt.timedelta(seconds=seconds),
            *(row["id"] for row in due),
        )
    rows = await unit.fetch(
        "SELECT f.id, f.card_id, f.connector, f.name, f.media_type, f.size, f.inline, f.reference, f.attempts, c.pipeline"
        " FROM file f JOIN card c ON c.id = f.card_id WHERE f.token = ? ORDER BY f.id",
        token,
    )
    return [
        WaitingFile(
            id=int(row["id"]),
            card_id=int(row["card_id"]),
            pipeline=row["pipeline"],
            connector=row["connector"],
            file=File(
                name=row["name"],
                media_type=row["media_type"],
                size=int(row["size"]),
                inline=row["inline"],
                reference=row["reference"],
            ),
            attempts=int(row["attempts"]),
            token=token,
        )
        for row in rows
    ]


async def settle(item: WaitingFile, outcome: FetchOutcome, name: str, now: dt.datetime) -> bool:
    """`name` is the content's, where it was fetched."""
    held = await unit.first(
        f"SELECT id FROM file WHERE id = ? AND token = ? AND token <> ''{unit.locked()}", item.id, item.token
    )
    if held is None:
        return False
    if isinstance(outcome, Fetched) and len(outcome.data) > MAX_FILE:
        outcome = Failed(reason=TOO_LARGE)
    sets: dict[str, Any] = {"token": "", "next_at": None, "error": "", "changed_at": now}
    match outcome:
        case Fetched(data=data, media_type=media_type):
            await keep({name: data})
            media_type = media_type or item.file.media_type
            sets |= {"state": "stored", "sha256": name, "size": len(data), "media_type": media_type}
        case Retry(reason=reason, after=after, give_up=give_up):
            gap = None if give_up else file_gap(item.attempts, str(item.id))
            if gap is None:
                sets |= {"state": "failed", "error": reason}
            else:
                sets |= {"next_at": now + dt.timedelta(seconds=max(gap, after)), "error": reason}
        case Failed(reason=reason):
            sets |= {"state": "failed", "error": reason}
        case _:
            assert_never(outcome)
    columns = ", ".join(f"{column} = ?" for column in sets)
    await unit.fetch(f"UPDATE file SET {columns} WHERE id = ?", *sets.values(), item.id)
    return True


async def again(key: str, now: dt.datetime) -> None:
    await file(key)
    done = await unit.fetch(
        "UPDATE file SET state = 'waiting', attempts = 0, next_at = ?, token = '', error = '', changed_at = ?"
        " WHERE key = ? AND state = 'failed' AND reference <> '' RETURNING id",
        now,
        now,
        key,
    )
    if not done:
        raise Conflict("this file is not one that can be fetched again")


async def changed_since(since: dt.datetime, limit: int) -> list[FileChanged]:
    rows = await unit.fetch(
        "SELECT f.id, f.card_id, c.pipeline, f.changed_at FROM file f JOIN card c ON c.id = f.card_id"
        " WHERE f.changed_at >= ? ORDER BY f.changed_at LIMIT ?",
        since,
        limit,
    )
    return [
        FileChanged(id=int(row["id"]), card_id=int(row["card_id"]), pipeline=row["pipeline"], at=row["changed_at"])
        for row in rows
    ]


class StoredFiles:
    """The part of the store that is `files_api.FileStore`."""

    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def upload(self, data: bytes, now: dt.datetime) -> str:
        name = await digest(data)
        await self._write(lambda: upload(name, data, now))
        return name

    async def forget_unused(self, before: dt.datetime) -> int:
        return await self._write(lambda: forget_unused(before))

    async def content(self, sha256: str, start: int = 0, size: int | None = None) -> bytes:
        return await self._read(lambda: content(sha256, start, size))

    async def content_sizes(self, names: Sequence[str]) -> dict[str, int]:
        return await self._read(lambda: sizes(names))

    async def file(self, key: str) -> FileRow:
        return await self._read(lambda: file(key))

    async def lease_files(self, now: dt.datetime, limit: int, seconds: float) -> list[WaitingFile]:
        token = secrets.token_hex(16)
        return await self._write(lambda: lease(now, limit, seconds, token))

    async def settle_file(self, item: WaitingFile, outcome: FetchOutcome, now: dt.datetime) -> bool:
        name = await digest(outcome.data) if isinstance(outcome, Fetched) else ""
        return await self._write(lambda: settle(item, outcome, name, now))

    async def fetch_again(self, key: str, now: dt.datetime) -> None:
        await self._write(lambda: again(key, now))

    async def files_changed_since(self, since: dt.datetime, limit: int = 1000) -> list[FileChanged]:
        return await self._read(lambda: changed_since(since, limit))
