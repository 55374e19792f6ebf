"""Published versions and the draft. Each function is a unit of work (`store.unit`)."""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from duly_runtime.events import Recompute
from duly_runtime.store import api, journal, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.rows import json
from duly_runtime.store.tables import Draft, Publication, Version

_sources = msgspec.json.Decoder(dict[str, str])


async def publish(
    program_hash: str,
    program: bytes,
    sources: Mapping[str, str],
    author: str,
    note: str,
    now: dt.datetime,
    choice: str,
    renamed: Sequence[tuple[str, str]],
    details: Mapping[str, str],
    base: str | None,
) -> None:
    if unit.on_postgres():  # a lock on the last row would not show the next one
        await unit.fetch("LOCK TABLE publication IN SHARE ROW EXCLUSIVE MODE")
    last = await unit.first("SELECT hash FROM publication ORDER BY id DESC LIMIT 1")
    before = last["hash"] if last else ""
    if base is not None and base != before:
        raise Conflict(f"version {before[:12]} went live since {base[:12] or 'the start'}: look at what changed first")
    row = {"hash": program_hash, "program": program, "sources": json(sources)}
    await unit.insert("version", [row], "ON CONFLICT (hash) DO NOTHING")
    publication = {
        "hash": program_hash,
        "author": author,
        "note": note,
        "at": now,
        "choice": choice,
        "details": json(dict(details)),
    }
    number = (await unit.insert("publication", [publication], "RETURNING id"))[0]["id"]
    if not before:
        return
    body = Recompute(author=author, choice=choice, before=before)
    cards = [
        (int(row["id"]), body) for row in await unit.fetch("SELECT id FROM card WHERE finished_at IS NULL ORDER BY id")
    ]
    renaming = Recompute(author=author, choice="from now on", before=before)
    for pipeline, stage in renamed:
        found = await unit.fetch(
            "SELECT id FROM card WHERE finished_at IS NOT NULL AND pipeline = ?" + (" AND stage = ?" if stage else ""),
            *((pipeline, stage) if stage else (pipeline,)),
        )
        cards += [(int(row["id"]), renaming) for row in found]
    events = [
        journal.event_row(journal.RECOMPUTES, f"{number}/{card_id}", event, at=now, now=now, card_id=card_id)
        for card_id, event in dict(cards).items()
    ]
    await unit.insert("event", events)


async def active_hash() -> str:
    row = await unit.first("SELECT hash FROM publication ORDER BY id DESC LIMIT 1")
    return row["hash"] if row else ""


async def version(program_hash: str) -> api.Version:
    row = await Version.select().where(Version.hash == program_hash).first()
    if row is None:
        raise Missing(f"there is no version {program_hash}")
    return api.Version(hash=row["hash"], program=bytes(row["program"]), sources=_sources.decode(row["sources"]))


async def active() -> api.Version | None:
    program_hash = await active_hash()
    return await version(program_hash) if program_hash else None


async def versions() -> list[api.VersionRow]:
    """Each publishing, newest first; a version that was published twice is there twice, and active is the last."""
    rows = await Publication.select().order_by(Publication.id, ascending=False)
    return [
        api.VersionRow(
            hash=row["hash"],
            author=row["author"],
            note=row["note"],
            created_at=row["at"],
            active=place == 0,
            choice=row["choice"],
            details=_sources.decode(row["details"]),
        )
        for place, row in enumerate(rows)
    ]


async def draft() -> api.Draft | None:
    row = await Draft.select().where(Draft.id == 1).first()
    if row is None or row["sources"] is None:
        return None
    return api.Draft(
        sources=_sources.decode(row["sources"]),
        base=row["base"],
        author=row["author"],
        updated_at=row["updated_at"],
        revision=int(row["revision"]),
    )


async def save_draft(sources: Mapping[str, str], base: str, author: str, revision: int, now: dt.datetime) -> api.Draft:
    empty = {"id": 1, "sources": None, "base": "", "author": "", "updated_at": now, "revision": 0}
    await unit.insert("draft", [empty], "ON CONFLICT (id) DO NOTHING")
    row = await unit.first("SELECT sources, author, revision FROM draft WHERE id = 1" + unit.locked())
    assert row is not None
    if row["sources"] is None:
        if revision:
            raise Conflict("the draft was discarded or published meanwhile")
    elif revision != row["revision"]:
        raise Conflict(f"{row['author'] or 'somebody'} has changed the draft meanwhile")
    number = int(row["revision"]) + 1
    await unit.fetch(
        "UPDATE draft SET sources = ?, base = ?, author = ?, updated_at = ?, revision = ? WHERE id = 1",
        json(sources),
        base,
        author,
        now,
        number,
    )
    return api.Draft(sources=dict(sources), base=base, author=author, updated_at=now, revision=number)


async def discard_draft() -> None:
    await unit.fetch("UPDATE draft SET sources = NULL, revision = revision + 1 WHERE id = 1")
