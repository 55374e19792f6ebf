"""What a calendar does on each local date: the week, holidays, and the rules for particular days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from duly_dsl.program import Calendar, DayRule, Window


class Day(msgspec.Struct, frozen=True):
    """One local date. `windows` are those that begin on it; the labels say why it is open, closed at all, and closed
    after its last window."""

    windows: tuple[Window, ...]
    open: str = "open"
    closed: str = "closed"
    after: str = "closed"


class Days:
    """The dates of one calendar. A dated rule beats a yearly one, that a public holiday, and that the week.

    Of two dated rules the one with the shorter span wins (an opening inside a shutdown), then the later in the file.
    """

    def __init__(self, calendar: Calendar) -> None:
        if len(calendar.week) != 7:
            raise ValueError(f"calendar {calendar.name!r}: the week has {len(calendar.week)} days")
        self._week = tuple(Day(windows=windows) for windows in calendar.week)
        self._regions = calendar.holidays
        self._dated = sorted((rule for rule in calendar.days if rule.first is not None), key=_span_of, reverse=True)
        self._yearly = {(rule.month, rule.day): rule for rule in calendar.days if rule.first is None}
        self._years: dict[int, dict[int, Day]] = {}

    def day(self, ordinal: int) -> Day:
        """The day of a proleptic ordinal."""
        year = dt.date.fromordinal(ordinal).year
        special = self._years.get(year)
        if special is None:
            special = self._years[year] = self._special(year)
        return special.get(ordinal) or self._week[(ordinal + 6) % 7]

    def _special(self, year: int) -> dict[int, Day]:
        """The days of a year that differ from the week, weakest reason first so that stronger ones replace it."""
        found: dict[int, Day] = {}
        for region in self._regions:
            for date, name in holidays_of(region, year).items():
                label = f"holiday:{name}"
                found[date.toordinal()] = Day(windows=(), closed=label, after=label)
        for (month, day), rule in self._yearly.items():
            try:
                found[dt.date(year, month, day).toordinal()] = _ruled(rule)
            except ValueError:  # 29 February
                continue
        first, last = dt.date(year, 1, 1).toordinal(), dt.date(year, 12, 31).toordinal()
        for rule in self._dated:
            begins, ends = _dates_of(rule)
            for ordinal in range(max(begins, first), min(ends, last) + 1):
                found[ordinal] = _ruled(rule)
        return found


def holidays_of(region: str, year: int) -> Mapping[dt.date, str]:
    """Public holidays of an ISO 3166 region in a year, with their names in its own language."""
    # Imported when a calendar first asks: it takes longer to load than all the rest of the engine.
    import holidays

    country, _, subdivision = region.partition("-")
    where = holidays.country_holidays(country, subdiv=subdivision or None)
    # Without a language the package may answer in that of the process.
    return holidays.country_holidays(
        country, subdiv=subdivision or None, years=year, expand=False, language=where.default_language
    )


def _dates_of(rule: DayRule) -> tuple[int, int]:
    assert rule.first is not None
    return rule.first.toordinal(), (rule.last or rule.first).toordinal()


def _span_of(rule: DayRule) -> int:
    first, last = _dates_of(rule)
    return last - first


def _ruled(rule: DayRule) -> Day:
    because = f":{rule.reason}" if rule.reason else ""
    if not rule.windows:
        return Day(windows=(), closed=f"closed{because}", after=f"closed{because}")
    after = f"closed{because}" if rule.kind == "short" else "closed"
    return Day(windows=rule.windows, open=f"open{because}", after=after)
