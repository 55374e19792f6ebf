"""The document: for every pipeline its hours, its promises, what pauses them, what happens when one is late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from babel import Locale, UnknownLocaleError
from babel.dates import get_timezone_location

from duly_dsl import program as p
from duly_dsl.i18n import marked as _
from duly_runtime.contract.showing import Block, Heading, Items, Paragraph, Table
from duly_runtime.contract.words import Words

HEADINGS = {
    "first reply": _("A first reply"),
    "next reply": _("Each further reply"),
    "resolved": _("The solution"),
    "leave stage": _("Each step"),
}
LEADS = {
    "first reply": _("From the moment your request arrives, we reply within:"),
    "next reply": _("From your first message that is not answered yet, we reply within:"),
    "resolved": _("From the moment your request arrives, it is solved within:"),
    "leave stage": _("A request does not stay in a step for longer than:"),
}
REOPENED = {
    "first only": _("{clock}: what was promised the first time counts; it is not measured again"),
    "continue": _("{clock}: the time goes on where it stood"),
    "new cycle": _("{clock}: the time begins anew"),
}


def document(program: p.Program, language: str = "en", pipeline: str = "") -> tuple[Block, ...]:
    """Of every pipeline in the order of their names, or of one; KeyError where there is none of that name."""
    writer = _Writer(program, language)
    names = [pipeline] if pipeline else sorted(program.pipelines)
    blocks: list[Block] = [Heading(1, writer.say(_("What we promise")))]
    for name in names:
        blocks += writer.pipeline(program.pipelines[name])
    return tuple(blocks)


class _Writer:
    def __init__(self, program: p.Program, language: str) -> None:
        self._program = program
        self._words = Words(program, language)
        self._locale = Locale.parse(language, sep="-")
        self.say = self._words.say

    def pipeline(self, pipeline: p.Pipeline) -> Iterator[Block]:
        yield Heading(2, pipeline.name)
        languages = self._words.both([self._language(tag) for tag in pipeline.languages])
        yield Paragraph(self.say(_("We write in {languages}."), languages=languages))
        yield Heading(3, self.say(_("When we work")))
        yield from self._hours(self._program.calendars[pipeline.calendar])
        others = dict.fromkeys(clock.calendar for clock in pipeline.clocks if clock.calendar not in ("", pipeline.calendar))
        for name in others:
            yield Heading(4, name)
            yield from self._hours(self._program.calendars[name])
        yield Paragraph(
            self.say(_("Minutes and hours count only while we are open, unless they are said to count day and night."))
        )
        yield from self._promises(pipeline)
        yield from self._pauses(pipeline)
        yield from self._silences(pipeline)
        yield from self._quiet(pipeline)
        yield from self._late(pipeline)
        yield from self._excuses(pipeline)
        yield from self._reopening(pipeline)

    def _language(self, tag: str) -> str:
        try:
            return Locale.parse(tag, sep="-").get_display_name(self._locale) or tag
        except (UnknownLocaleError, ValueError):
            return tag

    # --- hours

    def _hours(self, calendar: p.Calendar) -> Iterator[Block]:
        place = get_timezone_location(calendar.zone, locale=self._locale, return_city=True)
        yield Paragraph(self.say(_("All times are those of {place} ({zone})."), place=place, zone=calendar.zone))
        yield Items(tuple(self._week(calendar.week)))
        if calendar.holidays:
            where = self._words.both([self._region(each) for each in calendar.holidays])
            yield Paragraph(self.say(_("We are closed on the public holidays of {where}."), where=where))
        if calendar.days:
            yield Paragraph(self.say(_("And on these days it is different:")))
            yield Items(tuple(self._day(day) for day in sorted(calendar.days, key=_when)))

    def _week(self, week: tuple[tuple[p.Window, ...], ...]) -> Iterator[str]:
        """Days in a row with the same hours are one line."""
        first = 0
        for day in range(1, 8):
            if day < 7 and _times(week[day]) == _times(week[first]):
                continue
            names = self._locale.days["format"]["wide"]
            named = names[first] if day - first == 1 else None
            if named is None:
                named = self.say(_("{first} to {last}"), first=names[first], last=names[day - 1])
            yield self.say(_("{days}: {hours}"), days=named, hours=self._windows(week[first]))
            first = day

    def _windows(self, windows: Iterable[p.Window]) -> str:
        spans = [
            self.say(_("{opens} to {closes}"), opens=_clock(window.opens), closes=_clock(window.closes))
            for window in windows
        ]
        return self._words.both(spans) or self.say(_("closed"))

    def _day(self, rule: p.DayRule) -> str:
        if rule.first is None:
            month = self._locale.months["format"]["wide"][rule.month]
            days = self.say(_("{month} {day} of every year"), month=month, day=rule.day)
        else:
            days = self._date(rule.first)
            if rule.last is not None and rule.last != rule.first:
                days = self.say(_("{first} to {last}"), first=days, last=self._date(rule.last))
        text = _("{days}: {hours}") if not rule.windows or rule.kind == "extra" else _("{days}: only {hours}")
        told = self.say(text, days=days, hours=self._windows(rule.windows))
        return f"{told} ({rule.reason})" if rule.reason else told

    def _date(self, date: dt.date) -> str:
        month = self._locale.months["format"]["wide"][date.month]
        return self.say(_("{month} {day}, {year}"), month=month, day=date.day, year=date.year)

    def _region(self, region: str) -> str:
        country, _dash, part = region.partition("-")
        territories = cast(Mapping[str, str], self._locale.territories)
        name = territories.get(country, country)
        if not part:
            return name
        import holidays  # late: it takes longer to load than all the rest

        aliases = getattr(holidays.country_holidays(country, subdiv=part), "subdivisions_aliases", {})
        subdivision = next((alias for alias, code in aliases.items() if code == part), part)
        return f"{subdivision} ({name})"

    # --- promises

    def _promises(self, pipeline: p.Pipeline) -> Iterator[Block]:
        yield Heading(3, self.say(_("What you can count on")))
        for metric, heading in HEADINGS.items():
            placed = [
                (stage.name, target) for stage in pipeline.stages for target in stage.targets if target.metric == metric
            ]
            general = [("", target) for target in pipeline.targets if target.metric == metric]
            if placed or general:
                yield Heading(4, self.say(heading))
                yield Paragraph(self.say(LEADS[metric]))
                yield from self._table([*placed, *general], _totals(pipeline) if metric == "leave stage" else frozenset())
        for clock in pipeline.clocks:
            yield Heading(4, self.say(_("“{name}”"), name=clock.name))
            for text, when in (
                (_("The time begins when {condition}."), clock.start),
                (_("It stands still when {condition}."), clock.pause),
                (_("It goes on when {condition}."), clock.resume),
                (_("It ends when {condition}."), clock.stop),
            ):
                if when is not None:
                    yield Paragraph(self.say(text, condition=self._words.condition(when)))
            yield from self._table([("", clock.target)])

    def _table(self, targets: list[tuple[str, p.Target]], totals: frozenset[str] = frozenset()) -> Iterator[Block]:
        """A row for each row of the targets: the step, a column for what conditions read, the amount."""
        split = [self._split(row.when) for _stage, target in targets for row in target.rows]
        columns = list(dict.fromkeys(operand for each in split if each is not None for operand in each))
        plain = all(each is not None for each in split)
        steps = any(stage for stage, _target in targets)
        head = [self.say(_("Step"))] if steps else []
        head += [_upper(self._words.operand(each)) for each in columns] if plain else [self.say(_("Where"))]
        rows: list[tuple[str, ...]] = []
        for stage, target in targets:
            for row in target.rows:
                cells = [stage or self.say(_("everywhere else"))] if steps else []
                if plain:
                    found = self._split(row.when) or {}
                    cells += [found.get(each, self.say(_("any"))) for each in columns]
                else:
                    cells.append(self.say(_("in all other cases")) if row.when is None else self._words.condition(row.when))
                amount = self._words.amount(row.amount) if row.amount else self.say(_("no promise"))
                if stage in totals:
                    amount = self.say(_("{amount}, all stays together"), amount=amount)
                rows.append((*cells, amount))
        yield Table((*head, self.say(_("Within"))), tuple(rows))

    def _split(self, when: int | None) -> dict[str, str] | None:
        """A condition that only says what something is, by operand; None for any other."""
        if when is None:
            return {}
        predicate = self._program.predicates[when]
        terms = predicate.terms if isinstance(predicate, p.AllOf) else (when,)
        found: dict[str, str] = {}
        for term in terms:
            match self._program.predicates[term]:
                case p.OneOf(operand=operand, values=values) if operand not in found:
                    found[operand] = self._words.either([self._words.value(each) for each in values])
                case _:
                    return None
        return found

    # --- what else holds

    def _pauses(self, pipeline: p.Pipeline) -> Iterator[Block]:
        lines: list[str] = []
        every = set(p.METRICS)
        for stage in pipeline.stages:
            if not stage.pauses:
                continue
            clocks = [self._words.metric(each) for each in stage.pauses]
            if set(stage.pauses) >= every:
                told = self.say(_("in “{stage}” no time counts"), stage=stage.name)
            else:
                text = _("in “{stage}” no time counts for: {clocks}")
                told = self.say(text, stage=stage.name, clocks=", ".join(clocks))
            if stage.resumes:
                until = self._words.either([self._words.condition(each.when) for each in stage.resumes])
                told = self.say(_("{pause}, until {condition}"), pause=told, condition=until)
            lines.append(_upper(told))
        if lines:
            yield Heading(3, self.say(_("When the time stands still")))
            yield Items(tuple(lines))

    def _silences(self, pipeline: p.Pipeline) -> Iterator[Block]:
        lines: list[str] = []
        for stage in pipeline.stages:
            for silence in stage.silences:
                done = self._words.action(silence.action)
                if done:
                    text = _("In “{stage}”, after {amount}: {action}")
                    lines.append(self.say(text, stage=stage.name, amount=self._words.amount(silence.amount), action=done))
        if lines:
            yield Heading(3, self.say(_("When nobody writes")))
            yield Items(tuple(lines))

    def _quiet(self, pipeline: p.Pipeline) -> Iterator[Block]:
        for quiet in pipeline.limits.quiet if pipeline.limits else ():
            if quiet.customers and any(quiet.week):
                yield Heading(3, self.say(_("When we leave you in peace")))
                yield Paragraph(self.say(_("Messages that go out by themselves wait in these hours; our answers do not:")))
                closed = self.say(_("closed"))
                yield Items(tuple(line for line in self._week(quiet.week) if not line.endswith(closed)))

    def _late(self, pipeline: p.Pipeline) -> Iterator[Block]:
        if not pipeline.escalations:
            return
        yield Heading(3, self.say(_("What happens when we are late")))
        for ladder in pipeline.escalations:
            late = self._words.either([self._words.metric(each) for each in ladder.metrics])
            text = self.say(_("When this is late: {clocks}"), clocks=late)
            if ladder.when is not None:
                text = self.say(_("{late}, and {condition}"), late=text, condition=self._words.condition(ladder.when))
            yield Paragraph(f"{text}:")
            yield Items(tuple(self._level(level) for level in ladder.levels))
            if ladder.stop is not None:
                yield Paragraph(self.say(_("This ends when {condition}."), condition=self._words.condition(ladder.stop)))

    def _level(self, level: p.Level) -> str:
        done = self._words.actions(level.actions)
        if level.after is None:
            told = self.say(_("At once: {actions}"), actions=done)
        else:
            told = self.say(_("After {amount}: {actions}"), amount=self._words.amount(level.after), actions=done)
        if level.repeat_every is None:
            return told
        every = self._words.amount(level.repeat_every)
        if level.repeat_at_most is None:
            return self.say(_("{level}; repeated every {amount}"), level=told, amount=every)
        text = _("{level}; repeated every {amount}, at most {count} times")
        return self.say(text, level=told, amount=every, count=level.repeat_at_most)

    def _excuses(self, pipeline: p.Pipeline) -> Iterator[Block]:
        if pipeline.excuses:
            yield Heading(3, self.say(_("When a delay is excused")))
            yield Paragraph(self.say(_("It is still counted as late, and marked with one of these reasons:")))
            yield Items(tuple(pipeline.excuses))

    def _reopening(self, pipeline: p.Pipeline) -> Iterator[Block]:
        lines: list[str] = []
        for stage in pipeline.stages:
            if stage.reopen is not None:
                text = _("Write to us within {amount} after “{stage}”, and your request goes on in “{target}”.")
                amount = self._words.amount(stage.reopen.amount)
                lines.append(self.say(text, amount=amount, stage=stage.name, target=stage.reopen.stage))
        if not lines:
            return
        promised = {target.metric for stage in pipeline.stages for target in stage.targets}
        promised |= {target.metric for target in pipeline.targets} | {clock.name for clock in pipeline.clocks}
        for metric in (*p.METRICS, *(clock.name for clock in pipeline.clocks)):
            choice = pipeline.reopens.get(metric, p.REOPEN_DEFAULTS.get(metric, ""))
            if metric in promised and choice:
                lines.append(_upper(self.say(REOPENED[choice], clock=self._words.metric(metric))))
        yield Heading(3, self.say(_("When you write again after the end")))
        yield Items(tuple(lines))


def _when(day: p.DayRule) -> tuple[bool, dt.date, int, int]:
    """Those of every year come first."""
    return day.first is not None, day.first or dt.date.min, day.month, day.day


def _totals(pipeline: p.Pipeline) -> frozenset[str]:
    return frozenset(stage.name for stage in pipeline.stages if stage.total)


def _times(windows: Iterable[p.Window]) -> list[tuple[int, int]]:
    return [(window.opens, window.closes) for window in windows]


def _clock(minutes: int) -> str:
    """`24:00` where it is the end of the day itself."""
    if minutes != 1440:
        minutes %= 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
