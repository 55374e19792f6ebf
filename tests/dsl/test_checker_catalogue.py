"""Every problem has a file that shows it, and that file shows no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from duly_dsl.build import build
from duly_dsl.catalogue import Kind, every
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile
from duly_platform.knowledge import pattern_ok
from support.world import WORLD

EXAMPLES = Path(__file__).parents[2] / "examples"

KINDS = [kind for kind in every().values() if not kind.code.startswith("E01")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_the_example_of_a_kind_has_its_problem_and_no_other(kind: Kind) -> None:
    built = build([SourceFile("example.duly", kind.example)], WORLD)
    assert [(problem.code, problem.span.path) for problem in built.diagnostics] == [(kind.code, "example.duly")]
    problem = built.diagnostics[0]
    assert (built.program is None) is (problem.severity == "error")
    assert problem.severity == kind.severity == ("error" if kind.code[0] == "E" else "warning")
    # Every value of the sentences is given, and none is empty.
    assert "``" not in problem.message
    assert "%(" not in problem.help % {**problem.values, "nearest": problem.nearest}
    assert 0 < problem.span.line <= kind.example.count("\n")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_the_words_of_a_kind_are_in_style(kind: Kind) -> None:
    assert re.fullmatch(r"[EW][0-9]{4}", kind.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    for text in (kind.template, kind.help):
        assert not text.endswith(".")
        assert not text[0].isupper() or text.startswith("Duly")
    assert kind.explanation.endswith(".")


def test_the_fixes_of_the_examples_mend_them() -> None:
    mended: list[str] = []
    for kind in KINDS:
        problem = build([SourceFile("x.duly", kind.example)], WORLD).diagnostics[0]
        for fix in problem.fixes:
            lines = kind.example.splitlines(keepends=True)
            assert fix.span.line == fix.span.end_line
            line = lines[fix.span.line - 1]
            lines[fix.span.line - 1] = line[: fix.span.column - 1] + fix.text + line[fix.span.end_column - 1 :]
            after = build([SourceFile("x.duly", "".join(lines))], WORLD).diagnostics
            assert kind.code not in {problem.code for problem in after}, kind.code
            mended.append(kind.code)
    assert {"E0202", "E0203", "E0205", "E0208", "E0210", "E0401", "E0901"} <= set(mended)


def test_the_support_desk_has_no_problem() -> None:
    sources = [
        SourceFile(path.name, path.read_text(encoding="utf-8")) for path in (EXAMPLES / "support_desk").glob("*.duly")
    ]
    assert len(sources) == 6
    built = build(sources, Environment(regions=WORLD.regions, pattern_ok=pattern_ok))
    assert [f"{problem.span} {problem.message}" for problem in built.diagnostics] == []
    assert built.program is not None
