"""What reports count: clocks by the instant of their outcome, and stays in stages by the instant they ended.

Each function is a unit of work (`store.unit`) of one statement. What is made of the rows is `duly_runtime.reports`' to say.
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: clauses, never values
import datetime as dt
from collections.abc import Sequence

from duly_runtime.store import api, unit


async def outcomes(
    pipelines: Sequence[str], metrics: Sequence[str], since: dt.datetime, until: dt.datetime
) -> list[api.OutcomeRow]:
    """Clocks missed in [since, until), and those met in it. Who a miss belongs to is who owned the card then."""
    if not pipelines or not metrics:
        return []
    which = f"pipeline IN ({unit.marks(len(pipelines))}) AND metric IN ({unit.marks(len(metrics))})"
    columns = (
        "card_id, metric, pipeline, stage, owner, owner_at_miss, team, priority, type, channel, outcome, missed_at,"
        " stopped_at, excused_at, version, business_seconds"
    )
    rows = await unit.fetch(
        f"SELECT {columns} FROM clock WHERE {which} AND missed_at >= ? AND missed_at < ?"
        f" UNION ALL SELECT {columns} FROM clock WHERE {which} AND outcome = 'met' AND stopped_at >= ? AND stopped_at < ?",
        *pipelines,
        *metrics,
        since,
        until,
        *pipelines,
        *metrics,
        since,
        until,
    )
    return [
        api.OutcomeRow(
            card_id=int(row["card_id"]),
            metric=row["metric"],
            pipeline=row["pipeline"],
            stage=row["stage"],
            owner=row["owner_at_miss"] if row["missed_at"] is not None else row["owner"],
            team=row["team"],
            priority=row["priority"],
            type=row["type"],
            channel=row["channel"],
            missed=row["missed_at"] is not None,
            at=row["missed_at"] or row["stopped_at"],
            excused=row["excused_at"] is not None,
            version=row["version"],
            seconds=row["business_seconds"],
        )
        for row in rows
    ]


async def stays(pipelines: Sequence[str], since: dt.datetime, until: dt.datetime) -> list[api.StayRow]:
    """Stays in stages that ended in [since, until). What the card itself is like is as it is now."""
    if not pipelines:
        return []
    rows = await unit.fetch(
        "SELECT visit.card_id, visit.pipeline, visit.stage, visit.owner, card.team, card.priority, card.type, card.channel,"
        " visit.left_at, visit.business_seconds FROM visit JOIN card ON card.id = visit.card_id"
        f" WHERE visit.pipeline IN ({unit.marks(len(pipelines))}) AND visit.left_at >= ? AND visit.left_at < ?",
        *pipelines,
        since,
        until,
    )
    return [
        api.StayRow(
            card_id=int(row["card_id"]),
            pipeline=row["pipeline"],
            stage=row["stage"],
            owner=row["owner"],
            team=row["team"],
            priority=row["priority"],
            type=row["type"],
            channel=row["channel"],
            at=row["left_at"],
            seconds=row["business_seconds"],
        )
        for row in rows
    ]
