"""The journal read in order, for backtests. Each function is a unit of work (`store.unit`)."""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
from collections.abc import Sequence

from duly_runtime.store import unit
from duly_runtime.store.api import PastEvent

DONE = "NOT (e.refused <> '' AND e.kind IN ('MergeCard', 'UnmergeCard', 'SplitCard'))"
"""Of what spans two cards only what was carried out: whether it may be depends on the other card as it was."""


async def events(after: int, limit: int, without: Sequence[str]) -> list[PastEvent]:
    """Handled events with an id above `after` and of none of the kinds `without`, in the order of the journal."""
    rows = await unit.fetch(
        "SELECT e.id, e.card_id, e.at, e.received_at, e.backfill, e.body,"
        " CASE WHEN v.alias > 0 THEN v.alias ELSE v.id END AS conversation FROM event e"
        " LEFT JOIN card c ON c.id = e.card_id"
        " LEFT JOIN conversation v ON v.connector = c.connector AND v.key = c.conversation AND c.conversation <> ''"
        f" WHERE e.id > ? AND e.handled_at IS NOT NULL AND e.kind NOT IN ({unit.marks(len(without))}) AND {DONE}"
        " ORDER BY e.id LIMIT ?",
        after,
        *without,
        limit,
    )
    return [
        PastEvent(
            id=int(row["id"]),
            case=_case(row["conversation"], int(row["card_id"]), int(row["id"])),
            card_id=int(row["card_id"]),
            at=row["at"],
            received_at=row["received_at"],
            backfill=bool(row["backfill"]),
            body=row["body"].encode(),
        )
        for row in rows
    ]


async def count(without: Sequence[str]) -> int:
    """How many `events` gives in all."""
    row = await unit.first(
        "SELECT COUNT(*) AS n FROM event e"
        f" WHERE e.handled_at IS NOT NULL AND e.kind NOT IN ({unit.marks(len(without))}) AND {DONE}",
        *without,
    )
    return int(row["n"]) if row else 0


def _case(conversation: int | None, card: int, event: int) -> str:
    if conversation is not None:
        return f"v{conversation}"
    return f"c{card}" if card else f"e{event}"
