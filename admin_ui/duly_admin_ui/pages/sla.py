"""How promises were kept: the figures by anything, as a chart and a table, each leading to its cards, and as files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from babel.dates import format_date
from litestar import Response, get
from litestar.di import NamedDependency

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page
from duly_admin_ui.times import amount
from duly_runtime.asking import DEFAULT_PERIOD, NOTHING, PARTS, PERIODS, Asking, measures, parse
from duly_runtime.reports import SPANS, TIME_IN_STAGE, BadPeriod, Figures, Question, ask, rows_of

READ = needs("reports.read")
BARS = 40
"""Groups in the chart; the table and the files have all."""
SHOWN = 50
"""Cards of one page of a list."""
HEIGHT = 44
"""Pixels of a bar with its words."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A group in the chart: pieces from the left, each (kind, per cent from the left, per cent wide), and what is said."""

    label: str
    said: str
    target: str
    y: int
    pieces: list[tuple[str, float, float]]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `target` is the query of its cards; `change` is against the period before, in percentage points
    of what was met, or in seconds of the median."""

    label: str
    value: str
    target: str
    figures: Figures
    outcomes: dict[str, str]
    change: float | None = None


def asking(page: Page) -> tuple[Asking, str]:
    """What the address asks, and what is wrong with it; then what is asked without it."""
    words = {key: str(value) for key, value in page.request.query_params.items()}
    try:
        asked = parse(words)
        asked.question(page.now, page.times.zone)
        if page.program is not None and asked.measure not in ("", *measures(page.program)):
            asked = msgspec.structs.replace(asked, measure="")
    except (BadPeriod, ValueError):
        return Asking(), page.gettext("The dates could not be read: write them like 2026-01-31.")
    return asked, ""


@get("/reports/sla", guards=[READ])
async def sla(page: NamedDependency[Page]) -> Response[Any]:
    asked, problem = asking(page)
    program = page.program
    if program is None:
        return page.render("sla.html", asked=asked, problem="", total=None, published=False)
    question = asked.question(page.now, page.times.zone)
    try:
        result = await ask(page.services.store, program, question)
    except BadPeriod:
        asked, problem = Asking(), page.gettext("The last day is before the first, or the period is longer than ten years.")
        question = asked.question(page.now, page.times.zone)
        result = await ask(page.services.store, program, question)
    before = await ask(page.services.store, program, question.before) if asked.compare else None
    earlier = {row.group.get(asked.part, ""): row for row in before.rows} if before is not None else {}
    stays = question.measures == (TIME_IN_STAGE,)
    rows = [_row(page, asked, question, figures, earlier.get(figures.group.get(asked.part, ""))) for figures in result.rows]
    if asked.part not in SPANS:
        rows.sort(key=lambda row: (-row.figures.count, row.label))
    total = _row(page, asked, question, result.totals[0], before.totals[0] if before is not None else None)
    return page.render(
        "sla.html",
        published=True,
        asked=asked,
        problem=problem,
        question=question,
        total=total,
        rows=rows,
        bars=bars(page, rows, stays=stays, net=asked.net),
        height=HEIGHT,
        stays=stays,
        spans=SPANS,
        before=before,
        versions=result.versions,
        period=period_words(page, question.first, question.last),
        period_before=period_words(page, question.before.first, question.before.last),
        choices=choices(page, asked),
        periods=_periods(page),
        chosen_period=asked.period or ("" if asked.since or asked.until else DEFAULT_PERIOD),
        default_parts=PARTS,
        dimension=partial(dimension, page),
        measure_options=[(each, measure_words(page, each)) for each in measures(program)],
        link=asked.address,
        as_of=question.as_of,
        pinned=_pinned(asked, page),
    )


@get("/reports/sla/cards", guards=[READ])
async def sla_cards(page: NamedDependency[Page]) -> Response[Any]:
    """The cards a number counts."""
    asked, problem = asking(page)
    before = str(page.request.query_params.get("before", ""))
    question = asked.question(page.now, page.times.zone)
    found = []
    if page.program is not None:
        try:
            start = int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else 0
            found = await rows_of(page.services.store, page.program, question, SHOWN + 1, start)
        except BadPeriod:
            problem = page.gettext("The last day is before the first, or the period is longer than ten years.")
    older = asked.address(before=str(found[SHOWN - 1].id)) if len(found) > SHOWN else ""
    return page.render(
        "sla_cards.html",
        asked=asked,
        problem=problem,
        rows=found[:SHOWN],
        older=older,
        period=period_words(page, question.first, question.last),
        chosen=[(dimension(page, key), said(page, key, value)) for key, value in question_words(question)],
        stays=question.measures == (TIME_IN_STAGE,),
        measure=partial(measure_words, page),
        said=partial(said, page),
        back=asked.address(outcome=""),
    )


def measure_words(page: Page, measure: str) -> str:
    return page.gettext("time in stage") if measure == TIME_IN_STAGE else page.words.metric(measure)


def question_words(question: Question) -> list[tuple[str, str]]:
    return [(key, value) for key, values in question.only.items() for value in values]


def _pinned(asked: Asking, page: Page) -> str:
    """The query of the same report for ever: as of now."""
    return asked.address(as_of=asked.as_of or page.now.astimezone(dt.UTC).isoformat(timespec="microseconds"))


def _row(page: Page, asked: Asking, question: Question, figures: Figures, before: Figures | None) -> Row:
    part = asked.part
    value = figures.group.get(part, "") if part else ""
    inside = asked.within(part, value, question) if figures.group else asked
    return Row(
        label=said(page, part, value) if figures.group else page.gettext("Total"),
        value=value,
        target=inside.address(),
        figures=figures,
        outcomes={each: inside.address(outcome=each) for each in ("met", "missed", "excused")},
        change=_change(figures, before),
    )


def _change(now: Figures, before: Figures | None) -> float | None:
    if before is None:
        return None
    if now.measure != TIME_IN_STAGE:
        ours, theirs = now.compliance, before.compliance
        return None if ours is None or theirs is None else (ours - theirs) * 100
    ours, theirs = now.median_seconds, before.median_seconds
    return None if ours is None or theirs is None else ours - theirs


def bars(page: Page, rows: Sequence[Row], *, stays: bool, net: bool) -> list[Bar]:
    """Promises: how many were met, missed and excused, to one scale. Stays: the median, and a line to the 90th
    percentile."""
    rows = [row for row in rows if row.figures.count or row.figures.excused][:BARS]
    sizes = [_sizes(row.figures, stays=stays, net=net) for row in rows]
    most = max((sum(size for _, size in each) for each in sizes), default=0) or 1
    found: list[Bar] = []
    for place, row in enumerate(rows):
        pieces: list[tuple[str, float, float]] = []
        at = 0.0
        for kind, size in sizes[place]:
            if size:
                pieces.append((kind, round(at, 3), round(100 * size / most, 3)))
            at += 100 * size / most
        said = _said(page, row.figures, stays=stays)
        found.append(Bar(label=row.label, said=said, target=row.target, y=place * HEIGHT, pieces=pieces))
    return found


def _sizes(figures: Figures, *, stays: bool, net: bool) -> list[tuple[str, float]]:
    if stays:
        median = figures.median_seconds or 0.0
        return [("median", median), ("high", (figures.p90_seconds or 0.0) - median)]
    late = figures.missed - (0 if net else figures.excused)
    return [("met", figures.met), ("missed", late), ("excused", figures.excused)]


def _said(page: Page, figures: Figures, *, stays: bool) -> str:
    _ = page.gettext
    if stays:
        median, high = (
            "–" if seconds is None else amount(seconds) for seconds in (figures.median_seconds, figures.p90_seconds)
        )
        return _("median {median}, 90% within {high}").format(median=median, high=high)
    return _("{share} of {count}").format(share=page.percent(figures.compliance), count=page.number(figures.count))


def dimension(page: Page, name: str) -> str:
    _ = page.gettext
    return {
        "pipeline": _("Pipeline"),
        "stage": _("Stage"),
        "owner": _("Owner"),
        "team": _("Team"),
        "type": _("Type"),
        "channel": _("Channel"),
        "priority": _("Priority"),
        "reason": _("Reason"),
        "outcome": _("Outcome"),
        "day": _("Day"),
        "week": _("Week"),
        "month": _("Month"),
    }.get(name, name)


def said(page: Page, name: str, value: str) -> str:
    """A value of a dimension, for people."""
    _ = page.gettext
    if not value:
        return {
            "owner": _("nobody"),
            "team": _("no team"),
            "type": _("no type"),
            "reason": _("not excused"),
            "stage": _("the whole card"),
        }.get(name, "–")
    match name:
        case "owner":
            return page.person(value)
        case "channel":
            return page.words.channel(value)
        case "outcome":
            return {"met": _("Met"), "missed": _("Missed"), "excused": _("Excused")}.get(value, value)
        case "day":
            return format_date(dt.date.fromisoformat(value), "medium", locale=page.locale)
        case "week":
            return _("{year}, week {week}").format(year=value[:4], week=int(value[6:]))
        case "month":
            return format_date(dt.date.fromisoformat(f"{value}-01"), "LLLL y", locale=page.locale)
        case _:
            return value


def period_words(page: Page, first: dt.date, last: dt.date) -> str:
    one, other = (format_date(day, "medium", locale=page.locale) for day in (first, last))
    return one if first == last else f"{one} – {other}"


def _periods(page: Page) -> list[tuple[str, str]]:
    _ = page.gettext
    named = {
        "7d": _("the last 7 days"),
        "30d": _("the last 30 days"),
        "90d": _("the last 90 days"),
        "week": _("last week"),
        "month": _("last month"),
        "quarter": _("the last 3 months"),
        "year": _("the last 12 months"),
    }
    return [(period, named[period]) for period in PERIODS]


def choices(page: Page, asked: Asking) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(word, name, options) of each filter that has something to choose."""
    program = page.program
    assert program is not None
    lines = program.pipelines.values()
    known: dict[str, list[str]] = {
        "pipeline": list(program.pipelines),
        "stage": [stage.name for line in lines for stage in line.stages],
        "owner": [*program.people, NOTHING],
        "team": [*program.teams, NOTHING],
        "type": [*(each for line in lines for each in line.types), NOTHING],
        "channel": ["email", "whatsapp", "webhook", "manual"],
        "priority": [each for line in lines for each in line.priorities],
    }
    found = []
    for name, values in known.items():
        chosen = asked.only.get(name, "")
        options: list[str] = list(dict.fromkeys([*values, chosen] if chosen else values))
        if len([value for value in options if value != NOTHING]) > 1 or chosen:
            words = [(value, said(page, name, "" if value == NOTHING else value)) for value in options]
            found.append((name, dimension(page, name), words))
    return found


HANDLERS = (sla, sla_cards)
