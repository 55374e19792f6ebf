"""`test` blocks of rule files: what they mean, and how a failure is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_dsl.build import build
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_runtime import scenario
from duly_runtime.scenario import Failure, Result

EXAMPLES = Path(__file__).parents[2] / "examples"

DESK = """
calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 09:00-17:00
}

person ana {
  name "Ana"
}

person bruno {
  name "Bruno"
}

team "Desk" {
  members ana, bruno
  lead ana
  manager bruno
}

template "Hello" {
  "en" "Hello"
}

pipeline "Support" {
  calendar "Office"
  priorities urgent, normal
  field "Tier" choice gold, basic default basic
  field "Answer" text required to leave "Open"
  resolved within 3 working days

  stage "Open" {
    start
    next "Waiting", "Done"
    owner agent ana
    first reply within 2h
    alert owner at 50% of first reply
    alert manager 30m before first reply
  }

  stage "Waiting" {
    next "Open", "Done"
    pause all clocks
    resume in "Open" when customer replies
  }

  stage "Done" {
    finish
  }

  escalation "Late" {
    when first reply is missed
    level 1 at once  notify owner and manager by email
    level 2 after 1h  notify manager
    stop when agent replies
  }

  rule "Gold goes first" {
    when card is created and tier is gold
    then set priority to urgent
    then tag "vip"
    then send "Hello"
  }

  rule "Ask again" shadow {
    when customer replies
    then tag "again"
  }
}
"""

OPENS = """
test "A test" {
  clock starts monday 2026-03-02 10:00 in "Office"
  given card in "Open"
"""


def play(steps: str, given: str = "", desk: str = DESK) -> Result:
    """A test on the desk: ten o'clock on a Monday, and the steps."""
    opens = OPENS.rstrip() + f" with {given}\n" if given else OPENS
    sources = [SourceFile("desk.duly", desk + opens + steps + "\n}\n")]
    built = build(sources)
    assert built.program is not None, built.diagnostics
    files = [parse(source).file for source in sources]
    ((test,),) = [file.tests for file in files]
    return scenario.run(built.program, files, test, sources)


def failure(steps: str, given: str = "", desk: str = DESK) -> Failure:
    (found,) = play(steps, given, desk).failures
    return found


PASS = {
    "alerts by their recipients": """
        at +1h expect alert to owner about first reply
        at +1h30m expect alert to manager about first reply
        at +1h30m expect alert to agent bruno about first reply
    """,
    "missed exactly at the due instant": "at +2h expect first reply is missed",
    "met when it was": """
        at +30m agent replies "hi"
        expect first reply is met
    """,
    "levels and notices": """
        at +2h expect level 1 of "Late"
        expect notice to ana by email
        at +3h expect level 2 of "Late"
        expect notice to bruno
    """,
    "a ladder is taken note of": """
        at +2h30m agent acknowledges
        at +2d expect stage is "Open"
    """,
    "wall time in the zone of the calendar": """
        at monday 2026-03-02 12:00 expect first reply is missed
    """,
    "states": """
        expect resolved is running
        set "Answer" to "yes"
        agent moves card to "Waiting"
        expect resolved is paused
        expect stage is "Waiting"
        at +1d customer replies
        expect stage is "Open"
        expect resolved is running
        expect resolved due at friday 2026-03-06 10:00
        expect resolved due in 3 working days
    """,
    "refused": """
        agent moves card to "Done"
        expect refused
        set "Answer" to "yes"
        agent moves card to "Done"
        expect stage is "Done"
        expect resolved is met
    """,
    "an event at the due instant comes first": """
        at +2h agent replies "just in time"
        expect first reply is met
    """,
    "an expectation at the due instant comes after it": """
        at +2h expect first reply is missed
        agent replies "late"
        expect priority is normal
    """,
    "no alert at a moment": """
        at +59m expect no alert
        at +1h expect alert to owner about first reply
        at +1h1m expect no alert
    """,
    "nothing else": """
        at +1h expect alert to owner about first reply
        at +1h15m agent replies "hi"
        at +3d expect nothing else
    """,
    "a level covers what it sends": """
        at +1h expect alert to owner about first reply
        at +1h30m expect alert to manager about first reply
        at +2h expect level 1 of "Late"
        at +2h30m agent replies "hi"
        at +1d expect nothing else
    """,
    "assigning": """
        assign to agent bruno
        expect owner is bruno
        at +1h expect alert to agent bruno about first reply
    """,
}


@pytest.mark.parametrize("steps", PASS.values(), ids=PASS.keys())
def test_passes(steps: str):
    assert play(steps).failures == ()


def test_given_values_are_there_before_the_rules_run():
    result = play(
        """
        expect priority is urgent
        expect tag "vip"
        expect template "Hello" sent once
        expect "Tier" is gold
        expect first reply is running
        """,
        given='"Tier" gold, channel whatsapp, message "Where is it?"',
    )
    assert (result.failures, result.expectations, result.name) == ((), 5, "A test")


def test_given_an_owner_the_card_is_theirs():
    assert play("expect owner is bruno", given="owner bruno").passed


def test_a_failure_names_the_line_and_when_it_came_instead():
    found = failure("at +55m expect alert to owner about first reply")
    assert found.expected == "at +55m expect alert to owner about first reply"
    assert (found.span.path, found.moment) == ("desk.duly", "Mon 2026-03-02 10:55")
    assert found.instead == "alert about first reply to ana: not now but Mon 2026-03-02 11:00"
    assert found.happened == (
        "Mon 2026-03-02 10:00  the card is opened",
        'Mon 2026-03-02 10:00  the card enters "Open"',
        "Mon 2026-03-02 10:00  the card goes to ana (Desk)",
        "Mon 2026-03-02 10:00  first reply starts, due Mon 2026-03-02 12:00",
        "Mon 2026-03-02 10:00  resolved starts, due Thu 2026-03-05 10:00",
    )
    assert found.why == (
        'clock first reply, cycle 1: 2h from Mon 2026-03-02 10:00 on "Office", due Mon 2026-03-02 12:00, missed',
        f"its target stands in desk.duly:{line('first reply within 2h')}: first reply within 2h",
        f"desk.duly:{line('alert owner at 50%')}: alert owner at 50% of first reply",
        f"desk.duly:{line('alert manager 30m')}: alert manager 30m before first reply",
    )


def line(text: str) -> int:
    return next(number for number, each in enumerate(DESK.splitlines(), 1) if text in each)


def test_a_due_instant_that_is_another_is_told_with_the_line_that_promises_it():
    found = failure("expect first reply due in 3h")
    assert found.instead == "first reply is due Mon 2026-03-02 12:00, not Mon 2026-03-02 13:00"
    assert found.why[1] == f"its target stands in desk.duly:{line('first reply within 2h')}: first reply within 2h"


def test_what_was_refused_is_told_where_its_effect_is_missed():
    found = failure('agent moves card to "Done"\n expect stage is "Done"')
    refused = 'Mon 2026-03-02 10:00  refused: Fill in "Answer" before the card leaves "Open".'
    assert found.why[0] == f"what the test did before was refused: {refused}"


def test_the_last_change_is_told():
    found = failure('customer replies "x"\n set priority to urgent\n expect priority is normal')
    assert found.why[0] == "last change: Mon 2026-03-02 10:00  priority becomes urgent"
    stage = failure('expect stage is "Waiting"')
    assert stage.why[0] == 'last change: Mon 2026-03-02 10:00  the card enters "Open"'


def test_where_a_clock_stands_still_is_told():
    assert failure("expect first reply is paused").why[-1] == (
        'the card is in "Open"; first reply stands still in "Waiting"'
    )
    waiting = 'set "Answer" to "a"\n agent moves card to "Waiting"\n expect resolved is running'
    assert failure(waiting).why[-1] == '"Waiting" pauses resolved'
    desk = DESK.replace("pause all clocks", "pause first reply")
    assert failure("expect resolved is paused", desk=desk).why[-1] == "no stage pauses resolved"


def test_how_far_an_escalation_came_is_told():
    at = f"desk.duly:{line('escalation')}"
    never = failure('at +1h agent replies\n at +2h expect level 1 of "Late"')
    assert never.why[-1] == f'escalation "Late" ({at}) never began: it waits for a miss of first reply'
    stopped = failure('at +2h30m agent replies\n at +3h expect level 2 of "Late"')
    assert stopped.why[-4:] == (
        f'escalation "Late" ({at}):',
        '  Mon 2026-03-02 12:00  escalation "Late" begins',
        '  Mon 2026-03-02 12:00  level 1 of "Late"',
        '  Mon 2026-03-02 12:30  escalation "Late" stops (stop)',
    )
    desk = DESK.replace("when first reply is missed", "when first reply is missed and tier is gold")
    other = failure('at +2h expect level 1 of "Late"', desk=desk)
    assert other.why[-1].endswith("did not begin with the miss of first reply: its other condition was false")


def test_who_was_told_instead_is_told():
    wrong = failure("at +2h expect notice to bruno by whatsapp")
    assert "told at that moment: ana (email), bruno (email)" in wrong.why
    assert "nobody was told of anything then" in failure("at +5m expect notice to ana").why
    alert = failure("at +1h expect alert to manager about first reply")
    assert "told at that moment: ana" in alert.why


def test_values_are_shown_as_a_person_writes_them():
    desk = DESK.replace(
        'rule "Ask again" shadow {\n    when customer replies',
        'rule "Ask again" {\n    when customer replies and card age > 2h elapsed',
    )
    found = failure('at +30m customer replies "x"\n expect tag "again"', desk=desk)
    assert found.why[0].endswith("`card age > 2h elapsed` was false; card age = 30m")


def test_no_alert_is_told_with_the_lines_that_give_it():
    found = failure("at +1h expect no alert")
    assert f"desk.duly:{line('alert owner at 50%')}: alert owner at 50% of first reply" in found.why


def test_what_comes_after_the_end_of_the_test_is_found_too():
    assert failure('at +2h expect level 2 of "Late"').instead == 'level 2 of "Late": not now but Mon 2026-03-02 13:00'


def test_what_never_comes_is_told_with_the_rules_concerned():
    found = failure('expect template "Hello" sent')
    assert found.instead == 'template "Hello" to the customer: that never happened'
    (why,) = found.why
    assert why.startswith('rule "Gold goes first" (desk.duly:')
    assert "did not fire at Mon 2026-03-02 10:00 (card is created): `tier is gold` was false; Tier = basic" in why


def test_a_rule_in_shadow_and_one_never_asked_are_told_apart():
    assert "was never asked" in failure('expect tag "again"').why[0]
    shadow = failure('customer replies "hm"\n expect tag "again"')
    assert "would have fired at Mon 2026-03-02 10:00 (customer replies), but is in shadow" in shadow.why[0]


def test_states_that_are_otherwise():
    assert failure("expect priority is urgent").instead == "priority is normal"
    assert failure('expect "Tier" is gold').instead == "Tier is basic"
    assert failure('expect stage is "Done"').instead == "stage is Open"
    assert failure("expect first reply is paused").instead == "first reply is running"
    assert failure("expect next reply is running").instead == "no clock for next reply was ever started"
    assert failure("expect first reply due in 3h").instead == (
        "first reply is due Mon 2026-03-02 12:00, not Mon 2026-03-02 13:00"
    )
    assert failure("expect resolved due at monday 2026-03-02 12:00").instead == (
        "resolved is due Thu 2026-03-05 10:00, not Mon 2026-03-02 12:00"
    )
    assert failure('set "Answer" to "a"\n expect refused').instead == "it was carried out"
    assert (
        failure("at +30m agent replies\n at +1h expect first reply is missed").instead
        == "first reply is missed: that never happened"
    )


def test_an_alert_where_none_is_expected():
    found = failure("at +1h expect no alert")
    assert found.instead == "this came: Mon 2026-03-02 11:00 alert about first reply to ana"


def test_nothing_else_names_what_came_as_well():
    found = failure('at +1h15m agent replies "hi"\n at +2h expect nothing else')
    assert found.instead == "this came as well: Mon 2026-03-02 11:00 alert about first reply to ana"


def test_once_means_once_in_the_whole_test():
    steps = 'expect template "Hello" sent once\n at +1h expect stage is "Open"'
    assert play(steps, given='"Tier" gold').passed
    twice = DESK.replace('then send "Hello"', 'then send "Hello"\n then send "Hello"')
    (found,) = play(steps, given='"Tier" gold', desk=twice).failures
    assert found.instead.startswith('template "Hello" to the customer: 2 times, ')


def test_several_failures_come_in_the_order_of_the_file():
    result = play("""
        expect priority is urgent
        at +1h expect stage is "Done"
        at +2h expect first reply is met
    """)
    assert [each.expected for each in result.failures] == [
        "expect priority is urgent",
        'at +1h expect stage is "Done"',
        "at +2h expect first reply is met",
    ]


def test_a_story_in_portuguese():
    source = SourceFile("desk.duly", DESK + OPENS + 'at +1h expect stage is "Done"\n}\n')
    built = build([source])
    assert built.program is not None
    file = parse(source).file
    (found,) = scenario.run(built.program, [file], file.tests[0], [source], "pt-BR").failures
    assert found.moment == "seg 2026-03-02 11:00"
    assert 'seg 2026-03-02 10:00  o cartão entra em "Open"' in found.happened


def test_where_a_clock_stands_is_told_in_portuguese_too():
    source = SourceFile("desk.duly", DESK + OPENS + "expect first reply is paused\n}\n")
    built = build([source])
    assert built.program is not None
    file = parse(source).file
    (found,) = scenario.run(built.program, [file], file.tests[0], [source], "pt-BR").failures
    assert found.instead == "first reply está correndo"
    assert found.why[0].endswith("correndo")


def test_tests_of_the_examples_pass():
    ran = 0
    for folder in sorted(path for path in EXAMPLES.iterdir() if path.is_dir()):
        sources = [
            SourceFile(each.relative_to(folder).as_posix(), each.read_text("utf-8")) for each in folder.rglob("*.duly")
        ]
        built = build(sources)
        assert built.program is not None, (folder, built.diagnostics)
        files = [parse(source).file for source in sources]
        for file in files:
            for test in file.tests:
                ran += 1
                assert scenario.run(built.program, files, test, sources).failures == (), test.name.text
    assert ran >= 3


SENDING = (
    DESK.replace(
        'template "Hello" {',
        'template "Back" {\n  "en" "Still here?"\n  needs whatsapp approval\n}\n\ntemplate "Hello" {',
    )
    + """
send limits {
  quiet hours 22:00-08:00
}

pipeline "Sends" {
  calendar "Office"

  stage "Asked" {
    start
    next "Closed"
    owner agent ana
    after 36h elapsed of silence send "Hello" or outside window send "Back"
  }

  stage "Closed" {
    finish
  }

  rule "Every morning" {
    when every working day 09:00
    then notify owner by email
  }
}
"""
)


def sends(steps: str, given: str = 'message "Hi"', starts: str = "monday 2026-03-02 10:00") -> Result:
    opens = f"""
test "A test" {{
  clock starts {starts} in "Office"
  given card in "Asked" of "Sends" with {given}
"""
    sources = [SourceFile("desk.duly", SENDING + opens + steps + "\n}\n")]
    built = build(sources)
    assert built.program is not None, built.diagnostics
    files = [parse(source).file for source in sources]
    (test,) = [test for file in files for test in file.tests]
    return scenario.run(built.program, files, test, sources)


def test_quiet_hours_and_scheduled_rules_in_a_test():
    result = sends("""
  at tuesday 2026-03-03 09:00  expect notice to ana by email
  at tuesday 2026-03-03 22:00  expect template "Hello" held
  at wednesday 2026-03-04 08:00  expect template "Hello" sent once
  at wednesday 2026-03-04 09:00  expect notice to ana by email
  expect nothing else
""")
    assert result.passed, result.failures


def test_the_fallback_outside_whatsapps_window_in_a_test():
    result = sends(
        """
  at saturday 2026-03-07 21:00  expect template "Back" sent once
  expect nothing else
""",
        given='channel whatsapp, message "Hi"',
        starts="friday 2026-03-06 09:00",
    )
    assert result.passed, result.failures


def test_what_was_to_be_held_and_was_not_is_told():
    (failed,) = sends('  at +1h expect template "Hello" held').failures
    assert 'template "Hello" is held: not now but Tue 2026-03-03 22:00' in failed.instead
    assert any(
        "waits until Wed 2026-03-04 08:00" in line
        for line in sends('  at wednesday 2026-03-04 08:00  expect tag "x"').failures[0].happened
    )
