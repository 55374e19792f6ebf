"""What the rest of Duly may ask of the store for reports. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from duly_runtime.columns import Columns

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
