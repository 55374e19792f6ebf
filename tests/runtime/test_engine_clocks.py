"""Clocks of a card, point by point of the semantics (docs: clocks). The office is open 9:00-17:00, Monday to Friday."""

from __future__ import annotations

from duly_runtime.card import ClockState
from duly_runtime.events import AgentMessage, InternalNote
from runtime.desk import Desk, at, when

WAITING = """
  priorities urgent, normal
  resolved within 4h if priority is normal
  resolved within 2h
  stage "Open" {
    start
    next "Waiting", "Done"
    owner team "Desk"
    alert owner at 50% of resolved
  }
  stage "Waiting" {
    next "Open", "Done"
    pause all clocks
    resume in "Open" when customer replies
  }
  stage "Done" { finish }
"""

REPLIES = """
  next reply within 1h
  stage "Open" {
    start
    next "Done", "Waiting"
    owner agent ana
    first reply within 2h
  }
  stage "Waiting" {
    next "Open"
    pause next reply
    resume when agent replies
  }
  stage "Done" {
    finish
    next "Open"
    reopen within 7 calendar days to "Open"
  }
"""


def test_nothing_falls_due_while_paused_and_alerts_move_with_the_due_instant():
    desk = Desk(WAITING).open()
    assert desk.due("resolved") == "mon 13:00"
    desk.until("mon 10:00").moves("Waiting")
    assert desk.clock("resolved").state is ClockState.PAUSED
    assert desk.clock("resolved").due_at is None
    assert desk.timers == ()
    desk.until("tue 10:00").writes()
    assert desk.card.stage == "Open"
    assert desk.due("resolved") == "tue 13:00"  # 1h spent on Monday, 3h left
    desk.until("wed 9:00")
    assert desk.told("alert") == [("tue 11:00", "ana")]  # 50% of 4h: one hour more
    assert [when(entry.at) for entry in desk.history("clock.missed")] == ["tue 13:00"]


def test_an_alert_sent_before_the_pause_is_not_sent_again():
    desk = Desk(WAITING).open()
    desk.until("mon 12:00").moves("Waiting")
    desk.until("tue 9:00").writes()
    desk.until("tue 17:00")
    assert desk.told("alert") == [("mon 11:00", "ana")]


def test_a_pause_counts_only_inside_open_hours():
    desk = Desk(WAITING, "mon 14:00").open()
    desk.until("mon 16:00").moves("Waiting")  # 2h spent; closed from 17:00 to 9:00
    desk.until("tue 8:00").writes()
    assert desk.due("resolved") == "tue 11:00"


def test_a_pause_is_measured_anew_under_another_target():
    desk = Desk(WAITING).open()
    desk.until("mon 10:00").moves("Waiting").sets(priority="urgent")
    assert desk.clock("resolved").due_at is None
    desk.until("tue 10:00").writes()
    assert desk.due("resolved") == "tue 11:00"  # 2h less the one spent on Monday


def test_stop_beats_pause_and_a_pause_up_to_the_stop_is_left_out():
    desk = Desk(WAITING).open()
    desk.until("mon 10:00").moves("Waiting")
    desk.until("wed 10:00").moves("Done")
    clock = desk.clock("resolved")
    assert (clock.state, clock.outcome) == (ClockState.DONE, "met")
    assert [(when(pause.start), when(pause.until)) for pause in clock.pauses] == [("mon 10:00", "wed 10:00")]
    assert when(clock.due_at) == "wed 13:00"


def test_a_clock_that_starts_where_it_is_paused_starts_paused():
    desk = Desk(REPLIES).writes().replies()
    desk.until("mon 10:00").moves("Waiting").writes()
    clock = desk.clock("next reply")
    assert (clock.state, when(clock.started_at), clock.due_at) == (ClockState.PAUSED, "mon 10:00", None)
    desk.until("mon 15:00").moves("Open")
    assert desk.due("next reply") == "mon 16:00"


def test_a_wait_may_end_without_leaving_the_stage_and_stays_ended():
    desk = Desk(REPLIES).writes().replies().moves("Waiting")
    desk.until("mon 10:00").writes().replies()
    assert desk.cycles("next reply") == [(1, "met")]
    desk.until("mon 11:00").writes()
    assert desk.clock("next reply").state is ClockState.RUNNING


def test_finished_at_the_due_instant_is_met():
    desk = Desk(REPLIES).writes()
    desk.now = at("mon 11:00")  # the due instant; no timer has fired
    desk.replies()
    assert desk.clock("first reply").outcome == "met"
    assert desk.history("clock.missed") == []


def test_the_breach_is_at_the_due_instant_and_its_detection_apart():
    desk = Desk(REPLIES).writes()
    desk.away_until("mon 11:07")
    clock = desk.clock("first reply")
    assert (when(clock.missed_at), when(clock.detected_at), clock.owner_at_miss) == ("mon 11:00", "mon 11:07", "ana")
    assert clock.state is ClockState.RUNNING
    desk.until("mon 12:00").replies()
    assert (desk.clock("first reply").outcome, when(desk.clock("first reply").stopped_at)) == ("missed", "mon 12:00")


def test_first_only_never_starts_again():
    desk = Desk(REPLIES).writes().replies().moves("Done")
    desk.until("tue 9:00").writes()
    assert desk.card.stage == "Open"
    assert desk.cycles("first reply") == [(1, "met")]
    assert desk.cycles("next reply") == [(1, "running")]


def reopening(choice: str) -> Desk:
    """Finished after one hour of four, open again a day later."""
    desk = Desk(
        WAITING.replace(
            'stage "Done" { finish }',
            f"""
      stage "Done" {{
        finish
        reopen within 7 calendar days to "Open"
      }}
      on reopen resolved {choice}
    """,
        )
    ).open()
    desk.until("mon 10:00").moves("Done")
    assert desk.cycles("resolved") == [(1, "met")]
    closed = desk.clock("resolved")
    desk.until("tue 10:00").writes()
    assert desk.card.finished_at is None
    assert desk.clock("resolved", 1) == closed
    return desk


def test_reopening_continues_with_the_time_already_spent():
    desk = reopening("continue")
    assert desk.cycles("resolved") == [(1, "met"), (2, "running")]
    assert desk.due("resolved") == "tue 13:00"


def test_reopening_starts_a_new_cycle():
    desk = reopening("new cycle")
    assert desk.cycles("resolved") == [(1, "met"), (2, "running")]
    assert desk.due("resolved") == "tue 14:00"


def test_reopening_may_start_nothing():
    desk = reopening("first only")
    assert desk.cycles("resolved") == [(1, "met")]


def test_an_alert_reached_in_an_earlier_cycle_is_not_given_again_when_it_continues():
    desk = Desk(
        WAITING.replace(
            'stage "Done" { finish }',
            """
      stage "Done" {
        finish
        reopen within 7 calendar days to "Open"
      }
      on reopen resolved continue
    """,
        )
    ).open()
    desk.until("mon 12:00").moves("Done")
    desk.until("tue 10:00").writes()
    assert desk.due("resolved") == "tue 11:00"
    desk.until("tue 17:00")
    assert desk.told("alert") == [("mon 11:00", "ana")]


VISITS = """
  stage "Open" {
    start
    leave stage within 2h
    TOTAL
  }
  stage "Other" {
    next "Open", "Done"
  }
  stage "Done" { finish }
"""


def test_leave_stage_counts_each_visit():
    desk = Desk(VISITS.replace("TOTAL", "")).open()
    desk.until("mon 10:00").moves("Other")
    desk.until("mon 11:00").moves("Open")
    assert desk.due("leave stage") == "mon 13:00"
    assert desk.cycles("leave stage") == [(1, "met"), (3, "running")]


def test_leave_stage_counts_in_total_where_the_stage_says_so():
    desk = Desk(VISITS.replace("TOTAL", "leave stage counts in total")).open()
    desk.until("mon 10:00").moves("Other")
    desk.until("mon 11:00").moves("Open")
    assert desk.due("leave stage") == "mon 12:00"
    desk.until("mon 11:30").moves("Other")
    desk.until("mon 14:00").moves("Open")
    assert desk.due("leave stage") == "mon 14:30"


TARGETS = """
  priorities urgent, normal, low
  resolved within 8h
  stage "Open" {
    start
    next "Work", "Done"
    owner agent ana
    targets {
      | priority | first reply | leave stage |
      | urgent   | 1h          | 2h          |
      | normal   | 4h          | 6h          |
      | else     | -           | 7h          |
    }
    alert owner 30m before first reply
  }
  stage "Work" {
    next "Done"
    resolved within 3h
  }
  stage "Done" { finish }
  escalation "Late" {
    when first reply is missed
    level 1 at once notify manager of "Desk"
    level 2 after 1h notify lead of "Desk"
  }
"""


def test_a_change_looks_the_target_up_again_and_keeps_the_time_spent():
    desk = Desk(TARGETS).writes()
    assert (desk.due("first reply"), desk.due("leave stage"), desk.due("resolved")) == (
        "mon 13:00",
        "mon 15:00",
        "mon 17:00",
    )
    desk.until("mon 9:45").sets(priority="urgent")
    assert (desk.due("first reply"), desk.due("leave stage"), desk.due("resolved")) == (
        "mon 10:00",
        "mon 11:00",
        "mon 17:00",
    )


def test_a_due_instant_already_past_is_missed_at_the_change_with_both_instants():
    desk = Desk(TARGETS).writes()
    desk.until("mon 11:30").sets(priority="urgent")
    clock = desk.clock("first reply")
    assert (when(clock.due_at), when(clock.missed_at), when(clock.detected_at)) == ("mon 10:00", "mon 11:30", "mon 11:30")
    missed = next(entry for entry in desk.history("clock.missed") if entry.details["metric"] == "first reply")
    assert (when(missed.at), missed.details["due_at"]) == ("mon 11:30", at("mon 10:00").isoformat())
    desk.until("mon 17:00")
    # Levels count from the change; the alert that was due at 9:30 is given at the change too.
    assert desk.told("escalation") == [("mon 11:30", "diogo"), ("mon 12:30", "ana")]
    assert desk.told("alert") == [("mon 11:30", "ana")]


def test_what_was_missed_stays_missed_under_a_longer_target():
    desk = Desk(TARGETS).writes(priority="urgent")
    desk.until("mon 10:30").sets(priority="normal")
    clock = desk.clock("first reply")
    assert (when(clock.due_at), when(clock.missed_at), clock.outcome) == ("mon 10:00", "mon 10:00", "missed")


def test_a_row_that_promises_nothing_cancels_and_a_later_promise_keeps_the_time():
    desk = Desk(TARGETS).writes()
    desk.until("mon 10:00").sets(priority="low")
    clock = desk.clock("first reply")
    assert (clock.state, clock.cancelled_by, clock.outcome) == (ClockState.CANCELLED, "no promise", "")
    assert desk.due("leave stage") == "mon 16:00"
    desk.until("mon 12:00").sets(priority="normal")
    assert desk.cycles("first reply") == [(1, "running")]
    assert desk.due("first reply") == "mon 13:00"


def test_a_clock_that_nothing_was_promised_for_starts_when_something_is():
    desk = Desk("""
      priorities normal, low
      first reply within 2h if priority is normal
      stage "Open" { start }
      stage "Done" { finish }
    """).writes(priority="low")
    assert desk.card.clocks == ()
    desk.until("mon 10:00").sets(priority="normal")
    assert desk.due("first reply") == "mon 11:00"


def test_a_stage_with_a_promise_of_its_own_takes_a_running_clock_over_and_keeps_its_time():
    desk = Desk(TARGETS).writes()
    desk.until("mon 11:00").moves("Work")
    assert (desk.due("resolved"), desk.clock("resolved").stage) == ("mon 12:00", "Work")
    assert desk.due("first reply") == "mon 13:00"  # Work promises no first reply: the one of Open goes on
    assert [entry.details["metric"] for entry in desk.history("clock.met")] == ["leave stage"]


def test_a_clock_starts_with_the_arrival_where_it_is_promised():
    desk = Desk("""
      stage "Open" {
        start
      }
      stage "Work" {
        first reply within 2h
        resolved within 3h
      }
      stage "Done" { finish }
    """).writes()
    assert desk.card.clocks == ()
    desk.until("mon 11:00").moves("Work")
    assert (desk.due("first reply"), desk.due("resolved")) == ("mon 13:00", "mon 14:00")


def test_a_stage_only_passed_through_starts_nothing():
    desk = Desk(
        VISITS.replace("TOTAL", "")
        + """
      rule "Straight on" {
        when card enters "Open"
        then move to "Other"
      }
    """
    ).open()
    assert desk.card.stage == "Other"
    assert desk.card.clocks == ()
    assert [visit.stage for visit in desk.card.visits] == ["Open", "Other"]


def test_bots_notes_and_the_system_are_no_reply():
    desk = Desk(
        REPLIES
        + """
      rule "Greet" {
        when customer replies
        then send "Hello"
      }
    """
    ).writes()
    desk.handle(InternalNote(text="look at this", author="ana"))
    assert desk.clock("first reply").state is ClockState.RUNNING
    desk.replies()
    desk.until("mon 10:00").writes("I am away", automatic=True)
    assert [clock.metric for clock in desk.card.clocks] == ["first reply"]


def test_next_reply_waits_for_the_first_and_starts_at_the_first_unanswered_message():
    desk = Desk(REPLIES).writes()
    desk.until("mon 9:30").writes()
    assert desk.cycles("next reply") == []
    desk.until("mon 10:00").replies()
    assert desk.cycles("first reply") == [(1, "met")]
    desk.until("mon 11:00").writes()
    desk.until("mon 11:40").writes()
    assert desk.due("next reply") == "mon 12:00"
    desk.until("mon 11:50").replies()
    assert desk.cycles("next reply") == [(1, "met")]
    desk.until("mon 14:00").writes()
    assert (desk.cycles("next reply"), desk.due("next reply")) == ([(1, "met"), (2, "running")], "mon 15:00")


def test_resolving_cancels_the_replies_still_waited_for():
    desk = Desk(REPLIES).writes().replies()
    desk.until("mon 10:00").writes().moves("Done")
    clock = desk.clock("next reply")
    assert (clock.state, clock.cancelled_by, clock.outcome) == (ClockState.CANCELLED, "resolved", "")
    assert desk.timers == ()


def test_a_miss_before_it_was_cancelled_counts():
    desk = Desk(REPLIES).writes().replies()
    desk.until("mon 10:00").writes()
    desk.until("mon 12:00").moves("Done")
    clock = desk.clock("next reply")
    assert (clock.state, clock.outcome) == (ClockState.CANCELLED, "missed")


def test_a_reply_says_who_sent_it_and_goes_out_as_it_is():
    desk = Desk(REPLIES).writes()
    desk.handle(AgentMessage(text="{not a placeholder}", author="bruno"))
    ((_, effect),) = desk.effects
    assert (effect.text, effect.rendered, effect.author) == ("{not a placeholder}", True, "bruno")


def test_what_is_promised_by_age_starts_with_the_timer_that_finds_the_card_old_enough():
    aged = REPLIES.replace(
        "next reply within 1h\n", "next reply within 1h\n  resolved within 4h if card age > 90m elapsed\n"
    )
    desk = Desk(aged).writes()
    desk.until("mon 10:55")
    assert desk.cycles("resolved") == []
    desk.until("mon 11:30")  # the first reply was due at 11:00: nothing else has come since
    assert desk.cycles("resolved") == [(1, "running")]
