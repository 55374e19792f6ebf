"""The scenarios in tests/runtime/scenarios, as `duly test` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_dsl import syntax as s
from duly_dsl.build import build
from duly_dsl.formatter import format
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_runtime import scenario

PATH = Path(__file__).parent / "scenarios" / "clocks.duly"
SOURCE = SourceFile(PATH.name, PATH.read_text(encoding="utf-8"))
FILE = parse(SOURCE).file


def test_the_file_has_no_problem_and_is_laid_out():
    assert [f"{each.span} {each.message}" for each in build([SOURCE]).diagnostics] == []
    assert format(SOURCE.text) == SOURCE.text
    assert len(FILE.tests) == 12


@pytest.mark.parametrize("test", FILE.tests, ids=lambda test: test.name.text)
def test_scenario(test: s.Test):
    program = build([SOURCE]).program
    assert program is not None
    result = scenario.run(program, [FILE], test, [SOURCE])
    assert result.failures == ()
    assert result.expectations
