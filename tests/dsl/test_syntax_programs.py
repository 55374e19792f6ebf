"""Programs with the problem of a line marked on it: `#! E0101`. All marks and nothing else must be reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from duly_dsl.parser import parse
from duly_dsl.source import SourceFile

PROGRAMS = sorted((Path(__file__).parent / "programs_syntax").glob("*.duly"))
MARK = re.compile(r"#! ((?:E\d{4} ?)+)$")


def marks(text: str) -> list[tuple[int, str]]:
    return [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if (found := MARK.search(line))
        for code in found.group(1).split()
    ]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_marked_problem_is_found_and_no_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = parse(SourceFile(path.name, text)).diagnostics
    assert sorted((problem.span.line, problem.code) for problem in found) == sorted(marks(text))


def test_there_are_programs_for_every_code_that_a_line_can_have() -> None:
    marked = {code for path in PROGRAMS for _, code in marks(path.read_text(encoding="utf-8"))}
    assert {f"E01{number:02}" for number in (*range(1, 28), *range(30, 40))} - marked == set()
