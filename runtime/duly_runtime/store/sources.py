"""Sources: leases, so that one process at a time reads a mailbox, and how far each has been read."""

from __future__ import annotations

import datetime as dt

from duly_runtime.store import unit
from duly_runtime.store.sources_api import SourceRow


class StoredSources:
    """`store.sources_api.SourceStore` on a database."""

    _database: unit.Database

    async def hold_source(self, connector: str, name: str, token: str, now: dt.datetime, until: dt.datetime) -> bool:
        return await self._database.write(lambda: hold(connector, name, token, now, until))

    async def release_source(self, connector: str, name: str, token: str, now: dt.datetime) -> None:
        await self._database.write(
            lambda: unit.fetch(
                "UPDATE source SET token = '', leased_until = ? WHERE connector = ? AND name = ? AND token = ?",
                now,
                connector,
                name,
                token,
            )
        )

    async def tell_source(self, connector: str, name: str, state: str, detail: str, now: dt.datetime) -> None:
        row = {"connector": connector, "name": name, "token": "", "leased_until": None}
        row |= {"state": state, "detail": detail, "changed_at": now}
        again = (
            "ON CONFLICT (connector, name) DO UPDATE SET state = excluded.state, detail = excluded.detail, changed_at ="
            " CASE WHEN source.state = excluded.state THEN source.changed_at ELSE excluded.changed_at END"
            " WHERE source.state <> excluded.state OR source.detail <> excluded.detail"
        )
        await self._database.write(lambda: unit.insert("source", [row], again))

    async def forget_source(self, connector: str, but: tuple[str, ...]) -> None:
        kept = f" AND name NOT IN ({unit.marks(len(but))})" if but else ""
        text = f"DELETE FROM source WHERE connector = ? AND leased_until IS NULL{kept}"  # noqa: S608 - marks only
        await self._database.write(lambda: unit.fetch(text, connector, *but))

    async def sources(self, connector: str = "") -> list[SourceRow]:
        rows = await self._database.read(
            lambda: unit.fetch(
                "SELECT connector, name, state, detail, changed_at FROM source"
                " WHERE state <> '' AND (connector = ? OR ? = '') ORDER BY connector, name",
                connector,
                connector,
            )
        )
        return [SourceRow(**row) for row in rows]

    async def position(self, connector: str, name: str) -> str:
        row = await self._database.read(
            lambda: unit.first("SELECT value FROM position WHERE connector = ? AND name = ?", connector, name)
        )
        return row["value"] if row is not None else ""

    async def keep_position(self, connector: str, name: str, value: str) -> None:
        row = {"connector": connector, "name": name, "value": value}
        again = "ON CONFLICT (connector, name) DO UPDATE SET value = excluded.value"
        await self._database.write(lambda: unit.insert("position", [row], again))


async def hold(connector: str, name: str, token: str, now: dt.datetime, until: dt.datetime) -> bool:
    rows = await unit.fetch(
        "INSERT INTO source (connector, name, token, leased_until, state, detail, changed_at)"
        " VALUES (?, ?, ?, ?, '', '', ?)"
        " ON CONFLICT (connector, name) DO UPDATE SET token = excluded.token, leased_until = excluded.leased_until"
        " WHERE source.token = excluded.token OR source.leased_until IS NULL OR source.leased_until <= ? RETURNING id",
        connector,
        name,
        token,
        until,
        now,
        now,
    )
    return bool(rows)
