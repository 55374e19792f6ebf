"""Merging, undoing it, and splitting: what each side's card does."""

from __future__ import annotations

from msgspec.structs import replace

from duly_runtime.card import Card, ClockState
from duly_runtime.decision import Decision, World
from duly_runtime.engine.step import load, step
from duly_runtime.events import (
    AbsorbCard,
    AgentMessage,
    AnyBody,
    Contact,
    CustomerMessage,
    Event,
    MergeCard,
    ReleaseCard,
    Said,
    SplitCard,
    SplitOff,
    UnmergeCard,
)
from runtime.desk import Desk, at, program, when

BODY = """
  first reply within 2h
  next reply within 2h
  resolved within 20h
  alert agent ana at 50% of first reply
  escalation "Late" {
    when first reply is missed
    level 1 at once notify agent ana
    level 2 after 2h notify agent bruno
    stop when agent replies
  }
  stage "New" {
    start
    next "Done"
    after 30h elapsed of silence send "Still there?"
  }
  stage "Done" {
    finish
  }
  rule "Greet" {
    when card is created
    then send "Hello"
  }
"""
INTO = MergeCard(into=3, number=3, author="ana")


def other(**changes: object) -> Card:
    """The card that is merged into."""
    desk = Desk(BODY, "mon 9:00").writes("first")
    return replace(desk.card, **{"id": 3, "number": 3, **changes})  # type: ignore[arg-type]


def merged(desk: Desk, into: Card | None = None) -> Decision:
    decision = step(desk.graph, desk.card, Event(at=desk.now, body=INTO), desk.now, World(other=into or other()))
    if not decision.refused:
        desk.found, desk.timers = decision.card, decision.timers
        desk.entries += decision.entries
    return decision


def kinds(decision: Decision) -> list[str]:
    return [entry.kind for entry in decision.entries]


def test_a_merged_card_is_finished_and_its_clocks_count_neither_way() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello")
    decision = merged(desk.until("mon 9:30"))
    card = desk.card
    assert (card.stage, when(card.finished_at), card.unanswered_since) == ("New", "mon 9:30", None)
    assert {(c.metric, c.state, c.cancelled_by, c.outcome) for c in card.clocks} == {
        ("first reply", ClockState.CANCELLED, "merged", ""),
        ("resolved", ClockState.CANCELLED, "merged", ""),
    }
    assert decision.timers == ()
    assert decision.effects == ()
    assert kinds(decision) == ["clock.cancelled", "clock.cancelled", "card.merged"]
    assert decision.entries[-1].details == {"number": "3"}


def test_what_was_missed_before_the_merge_stays_missed_and_its_ladder_stops() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 12:00")
    assert desk.clock("first reply").outcome == "missed"
    merged(desk)
    assert desk.clock("first reply").outcome == "missed"
    assert [(ladder.stopped_by, when(ladder.stopped_at)) for ladder in desk.card.ladders] == [("merged", "mon 12:00")]
    desk.until("wed 9:00")
    assert [person for _, person in desk.told("escalation")] == ["ana"]


def test_nothing_happens_to_a_merged_card_any_more() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello")
    merged(desk)
    card = desk.card
    for body in (AgentMessage(text="hi", author="ana"), CustomerMessage(text="again"), INTO):
        refused = desk.handle(body)
        assert refused.refused == "merged: The card is part of #3 now."
    assert desk.card == card


def test_a_merge_is_undone_and_the_time_between_is_a_pause() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 9:30")
    merged(desk)
    desk.now = at("mon 15:00")
    decision = desk.handle(UnmergeCard(author="bruno"))
    card = desk.card
    assert (card.merged, card.finished_at, when(card.unanswered_since)) == (None, None, "mon 9:00")
    assert desk.due("first reply") == "mon 16:30", "half an hour of two was gone"
    assert kinds(decision)[:3] == ["card.unmerged", "clock.resumed", "clock.resumed"]
    desk.until("mon 16:30")
    assert desk.clock("first reply").outcome == "missed"
    assert desk.handle(UnmergeCard(author="ana")).refused.startswith("not-merged")


def test_a_ladder_goes_on_after_an_undone_merge() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 12:00")
    merged(desk)
    desk.now = at("mon 12:30")
    desk.handle(UnmergeCard(author="bruno"))
    desk.until("mon 13:00")
    assert [person for _, person in desk.told("escalation")] == ["ana", "bruno"]


def test_a_finished_card_is_merged_and_is_finished_again_afterwards() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 10:00").moves("Done").until("mon 11:00")
    merged(desk)
    assert when(desk.card.finished_at) == "mon 10:00"
    desk.handle(UnmergeCard(author="ana"))
    assert when(desk.card.finished_at) == "mon 10:00"


def test_what_can_not_be_merged() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello")
    itself = merged(desk, desk.card)
    assert itself.refused.startswith("merge-into-itself")
    finished = merged(desk, other(finished_at=at("mon 9:00")))
    assert finished.refused == "merge-into-finished: #3 is finished: reopen it first, or merge it into this one."
    assert kinds(finished) == ["refused"]
    elsewhere = merged(desk, other(pipeline="Gone"))
    assert elsewhere.refused.startswith("unknown-pipeline")
    assert desk.card.merged is None


# --- the card that is merged into


def absorb(**more: object) -> AbsorbCard:
    return AbsorbCard(card=9, number=9, title="Twin", author="ana", **more)  # type: ignore[arg-type]


def test_whoever_waited_over_there_waits_here_since_then() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 9:30").replies().until("mon 11:00")
    decision = desk.handle(absorb(last_customer_at=at("mon 10:15"), unanswered_since=at("mon 10:15")))
    assert when(desk.card.unanswered_since) == "mon 10:15"
    assert (when(desk.clock("next reply").started_at), desk.due("next reply")) == ("mon 10:15", "mon 12:15")
    assert when(desk.card.last_customer_at) == "mon 10:15"
    assert decision.entries[0].details == {"number": "9", "title": "Twin"}
    desk.replies()
    assert desk.clock("next reply").outcome == "met"


def test_a_promise_that_was_broken_over_there_is_not_broken_twice() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 9:30").replies().until("mon 15:00")
    desk.handle(absorb(last_customer_at=at("mon 10:15"), unanswered_since=at("mon 10:15"), missed=True))
    assert (when(desk.clock("next reply").started_at), desk.cycles("next reply")) == ("mon 15:00", [(1, "running")])


def test_a_finished_card_takes_another_in_and_owes_nothing() -> None:
    desk = Desk(BODY, "mon 9:00").writes("hello").until("mon 10:00").moves("Done").until("mon 11:00")
    desk.handle(absorb(last_customer_at=at("mon 10:30"), unanswered_since=at("mon 10:30")))
    assert desk.card.unanswered_since is None
    assert desk.timers == ()


def test_who_may_write_over_there_may_write_here_until_it_is_undone() -> None:
    desk = Desk(BODY, "mon 9:00")
    desk.handle(CustomerMessage(text="hello", contact=Contact(email="ana@example.com")))
    desk.handle(absorb(writers=("ana@example.com", "bia@example.com")))
    assert desk.card.participants == ("bia@example.com",)
    decision = desk.handle(ReleaseCard(card=9, number=9, author="ana"))
    assert (desk.card.participants, desk.card.absorbed) == ((), ())
    assert kinds(decision) == ["card.released"]


# --- splits


def test_a_card_begins_with_messages_of_the_past_and_sends_nothing_for_it() -> None:
    graph = load(program(BODY))
    said = (
        Said(at=at("mon 9:00"), direction="in", text="And my other order?"),
        Said(at=at("mon 9:30"), direction="note", text="Another one", author="ana"),
        Said(at=at("mon 12:00"), direction="out", text="Here it is", author="ana"),
        Said(at=at("mon 12:10"), direction="out", text="Is your problem solved?"),
        Said(at=at("mon 14:00"), direction="in", text="Thank you"),
    )
    body = SplitOff(card=1, number=1, said=said, pipeline="Support", owner="bruno", author="ana")
    now = at("tue 9:00")
    world = World(next_card_id=5, next_card_number=5)
    decision = step(graph, None, Event(at=said[0].at, body=body, backfill=True), now, world)
    card = decision.card
    assert card is not None
    assert (card.id, card.title, when(card.created_at), card.owner) == (5, "And my other order?", "mon 9:00", "bruno")
    assert decision.effects == ()
    clocks = {clock.metric: clock for clock in card.clocks}
    # It was due at 11:00, answered at 12:00.
    assert (when(clocks["first reply"].missed_at), clocks["first reply"].outcome) == ("mon 11:00", "missed")
    # It waits for an answer since 14:00, which was due at 16:00: missed as well, and told to nobody.
    assert (when(card.unanswered_since), when(clocks["next reply"].missed_at)) == ("mon 14:00", "mon 16:00")
    found = [entry.kind for entry in decision.entries]
    assert found[0] == "card.created"
    assert found.count("message.in") == 2
    assert [entry.author for entry in decision.entries if entry.kind == "message.out"] == ["", "ana"]
    assert found[-1] == "card.split_off"
    assert decision.timers[0].due_at > now


def test_what_is_to_come_is_told() -> None:
    graph = load(program(BODY))
    said = (Said(at=at("mon 9:00"), direction="in", text="And my other order?"),)
    body = SplitOff(card=1, number=1, said=said, pipeline="Support", author="ana")
    now = at("mon 9:30")
    decision = step(graph, None, Event(at=said[0].at, body=body, backfill=True), now, World(next_card_id=5))
    first = decision.timers[0]
    assert (when(first.due_at), first.key) == ("mon 10:00", "first reply/1/*/first reply/50%")
    later = step(graph, decision.card, Event(at=first.due_at, body=CustomerMessage(text="!")), first.due_at)
    assert len(later.effects) == 1


def test_a_card_begins_with_what_people_here_wrote() -> None:
    graph = load(program(BODY))
    said = (Said(at=at("mon 9:00"), direction="out", text="We noticed a problem", author="ana"),)
    body = SplitOff(card=1, number=1, said=said, pipeline="Support", title="The problem", author="ana")
    decision = step(graph, None, Event(at=said[0].at, body=body, backfill=True), at("mon 9:30"), World(next_card_id=5))
    assert decision.card is not None
    assert (decision.card.title, when(decision.card.first_replied_at)) == ("The problem", "mon 9:00")


def waiting() -> Desk:
    """Answered once; two messages since."""
    desk = Desk(BODY, "mon 9:00").writes("one").until("mon 9:30").replies()
    return desk.until("mon 10:00").writes("two").until("mon 10:30").writes("three").until("mon 11:00")


def parts(desk: Desk, since: str, **more: object) -> AnyBody:
    return SplitCard(
        messages=(1,),
        last_customer_at=desk.card.last_customer_at,
        unanswered_since=at(since) if since else None,
        author="ana",
        **more,  # type: ignore[arg-type]
    )


def test_the_card_no_longer_waits_for_an_answer_to_what_is_gone() -> None:
    desk = waiting()
    decision = desk.handle(parts(desk, ""))
    assert desk.card.unanswered_since is None
    assert (desk.clock("next reply").cancelled_by, desk.clock("next reply").outcome) == ("split", "")
    assert decision.entries[0].details == {"number": "7", "messages": "1"}


def test_the_card_waits_for_an_answer_to_what_is_left() -> None:
    desk = waiting()
    desk.handle(parts(desk, "mon 10:30"))
    assert desk.cycles("next reply") == [(1, "cancelled"), (2, "running")]
    assert (when(desk.clock("next reply").started_at), desk.due("next reply")) == ("mon 10:30", "mon 12:30")


def test_a_later_message_gone_changes_nothing() -> None:
    desk = waiting()
    clocks = desk.card.clocks
    desk.handle(parts(desk, "mon 10:00"))
    assert desk.card.clocks == clocks


def test_whoever_writes_meanwhile_is_not_overlooked() -> None:
    desk = waiting()
    body = parts(desk, "")
    desk.writes("four")
    assert desk.handle(body).refused.startswith("written-meanwhile")
    assert when(desk.card.unanswered_since) == "mon 10:00"


def test_a_pipeline_that_is_not_there() -> None:
    desk = waiting()
    assert desk.handle(parts(desk, "", pipeline="Gone")).refused.startswith("unknown-pipeline")
