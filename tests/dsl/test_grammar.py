"""The grammar file and its tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lark import Lark

from dsl.mutations import EXAMPLES
from duly_dsl.parser import parse
from duly_dsl.parsing import grammar
from duly_dsl.parsing.engine import HEADERS, SAMPLES
from duly_dsl.parsing.nodes import NodeBuilder
from duly_dsl.source import SourceFile


def test_the_grammar_has_no_conflict_and_its_tokens_no_overlap() -> None:
    """strict=True makes Lark refuse shift/reduce conflicts it would settle silently, and tokens that collide."""
    Lark(grammar.source(), parser="lalr", lexer="contextual", strict=True, maybe_placeholders=False)


def test_plain_lark_reads_the_examples_too() -> None:
    lark = Lark(grammar.source(), parser="lalr", maybe_placeholders=False)
    for path in EXAMPLES:
        assert lark.parse(path.read_text(encoding="utf-8")).data == "start"


def test_every_rule_has_a_maker_and_every_maker_a_rule() -> None:
    rules = {rule.name for rule in grammar.tables().rules if not rule.inline and not rule.name.startswith("_")}
    passed_on = {rule.name for rule in grammar.tables().rules if rule.single}
    makers = {name for name in dir(NodeBuilder) if not name.startswith("_")} - {"build"}
    assert rules - makers <= passed_on and makers <= rules


def test_the_tables_of_the_engine_speak_of_tokens_of_the_grammar() -> None:
    tokens = {token for row in grammar.tables().actions for token in row}
    assert {*SAMPLES, *HEADERS} <= tokens
    assert {kind for least in HEADERS.values() for kind in least} <= tokens
    assert tokens <= {*SAMPLES, *grammar.tables().literals, "_NL", grammar.END}


def test_no_token_has_a_repeat_within_a_repeat() -> None:
    """A pattern like (a+)+ could take for ever on a hostile line."""
    for name, pattern in re.findall(r"(?m)^(_?[A-Z]+)(?:\.\d)?: /(.*)/$", grammar.source()):
        inner = re.sub(r"\[[^\]]*\]", "c", pattern)
        repeated = re.findall(r"\(\?:([^()]*)\)[*+]", inner)
        for body in repeated:
            for branch in body.split("|"):
                # a branch may repeat one class only behind a letter of its own that no other branch can begin with
                assert not re.match(r"c[*+]", branch) or name == "_NL"


def test_a_line_of_spaces_takes_no_longer_than_its_length() -> None:
    text = "team " + " " * 200_000 + "\n" + " " * 50_000 + "# x\n"
    assert [problem.code for problem in parse(SourceFile("a.duly", text)).diagnostics] == ["E0106"]


def test_tables_are_the_same_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY_CACHE", str(tmp_path / "deep" / "cache"))
    grammar.tables.cache_clear()
    built = grammar.tables()
    files = list((tmp_path / "deep" / "cache").iterdir())
    assert len(files) == 1
    grammar.tables.cache_clear()
    assert grammar.tables() == built
    assert list((tmp_path / "deep" / "cache").iterdir()) == files


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x90", b"not a table"])
def test_a_damaged_cache_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    monkeypatch.setenv("DULY_CACHE", str(tmp_path))
    grammar.tables.cache_clear()
    built = grammar.tables()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage)
    grammar.tables.cache_clear()
    assert grammar.tables() == built
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DULY_CACHE", str(tmp_path / "file"))
    grammar.tables.cache_clear()
    assert grammar.tables().keywords["pipeline"] == "PIPELINE"
