"""Business time told minute by minute: slow, simple, and sharing no code with duly_runtime.calendars.

Each UTC minute is asked for its wall time, and that for the windows of its date. Offsets of whole minutes only, so
instants after 1972.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import holidays

from duly_dsl.program import Calendar, DayRule, Window
from duly_dsl.units import Unit

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def windows_on(calendar: Calendar, date: dt.date) -> tuple[Window, ...]:
    """Dated rules beat yearly ones, those holidays, those the week; of two dated ones the shorter wins, then the later."""
    dated = [r for r in calendar.days if r.first is not None and r.first <= date <= (r.last or r.first)]
    if dated:
        return min(reversed(dated), key=days_of).windows
    for rule in reversed(calendar.days):
        if rule.first is None and (rule.month, rule.day) == (date.month, date.day):
            return rule.windows
    for region in calendar.holidays:
        country, _, subdivision = region.partition("-")
        if date in holidays.country_holidays(country, subdiv=subdivision or None, years=date.year):
            return ()
    return calendar.week[date.weekday()]


def days_of(rule: DayRule) -> int:
    assert rule.first is not None
    return ((rule.last or rule.first) - rule.first).days


class Oracle:
    """The minutes of [start, end): whether each is open, and on which date the window that opens it began."""

    def __init__(self, calendar: Calendar, start: dt.datetime, end: dt.datetime) -> None:
        self.start = start
        self.zone = ZoneInfo(calendar.zone)
        known: dict[dt.date, tuple[Window, ...]] = {}
        self.walls: list[dt.datetime] = []
        self.folds: list[int] = []
        self.began: list[dt.date | None] = []
        at = start
        while at < end:
            local = at.astimezone(self.zone)
            began = None
            for back in (0, 1, 2):
                date = local.date() - back * DAY
                if date not in known:
                    known[date] = windows_on(calendar, date)
                minute = back * 1440 + local.hour * 60 + local.minute
                if any(window.opens <= minute < window.closes for window in known[date]):
                    began = date
                    break
            self.walls.append(local.replace(tzinfo=None, fold=0))
            self.folds.append(local.fold)
            self.began.append(began)
            at += MINUTE

    def at(self, index: int) -> dt.datetime:
        return self.start + index * MINUTE

    def index(self, at: dt.datetime) -> int:
        return (at - self.start) // MINUTE

    def opens(self, index: int) -> bool:
        return self.began[index] is not None

    def between(self, start: int, end: int) -> int:
        """Open minutes."""
        return sum(1 for began in self.began[start:end] if began is not None)

    def due(self, start: int, minutes: int, unit: Unit, pauses: list[tuple[int, int | None]] | None = None) -> int | str:
        """Count minutes up from `start`, leaving out closed ones (business time) and paused ones; `paused` where an open
        pause holds it, `beyond` where the minutes told don't suffice."""
        if minutes <= 0:
            return start
        left = minutes
        for index in range(start, len(self.began)):
            for begins, ends in pauses or []:
                if ends is None and begins <= index:
                    return "paused"
            if any(ends is not None and begins <= index < ends for begins, ends in pauses or []):
                continue
            if unit is Unit.BUSINESS and self.began[index] is None:
                continue
            left -= 1
            if left == 0:
                return index + 1
        return "beyond"

    def back(self, end: int, minutes: int) -> int | str:
        """Count open minutes down from `end`."""
        left = minutes
        for index in range(end - 1, -1, -1):
            if self.began[index] is not None:
                left -= 1
                if left == 0:
                    return index
        return "beyond"

    def calendar_days(self, start: int, days: int) -> int | str:
        return self._shows(self.walls[start] + days * DAY, self.folds[start])

    def working_days(self, start: int, days: int) -> int | str:
        first = start
        while first < len(self.began) and self.began[first] is None:
            first += 1
        if first == len(self.began):
            return "beyond"
        day = self.began[first]
        assert day is not None
        later = sorted({began for began in self.began[first:] if began is not None and began > day})
        # The last dates told may be cut off.
        if len(later) - 2 < days:
            return "beyond"
        other = later[days - 1]
        wanted = self._shows(self.walls[first] + (other - day), self.folds[first])
        if isinstance(wanted, str):
            return wanted
        minutes = [index for index, began in enumerate(self.began) if began == other]
        if wanted in minutes:
            return wanted
        earlier = [index for index in minutes if index < wanted]
        return earlier[-1] + 1 if earlier else minutes[0]

    def _shows(self, wall: dt.datetime, fold: int) -> int | str:
        """The minute that shows a wall time, on its first or last pass; in a gap the first minute after it."""
        if wall < self.walls[0] or wall > self.walls[-1] - DAY:
            return "beyond"
        showing = [index for index, shown in enumerate(self.walls) if shown == wall]
        if showing:
            return showing[-1] if fold else showing[0]
        return next(i for i in range(1, len(self.walls)) if self.walls[i - 1] < wall < self.walls[i])
