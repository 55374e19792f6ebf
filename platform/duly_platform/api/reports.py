"""Reports over the API: the definitions of the running version, and their figures."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from duly_dsl.program import Report
from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_runtime import reports as figures
from duly_runtime.store.api import Missing

READ = [needs("read", "reports.read")]


class ReportSummary(msgspec.Struct, frozen=True):
    """A report of the running version. `measures` are clocks, and `time in stage`. `goal` is a percentage, 0 for none."""

    name: str
    measures: tuple[str, ...]
    pipelines: tuple[str, ...]
    by: tuple[str, ...]
    goal: int
    without_excused: bool


def summary(report: Report) -> ReportSummary:
    measures = (*report.metrics, *((figures.TIME_IN_STAGE,) if report.time_in_stage else ()))
    return ReportSummary(report.name, measures, report.pipelines, report.by, report.goal, report.without_excused)


@get("/reports", guards=READ, summary="Reports the rules define")
async def reports(state: State) -> list[ReportSummary]:
    program = await desk(state).program()
    return [summary(report) for report in (program.reports.values() if program else ())]


@get("/reports/{name:str}", guards=READ, summary="The figures of a report")
async def report(
    state: State, name: FromPath[str], since: FromQuery[dt.date | None] = None, until: FromQuery[dt.date | None] = None
) -> figures.ReportResult:
    """`since` and `until` are dates, both included; left out, the report's own period counts."""
    program = await desk(state).program()
    found = program.reports.get(name) if program else None
    if program is None or found is None:
        raise Missing(f"there is no report `{name}`")
    try:
        return await figures.run(desk(state).store, program, found, desk(state).now(), since, until)
    except figures.BadPeriod as error:
        raise Problem(400, "invalid", f"the period holds no day: {error}") from None


router = Router("/", tags=["reports"], route_handlers=[reports, report])
