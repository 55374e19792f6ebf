"""Alerts, escalation ladders, silences, imports and downtime (semantics, points 14 to 18)."""

from __future__ import annotations

from duly_runtime.card import ClockState
from duly_runtime.decision import MessageCustomer, NotifyPerson
from duly_runtime.engine.step import load, step
from duly_runtime.events import Acknowledge, AgentMessage, AssignCard, CustomerMessage, Event, Recompute
from runtime.desk import Desk, at, program, when

LADDER = """
  stage "Open" {
    start
    next "Work", "Done"
    owner agent ana
    first reply within 2h
    alert owner at 50% of first reply
    alert owner and manager at 50% of first reply by email
  }
  stage "Work" {
    next "Done"
  }
  stage "Done" { finish }
  escalation "Late" {
    when first reply is missed
    level 1 at once notify owner
    level 2 after 1h notify lead of "Desk" by email then tag "late"
    level 3 after 2h notify manager
    repeat level 3 every 1h at most 3 times
    stop when agent replies
  }
"""


def test_one_threshold_tells_a_person_once_whatever_lines_say_it():
    desk = Desk(LADDER).writes()
    desk.until("mon 10:30")
    assert desk.told("alert") == [("mon 10:00", "ana"), ("mon 10:00", "diogo")]
    keys = [effect.key for _, effect in desk.effects]
    assert keys == ["alert/7/first reply/1/50%/ana", "alert/7/first reply/1/50%/diogo"]


def test_recipients_are_those_of_the_moment_it_fires():
    desk = Desk(LADDER).writes()
    desk.until("mon 9:30").handle(AssignCard(owner="bruno", author="ana"))
    desk.until("mon 10:15").handle(AssignCard(owner="ana", author="ana"))
    desk.until("mon 10:45")
    assert desk.told("alert") == [("mon 10:00", "bruno"), ("mon 10:00", "diogo")]


def test_an_owner_alert_on_a_card_nobody_owns_goes_to_the_lead_or_to_all():
    desk = Desk(LADDER.replace("owner agent ana", 'owner team "Desk"')).writes()
    desk.until("mon 10:30")
    assert desk.told("alert") == [("mon 10:00", "ana"), ("mon 10:00", "diogo")]
    desk = Desk(LADDER.replace("owner agent ana", 'owner team "Money"')).writes()  # no lead
    desk.until("mon 10:30")
    assert desk.told("alert") == [("mon 10:00", "carla"), ("mon 10:00", "bruno"), ("mon 10:00", "diogo")]


def test_the_owner_at_the_due_instant_owns_the_breach():
    desk = Desk(LADDER).writes()
    desk.until("mon 12:00").handle(AssignCard(owner="bruno", author="ana"))
    assert desk.clock("first reply").owner_at_miss == "ana"


def test_levels_count_from_the_breach_on_the_clocks_calendar():
    desk = Desk(LADDER, "mon 14:00").writes()  # missed at 16:00
    desk.until("wed 9:00")
    assert desk.told("escalation") == [
        ("mon 16:00", "ana"),
        ("mon 17:00", "ana"),  # level 2 ends at closing time: due at closing
        ("tue 10:00", "diogo"),
        ("tue 11:00", "diogo"),
        ("tue 12:00", "diogo"),
        ("tue 13:00", "diogo"),
    ]
    assert desk.card.tags == ("late",)
    assert desk.card.ladders[0].stopped_at is None  # it still waits for its stop


def test_elapsed_delays_count_on_the_wall():
    desk = Desk(
        LADDER.replace("level 2 after 1h", "level 2 after 3h elapsed").replace("after 2h", "after 4h"), "mon 14:00"
    ).writes()
    desk.until("mon 23:00")
    assert desk.told("escalation") == [("mon 16:00", "ana"), ("mon 19:00", "ana")]


def test_a_ladder_stops_on_its_stop_condition():
    desk = Desk(LADDER).writes()
    desk.until("mon 11:30").replies()
    desk.until("mon 17:00")
    assert desk.told("escalation") == [("mon 11:00", "ana")]
    assert (desk.card.ladders[0].stopped_by, when(desk.card.ladders[0].stopped_at)) == ("stop", "mon 11:30")


def test_a_ladder_stops_on_leaving_the_stage():
    desk = Desk(LADDER).writes()
    desk.until("mon 11:30").moves("Work")
    desk.until("mon 17:00")
    assert desk.told("escalation") == [("mon 11:00", "ana")]
    assert desk.card.ladders[0].stopped_by == "left stage"


def test_a_ladder_stops_when_a_person_takes_note():
    desk = Desk(LADDER).writes()
    refused = desk.handle(Acknowledge(ladder="Late", author="bruno")).refused
    assert refused.startswith("no-such-escalation:")
    desk.until("mon 11:30").handle(Acknowledge(ladder="Late", author="bruno"))
    desk.until("mon 17:00")
    assert desk.told("escalation") == [("mon 11:00", "ana")]
    assert desk.card.ladders[0].stopped_by == "acknowledged"
    assert desk.history("ladder.stopped")[0].author == "bruno"


def test_a_ladder_with_nothing_left_to_do_or_to_wait_for_is_finished():
    desk = Desk("""
      stage "Open" {
        start
        next "Done"
        owner agent ana
        leave stage within 2h
      }
      stage "Done" { finish }
      escalation "Stuck" {
        when leave stage is missed and priority is one of urgent, high
        level 1 at once notify owner
      }
    """)
    desk.open(priority="high").until("mon 12:00")
    assert [(each.level, each.stopped_by) for each in desk.card.ladders] == [(1, "finished")]


def test_the_other_conditions_of_a_ladder_are_judged_at_the_breach():
    body = LADDER.replace("when first reply is missed", "when first reply is missed and priority is urgent")
    assert Desk(body).writes().until("mon 12:00").card.ladders == ()
    assert len(Desk(body).writes(priority="urgent").until("mon 12:00").card.ladders) == 1


def test_after_downtime_everything_fires_once_oldest_first_and_repeats_collapse():
    desk = Desk(LADDER).writes()
    decision = desk.away_until("tue 12:00")  # missed mon 11:00; level 3 mon 13:00, repeats 14:00, 15:00, 16:00
    told = [(when(entry.at), entry.kind, entry.details.get("level", "")) for entry in decision.entries]
    assert [each for each in told if each[1] in ("alert.sent", "clock.missed", "ladder.level")] == [
        ("mon 10:00", "alert.sent", ""),
        ("mon 10:00", "alert.sent", ""),
        ("mon 11:00", "clock.missed", ""),
        ("mon 11:00", "ladder.level", "1"),
        ("mon 12:00", "ladder.level", "2"),
        ("mon 13:00", "ladder.level", "3"),
        ("mon 14:00", "ladder.level", "3"),
    ]
    last = desk.history("ladder.level")[-1].details
    assert (last["collapsed"], last["last_due_at"]) == ("3", at("mon 16:00").isoformat())
    assert [person for _, person in desk.told("escalation")] == ["ana", "ana", "diogo", "diogo"]
    assert when(desk.clock("first reply").detected_at) == "tue 12:00"
    assert desk.card.ladders[0].next_at is None
    assert desk.timers == ()


def test_a_late_wake_up_decides_what_timely_ones_would_have():
    timely, late = Desk(LADDER).writes(), Desk(LADDER).writes()
    timely.until("mon 13:30")
    late.away_until("mon 13:30")
    assert {effect.key for _, effect in timely.effects} == {effect.key for _, effect in late.effects}
    assert timely.timers == late.timers
    assert timely.card.ladders == late.card.ladders


def test_an_event_comes_after_what_was_due_before_it():
    desk = Desk(LADDER).writes()
    desk.now = at("mon 11:30")
    desk.replies()
    assert desk.clock("first reply").outcome == "missed"
    assert [entry.kind for entry in desk.entries if entry.kind in ("clock.missed", "message.out")] == [
        "clock.missed",
        "message.out",
    ]
    # What took effect before it was handled comes before what fell due in between.
    desk = Desk(LADDER).writes()
    desk.now = at("mon 11:30")
    desk.handle(AgentMessage(text="hi", author="ana"), happened="mon 10:59")
    assert desk.clock("first reply").outcome == "met"


# --- imports ----------------------------------------------------------------------------------------------------------


def test_an_import_measures_and_sends_nothing():
    desk = Desk(LADDER, "tue 12:00")
    desk.handle(CustomerMessage(text="hello", pipeline="Support"), happened="mon 9:00", backfill=True)
    assert when(desk.card.created_at) == "mon 9:00"
    desk.until("tue 12:00")  # the timers of the past
    assert desk.effects == []
    assert desk.clock("first reply").outcome == "missed"
    missed = desk.history("clock.missed")[0]
    assert (when(missed.at), missed.details["backfill"]) == ("mon 11:00", "yes")
    assert desk.card.ladders[0].level == 3
    # From now on it is a card like any other.
    desk.handle(AgentMessage(text="sorry", author="ana"))
    assert [type(effect) for _, effect in desk.effects] == [MessageCustomer]


def test_imported_events_are_judged_in_their_own_time():
    desk = Desk(LADDER, "tue 12:00")
    desk.handle(CustomerMessage(text="hello", pipeline="Support"), happened="mon 9:00", backfill=True)
    desk.handle(AgentMessage(text="hi", author="ana"), happened="mon 9:20", backfill=True)
    clock = desk.clock("first reply")
    assert (clock.outcome, when(clock.stopped_at), desk.effects) == ("met", "mon 9:20", [])


def test_a_reply_recorded_afterwards_withdraws_a_miss_of_an_open_clock_and_says_so():
    desk = Desk(LADDER).writes()
    desk.until("mon 12:00").handle(AgentMessage(text="by phone", author="ana"), happened="mon 10:30", backfill=True)
    clock = desk.clock("first reply")
    assert (clock.outcome, clock.missed_at, when(clock.stopped_at)) == ("met", None, "mon 10:30")
    assert desk.history("clock.met")[0].details["withdrawn"] == at("mon 11:00").isoformat()
    assert not any(isinstance(effect, MessageCustomer) for _, effect in desk.effects)


# --- silence ----------------------------------------------------------------------------------------------------------

SILENCE = """
  stage "Open" {
    start
    next "Waiting", "Done"
  }
  stage "Waiting" {
    next "Open", "Done"
    after 2 calendar days of silence send "Still there?" once
    after 4h of silence notify manager of "Desk"
    after 3 calendar days of silence move to "Done" because "no answer"
  }
  stage "Done" { finish }
"""


def test_silence_counts_from_the_last_message_of_a_person_or_the_arrival():
    desk = Desk(SILENCE).writes()
    desk.until("mon 10:00").moves("Waiting")
    desk.until("mon 13:00").replies()
    desk.until("thu 14:00")
    sent = [(moment, effect) for moment, effect in desk.effects if isinstance(effect, MessageCustomer)]
    assert [(moment, effect.template) for moment, effect in sent][1:] == [("wed 13:00", "Still there?")]
    assert desk.told("rule") == [("mon 17:00", "diogo")]
    assert (desk.card.stage, when(desk.card.finished_at)) == ("Done", "thu 13:00")
    assert desk.history("stage.entered")[-1].details["reason"] == "no answer"


def test_each_silence_acts_once_and_again_after_a_message_but_once_means_once():
    desk = Desk(SILENCE).writes().moves("Waiting")
    desk.until("wed 10:00").writes()
    desk.until("thu 9:00").writes()
    desk.until("sat 10:00")
    assert desk.told("rule") == [("mon 13:00", "diogo"), ("wed 14:00", "diogo"), ("thu 13:00", "diogo")]
    assert [moment for moment, effect in desk.effects if isinstance(effect, MessageCustomer)] == ["wed 9:00"]


def test_an_automatic_message_does_not_end_silence():
    desk = Desk(SILENCE).writes().moves("Waiting")
    desk.until("wed 10:00").writes("out of office", automatic=True)
    desk.until("thu 10:00")
    assert desk.card.stage == "Done"


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_publish_without_recompute_leaves_running_clocks_alone():
    desk = Desk(LADDER).writes()
    desk.graph = load(program(LADDER.replace("first reply within 2h", "first reply within 3h")))
    desk.until("mon 9:30").sets(priority="high")
    assert desk.due("first reply") == "mon 11:00"


def test_recompute_measures_open_clocks_anew_and_names_the_version():
    desk = Desk(LADDER).writes()
    old = desk.graph.program.hash
    desk.graph = load(program(LADDER.replace("first reply within 2h", "first reply within 3h")))
    desk.until("mon 9:30").handle(Recompute(author="ana"))
    assert desk.due("first reply") == "mon 12:00"
    assert desk.clock("first reply").version == desk.graph.program.hash != old


def test_recompute_never_rewrites_an_outcome():
    desk = Desk(LADDER).writes()
    desk.until("mon 10:00").replies()
    met = desk.clock("first reply")
    late = Desk(LADDER).writes()
    late.until("mon 12:00")
    missed = late.clock("first reply")
    shorter = load(program(LADDER.replace("first reply within 2h", "first reply within 30m")))
    longer = load(program(LADDER.replace("first reply within 2h", "first reply within 5h")))
    for graph in (shorter, longer):
        for each, clock in ((desk, met), (late, missed)):
            each.graph = graph
            each.handle(Recompute(author="ana"))
            assert each.clock("first reply") == clock


def test_a_shorter_target_already_past_is_missed_at_the_publish():
    desk = Desk(LADDER).writes()
    desk.graph = load(program(LADDER.replace("first reply within 2h", "first reply within 30m")))
    desk.until("mon 9:45").handle(Recompute(author="ana"))
    clock = desk.clock("first reply")
    assert (when(clock.due_at), when(clock.missed_at)) == ("mon 9:30", "mon 9:45")


def test_a_ladder_in_flight_goes_on_under_its_name_or_stops_as_removed():
    desk = Desk(LADDER).writes()
    desk.until("mon 11:30")
    desk.graph = load(program(LADDER.replace("level 3 after 2h", "level 3 after 4h")))
    desk.until("mon 17:00")
    # Level 2 comes when the version that began it said; level 3 as the live one says.
    assert desk.told("escalation")[:3] == [("mon 11:00", "ana"), ("mon 12:00", "ana"), ("mon 15:00", "diogo")]
    gone = Desk(LADDER).writes()
    gone.until("mon 11:30")
    gone.graph = load(program(LADDER.replace('escalation "Late"', 'escalation "Later"')))
    gone.until("mon 17:00")
    assert gone.told("escalation") == [("mon 11:00", "ana")]
    assert gone.card.ladders[0].stopped_by == "removed"


def test_recompute_times_the_next_level_anew():
    desk = Desk(LADDER).writes()
    desk.until("mon 11:30")
    desk.graph = load(program(LADDER.replace("level 2 after 1h", "level 2 after 90m")))
    desk.handle(Recompute(author="ana"))
    desk.until("mon 12:45")
    assert desk.told("escalation") == [("mon 11:00", "ana"), ("mon 12:30", "ana")]


def test_a_renamed_stage_keeps_its_cards():
    desk = Desk(LADDER).writes()
    desk.graph = load(program(LADDER.replace('stage "Open" {', 'stage "Inbox" was "Open" {')))
    desk.until("mon 9:30").sets(priority="high")
    assert (desk.card.stage, desk.clock("first reply").stage, desk.card.visit.stage) == ("Inbox", "Inbox", "Inbox")
    desk.until("mon 10:30")
    assert desk.told("alert") == [("mon 10:00", "ana"), ("mon 10:00", "diogo")]


def test_a_card_in_a_stage_that_is_gone_can_still_be_handled():
    desk = Desk(LADDER).writes()
    desk.until("mon 9:30").moves("Work")
    desk.graph = load(program(LADDER.replace('stage "Work" {', 'stage "Repair" {').replace('"Work", ', '"Repair", ')))
    desk.until("mon 10:00").replies().moves("Done")
    assert (desk.card.stage, desk.clock("first reply").outcome) == ("Done", "met")


def test_the_same_arguments_give_an_equal_decision():
    desk = Desk(LADDER).writes()
    event = Event(at=at("mon 13:00"), body=AgentMessage(text="hi", author="ana"))
    first = step(desk.graph, desk.card, event, at("mon 13:00"))
    assert first == step(desk.graph, desk.card, event, at("mon 13:00"))
    assert any(isinstance(effect, NotifyPerson) for effect in first.effects)
    assert desk.clock("first reply").state is ClockState.RUNNING  # the card handed in is as it was
