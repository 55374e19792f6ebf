"""Every problem has a file that shows it, and that file shows no other."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from duly_dsl.build import build
from duly_dsl.catalogue import Kind, every
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.fixing import comments, replaced
from duly_dsl.program import Environment
from duly_dsl.render import Words
from duly_dsl.source import SourceFile
from duly_platform.knowledge import pattern_ok
from support.world import WORLD, world_of

EXAMPLES = Path(__file__).parents[2] / "examples"

KINDS = [kind for kind in every().values() if not kind.code.startswith("E01")]


def sources(kind: Kind) -> list[SourceFile]:
    """The example of a kind; a lint that is off is turned on for it."""
    asked = [SourceFile("duly.toml", f'[lints]\n{kind.name} = "warning"\n')] if kind.off else []
    return [SourceFile(kind.path, kind.example), *asked]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.before], ids=lambda kind: kind.code)
def test_the_example_of_a_kind_has_its_problem_and_no_other(kind: Kind) -> None:
    built = build(sources(kind), world_of(kind))
    assert [(problem.code, problem.span.path) for problem in built.diagnostics] == [(kind.code, kind.path)]
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


def fixable() -> list[tuple[Kind, Diagnostic, int]]:
    found: list[tuple[Kind, Diagnostic, int]] = []
    for kind in every().values():
        for problem in build(sources(kind), world_of(kind)).diagnostics:
            if problem.code == kind.code:
                found += [(kind, problem, at) for at in range(len(problem.fixes))]
    return found


FIXABLE = fixable()


@pytest.mark.parametrize(("kind", "problem", "at"), FIXABLE, ids=lambda value: getattr(value, "code", value))
def test_a_fix_mends_its_problem_and_brings_no_error(kind: Kind, problem: Diagnostic, at: int) -> None:
    fix = problem.fixes[at]
    assert fix.span.path == kind.path
    text = replaced(kind.example, [fix])
    assert text != kind.example
    world = world_of(kind)
    world = world if fix.sure else msgspec.structs.replace(world, secrets=None)  # a person stores the secret it names
    after = build([SourceFile(kind.path, text), *sources(kind)[1:]], world).diagnostics
    # A syntax example is a piece of a file: what its mended line then lacks is no fault of the fix.
    errors = [each.code for each in after if each.severity == "error"]
    if kind.code.startswith("E01"):
        errors = [code for code in errors if code.startswith("E01")]
    assert (errors, kind.code in {each.code for each in after}) == ([], False), text
    assert not comments(kind.example) - comments(text)
    title = Words("en").title(problem, fix)
    assert title and "%(" not in title


def test_most_problems_with_one_answer_have_their_fix() -> None:
    assert len({kind.code for kind, _problem, _at in FIXABLE}) >= 60


def test_the_support_desk_has_no_problem() -> None:
    sources = [
        SourceFile(path.name, path.read_text(encoding="utf-8")) for path in (EXAMPLES / "support_desk").glob("*.duly")
    ]
    assert len(sources) == 6
    built = build(sources, Environment(regions=WORLD.regions, pattern_ok=pattern_ok))
    assert [f"{problem.span} {problem.message}" for problem in built.diagnostics] == []
    assert built.program is not None
