"""The schema's history: steps in order, each applied once, in one transaction with the mark that it was.

A migration is never changed once it is released; a new one is added below. The text is the same for both databases except
for the words in braces; a `fill` after the steps puts rows where they belong. Both have DDL in transactions, so a process
killed half-way leaves the schema as it was before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType

from duly_runtime.store import unit
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.store.migrations import (
    m0001_first,
    m0002_excuses,
    m0003_publications,
    m0004_stages,
    m0005_files,
    m0006_contacts,
    m0007_quarantine,
    m0008_answered,
    m0009_order,
    m0010_deliveries,
    m0011_quoted,
    m0012_merged,
    m0013_sources,
    m0014_approvals,
    m0015_annotations,
    m0016_facts,
    m0017_report_mails,
)

MIGRATIONS: tuple[ModuleType, ...] = (
    m0001_first,
    m0002_excuses,
    m0003_publications,
    m0004_stages,
    m0005_files,
    m0006_contacts,
    m0007_quarantine,
    m0008_answered,
    m0009_order,
    m0010_deliveries,
    m0011_quoted,
    m0012_merged,
    m0013_sources,
    m0014_approvals,
    m0015_annotations,
    m0016_facts,
    m0017_report_mails,
)

LOCK = 0x64756C79
"""The advisory lock under which PostgreSQL migrates: any number nobody else takes (`duly`)."""

WORDS = {
    "sqlite": {
        # AUTOINCREMENT: ids are never used twice, which the journal's order stands on.
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        "bytes": "BLOB",
        "sequence": "INSERT INTO tally (kind, name, n) VALUES ('number', '', 0)",
        "stay": "ROUND((julianday(v.left_at) - julianday(v.entered_at)) * 86400, 3)",
        "wall": "ROUND((julianday(stopped_at) - julianday(started_at)) * 86400, 3)",
    },
    "postgres": {
        "id": "BIGSERIAL PRIMARY KEY",
        "bytes": "BYTEA",
        "sequence": "CREATE SEQUENCE card_number_seq",
        "stay": "ROUND(EXTRACT(EPOCH FROM v.left_at - v.entered_at)::numeric, 3)",
        "wall": "ROUND(EXTRACT(EPOCH FROM stopped_at - started_at)::numeric, 3)",
    },
}


async def migrate(write: Callable[[unit.Unit[int]], Awaitable[int]]) -> int:
    """Bring the schema up to date; how many migrations were applied. Safe when many processes start at once: on SQLite
    the write transaction is the lock, on PostgreSQL an advisory one. Raises StoreUnavailable for a schema from the future.
    """
    applied = 0
    while await write(_step):
        applied += 1
    return applied


async def _step() -> int:
    """Apply the next migration; 0 where there is none."""
    postgres = unit.on_postgres()
    if postgres:
        await unit.fetch("SELECT pg_advisory_xact_lock(?)", LOCK)
    await unit.fetch("CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY, name TEXT NOT NULL)")
    rows = await unit.fetch("SELECT number FROM schema_version ORDER BY number DESC LIMIT 1")
    at = int(rows[0]["number"]) if rows else 0
    if at > len(MIGRATIONS):
        raise StoreUnavailable(
            f"the database has schema {at}, this Duly knows schemas up to {len(MIGRATIONS)}: start the newer version"
        )
    if at == len(MIGRATIONS):
        return 0
    module = MIGRATIONS[at]
    words = WORDS["postgres" if postgres else "sqlite"]
    for step in module.STEPS:
        await unit.fetch(step.format(**words))
    if hasattr(module, "fill"):
        await module.fill()
    name = module.__name__.rpartition(".")[2]
    await unit.fetch("INSERT INTO schema_version (number, name) VALUES (?, ?)", at + 1, name)
    return at + 1
