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
    """The minutes of [start, end): the wall time of each, and the dates whose windows it is in, its own date first."""

    def __init__(self, calendar: Calendar, start: dt.datetime, end: dt.datetime) -> None:
        self.start = start
        self.zone = ZoneInfo(calendar.zone)
        self.walls: list[dt.datetime] = []
        self.began: list[list[dt.date]] = []
        days: dict[dt.date, set[int]] = {}
        at = start
        while at < end:
            wall = at.astimezone(self.zone).replace(tzinfo=None)
            date, minute = wall.date(), wall.hour * 60 + wall.minute
            for day in (date, date - DAY):
                if day not in days:
                    days[day] = {m for window in windows_on(calendar, day) for m in range(window.opens, window.closes)}
            self.walls.append(wall)
            self.began.append([day for day, since in ((date, minute), (date - DAY, minute + 1440)) if since in days[day]])
            at += MINUTE

    def at(self, index: int) -> dt.datetime:
        return self.start + index * MINUTE

    def index(self, at: dt.datetime) -> int:
        return (at - self.start) // MINUTE

    def opens(self, index: int) -> bool:
        return bool(self.began[index])

    def between(self, start: int, end: int) -> int:
        """Open minutes."""
        return sum(1 for began in self.began[start:end] if began)

    def due(self, start: int, minutes: int, unit: Unit, pauses: list[tuple[int, int | None]] | None = None) -> int | str:
        """Count minutes up from `start`, leaving out closed ones (business time) and paused ones; `paused` where an open
        pause holds it, `beyond` where the minutes told don't suffice."""
        if minutes <= 0:
            return start
        left = minutes
        for index in range(start, len(self.began)):
            holding = [ends for begins, ends in pauses or [] if begins <= index and (ends is None or index < ends)]
            if None in holding:
                return "paused"
            if holding:
                continue
            if unit is Unit.BUSINESS and not self.began[index]:
                continue
            left -= 1
            if left == 0:
                return index + 1
        return "beyond"

    def back(self, end: int, minutes: int) -> int | str:
        """Count open minutes down from `end`."""
        left = minutes
        for index in range(end - 1, -1, -1):
            if self.began[index]:
                left -= 1
                if left == 0:
                    return index
        return "beyond"

    def calendar_days(self, start: int, days: int) -> int | str:
        return self._shows(self.walls[start] + days * DAY, self.walls[start].fold)

    def working_days(self, start: int, days: int) -> int | str:
        first = next((index for index in range(start, len(self.began)) if self.began[index]), None)
        if first is None:
            return "beyond"
        day = self.began[first][0]
        later = sorted({date for began in self.began[first:] for date in began if date > day})
        # The last dates told may be cut off.
        if len(later) - 2 < days:
            return "beyond"
        other = later[days - 1]
        wanted = self._shows(self.walls[first] + (other - day), self.walls[first].fold)
        if isinstance(wanted, str):
            return wanted
        minutes = [index for index, began in enumerate(self.began) if other in began and index >= first]
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
