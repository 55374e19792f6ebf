"""From texts to a rule graph: problems that follow from others are left out, and nothing makes it fall over."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from support.world import WORLD

HERE = Path(__file__).parent
DESK = HERE.parents[1] / "examples" / "support_desk"


def desk() -> list[SourceFile]:
    return [SourceFile(path.name, path.read_text(encoding="utf-8")) for path in sorted(DESK.glob("*.duly"))]


def codes(*texts: str) -> list[str]:
    sources = [SourceFile(f"{number}.duly", text) for number, text in enumerate(texts)]
    return [problem.code for problem in build(sources, WORLD).diagnostics]


OFFICE = 'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-17:00\n}\n'
PIPELINE = """pipeline "P" {
  calendar "Office"
  stage "New" {
    start
    next "Done"
  }
  stage "Done" {
    finish
  }
}
"""


def test_a_stage_whose_line_cannot_be_read_is_not_missing() -> None:
    broken = PIPELINE.replace('stage "Done" {', 'stage "Done" !! {')
    found = codes(OFFICE + broken)
    assert found and all(code.startswith("E01") for code in found)


def test_a_name_that_stands_in_no_unread_line_is_still_unknown() -> None:
    text = OFFICE + PIPELINE.replace('next "Done"', 'next "Done", "Gone"').replace("    finish\n", "    finish it\n")
    found = codes(text)
    assert "E0203" in found
    # `finish` was in the line left out: that no way leads to a finish is not said.
    assert "E0505" not in found


def test_other_files_are_checked_though_one_cannot_be_read() -> None:
    assert codes(OFFICE, "team {\n", PIPELINE.replace('"Office"', '"Offic"'))[-1] == "E0202"


def test_warnings_do_not_stand_in_the_way_and_errors_do() -> None:
    unused = OFFICE + PIPELINE + 'template "T" {\n  "en" "Hello"\n}\n'
    built = build([SourceFile("a.duly", unused)])
    assert [problem.severity for problem in built.diagnostics] == [Severity.WARNING]
    assert built.program is not None
    assert build([SourceFile("a.duly", unused.replace("start\n", "\n"))]).program is None


def test_what_is_not_known_of_the_world_is_not_complained_of() -> None:
    text = OFFICE + PIPELINE + 'connector "Fax" connects fax {\n  key "k"\n  open card in "P"\n}\n'
    assert build([SourceFile("a.duly", text)], Environment()).diagnostics == ()
    assert codes(text) == ["E0901"]


def test_problems_come_by_file_and_place() -> None:
    found = build([SourceFile("b.duly", PIPELINE), SourceFile("a.duly", 'team "T" {\n}\n')]).diagnostics
    assert [(problem.span.path, problem.code) for problem in found] == [
        ("a.duly", "E0409"),
        ("a.duly", "W0213"),
        ("b.duly", "E0202"),
    ]


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_workspace_is_reported_and_never_breaks_the_checker(seed: int) -> None:
    chance = random.Random(seed)
    texts = [*desk(), *(SourceFile(path.name, path.read_text(encoding="utf-8")) for path in HERE.glob("programs/*.duly"))]
    source = chance.choice(texts)
    words = source.text.split(" ")
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(words))
        match chance.randrange(4):
            case 0:
                del words[at]
            case 1:
                words[at] = chance.choice(words)
            case 2:
                words.insert(at, chance.choice(words))
            case _:
                words[at] = words[at][: len(words[at]) // 2]
    damaged = SourceFile(source.path, " ".join(words))
    others = [each for each in desk() if each.path != source.path]
    built = build([damaged, *others], WORLD)
    broken = any(problem.severity is Severity.ERROR for problem in built.diagnostics)
    assert (built.program is None) is broken
    if built.program is not None:
        assert Program.decode(built.program.encode()) == built.program


def test_an_owner_must_be_somebody_where_all_accounts_are_known() -> None:
    text = OFFICE + PIPELINE.replace(
        "    start\n", "    start\n    leave stage within 1h\n    alert owner at 50% of leave stage\n"
    )
    text = text.replace("    start\n", '    allow owner-required "whoever is free takes the card"\n    start\n')
    source = SourceFile("a.duly", text)
    assert build([source]).diagnostics == ()
    assert [each.code for each in build([source], Environment(people=frozenset())).diagnostics] == ["E0410"]
    assert build([source], Environment(people=frozenset({"ana"}))).diagnostics == ()
