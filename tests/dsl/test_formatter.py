"""The laws of the formatter, and how it lays things out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.mutations import EXAMPLES, TEXT, respaced, shaken
from duly_dsl.formatter import format
from duly_dsl.parser import parse
from duly_dsl.parsing import lexing
from duly_dsl.source import SourceFile

PROGRAMS = sorted((Path(__file__).parent / "programs_syntax").glob("*.duly"))


def meaning(text: str) -> Any:
    """The tree of a text without its places."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(each) for key, each in value.items() if key != "span"}
        return [bare(each) for each in value] if isinstance(value, list | tuple) else value

    return bare(msgspec.to_builtins(parse(SourceFile("a.duly", text)).file))


def problems(text: str) -> list[str]:
    return [problem.code for problem in parse(SourceFile("a.duly", text)).diagnostics]


def words(text: str) -> list[list[str]]:
    """The words of each line that has any."""
    return [[token.text for token in line.tokens[:-1]] for line in lexing.lines("a.duly", text)[0]]


def comments(text: str) -> list[tuple[str, list[str]]]:
    """Every comment with the words before it on its line."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        tokens, _ = lexing.lines("a.duly", line)
        before = [token.text for token in tokens[0].tokens[:-1]] if tokens else []
        rest = line if not tokens else line[tokens[0].tokens[-2].end - 1 :]
        if "#" in rest:
            found.append((rest[rest.index("#") :].rstrip(" \t"), before))
    return found


@given(respaced())
@settings(max_examples=25, deadline=None)
def test_white_space_is_laid_out_and_nothing_else_changes(text: str) -> None:
    once = format(text)
    assert problems(text) == problems(once) == []
    assert meaning(once) == meaning(text)
    assert words(once) == words(text)
    assert comments(once) == comments(text)
    assert format(once) == once


@given(st.one_of(shaken(), st.text(max_size=200), st.text(alphabet='"{}|,()#\\ \t\r\n;“”na3h-+字', max_size=60)))
@settings(max_examples=300, deadline=None)
def test_broken_files_keep_every_word_and_comment(text: str) -> None:
    once = format(text)
    assert words(once) == words(text)
    assert comments(once) == comments(text)
    assert format(once) == once
    if not problems(text):
        assert meaning(once) == meaning(text) and not problems(once)


@pytest.mark.parametrize("path", [*EXAMPLES, *PROGRAMS], ids=lambda path: path.name)
def test_files_keep_their_meaning_and_problems(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    once = format(text)
    assert words(once) == words(text)
    assert format(once) == once
    if not {"E0108", "E0109", "E0110"} & {*problems(text)}:  # where braces are missing, the indentation is a hint
        assert meaning(once) == meaning(text) and problems(once) == problems(text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format(text) == text


def test_blocks_tables_ladders_and_comments() -> None:
    messy = """

# first


pipeline   "Desk"{   # the desk
targets{
|priority|first reply|#head
  # rows
| urgent , high| 15m |
|else|2 working days|   # rest
}


level 1 at once notify owner
level 2 after 1h elapsed  notify   manager

level 3 after 2 working days notify team "Ünï字"
resolved within 4h if(priority is high)and not( tier is gold )

}
template "T" {
"en" "Hello"
"pt-BR" "Olá"
}
test "t" {
at +5m expect no alert
at +12h30m agent replies
}"""
    assert (
        format(messy)
        == """\
# first

pipeline "Desk" {  # the desk
  targets {
    | priority     | first reply    |  #head
    # rows
    | urgent, high | 15m            |
    | else         | 2 working days |  # rest
  }

  level 1 at once               notify owner
  level 2 after 1h elapsed      notify manager

  level 3 after 2 working days  notify team "Ünï字"
  resolved within 4h if (priority is high) and not (tier is gold)
}

template "T" {
  "en"    "Hello"
  "pt-BR" "Olá"
}

test "t" {
  at +5m      expect no alert
  at +12h30m  agent replies
}
"""
    )


def test_wide_letters_take_two_cells() -> None:
    table = "| tier | to |\n| 金 | agent ana |\n| e\u0301 | agent bo |\n"
    assert format(table) == "| tier | to        |\n| 金   | agent ana |\n| e\u0301    | agent bo  |\n"


def test_nothing_is_nothing() -> None:
    assert format("") == format("\n \n\t\n") == ""
    assert format("# only this") == "# only this\n"
    assert format(TEXT + "\n\n\n") == format(TEXT)
