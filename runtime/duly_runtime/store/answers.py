"""When rules last answered which mail address, on whichever card. Each function is a part of a unit of work."""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Sequence

from duly_runtime.engine.answers import PAUSE
from duly_runtime.store import unit


async def known(addresses: Sequence[str]) -> dict[str, dt.datetime]:
    """Held until the transaction ends: two messages from one address, on two cards, are not both answered."""
    if not addresses:
        return {}
    if unit.on_postgres():
        for address in sorted(addresses):
            await unit.fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 1))", address)
    rows = await unit.fetch(f"SELECT address, at FROM answered WHERE address IN ({unit.marks(len(addresses))})", *addresses)
    return {row["address"]: row["at"] for row in rows}


async def write(addresses: Sequence[str], now: dt.datetime) -> None:
    if not addresses:
        return
    rows = [{"address": address, "at": now} for address in sorted(addresses)]
    await unit.insert("answered", rows, "ON CONFLICT (address) DO UPDATE SET at = excluded.at")
    # What no longer counts goes, a little at a time; rows others hold are left to the next one.
    skip = " FOR UPDATE SKIP LOCKED" if unit.on_postgres() else ""
    await unit.fetch(
        f"DELETE FROM answered WHERE address IN (SELECT address FROM answered WHERE at <= ? LIMIT 20{skip})", now - PAUSE
    )
