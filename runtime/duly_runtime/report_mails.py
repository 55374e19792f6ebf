"""Reports by e-mail: when they are due, what they say, and the loop that hands them to the outbox.

The link in a mail opens the same report as of the instant it was made. A mail that was due while nothing ran goes out once,
for the last occasion. Those who may not see reports (any more) get none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

import structlog
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from duly_dsl import i18n
from duly_dsl.program import Program
from duly_runtime import asking, persons, reports
from duly_runtime.effects import NotifyPerson
from duly_runtime.permissions import allows
from duly_runtime.reports import BadPeriod, Figures, Question, ReportResult
from duly_runtime.store.api import Store
from duly_runtime.store.reports_api import ReportMail
from duly_runtime.time import Clock
from duly_runtime.versions import Versions

EVERY = ("day", "week", "month")
ABOUT = "report"
"""What the notice is about; its `details` are the `subject` and the `text`."""
LINES = 25
"""Groups in a mail; the page has all."""
ONE = dt.timedelta(days=1)

log = structlog.get_logger(__name__)


def next_time(mail: ReportMail, after: dt.datetime) -> dt.datetime:
    """The first occasion after an instant: at `hour` (local), each day, on a weekday (0 is Monday), or on a day of the
    month (the last where it has fewer)."""
    zone = ZoneInfo(mail.zone)
    date = after.astimezone(zone).date()
    while True:
        at = dt.datetime.combine(date, dt.time.fromisoformat(mail.hour), zone).astimezone(dt.UTC)
        if at > after and _falls_on(mail, date):
            return at
        date += ONE


def _falls_on(mail: ReportMail, date: dt.date) -> bool:
    match mail.every:
        case "week":
            return date.weekday() == mail.day
        case "month":
            return date.day == mail.day or (date.day < mail.day and (date + ONE).day == 1)
        case _:
            return True


class ReportMails:
    """The loop of a process that schedules. `wake` tells those who deliver that there is something."""

    def __init__(self, store: Store, clock: Clock, versions: Versions, base_url: str, wake: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._base_url = base_url
        self._wake = wake

    async def look(self) -> bool:
        """Send what is due. Never true."""
        now = self._clock.now()
        due = await self._store.report_mails(now)
        live = await self._versions.live() if due else None
        if live is not None:
            for mail in due:
                notices = await self._notices(mail, live.program, now)
                if await self._store.send_report_mail(mail, next_time(mail, now), notices, now):
                    self._wake()
        return False

    async def _notices(self, mail: ReportMail, program: Program, now: dt.datetime) -> list[NotifyPerson]:
        users = {user.name: user for user in await self._store.users() if user.active}
        people = [name for name in mail.people if name in users and allows(users[name].role, "reports.read")]
        question, address = asked(mail, program, now)
        if question is None or not people:
            log.warning("report_not_mailed", mail=mail.id, report=mail.report, people=len(people))
            return []
        try:
            result = await reports.ask(self._store, program, question, mail.name)
        except BadPeriod as error:
            log.warning("report_not_mailed", mail=mail.id, error=str(error))
            return []
        found: list[NotifyPerson] = []
        for name in people:
            person = await persons.known(self._store, program, name)
            subject, text = written(mail, result, f"{self._base_url}{address}", person.language)
            key = f"report/{mail.id}/{mail.next_at.isoformat()}/{name}"
            details = {"subject": subject, "text": text}
            found.append(NotifyPerson(key=key, person=name, channel="email", about=ABOUT, details=details))
        return found


def asked(mail: ReportMail, program: Program, now: dt.datetime) -> tuple[Question | None, str]:
    """What a mail asks at an instant, as it is known then, and the address of that; None where the rules have no such
    report any more."""
    at = now.astimezone(dt.UTC)
    if mail.report:
        report = program.reports.get(mail.report)
        if report is None:
            return None, ""
        question = reports.asked_by(report, now)
        query = urlencode({"as_of": at.isoformat()})
        return reports.pinned(question, at), f"/reports/{quote(mail.report, safe='')}?{query}"
    words = asking.parse(dict(parse_qsl(mail.query)))
    question = words.question(now, ZoneInfo(mail.zone))
    address = words.address(
        as_of=at.isoformat(), since=question.first.isoformat(), until=question.last.isoformat(), period=""
    )
    return reports.pinned(question, at), f"/reports/sla?{address}"


def written(mail: ReportMail, result: ReportResult, link: str, wanted: str) -> tuple[str, str]:
    """Subject and text in a language."""
    language = i18n.choose(wanted)
    locale = language.replace("-", "_")
    _ = i18n.translations("duly_runtime", language).gettext
    zone = ZoneInfo(result.zone)
    first, last = (
        result.since.astimezone(zone).date(),
        (result.until - dt.timedelta(microseconds=1)).astimezone(zone).date(),
    )
    period = " – ".join(dict.fromkeys(format_date(day, "medium", locale=locale) for day in (first, last)))

    def line(figures: Figures) -> str:
        name = ", ".join(value or "–" for value in figures.group.values()) or _("total")
        count = format_decimal(figures.count, locale=locale)
        if figures.measure == reports.TIME_IN_STAGE:
            median = "–" if figures.median_seconds is None else _hours(figures.median_seconds)
            high = "–" if figures.p90_seconds is None else _hours(figures.p90_seconds)
            return _("{name}: {count}, median {median}, 90% within {high}").format(
                name=name, count=count, median=median, high=high
            )
        share = "–" if figures.compliance is None else format_percent(figures.compliance, "#,##0.0%", locale=locale)
        return _("{name}: {share} of {count} met").format(name=name, share=share, count=count)

    lines = [mail.name, f"{period} ({result.zone})"]
    for total in result.totals:
        rows = [row for row in result.rows if row.measure == total.measure]
        rows.sort(key=lambda row: -row.count)
        title = _("All promises") if total.measure == reports.EVERY else total.measure
        lines += ["", f"{title}: {line(total)}", *(f"- {line(row)}" for row in rows[:LINES])]
    lines += ["", _("The whole report, as it was known when this was sent:"), link]
    return f"{mail.name}: {period}", "\n".join(lines)


def _hours(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}h {minutes:02}m"
