"""Finished days of facts are put into columns, for reports that answer at once (`store.packs`)."""

from __future__ import annotations

import datetime as dt

from duly_dsl.program import Program
from duly_runtime.store.api import Store
from duly_runtime.time import Clock
from duly_runtime.versions import Versions

LOOK_EVERY = dt.timedelta(minutes=1)
"""How often it is asked whether a day is over, or was changed."""


class Packing:
    """The loop of a process that schedules. Several may do the same day: the second changes nothing."""

    def __init__(self, store: Store, clock: Clock, versions: Versions) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._done_at: dt.datetime | None = None

    async def look(self) -> bool:
        """Pack one day or month; true where more may be waiting."""
        now = self._clock.now()
        if self._done_at is not None and now - self._done_at < LOOK_EVERY:
            return False
        live = await self._versions.live()
        if live is not None:
            for zone in zones(live.program):
                if await self._store.pack_facts(zone, now):
                    return True
        self._done_at = now
        return False


def zones(program: Program) -> list[str]:
    """Those in which reports count days: of calendars of pipelines, and of definitions."""
    lines = [
        program.calendars[line.calendar].zone for line in program.pipelines.values() if line.calendar in program.calendars
    ]
    return list(dict.fromkeys((*lines, *(report.zone for report in program.reports.values()))))
