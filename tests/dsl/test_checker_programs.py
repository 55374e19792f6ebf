"""Programs with their problems marked where they are: `#! E0203` at the end of a line stands for one on it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from duly_dsl.build import build
from duly_dsl.source import SourceFile
from support.world import WORLD

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.duly"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_each_problem_is_found_where_it_is_and_no_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if (marks := re.search(r"#! (.*)$", line))
        for code in sorted(marks[1].split())
    ]
    assert expected
    problems = build([SourceFile(path.name, text)], WORLD).diagnostics
    found = sorted((problem.span.line, problem.code) for problem in problems)
    said = "\n".join(f"{problem.span.line}: {problem.code} {problem.message}" for problem in problems)
    wrong = Counter(found) - Counter(expected), Counter(expected) - Counter(found)
    assert wrong == (Counter(), Counter()), f"too many: {wrong[0]}; missing: {wrong[1]}\n{said}"
