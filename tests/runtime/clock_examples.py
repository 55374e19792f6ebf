"""The calendars the clock tests are worked on, and short ways to write instants and amounts."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from duly_dsl.program import Calendar, DayRule, Window
from duly_dsl.units import HOUR, MINUTE, Duration, Unit
from duly_runtime.calendars import WorkingTime

BERLIN = "Europe/Berlin"
SAO_PAULO = "America/Sao_Paulo"


def windows(*texts: str) -> tuple[Window, ...]:
    """`08:00-12:00` to a window; a closing not after the opening is on the next day."""
    found: list[Window] = []
    for text in texts:
        opens, closes = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        found.append(Window(opens=opens, closes=closes if closes > opens else closes + 1440))
    return tuple(found)


OFFICE_DAY = windows("08:00-12:00", "13:00-18:00")
OFFICE_WEEK = (*(OFFICE_DAY,) * 5, windows("09:00-13:00"), ())
ALWAYS = (windows("00:00-24:00"),) * 7


def office(*days: DayRule, holidays: tuple[str, ...] = ()) -> WorkingTime:
    """Monday to Friday 08:00-12:00, 13:00-18:00, Saturday 09:00-13:00, in São Paulo (UTC-3 all year since 2019)."""
    return WorkingTime(Calendar(name="office", zone=SAO_PAULO, week=OFFICE_WEEK, days=days, holidays=holidays))


def every_day(zone: str, *texts: str) -> WorkingTime:
    return WorkingTime(Calendar(name="every day", zone=zone, week=(windows(*texts),) * 7))


def at(text: str, zone: str = SAO_PAULO, fold: int = 0) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(dt.UTC)


def business(hours: int = 0, minutes: int = 0, microseconds: int = 0) -> Duration:
    return Duration(Unit.BUSINESS, hours * HOUR + minutes * MINUTE + microseconds)


def working_days(days: int) -> Duration:
    return Duration(Unit.WORKING_DAYS, days)


def calendar_days(days: int) -> Duration:
    return Duration(Unit.CALENDAR_DAYS, days)


def closed(first: str, last: str = "", reason: str = "") -> DayRule:
    begins = dt.date.fromisoformat(first)
    return DayRule(kind="closed", first=begins, last=dt.date.fromisoformat(last) if last else begins, reason=reason)


def open_on(date: str, *texts: str, kind: str = "extra", reason: str = "") -> DayRule:
    day = dt.date.fromisoformat(date)
    return DayRule(kind=kind, first=day, last=day, windows=windows(*texts), reason=reason)
