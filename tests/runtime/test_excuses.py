"""Excused misses: the outcome stays, the excuse stands beside it, and can be taken back."""

from __future__ import annotations

import msgspec

from duly_runtime.card import Card
from duly_runtime.engine.refusal import SENTENCES, sentence
from duly_runtime.events import AgentMessage, ExcuseMiss, TagCard, WithdrawExcuse
from runtime.desk import Desk, when

SUPPORT = """
excuses "Carrier strike", "Outage" by agent
excuses "On holiday"
first reply within 1h
next reply within 1h
stage "New" {
  start
  next "Done"
}
stage "Done" {
  finish
}
rule "Outage" {
  when first reply is missed and card has tag "outage"
  then excuse first reply because "Outage"
}
rule "Too early" {
  when customer replies
  then excuse next reply because "Outage"
}
"""


def late() -> Desk:
    """A card whose first reply was missed at ten."""
    return Desk(SUPPORT).open().until("mon 10:30")


def excused(desk: Desk, reason: str, role: str = "agent", metric: str = "first reply", cycle: int = 0) -> str:
    decision = desk.handle(ExcuseMiss(metric=metric, reason=reason, cycle=cycle, author="ana", role=role))
    return decision.refused.partition(":")[0]


def withdrawn(desk: Desk, role: str = "agent") -> str:
    return desk.handle(WithdrawExcuse(metric="first reply", author="ana", role=role)).refused.partition(":")[0]


def test_an_excused_clock_stays_missed_with_its_instants() -> None:
    desk = late()
    before = desk.clock("first reply")
    assert excused(desk, "Carrier strike") == ""
    clock = desk.clock("first reply")
    assert clock.outcome == "missed"
    assert msgspec.structs.replace(clock, excuse=None) == before
    assert clock.excuse is not None
    assert (clock.excuse.reason, clock.excuse.author, when(clock.excuse.at)) == ("Carrier strike", "ana", "mon 10:30")
    (entry,) = desk.history("clock.excused")
    assert (entry.author, entry.details["reason"], entry.details["metric"]) == ("ana", "Carrier strike", "first reply")
    # It is kept with the card, and a stop afterwards changes neither.
    kept = msgspec.json.decode(msgspec.json.encode(desk.card), type=Card)
    assert kept == desk.card
    desk.until("mon 11:00").replies()
    assert desk.clock("first reply").outcome == "missed"
    assert desk.clock("first reply").excuse == clock.excuse


def test_only_what_was_missed_is_excused_and_only_once() -> None:
    desk = Desk(SUPPORT).open()
    assert excused(desk, "Outage") == "nothing-missed"
    desk.until("mon 10:30")
    assert excused(desk, "Outage", metric="resolved") == "nothing-missed"
    assert excused(desk, "Outage", cycle=2) == "nothing-missed"
    assert excused(desk, "Outage") == ""
    assert excused(desk, "Carrier strike") == "excused-already"
    assert desk.clock("first reply").excuse is not None


def test_the_pipeline_says_who_may_excuse_for_what() -> None:
    desk = late()
    assert excused(desk, "Bad luck", role="admin") == "unknown-excuse"
    assert excused(desk, "On holiday") == "excuse-role"
    assert excused(desk, "Outage", role="viewer") == "excuse-role"
    assert excused(desk, "Outage", role="") == "excuse-role"
    assert desk.clock("first reply").excuse is None
    assert excused(desk, "On holiday", role="manager") == ""
    assert withdrawn(desk) == "excuse-role"
    assert withdrawn(desk, role="admin") == ""


def test_an_excuse_is_withdrawn_and_another_given() -> None:
    desk = late()
    assert withdrawn(desk) == "nothing-excused"
    excused(desk, "Outage")
    assert withdrawn(desk) == ""
    assert desk.clock("first reply").excuse is None
    (entry,) = desk.history("clock.unexcused")
    assert (entry.author, entry.details["reason"]) == ("ana", "Outage")
    assert excused(desk, "Carrier strike") == ""


def test_a_rule_excuses_and_notes_what_it_cannot() -> None:
    desk = Desk(SUPPORT).open()
    desk.handle(TagCard(add=("outage",), author="ana"))
    desk.until("mon 10:30")
    clock = desk.clock("first reply")
    assert clock.excuse is not None
    assert (clock.excuse.reason, clock.excuse.author, clock.excuse.rule) == ("Outage", "", "Outage")
    assert when(clock.excuse.at) == when(clock.missed_at) == "mon 10:00"
    desk.writes("any news?")
    refused = desk.history("refused")[-1]
    assert (refused.details["code"], refused.details["rule"]) == ("nothing-missed", "Too early")


def test_the_excuse_falls_with_the_miss() -> None:
    """A reply that was given in time, but is only known now."""
    desk = late()
    excused(desk, "Outage")
    desk.now = desk.now.replace(hour=12)
    desk.handle(AgentMessage(text="hi", author="ana"), happened="mon 9:30", backfill=True)
    clock = desk.clock("first reply")
    assert (clock.outcome, clock.excuse) == ("met", None)


def test_refusals_of_excuses_are_sentences_in_both_languages() -> None:
    details = {"metric": "first reply", "reason": "Outage", "role": "manager", "pipeline": "Support"}
    for code in ("nothing-missed", "nothing-excused", "excused-already", "unknown-excuse", "excuse-role"):
        english, portuguese = (sentence({**details, "code": code}, language) for language in ("en", "pt-BR"))
        assert code in SENTENCES
        assert "{" not in english + portuguese
        assert english != portuguese
