"""How problems are shown. The golden files were reviewed line by line; DULY_WRITE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from duly_dsl import render
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.fixing import replaced
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile, Span
from duly_dsl.workspace import parse_all

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
PROGRAMS = sorted((HERE / "programs_syntax").glob("*.duly"))


@pytest.mark.parametrize("language", ["en", "pt-BR"])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_golden_output(path: Path, language: str) -> None:
    source = SourceFile(path.name, path.read_text(encoding="utf-8"))
    shown = render.text(parse(source).diagnostics, {source.path: source.text}, language=language)
    golden = GOLDEN / f"{path.stem}.{language}.txt"
    if os.environ.get("DULY_WRITE_GOLDEN"):
        golden.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == golden.read_text(encoding="utf-8")


def problems(text: str) -> list[Diagnostic]:
    return parse_all([SourceFile("a.duly", text)])[1]


def test_the_line_is_shown_with_the_words_underlined() -> None:
    text = 'team "字" {\n\tmembers ana bruno\n}\n'
    assert (
        render.text(problems(text), {"a.duly": text}, language="en")
        == """\
error[E0101]: `bruno` doesn't fit here
 --> a.duly:2:14
  |
2 |  members ana bruno
  |              ^^^^^
  = help: here can stand: `,`

1 error"""
    )


def test_wide_letters_move_the_mark() -> None:
    text = 'team "字字" extra {\n}\n'
    lines = render.text(problems(text), {"a.duly": text}, language="en").split("\n")
    assert lines[3] == '1 | team "字字" extra {'
    assert lines[4] == "  |             ^^^^^"


def test_colours_only_where_asked() -> None:
    text = "team x\n"
    plain = render.text(problems(text), {"a.duly": text}, language="en")
    coloured = render.text(problems(text), {"a.duly": text}, language="en", color=True)
    assert "\x1b" not in plain and "\x1b[1;31merror[" in coloured
    for code in (render.RED, render.BLUE, render.BOLD, render.PLAIN):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_control_characters_of_a_file_never_reach_the_terminal() -> None:
    text = 'team "a\x1b[2Jb" \x07 {\n}\n'
    shown = render.text(problems(text), {"a.duly": text}, language="en")
    assert "\x1b" not in shown and "\x07" not in shown and "U+0007" in shown


def test_long_lines_are_shown_around_the_problem() -> None:
    text = 'team "' + "x" * 5_000 + '" extra {\n}\n'
    lines = render.text(problems(text), {"a.duly": text}, language="en").split("\n")
    assert len(lines[3]) < 200 and "extra" in lines[3]
    assert lines[3][lines[4].index("^") : lines[4].rindex("^") + 1] == "extra"


def test_related_places_and_the_nearest_name_are_shown() -> None:
    text = 'team "A" {\n  lead ana\n  lead bruno\n}\nuse "b.duli"\n'
    found = parse_all([SourceFile("a.duly", text), SourceFile("b.duly", "")])[1]
    shown = render.text(found, {"a.duly": text}, language="en")
    assert "  = note: it was said here\n --> a.duly:2:3\n  |\n2 |   lead ana\n  |   --------" in shown
    assert "= did you mean `b.duly`?" in shown
    assert shown.endswith("2 errors")


def test_nothing_is_shown_of_nothing() -> None:
    assert render.text([], {}) == ""
    assert render.github([]) == ""
    assert json.loads(render.as_json([])) == []


def test_json_has_everything_a_tool_needs() -> None:
    (found,) = json.loads(render.as_json(problems('team "T" {\n  membres ana\n}\n'), language="pt-BR"))
    assert found == {
        "code": "E0102",
        "name": "misspelt-word",
        "severity": "error",
        **{"path": "a.duly", "line": 2, "column": 3, "end_line": 2, "end_column": 10},
        "message": "`membres` não é uma palavra que o Duly conheça aqui",
        "help": "escreva `members`",
        "nearest": "members",
        "fixes": [
            {
                "title": "escreva `members`",
                **{"path": "a.duly", "line": 2, "column": 3, "end_line": 2, "end_column": 10},
                "text": "members",
            }
        ],
        "related": [],
    }


def test_annotations_for_github_are_escaped() -> None:
    problem = Diagnostic(
        code="W0999",
        name="a-name",
        severity=Severity.WARNING,
        span=Span("a,b:c%.duly", 2, 3, 2, 10),
        template="100%% of `%(what)s`",
        values={"what": "x\ny"},
        help="first\nthen",
    )
    assert render.github([problem], language="en") == (
        "::warning file=a%2Cb%3Ac%25.duly,line=2,endLine=2,col=3,endColumn=10,title=W0999 a-name"
        "::100%25 of `x%0Ay`%0Afirst%0Athen"
    )


def test_applying_the_fix_mends_the_problem() -> None:
    """The fixes of the programs, each alone, take their problem away."""
    mended = 0
    for path in PROGRAMS:
        text = path.read_text(encoding="utf-8")
        for problem in problems(text):
            for fix in problem.fixes:
                left = problems(replaced(text, [fix]))
                assert (problem.code, problem.span.line) not in [(each.code, each.span.line) for each in left]
                mended += 1
    assert mended > 20
