"""Why a clock stands where it stands: its stretches add up to its time; conditions are told as the trace has kept them."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly_dsl.build import build
from duly_dsl.program import Calendar, Program
from duly_dsl.source import SourceFile
from duly_dsl.units import DAY, Duration, Unit
from duly_runtime import explaining
from duly_runtime.calendars import WorkingTime
from duly_runtime.card import Card, Clock, ClockState, Pause, Visit
from duly_runtime.decision import FactTrace, RuleTrace
from duly_runtime.engine.step import load
from duly_runtime.events import AgentMessage, CustomerMessage, MoveCard, OpenCard, SetFields
from duly_runtime.explaining import Stretch, Version, explain_clock, explain_fact, stretches
from duly_runtime.scenario.play import Player
from runtime.clock_examples import ALWAYS, at, office

FILES = {
    "hours.duly": """calendar "Office" {
  time zone "America/Sao_Paulo"
  open monday to friday 08:00-12:00, 13:00-18:00
  open saturday 09:00-13:00
  holidays from "BR-SP"
  closed on 24 december every year "Christmas Eve"
  closed from 2026-12-28 to 2026-12-31 "Shutdown"
  short day 2026-12-23 08:00-12:00 "Lunch"
}
""",
    "desk.duly": """use "hours.duly"

pipeline "Support" {
  calendar "Office"
  field "Tier" choice gold, basic default basic
  field "Amount" number
  field "Until" date
  field "Open" yes/no
  resolved within 3 working days

  stage "New" {
    start
    next "Waiting", "Done"
    first reply within 4h
    alert owner at 50% of first reply
  }

  stage "Waiting" {
    next "New", "Done"
    pause resolved
    resume in "New" when customer replies
    after 2 calendar days of silence move to "Done" because "gone"
  }

  stage "Done" {
    finish
  }

  escalation "Late" {
    when first reply is missed
    level 1 at once   set priority to high
    level 2 after 1h  tag "late"
    stop when agent replies
  }

  rule "Gold" {
    when customer replies and tier is gold and "Amount" > 5
    then tag "gold"
  }

  rule "Many" {
    when customer replies and (message contains "pay" or card has tag "v") and not priority is low and card age > 1h elapsed
    then tag "many"
  }

  rule "Dates" shadow {
    when customer replies and "Until" <= 2026-12-01 and "Open" is yes and not "Amount" is empty
    then tag "dates"
  }
}
""",
}
START = at("2026-12-22 17:00")


def compiled(files: dict[str, str]) -> Program:
    built = build([SourceFile(path, text) for path, text in files.items()])
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    return built.program


@pytest.fixture(scope="module")
def version() -> Version:
    program = compiled(FILES)
    return Version(program.hash, program, FILES)


def clock(unit: Unit = Unit.BUSINESS, pauses: tuple[Pause, ...] = (), **more: object) -> Clock:
    amount = 2 if unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS) else DAY
    given = {
        "metric": "resolved",
        "cycle": 1,
        "stage": "",
        "calendar": "Office",
        "version": "x",
        "started_at": START,
        **more,
    }
    return Clock(target=Duration(unit, amount), pauses=pauses, **given)  # type: ignore[arg-type]


def card(*clocks: Clock, stage: str = "New") -> Card:
    visits = (Visit(number=1, stage=stage, entered_at=START),)
    return Card(id=1, number=1, pipeline="Support", stage=stage, created_at=START, clocks=clocks, visits=visits)


OPEN = WorkingTime(Calendar(name="Always", zone="Europe/Berlin", week=ALWAYS))
INSTANTS = st.datetimes(*(dt.datetime(year, 2, 1) for year in (2026, 2027)), timezones=st.just(dt.UTC))  # noqa: DTZ001


@given(
    calendar=st.sampled_from((office(), OPEN)),
    start=INSTANTS,
    length=st.timedeltas(dt.timedelta(), dt.timedelta(days=40)),
    pauses=st.lists(st.tuples(INSTANTS, st.timedeltas(dt.timedelta(), dt.timedelta(days=9)) | st.none()), max_size=4),
    unit=st.sampled_from(Unit),
)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_stretches_follow_one_another_and_those_that_count_add_up(calendar, start, length, pauses, unit) -> None:
    paused = tuple(Pause(begin, None if span is None else begin + span) for begin, span in pauses)
    end = start + length
    told = clock(unit, paused, started_at=start)
    found = stretches(calendar, told, end)
    if length:
        assert (found[0].start, found[-1].end) == (start, end)
    else:
        assert found == []
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert all(each.start < each.end for each in found)
    counted = sum(each.microseconds for each in found if each.counts)
    assert counted == calendar.spent(start, end, paused, unit)


def test_every_stretch_names_the_line_that_says_so(version: Version) -> None:
    told = explain_clock(clock(), card(), at("2026-12-27 09:00"), [version])
    assert told is not None
    found = [
        (each.sort, each.name, each.counts, each.source and (each.source.line, each.source.text)) for each in told.stretches
    ]
    weekdays = (3, "open monday to friday 08:00-12:00, 13:00-18:00")
    assert found == [
        ("open", "", True, weekdays),
        ("closed", "", False, weekdays),
        ("open", "Lunch", True, (8, 'short day 2026-12-23 08:00-12:00 "Lunch"')),
        ("closed", "Lunch", False, (8, 'short day 2026-12-23 08:00-12:00 "Lunch"')),
        ("closed", "Christmas Eve", False, (6, 'closed on 24 december every year "Christmas Eve"')),
        ("holiday", "Natal", False, (5, 'holidays from "BR-SP"')),
        ("closed", "", False, (4, "open saturday 09:00-13:00")),
        ("open", "", True, (4, "open saturday 09:00-13:00")),
        ("closed", "", False, (4, "open saturday 09:00-13:00")),
    ]
    assert {each.source.version for each in told.stretches if each.source} == {version.hash}


def test_a_pause_names_the_stage_and_its_line(version: Version) -> None:
    waiting = card(stage="Waiting")
    pause = (Pause(START + dt.timedelta(minutes=10), START + dt.timedelta(minutes=40)),)
    told = explain_clock(clock(pauses=pause), waiting, START + dt.timedelta(hours=1), [version])
    assert told is not None
    assert [(each.sort, each.name) for each in told.stretches] == [("open", ""), ("paused", "Waiting"), ("open", "")]
    assert told.stretches[1].source is not None and told.stretches[1].source.text == "pause resolved"
    assert told.used == 30 * 60 * 1_000_000


def test_a_pause_of_a_named_clock_names_its_line() -> None:
    clocks = """  clock "Vendor" {
    start when card is created
    pause when priority changes
    resume when customer replies
    stop when agent replies
    within 4h
  }

  stage "New" {"""
    files = {**FILES, "desk.duly": FILES["desk.duly"].replace('  stage "New" {', clocks, 1)}
    program = compiled(files)
    version = Version(program.hash, program, files)
    pause = (Pause(START + dt.timedelta(minutes=10), START + dt.timedelta(minutes=40)),)
    vendor = clock(pauses=pause, metric="Vendor", version=version.hash)
    told = explain_clock(vendor, card(vendor), START + dt.timedelta(hours=1), [version])
    assert told is not None
    source = told.stretches[1].source
    assert source is not None and source.text == "pause when priority changes"


def test_elapsed_time_counts_while_closed_and_says_so(version: Version) -> None:
    told = explain_clock(clock(Unit.ELAPSED, carried=5), card(), START + dt.timedelta(hours=12), [version])
    assert told is not None
    assert {each.sort for each in told.stretches if each.counts} == {"open", "closed"}
    assert told.used == 12 * 3600 * 1_000_000 + 5


def test_the_version_that_gives_the_due_instant_measures(version: Version) -> None:
    longer = {**FILES, "hours.duly": FILES["hours.duly"].replace("13:00-18:00", "13:00-20:00")}
    program = compiled(longer)
    other = Version(program.hash, program, longer)
    due = at("2026-12-22 19:00")
    hours = Duration(Unit.BUSINESS, 2 * 3600 * 1_000_000)
    running = Clock(
        metric="first reply",
        cycle=1,
        stage="New",
        calendar="Office",
        target=hours,
        version="x",
        started_at=START,
        due_at=due,
    )
    told = explain_clock(running, card(), START, [version, other])
    assert told is not None and (told.measured_by, told.moved) == (other.hash, False)
    told = explain_clock(running, card(), START, [version])
    assert told is not None and (told.measured_by, told.moved) == (version.hash, True)
    gone = Clock(metric="a", cycle=1, stage="", calendar="Gone", target=hours, version="x", started_at=START)
    assert explain_clock(gone, card(), START, [version]) is None


def fact(rule: int, failed: int, **values: str) -> FactTrace:
    return FactTrace(kind="customer replies", rules=(RuleTrace(rule, False, failed),), values=values)


def judged(version: Version, trace: FactTrace) -> explaining.Judged:
    return explain_fact(START, "CustomerMessage", trace, version).rules[0]


def test_conditions_behind_the_first_false_one_are_told_from_what_was_recorded(version: Version) -> None:
    found = judged(version, fact(0, 1, **{"field:Tier": "basic", "field:Amount": "9.0"}))
    assert [(each.value, each.asked) for each in found.conditions] == [(True, True), (False, True), (True, False)]
    assert found.near
    assert found.conditions[1].source is not None and found.conditions[1].source.text == "tier is gold"
    assert found.conditions[1].values == {"field:Tier": "basic"}
    assert not judged(version, fact(0, 1, **{"field:Tier": "basic", "field:Amount": "5.0"})).near


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"message": "my pay please", "tags": "", "priority": "low", "card age": "3600s"}, (True, False, False)),
        ({"message": "hello", "tags": "a, v", "priority": "high", "card age": "3601s"}, (True, True, True)),
        ({"message": "payed", "tags": "", "priority": "high", "card age": "9999s"}, (False, True, True)),
    ],
)
def test_every_sort_of_condition_is_told(version: Version, values: dict[str, str], wanted: tuple[bool, ...]) -> None:
    found = judged(version, fact(1, 0, **values))
    assert tuple(each.value for each in found.conditions[1:]) == wanted


def test_dates_yes_and_emptiness(version: Version) -> None:
    full = {"field:Until": "2026-12-01", "field:Open": "True", "field:Amount": "1.0"}
    assert [each.value for each in judged(version, fact(2, 0, **full)).conditions] == [False, True, True, True]
    assert [each.value for each in judged(version, fact(2, 0)).conditions] == [False, False, False, False]


def test_a_version_that_is_gone_leaves_names(version: Version) -> None:
    found = explain_fact(START, "CustomerMessage", fact(0, 1), None).rules[0]
    assert (found.rule, found.outcome, found.conditions) == ("#0", "not", ())


def played(version: Version) -> Player:
    player = Player(load(version.program), START)
    player.do(OpenCard(pipeline="Support", stage="New", channel="manual", fields={"field:Tier": "gold"}))
    return player


def explained(player: Player, version: Version, clock: str = "") -> explaining.Explanation:
    assert player.card is not None
    traces = [(moment, "event", version.hash, (trace,)) for moment, trace in player.traces]
    return explaining.explain(player.card, traces, {version.hash: version}, version.hash, player.now, clock)


def test_what_is_due_next(version: Version) -> None:
    player = played(version)
    told = explained(player, version)
    assert [(each.sort, each.name, each.detail) for each in told.next] == [
        ("alert", "first reply", "50%"),
        ("miss", "first reply", ""),
        ("miss", "resolved", ""),
    ]
    player.advance(at("2026-12-23 11:30"), inclusive=True)
    told = explained(player, version)
    assert ("level", "Late", "2") in [(each.sort, each.name, each.detail) for each in told.next]
    assert [(ladder.name, ladder.level) for ladder in told.ladders] == [("Late", 1)]
    player.do(AgentMessage(text="hi", author="ana"))
    player.do(MoveCard(stage="Waiting", author="ana"))
    told = explained(player, version)
    assert [(each.sort, each.name) for each in told.next] == [("silence", "Waiting")]
    assert [explaining.standing(each.clock) for each in told.clocks] == ["missed", "paused"]


def test_one_clock_alone(version: Version) -> None:
    told = explained(played(version), version, "resolved")
    assert [each.clock.metric for each in told.clocks] == ["resolved"]
    assert [each.name for each in told.next] == ["resolved"]


def test_used_time_is_what_the_engine_counts(version: Version) -> None:
    player = played(version)
    player.advance(START + dt.timedelta(minutes=20), inclusive=True)
    player.do(SetFields(values={"field:Amount": 9.0}, author="ana"))
    player.do(CustomerMessage(text="pay", channel="manual", pipeline="Support"))
    told = explained(player, version)
    for each in told.clocks:
        assert sum(s.microseconds for s in each.stretches if s.counts) == each.used == 20 * 60 * 1_000_000
    rules = {rule.rule: rule.outcome for happening in told.happenings for rule in happening.rules}
    assert rules == {"Gold": "fired", "Many": "not", "Dates": "not"}


def test_a_finished_clock_ends_at_its_stop(version: Version) -> None:
    stop = START + dt.timedelta(minutes=30)
    done = clock(stopped_at=stop, state=ClockState.DONE)
    told = explain_clock(done, card(), START + dt.timedelta(days=9), [version])
    assert told is not None
    assert told.stretches == (Stretch(start=START, end=stop, sort="open", counts=True, source=told.stretches[0].source),)
