"""The figures of promises as files: aggregated as on the page, or a row for each promise and stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page
from duly_admin_ui.pages import sla
from duly_admin_ui.services import Refused
from duly_admin_ui.tables import MEDIA_TYPE, Cell, as_csv, as_xlsx
from duly_dsl.i18n import marked as _
from duly_runtime.asking import Asking
from duly_runtime.reports import SPANS, TIME_IN_STAGE, BadPeriod, Figures, Question, ask, rows_of
from duly_runtime.store.reports_api import FactRow

READ = needs("reports.read")
MOST = 100_000
"""Rows of a file that has one for each promise or stay; a longer period has to be taken in parts."""
NO_PERIOD = _("the dates of the report can't be read, or leave no time between them")


@get("/reports/sla.csv", guards=[READ])
async def sla_csv(page: NamedDependency[Page]) -> Response[Any]:
    text = as_csv(await _rows(page), page.language)
    return _file(page, text.encode(), "csv", "text/csv")


@get("/reports/sla.xlsx", guards=[READ])
async def sla_xlsx(page: NamedDependency[Page]) -> Response[Any]:
    return _file(page, as_xlsx(await _rows(page)), "xlsx", MEDIA_TYPE)


def _file(page: Page, content: bytes, ending: str, media_type: str) -> Response[Any]:
    day = page.now.astimezone(page.times.zone).date()
    headers = {"content-disposition": f'attachment; filename="duly-{day}.{ending}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


async def _rows(page: Page) -> list[list[Cell]]:
    """With `rows=1` one for each promise or stay."""
    asked, problem = sla.asking(page)
    if problem or page.program is None:
        raise Refused(NO_PERIOD)
    question = asked.question(page.now, page.times.zone)
    try:
        if page.request.query_params.get("rows") == "1":
            found = await rows_of(page.services.store, page.program, question, MOST + 1)
            if len(found) > MOST:
                raise Refused(_("these are more than 100,000 rows: choose a shorter period, or the figures"))
            return list(_each(page, found))
        result = await ask(page.services.store, page.program, question)
    except BadPeriod:
        raise Refused(NO_PERIOD) from None
    return list(_figures(page, asked, question, [*result.rows, *result.totals]))


def _figures(page: Page, asked: Asking, question: Question, rows: list[Figures]) -> Iterator[list[Cell]]:
    stays = question.measures == (TIME_IN_STAGE,)
    _ = page.gettext
    counted = [] if stays else [_("Met"), _("Missed"), _("Excused"), _("Gross"), _("Net")]
    times = [_("Median"), _("90th percentile"), _("Median, wall"), _("90th percentile, wall")]
    seconds = [_("{name} (seconds)").format(name=each) for each in times]
    part = [sla.dimension(page, asked.part)] if asked.part else []
    yield [_("From"), _("To"), *part, _("Count"), *counted, *seconds]
    for row in rows:
        label = [_group(page, asked, row)] if asked.part else []
        missed = row.missed - (0 if asked.net else row.excused)
        outcomes: list[Cell] = [] if stays else [row.met, missed, row.excused, row.gross, row.net]
        yield [
            question.first.isoformat(), question.last.isoformat(), *label, row.count, *outcomes, row.median_seconds,
            row.p90_seconds, row.wall_median_seconds, row.wall_p90_seconds,
        ]  # fmt: skip


def _group(page: Page, asked: Asking, row: Figures) -> str:
    if not row.group:
        return page.gettext("Total")
    value = row.group[asked.part]
    return value if asked.part in SPANS else sla.said(page, asked.part, value)


def _each(page: Page, rows: list[FactRow]) -> Iterator[list[Cell]]:
    _ = page.gettext
    zone = str(page.times.zone)
    names = ("pipeline", "stage", "owner", "team", "type", "channel", "priority", "outcome", "reason")
    yield [
        _("Card"), _("Title"), _("What"), *(sla.dimension(page, name) for name in names), f"{_('From')} ({zone})",
        f"{_('When')} ({zone})", _("{name} (seconds)").format(name=_("Business time")),
        _("{name} (seconds)").format(name=_("On the wall")), _("Version"),
    ]  # fmt: skip

    def local(at: dt.datetime) -> dt.datetime:
        return at.astimezone(page.times.zone).replace(tzinfo=None)

    for row in rows:
        values: list[Cell] = [_value(page, row, name) for name in names]
        yield [
            row.card, row.title, sla.measure_words(page, row.measure), *values, local(row.started_at), local(row.at),
            row.seconds, row.wall_seconds, row.version,
        ]  # fmt: skip


def _value(page: Page, row: FactRow, name: str) -> str:
    value = str(getattr(row, name))
    return sla.said(page, name, value) if value else ""


HANDLERS = (sla_csv, sla_xlsx)
