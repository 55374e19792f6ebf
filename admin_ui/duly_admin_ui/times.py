"""How instants and amounts of time are written for people: in the workspace's zone, in the reader's language."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from babel import Locale
from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_decimal
from markupsafe import Markup

from duly_dsl.program import Program

UTC = dt.UTC


def zone_of(program: Program | None, pipeline: str = "") -> dt.tzinfo:
    """The zone of a pipeline's calendar; of the first pipeline where none is named; UTC where there is none."""
    if program is None or not program.pipelines:
        return UTC
    line = program.pipelines.get(pipeline) or next(iter(program.pipelines.values()))
    calendar = program.calendars.get(line.calendar)
    return zoneinfo.ZoneInfo(calendar.zone) if calendar is not None else UTC


def amount(seconds: float) -> str:
    """`1h 05m`: at most two units, the same letters in every language of ours. The live countdown writes the same."""
    whole = int(abs(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {left:02}s"


class Times:
    """Writes instants for one reader."""

    def __init__(self, language: str, zone: dt.tzinfo, now: dt.datetime) -> None:
        self._locale = Locale.parse(language.replace("-", "_"))
        self.zone = zone
        self.now = now

    def exact(self, at: dt.datetime) -> str:
        """The whole instant with its zone, for those who point at it."""
        return format_datetime(at, "full", tzinfo=self.zone, locale=self._locale)

    def short(self, at: dt.datetime) -> str:
        """`14:30` today, else with its day."""
        local = at.astimezone(self.zone)
        clock = f"{local:%H:%M}"
        if local.date() == self.now.astimezone(self.zone).date():
            return clock
        return f"{format_skeleton('MMMEd', local, tzinfo=self.zone, locale=self._locale)}, {clock}"

    def after(self, at: dt.datetime, before: dt.datetime) -> str:
        """The short writing where the reader knows `before`: the day is said only if it is another one."""
        local = at.astimezone(self.zone)
        if local.date() == before.astimezone(self.zone).date():
            return f"{local:%H:%M}"
        return f"{format_skeleton('MMMd', local, tzinfo=self.zone, locale=self._locale)}, {local:%H:%M}"

    def took(self, start: dt.datetime, end: dt.datetime) -> str:
        """How long something took, to a tenth of a second while it is short."""
        seconds = max(0.0, (end - start).total_seconds())
        return f"{format_decimal(round(seconds, 1), locale=self._locale)} s" if seconds < 60 else amount(seconds)

    def tag(self, at: dt.datetime | None) -> Markup:
        """A `<time>` element; a dash for no instant."""
        if at is None:
            return Markup("&ndash;")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.astimezone(UTC).isoformat(), self.exact(at), self.short(at)
        )
