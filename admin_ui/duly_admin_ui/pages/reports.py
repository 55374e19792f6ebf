"""Reports the rules define, and their figures."""

from __future__ import annotations

import datetime as dt
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page
from duly_admin_ui.times import amount
from duly_runtime.asking import parse
from duly_runtime.reports import TIME_IN_STAGE, BadPeriod, run
from duly_runtime.store.api import Missing


@get("/reports", guards=[needs("reports.read")])
async def reports(page: NamedDependency[Page]) -> Response[Any]:
    found = list(page.program.reports.values()) if page.program is not None else []
    return page.render("reports.html", reports=found)


@get("/reports/{name:path}", guards=[needs("reports.read")])
async def report(page: NamedDependency[Page], name: FromPath[str]) -> Response[Any]:
    """The figures of the report's own period; `as_of` an instant, of the one before it as it was known then."""
    program = page.program
    found = program.reports.get(name.lstrip("/")) if program is not None else None
    if program is None or found is None:
        raise Missing(name)
    try:
        asked = parse({"as_of": str(page.request.query_params.get("as_of", ""))})
    except BadPeriod:
        raise Missing(name) from None
    as_of = dt.datetime.fromisoformat(asked.as_of) if asked.as_of else None
    result = await run(page.services.store, program, found, page.now, as_of=as_of)
    tables = [(total, [row for row in result.rows if row.measure == total.measure]) for total in result.totals]
    return page.render("report.html", report=found, result=result, tables=tables, amount=amount, stays=TIME_IN_STAGE)


HANDLERS = (reports, report)
