"""Why a card's clocks stand where they stand: every stretch of a clock with the line that says so, every rule with what its
conditions came to, the ladders, and what is due next. Pure: card, traces and versions come in, an Explanation goes out.

The stretches of a clock follow one another without a gap from its start to its stop (or to now). Those that count add up to
the time the clock has used, to the microsecond.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.parser import parse
from duly_dsl.predicates import reads
from duly_dsl.source import SourceFile, Span
from duly_dsl.units import Unit
from duly_dsl.words import holds_word
from duly_dsl.workspace import SUFFIX
from duly_runtime.calendars import WorkingTime
from duly_runtime.calendars.days import Days, holidays_of
from duly_runtime.card import Card, Clock, ClockState, Ladder
from duly_runtime.decision import FactTrace, RuleTrace, World
from duly_runtime.engine import due
from duly_runtime.engine.graph import load
from duly_runtime.engine.kept import Keeper
from duly_runtime.engine.work import Work

MICROSECOND = dt.timedelta(microseconds=1)
COUNTS_OPEN = (Unit.BUSINESS, Unit.WORKING_DAYS)


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a version's files, and what is written there."""

    version: str
    path: str
    line: int
    text: str = ""


class Stretch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a clock's life. `sort`: `open`, `closed`, `holiday` or `paused`; `name` is the holiday, the reason of a
    closed or special day, or the stage in which the clock stood still. `counts`: the clock used this time."""

    start: dt.datetime
    end: dt.datetime
    sort: str
    name: str = ""
    counts: bool = False
    source: Source | None = None

    @property
    def microseconds(self) -> int:
        return (self.end - self.start) // MICROSECOND


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A clock explained. `used` and `carried` are microseconds of its own time; `used` includes `carried`. `measured_by` is
    the version whose calendar gives these stretches; `moved` says that the due instant is not what it gives."""

    clock: Clock
    stretches: tuple[Stretch, ...]
    used: int
    carried: int = 0
    measured_by: str = ""
    moved: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`value` None: it was not asked, and what was recorded doesn't tell. `values` is what it read, as text."""

    value: bool | None
    source: Source | None = None
    values: dict[str, str] = {}
    asked: bool = True


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that a fact was held against. `outcome`: `fired`, `shadow` (would have) or `not`. `near`: one condition alone
    kept it from firing."""

    rule: str
    outcome: str
    source: Source | None = None
    conditions: tuple[Condition, ...] = ()
    near: bool = False


class Happening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact of an event, and the rules it was held against."""

    at: dt.datetime
    event: str
    fact: str
    subject: str = ""
    depth: int = 0
    rules: tuple[Judged, ...] = ()


class Next(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that falls due by itself. `sort`: `alert`, `miss`, `level`, `silence`, `schedule` or `held` (a message
    that waits for its hours); `name` is the clock, escalation, stage or schedule, `detail` the threshold or level."""

    at: dt.datetime
    sort: str
    name: str
    detail: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    card: int
    title: str
    pipeline: str
    stage: str
    owner: str
    now: dt.datetime
    zone: str
    version: str
    clocks: tuple[Told, ...] = ()
    happenings: tuple[Happening, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    next: tuple[Next, ...] = ()


class Version:
    """A published version: its program, and the texts it was made from (path -> text)."""

    def __init__(self, hash: str, program: p.Program, sources: Mapping[str, str]) -> None:
        self.hash = hash
        self.program = program
        self._lines = {path: text.split("\n") for path, text in sources.items()}
        self._sources = sources

    def source(self, span: Span | None, *, whole_line: bool = False) -> Source | None:
        """The text a span covers on its first line, or all of that line; None where it stands in no file."""
        lines = self._lines.get(span.path, []) if span else []
        if span is None or not 1 <= span.line <= len(lines):
            return None
        line = lines[span.line - 1]
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        text = line if whole_line else line[span.column - 1 : end]
        return Source(self.hash, span.path, span.line, text.strip())

    def pause_line(self, pipeline: str, stage: str, metric: str) -> Span | None:
        """Where the files say that a clock stands still: in the stage, else in the clock itself."""
        nodes = [node for file in self._files() for node in file.pipelines if node.name.text == pipeline]
        for each in (each for node in nodes for each in node.stages if each.name.text == stage):
            for line in each.pauses:
                if not line.metrics or metric in {name.name for name in line.metrics}:
                    return line.span
        for clock in (clock for node in nodes for clock in node.clocks if clock.name.text == metric):
            return clock.pause.span if clock.pause else clock.span
        return None

    def holiday_line(self, calendar: str, region: str) -> Span | None:
        for file in self._files():
            for node in file.calendars:
                if node.name.text == calendar:
                    return next((line.span for line in node.holidays if line.region.value == region), node.span)
        return None

    def _files(self) -> Iterable[s.File]:
        return (parse(SourceFile(path, text)).file for path, text in sorted(self._sources.items()) if path.endswith(SUFFIX))


# --- clocks -----------------------------------------------------------------------------------------------------------


def explain_clock(clock: Clock, card: Card, now: dt.datetime, versions: Sequence[Version]) -> Told | None:
    """A clock measured by the first of `versions` that gives its due instant, or by the first of all; None where none has
    its calendar."""
    able = [version for version in versions if clock.calendar in version.program.calendars]
    if not able:
        return None
    times = [WorkingTime(version.program.calendars[clock.calendar]) for version in able]
    dues = [time.due(clock.started_at, clock.target, clock.pauses, clock.carried) for time in times]
    agreeing = [place for place, found in enumerate(dues) if found == clock.due_at or clock.due_at is None]
    place = agreeing[0] if agreeing else 0
    version, time = able[place], times[place]
    end = max(clock.stopped_at or now, clock.started_at)
    found = stretches(time, clock, end)
    labelled = _labelled(found, clock, card, version)
    return Told(
        clock=clock,
        stretches=tuple(labelled),
        used=clock.carried + time.spent(clock.started_at, end, clock.pauses, clock.target.unit),
        carried=clock.carried,
        measured_by=version.hash,
        moved=not agreeing,
    )


def stretches(time: WorkingTime, clock: Clock, end: dt.datetime) -> list[Stretch]:
    """[start of the clock, end) in stretches by the calendar, with the clock's pauses cut out of them."""
    counting = clock.target.unit in COUNTS_OPEN
    found: list[Stretch] = []
    for start, until, label in time.stretches(clock.started_at, end):
        word, _, name = label.partition(":")
        found.append(Stretch(start=start, end=until, sort=word, name=name, counts=word == "open" or not counting))
    for paused, resumed in _pauses(clock, end):
        cut: list[Stretch] = []
        for each in found:
            if each.end <= paused or each.start >= resumed:
                cut.append(each)
                continue
            if each.start < paused:
                cut.append(msgspec.structs.replace(each, end=paused))
            if each.end > resumed:
                cut.append(msgspec.structs.replace(each, start=resumed))
        found = sorted([*cut, Stretch(start=paused, end=resumed, sort="paused")], key=lambda each: each.start)
    return found


def _pauses(clock: Clock, end: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """The pauses between the clock's start and `end`, those that touch made one."""
    merged: list[tuple[dt.datetime, dt.datetime]] = []
    for pause in sorted(clock.pauses, key=lambda pause: pause.start):
        start, until = max(pause.start, clock.started_at), min(pause.until or end, end)
        if start >= until:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((start, until))
    return merged


def _labelled(found: Iterable[Stretch], clock: Clock, card: Card, version: Version) -> Iterable[Stretch]:
    calendar = version.program.calendars[clock.calendar]
    lines = _Lines(calendar, version)
    for each in found:
        if each.sort == "paused":
            stage = _stage_at(card, each.start)
            span = version.pause_line(card.pipeline, stage, clock.metric)
            yield msgspec.structs.replace(each, name=stage, source=version.source(span, whole_line=True))
        else:
            yield msgspec.structs.replace(each, source=version.source(lines.span(each), whole_line=True))


def _stage_at(card: Card, at: dt.datetime) -> str:
    before = [visit.stage for visit in card.visits if visit.entered_at <= at]
    return before[-1] if before else card.stage


class _Lines:
    """Which line of a calendar says that it is open or closed at some time."""

    def __init__(self, calendar: p.Calendar, version: Version) -> None:
        self._calendar = calendar
        self._version = version
        self._days = Days(calendar)
        self._zone = ZoneInfo(calendar.zone)

    def span(self, stretch: Stretch) -> Span | None:
        local = stretch.start.astimezone(self._zone)
        date = local.date()
        if stretch.sort == "open":
            return self._window(local)
        if stretch.sort == "holiday":
            region = next((each for each in self._calendar.holidays if date in holidays_of(each, date.year)), "")
            return self._version.holiday_line(self._calendar.name, region)
        rule = self._rule(date)
        if rule is not None:
            return rule.span
        week = self._calendar.week[date.weekday()]
        return week[0].span if week else self._calendar.span

    def _window(self, local: dt.datetime) -> Span | None:
        """Of the window that is open then; it may have begun the day before."""
        minute = local.hour * 60 + local.minute
        for back in (0, 1, 2):
            day = self._days.day(local.date().toordinal() - back)
            for window in day.windows:
                if window.opens <= minute + back * 1440 < window.closes:
                    return window.span
        return self._calendar.span

    def _rule(self, date: dt.date) -> p.DayRule | None:
        """The rule for a particular day, the narrowest of those that name it; one with a date beats a yearly one."""
        dated = [rule for rule in self._calendar.days if rule.first and rule.first <= date <= (rule.last or rule.first)]
        if dated:
            return min(reversed(dated), key=lambda rule: (rule.last or rule.first or date) - (rule.first or date))
        yearly = [
            rule for rule in self._calendar.days if not rule.first and (rule.month, rule.day) == (date.month, date.day)
        ]
        return yearly[-1] if yearly else None


# --- rules ------------------------------------------------------------------------------------------------------------


def explain_fact(at: dt.datetime, event: str, fact: FactTrace, version: Version | None) -> Happening:
    rules = tuple(_judged(answer, fact, version) for answer in fact.rules)
    return Happening(at=at, event=event, fact=fact.kind, subject=fact.subject, depth=fact.depth, rules=rules)


def _judged(answer: RuleTrace, fact: FactTrace, version: Version | None) -> Judged:
    outcome = ("shadow" if answer.shadow else "fired") if answer.fired else "not"
    if version is None or not 0 <= answer.rule < len(version.program.rules):
        return Judged(rule=f"#{answer.rule}", outcome=outcome)
    program, rule = version.program, version.program.rules[answer.rule]
    conditions: list[Condition] = []
    for place, term in enumerate(rule.terms):
        asked = answer.fired or place <= answer.failed_term
        value = (answer.fired or place < answer.failed_term) if asked else recorded(program, term, fact)
        spans = rule.term_spans
        read = {key: fact.values.get(key, "") for key in reads(program.predicates, (term,))}
        source = version.source(spans[place]) if place < len(spans) else None
        conditions.append(Condition(value=value, source=source, values=read, asked=asked))
    wrong = [each for each in conditions if each.value is not True]
    near = not answer.fired and len(wrong) == 1
    source = version.source(rule.span, whole_line=True)
    return Judged(rule=rule.name, outcome=outcome, source=source, conditions=tuple(conditions), near=near)


def recorded(program: p.Program, index: int, fact: FactTrace) -> bool | None:
    """What a condition comes to on the values a trace has kept; None where they don't tell."""
    match program.predicates[index]:
        case p.EventAtom(kind=kind, stage=stage, metric=metric, subject=subject):
            narrowed = stage or metric or subject
            return kind == fact.kind and (not narrowed or narrowed == fact.subject)
        case p.ContainsAny(words=words):
            return any(holds_word(fact.values.get("message", ""), word) for word in words)
        case p.HasTag(tag=tag):
            return tag in fact.values.get("tags", "").split(", ")
        case p.CardAge(op=op, amount=amount):
            age = fact.values.get("card age", "").removesuffix("s")
            if amount.unit is not Unit.ELAPSED or not age.isdecimal():
                return None
            return _compared(op, float(age) * 1_000_000, float(amount.amount))
        case p.OneOf(operand=operand, values=values):
            return fact.values.get(operand, "") in {str(value) for value in values}
        case p.Empty(operand=operand):
            return not fact.values.get(operand)
        case p.Compare(operand=operand, op=op, value=value):
            text = fact.values.get(operand, "")
            if not text:
                return False
            return _compared(op, text, value) if isinstance(value, str) else _compared(op, float(text), value)
        case p.Not(term=term):
            inner = recorded(program, term, fact)
            return None if inner is None else not inner
        case p.AllOf(terms=terms):
            found = [recorded(program, term, fact) for term in terms]
            return False if False in found else None if None in found else True
        case p.AnyOf(terms=terms):
            found = [recorded(program, term, fact) for term in terms]
            return True if True in found else None if None in found else False


_T = TypeVar("_T", float, str)


def _compared(op: str, left: _T, right: _T) -> bool:
    order = (left > right) - (left < right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]


# --- what comes next, and all together --------------------------------------------------------------------------------


def coming(card: Card, versions: Mapping[str, Version], live: str, now: dt.datetime) -> tuple[Next, ...]:
    """What falls due by itself, soonest first, by the rules the card is judged by: the live ones, and of a version it holds
    on to the promises."""
    keeper = Keeper()
    for hash in named(card, live):
        keeper.learn(hash, versions[hash].program if hash in versions else None)
    graph = keeper.graph(load(versions[live].program), card)
    pipeline = graph.pipeline(card.pipeline)
    if pipeline is None:
        return ()
    found: list[Next] = []
    for timer in due.timers(Work(graph, pipeline, card, now, World())):
        kind, _slash, rest = timer.key.partition("/")
        if kind == "silence":
            told = Next(at=timer.due_at, sort="silence", name=card.stage)
        elif kind == "ladder":
            told = _level(card, timer.key, timer.due_at, pipeline)
        elif kind == "every":
            told = Next(at=timer.due_at, sort="schedule", name=rest.rpartition("/")[0])
        elif kind == "held":
            told = Next(at=timer.due_at, sort="held", name=rest)
        else:
            told = _of_clock(card, timer.key, timer.due_at)
        found.append(told)
    return tuple(found)


def named(card: Card, live: str) -> tuple[str, ...]:
    """Every version a card's clocks and ladders speak of, the live one first."""
    found = (live, card.kept, *(clock.version for clock in card.clocks), *(ladder.version for ladder in card.ladders))
    return tuple(dict.fromkeys(hash for hash in found if hash))


def _of_clock(card: Card, key: str, at: dt.datetime) -> Next:
    """An alert or the miss of a clock, whose name may hold a slash."""
    clock = next(each for each in card.clocks if key.startswith(f"{each.metric}/{each.cycle}/"))
    if key == f"{clock.metric}/{clock.cycle}/due":
        return Next(at=at, sort="miss", name=clock.metric)
    return Next(at=at, sort="alert", name=clock.metric, detail=key.rpartition("/")[2])


def _level(card: Card, key: str, at: dt.datetime, pipeline: p.Pipeline) -> Next:
    """The level a ladder reaches next; its name may hold a slash, so it is found among the card's."""
    ladder = next(each for each in card.ladders if key.startswith(f"ladder/{each.name}/{each.metric}/{each.cycle}/"))
    escalation = next((each for each in pipeline.escalations if each.name == ladder.name), None)
    levels = [level for level in escalation.levels if level.number >= ladder.level] if escalation else []
    following = [level.number for level in levels if level.number > ladder.level]
    repeats = any(level.number == ladder.level and level.repeat_every for level in levels)
    number = ladder.level if repeats and (not following or ladder.repeats) else following[0] if following else ladder.level
    return Next(at=at, sort="level", name=ladder.name, detail=str(number))


def explain(
    card: Card,
    traces: Iterable[tuple[dt.datetime, str, str, Sequence[FactTrace]]],
    versions: Mapping[str, Version],
    live: str,
    now: dt.datetime,
    clock: str = "",
) -> Explanation:
    """`traces` are (instant, kind of event, version, facts), oldest first; `clock` narrows it to one metric."""
    running = versions[live]
    told: list[Told] = []
    for each in card.clocks:
        if clock in ("", each.metric):
            own = [versions[hash] for hash in dict.fromkeys((each.version, card.kept, live)) if hash in versions]
            found = explain_clock(each, card, now, own)
            if found is not None:
                told.append(found)
    happenings = [
        explain_fact(at, event, fact, versions.get(version)) for at, event, version, facts in traces for fact in facts
    ]
    pipeline = running.program.pipelines.get(card.pipeline)
    calendar = running.program.calendars.get(pipeline.calendar) if pipeline else None
    due_next = [
        each for each in coming(card, versions, live, now) if not clock or each.name == clock or each.sort == "level"
    ]
    return Explanation(
        card=card.number,
        title=card.title,
        pipeline=card.pipeline,
        stage=card.stage,
        owner=card.owner,
        now=now,
        zone=calendar.zone if calendar else "UTC",
        version=live,
        clocks=tuple(told),
        happenings=tuple(each for each in happenings if each.rules),
        ladders=tuple(each for each in card.ladders if clock in ("", each.metric)),
        next=tuple(due_next),
    )


def standing(clock: Clock) -> str:
    """`met`, `missed`, `running`, `paused`, `cancelled`; a missed clock that still runs is `missed`."""
    if clock.state is ClockState.CANCELLED and not clock.missed_at:
        return "cancelled"
    return clock.outcome or clock.state.value
