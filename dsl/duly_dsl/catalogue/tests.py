"""E11xx: tests written in the language."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

_STARTS = 'clock starts monday 2026-11-09 09:00 in "Office"'
_GIVEN = 'given card in "New" with priority high'


def _test(*lines: str) -> str:
    return desk("resolved within 8h", rest=block('test "It works"', *lines))


NO_EXPECTATION = Kind(
    "E1101",
    "asserts-nothing",
    Severity.ERROR,
    _("the test `%(name)s` expects nothing, so it can't fail"),
    _("add a line that starts with `expect`"),
    _("A test that can't fail says nothing about the files."),
    _test(_STARTS, _GIVEN, 'at +1h agent replies "Hello"'),
    absence="file",
)
BACKWARD_CLOCK = Kind(
    "E1102",
    "backward-clock",
    Severity.ERROR,
    _("this step is earlier than the one before it"),
    _("put the steps in the order they happen"),
    _("Time in a test only goes forward. `+2h` counts from the start of the test, not from the line before."),
    _test(_STARTS, _GIVEN, "at +2h expect resolved is running", "at +1h expect resolved is running"),
)
NO_CLOCK_START = Kind(
    "E1103",
    "no-clock-start",
    Severity.ERROR,
    _("the test `%(name)s` doesn't say when it starts"),
    _('add a line like `clock starts monday 2026-11-09 09:00 in "Office"`'),
    _("Clocks count open time, so what happens depends on the day and the hour."),
    _test(_GIVEN, "expect priority is high"),
    absence="file",
)
NO_CARD = Kind(
    "E1104",
    "no-card",
    Severity.ERROR,
    _("the test `%(name)s` has no card"),
    _('add a line like `given card in "New" with priority high`'),
    _("A test tells what happens to one card."),
    _test(_STARTS, "expect nothing else"),
    absence="file",
)
WRONG_WEEKDAY = Kind(
    "E1105",
    "wrong-weekday",
    Severity.ERROR,
    _("%(date)s is a %(day)s, not a %(found)s"),
    _("correct the day or the date"),
    _("The weekday is there for the reader, and must fit the date."),
    _test(_STARTS.replace("monday", "tuesday"), _GIVEN, "expect priority is high"),
    words=("day", "found"),
)
WHICH_PIPELINE = Kind(
    "E1106",
    "which-pipeline",
    Severity.ERROR,
    _("several pipelines have a stage `%(name)s`: %(pipelines)s"),
    _('say which: `given card in "%(name)s" of "%(first)s"`'),
    _("A test's card is in one pipeline. Where the stage's name doesn't tell which, the test must."),
    desk("resolved within 8h", rest=block('test "It works"', _STARTS, _GIVEN, "expect priority is high")).replace(
        "\ntest", desk("resolved within 8h").split("\n\n", 1)[1].replace('"Support"', '"Sales"').join(("\n", "\ntest"))
    ),
)
NO_SUCH_LEVEL = Kind(
    "E1107",
    "no-such-level",
    Severity.ERROR,
    _("the escalation `%(name)s` has no level %(number)s"),
    _("expect one of its levels"),
    _("The test waits for a level that can't be reached."),
    desk(
        "resolved within 8h",
        rules=block('escalation "Late"', "when resolved is missed", "level 1 at once notify agent ana"),
        rest=block('test "It works"', _STARTS, _GIVEN, 'at +9h expect level 2 of "Late"'),
    ),
    absence="file",
)
REFUSED_ALONE = Kind(
    "E1108",
    "refused-nothing",
    Severity.ERROR,
    _("`expect refused` comes after nothing that could be refused"),
    _("put it right after the line that should not be possible"),
    _(
        "A move or a change can be refused, for example while a required field is empty. Time passing and "
        "expectations can't."
    ),
    _test(_STARTS, _GIVEN, "expect refused"),
)
