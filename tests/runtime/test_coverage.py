"""What tests of rule files have tried: which points there are, and what reaches them."""

from __future__ import annotations

import pytest

from duly_dsl.build import build
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_runtime import scenario

DESK = """
calendar "Office" {
  time zone "Europe/Lisbon"
  open every day 00:00-24:00
}

person ana {
  name "Ana"
}

template "Hello" {
  "en" "Hello"
}

pipeline "Support" {
  calendar "Office"
  priorities urgent, normal
  field "Tier" choice gold, basic default basic
  field "Amount" number

  stage "Open" {
    start
    next "Waiting", "Done"
    owner agent ana
    targets {
      | priority | first reply |
      | urgent   | 1h          |
      | else     | 4h          |
    }
    alert owner at 50% of first reply
  }

  stage "Waiting" {
    next "Open", "Done"
    resolved within 8h
    pause all clocks
    resume in "Open" when customer replies
    after 1h of silence send "Hello" once
  }

  stage "Done" {
    finish
  }

  escalation "Late" {
    when first reply is missed
    level 1 at once  notify owner
    level 2 after 1h notify owner
    stop when agent replies
  }

  assign when card enters "Open" {
    | tier | to        |
    | gold | agent ana |
    | any  | agent ana |
  }

  rule "Gold" {
    when customer replies and tier is gold and "Amount" > 5
    then tag "gold"
  }

  rule "Always there" {
    when card enters "Open" and stage is "Open"
    then tag "seen"
  }

  rule "Silent" off {
    when customer replies and tier is basic
    then tag "basic"
  }
}

"""

START = 'clock starts monday 2026-03-02 10:00 in "Office"'


def covered(*bodies: str) -> list[scenario.Covered]:
    """What tests of these steps reach."""
    tests = "".join(
        f'test "{n}" {{\n  {START}\n  {body}\n  expect priority is {priority(body)}\n}}\n' for n, body in enumerate(bodies)
    )
    sources = [SourceFile("desk.duly", DESK), SourceFile("desk.tests.duly", tests)]
    built = build(sources)
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    files = [parse(source).file for source in sources]
    runner = scenario.Runner(built.program, files, sources, coverage=True)
    for test in files[1].tests:
        runner.run(test)
    return list(runner.covered())


def priority(body: str) -> str:
    """Every test has to expect something."""
    return "urgent" if "urgent" in body else "normal"


def hit(found: list[scenario.Covered], sort: str) -> list[str]:
    """The lines of one sort that were reached."""
    lines = DESK.splitlines()
    return [lines[each.point.span.line - 1].strip() for each in found if each.point.sort == sort and each.count]


def test_every_promise_and_rule_is_a_point():
    found = covered('given card in "Done"')
    sorts = [each.point.sort for each in found]
    assert {sort: sorts.count(sort) for sort in scenario.SORTS} == {
        "stage": 3,
        "target": 3,
        "assignment": 2,
        "alert": 1,
        "silence": 1,
        "resume": 1,
        "level": 2,
        "rule": 2,
        "condition": 4,
    }


def test_what_cannot_be_is_no_point():
    found = covered('given card in "Done"')
    rules = {each.point.name for each in found if each.point.sort in ("rule", "condition")}
    assert rules == {"Gold", "Always there"}
    # The event alone, or the event and the stage, decide the conditions of the second rule.
    assert {each.point.name for each in found if each.point.sort == "condition"} == {"Gold"}


def test_a_late_reply_reaches_the_row_the_alert_and_the_levels():
    found = covered('given card in "Open" with priority urgent\n  at +1h  expect first reply is missed')
    assert hit(found, "stage") == ['stage "Open" {']
    assert hit(found, "target") == ["| urgent   | 1h          |"]
    assert hit(found, "assignment") == ["| any  | agent ana |"]
    assert hit(found, "alert") == ["alert owner at 50% of first reply"]
    assert hit(found, "level") == ["level 1 at once  notify owner"]


def test_waits_and_silences():
    waits = 'given card in "Waiting"\n  at +1h  expect template "Hello" sent\n  at +2h  customer replies "yes"'
    found = covered(waits)
    assert hit(found, "silence") == ['after 1h of silence send "Hello" once']
    assert hit(found, "resume") == ['resume in "Open" when customer replies']


def test_conditions_count_both_ways_up_to_the_first_false_one():
    basic = covered('given card in "Open"\n  at +1m  customer replies "hi"')
    conditions = [(each.point.branch, each.count) for each in basic if each.point.sort == "condition"]
    assert conditions == [("false", 1), ("true", 0), ("false", 0), ("true", 0)]
    everything = covered(
        'given card in "Open"\n  at +1m  customer replies "hi"',
        'given card in "Open" with "Tier" gold, "Amount" 3\n  at +1m  customer replies "hi"',
        'given card in "Open" with "Tier" gold, "Amount" 9\n  at +1m  customer replies "hi"',
    )
    gold = [(each.point.sort, each.point.branch, each.count) for each in everything if each.point.name == "Gold"]
    assert gold == [
        ("rule", "", 1),
        ("condition", "false", 1),
        ("condition", "true", 2),
        ("condition", "false", 1),
        ("condition", "true", 1),
    ]


def test_what_comes_after_a_failed_test_is_not_covered():
    found = covered('given card in "Open"\n  at +1m  expect first reply is missed')
    assert hit(found, "alert") == []
    assert hit(found, "level") == []


def test_plain_runs_count_nothing():
    sources = [SourceFile("desk.duly", DESK)]
    program = build(sources).program
    assert program is not None
    runner = scenario.Runner(program, [parse(sources[0]).file], sources)
    assert runner.covered() == ()


def test_merging_adds_up_and_keeps_the_order_of_the_files():
    program = build([SourceFile("desk.duly", DESK)]).program
    assert program is not None
    source = SourceFile("desk.duly", DESK)
    points = scenario.Runner(program, [parse(source).file], [source], coverage=True).covered()
    once = [scenario.Covered(each.point, 1) for each in reversed(points)]
    both = scenario.merged(once, once, points)
    assert [each.point for each in both] == [each.point for each in points] == sorted(each.point for each in points)
    assert {each.count for each in both} == {2}


@pytest.mark.parametrize("decoded", [False, True])
def test_a_stored_program_is_covered_alike(decoded: bool):
    source = SourceFile("desk.duly", DESK)
    program = build([source]).program
    assert program is not None
    if decoded:
        program = type(program).decode(program.encode())
    runner = scenario.Runner(program, [parse(source).file], [source], coverage=True)
    assert len(runner.covered()) == 19
