"""Reports: from a question, or a definition of the rules, to figures.

A clock counts in the period in which it was met or missed, whatever became of it since; a stay in a stage in the period in
which it ended. `seconds` are open time on the calendar it was measured by, `wall` all the time that passed, both of what
has ended. Whose a fact is, and what its card was like, is as it was when the fact became known. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl.program import DIMENSIONS as WRITTEN
from duly_dsl.program import Period, Program, Report
from duly_runtime.columns import Group, Tallies, Tally, quantiles
from duly_runtime.store.api import Store
from duly_runtime.store.packs import day_of
from duly_runtime.store.reports_api import STAY, Asked, Day, FactRow, Part

TIME_IN_STAGE = STAY
EVERY = "every promise"
"""A measure: all clocks counted together."""
HIGH = 0.9
"""The share of times that `p90_seconds` is not below."""
SPANS = ("day", "week", "month")
DIMENSIONS = (*WRITTEN, "reason", "outcome")
"""What a question can part by; `reason` is why a miss was excused."""
MOST_DAYS = 3_700
"""Ten years: a longer period is a slip."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to count. `first` and `last` are days of `zone`, both included. `only`: dimension (not a span of time) -> the
    values that count. `pipelines`: those it is about at all."""

    measures: tuple[str, ...]
    first: dt.date
    last: dt.date
    zone: str = "UTC"
    pipelines: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = {}
    without_excused: bool = False
    goal: int = 0
    as_of: dt.datetime | None = None
    """Answer as it would have been answered then."""

    @property
    def before(self) -> Question:
        """The same for the period before: as many days, or the months before whole months."""
        day = dt.timedelta(days=1)
        last = self.first - day
        if self.first.day == 1 and (self.last + day).day == 1:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            return msgspec.structs.replace(self, first=months_before(self.first, months), last=last)
        return msgspec.structs.replace(self, first=last - (self.last - self.first), last=last)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `group` is dimension -> value, in the report's order; empty for a total.

    For a clock `count` is `met` + `missed`; `missed` leaves excused misses out where the report does. `compliance` is the
    share that was met, None where nothing counts; `gross` is that share with excused misses counted, `net` without them.
    For `time in stage` only `count` and the times mean anything.
    """

    measure: str
    group: dict[str, str] = {}
    count: int
    met: int = 0
    missed: int = 0
    excused: int = 0
    compliance: float | None = None
    gross: float | None = None
    net: float | None = None
    median_seconds: float | None = None
    p90_seconds: float | None = None
    wall_median_seconds: float | None = None
    wall_p90_seconds: float | None = None
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
    as_of: dt.datetime | None = None


class BadPeriod(ValueError):
    """There is no time between the first day and the last, or far too much."""


async def run(
    store: Store,
    program: Program,
    report: Report,
    now: dt.datetime,
    since: dt.date | None = None,
    until: dt.date | None = None,
    as_of: dt.datetime | None = None,
) -> ReportResult:
    """The figures of a definition. `since` and `until` (both included) beat the report's own period, which is counted back
    from `as_of` where that is given."""
    question = asked_by(report, as_of or now, since, until)
    return await ask(store, program, msgspec.structs.replace(question, as_of=as_of), report.name)


def asked_by(report: Report, now: dt.datetime, since: dt.date | None = None, until: dt.date | None = None) -> Question:
    """What a definition asks at an instant."""
    first, last = days(report.period, now.astimezone(ZoneInfo(report.zone)).date())
    return Question(
        measures=(*report.metrics, *((TIME_IN_STAGE,) if report.time_in_stage else ())),
        first=since or first,
        last=until or last,
        zone=report.zone,
        pipelines=report.pipelines,
        by=report.by,
        without_excused=report.without_excused,
        goal=report.goal,
    )


def pinned(question: Question, as_of: dt.datetime) -> Question:
    """The same, as it is known at an instant."""
    return msgspec.structs.replace(question, as_of=as_of)


async def ask(store: Store, program: Program, question: Question, name: str = "") -> ReportResult:
    """The figures a question asks for. Raises BadPeriod."""
    period = days_of(question)
    names = Names(program, question)
    fine = any(span in question.by for span in ("day", "week"))
    rows: list[Figures] = []
    totals: list[Figures] = []
    versions: set[str] = set()
    for measure in question.measures:
        parts = await store.facts(names.asked(measure), question.zone, period, fine=fine)
        found, total = await asyncio.to_thread(_counted, parts, measure, question, names)
        versions |= total.versions - {""}
        rows += found
        totals.append(_figures(question, measure, {}, total))
    return ReportResult(
        name=name,
        since=period[0].since,
        until=period[-1].until,
        zone=question.zone,
        by=question.by,
        goal=question.goal,
        without_excused=question.without_excused,
        rows=rows,
        totals=totals,
        versions=tuple(sorted(versions)),
        as_of=question.as_of,
    )


async def rows_of(store: Store, program: Program, question: Question, limit: int, before: int = 0) -> list[FactRow]:
    """What a question counts, one by one, the latest first; all its measures together."""
    period = days_of(question)
    names = Names(program, question)
    measures = () if EVERY in question.measures else question.measures
    asked = msgspec.structs.replace(names.asked(EVERY), measures=measures)
    found = await store.fact_rows(asked, period[0].since, period[-1].until, limit, before)
    return [msgspec.structs.replace(row, pipeline=names.pipeline(row.pipeline)) for row in found]


def days_of(question: Question) -> list[Day]:
    count = (question.last - question.first).days + 1
    if count < 1:
        raise BadPeriod(f"{question.first} is after {question.last}")
    if count > MOST_DAYS:
        raise BadPeriod(f"{question.first} to {question.last} is longer than ten years")
    zone = ZoneInfo(question.zone)
    return [day_of(question.first + dt.timedelta(days=n), zone) for n in range(count)]


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
            return months_before(today, period.count), today.replace(day=1) - day
        case _:
            return today - day * period.count, today - day


def months_before(date: dt.date, count: int) -> dt.date:
    """The first day of the month so many months before that of a date."""
    months = date.year * 12 + date.month - 1 - count
    return dt.date(months // 12, months % 12 + 1, 1)


class Names:
    """Pipelines by the names they have now: facts keep the name they were written under."""

    def __init__(self, program: Program, question: Question) -> None:
        self._question = question
        lines = question.pipelines or tuple(program.pipelines)
        if chosen := question.only.get("pipeline"):
            lines = tuple(name for name in lines if name in chosen)
        self._former = {
            old: name for name in lines if (line := program.pipelines.get(name)) is not None for old in line.was
        }
        self.stored = (*lines, *(old for old in self._former if old not in lines))

    def pipeline(self, stored: str) -> str:
        return self._former.get(stored, stored)

    def asked(self, measure: str) -> Asked:
        only = {column: values for column, values in self._question.only.items() if column != "pipeline"}
        measures = () if measure == EVERY else (measure,)
        return Asked(measures=measures, pipelines=self.stored, only=only, as_of=self._question.as_of)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What decides which group a fact belongs to."""
        return tuple(
            dict.fromkeys(("pipeline", *self._question.only, *(each for each in self._question.by if each not in SPANS)))
        )

    def group(self, values: tuple[str, ...]) -> Group | None:
        """The group of facts with these values of `dimensions`, spans of time left out; None where they do not count."""
        known = dict(zip(self.dimensions, values, strict=True))
        if known["pipeline"] not in self.stored:
            return None
        known["pipeline"] = self.pipeline(known["pipeline"])
        for column, wanted in self._question.only.items():
            if known[column] not in wanted:
                return None
        return tuple(known[each] for each in self._question.by if each not in SPANS)


def _counted(parts: Sequence[Part], measure: str, question: Question, names: Names) -> tuple[list[Figures], Tally]:
    """The rows in the order of their groups, and all of them together."""
    spans = [each for each in question.by if each in SPANS]
    tallies = Tallies(names.dimensions, names.group, net=question.without_excused)
    for part in parts:
        tallies.add(part.columns, tuple(_span(part.first, each) for each in spans))
    total = Tally()
    found: dict[tuple[str, ...], Tally] = {}
    for (group, when), tally in tallies.found.items():
        total.add(tally)
        values, times = iter(group), iter(when)
        key = tuple(next(times) if each in SPANS else next(values) for each in question.by)
        found.setdefault(key, Tally()).add(tally)
    if not question.by:
        return [], total
    ordered = [(dict(zip(question.by, key, strict=True)), found[key]) for key in sorted(found)]
    return [_figures(question, measure, group, tally) for group, tally in ordered], total


def _span(day: dt.date, span: str) -> str:
    match span:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case _:
            return f"{day:%Y-%m}"


def _figures(question: Question, measure: str, group: dict[str, str], tally: Tally) -> Figures:
    met, missed, excused, stays = (tally.count(each) for each in ("met", "missed", "excused", ""))
    counted = met + missed + (0 if question.without_excused else excused) + stays
    (median, high), (wall_median, wall_high) = (quantiles(times, (0.5, HIGH)) for times in (tally.seconds(), tally.wall()))
    promised = counted - stays
    return Figures(
        measure=measure,
        group=group,
        count=counted,
        met=met,
        missed=promised - met,
        excused=excused,
        compliance=met / promised if promised else None,
        gross=met / (met + missed + excused) if met + missed + excused else None,
        net=met / (met + missed) if met + missed else None,
        reached=met * 100 >= question.goal * promised if question.goal and promised else None,
        median_seconds=median,
        p90_seconds=high,
        wall_median_seconds=wall_median,
        wall_p90_seconds=wall_high,
    )
