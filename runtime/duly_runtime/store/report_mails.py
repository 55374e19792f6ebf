"""Reports that are mailed by themselves: kept, and their notices put into the outbox, each occasion once.

Each function is a unit of work (`store.unit`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from duly_runtime.effects import NotifyPerson
from duly_runtime.store import unit
from duly_runtime.store.reports_api import ReportMail
from duly_runtime.store.rows import UNTRIED, json

_people = msgspec.json.Decoder(tuple[str, ...])


class StoredReportMails:
    """The part of `ReportStore` about mails, for the store to inherit."""

    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def report_mails(self, due: dt.datetime | None = None) -> list[ReportMail]:
        return await self._read(lambda: listed(due))

    async def add_report_mail(self, mail: ReportMail) -> int:
        return await self._write(lambda: added(mail))

    async def remove_report_mail(self, mail_id: int) -> bool:
        return await self._write(lambda: removed(mail_id))

    async def send_report_mail(
        self, mail: ReportMail, next_at: dt.datetime, notices: Sequence[NotifyPerson], now: dt.datetime
    ) -> bool:
        return await self._write(lambda: sent(mail, next_at, notices, now))


async def listed(due: dt.datetime | None) -> list[ReportMail]:
    text, args = ("", ()) if due is None else ("WHERE next_at <= ? ", (due,))
    rows = await unit.fetch(f"SELECT * FROM report_mail {text}ORDER BY next_at, id", *args)  # noqa: S608 - our own words
    return [
        ReportMail(
            id=int(row["id"]),
            name=row["name"],
            report=row["report"],
            query=row["query"],
            every=row["every"],
            day=int(row["day"]),
            hour=row["hour"],
            zone=row["zone"],
            people=_people.decode(row["people"]),
            author=row["author"],
            next_at=row["next_at"],
        )
        for row in rows
    ]


async def added(mail: ReportMail) -> int:
    row = {field: getattr(mail, field) for field in mail.__struct_fields__ if field != "id"} | {"people": json(mail.people)}
    return int((await unit.insert("report_mail", [row], "RETURNING id"))[0]["id"])


async def removed(mail_id: int) -> bool:
    return bool(await unit.fetch("DELETE FROM report_mail WHERE id = ? RETURNING id", mail_id))


async def sent(mail: ReportMail, next_at: dt.datetime, notices: Sequence[NotifyPerson], now: dt.datetime) -> bool:
    """False where another process has sent it, or it was removed."""
    taken = await unit.fetch(
        "UPDATE report_mail SET next_at = ? WHERE id = ? AND next_at = ? RETURNING id", next_at, mail.id, mail.next_at
    )
    if not taken:
        return False
    rows = [
        {
            **UNTRIED,
            "key": notice.key,
            "kind": "notice",
            "channel": notice.channel,
            "recipient": notice.person,
            "effect": json(notice),
            "next_at": now,
            "created_at": now,
        }
        for notice in notices
    ]
    await unit.insert("outbox", rows, "ON CONFLICT (key) DO NOTHING")
    return True
