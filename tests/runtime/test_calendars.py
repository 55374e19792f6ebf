"""Openings and amounts, point by point of the clock semantics; every expected instant is worked by hand."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from duly_dsl.program import Calendar, DayRule, Program
from duly_dsl.units import DAY, HOUR, MINUTE, SECOND, Duration, Unit
from duly_runtime.calendars import CalendarNeverOpens, Calendars, WorkingTime
from runtime.clock_examples import (
    ALWAYS,
    BERLIN,
    SAO_PAULO,
    at,
    business,
    calendar_days,
    closed,
    every_day,
    office,
    open_on,
    windows,
    working_days,
)

# 2026-11-06 is a Friday.


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-11-06 07:59:59.999999", False),
        ("2026-11-06 08:00", True),
        ("2026-11-06 11:59:59.999999", True),
        ("2026-11-06 12:00", False),
        ("2026-11-06 13:00", True),
        ("2026-11-06 18:00", False),
        ("2026-11-07 12:00", True),
        ("2026-11-08 12:00", False),
    ],
)
def test_point_1_windows_are_half_open(instant: str, is_open: bool) -> None:
    assert office().is_open(at(instant)) is is_open


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-06 05:00", "2026-11-06 09:00"),  # before opening
        ("2026-11-06 12:30", "2026-11-06 14:00"),  # in the break
        ("2026-11-06 18:00", "2026-11-07 10:00"),  # at closing: closed already
        ("2026-11-07 20:00", "2026-11-09 09:00"),  # over Sunday
    ],
)
def test_point_1_a_start_outside_hours_begins_at_the_next_opening(start: str, due: str) -> None:
    assert office().add(at(start), business(1)) == at(due)


def test_point_1_several_windows_a_day() -> None:
    assert office().add(at("2026-11-06 11:30"), business(1)) == at("2026-11-06 13:30")
    assert office().add(at("2026-11-06 11:30"), business(6)) == at("2026-11-07 09:30")  # 30m + 5h + 30m of Saturday


def test_point_1_midnight_is_24_00() -> None:
    evening = every_day(SAO_PAULO, "18:00-24:00")
    assert evening.add(at("2026-11-06 23:30"), business(minutes=30)) == at("2026-11-07 00:00")
    assert evening.add(at("2026-11-06 23:30"), business(minutes=31)) == at("2026-11-07 18:01")
    assert not evening.is_open(at("2026-11-07 00:00"))


def test_point_1_midnight_between_two_open_days_is_no_gap() -> None:
    always = WorkingTime(Calendar(name="always", zone=SAO_PAULO, week=ALWAYS))
    assert always.is_open(at("2026-11-07 00:00"))
    assert always.add(at("2026-11-06 23:59:59.999999"), business(microseconds=2)) == at("2026-11-07 00:00:00.000001")
    assert always.next_close(at("2026-11-06 12:00")) is None


def test_point_1_a_window_may_pass_midnight() -> None:
    night = every_day(SAO_PAULO, "22:00-06:00")
    assert night.add(at("2026-11-06 23:00"), business(7)) == at("2026-11-07 06:00")
    assert night.add(at("2026-11-06 23:00"), business(8)) == at("2026-11-07 23:00")
    assert night.add(at("2026-11-06 03:00"), business(4)) == at("2026-11-06 23:00")


def test_point_1_a_window_past_midnight_belongs_to_the_day_it_began_on() -> None:
    night = WorkingTime(
        Calendar(
            name="night",
            zone=SAO_PAULO,
            week=(windows("22:00-06:00"),) * 7,
            days=(closed("2026-11-07", reason="Inventory"),),
        )
    )
    assert night.is_open(at("2026-11-07 05:59"))  # Friday's night runs to its end
    assert not night.is_open(at("2026-11-07 22:00"))
    assert not night.is_open(at("2026-11-08 03:00"))  # the night that never began
    assert night.is_open(at("2026-11-08 22:00"))


def test_point_1_overlapping_windows_count_once() -> None:
    assert (
        every_day(SAO_PAULO, "08:00-12:00", "10:00-14:00", "14:00-15:00").between(
            at("2026-11-06 00:00"), at("2026-11-07 00:00")
        )
        == 7 * HOUR
    )


def test_point_1_seconds_and_microseconds_are_kept() -> None:
    assert office().add(at("2026-11-06 17:59:59.999999"), business(microseconds=2)) == at("2026-11-07 09:00:00.000001")
    assert office().add(at("2026-11-06 10:00:07.5"), business(minutes=1)) == at("2026-11-06 10:01:07.5")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-06 17:00", 1, "2026-11-06 18:00"),
        ("2026-11-06 11:00", 1, "2026-11-06 12:00"),
        ("2026-11-05 17:00", 10, "2026-11-06 18:00"),
        ("2026-11-06 18:00", 4, "2026-11-07 13:00"),
    ],
)
def test_point_2_what_ends_at_closing_is_due_at_that_closing(start: str, hours: int, due: str) -> None:
    assert office().add(at(start), business(hours)) == at(due)


def test_point_4_amounts_are_elapsed_time_whatever_the_wall_clock_does() -> None:
    always = WorkingTime(Calendar(name="always", zone=BERLIN, week=ALWAYS))
    assert always.add(at("2026-10-25 00:30", BERLIN), business(48)) == at("2026-10-26 23:30", BERLIN)


@pytest.mark.parametrize(
    ("window", "date", "open_minutes"),
    [
        ("01:30-03:30", "2026-03-29", 60),  # 02:00-03:00 doesn't exist
        ("02:30-04:00", "2026-03-29", 60),  # opens at the end of the gap
        ("01:00-02:30", "2026-03-29", 60),  # closes at its beginning
        ("02:00-03:00", "2026-03-29", 0),
        ("22:00-06:00", "2026-03-28", 7 * 60),
        ("01:00-04:00", "2026-10-25", 4 * 60),  # 02:00-03:00 comes twice
        ("02:15-02:45", "2026-10-25", 60),
        ("09:00-17:00", "2026-10-25", 8 * 60),
        ("22:00-06:00", "2026-10-24", 9 * 60),
    ],
)
def test_point_4_a_window_shrinks_in_a_gap_and_grows_in_a_fold(window: str, date: str, open_minutes: int) -> None:
    calendar = Calendar(name="once", zone=BERLIN, week=((),) * 7, days=(open_on(date, window),))
    around = at(date, BERLIN)
    assert (
        WorkingTime(calendar).between(around - dt.timedelta(days=1), around + dt.timedelta(days=3)) == open_minutes * MINUTE
    )


def test_point_4_a_window_that_closes_inside_a_repeated_hour_opens_again() -> None:
    """02:30 comes at 00:30 and at 01:30 UTC; the wall clock shows 02:00 again at 01:00."""
    bar = every_day(BERLIN, "00:00-02:30")
    night = at("2026-10-25 00:00", BERLIN)
    assert bar.add(night, business(2, 30)) == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
    assert not bar.is_open(dt.datetime(2026, 10, 25, 0, 45, tzinfo=dt.UTC))
    assert bar.is_open(dt.datetime(2026, 10, 25, 1, 0, tzinfo=dt.UTC))
    assert bar.add(night, business(3)) == dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)


def test_point_4_a_day_that_never_was() -> None:
    """Samoa went from 29 to 31 December 2011: Friday the 30th has no hours and is no working day."""
    apia = every_day("Pacific/Apia", "09:00-17:00")
    assert apia.add(at("2011-12-29 16:00", "Pacific/Apia"), business(2)) == at("2011-12-31 10:00", "Pacific/Apia")
    assert apia.add(at("2011-12-29 16:00", "Pacific/Apia"), working_days(1)) == at("2011-12-31 16:00", "Pacific/Apia")


def test_point_5_a_month_of_holidays_is_exact() -> None:
    """Tuesday 30 June has 15 minutes left; 1 August is a Saturday."""
    july = office(closed("2026-07-01", "2026-07-31", "Summer"), holidays=("BR-SP",))
    assert july.add(at("2026-06-30 17:45"), business(minutes=30)) == at("2026-08-01 09:15")


def test_point_5_ten_closed_years_are_exact() -> None:
    shut = office(closed("2027-01-01", "2036-12-31"))
    start = at("2026-12-31 17:30")  # a Thursday; 1 January 2037 is one too
    assert shut.add(start, business(1)) == at("2037-01-01 08:30")
    assert shut.add(start, working_days(1)) == at("2037-01-01 17:30")
    assert shut.subtract(at("2037-01-01 08:30"), business(1)) == start
    assert shut.subtract(at("2037-01-01 17:30"), working_days(1)) == start


def test_point_5_one_opening_every_leap_day() -> None:
    """2096 to 2104 are eight years apart: 2100 is no leap year."""
    leap = WorkingTime(
        Calendar(
            name="leap",
            zone="UTC",
            week=((),) * 7,
            days=(DayRule(kind="extra", windows=windows("10:00-11:00"), month=2, day=29),),
        )
    )
    start = dt.datetime(2096, 2, 29, 10, 30, tzinfo=dt.UTC)
    assert leap.add(start, business(1)) == dt.datetime(2104, 2, 29, 10, 30, tzinfo=dt.UTC)
    assert leap.add(start, working_days(2)) == dt.datetime(2108, 2, 29, 10, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("unit", [Unit.BUSINESS, Unit.WORKING_DAYS])
def test_point_5_a_calendar_that_never_opens_says_so(unit: Unit) -> None:
    never = WorkingTime(Calendar(name="never", zone="UTC", week=((),) * 7))
    start = dt.datetime(2026, 11, 6, tzinfo=dt.UTC)
    with pytest.raises(CalendarNeverOpens, match="'never' has no opening within 40 years of 2026"):
        never.add(start, Duration(unit, 1))
    with pytest.raises(CalendarNeverOpens, match="'never'"):
        never.subtract(start, Duration(unit, 1))
    with pytest.raises(CalendarNeverOpens, match="'never'"):
        never.next_open(start)
    assert never.between(start, start + dt.timedelta(days=400)) == 0
    assert never.next_close(start) is None


def test_point_6_elapsed_time_ignores_the_calendar() -> None:
    assert office().add(at("2026-11-07 20:00"), Duration(Unit.ELAPSED, 48 * HOUR)) == at("2026-11-09 20:00")
    assert office().subtract(at("2026-11-09 20:00"), Duration(Unit.ELAPSED, 48 * HOUR)) == at("2026-11-07 20:00")


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-03 10:15:30", 2, "2026-11-05 10:15:30"),
        ("2026-11-06 17:30", 2, "2026-11-09 17:30"),  # Saturday is an open day
        ("2026-11-06 17:30", 1, "2026-11-07 13:00"),  # after its last closing: at that closing
        ("2026-11-06 08:10", 1, "2026-11-07 09:00"),  # before its first opening: at that opening
        ("2026-11-07 12:30", 1, "2026-11-09 12:00"),  # in a break: when the break begins
        ("2026-11-08 15:00", 1, "2026-11-10 08:00"),  # a start outside hours begins at the next opening
        ("2026-11-06 18:00", 1, "2026-11-09 09:00"),
        ("2026-11-06 12:10", 1, "2026-11-07 13:00"),
    ],
)
def test_point_6_working_days_keep_the_time_of_day(start: str, days: int, due: str) -> None:
    assert office().add(at(start), working_days(days)) == at(due)


def test_point_6_working_days_skip_what_is_closed() -> None:
    """Friday the 20th is a holiday, Monday the 23rd closed: the third open day after the 18th is the 24th."""
    desk = office(closed("2026-11-23"), holidays=("BR-SP",))
    assert desk.add(at("2026-11-18 10:00"), working_days(3)) == at("2026-11-24 10:00")


def test_point_6_working_days_of_a_night_watch_count_nights() -> None:
    night = every_day(SAO_PAULO, "22:00-06:00")
    assert night.add(at("2026-11-06 02:00"), working_days(1)) == at("2026-11-07 02:00")
    assert night.add(at("2026-11-06 23:00"), working_days(2)) == at("2026-11-08 23:00")
    weekdays = WorkingTime(Calendar(name="weekdays", zone=SAO_PAULO, week=(*(windows("22:00-06:00"),) * 5, (), ())))
    # Saturday 02:00 is still Friday's night; the next one is Monday's, which is 02:00 on Tuesday.
    assert weekdays.add(at("2026-11-07 02:00"), working_days(1)) == at("2026-11-10 02:00")


@pytest.mark.parametrize(
    ("end", "days", "start"),
    [
        ("2026-11-09 17:30", 2, "2026-11-06 17:30"),
        ("2026-11-07 12:30", 1, "2026-11-06 12:00"),  # into Friday's break
        ("2026-11-08 12:00", 1, "2026-11-06 13:00"),  # from Saturday's closing, where Friday's afternoon begins
        ("2026-11-09 18:00", 1, "2026-11-07 13:00"),
    ],
)
def test_point_6_working_days_backwards(end: str, days: int, start: str) -> None:
    assert office().subtract(at(end), working_days(days)) == at(start)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (at("2026-11-07 20:00", BERLIN), 2, at("2026-11-09 20:00", BERLIN)),
        (at("2026-10-24 12:00", BERLIN), 1, at("2026-10-25 12:00", BERLIN)),  # 25 hours
        (at("2026-03-28 12:00", BERLIN), 1, at("2026-03-29 12:00", BERLIN)),  # 23 hours
        (at("2026-03-28 02:30", BERLIN), 1, at("2026-03-29 03:00", BERLIN)),  # into the gap: at its end
        (at("2026-10-24 02:30", BERLIN), 1, dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)),  # the first 02:30
        (at("2026-10-25 02:30", BERLIN, fold=1), 1, at("2026-10-26 02:30", BERLIN)),
    ],
)
def test_point_6_calendar_days_keep_the_wall_time(start: dt.datetime, days: int, due: dt.datetime) -> None:
    assert every_day(BERLIN, "09:00-17:00").add(start, calendar_days(days)) == due


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("instant", ["2026-11-06 10:00", "2026-11-06 18:00", "2026-11-08 15:00"])
def test_point_6_nothing_added_changes_nothing(unit: Unit, instant: str) -> None:
    assert office().add(at(instant), Duration(unit, 0)) == at(instant)
    assert office().subtract(at(instant), Duration(unit, 0)) == at(instant)


@pytest.mark.parametrize("unit", list(Unit))
def test_point_6_a_negative_amount_is_refused(unit: Unit) -> None:
    with pytest.raises(ValueError, match="negative"):
        office().add(at("2026-11-06 10:00"), Duration(unit, -1))
    with pytest.raises(ValueError, match="negative"):
        office().subtract(at("2026-11-06 10:00"), Duration(unit, -1))


def test_point_6_a_naive_datetime_is_refused() -> None:
    with pytest.raises(TypeError):
        office().add(dt.datetime(2026, 11, 6, 10), business(1))  # noqa: DTZ001


def test_point_7_holidays_are_whole_local_days_of_the_region() -> None:
    """9 July 2026, a Thursday, is a holiday of the state of São Paulo and of no other."""
    start, end = at("2026-07-09 00:00"), at("2026-07-10 00:00")
    assert office(holidays=("BR-SP",)).between(start, end) == 0
    assert office(holidays=("BR",)).between(start, end) == 9 * HOUR
    assert office(holidays=("BR", "BR-SP")).between(start, end) == 0


def test_point_7_a_stronger_rule_replaces_a_weaker_one() -> None:
    """Christmas 2026 is a Friday: the week, the holiday, the yearly rule and the dated one in turn."""
    yearly = DayRule(kind="short", windows=windows("08:00-10:00"), month=12, day=25)
    dated = open_on("2026-12-25", "09:00-10:00")
    day = at("2026-12-25 00:00"), at("2026-12-26 00:00")
    assert office().between(*day) == 9 * HOUR
    assert office(holidays=("BR",)).between(*day) == 0
    assert office(yearly, holidays=("BR",)).between(*day) == 2 * HOUR
    assert office(dated, yearly, holidays=("BR",)).between(*day) == 1 * HOUR
    assert office(yearly, dated, holidays=("BR",)).between(*day) == 1 * HOUR
    next_year = at("2027-12-25 00:00"), at("2027-12-26 00:00")
    assert office(yearly, dated, holidays=("BR",)).between(*next_year) == 2 * HOUR


def test_point_7_an_opening_inside_a_shutdown() -> None:
    """The rule about fewer days wins, wherever it stands in the file."""
    shutdown, inventory = closed("2026-12-28", "2026-12-31"), open_on("2026-12-30", "10:00-11:00")
    days = at("2026-12-28 00:00"), at("2027-01-01 00:00")
    assert office(shutdown, inventory).between(*days) == 1 * HOUR
    assert office(inventory, shutdown).between(*days) == 1 * HOUR


def test_point_7_yearly_dates_come_every_year_and_29_february_when_there_is_one() -> None:
    eve = DayRule(kind="closed", month=2, day=29)
    assert not office(eve).is_open(at("2028-02-29 10:00"))  # a Tuesday
    assert office(eve).is_open(at("2027-03-01 10:00"))  # a Monday
    assert office(eve).is_open(at("2028-02-28 10:00"))


def test_point_7_short_days_and_extra_openings() -> None:
    desk = office(open_on("2026-12-23", "08:00-12:00", kind="short"), open_on("2026-11-08", "09:00-18:00"))
    assert desk.add(at("2026-12-23 11:30"), business(1)) == at("2026-12-24 08:30")
    assert desk.add(at("2026-11-07 12:30"), business(1)) == at("2026-11-08 09:30")  # an open Sunday


def test_next_open_and_next_close() -> None:
    desk = office()
    assert desk.next_open(at("2026-11-06 10:00")) == at("2026-11-06 10:00")
    assert desk.next_open(at("2026-11-06 18:00")) == at("2026-11-07 09:00")
    assert desk.next_close(at("2026-11-06 10:00")) == at("2026-11-06 12:00")
    assert desk.next_close(at("2026-11-06 12:00")) == at("2026-11-06 18:00")
    assert desk.next_close(at("2026-12-31 17:00")) == at("2026-12-31 18:00")


def test_results_are_utc_for_starts_in_any_zone() -> None:
    start = dt.datetime(2026, 11, 6, 21, 30, tzinfo=ZoneInfo("Europe/Lisbon"))  # 18:30 in São Paulo
    due = office().add(start, business(1))
    assert due == at("2026-11-07 10:00")
    assert due.tzinfo is dt.UTC


def test_stretches_name_the_reason_of_each() -> None:
    desk = office(
        open_on("2026-12-23", "08:00-12:00", kind="short", reason="Team lunch"),
        DayRule(kind="closed", month=12, day=24, reason="Christmas Eve"),
        closed("2026-12-28", "2026-12-31", "Shutdown"),
        open_on("2026-12-27", "10:00-11:00", reason="Sale"),
        holidays=("BR-SP",),
    )
    expected = [
        ("2026-12-22 17:00", "2026-12-22 18:00", "open"),
        ("2026-12-22 18:00", "2026-12-23 08:00", "closed"),
        ("2026-12-23 08:00", "2026-12-23 12:00", "open:Team lunch"),
        ("2026-12-23 12:00", "2026-12-24 00:00", "closed:Team lunch"),
        ("2026-12-24 00:00", "2026-12-25 00:00", "closed:Christmas Eve"),
        ("2026-12-25 00:00", "2026-12-26 00:00", "holiday:Natal"),
        ("2026-12-26 00:00", "2026-12-26 09:00", "closed"),
        ("2026-12-26 09:00", "2026-12-26 13:00", "open"),
        ("2026-12-26 13:00", "2026-12-27 10:00", "closed"),
        ("2026-12-27 10:00", "2026-12-27 11:00", "open:Sale"),
        ("2026-12-27 11:00", "2026-12-28 00:00", "closed"),
        ("2026-12-28 00:00", "2026-12-30 09:00", "closed:Shutdown"),
    ]
    found = desk.stretches(at("2026-12-22 17:00"), at("2026-12-30 09:00"))
    assert found == [(at(start), at(end), label) for start, end, label in expected]


def test_stretches_of_a_night_that_runs_into_a_holiday() -> None:
    night = WorkingTime(Calendar(name="n", zone=SAO_PAULO, week=(windows("22:00-06:00"),) * 7, holidays=("BR",)))
    assert night.stretches(at("2026-12-24 23:00"), at("2026-12-26 07:00")) == [
        (at("2026-12-24 23:00"), at("2026-12-25 06:00"), "open"),
        (at("2026-12-25 06:00"), at("2026-12-26 00:00"), "holiday:Natal"),
        (at("2026-12-26 00:00"), at("2026-12-26 07:00"), "closed"),
    ]
    assert night.stretches(at("2026-12-24 23:00"), at("2026-12-24 23:00")) == []


def test_holiday_names_do_not_depend_on_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en_US")
    desk = office(holidays=("BR",))
    assert [s.label for s in desk.stretches(at("2026-12-25 10:00"), at("2026-12-25 11:00"))] == ["holiday:Natal"]


def test_calendars_of_a_program_are_laid_out_once() -> None:
    calendars = Calendars(Program(calendars={"a": Calendar(name="a", zone="UTC", week=ALWAYS)}))
    assert calendars.of("a") is calendars.of("a")
    with pytest.raises(KeyError, match="b"):
        calendars.of("b")


def test_a_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="6 days"):
        WorkingTime(Calendar(name="short", zone="UTC", week=((),) * 6))


@pytest.mark.parametrize("unit", [Unit.BUSINESS, Unit.ELAPSED, Unit.CALENDAR_DAYS, Unit.WORKING_DAYS])
def test_the_end_of_time_is_an_error_not_a_wrong_answer(unit: Unit) -> None:
    start = dt.datetime(9998, 6, 1, 12, tzinfo=dt.UTC)
    amount = 1000 if unit in (Unit.CALENDAR_DAYS, Unit.WORKING_DAYS) else 1000 * DAY
    with pytest.raises((OverflowError, CalendarNeverOpens)):
        WorkingTime(Calendar(name="always", zone="UTC", week=ALWAYS)).add(start, Duration(unit, amount))


def test_the_units_are_microseconds() -> None:
    assert (SECOND, MINUTE, HOUR, DAY) == (10**6, 60 * 10**6, 3600 * 10**6, 86400 * 10**6)
