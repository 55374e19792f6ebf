"""Clocks on a calendar: pauses, carried time, alerts. Worked by hand, point by point; then the laws, on any input."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly_dsl.program import Calendar, DayRule, Window
from duly_dsl.units import DAY, HOUR, MINUTE, SECOND, Duration, Unit
from duly_runtime.calendars import WorkingTime
from duly_runtime.card import Pause
from runtime.clock_examples import ALWAYS, SAO_PAULO, at, business, calendar_days, closed, office, windows, working_days

FULL = os.environ.get("DULY_FULL") == "1"
PROPERTY = settings(max_examples=2000 if FULL else 40, derandomize=not FULL, deadline=None, database=None)


def elapsed(hours: int = 0, minutes: int = 0) -> Duration:
    return Duration(Unit.ELAPSED, hours * HOUR + minutes * MINUTE)


def pause(start: str, until: str | None = None) -> Pause:
    return Pause(at(start), None if until is None else at(until))


# 2026-11-06 is a Friday; the office is open 08:00-12:00, 13:00-18:00, Saturday 09:00-13:00.


def test_point_3_a_pause_from_the_due_instant_on_moves_nothing() -> None:
    """Due at 11:00: what is missed is missed, even while an open pause began later."""
    start = at("2026-11-06 10:00")
    assert office().due(start, business(1), [pause("2026-11-06 11:00", "2026-11-06 16:00")]) == at("2026-11-06 11:00")
    assert office().due(start, business(1), [pause("2026-11-06 11:00")]) == at("2026-11-06 11:00")
    assert office().due(start, business(1), [pause("2026-11-06 10:59:59.999999")]) is None


def test_point_8_alerts_are_counted_in_business_time() -> None:
    desk, start, target = office(), at("2026-11-06 17:00"), business(4)
    assert desk.due(start, target) == at("2026-11-07 12:00")
    assert desk.threshold(start, target, percent=80) == at("2026-11-07 11:12")  # 3h12m
    assert desk.threshold(start, target, before=business(2)) == at("2026-11-07 10:00")
    assert desk.threshold(start, target, before=business(3)) == at("2026-11-06 18:00")  # at closing, not at 09:00


def test_point_8_percentages_keep_microseconds() -> None:
    """33 % of 1 h is 19m48s; 1 % of 1 microsecond is nothing yet."""
    start = at("2026-11-06 10:00")
    assert office().threshold(start, business(1), percent=33) == at("2026-11-06 10:19:48")
    assert office().threshold(start, business(microseconds=1), percent=1) == start


def test_point_8_alerts_of_elapsed_time() -> None:
    start = at("2026-11-06 17:00")
    assert office().threshold(start, elapsed(48), percent=75) == at("2026-11-08 05:00")
    assert office().threshold(start, elapsed(48), before=elapsed(6)) == at("2026-11-08 11:00")


def test_point_8_alerts_of_working_days() -> None:
    """Friday 10:00 to Monday 10:00 is two working days: 7h, 4h and 2h of open time."""
    desk, start, target = office(), at("2026-11-06 10:00"), working_days(2)
    assert desk.threshold(start, target, percent=50) == at("2026-11-06 17:30")  # 6.5 h
    assert desk.threshold(start, target, before=business(1)) == at("2026-11-09 09:00")
    assert desk.threshold(start, target, before=business(3)) == at("2026-11-07 12:00")
    assert desk.threshold(start, target, before=working_days(1)) == at("2026-11-07 10:00")
    assert desk.threshold(start, target, before=elapsed(24)) == at("2026-11-08 10:00")
    assert desk.threshold(start, target, before=calendar_days(1)) == at("2026-11-08 10:00")


def test_point_8_alerts_of_calendar_days() -> None:
    start, target = at("2026-11-06 10:00"), calendar_days(4)
    assert office().threshold(start, target, percent=25) == at("2026-11-07 10:00")
    assert office().threshold(start, target, before=elapsed(6)) == at("2026-11-10 04:00")
    assert office().threshold(start, target, before=calendar_days(1)) == at("2026-11-09 10:00")
    assert office().threshold(start, target, before=business(3)) == at("2026-11-09 17:00")  # 2h of Tuesday, 1h of Monday
    assert office().threshold(start, target, before=working_days(1)) == at("2026-11-09 10:00")


def test_point_8_a_lead_of_another_kind_counts_back_from_the_due_instant() -> None:
    """Due Saturday 12:00; a day on the wall before that is before the start. 9h from Friday 09:00 end Saturday 10:00."""
    desk, start, target = office(), at("2026-11-06 17:00"), business(4)
    assert desk.threshold(start, target, before=elapsed(1)) == at("2026-11-07 11:00")
    assert desk.threshold(start, target, before=elapsed(24)) == start
    assert desk.threshold(at("2026-11-06 09:00"), business(9), before=working_days(1)) == at("2026-11-06 10:00")


def test_point_8_an_alert_has_exactly_one_threshold() -> None:
    with pytest.raises(ValueError, match="either"):
        office().threshold(at("2026-11-06 10:00"), business(1))
    with pytest.raises(ValueError, match="either"):
        office().threshold(at("2026-11-06 10:00"), business(1), percent=50, before=business(minutes=5))


def test_point_9_a_pause_counts_only_inside_open_hours() -> None:
    """Friday 17:00 to Saturday 10:00 holds two open hours."""
    desk, start = office(), at("2026-11-06 16:00")
    assert desk.due(start, business(3), [pause("2026-11-06 17:00", "2026-11-07 10:00")]) == at("2026-11-07 12:00")
    assert desk.due(start, business(3), [pause("2026-11-06 18:30", "2026-11-07 08:00")]) == at("2026-11-07 10:00")


def test_point_9_a_pause_of_elapsed_time_counts_whole() -> None:
    night = [pause("2026-11-06 17:00", "2026-11-07 10:00")]
    assert office().due(at("2026-11-06 16:00"), elapsed(3), night) == at("2026-11-07 12:00")
    assert office().due(at("2026-11-06 16:00"), calendar_days(1), night) == at("2026-11-08 09:00")


def test_point_9_a_pause_moves_working_days_by_its_open_time() -> None:
    """Due Monday 16:00, then two open hours later: at closing."""
    paused = [pause("2026-11-06 17:00", "2026-11-07 10:00")]
    assert office().due(at("2026-11-06 16:00"), working_days(2), paused) == at("2026-11-09 18:00")


def test_point_9_while_paused_nothing_falls_due() -> None:
    paused = [pause("2026-11-06 10:30")]
    for target in (business(1), elapsed(1), working_days(1), calendar_days(1)):
        assert office().due(at("2026-11-06 10:00"), target, paused) is None
        assert office().threshold(at("2026-11-06 10:00"), target, paused, percent=90) is None
        assert office().threshold(at("2026-11-06 10:00"), target, paused, before=elapsed(0, 1)) is None


def test_point_9_an_alert_the_pause_has_behind_it_stays_and_one_ahead_moves() -> None:
    """Half of the target fell due at 10:30, before the pause of an hour; three quarters comes after it."""
    desk, start, paused = office(), at("2026-11-06 10:00"), [pause("2026-11-06 10:40", "2026-11-06 11:40")]
    assert desk.threshold(start, business(1), paused, percent=50) == at("2026-11-06 10:30")
    assert desk.threshold(start, business(1), paused, percent=75) == at("2026-11-06 11:45")
    assert desk.threshold(start, business(1), paused, before=business(minutes=5)) == at("2026-11-06 11:55")
    assert desk.threshold(start, business(1), [pause("2026-11-06 10:40")], percent=50) == at("2026-11-06 10:30")


def test_point_9_several_pauses_each_move_the_due_instant() -> None:
    """Two hours from 10:00; paused 11-11:30 and, only because of that, 12:00 is not the end: paused again 13:10-13:20."""
    paused = [pause("2026-11-06 13:10", "2026-11-06 13:20"), pause("2026-11-06 11:00", "2026-11-06 11:30")]
    assert office().due(at("2026-11-06 10:00"), business(2), paused) == at("2026-11-06 13:40")


def test_point_9_overlapping_pauses_count_once_and_empty_ones_not_at_all() -> None:
    paused = [
        pause("2026-11-06 10:00", "2026-11-06 10:30"),
        pause("2026-11-06 10:15", "2026-11-06 10:45"),
        pause("2026-11-06 10:20", "2026-11-06 10:25"),
        pause("2026-11-06 10:50", "2026-11-06 10:50"),
    ]
    assert office().due(at("2026-11-06 09:30"), business(1), paused) == at("2026-11-06 11:15")


def test_point_9_a_pause_before_the_start_counts_from_the_start() -> None:
    paused = [pause("2026-11-06 08:00", "2026-11-06 10:30")]
    assert office().due(at("2026-11-06 10:00"), business(1), paused) == at("2026-11-06 11:30")
    assert office().due(at("2026-11-06 10:45"), business(1), paused) == at("2026-11-06 11:45")


def test_point_9_a_pause_is_measured_anew_under_another_calendar_and_target() -> None:
    """The same history: two open hours of the office, seventeen of a calendar that never closes."""
    start, paused = at("2026-11-06 16:00"), [pause("2026-11-06 17:00", "2026-11-07 10:00")]
    always = WorkingTime(Calendar(name="always", zone=SAO_PAULO, week=ALWAYS))
    assert office().due(start, business(3), paused) == at("2026-11-07 12:00")
    assert always.due(start, business(3), paused) == at("2026-11-07 12:00")
    assert office().due(start, business(4), paused) == at("2026-11-07 13:00")
    assert always.due(start, business(4), paused) == at("2026-11-07 13:00")
    assert office().spent(start, at("2026-11-07 11:00"), paused, Unit.BUSINESS) == 2 * HOUR
    assert always.spent(start, at("2026-11-07 11:00"), paused, Unit.BUSINESS) == 2 * HOUR
    assert office(closed("2026-11-07")).due(start, business(3), paused) == at("2026-11-09 10:00")


def test_point_10_done_while_paused_leaves_out_the_pause() -> None:
    """Stop beats pause: the pause still open at the stop is not part of the time spent."""
    desk, start = office(), at("2026-11-06 10:00")
    assert desk.spent(start, at("2026-11-06 11:00"), [pause("2026-11-06 10:20")], Unit.BUSINESS) == 20 * MINUTE
    assert desk.spent(start, at("2026-11-06 11:00"), [pause("2026-11-06 10:20")], Unit.ELAPSED) == 20 * MINUTE
    assert desk.spent(start, at("2026-11-06 11:00"), [pause("2026-11-06 11:00")], Unit.BUSINESS) == 1 * HOUR


@pytest.mark.parametrize(
    ("unit", "spent"),
    [
        (Unit.BUSINESS, 6 * HOUR),  # 8h of Friday and 1h of Saturday, less 3h of the pause
        (Unit.WORKING_DAYS, 6 * HOUR),
        (Unit.ELAPSED, 21 * HOUR),  # 25h less 4h
        (Unit.CALENDAR_DAYS, 21 * HOUR),
    ],
)
def test_point_9_spent_is_the_clocks_own_time(unit: Unit, spent: int) -> None:
    paused = [pause("2026-11-06 11:00", "2026-11-06 15:00")]
    assert office().spent(at("2026-11-06 09:00"), at("2026-11-07 10:00"), paused, unit) == spent


def test_point_9_spent_before_a_pause_begins_does_not_know_it() -> None:
    paused = [pause("2026-11-06 11:00", "2026-11-06 15:00")]
    assert office().spent(at("2026-11-06 09:00"), at("2026-11-06 10:00"), paused, Unit.BUSINESS) == 1 * HOUR
    assert office().spent(at("2026-11-06 09:00"), at("2026-11-06 08:00"), [], Unit.BUSINESS) == 0


def test_point_11_time_carried_from_earlier_cycles_is_spent_already() -> None:
    desk, start = office(), at("2026-11-06 10:00")
    assert desk.due(start, business(4), carried=3 * HOUR) == at("2026-11-06 11:00")
    assert desk.due(start, elapsed(4), carried=3 * HOUR) == at("2026-11-06 11:00")
    assert desk.due(start, working_days(2), carried=3 * HOUR) == at("2026-11-07 12:00")  # Monday 10:00 less 2h + 1h
    assert desk.due(start, calendar_days(2), carried=3 * HOUR) == at("2026-11-08 07:00")
    assert desk.threshold(start, business(4), carried=3 * HOUR, percent=90) == at("2026-11-06 10:36")


def test_point_11_a_target_used_up_is_due_at_the_start() -> None:
    start = at("2026-11-06 10:00")
    for target, carried in (
        (business(4), 4 * HOUR),
        (business(4), 9 * HOUR),
        (elapsed(4), 5 * HOUR),
        (working_days(1), 20 * HOUR),
        (calendar_days(1), 24 * HOUR),
    ):
        assert office().due(start, target, carried=carried) == start
        assert office().threshold(start, target, carried=carried, percent=50) == start


def test_point_11_a_pause_moves_what_carried_time_has_left() -> None:
    """One hour left at 10:00 and paused from 10:30 to 11:30: 12:00, and with a minute more 13:01."""
    start, paused = at("2026-11-06 10:00"), [pause("2026-11-06 10:30", "2026-11-06 11:30")]
    assert office().due(start, business(4), paused, carried=3 * HOUR) == at("2026-11-06 12:00")
    assert office().due(start, business(4), paused, carried=3 * HOUR - MINUTE) == at("2026-11-06 13:01")


def test_point_12_another_target_keeps_the_time_already_spent() -> None:
    """Started at 09:00 with 8h; at 14:00, four hours in, the priority makes it 4h, then 2h: past, and told with both."""
    desk, start, paused = office(), at("2026-11-06 09:00"), [pause("2026-11-06 10:00", "2026-11-06 10:30")]
    assert desk.due(start, business(8), paused) == at("2026-11-07 09:30")
    assert desk.due(start, business(4), paused) == at("2026-11-06 14:30")
    assert desk.due(start, business(2), paused) == at("2026-11-06 11:30")


def test_point_16_levels_count_on_the_calendar_from_the_breach() -> None:
    breach = at("2026-11-06 17:45")
    assert office().add(breach, business(minutes=30)) == at("2026-11-07 09:15")
    assert office().add(breach, elapsed(1)) == at("2026-11-06 18:45")


def test_point_17_the_due_instant_does_not_depend_on_when_one_asks() -> None:
    """A desk asked first about the past, one about the far future, one straight: the same answer."""
    start, target = at("2026-11-06 17:00"), business(100)
    straight, past, future = office(), office(), office()
    past.between(at("1990-01-01 00:00"), at("1991-01-01 00:00"))
    future.add(at("2060-01-01 00:00"), business(5000))
    assert straight.due(start, target) == past.due(start, target) == future.due(start, target)


def test_threads_asking_at_once_get_the_same_answers() -> None:
    desk, starts = office(), [at("2026-11-06 10:00") + dt.timedelta(days=97 * n) for n in range(60)]
    expected = [office().add(start, business(500)) for start in starts]
    found: dict[int, list[dt.datetime]] = {}

    def ask(number: int) -> None:
        order = starts if number % 2 else starts[::-1]
        answers = [desk.add(start, business(500)) for start in order]
        found[number] = answers if number % 2 else answers[::-1]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [found.get(number) for number in range(8)] == [expected] * 8


# --- laws ------------------------------------------------------------------------------------------------------------

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
)


@st.composite
def window_sets(draw: st.DrawFn, last: int = 2880) -> tuple[Window, ...]:
    found: list[Window] = []
    for _ in range(draw(st.integers(0, 3))):
        opens = draw(st.integers(0, 1439))
        found.append(Window(opens=opens, closes=draw(st.integers(opens + 1, min(last, opens + 1440)))))
    return tuple(found)


@st.composite
def calendars(draw: st.DrawFn, zones: tuple[str, ...] = ZONES, last: int = 2880) -> WorkingTime:
    week = tuple(draw(st.tuples(*[window_sets(last)] * 7)))
    if not any(week):
        week = (windows("09:00-17:00"), *week[1:])
    first = dt.date(2025, 1, 1) + dt.timedelta(days=draw(st.integers(0, 700)))
    days = (
        DayRule(kind="closed", first=first, last=first + dt.timedelta(days=draw(st.integers(0, 90)))),
        DayRule(kind="extra", first=first, last=first, windows=draw(window_sets(last))),
        DayRule(kind="closed", month=draw(st.integers(1, 12)), day=draw(st.integers(1, 28))),
    )
    regions = draw(st.sampled_from([(), ("BR-SP",), ("DE-BY", "PT")]))
    return WorkingTime(Calendar(name="any", zone=draw(st.sampled_from(zones)), week=week, days=days, holidays=regions))


EARLIEST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
instants = st.integers(0, 2 * 365 * DAY).map(lambda us: EARLIEST + dt.timedelta(microseconds=us))
amounts = st.one_of(st.integers(0, 3 * SECOND), st.integers(0, 12 * HOUR), st.integers(0, 400 * HOUR))
units = st.sampled_from([Unit.BUSINESS, Unit.ELAPSED])


@PROPERTY
@given(calendars(), instants, amounts, amounts, units)
def test_law_adding_in_two_steps_is_adding_at_once(
    time: WorkingTime, start: dt.datetime, first: int, then: int, unit: Unit
) -> None:
    at_once = time.add(start, Duration(unit, first + then))
    assert time.add(time.add(start, Duration(unit, first)), Duration(unit, then)) == at_once
    assert time.due(start, Duration(unit, first + then)) == at_once


@PROPERTY
@given(calendars(), instants, amounts)
def test_law_the_time_spent_at_the_due_instant_is_the_target(time: WorkingTime, start: dt.datetime, amount: int) -> None:
    due = time.add(start, Duration(Unit.BUSINESS, amount))
    assert time.between(start, due) == amount
    assert time.spent(start, due, [], Unit.BUSINESS) == amount
    if amount:
        # And no earlier instant has it behind it.
        assert time.between(start, due - dt.timedelta(microseconds=1)) == amount - 1


@PROPERTY
@given(calendars(), instants, instants, amounts, amounts)
def test_law_later_starts_and_longer_targets_are_due_later(
    time: WorkingTime, one: dt.datetime, other: dt.datetime, less: int, more: int
) -> None:
    (one, other), (less, more) = sorted((one, other)), sorted((less, more))
    for unit in (Unit.BUSINESS, Unit.ELAPSED):
        assert time.add(one, Duration(unit, less)) <= time.add(other, Duration(unit, less))
        assert time.add(one, Duration(unit, less)) <= time.add(one, Duration(unit, more))


@PROPERTY
@given(calendars(("UTC",), last=1440), instants, instants, st.integers(1, 40), st.integers(1, 40))
def test_law_days_are_monotone_where_the_wall_clock_is(
    time: WorkingTime, one: dt.datetime, other: dt.datetime, fewer: int, more: int
) -> None:
    (one, other), (fewer, more) = sorted((one, other)), sorted((fewer, more))
    for unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS):
        assert time.add(one, Duration(unit, fewer)) <= time.add(other, Duration(unit, fewer))
        assert time.add(one, Duration(unit, fewer)) <= time.add(one, Duration(unit, more))


@PROPERTY
@given(calendars(), instants, st.integers(1, 20))
def test_law_working_days_end_in_open_time_or_at_a_closing(time: WorkingTime, start: dt.datetime, days: int) -> None:
    due = time.add(start, working_days(days))
    assert due > start
    assert time.is_open(due) or time.is_open(due - dt.timedelta(microseconds=1))


@PROPERTY
@given(calendars(), instants, amounts)
def test_law_taking_away_undoes_adding(time: WorkingTime, start: dt.datetime, amount: int) -> None:
    amount_of = Duration(Unit.BUSINESS, amount)
    opening = time.next_open(start)
    assert time.subtract(time.add(opening, amount_of), amount_of) == opening
    # The other way round from any instant with open time right before it.
    closing = time.add(start, Duration(Unit.BUSINESS, 1))
    assert time.add(time.subtract(closing, amount_of), amount_of) == closing
    assert time.between(time.subtract(start, amount_of), start) == amount


@PROPERTY
@given(calendars(), instants, instants, instants)
def test_law_open_time_adds_up(time: WorkingTime, a: dt.datetime, b: dt.datetime, c: dt.datetime) -> None:
    a, b, c = sorted((a, b, c))
    assert time.between(a, b) + time.between(b, c) == time.between(a, c)


@PROPERTY
@given(calendars(), instants, st.integers(1, 20 * DAY))
def test_law_stretches_tile_the_time_and_agree_with_the_arithmetic(
    time: WorkingTime, start: dt.datetime, length: int
) -> None:
    end = start + dt.timedelta(microseconds=length)
    stretches = time.stretches(start, end)
    assert [stretch.start for stretch in stretches] + [end] == [start] + [stretch.end for stretch in stretches]
    for stretch in stretches:
        is_open = stretch.label.split(":")[0] == "open"
        assert stretch.start < stretch.end
        assert time.between(stretch.start, stretch.end) == (
            (stretch.end - stretch.start) // dt.timedelta(microseconds=1) if is_open else 0
        )
    for one, other in itertools.pairwise(stretches):
        assert one.label != other.label


@PROPERTY
@given(calendars(), instants, amounts, st.lists(st.tuples(amounts, amounts), max_size=4), st.sampled_from(list(Unit)))
def test_law_at_the_due_instant_the_clock_has_spent_its_target(
    time: WorkingTime, start: dt.datetime, amount: int, spans: list[tuple[int, int]], unit: Unit
) -> None:
    """Pauses, overlapping or not: the due instant is the first with the whole target spent outside them."""
    if unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS):
        amount = amount % 9 + 1
    pauses = [
        Pause(start + dt.timedelta(microseconds=begin), start + dt.timedelta(microseconds=begin + length))
        for begin, length in spans
    ]
    target = Duration(unit, amount)
    due = time.due(start, target, pauses)
    assert due is not None
    budget = time.spent(start, time.add(start, target), [], unit)
    assert time.spent(start, due, pauses, unit) == budget
    for percent in (1, 50, 99):
        threshold = time.threshold(start, target, pauses, percent=percent)
        assert threshold is not None
        assert start <= threshold <= due
        assert time.spent(start, threshold, pauses, unit) == budget * percent // 100


@PROPERTY
@given(calendars(), instants, amounts, st.integers(0, 100 * HOUR), units)
def test_law_carried_time_splits_a_clock_in_two(
    time: WorkingTime, start: dt.datetime, amount: int, later: int, unit: Unit
) -> None:
    """Stopped before its end and continued at once, a clock is due when it would have been."""
    target, stop = Duration(unit, amount), start + dt.timedelta(microseconds=later)
    due = time.due(start, target)
    assert due is not None
    if stop < due:
        assert time.due(stop, target, carried=time.spent(start, stop, [], unit)) == due
