"""Working time."""

from __future__ import annotations

import itertools
import zoneinfo
from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import calendars as kinds
from duly_dsl.checker.context import Checking, unknown
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.source import Span

DAY = 24 * 60
WEEK = 7 * DAY


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def check(checking: Checking) -> Iterator[Diagnostic]:
    for calendar in checking.workspace.calendars.values():
        if calendar.zone is None:
            yield kinds.NO_ZONE.at(calendar.name.span, name=calendar.name.text)
        else:
            yield from unknown_zone(calendar.zone)
        opens = any(line.spans for line in calendar.weekly)
        if not opens and not any(each.kind == "extra" for each in calendar.special):
            yield kinds.NEVER_OPENS.at(calendar.name.span, name=calendar.name.text)
        yield from _overlaps(calendar)
        yield from _clashes(calendar)
        regions = checking.environment.regions
        for holidays in calendar.holidays:
            if regions is not None and holidays.region.value not in regions:
                name = s.Name(span=holidays.region.span, text=holidays.region.value, quoted=True)
                yield unknown(kinds.BAD_REGION, name, regions)


def unknown_zone(zone: s.Text) -> Iterator[Diagnostic]:
    if not _is_zone(zone.value):
        name = s.Name(span=zone.span, text=zone.value, quoted=True)
        yield unknown(kinds.BAD_ZONE, name, zoneinfo.available_timezones())


def _overlaps(calendar: s.Calendar) -> Iterator[Diagnostic]:
    """Openings that run into each other, round the week."""
    week: list[tuple[int, int, s.TimeSpan]] = []
    for line in calendar.weekly:
        for day in line.days:
            for span in line.spans:
                start = day * DAY + span.opens
                week.append((start, day * DAY + _closes(span), span))
    yield from _overlapping(week, WEEK)
    for special in calendar.special:
        yield from _overlapping([(span.opens, _closes(span), span) for span in special.spans], 0)


def _closes(span: s.TimeSpan) -> int:
    return span.closes if span.closes > span.opens else span.closes + DAY


def _overlapping(windows: list[tuple[int, int, s.TimeSpan]], period: int) -> Iterator[Diagnostic]:
    ordered = sorted(windows, key=lambda window: window[:2])
    pairs = list(itertools.pairwise(ordered))
    if period and len(ordered) > 1:
        first = ordered[0]
        pairs.append((ordered[-1], (first[0] + period, first[1] + period, first[2])))
    reported: set[tuple[Span, Span]] = set()
    for (_first, end, before), (start, _last, after) in pairs:
        if start < end:
            late, early = sorted((before, after), key=lambda span: span.span, reverse=True)
            if (late.span, early.span) not in reported:
                reported.add((late.span, early.span))
                related = ((early.span, _("it overlaps this")),)
                yield kinds.OVERLAPPING_HOURS.at(late.span, related=related, found=hours(late), other=hours(early))


def hours(span: s.TimeSpan) -> str:
    """`540`-`1080` minutes as `09:00-18:00`."""
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (span.opens, span.closes))


def _clashes(calendar: s.Calendar) -> Iterator[Diagnostic]:
    """Two lines about one date, or about one day of every year."""
    dated: list[tuple[s.OnDate, Span]] = []
    yearly: dict[tuple[int, int], Span] = {}
    lines = [(each.day, each.span) for each in (*calendar.closed, *calendar.special)]
    for day, span in sorted(lines, key=lambda line: line[1]):
        if isinstance(day, s.EveryYear):
            other = yearly.setdefault((day.month, day.day), span)
            if other != span:
                text = f"{day.day}/{day.month}"
                yield kinds.CLASHING_DAYS.at(span, related=((other, _("the other line")),), day=text)
            continue
        for earlier, place in dated:
            if earlier.first <= day.last and day.first <= earlier.last:
                text = max(earlier.first, day.first).isoformat()
                yield kinds.CLASHING_DAYS.at(span, related=((place, _("the other line")),), day=text)
                break
        dated.append((day, span))
