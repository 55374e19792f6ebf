"""Every figure of a report is what a recount of the raw rows gives, on both databases."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import statistics
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from duly_dsl.program import Period, Pipeline, Program, Report
from duly_dsl.units import Duration, Unit
from duly_runtime import reports
from duly_runtime.card import Card, Clock, ClockState, Excuse, Visit
from duly_runtime.decision import Decision, World
from duly_runtime.events import Event, OpenCard
from duly_runtime.store.api import Store
from support.store_scenes import HOUR, NOW, opened, sql

ZONE = "America/Sao_Paulo"
TARGET = Duration(Unit.BUSINESS, 4 * 3_600_000_000)
PROGRAM = Program(
    pipelines={
        "Support": Pipeline(name="Support", calendar="Office", was=("Help desk",)),
        "Sales": Pipeline(name="Sales", calendar="Office"),
    }
)
CLOCKS = Report(name="Clocks", metrics=("first reply", "resolved"), pipelines=("Support",), zone=ZONE, goal=60)
SINCE, UNTIL = dt.date(2026, 10, 1), dt.date(2026, 10, 31)


def a_card(number: int, chance: random.Random) -> Card:
    """A card with clocks that ended, were missed, were excused or still run, about the turn of the month."""
    start = NOW - dt.timedelta(days=chance.uniform(0, 60))
    owner = chance.choice(("ana", "bruno", ""))
    clocks: list[Clock] = []
    for metric in ("first reply", "next reply", "resolved"):
        for cycle in range(1, chance.randint(1, 3)):
            due, stop = start + 4 * HOUR, start + HOUR * chance.uniform(0.5, 90)
            ends = chance.random()
            missed = stop > due
            clocks.append(
                Clock(
                    metric=metric,
                    cycle=cycle,
                    stage=chance.choice(("New", "")),
                    calendar="Office",
                    target=TARGET,
                    version=chance.choice(("one", "two")),
                    started_at=start,
                    state=ClockState.RUNNING if ends < 0.2 else ClockState.CANCELLED if ends < 0.3 else ClockState.DONE,
                    due_at=due,
                    missed_at=due if missed else None,
                    owner_at_miss=chance.choice(("ana", "carla")) if missed else "",
                    excuse=Excuse(reason="Outage", at=stop) if missed and chance.random() < 0.3 else None,
                    stopped_at=None if ends < 0.2 else stop,
                )
            )
    left = start + HOUR * chance.uniform(0.1, 200)
    return Card(
        id=number,
        number=number,
        pipeline=chance.choice(("Support", "Support", "Help desk", "Sales")),
        stage="Done",
        owner=owner,
        team=chance.choice(("Desk", "")),
        priority=chance.choice(("high", "low")),
        channel="email",
        created_at=start,
        clocks=tuple(clocks),
        visits=(
            Visit(number=1, stage="New", entered_at=start, left_at=left),
            Visit(number=2, stage="Done", entered_at=left),
        ),
        revision=1,
    )


async def filled(store: Store) -> None:
    chance = random.Random(7)

    def measure(card: Card, calendar: str, start: dt.datetime, end: dt.datetime) -> float:
        return (end - start).total_seconds()

    def decide(event: Event, card: Card | None, world: World) -> Decision:
        return Decision(card=a_card(world.next_card_id, chance))

    for _ in range(80):
        event_id = await store.command(0, OpenCard(pipeline="Support"), NOW)
        assert (await store.handle(event_id, decide, "v", NOW, measure)).done


def local(at: dt.datetime) -> dt.date:
    return at.astimezone(ZoneInfo(ZONE)).date()


def quantiles(values: list[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    if len(values) == 1:
        return values[0], values[0]
    return statistics.median(values), statistics.quantiles(values, n=10, method="inclusive")[8]


def recount(rows: list[dict[str, Any]], part: Callable[[dict[str, Any]], str], without: bool) -> dict[str, tuple[Any, ...]]:
    """From the whole tables, row by row."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        at = row["missed_at"] or (row["stopped_at"] if row["outcome"] == "met" else None)
        if at is not None and row["pipeline"] in ("Support", "Help desk") and SINCE <= local(at) <= UNTIL:
            found.setdefault(part({**row, "at": at}), []).append(row)
    figures = {}
    for key, mine in found.items():
        excused = sum(1 for row in mine if row["excused_at"] is not None)
        kept = [row for row in mine if not (without and row["excused_at"] is not None)]
        met = sum(1 for row in kept if row["outcome"] == "met")
        times = [row["business_seconds"] for row in kept if row["business_seconds"] is not None]
        figures[key] = (len(kept), met, len(kept) - met, excused, *quantiles(times))
    return figures


def said(row: reports.Figures) -> tuple[Any, ...]:
    return (row.count, row.met, row.missed, row.excused, row.median_seconds, row.p90_seconds)


def close(found: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    return found == pytest.approx(wanted) if None not in wanted else found == wanted


PARTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "owner": lambda row: row["owner_at_miss"] if row["missed_at"] else row["owner"],
    "team": lambda row: row["team"],
    "stage": lambda row: row["stage"],
    "priority": lambda row: row["priority"],
    "type": lambda row: row["type"],
    "channel": lambda row: row["channel"],
    "pipeline": lambda row: "Support",
    "day": lambda row: local(row["at"]).isoformat(),
    "week": lambda row: "{}-W{:02}".format(*local(row["at"]).isocalendar()),
    "month": lambda row: local(row["at"]).isoformat()[:7],
}


@pytest.mark.parametrize("without", [False, True])
def test_clocks_are_what_a_recount_gives(store_url: str, without: bool) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await filled(store)
            rows = await sql(store, "SELECT * FROM clock")
            assert len({row["outcome"] for row in rows}) == 3
            seen = 0
            for dimension, part in PARTS.items():
                report = Report(
                    name="R", metrics=CLOCKS.metrics, pipelines=("Support",), by=(dimension,), zone=ZONE,
                    without_excused=without, goal=60,
                )  # fmt: skip
                result = await reports.run(store, PROGRAM, report, NOW, SINCE, UNTIL)
                for metric in report.metrics:
                    wanted = recount([row for row in rows if row["metric"] == metric], part, without)
                    found = {row.group[dimension]: row for row in result.rows if row.measure == metric}
                    assert set(found) == set(wanted)
                    for key, figures in wanted.items():
                        assert close(said(found[key]), figures), (dimension, metric, key)
                        met, count = figures[1], figures[0]
                        assert found[key].compliance == (met / count if count else None)
                        assert found[key].reached == (met / count >= 0.6 if count else None)
                        seen += 1
                    (total,) = [row for row in result.totals if row.measure == metric]
                    (whole,) = recount([row for row in rows if row["metric"] == metric], lambda row: "", without).values()
                    assert close(said(total), whole)
                assert set(result.versions) == {"one", "two"}
            assert seen > 40

    asyncio.run(scene())


def test_time_in_stage_is_what_a_recount_gives(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await filled(store)
            report = Report(name="R", time_in_stage=True, pipelines=("Support",), by=("priority", "stage"), zone=ZONE)
            result = await reports.run(store, PROGRAM, report, NOW, SINCE, UNTIL)
            visits = await sql(store, "SELECT * FROM visit")
            cards = {row["id"]: row for row in await sql(store, "SELECT * FROM card")}
            wanted: dict[tuple[str, str], list[float]] = {}
            for row in visits:
                if row["left_at"] is None or row["pipeline"] == "Sales" or not SINCE <= local(row["left_at"]) <= UNTIL:
                    continue
                key = (cards[row["card_id"]]["priority"], row["stage"])
                wanted.setdefault(key, []).append(row["business_seconds"])
            assert len(wanted) == 2
            found = {(row.group["priority"], row.group["stage"]): row for row in result.rows}
            assert {key: row.count for key, row in found.items()} == {key: len(times) for key, times in wanted.items()}
            for key, times in wanted.items():
                assert (found[key].median_seconds, found[key].p90_seconds) == pytest.approx(quantiles(times))
            (total,) = result.totals
            assert total.count == sum(len(times) for times in wanted.values())

    asyncio.run(scene())


def test_a_report_of_nothing_that_happened_is_empty(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            result = await reports.run(store, PROGRAM, CLOCKS, NOW)
            assert [(row.count, row.compliance, row.reached, row.median_seconds) for row in result.totals] == [
                (0, None, None, None)
            ] * 2
            assert result.rows == []
            with pytest.raises(reports.BadPeriod):
                await reports.run(store, PROGRAM, CLOCKS, NOW, UNTIL, SINCE)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period(unit="month"), "2026-10-01", "2026-10-31"),
        (Period(unit="month", count=12), "2025-11-01", "2026-10-31"),
        (Period(unit="week"), "2026-11-02", "2026-11-08"),
        (Period(unit="week", count=2), "2026-10-26", "2026-11-08"),
        (Period(unit="day"), "2026-11-08", "2026-11-08"),
        (Period(unit="day", count=30), "2026-10-10", "2026-11-08"),
        (Period(first=SINCE, last=SINCE), "2026-10-01", "2026-10-01"),
    ],
)
def test_periods_are_whole_days_before_today(period: Period, first: str, last: str) -> None:
    monday = dt.date(2026, 11, 9)
    assert tuple(day.isoformat() for day in reports.days(period, monday)) == (first, last)


def test_days_begin_at_midnight_where_the_report_is(sqlite_url: str) -> None:
    async def scene() -> None:
        async with opened(sqlite_url) as store:
            report = Report(name="R", metrics=("resolved",), pipelines=("Support",), zone=ZONE, period=Period(unit="day"))
            early = dt.datetime(2026, 11, 9, 2, 0, tzinfo=dt.UTC)  # 23:00 of the eighth in São Paulo
            result = await reports.run(store, PROGRAM, report, early)
            assert result.since == dt.datetime(2026, 11, 7, 3, 0, tzinfo=dt.UTC)
            assert result.until == dt.datetime(2026, 11, 8, 3, 0, tzinfo=dt.UTC)

    asyncio.run(scene())
