"""Facts for reports, kept in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from duly_runtime.columns import DIMENSIONS, columns
from duly_runtime.store.api import User
from duly_runtime.store.reports_api import STAY, Asked, Day, FactRow, Part, ReportMail

HOUR = dt.timedelta(hours=1)


def facts_until(now: dt.datetime) -> list[FactRow]:
    """Sixty promises and as many stays of the last 40 days, the latest first."""
    found: list[FactRow] = []
    for number in range(120):
        at = now - HOUR * (8 * number + 1)
        outcome = ("met", "met", "missed", "met", "excused")[number // 2 % 5]
        stay = number % 2 == 1
        taken = 1800.0 + 900 * (number % 7)
        found.append(
            FactRow(
                id=1000 - number,
                card_id=number % 5 + 1,
                card=number % 5 + 1,
                title="Refund has not arrived",
                measure=STAY if stay else ("first reply", "leave stage")[number // 2 % 2],
                number=1,
                pipeline="Customer support",
                stage=("New", "In progress", "Waiting for customer")[number % 3],
                owner=("ana", "bruno", "")[number % 3],
                team="",
                priority="normal",
                type="",
                channel=("email", "whatsapp", "webhook")[number % 3],
                outcome="" if stay else outcome,
                reason="Supplier was down" if not stay and outcome == "excused" else "",
                version="" if stay else "a" * 64,
                started_at=at - 3 * HOUR,
                at=at,
                seconds=taken,
                wall_seconds=taken * 4,
            )
        )
    return found


class MemoryReports:
    """As much of the ReportStore as the pages read. What is asked of an instant is what happened by then."""

    facts_known: list[FactRow]
    accounts: dict[str, User]

    async def users(self) -> list[User]:
        return list(self.accounts.values())

    def _asked(self, asked: Asked, since: dt.datetime, until: dt.datetime) -> list[FactRow]:
        return [
            row
            for row in self.facts_known
            if since <= row.at < until
            and (row.measure in asked.measures or (not asked.measures and row.measure != STAY))
            and (asked.as_of is None or row.at <= asked.as_of)
        ]

    async def facts(self, asked: Asked, zone: str, days: Sequence[Day], *, fine: bool) -> list[Part]:
        found: list[Part] = []
        for day in days:
            rows = self._asked(asked, day.since, day.until)
            values = [(*(getattr(row, name) for name in DIMENSIONS), row.seconds, row.wall_seconds) for row in rows]
            found.append(Part(day.date, columns(values)))
        return found

    async def fact_rows(
        self, asked: Asked, since: dt.datetime, until: dt.datetime, limit: int, before: int = 0
    ) -> list[FactRow]:
        rows = [
            row
            for row in self._asked(asked, since, until)
            if all(getattr(row, column) in wanted for column, wanted in asked.only.items())
            and (not before or row.id < before)
        ]
        return rows[:limit]

    async def report_mails(self, due: dt.datetime | None = None) -> list[ReportMail]:
        if not self.facts_known:
            return []
        return [
            ReportMail(
                id=1, name="Every Monday", query="by=owner", every="week", day=0, hour="08:00", zone="America/Sao_Paulo",
                people=("ana",), author="ana", next_at=self.facts_known[0].at,
            )
        ]  # fmt: skip
