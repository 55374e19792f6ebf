"""Reports by e-mail, received by a real SMTP server: when they come, to whom, and that the link says the same for ever."""

from __future__ import annotations

import asyncio
import datetime as dt
import email
import html
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from duly_runtime.report_mails import next_time
from duly_runtime.store.api import User
from duly_runtime.store.reports_api import ReportMail
from support.office import MONDAY, PASSWORD, RULES, Office, csrf, office, sign_in

REPORTS = (
    RULES
    + """
connector "Mail" sends email {
  server secret "SMTP"
  from "Support <support@desk.example>"
}

report "Replies" {
  of first reply
  by owner
  period last 7 days
}
"""
)


class Inbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.came = asyncio.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.mails.append(cast("EmailMessage", email.message_from_bytes(cast("bytes", envelope.content), policy=default)))
        async with self.came:
            self.came.notify_all()
        return "250 taken"

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.came:
            await self.came.wait_for(lambda: len(self.mails) >= count)


async def press(here: Office, path: str, **form: Any) -> Any:
    page = (await here.client.get("/reports/mails")).text
    return await here.client.post(path, data={"_csrf_token": csrf(page), **form}, follow_redirects=False)


async def addressed(here: Office, *people: tuple[str, str]) -> None:
    for name, role in people:
        user = User(
            name=name, full_name=name.title(), email=f"{name}@desk.example", phone="", role=role, language="pt-BR",
            active=True,
        )  # fmt: skip
        await here.desk.accounts.save(user, PASSWORD)


async def published(here: Office, server: str) -> None:
    here.desk.secrets.set("SMTP", server)
    assert (await here.desk.publish({"support.duly": REPORTS}, "tester", "first")).hash


def test_every_monday_at_eight_with_a_link_that_stays(tmp_path: Path) -> None:
    async def main() -> None:
        inbox = Inbox()
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(inbox), "127.0.0.1", 0)
        try:
            async with office(tmp_path, "", {"DULY_ALLOW_PRIVATE_ADDRESSES": "1"}) as here:
                await published(here, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                await sent(here, inbox)
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(main())


async def sent(here: Office, inbox: Inbox) -> None:
    headers = await here.token("read", "write")
    await here.client.post("/api/v1/cards", json={"pipeline": "Support"}, headers=headers)
    await here.client.post("/api/v1/cards/1/assign", json={"owner": "ana"}, headers=headers)
    here.clock.advance(dt.timedelta(hours=2))
    await here.client.post("/api/v1/cards/1/note", json={"text": "late"}, headers=headers)
    await sign_in(here, "diogo", "manager")
    await addressed(here, ("diogo", "manager"), ("carla", "manager"), ("bruno", "agent"))
    chosen = {"every": "week", "weekday": "0", "hour": "08:00", "person": ["diogo", "bruno"]}
    made = await press(here, "/reports/mails", name="Promises", query="by=owner&period=7d&as_of=2020-01-01", **chosen)
    assert made.status_code == 303, made.text
    assert (await press(here, "/reports/mails", name="Replies", report="Replies", **chosen)).status_code == 303
    kept = await here.desk.store.report_mails()
    assert [(mail.name, mail.report, mail.query, mail.people, mail.next_at.isoformat()) for mail in kept] == [
        ("Promises", "", "period=7d&by=owner", ("diogo",), "2026-11-16T11:00:00+00:00"),  # an agent may not see reports
        ("Replies", "Replies", "", ("diogo",), "2026-11-16T11:00:00+00:00"),
    ]
    here.clock.advance(dt.datetime(2026, 11, 16, 11, 0, 5, tzinfo=dt.UTC) - here.clock.now())
    here.desk.node.wake()
    await inbox.until(2)
    first, second = sorted(inbox.mails, key=lambda mail: str(mail["Subject"]))
    assert str(first["To"]) == "diogo@desk.example"
    assert str(first["Subject"]).startswith("Promises: 9 de nov. de 2026")
    text = first.get_content()
    assert "Todas as promessas: total: 0,0% de 1 cumpridas" in text
    assert "- ana: 0,0% de 1 cumpridas" in text
    link = re.findall(r"http://duly\.test(/reports/sla\S+)", text)[0]
    assert "since=2026-11-09" in link and "as_of=2026-11-16T11" in link
    other = re.findall(r"http://duly\.test(/reports/Replies\S+)", second.get_content())[0]
    pages = [(await here.client.get(path)).text for path in (link, other)]
    assert all("Como se sabia em" in page for page in pages)

    # Later changes and later weeks change nothing of what the links say.
    here.clock.advance(dt.timedelta(minutes=5))
    await here.client.post("/api/v1/cards/1/reply", json={"text": "sorry"}, headers=headers)
    assert (await here.client.get("/api/v1/cards/1", headers=headers)).status_code == 200
    again = [(await here.client.get(path)).text for path in (link, other)]
    assert [figures(page) for page in again] == [figures(page) for page in pages]

    # Nothing is sent twice, and what is stopped is not sent.
    assert {mail.next_at.isoformat() for mail in await here.desk.store.report_mails()} == {"2026-11-23T11:00:00+00:00"}
    for mail in kept:
        assert (await press(here, f"/reports/mails/{mail.id}/remove")).status_code == 303
    assert await here.desk.store.report_mails() == []
    assert len(inbox.mails) == 2
    rows = await here.desk.store.audit_log()
    assert {row.action for row in rows} >= {"report.mailed", "report.not_mailed"}


def figures(page: str) -> list[str]:
    return [html.unescape(re.sub(r"<[^>]*>", " ", row)) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]


def test_what_is_missing_is_said_and_agents_stay_outside(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, "") as here:
            await published(here, "smtp://mail.example")
            await sign_in(here, "diogo", "manager")
            good = {"name": "X", "every": "day", "hour": "08:00", "person": "diogo"}
            for wrong, words in (
                ({"name": " "}, "give the mail a name"),
                ({"person": "nobody"}, "at least one person"),
                ({"hour": "late"}, "write the time like"),
                ({"every": "year"}, "choose when it is sent"),
                ({"every": "month", "month_day": "32"}, "choose when it is sent"),
                ({"report": "Nothing"}, "no such report"),
            ):
                answer = await press(here, "/reports/mails", **{**good, **wrong})
                assert (answer.status_code, words in answer.text) == (422, True), words
            assert await here.desk.store.report_mails() == []
            await sign_in(here, "bruno", "agent")
            assert (await here.client.get("/reports/mails")).status_code == 403

    asyncio.run(main())


@pytest.mark.parametrize(
    ("every", "day", "after", "wanted"),
    [
        ("week", 0, "2026-11-09T10:59:59", "2026-11-09T11:00:00"),
        ("week", 0, "2026-11-09T11:00:00", "2026-11-16T11:00:00"),
        ("day", 0, "2026-11-09T23:00:00", "2026-11-10T11:00:00"),
        ("month", 31, "2026-11-09T11:00:00", "2026-11-30T11:00:00"),
        ("month", 31, "2026-11-30T11:00:00", "2026-12-31T11:00:00"),
        ("month", 1, "2026-12-01T11:00:00", "2027-01-01T11:00:00"),
    ],
)
def test_occasions(every: str, day: int, after: str, wanted: str) -> None:
    mail = ReportMail(
        name="X", every=every, day=day, hour="08:00", zone="America/Sao_Paulo", people=(), author="", next_at=MONDAY
    )
    at = dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
    assert next_time(mail, at) == dt.datetime.fromisoformat(wanted).replace(tzinfo=dt.UTC)
