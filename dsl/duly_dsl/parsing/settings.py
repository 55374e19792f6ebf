"""Calendars, people, doors and templates."""

from __future__ import annotations

from typing import Any

from duly_dsl import syntax
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Fix
from duly_dsl.parsing import tables, values
from duly_dsl.parsing.base import Nodes, Said
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.parsing.lexing import Token
from duly_dsl.source import Span

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class SettingNodes(Nodes):
    """Statements of `calendar`, `person`, `team`, `connector` and `template`."""

    def calendar(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Calendar, span, {"name": self._name(parts[0])}, parts[1:])

    def zone(self, span: Span, parts: list[Any]) -> Any:
        return self._said("zone", self._text(parts[0]), span)

    def open_weekly(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Weekly, span, days=parts[0], spans=tuple(parts[1:]))

    def open_on(self, span: Span, parts: list[Any]) -> Any:
        return self._special("extra", span, parts)

    def short_day(self, span: Span, parts: list[Any]) -> Any:
        return self._special("short", span, parts)

    def _special(self, kind: str, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts.pop()) if isinstance(parts[-1], Token) else None
        return self._made(syntax.SpecialDay, span, kind=kind, day=parts[0], spans=tuple(parts[1:]), reason=reason)

    def closed_on(self, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts[1]) if len(parts) > 1 else None
        return self._made(syntax.Closed, span, day=parts[0], reason=reason)

    def closed_from(self, span: Span, parts: list[Any]) -> Any:
        reason = self._text(parts[2]) if len(parts) > 2 else None
        first, last = self._date(parts[0]), self._date(parts[1])
        where = self._span(parts[0]).to(self._span(parts[1]))
        if not isinstance(first, Broken) and not isinstance(last, Broken) and last < first:
            fixes = (Fix(titles.SWAP, where, f"{last} to {first}"),)
            self.problems.append(kinds.DATES_BACKWARDS.at(where, fixes=fixes, first=first, last=last))
            return BROKEN
        return self._made(syntax.Closed, span, day=self._made(syntax.OnDate, where, first=first, last=last), reason=reason)

    def holidays(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Holidays, span, region=self._text(parts[0]))

    def days(self, span: Span, parts: list[Any]) -> Any:
        return tuple(dict.fromkeys(day for part in parts for day in part))

    def every_day(self, span: Span, parts: list[Any]) -> Any:
        return tuple(range(7))

    def day_range(self, span: Span, parts: list[Any]) -> Any:
        first, last = parts[0], parts[-1]
        return tuple((first + step) % 7 for step in range((last - first) % 7 + 1))

    def weekday(self, span: Span, parts: list[Any]) -> Any:
        return WEEKDAYS.index(parts[0].text)

    def month(self, span: Span, parts: list[Any]) -> Any:
        return MONTHS.index(parts[0].text) + 1

    def on_date(self, span: Span, parts: list[Any]) -> Any:
        date = self._date(parts[0])
        return self._made(syntax.OnDate, span, first=date, last=date)

    def every_year(self, span: Span, parts: list[Any]) -> Any:
        day, month = self._count(parts[0]), parts[1]
        if not isinstance(day, Broken) and not 1 <= day <= LONGEST_MONTHS[month - 1]:
            self.problems.append(kinds.NO_SUCH_DATE.at(span, found=f"{day} {MONTHS[month - 1]}"))
            return BROKEN
        return self._made(syntax.EveryYear, span, month=month, day=day)

    def time_span(self, span: Span, parts: list[Any]) -> Any:
        opens, closes = (self._checked(values.read_time(text, span)) for text in parts[0].text.split("-"))
        return self._made(syntax.TimeSpan, span, opens=opens, closes=closes)

    def person(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Person, span, {"name": self._name(parts[0])}, parts[1:])

    def full_name(self, span: Span, parts: list[Any]) -> Any:
        return self._said("full_name", self._text(parts[0]), span)

    def email(self, span: Span, parts: list[Any]) -> Any:
        return self._said("email", self._text(parts[0]), span)

    def phone(self, span: Span, parts: list[Any]) -> Any:
        return self._said("phone", self._text(parts[0]), span)

    def language(self, span: Span, parts: list[Any]) -> Any:
        return self._said("language", self._text(parts[0]), span)

    def team(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Team, span, {"name": self._name(parts[0])}, parts[1:])

    def members(self, span: Span, parts: list[Any]) -> Any:
        return self._said("members", self._names(parts), span)

    def team_lead(self, span: Span, parts: list[Any]) -> Any:
        return self._said("lead", self._name(parts[0]), span)

    def team_manager(self, span: Span, parts: list[Any]) -> Any:
        return self._said("manager", self._name(parts[0]), span)

    def team_level(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.TeamLevel, span, number=self._count(parts[0]), people=self._names(parts[1:]))

    def connector(self, span: Span, parts: list[Any]) -> Any:
        if any(isinstance(part, Broken) for part in parts[:3]):
            return BROKEN
        fixed = {"name": self._name(parts[0]), "direction": parts[1], "kind": self._name(parts[2])}
        return self._block(syntax.Connector, span, fixed, parts[3:])

    def direction(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def door_path(self, span: Span, parts: list[Any]) -> Any:
        return self._said("path", self._text(parts[0]), span)

    def verify_hmac(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("hmac", parts[0].text, span, parts[1:])

    def verify_token(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("token", "", span, parts)

    def verify_standard(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("standard webhooks", "", span, parts)

    def verify_github(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("github", "", span, parts)

    def verify_stripe(self, span: Span, parts: list[Any]) -> Any:
        return self._verify("stripe", "", span, parts)

    def _verify(self, scheme: str, algorithm: str, span: Span, parts: list[Any]) -> Any:
        header = parts[1] if len(parts) > 1 else None
        secret = self._text(parts[0])
        return self._made(syntax.Verify, span, scheme=scheme, algorithm=algorithm, secret=secret, header=header)

    def in_header(self, span: Span, parts: list[Any]) -> Any:
        return self._text(parts[0])

    def open_card(self, span: Span, parts: list[Any]) -> Any:
        return self._said("pipeline", self._name(parts[0]), span)

    def same_card(self, span: Span, parts: list[Any]) -> Any:
        amount = parts[1] if len(parts) > 1 else None
        return self._made(syntax.SameCard, span, path=self._text(parts[0]), amount=amount)

    def same_customer(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.SameCard, span, customer=True, amount=parts[0] if parts else None)

    def same_conversation(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.SameCard, span, amount=parts[0])

    def same_request(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.SameRequest, span, path=self._text(parts[0]))

    def same_request_header(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.SameRequest, span, header=self._text(parts[0]))

    def map(self, span: Span, parts: list[Any]) -> Any:
        rows, problems = tables.read_map(parts[0], self.path)
        self.problems += problems
        return Said("map", rows, span)

    def send_events(self, span: Span, parts: list[Any]) -> Any:
        pipelines = parts.pop() if not isinstance(parts[-1], Token) else ()
        return self._made(syntax.SendEvents, span, names=self._names(parts), pipelines=pipelines)

    def events_in(self, span: Span, parts: list[Any]) -> Any:
        return self._names(parts)

    def retry(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Retry, span, times=self._count(parts[0]), over=parts[1])

    def setting(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Setting(span=span, key=parts[0], value=parts[1])

    def secret_setting(self, span: Span, parts: list[Any]) -> Any:
        text = self._text(parts[1])
        if isinstance(text, Broken):
            return BROKEN
        value = syntax.Value(span=text.span, kind="text", value=text.value)
        return syntax.Setting(span=span, key=parts[0], value=value, secret=True)

    def key(self, span: Span, parts: list[Any]) -> Any:
        return " ".join(part if isinstance(part, str) else part.text for part in parts).lower()

    def key_to_secret(self, span: Span, parts: list[Any]) -> Any:
        return self.key(span, parts)

    def verify_token_key(self, span: Span, parts: list[Any]) -> Any:
        return self.key(span, parts)

    def template(self, span: Span, parts: list[Any]) -> Any:
        subjects = tuple(part.value for part in parts if isinstance(part, Said))
        texts = [part for part in parts[1:] if not isinstance(part, Said)]
        return self._block(syntax.Template, span, {"name": self._name(parts[0]), "subject": subjects}, texts)

    def subject(self, span: Span, parts: list[Any]) -> Any:
        return self._said("subject", self.variant(span, parts), span)

    def header(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Header, span, language=self._text(parts[0]), text=self._text(parts[1]))

    def header_media(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Header, span, media=parts[0], text=self._text(parts[1]))

    def media_kind(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def buttons(self, span: Span, parts: list[Any]) -> Any:
        rows = tuple(self._made(syntax.Choice, self._span(token), title=self._text(token)) for token in parts[1:])
        return self._made(syntax.Choices, span, language=self._text(parts[0]), rows=rows)

    def list(self, span: Span, parts: list[Any]) -> Any:
        fixed = {"language": self._text(parts[0]), "label": self._text(parts[1])}
        return self._block(syntax.Choices, span, fixed, parts[2:])

    def choice(self, span: Span, parts: list[Any]) -> Any:
        description = self._text(parts[1]) if len(parts) > 1 else None
        return self._made(syntax.Choice, span, title=self._text(parts[0]), description=description)

    def approval(self, span: Span, parts: list[Any]) -> Any:
        more: dict[str, Any] = {}
        for part in parts:
            more.update(part)
        return self._made(syntax.Approval, span, **more)

    def approved_as(self, span: Span, parts: list[Any]) -> Any:
        return {"name": self._text(parts[0])}

    def approved_for(self, span: Span, parts: list[Any]) -> Any:
        return {"category": self._name(parts[0])}

    def variant(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Variant, span, language=self._text(parts[0]), text=self._text(parts[1]))
