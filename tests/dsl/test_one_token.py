"""One broken word in a file of some three hundred lines: what is said beyond the one fault, and how much work it takes."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from dsl.mutations import TEXT
from duly_dsl.build import build
from duly_dsl.edits import apply
from duly_dsl.formatter import format
from duly_dsl.parser import MOST_BYTES, MOST_STATEMENTS, parse
from duly_dsl.parsing import lexing
from duly_dsl.parsing.engine import Automaton
from duly_dsl.parsing.lexing import Token
from duly_dsl.services.edits import Edit
from duly_dsl.source import SourceFile, Span
from support.world import WORLD

JUNK = ("xyzzy", "42", '"??"', "|", "{", "}", ",", ">", "§", "\\", "2026-13-99", "then")
TOKENS = [token for line in lexing.lines("", TEXT)[0] for token in line.tokens if token.type != lexing.NEWLINE]


def place(token: Token) -> Span:
    return token.span("a.duly")


def broken(chance: random.Random) -> Iterator[tuple[str, str]]:
    """The text with one word dropped, doubled, swapped with the next or made junk, and what was done."""
    at = chance.randrange(len(TOKENS) - 1)
    token, following = TOKENS[at], TOKENS[at + 1]
    span = place(token)
    yield "drop", apply(TEXT, [Edit(span, "")])
    yield "double", apply(TEXT, [Edit(span, f"{token.text} {token.text}")])
    if following.line == token.line:
        yield "swap", apply(TEXT, [Edit(span, following.text), Edit(place(following), token.text)])
    yield "junk", apply(TEXT, [Edit(span, chance.choice(JUNK))])


def said(text: str) -> list[tuple[str, int]]:
    built = build([SourceFile("a.duly", text)], WORLD)
    return [(each.code, each.span.line) for each in built.diagnostics if each.severity == "error"]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts what the parser does: the tokens it asks about and takes."""
    counted = [0]
    accepts, shift = Automaton.accepts, Automaton.shift

    def asks(self: Automaton, token: str, states: list[int] | None = None) -> bool:
        counted[0] += 1
        return accepts(self, token, states)

    def takes(self: Automaton, token: Token, kind: str) -> None:
        counted[0] += 1
        shift(self, token, kind)

    monkeypatch.setattr(Automaton, "accepts", asks)
    monkeypatch.setattr(Automaton, "shift", takes)
    return counted


def test_one_fault_is_told_once_and_the_rest_is_not_held_against_it(steps: list[int]) -> None:
    assert 250 <= TEXT.count("\n") <= 350 and len(TOKENS) > 900
    # The file has doors and people that the world of the tests doesn't know; they are no fault of the word.
    known = set(said(TEXT))
    chance = random.Random(20261124)
    follow: dict[str, list[int]] = {}
    work: list[int] = []
    for _each in range(60):
        for fault, text in broken(chance):
            steps[0] = 0
            parse.cache_clear()
            found = [each for each in said(text) if each not in known]
            work.append(steps[0])
            # One message is for the fault; the others follow from it.
            follow.setdefault(fault, []).append(max(0, len(found) - 1))
    assert all(statistics.median(counts) <= 1 for counts in follow.values())
    every = sorted(count for counts in follow.values() for count in counts)
    assert statistics.median(every) == 0 and every[len(every) * 9 // 10] <= 2 and statistics.mean(every) < 0.6
    # Each token is read twice at most, and asked about while a line is repaired.
    assert max(work) < 10 * len(TOKENS)


HOSTILE = {
    "brackets": (
        'pipeline "P" {\n  rule "R" {\n    when ' + "(" * 65 + "card is created" + ")" * 65 + "\n  }\n}\n",
        "E0142",
    ),
    "nots": ('pipeline "P" {\n  rule "R" {\n    when ' + "not " * 65 + "card is created\n  }\n}\n", "E0142"),
    "large": ("#" * (MOST_BYTES + 1), "E0140"),
    "many": ("}\n" * (MOST_STATEMENTS + 1), "E0141"),
    "nul": ('team "A" {\n  members ana\x00\n}\n', "E0103"),
    "surrogate": ('team "A" {\n  members ana \ud800\n}\n', "E0103"),
    "lost": ('team "A\ufffd" {\n  members ana\n}\n', "E0143"),
    "look-ahead": ('pipeline "P" {\n  field "F" text matching "(?=a)b"\n}\n', "E0304"),
    "back-reference": ('pipeline "P" {\n  field "F" text matching "(a)\\1"\n}\n', "E0304"),
    "repetition": ('pipeline "P" {\n  field "F" text matching "((a{1000}){1000}){1000}"\n}\n', "E0304"),
}


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_get_a_clear_error(text: str, code: str) -> None:
    problems = build([SourceFile("a.duly", text)], WORLD).diagnostics
    assert code in {each.code for each in problems}
    if code.startswith("E01"):
        assert len([each for each in problems if each.code == code]) == 1


def test_texts_at_the_limits_are_read(steps: list[int]) -> None:
    deep = (
        'pipeline "P" {\n  rule "R" {\n    when '
        + "(" * 64
        + "card is created"
        + ")" * 64
        + "\n    then raise priority\n  }\n}\n"
    )
    assert parse(SourceFile("a.duly", deep)).diagnostics == ()
    many = 'use "b.duly"\n' * MOST_STATEMENTS
    steps[0] = 0
    assert parse(SourceFile("a.duly", many)).diagnostics == ()
    assert steps[0] < 12 * MOST_STATEMENTS
    large = "# " + "x" * (MOST_BYTES - 3) + "\n"
    assert parse(SourceFile("a.duly", large)).diagnostics == ()
    assert format(large) == large


def test_work_grows_with_the_text_only(steps: list[int]) -> None:
    """Twice as many broken lines are about twice as much work, whatever is broken."""
    for line in ("opne every dya\n", 'team "A" {\n', "}\n", '| a | "b\n', "stage New Old {\n", "not ( not (\n"):
        counts: list[int] = []
        for times in (300, 600):
            parse.cache_clear()
            steps[0] = 0
            parse(SourceFile("a.duly", line * times))
            counts.append(steps[0])
        assert counts[1] <= 2.5 * counts[0] + 1000, line


@pytest.mark.parametrize(
    "line",
    [
        'team "A" {\n',
        "{\n",
        'allow useless-allow "x"\n',
        'calendar "A" {\nallow dst-gap "x"\n}\n',
        'template "T" {\n"en" "x"\n"en" "y"\n}\n',
    ],
)
def test_checks_and_fixes_take_the_lines_of_a_file_apart_once(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many problems there are, and however deep the blocks."""
    counted = [0]
    taken_apart = lexing.lines

    def counts(path: str, text: str) -> Any:
        counted[0] += 1
        return taken_apart(path, text)

    monkeypatch.setattr(lexing, "lines", counts)
    for times in (50, 2000):
        text = line * times
        counted[0] = 0
        build([SourceFile("a.duly", text)], WORLD)
        assert counted[0] <= 2
