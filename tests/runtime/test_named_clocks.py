"""Clocks with their own start, pause, resume and stop, and alerts after a miss."""

from __future__ import annotations

import pytest

from duly_runtime.card import ClockState
from duly_runtime.engine.step import load
from duly_runtime.events import Recompute
from runtime.desk import PEOPLE, Desk, program

STAGES = """
  stage "New" {
    start
    next "Vendor", "Held", "Done"
    owner agent ana
  }
  stage "Vendor" { next "New", "Held", "Done" }
  stage "Held" {
    next "New", "Vendor", "Done"
    pause "Answer"
    resume when customer replies
  }
  stage "Done" {
    finish
    reopen within 5 calendar days to "New"
  }
"""

PLAIN = """
  clock "Answer" {
    start when card enters "Vendor"
    stop when card leaves "Vendor"
    within 4h
  }
"""

AWAY = PLAIN.replace('stop when card leaves "Vendor"', "stop when agent replies")
"""Goes on wherever the card goes."""


def with_lines(text: str, *lines: str) -> str:
    return text.replace("within 4h", "\n".join(("within 4h", *lines))) + STAGES


def test_it_runs_from_its_start_to_its_stop_and_each_start_is_a_cycle():
    desk = Desk(PLAIN + STAGES).open()
    assert desk.cycles("Answer") == []
    desk.until("mon 10:00").moves("Vendor")
    assert desk.due("Answer") == "mon 14:00"
    desk.until("mon 12:00").moves("New")
    desk.until("mon 16:00").moves("Vendor")
    assert desk.due("Answer") == "tue 12:00"
    desk.until("tue 13:00").moves("Done")
    assert desk.cycles("Answer") == [(1, "met"), (2, "missed")]
    missed = desk.clock("Answer").missed_at
    assert missed is not None and [entry.at for entry in desk.history("clock.missed")] == [missed]


def test_stopped_at_the_due_instant_is_met():
    desk = Desk(PLAIN + STAGES).open().moves("Vendor")
    desk.until("mon 12:59")
    desk.now = desk.clock("Answer").due_at or desk.now
    desk.moves("New")
    assert desk.cycles("Answer") == [(1, "met")]


def test_a_stage_the_card_only_passes_through_starts_nothing():
    through = 'rule "On" {\n when card enters "Vendor"\n then move to "Held"\n}\n'
    desk = Desk(PLAIN + through + STAGES).open().moves("Vendor")
    assert desk.card.stage == "Held"
    assert desk.cycles("Answer") == []


def test_what_starts_and_stops_it_at_once_stops_it():
    both = PLAIN.replace('start when card enters "Vendor"', "start when customer replies").replace(
        'stop when card leaves "Vendor"', 'stop when customer replies and message contains "thanks"'
    )
    desk = Desk(both + STAGES).open()
    desk.until("mon 10:00").writes("thanks")
    assert desk.cycles("Answer") == []
    desk.until("mon 11:00").writes("where is it?")
    desk.until("mon 12:00").writes("thanks")
    assert desk.cycles("Answer") == [(1, "met")]


def test_what_starts_it_after_its_stop_begins_the_next_cycle():
    any_stage = PLAIN.replace('enters "Vendor"', 'enters "Vendor" or card enters "New"').replace(' "Vendor"\n', "\n")
    desk = Desk(any_stage + STAGES).open()
    desk.until("mon 10:00").moves("Vendor")
    assert desk.cycles("Answer") == [(1, "met"), (2, "running")]


def test_its_own_pause_and_the_stage_s_both_hold_it():
    lines = with_lines(AWAY, 'pause when card enters "Held"', 'resume when card leaves "Held"')
    desk = Desk(lines).open().moves("Vendor")
    desk.until("mon 10:00").moves("Held")
    assert desk.clock("Answer").state is ClockState.PAUSED and desk.due("Answer") == ""
    # The stage's wait is over, the clock's own pause is not.
    desk.until("mon 11:00").writes()
    assert desk.clock("Answer").state is ClockState.PAUSED
    desk.until("mon 12:00").moves("New")
    assert desk.due("Answer") == "mon 15:00"
    desk.until("mon 14:00").replies()
    assert desk.cycles("Answer") == [(1, "met")]


def test_pause_beats_start_and_paused_to_done_in_one_event_takes_the_pause_off():
    lines = with_lines(PLAIN, 'pause when card enters "Vendor"', "resume when customer replies")
    desk = Desk(lines).open().moves("Vendor")
    assert desk.clock("Answer").state is ClockState.PAUSED
    desk.until("tue 12:00").writes()
    assert desk.due("Answer") == "tue 16:00"
    desk = Desk(lines).open().moves("Vendor")
    desk.until("wed 12:00").moves("Done")
    clock = desk.clock("Answer")
    assert clock.outcome == "met" and clock.pauses[-1].until == clock.stopped_at


def test_all_clocks_are_paused_with_the_others():
    every = AWAY + STAGES.replace('pause "Answer"', "pause all clocks")
    desk = Desk(every).open().moves("Vendor")
    desk.until("mon 10:00").moves("Held")
    assert desk.clock("Answer").state is ClockState.PAUSED


def test_its_target_is_looked_up_at_the_start_and_when_a_field_changes():
    table = PLAIN.replace("within 4h", "targets {\n| priority | within |\n| urgent | 1h |\n| low | - |\n| else | 4h |\n}")
    desk = Desk(table + STAGES).open().moves("Vendor")
    desk.until("mon 9:30").sets(priority="urgent")
    assert desk.due("Answer") == "mon 10:00"
    desk.sets(priority="low")
    assert desk.clock("Answer").state is ClockState.CANCELLED
    # Promised again, it goes on with its time kept.
    desk.until("mon 9:45").sets(priority="normal")
    assert desk.cycles("Answer") == [(1, "running")] and desk.due("Answer") == "mon 13:00"
    desk.sets(priority="low")
    desk.until("mon 10:00").moves("New")
    desk.sets(priority="urgent")
    assert desk.cycles("Answer") == [(1, "cancelled")]


def test_a_start_that_finds_no_promise_waits_for_one():
    table = PLAIN.replace("within 4h", "targets {\n| priority | within |\n| low | - |\n| else | 4h |\n}")
    desk = Desk(table + STAGES).open(priority="low").moves("Vendor")
    assert desk.cycles("Answer") == []
    desk.until("mon 10:00").sets(priority="high")
    assert desk.due("Answer") == "mon 13:00"
    desk = Desk(table + STAGES).open(priority="low").moves("Vendor")
    desk.moves("New").sets(priority="high")
    assert desk.cycles("Answer") == []


def test_it_runs_on_a_calendar_of_its_own(monkeypatch: pytest.MonkeyPatch):
    night = 'calendar "Night" {\n  time zone "UTC"\n  open every day 22:00-06:00\n}\n'
    monkeypatch.setattr("runtime.desk.PEOPLE", PEOPLE + night)
    desk = Desk(with_lines(PLAIN, 'calendar "Night"')).open().moves("Vendor")
    assert desk.due("Answer") == "tue 2:00"
    desk.handle(Recompute())
    assert desk.due("Answer") == "tue 2:00"


@pytest.mark.parametrize(
    ("choice", "after_reopening", "after_its_next_start"),
    [
        ("first only", [(1, "cancelled")], [(1, "cancelled")]),
        ("continue", [(1, "cancelled"), (2, "running")], [(1, "cancelled"), (2, "running")]),
        ("new cycle", [(1, "cancelled")], [(1, "cancelled"), (2, "running")]),
    ],
)
def test_on_reopen(choice: str, after_reopening: list[object], after_its_next_start: list[object]):
    desk = Desk(with_lines(AWAY, f"on reopen {choice}")).open().moves("Vendor")
    desk.until("mon 12:00").moves("Done")
    assert desk.cycles("Answer") == [(1, "cancelled")]
    desk.until("tue 10:00").writes()
    assert desk.cycles("Answer") == after_reopening
    if choice == "continue":
        assert desk.due("Answer") == "tue 11:00", "three of its four hours were spent"
    desk.until("tue 10:30").moves("Vendor")
    assert desk.cycles("Answer") == after_its_next_start


def test_continue_counts_in_total_what_was_spent_before_the_finish():
    desk = Desk(with_lines(PLAIN, "on reopen continue")).open().moves("Vendor")
    desk.until("mon 12:00").moves("Done")
    assert desk.cycles("Answer") == [(1, "met")]
    desk.until("tue 10:00").writes()
    assert desk.cycles("Answer") == [(1, "met")]
    desk.until("tue 11:00").moves("Vendor")
    assert desk.due("Answer") == "tue 12:00"


def test_actions_start_and_stop_it():
    by_hand = (
        """
  clock "Answer" {
    within 2h
  }
  rule "Asked" {
    when customer replies and message contains "vendor"
    then start clock "Answer"
  }
  rule "Answered" {
    when agent replies
    then stop clock "Answer"
  }
"""
        + STAGES
    )
    desk = Desk(by_hand).open()
    desk.until("mon 10:00").writes("ask the vendor")
    assert desk.due("Answer") == "mon 12:00"
    desk.until("mon 11:00").writes("the vendor?")
    assert desk.due("Answer") == "mon 12:00", "it runs already"
    desk.replies()
    assert desk.cycles("Answer") == [(1, "met")]
    desk.replies().moves("Done")
    assert desk.cycles("Answer") == [(1, "met")]


def test_levels_and_silences_start_and_stop_it():
    body = """
  leave stage within 1h
  clock "Answer" {
    within 2h
  }
  escalation "Late" {
    when leave stage is missed
    level 1 at once start clock "Answer"
  }
""" + STAGES.replace("owner agent ana", 'owner agent ana\n after 2h of silence stop clock "Answer"')
    desk = Desk(body).open()
    desk.until("mon 10:30")
    assert desk.due("Answer") == "mon 12:00"
    desk.until("mon 11:30")
    assert desk.cycles("Answer") == [(1, "met")]


def test_its_miss_starts_ladders_and_rules():
    body = (
        PLAIN
        + """
  escalation "Late" {
    when "Answer" is missed
    level 1 after 30m notify owner
    stop when agent replies
  }
  rule "Note" {
    when "Answer" is missed and priority is normal
    then tag "vendor late"
  }
"""
        + STAGES
    )
    desk = Desk(body).open().moves("Vendor")
    desk.until("mon 14:00")
    assert desk.told("escalation") == [("mon 13:30", "ana")]
    assert desk.card.tags == ("vendor late",)


def test_alerts_at_before_and_after():
    lines = with_lines(PLAIN, "alert owner at 50%", "alert owner 30m before due", "alert owner and manager 1h after due")
    lines += '  alert agent bruno 2h after "Answer"\n'
    desk = Desk(lines).open().moves("Vendor")
    desk.until("tue 12:00")
    assert desk.told("alert") == [
        *(("mon 11:00", "ana"), ("mon 12:30", "ana"), ("mon 14:00", "ana"), ("mon 14:00", "diogo")),
        ("mon 15:00", "bruno"),
    ]
    assert {effect.key for _, effect in desk.effects} >= {"alert/7/Answer/1/1h after/ana", "alert/7/Answer/1/50%/ana"}


REPLY = """
  first reply within 2h
  stage "New" {
    start
    next "Wait", "Done"
    owner agent ana
    alert manager AFTER after first reply
  }
  stage "Wait" {
    next "New", "Done"
    pause first reply
    resume when customer replies
    alert manager AFTER after first reply
  }
  stage "Done" { finish }
"""


@pytest.mark.parametrize(
    ("amount", "moment"),
    [
        ("2h", "mon 13:00"),
        ("8h", "tue 11:00"),
        ("8h elapsed", "mon 19:00"),
        ("1 working day", "tue 11:00"),
        ("5 working days", "mon2 11:00"),
        ("5 calendar days", "sat 11:00"),
    ],
)
def test_an_alert_after_a_miss_counts_in_its_own_unit(amount: str, moment: str):
    desk = Desk(REPLY.replace("AFTER", amount)).writes()
    assert [timer.key for timer in desk.timers] == ["first reply/1/due"]
    desk.until("tue2 12:00")
    assert desk.told("alert") == [(moment, "diogo")]
    assert desk.history("alert.sent")[0].details["after"] == amount


def test_an_alert_after_a_miss_does_not_come_where_the_clock_ended_before():
    desk = Desk(REPLY.replace("AFTER", "2h")).writes()
    desk.until("mon 12:30").replies()
    desk.until("tue 12:00")
    assert desk.told("alert") == []


def test_an_alert_after_a_miss_stands_still_with_the_clock():
    desk = Desk(REPLY.replace("AFTER", "2h")).writes()
    desk.until("mon 12:00").moves("Wait")
    desk.until("mon 15:00").moves("New")
    desk.until("tue 12:00")
    assert desk.told("alert") == [("mon 16:00", "diogo")]


def test_an_alert_after_a_miss_comes_once_after_downtime():
    desk = Desk(REPLY.replace("AFTER", "2h")).writes()
    desk.away_until("tue 10:00")
    desk.until("wed 10:00")
    assert desk.told("alert") == [("tue 10:00", "diogo")]
    assert [entry.details["threshold_at"] for entry in desk.history("alert.sent")] == ["2026-03-02T13:00:00+00:00"]


def test_a_renamed_clock_keeps_its_cycles_and_a_removed_one_is_cancelled():
    desk = Desk(PLAIN + STAGES).open().moves("Vendor")
    desk.graph = load(
        program(
            (PLAIN + STAGES)
            .replace('clock "Answer"', 'clock "Vendor answer" was "Answer"')
            .replace('pause "Answer"', 'pause "Vendor answer"')
        )
    )
    desk.until("mon 10:00").moves("New")
    assert desk.cycles("Vendor answer") == [(1, "met")]
    desk.moves("Vendor")
    desk.graph = load(program(STAGES.replace('pause "Answer"', "pause all clocks")))
    desk.until("mon 11:00").sets(priority="high")
    clock = desk.clock("Vendor answer", 2)
    assert (clock.state, clock.cancelled_by) == (ClockState.CANCELLED, "removed")
    assert desk.timers == ()
