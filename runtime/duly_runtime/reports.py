"""Report definitions put to work: from the rows of a period to figures.

A clock counts in the period in which it was met or missed, whatever became of it since; a stay in a stage in the period in
which it ended. Times are open time, of clocks that have stopped. Nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl.program import Period, Program, Report
from duly_runtime.store.api import OutcomeRow, StayRow, Store

TIME_IN_STAGE = "time in stage"
HIGH = 0.9
"""The share of times that `p90_seconds` is not below."""


Row = TypeVar("Row", bound=StayRow)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `group` is dimension -> value, in the report's order; empty for a total.

    For a clock `count` is `met` + `missed`; `missed` leaves excused misses out where the report does. `compliance` is the
    share that was met, None where nothing counts. For `time in stage` only `count` and the times mean anything.
    """

    measure: str
    group: dict[str, str] = {}
    count: int
    met: int = 0
    missed: int = 0
    excused: int = 0
    compliance: float | None = None
    median_seconds: float | None = None
    p90_seconds: float | None = None
    reached: bool | None = None
    """Whether the goal was; None where there is none or nothing counts."""


class ReportResult(msgspec.Struct, frozen=True, kw_only=True):
    """A report for one period: [since, until), days in `zone`."""

    name: str
    since: dt.datetime
    until: dt.datetime
    zone: str
    by: tuple[str, ...]
    goal: int
    without_excused: bool
    rows: list[Figures]
    totals: list[Figures]
    versions: tuple[str, ...]
    """The versions of the rules its clocks were judged by."""


class BadPeriod(ValueError):
    """`--since` and `--until` leave no time between them."""


async def run(
    store: Store,
    program: Program,
    report: Report,
    now: dt.datetime,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> ReportResult:
    """The figures. `since` and `until` (both included) beat the report's own period."""
    zone = ZoneInfo(report.zone)
    first, last = days(report.period, now.astimezone(zone).date())
    first, last = since or first, until or last
    if last < first:
        raise BadPeriod(f"{first} is after {last}")
    start, end = _midnight(first, zone), _midnight(last + dt.timedelta(days=1), zone)
    former = {old: name for name in report.pipelines if (line := program.pipelines.get(name)) for old in line.was}
    names = (*report.pipelines, *former)
    clocks = await store.outcomes(names, report.metrics, start, end)
    stays = await store.stays(names, start, end) if report.time_in_stage else []
    rows: list[Figures] = []
    totals: list[Figures] = []
    for metric in report.metrics:
        mine = [clock for clock in clocks if clock.metric == metric]
        rows += [_clocks(report, metric, group, found) for group, found in _parted(mine, report, zone, former)]
        totals.append(_clocks(report, metric, {}, mine))
    if report.time_in_stage:
        rows += [_stays(group, found) for group, found in _parted(stays, report, zone, former)]
        totals.append(_stays({}, stays))
    return ReportResult(
        name=report.name,
        since=start,
        until=end,
        zone=report.zone,
        by=report.by,
        goal=report.goal,
        without_excused=report.without_excused,
        rows=rows if report.by else [],
        totals=totals,
        versions=tuple(sorted({clock.version for clock in clocks})),
    )


def days(period: Period, today: dt.date) -> tuple[dt.date, dt.date]:
    """The first and the last day of a period, seen from a day: whole days, weeks (Monday first) or months before it."""
    if period.first is not None and period.last is not None:
        return period.first, period.last
    day = dt.timedelta(days=1)
    match period.unit:
        case "week":
            monday = today - day * today.weekday()
            return monday - 7 * day * period.count, monday - day
        case "month":
            month = today.replace(day=1)
            back = month.year * 12 + month.month - 1 - period.count
            return dt.date(back // 12, back % 12 + 1, 1), month - day
        case _:
            return today - day * period.count, today - day


def _midnight(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(), zone).astimezone(dt.UTC)


def _parted(
    rows: Iterable[Row], report: Report, zone: ZoneInfo, former: dict[str, str]
) -> list[tuple[dict[str, str], list[Row]]]:
    """The rows by the report's dimensions, in the order of their values."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(_value(row, each, zone, former) for each in report.by), []).append(row)
    return [(dict(zip(report.by, key, strict=True)), found[key]) for key in sorted(found)]


def _value(row: StayRow, dimension: str, zone: ZoneInfo, former: dict[str, str]) -> str:
    day = row.at.astimezone(zone).date()
    match dimension:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "pipeline":
            return former.get(row.pipeline, row.pipeline)
        case _:
            return str(getattr(row, dimension))


def _clocks(report: Report, metric: str, group: dict[str, str], rows: Sequence[OutcomeRow]) -> Figures:
    excused = sum(1 for row in rows if row.excused)
    counted = [row for row in rows if not (row.excused and report.without_excused)]
    met = sum(1 for row in counted if not row.missed)
    median, high = _times(counted)
    compliance = met / len(counted) if counted else None
    return Figures(
        measure=metric,
        group=group,
        count=len(counted),
        met=met,
        missed=len(counted) - met,
        excused=excused,
        compliance=compliance,
        reached=met * 100 >= report.goal * len(counted) if report.goal and counted else None,
        median_seconds=median,
        p90_seconds=high,
    )


def _stays(group: dict[str, str], rows: Sequence[StayRow]) -> Figures:
    median, high = _times(rows)
    return Figures(measure=TIME_IN_STAGE, group=group, count=len(rows), median_seconds=median, p90_seconds=high)


def _times(rows: Sequence[StayRow]) -> tuple[float | None, float | None]:
    """Median and ninetieth percentile of the open times that are known."""
    seconds = sorted(row.seconds for row in rows if row.seconds is not None)
    return quantile(seconds, 0.5), quantile(seconds, HIGH)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value with that share of the others below it, between neighbours in proportion; None of nothing."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
