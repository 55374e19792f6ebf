"""Reports that are mailed by themselves: which there are, a new one, and an end to one."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from babel.dates import get_day_names
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.services import Refused
from duly_dsl.i18n import marked as _
from duly_runtime.asking import parse
from duly_runtime.permissions import allows
from duly_runtime.report_mails import EVERY, next_time
from duly_runtime.reports import BadPeriod
from duly_runtime.store.reports_api import ReportMail

READ = needs("reports.read")


async def readers(page: Page) -> list[tuple[str, str, str]]:
    """(name, what to call them, address) of people who may be sent reports."""
    users = await page.services.store.users()
    return [
        (user.name, user.full_name or user.name, user.email)
        for user in users
        if user.active and allows(user.role, "reports.read")
    ]


@get("/reports/mails", guards=[READ])
async def mails(page: NamedDependency[Page]) -> Response[Any]:
    """`report` or `of` (the query of the page of promises) is what a new mail would send."""
    words = {key: str(value) for key, value in page.request.query_params.items()}
    return page.render(
        "report_mails.html",
        mails=await page.services.store.report_mails(),
        report=words.get("report", ""),
        query=words.get("of", ""),
        readers=await readers(page),
        days=[name for _number, name in sorted(get_day_names("wide", locale=page.locale).items())],
        new="report" in words or "of" in words,
    )


@post("/reports/mails", guards=[READ])
async def new_mail(page: NamedDependency[Page]) -> Response[Any]:
    form = await page.form()
    data = await page.request.form()
    known = {name for name, _full, _address in await readers(page)}
    people = tuple(dict.fromkeys(str(name) for name in data.getall("person", []) if str(name) in known))
    report, name = form.get("report", ""), form.get("name", "").strip()
    try:
        hour = dt.time.fromisoformat(form.get("hour", "")).strftime("%H:%M")
    except ValueError:
        raise Refused(_("write the time like 08:00")) from None
    day = form.get("month_day" if form.get("every") == "month" else "weekday", "0")
    low, high = (1, 31) if form.get("every") == "month" else (0, 6)
    if not name:
        raise Refused(_("give the mail a name"))
    if not people:
        raise Refused(_("choose at least one person who may see reports"))
    if form.get("every") not in EVERY or not day.isdecimal() or not low <= int(day) <= high:
        raise Refused(_("choose when it is sent"))
    if report and (page.program is None or report not in page.program.reports):
        raise Refused(_("the rules have no such report"))
    try:
        query = parse(dict(parse_qsl(form.get("query", "")))).address(as_of="")
    except BadPeriod:
        query = ""
    mail = ReportMail(
        name=name,
        report=report,
        query="" if report else query,
        every=form["every"],
        day=int(day),
        hour=hour,
        zone=str(page.times.zone),
        people=people,
        author=page.name,
        next_at=page.now,
    )
    store = page.services.store
    mail_id = await store.add_report_mail(msgspec.structs.replace(mail, next_at=next_time(mail, page.now)))
    details = {"name": name, "people": ", ".join(people), "query": mail.report or mail.query}
    await store.audit(page.name, "report.mailed", str(mail_id), details, page.now)
    return go("/reports/mails")


@post("/reports/mails/{number:int}/remove", guards=[READ])
async def remove_mail(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    if await page.services.store.remove_report_mail(number):
        await page.services.store.audit(page.name, "report.not_mailed", str(number), {}, page.now)
    return go("/reports/mails")


HANDLERS = (mails, new_mail, remove_mail)
