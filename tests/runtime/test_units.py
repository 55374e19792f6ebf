"""Every place a duration can stand honours each unit (semantics, point 6).

From Friday 10:00 in an office open Monday to Friday, 9:00 to 17:00.
"""

from __future__ import annotations

import datetime as dt

import pytest

from duly_dsl.units import Duration, Unit
from duly_runtime.engine.step import wants_new_card
from duly_runtime.events import CustomerMessage, Event
from runtime.desk import Desk, at, when

AFTER = {
    "12h": "mon2 14:00",
    "12h elapsed": "fri 22:00",
    "2 working days": "tue2 10:00",
    "2 calendar days": "sun 10:00",
}
BEFORE = {
    "12h": "thu2 14:00",
    "12h elapsed": "sun2 22:00",
    "2 working days": "thu2 10:00",
    "2 calendar days": "sat2 10:00",
}
"""Before Monday 10:00, six working days later."""

after = pytest.mark.parametrize(("amount", "moment"), AFTER.items())
MINUTE = dt.timedelta(minutes=1)

STAGES = """
  stage "New" {
    start
    owner agent ana
    next "Done"
    LINES
  }
  stage "Done" {
    finish
    reopen within AMOUNT to "New"
  }
"""


def house(amount: str, *, pipeline: str = "", stage: str = "") -> str:
    return (pipeline + STAGES.replace("LINES", stage)).replace("AMOUNT", amount)


@after
@pytest.mark.parametrize("metric", ["first reply", "leave stage", "resolved"])
def test_a_target(metric: str, amount: str, moment: str):
    desk = Desk(house(amount, stage=f"{metric} within AMOUNT"), "fri 10:00").writes()
    assert desk.due(metric) == moment


@after
def test_a_target_in_a_table(amount: str, moment: str):
    table = "targets {\n| priority | leave stage |\n| low | 1h |\n| else | AMOUNT |\n}"
    desk = Desk(house(amount, stage=table), "fri 10:00").writes()
    assert desk.due("leave stage") == moment


@after
def test_a_target_of_a_named_clock(amount: str, moment: str):
    clock = 'clock "Own" {\n start when card is created\n stop when agent replies\n within AMOUNT\n}\n'
    desk = Desk(house(amount, pipeline=clock), "fri 10:00").writes()
    assert desk.due("Own") == moment


@pytest.mark.parametrize(("amount", "moment"), BEFORE.items())
def test_the_lead_of_an_alert(amount: str, moment: str):
    lines = "resolved within 6 working days\nalert owner AMOUNT before resolved"
    desk = Desk(house(amount, stage=lines), "fri 10:00").writes()
    desk.until("mon3 9:30")
    assert desk.told("alert") == [(moment, "ana")]


@after
def test_an_alert_after_a_miss(amount: str, moment: str):
    lines = "leave stage within 1h\nalert owner AMOUNT after leave stage"
    desk = Desk(house(amount, stage=lines), "fri 9:00").writes()
    desk.until("fri2 10:00")
    assert desk.told("alert") == [(moment, "ana")]


@after
def test_the_delay_of_a_level(amount: str, moment: str):
    ladder = 'escalation "Late" {\n when leave stage is missed\n level 1 after AMOUNT notify owner\n}\n'
    desk = Desk(house(amount, pipeline=ladder, stage="leave stage within 1h"), "fri 9:00").writes()
    desk.until("fri2 10:00")
    assert desk.told("escalation") == [(moment, "ana")]


@after
def test_a_repeat(amount: str, moment: str):
    ladder = (
        'escalation "Late" {\n when leave stage is missed\n level 1 at once notify owner\n'
        " repeat level 1 every AMOUNT at most 1 time\n}\n"
    )
    desk = Desk(house(amount, pipeline=ladder, stage="leave stage within 1h"), "fri 9:00").writes()
    desk.until("fri2 10:00")
    assert desk.told("escalation") == [("fri 10:00", "ana"), (moment, "ana")]


@after
def test_a_silence(amount: str, moment: str):
    desk = Desk(house(amount, stage='after AMOUNT of silence tag "quiet"'), "fri 9:00").writes()
    desk.until("fri 10:00").replies()
    desk.until("fri2 10:00")
    assert [when(entry.at) for entry in desk.history("silence.acted")] == [moment]


@after
def test_a_reopening(amount: str, moment: str):
    desk = Desk(house(amount), "fri 9:00").writes()
    desk.until("fri 10:00").moves("Done")
    last = at(moment)
    message = Event(at=last, body=CustomerMessage(text="again", pipeline="Support"))
    assert not wants_new_card(desk.graph, desk.card, message, last)
    assert wants_new_card(desk.graph, desk.card, Event(at=last + MINUTE, body=message.body), last + MINUTE)


@after
def test_the_same_card_of_a_connector(amount: str, moment: str):
    units = {"12h": Unit.BUSINESS, "12h elapsed": Unit.ELAPSED}
    days = Unit.WORKING_DAYS if "working" in amount else Unit.CALENDAR_DAYS
    within = Duration(units[amount], 12 * 3_600_000_000) if amount in units else Duration(days, 2)
    desk = Desk(house(amount), "fri 10:00").writes()
    last = at(moment)
    body = CustomerMessage(text="again", pipeline="Support", same_within=within)
    assert not wants_new_card(desk.graph, desk.card, Event(at=last, body=body), last)
    assert wants_new_card(desk.graph, desk.card, Event(at=last + MINUTE, body=body), last + MINUTE)


@after
def test_the_age_of_a_card(amount: str, moment: str):
    rule = 'rule "Old" {\n when customer replies and card age > AMOUNT\n then tag "old"\n}\n'
    desk = Desk(house(amount, pipeline=rule), "fri 10:00").writes()
    desk.until(moment).writes()
    assert desk.card.tags == ()
    # What is counted in open time goes on when the office opens.
    desk.until("fri2 12:00").writes()
    assert desk.card.tags == ("old",)
