"""What the rest of Duly may ask of the store for reports. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from duly_runtime.columns import Columns
from duly_runtime.effects import NotifyPerson

STAY = "time in stage"
"""The measure of stays in stages; every other one is a clock."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which facts. No `measures`: every clock. `pipelines` as they are stored; `only`: column -> the values that count.
    `as_of`: what was known then; None: what is known now."""

    measures: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = {}
    as_of: dt.datetime | None = None


class Day(NamedTuple):
    """A day of a zone: [since, until)."""

    date: dt.date
    since: dt.datetime
    until: dt.datetime


class Part(NamedTuple):
    """The facts of some days in a row, of which `first` is the first."""

    first: dt.date
    columns: Columns


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stay that is over, or a clock that was met or missed (`tables.Fact`), with its card (`card` is the number)."""

    id: int
    card_id: int
    card: int
    title: str
    measure: str
    number: int
    pipeline: str
    stage: str
    owner: str
    team: str
    priority: str
    type: str
    channel: str
    outcome: str
    reason: str
    version: str
    started_at: dt.datetime
    at: dt.datetime
    seconds: float | None
    wall_seconds: float | None


class ReportMail(msgspec.Struct, frozen=True, kw_only=True):
    """A report that is mailed by itself to `people` (names of accounts): one of the rules (`report`), or what `query` asks
    on the page of promises. `every` is `day`, `week` (`day` 0 is Monday) or `month` (`day` of the month), at `hour` (08:00)
    in `zone`."""

    id: int = 0
    name: str
    report: str = ""
    query: str = ""
    every: str
    day: int = 0
    hour: str
    zone: str
    people: tuple[str, ...]
    author: str
    next_at: dt.datetime


class ReportStore(Protocol):
    async def facts(self, asked: Asked, zone: str, days: Sequence[Day], *, fine: bool) -> list[Part]:
        """The facts of days in a row, which are days of `zone`. They may hold more than `asked.only` and `asked.pipelines`
        ask for. `fine`: each part is one day."""
        ...

    async def fact_rows(
        self, asked: Asked, since: dt.datetime, until: dt.datetime, limit: int, before: int = 0
    ) -> list[FactRow]:
        """The facts one by one, the latest first. `before`: the id of the last one that was read."""
        ...

    async def pack_facts(self, zone: str, now: dt.datetime) -> bool:
        """Pack one finished day or month of a zone; False where all are. Only makes `facts` faster."""
        ...

    async def report_mails(self, due: dt.datetime | None = None) -> list[ReportMail]:
        """All of them, or those that are due, the next one first."""
        ...

    async def add_report_mail(self, mail: ReportMail) -> int: ...

    async def remove_report_mail(self, mail_id: int) -> bool:
        """False where it is gone already."""
        ...

    async def send_report_mail(
        self, mail: ReportMail, next_at: dt.datetime, notices: Sequence[NotifyPerson], now: dt.datetime
    ) -> bool:
        """Put its notices into the outbox and set its next time, in one transaction; False where another process did."""
        ...
