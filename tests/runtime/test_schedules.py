"""Scheduled rules: each occasion once for each open card, whatever happens to clocks, processes and versions."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from duly_dsl.program import Calendar, Window
from duly_runtime.calendars import WorkingTime
from duly_runtime.decision import MessageCustomer
from duly_runtime.events import CustomerMessage, Recompute
from runtime.desk import Desk, at, when

STAGES = """
  field "Tier" choice gold, basic default basic
  stage "Open" {
    start
    next "Wait", "Done"
    owner agent ana
  }
  stage "Wait" { next "Open", "Done" }
  stage "Done" {
    finish
    reopen within 7 calendar days to "Open"
  }
"""


def swept(schedule: str, start: str = "mon 8:00", *, more: str = "", then: str = "notify owner", mode: str = "") -> Desk:
    return Desk(f'{STAGES}\nrule "Sweep" {mode} {{\n when every {schedule}{more}\n then {then}\n}}\n', start)


def occasions(desk: Desk) -> list[str]:
    return [when(dt.datetime.fromisoformat(entry.details["occasion"])) for entry in desk.history("rule.fired")]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("monday 09:00", ["mon 9:00", "mon2 9:00"]),
        ("tuesday, friday to sunday 18:30", ["tue 18:30", "fri 18:30", "sat 18:30", "sun 18:30"]),
        ("day 07:00", ["tue 7:00", "wed 7:00", "thu 7:00", "fri 7:00", "sat 7:00", "sun 7:00", "mon2 7:00"]),
        ("working day 07:00", ["tue 7:00", "wed 7:00", "thu 7:00", "fri 7:00", "mon2 7:00"]),
        ("5h", ["mon 14:00", "tue 11:00", "tue 16:00", "wed 13:00", "thu 10:00", "thu 15:00", "fri 12:00", "fri 17:00"]),
        ("48h elapsed", ["wed 8:00", "fri 8:00", "sun 8:00"]),
        ("2 working days", ["wed 9:00", "fri 9:00"]),
        ("3 calendar days", ["thu 8:00", "sun 8:00"]),
    ],
)
def test_occasions_of_a_week(schedule: str, expected: list[str]):
    desk = swept(schedule).open().until("mon2 9:00")
    found = occasions(desk)
    assert found[: len(expected)] == expected
    assert desk.told() == [(moment, "ana") for moment in found]


def test_only_where_the_conditions_hold_and_the_card_is_open():
    desk = swept("day 10:00", more=' and stage is "Open" and tier is gold').open().until("tue 12:00")
    assert occasions(desk) == []
    (fact,) = [each for each in desk.trace if each.kind == "every"][-1:]
    assert (fact.subject, [trace.fired for trace in fact.rules]) == ("day 10:00", [False])
    desk.sets(tier="gold").until("wed 12:00")
    assert occasions(desk) == ["wed 10:00"]
    desk.moves("Wait").until("thu 12:00")
    assert occasions(desk) == ["wed 10:00"]
    assert not any(timer.key.startswith("every") for timer in desk.timers)  # nothing could come of it there
    desk.moves("Open").until("fri 9:00").moves("Done").until("sat 12:00")
    assert occasions(desk) == ["wed 10:00"]
    assert desk.timers == ()
    desk.handle(CustomerMessage(text="again", pipeline="Support"))
    desk.until("sun 12:00")
    assert occasions(desk) == ["wed 10:00", "sun 10:00"]


def test_an_occasion_at_the_very_moment_a_card_opens_is_not_for_it():
    desk = swept("monday 09:00", "mon 9:00").open().until("mon 12:00")
    assert occasions(desk) == []


def test_occasions_missed_come_once_with_the_first_ones_time():
    desk = swept("day 10:00", then='reply "Still on it"').open()
    desk.away_until("thu 12:00")
    assert occasions(desk) == ["mon 10:00"]
    assert len([effect for _, effect in desk.effects if isinstance(effect, MessageCustomer)]) == 1
    desk.until("fri 10:00")
    assert occasions(desk) == ["mon 10:00", "fri 10:00"]


def test_an_occasion_has_one_key_whatever_wakes_the_card():
    timely, late = swept("day 10:00").open().until("mon 10:00"), swept("day 10:00").open()
    late.away_until("mon 18:00")
    keys = [effect.key for _, effect in timely.effects]
    assert (
        keys
        == [effect.key for _, effect in late.effects]
        == [f"every/7/day 10:00/{at('mon 10:00').isoformat()}/Sweep/1/ana"]
    )


def test_a_rule_published_later_is_asked_from_the_next_occasion_on():
    desk = swept("day 10:00", mode="off").open().until("wed 12:00")
    assert desk.timers == ()
    desk.graph = swept("day 10:00").graph
    desk.handle(Recompute(author="ana", choice="keep"))
    assert [(timer.key[:15], when(timer.due_at)) for timer in desk.timers] == [("every/day 10:00", "thu 10:00")]
    desk.until("thu 10:00")
    assert occasions(desk) == ["thu 10:00"]
    desk.graph = swept("day 11:00").graph
    desk.handle(Recompute(author="ana", choice="keep"))
    desk.until("fri 12:00")
    assert occasions(desk) == ["thu 10:00", "thu 11:00", "fri 11:00"]


def test_a_shadow_rule_says_when_it_would_have_acted_and_an_off_one_is_not_asked():
    desk = swept("day 10:00", mode="shadow").open().until("mon 12:00")
    assert [(entry.details["rule"], entry.details["shadow"]) for entry in desk.history("rule.fired")] == [("Sweep", "yes")]
    assert desk.told() == []
    off = swept("day 10:00", mode="off").open().until("mon 12:00")
    assert off.timers == () and not any(fact.kind == "every" for fact in off.trace)


def test_two_rules_of_one_time_share_it_and_a_schedule_may_stand_beside_an_event():
    desk = Desk(
        STAGES
        + """
  rule "One" {
    when every friday, monday 10:00
    then tag "one"
  }
  rule "Two" {
    when every monday, friday 10:00 or tier changes
    then add note "two"
  }
""",
        "mon 8:00",
    ).open()
    assert len(desk.timers) == 1
    desk.until("mon 10:00").sets(tier="gold")
    assert desk.card.tags == ("one",)
    assert len(desk.history("note.added")) == 2


WEEK = ((Window(opens=0, closes=1440),),) * 7


@pytest.mark.parametrize(
    ("zone", "after", "minutes", "expected"),
    [
        ("Europe/Lisbon", "2026-03-28T12:00", 90, "2026-03-29T02:00"),  # 01:00-02:00 is left out
        ("Europe/Lisbon", "2026-10-24T12:00", 90, "2026-10-25T01:30"),  # 01:00-02:00 comes twice: the first
        ("Europe/Lisbon", "2026-10-25T01:30", 90, "2026-10-26T01:30"),
        ("America/Sao_Paulo", "2026-11-09T23:59", 1440, "2026-11-10T00:00"),
    ],
)
def test_occasions_where_the_clock_changes(zone: str, after: str, minutes: int, expected: str):
    time = WorkingTime(Calendar(name="Always", zone=zone, week=WEEK))
    where = ZoneInfo(zone)
    found = time.next_at(dt.datetime.fromisoformat(after).replace(tzinfo=where), minutes, range(7))
    assert found == dt.datetime.fromisoformat(expected).replace(tzinfo=where).astimezone(dt.UTC)
    assert found.tzinfo is dt.UTC
