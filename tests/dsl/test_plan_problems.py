"""The problems of plans: each shown by a file and the one it replaces."""

from __future__ import annotations

import pytest

from duly_dsl.build import build
from duly_dsl.catalogue import Kind, every
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.fixing import replaced
from duly_dsl.meaning.problems import Held, problems
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from support.world import WORLD

KINDS = [kind for kind in every().values() if kind.before]


def compiled(text: str) -> Program:
    built = build([SourceFile("example.duly", text)], WORLD)
    assert built.program is not None and built.diagnostics == ()
    return built.program


def told(kind: Kind, after: str, cards: int = 2) -> tuple[Diagnostic, ...]:
    """What replacing the file before says, when so many open cards are in each stage and hold a value in each field."""
    old = compiled(kind.before)
    held = Held(
        stages={(name, stage.name): cards for name, pipeline in old.pipelines.items() for stage in pipeline.stages},
        fields={(name, field.name): cards for name, pipeline in old.pipelines.items() for field in pipeline.fields},
    )
    return problems(old, compiled(after), held)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_the_example_of_a_kind_has_its_problem_and_no_other(kind: Kind) -> None:
    (problem,) = told(kind, kind.example)
    assert (problem.code, problem.span.path) == (kind.code, "example.duly")
    assert "``" not in problem.message and "%(" not in problem.message
    assert problem.severity == "warning" == kind.severity
    assert told(kind, kind.before) == ()


def test_what_nobody_holds_may_go() -> None:
    assert [kind.code for kind in KINDS if told(kind, kind.example, cards=0)] == ["W1901"]


def test_was_mends_a_rename() -> None:
    kind = every()["W1901"]
    (problem,) = told(kind, kind.example)
    (fix,) = problem.fixes
    mended = replaced(kind.example, [fix])
    assert 'stage "Finished" was "Done"' in mended
    assert told(kind, mended) == ()
