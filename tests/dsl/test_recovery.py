"""One fault costs one message, whatever the fault, and the rest of the file is read."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.mutations import LINES, TEXT, one_fault, shaken
from duly_dsl.parser import parse
from duly_dsl.parsing import lexing
from duly_dsl.source import SourceFile, Span


def statements(text: str) -> int:
    """How many nodes the tree of a text has."""

    def count(value: object) -> int:
        if isinstance(value, dict):
            return 1 + sum(count(each) for each in value.values())
        return sum(count(each) for each in value) if isinstance(value, list | tuple) else 0

    return count(msgspec.to_builtins(parse(SourceFile("a.duly", text)).file))


WHOLE = statements(TEXT)
BESIDE = statements(re.sub(r"(?ms)^pipeline .*?^}$", "", TEXT))
"""How many stand outside the pipeline."""


def test_the_example_has_no_problem() -> None:
    assert parse(SourceFile("a.duly", TEXT)).diagnostics == ()


@given(one_fault())
@settings(max_examples=150, deadline=None)
def test_one_fault_gives_at_most_two_messages_and_names_its_place(broken: tuple[str, int]) -> None:
    text, line = broken
    found = parse(SourceFile("a.duly", text)).diagnostics
    assert len(found) <= 2
    places = [span.line for problem in found for span in (problem.span, *(span for span, _ in problem.related))]
    # a missing brace may only be noticed where its block's parent ends
    assert not found or any(abs(place - line) <= 2 or problem_of_braces(found) for place in places)


def problem_of_braces(found: tuple[object, ...]) -> bool:
    return any(getattr(problem, "code", "") == "E0109" for problem in found)


def test_faults_far_apart_are_each_reported_once() -> None:
    lines = TEXT.split("\n")
    faults = {}
    for number, line in enumerate(lines):
        if line.strip().startswith(("alert owner", "then tag", "lead ", "open every")) and "#" not in line:
            lines[number] = line.replace("owner", "ownr").replace("tag ", "tag tag ").replace("lead ", "lead lead, ")
            lines[number] = lines[number].replace("open every day", "open every dya")
            faults[number + 1] = lines[number]
    found = parse(SourceFile("a.duly", "\n".join(lines))).diagnostics
    assert len(faults) >= 6
    assert [problem.span.line for problem in found] == sorted(faults)


@given(one_fault())
@settings(max_examples=40, deadline=None)
def test_a_fault_costs_no_more_than_its_block(broken: tuple[str, int]) -> None:
    text, line = broken
    if LINES[line - 1].startswith("pipeline "):
        # without its first word nothing tells what the block is, and here it holds nearly everything
        assert statements(text) >= BESIDE
    else:
        # the largest other block that a broken header can take with it is a map: well under a fifth of the file
        assert statements(text) > WHOLE * 0.8


@given(st.one_of(shaken(), st.text(max_size=300), st.binary(max_size=300).map(lambda data: data.decode("latin-1"))))
@settings(max_examples=150, deadline=None)
def test_no_text_stops_the_parser(text: str) -> None:
    parsed = parse(SourceFile("a.duly", text))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in parsed.diagnostics:
        inside(problem.span, lines)
        for fix in problem.fixes:
            inside(fix.span, lines)
    assert parsed.file.path == "a.duly"
    if not parsed.diagnostics:
        assert bool(lexing.lines("a.duly", text)[0]) == any(msgspec.structs.astuple(parsed.file)[2:])


def inside(span: Span, lines: list[str]) -> None:
    """A span is a place in the text, and not backwards."""
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
    assert (span.line, span.column) <= (span.end_line, span.end_column)


def test_deep_conditions_and_long_lists_do_not_stop_the_parser() -> None:
    nots = 'pipeline "P" {\n  rule "R" {\n    when ' + "not " * 40_000 + "card is created\n  }\n}\n"
    assert [problem.code for problem in parse(SourceFile("a.duly", nots)).diagnostics] == ["E0142"]
    at_the_limit = nots.replace("not " * 40_000, "not " * 64)
    assert parse(SourceFile("a.duly", at_the_limit)).diagnostics == ()
    names = 'team "T" {\n  members ' + ", ".join(["ana"] * 30_000) + "\n}\n"
    parsed = parse(SourceFile("a.duly", names))
    assert parsed.diagnostics == () and len(parsed.file.teams[0].members) == 30_000
    braces = "{\n" * 9_000
    assert len(parse(SourceFile("a.duly", braces)).diagnostics) >= 1
    open_brackets = 'pipeline "P" {\n  resolved within 1h if ' + "(" * 100_000 + "\n}\n"
    assert [problem.code for problem in parse(SourceFile("a.duly", open_brackets)).diagnostics] == ["E0142"]


def test_a_word_that_opens_a_block_elsewhere_opens_none_here() -> None:
    """In a pipeline `calendar` names one, so its block there is passed over."""
    text = 'pipeline "P" {\n  calenda{\n    time zone "UTC"\n  }\n  calendar "Office" {\n  }\n  first reply within 1h\n}\n'
    parsed = parse(SourceFile("a.duly", text))
    assert [problem.span.line for problem in parsed.diagnostics] == [2, 5]
    assert len(parsed.file.pipelines[0].lines) == 1
