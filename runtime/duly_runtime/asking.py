"""What people ask of reports, as the words of an address: `period=month&by=owner&team=Desk`.

Pages, files, the API of figures and scheduled mails all read the same words, so that each leads to the others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from duly_dsl.program import METRICS, Period, Program
from duly_runtime.reports import EVERY, SPANS, TIME_IN_STAGE, BadPeriod, Question, days
from duly_runtime.store.packs import month_after

PERIODS = {
    "7d": Period(unit="day", count=7),
    "30d": Period(unit="day", count=30),
    "90d": Period(unit="day", count=90),
    "week": Period(unit="week"),
    "month": Period(unit="month"),
    "quarter": Period(unit="month", count=3),
    "year": Period(unit="month", count=12),
}
"""Before the day of the report; the last four are whole weeks and months."""
DEFAULT_PERIOD = "30d"
ONLY = ("pipeline", "stage", "owner", "team", "type", "channel", "priority", "outcome", "reason")
"""What a value can be chosen of."""
PARTS = ("stage", "owner", "team", "pipeline", "type", "channel", "priority", "reason", *SPANS)
"""What the figures can be parted by."""
NOTHING = "-"
"""The word for an empty value: nobody, no team, no type."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """The words, as far as they mean something. `by` empty: by stage; `all`: by nothing. `as_of`: an instant in UTC."""

    period: str = ""
    since: str = ""
    until: str = ""
    measure: str = ""
    by: str = ""
    only: dict[str, str] = {}
    compare: bool = False
    net: bool = False
    as_of: str = ""

    def address(self, **changes: str) -> str:
        """The query of an address, some words of it changed or (empty) left out."""
        words = {
            "period": "" if self.since or self.until else self.period,
            "since": self.since,
            "until": self.until,
            "measure": self.measure,
            "by": self.by,
            **self.only,
            "compare": "1" if self.compare else "",
            "net": "1" if self.net else "",
            "as_of": self.as_of,
            **changes,
        }
        return urlencode({key: value for key, value in words.items() if value})

    @property
    def part(self) -> str:
        """What it is parted by; empty: by nothing."""
        return "" if self.by == "all" else self.by or PARTS[0]

    def question(self, now: dt.datetime, zone: dt.tzinfo) -> Question:
        """Raises BadPeriod."""
        as_of = dt.datetime.fromisoformat(self.as_of) if self.as_of else None
        first, last = days(PERIODS[self.period or DEFAULT_PERIOD], (as_of or now).astimezone(zone).date())
        if self.since or self.until:
            last = dt.date.fromisoformat(self.until) if self.until else (as_of or now).astimezone(zone).date()
            first = dt.date.fromisoformat(self.since) if self.since else last.replace(day=1)
        return Question(
            measures=(self.measure or EVERY,),
            first=first,
            last=last,
            zone=str(zone),
            by=(self.part,) if self.part else (),
            only={column: ("" if value == NOTHING else value,) for column, value in self.only.items()},
            without_excused=self.net,
            as_of=as_of,
        )

    def within(self, dimension: str, value: str, question: Question) -> Asking:
        """The same question about one row of its figures."""
        if dimension not in SPANS:
            return msgspec.structs.replace(self, only={**self.only, dimension: value or NOTHING})
        first, last = span_of(dimension, value)
        first, last = max(first, question.first), min(last, question.last)
        return msgspec.structs.replace(self, period="", since=first.isoformat(), until=last.isoformat())


def parse(words: Mapping[str, str]) -> Asking:
    """Words that mean nothing are left out. Raises BadPeriod for dates and instants that are none."""

    def date(name: str) -> str:
        try:
            return dt.date.fromisoformat(words[name]).isoformat() if words.get(name) else ""
        except ValueError:
            raise BadPeriod(f"{words[name]} is no date") from None

    def instant(name: str) -> str:
        if not words.get(name):
            return ""
        try:
            at = dt.datetime.fromisoformat(words[name].replace(" ", "+"))  # a bare + in an address is a blank
        except ValueError:
            raise BadPeriod(f"{words[name]} is no instant") from None
        return (at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).isoformat()

    period, by = words.get("period", ""), words.get("by", "")
    return Asking(
        period=period if period in PERIODS else "",
        since=date("since"),
        until=date("until"),
        measure=words.get("measure", ""),
        by=by if by in PARTS or by == "all" else "",
        only={name: words[name] for name in ONLY if words.get(name)},
        compare=words.get("compare") == "1",
        net=words.get("net") == "1",
        as_of=instant("as_of"),
    )


def measures(program: Program) -> list[str]:
    """What can be measured: clocks of the language and of the rules, and stays."""
    named = {clock.name for line in program.pipelines.values() for clock in line.clocks}
    return [*METRICS, *sorted(named - set(METRICS)), TIME_IN_STAGE]


def span_of(span: str, value: str) -> tuple[dt.date, dt.date]:
    """First and last day of a value of `day`, `week` or `month`."""
    day = dt.timedelta(days=1)
    if span == "week":
        monday = dt.date.fromisocalendar(int(value[:4]), int(value[6:]), 1)
        return monday, monday + 6 * day
    if span == "month":
        first = dt.date.fromisoformat(f"{value}-01")
        return first, month_after(first) - day
    date = dt.date.fromisoformat(value)
    return date, date
