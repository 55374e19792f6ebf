"""What only the date of the check can tell: closures long past, times the clocks skip, holidays that run out, trials that
were to end."""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo
from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import calendars as kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import rules as rule_kinds
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic, no_statement

PAST = dt.timedelta(days=60)
"""Clocks that ran over a closure are done by then, mostly."""

AHEAD = 400
"""Days looked ahead for a change of the clocks: more than a year, so every zone that has one shows it."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    today = checking.environment.today
    if today is None:
        return
    for calendar in checking.workspace.calendars.values():
        for line in (*calendar.closed, *calendar.special):
            if isinstance(line.day, s.OnDate) and line.day.last < today - PAST:
                fix = no_statement(line.span, titles.OMIT, sure=False)
                yield kinds.PAST_CLOSURE.at(line.span, fixes=(fix,), last=line.day.last.isoformat())
        yield from _skipped(calendar, today)
        yield from _run_out(checking, calendar, today)
    for scope in checking.scopes:
        for rule in scope.pipeline.rules:
            if rule.until is not None and rule.until < today:
                yield rule_kinds.SHADOW_TOO_LONG.at(rule.name.span, name=rule.name.text, until=rule.until.isoformat())


def _run_out(checking: Checking, calendar: s.Calendar, today: dt.date) -> Iterator[Diagnostic]:
    until = checking.environment.holidays_until or {}
    for holidays in calendar.holidays:
        region = holidays.region.value
        last = until.get(region.split("-")[0])
        if last is not None and last <= today.year and region in (checking.environment.regions or (region,)):
            yield kinds.HOLIDAYS_RUN_OUT.at(holidays.span, region=region, year=last)


def _skipped(calendar: s.Calendar, today: dt.date) -> Iterator[Diagnostic]:
    gaps = _gaps(calendar.zone.value, today) if calendar.zone is not None else ()
    for line in calendar.weekly:
        for span in line.spans:
            for day, first, last in gaps:
                # An opening past midnight ends on the day after the one it is written for.
                ends = (day.weekday() - 1) % 7 if span.closes <= span.opens else day.weekday()
                opens = day.weekday() in line.days and first < span.opens < last
                closes = ends in line.days and first < span.closes < last
                if opens or closes:
                    found = span.opens if opens else span.closes
                    yield kinds.DST_GAP.at(
                        span.span, found=_clock(found), day=day.isoformat(), first=_clock(first), last=_clock(last)
                    )
                    break


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@functools.lru_cache(maxsize=64)
def _gaps(name: str, today: dt.date) -> tuple[tuple[dt.date, int, int], ...]:
    """The days from today on that lack some minutes on the wall, and which: from, to."""
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ()
    found: list[tuple[dt.date, int, int]] = []
    day = today
    for _ahead in range(AHEAD):
        start = dt.datetime(day.year, day.month, day.day, tzinfo=zone)
        following = day + dt.timedelta(days=1)
        end = dt.datetime(following.year, following.month, following.day, tzinfo=zone)
        before, after = start.utcoffset(), end.utcoffset()
        if before is not None and after is not None and after > before:
            missing = [minute for minute in range(0, 24 * 60, 5) if _missing(start + dt.timedelta(minutes=minute))]
            if missing:
                found.append((day, missing[0], missing[-1] + 5))
        day = following
    return tuple(found)


def _missing(moment: dt.datetime) -> bool:
    return moment.astimezone(dt.UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None)
