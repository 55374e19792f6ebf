"""Lints: levels of a workspace, and lines that silence one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from dsl.mutations import shaken
from duly_dsl.build import build
from duly_dsl.catalogue import every
from duly_dsl.config import Config, Level, lints, read
from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.fixing import comments, mend, replaced
from duly_dsl.parsing.grammar import source
from duly_dsl.source import SourceFile, Span
from support.world import WORLD

UNREACHED = every()["W0503"].example
ALLOW = 'allow unreachable-stage "opened by hand"'


def found(text: str, config: str = "") -> list[tuple[str, str, int]]:
    sources = [SourceFile("a.duly", text), *([SourceFile("duly.toml", config)] if config else [])]
    return [(each.code, each.severity.value, each.span.line) for each in build(sources, WORLD).diagnostics]


def put(text: str, before: str, line: str) -> str:
    """The text with a line put before the one that holds `before`."""
    assert text.count(before) == 1
    start = text.rindex("\n", 0, text.index(before)) + 1
    return text[:start] + line + "\n" + text[start:]


def test_lints_are_the_warnings_and_only_they() -> None:
    assert "unreachable-stage" in lints() and "unknown-stage" not in lints()
    assert all(kind.severity == "warning" for kind in lints().values())


def test_every_block_of_lines_takes_an_allow() -> None:
    grammar = source()
    blocks = re.findall(r"^\w+: .*_open (_\w+_line)\* _close$", grammar, re.MULTILINE)
    lines = {name: re.search(rf"^{name}: ((?:.|\n +\|)*)", grammar, re.MULTILINE) for name in blocks}
    assert len(blocks) > 10
    assert [name for name, hit in lines.items() if hit is None or not re.search(r"\ballow\b", hit[1])] == []


def test_a_first_line_silences_its_block() -> None:
    place = UNREACHED.count("\n", 0, UNREACHED.index('stage "Doing"')) + 1
    assert found(UNREACHED) == [("W0503", "warning", place)]
    assert found(UNREACHED.replace('stage "Doing" {', f'stage "Doing" {{\n{ALLOW}')) == []
    both = f'stage "Doing" {{\nallow slow-silence "x"\n{ALLOW}'
    assert found(UNREACHED.replace('stage "Doing" {', both)) == [("W1202", "warning", place + 1)]


def test_a_line_before_a_statement_silences_that_statement_only() -> None:
    assert found(put(UNREACHED, 'stage "Doing"', ALLOW)) == []
    wrong = put(UNREACHED, 'stage "Done"', ALLOW)
    assert [code for code, _level, _line in found(wrong)] == ["W0503", "W1202"]
    last = UNREACHED.rstrip().removesuffix("}") + ALLOW + "\n}\n"
    assert [code for code, _level, _line in found(last)] == ["W0503", "W1202"]


def test_at_the_top_it_speaks_of_the_next_statement_not_of_the_file() -> None:
    unused = every()["W0213"].example
    allow = 'allow unused-definition "kept for later"'
    assert [code for code, *_ in found(unused)] == ["W0213"]
    assert found(put(unused, 'template "Thanks"', allow)) == []
    assert [code for code, *_ in found(f"{allow}\n{unused}")] == ["W1202", "W0213"]


def test_errors_are_not_silenced_and_their_names_are_no_lints() -> None:
    text = every()["E0203"].example
    allowed = text.replace('stage "New" {', 'stage "New" {\nallow unknown-stage "soon"')
    assert [code for code, *_ in found(allowed)] == ["E1201", "E0203"]


def test_what_can_not_be_known_makes_no_allow_useless() -> None:
    text = put(every()["W0908"].example, 'path "/in/shop"', 'allow unverified-webhook "behind our own gate"')
    assert [each.code for each in build([SourceFile("a.duly", text)]).diagnostics] == []
    assert found(text) == []
    broken = put(UNREACHED, 'stage "Done"', ALLOW).replace("finish", "finihs")
    assert "W1202" not in {code for code, *_ in found(broken)}


def test_an_allow_about_dates_may_wait_for_its_day() -> None:
    past = every()["W0420"].example
    allowed = put(past, "time zone", 'allow past-closure "the auditors ask for it"')
    assert [code for code, *_ in found(past)] == ["W0420"]
    assert found(allowed) == found(allowed.replace("2025-12-24", "2026-12-24")) == []


@pytest.mark.parametrize(("level", "expected"), [("error", ["error"]), ("warning", ["warning"]), ("off", [])])
def test_a_workspace_sets_the_level(level: str, expected: list[str]) -> None:
    config = f'[lints]\nunreachable-stage = "{level}"\n'
    assert [severity for _code, severity, _line in found(UNREACHED, config)] == expected
    built = build([SourceFile("a.duly", UNREACHED), SourceFile("duly.toml", config)], WORLD)
    assert (built.program is None) is (level == "error")


def test_a_lint_that_is_off_does_not_make_its_allow_useless() -> None:
    text = UNREACHED.replace('stage "Doing" {', f'stage "Doing" {{\n{ALLOW}')
    assert found(text, '[lints]\nunreachable-stage = "off"\n') == []


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("[lints\n", "E1204", 1),
        ("# levels\n[lints]\nunreachable-stage = 3\n", "E1204", 3),
        ("[rules]\nx = 1\n", "E1204", 1),
        ("lints = 3\n", "E1204", 1),
        ('[lints]\n"unreachable-stages" = "off"\n', "E1201", 2),
        ('[lints]\nunknown-stage = "off"\n', "E1201", 2),
        ("[" * 5000, "E1204", 1),
        ("#" * 70_000, "E1204", 1),
    ],
)
def test_what_is_wrong_with_the_settings(text: str, code: str, line: int) -> None:
    config, problems = read(SourceFile("duly.toml", text))
    assert config == Config()
    assert [(each.code, each.span.line) for each in problems] == [(code, line)]


def test_a_lint_can_be_named_by_its_code_only_by_mistake() -> None:
    _, (problem,) = read(SourceFile("duly.toml", '[lints]\nW0503 = "off"\n'))
    assert problem.nearest == "unreachable-stage"
    (fix,) = problem.fixes
    mended = replaced('[lints]\nW0503 = "off"\n', [fix])
    assert read(SourceFile("duly.toml", mended))[0].level("unreachable-stage") is Level.OFF


# --- mending


def check(sources: object) -> tuple[object, ...]:
    return build(sources, WORLD).diagnostics  # type: ignore[arg-type,return-value]


def mended(text: str) -> tuple[str, list[str], list[str]]:
    done = mend([SourceFile("a.duly", text)], check)  # type: ignore[arg-type]
    (source,) = done.sources
    return source.text, [each.problem.code for each in done.made], [each.code for each in done.left]


def test_fixes_are_made_until_none_is_left() -> None:
    text = 'calender "Office" {\n  tiem zone Europe/Lisboa\n  open every day 09:00-17:00;\n}\n'
    after, made, left = mended(text)
    assert after == 'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-17:00\n}\n'
    assert {"E0102", "E0103", "E0401"} <= set(made) and left == []


def test_a_choice_is_left_to_a_person() -> None:
    text = every()["E0120"].example
    assert len(build([SourceFile("a.duly", text)], WORLD).diagnostics[0].fixes) == 2
    assert mended(text) == (text, [], ["E0120"])


def test_comments_and_layout_stay() -> None:
    text = (
        '# the office\ncalendar "Office" { # ours\n  tiem zone "Europe/Lisbon"   # wall\n'
        "# when\n  open every day 09:00-17:00; # long\n}\n# end\n"
    )
    after, made, left = mended(text)
    assert after == text.replace("tiem", "time").replace(";", "") and left == [] and len(made) == 2


def test_a_line_that_is_all_taken_away_leaves_no_gap_and_its_comment_stays() -> None:
    text = UNREACHED.replace('stage "Doing" {', f'stage "Doing" {{\n    {ALLOW}')
    twice = text.replace(ALLOW, f"{ALLOW}\n    {ALLOW}")
    silent = text.replace('stage "Done" {', f'stage "Done" {{\n    {ALLOW}')
    assert mended(silent) == (text, ["W1202"], [])
    assert mended(twice) == (twice, [], [])
    noted = silent.replace(f'stage "Done" {{\n    {ALLOW}', f'stage "Done" {{\n    {ALLOW}  # once')
    after, _made, left = mended(noted)
    assert "# once" in after and after.count(ALLOW) == 1 and left == []


def test_windows_line_ends_stay() -> None:
    text = UNREACHED.replace("finish", "finihs").replace("\n", "\r\n")
    after, made, _left = mended(text)
    assert made == ["E0102"] and after == text.replace("finihs", "finish")


ASKED = '[lints]\nuntested-rule = "warning"\nunused-field = "warning"\nunused-person = "warning"\n'
QUIET = """calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 09:00-18:00
}
person ana {
}
person bruno {
}
template "Hello" {
  "en" "About {Shown}"
}
pipeline "Support" {
  calendar "Office"
  field "Shown" text
  field "Read" text
  field "Idle" text
  first reply within 4h
  stage "New" {
    start
    next "Done"
    owner agent ana
  }
  stage "Done" {
    finish
  }
  rule "Created" {
    when card is created and "Read" is empty
    then send "Hello"
  }
  rule "Missed" {
    when first reply is missed
    then set "Read" to "late"
  }
  rule "In turn" {
    when "Read" changes
    then tag "x"
  }
  rule "Answered" {
    when agent replies
    then tag "x"
  }
  rule "Weekly" {
    when every monday 09:00
    then tag "x"
  }
  rule "Left alone" off {
    when agent replies
    then tag "x"
  }
  rule "Moved" {
    when card enters "Done"
    then tag "x"
  }
}
test "Waits" {
  clock starts monday 2026-11-09 09:00 in "Office"
  given card in "New"
  at +1h expect first reply is running
}
"""


def test_lints_that_are_off_speak_when_they_are_asked() -> None:
    assert found(QUIET) == []
    lines = QUIET.splitlines()
    said = [(code, lines[line - 1].strip()) for code, _severity, line in found(QUIET, ASKED)]
    assert sorted(said) == [
        ("W0218", 'field "Idle" text'),
        ("W0219", "person bruno {"),
        ("W0717", 'rule "Answered" {'),
        ("W0717", 'rule "Moved" {'),
    ]
    moved = QUIET.replace("at +1h expect", 'at +1h agent replies "Hi"\n  agent moves card to "Done"\n  expect')
    assert "W0717" not in {code for code, *_ in found(moved, ASKED)}


def test_a_fix_that_would_do_harm_is_not_made() -> None:
    """One that would lose a comment, and one that brings more errors than it mends; the sound one is made."""
    text = 'calendar "Office" {\n  tiem zone "Europe/Lisbon"\n  open every day 09:00-17:00\n  # kept\n}\n'
    own = build([SourceFile("a.duly", text)], WORLD).diagnostics
    lost = Diagnostic(
        "W0999", "x", Severity.WARNING, Span("a.duly", 4, 1, 4, 9), "x", fixes=(Fix("x", Span("a.duly", 4, 1, 4, 9), ""),)
    )
    worse = Diagnostic(
        "W0998", "x", Severity.WARNING, Span("a.duly", 3, 3, 3, 7), "x", fixes=(Fix("x", Span("a.duly", 3, 3, 3, 7), "}"),)
    )

    def found(sources: Sequence[SourceFile]) -> list[Diagnostic]:
        again = build(sources, WORLD).diagnostics
        return [*again, lost, worse]

    assert [each.code for each in own] == ["E0102"]
    done = mend([SourceFile("a.duly", text)], found)
    assert done.sources[0].text == text.replace("tiem", "time")
    assert [each.problem.code for each in done.made] == ["E0102"]


@given(shaken())
@settings(max_examples=60, deadline=None)
def test_mending_ends_and_keeps_every_comment_and_brings_no_error(text: str) -> None:
    before = build([SourceFile("a.duly", text)], WORLD).diagnostics
    done = mend([SourceFile("a.duly", text)], lambda sources: build(sources, WORLD).diagnostics)
    (source,) = done.sources
    assert not comments(text) - comments(source.text)
    unread = [[each for each in some if each.code.startswith("E01")] for some in (before, done.left)]
    assert len(unread[1]) <= len(unread[0])
    assert done.left == build([source], WORLD).diagnostics
    again = mend(done.sources, lambda sources: build(sources, WORLD).diagnostics)
    assert again.sources == done.sources and again.made == ()


def test_a_calendar_is_used_by_whatever_runs_on_it() -> None:
    spare = 'calendar "Spare" {\n  time zone "UTC"\n  open every day 00:00-24:00\n}\n'
    assert [code for code, *_ in found(QUIET + spare)] == ["W0213"]
    for line in (
        'send limits {\n  quiet hours 22:00-07:00 in "Spare"\n}\n',
        'test "x" {\n  clock starts monday 2026-11-09 09:00 in "Spare"\n  given card in "New"\n  expect no alert\n}\n',
    ):
        assert "W0213" not in {code for code, *_ in found(QUIET + spare + line)}, line
    clock = 'clock "Own" {\n calendar "Spare"\n start when card is created\n stop when agent replies\n within 4h\n}\n'
    text = QUIET.replace('  stage "New" {', f'{clock}  stage "New" {{') + spare
    assert "W0213" not in {code for code, *_ in found(text)}
