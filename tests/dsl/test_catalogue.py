"""Every problem has its page, its example and its Portuguese."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest

import duly_dsl
from duly_dsl.catalogue import Kind, every, fixes
from duly_dsl.diagnostics import Severity
from duly_dsl.i18n import translations
from duly_dsl.render import Words
from duly_dsl.source import NOWHERE, SourceFile
from duly_dsl.workspace import parse_all

KINDS = list(every().values())
SYNTAX = [kind for kind in KINDS if kind.code.startswith("E01")]
PORTUGUESE = translations("duly_dsl", "pt-BR")


@pytest.mark.parametrize("kind", SYNTAX, ids=lambda kind: kind.code)
def test_the_example_has_its_problem_and_no_other(kind: Kind) -> None:
    _, problems = parse_all([SourceFile("example.duly", kind.example)])
    assert [problem.code for problem in problems] == [kind.code]
    (problem,) = problems
    words = Words("en")
    for said in (words.message(problem), words.help(problem), *(words.title(problem, fix) for fix in problem.fixes)):
        assert said and "%(" not in said and "``" not in said


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_kind_is_complete(kind: Kind) -> None:
    assert re.fullmatch(r"[EW]\d{4}", kind.code)
    assert (kind.code[0] == "E") is (kind.severity is Severity.ERROR)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
    assert re.match(r"[a-z`%]|Duly ", kind.template) and not kind.template.endswith(".")
    assert kind.help and not kind.help.endswith(".")
    assert len(kind.explanation) > 20 and kind.explanation.endswith((".", "`"))
    assert kind.example.endswith("\n")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
@pytest.mark.parametrize("part", ["template", "help", "explanation"])
def test_every_sentence_is_in_portuguese(kind: Kind, part: str) -> None:
    english = getattr(kind, part)
    assert isinstance(PORTUGUESE, gettext.GNUTranslations)
    portuguese = PORTUGUESE.gettext(english)
    assert portuguese != english or not re.sub(r"`[^`]*`|%\(\w+\)s|\W", "", english)
    slots = re.compile(r"%\(\w+\)s|%%")
    assert sorted(slots.findall(portuguese)) == sorted(slots.findall(english))
    # what stands in backticks is the language's own and is the same in all languages
    code = re.compile(r"`[^`]+`")
    assert set(code.findall(english)) <= set(code.findall(portuguese))


def test_everything_marked_for_translation_is_translated() -> None:
    """Strings handed to `_` anywhere in the component, and the titles of fixes."""
    folder = Path(duly_dsl.__file__).parent
    marked = {getattr(fixes, name) for name in dir(fixes) if name.isupper()}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_"), args=[ast.Constant(value=str(text))]):
                    marked.add(text)
    assert len(marked) > 400
    missing = {text for text in marked if PORTUGUESE.gettext(text) == text}
    assert missing <= {"pipeline", "%(instead)s"}


def test_values_that_are_words_of_ours_are_translated_and_the_authors_are_not() -> None:
    kind = every()["E0201"]
    problem = kind.at(NOWHERE, sort="calendar", name="calendar")
    portuguese = Words("pt-BR").message(problem)
    assert "calendário" in portuguese and "`calendar`" in portuguese
    assert Words("en").message(problem) == "there is a calendar called `calendar` already"
