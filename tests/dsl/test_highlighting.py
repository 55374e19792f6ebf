"""What editors colour files by is up to date, and sees the tokens the parser sees."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings

from dsl.mutations import EXAMPLES, respaced, shaken
from duly_dsl.parsing import grammar, lexing
from duly_dsl.services import constructs

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("editors_generate", ROOT / "editors" / "generate.py")
assert _spec is not None and _spec.loader is not None
generate: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)

VSCODE = ROOT / "editors" / "vscode"


class Piece(NamedTuple):
    """A token of a line: its kind, and the columns it covers, from 0."""

    kind: str
    start: int
    end: int


Tokenizer = Callable[[str], list[Piece]]


def textmate() -> Tokenizer:
    """The part of TextMate's algorithm that is needed: of all matches the one that begins first, of those the first."""
    made = json.loads(generate.TEXTMATE.read_text(encoding="utf-8"))
    kinds = {scope + ".duly": kind for kind, scope in generate.SCOPES.items()}
    rules = []
    for pattern in made["patterns"]:
        assert pattern.keys() <= {"name", "match", "captures"}
        text = re.sub(r"\\x\{([0-9A-F]+)\}", lambda hit: re.escape(chr(int(hit[1], 16))), pattern["match"])
        rules.append((kinds.get(pattern["name"], ""), re.compile(text)))

    def pieces(line: str) -> list[Piece]:
        found: list[Piece] = []
        place = 0
        while place < len(line):
            hits = [(hit.start(), n, hit) for n, (_, rule) in enumerate(rules) if (hit := rule.search(line, place))]
            if not hits:
                break
            _, number, hit = min(hits, key=lambda item: item[:2])
            if rules[number][0]:
                found.append(Piece(rules[number][0], hit.start(), hit.end()))
            place = max(hit.end(), place + 1)
        return found

    return pieces


def browser() -> tuple[list[tuple[str, re.Pattern[str]]], Tokenizer]:
    """The table of the browser's editor, its expressions as Python writes them, and what it makes of a line."""
    text = generate.BROWSER.read_text(encoding="utf-8")
    rows = re.findall(r'^  \["(\w+)", /\^(.*)/u\],$', text, re.MULTILINE)
    assert len(rows) == text.count("/u],")
    rules = []
    for colour, body in rows:
        body = body.replace("[\\p{L}\\p{Nl}\\p{No}_]", "[^\\W\\d]").replace("\\p{L}\\p{N}_", "\\w").replace("\\/", "/")
        body = re.sub(r"\\u\{([0-9A-F]+)\}", lambda hit: re.escape(chr(int(hit[1], 16))), body)
        rules.append((colour, re.compile(body)))

    def pieces(line: str) -> list[Piece]:
        found: list[Piece] = []
        place = 0
        while place < len(line):
            for colour, rule in rules:
                if hit := rule.match(line, place):
                    found.append(Piece(colour, place, hit.end()))
                    place = hit.end()
                    break
            else:
                place += 1
        return found

    return rules, pieces


TEXTMATE, (RULES, BROWSER) = textmate(), browser()
STARTERS = generate.starters(grammar.tables())


def kind_of(token: lexing.Token) -> str:
    """The kind a token has in the generated files."""
    if token.type in grammar.tables().keywords.values():
        return "STARTER" if token.text in STARTERS else "WORD"
    return token.type


def colour_of(kind: str) -> str:
    scope = generate.SCOPES[kind]
    return generate.COLOURS.get(kind) or ("number" if scope.startswith("constant.numeric") else "punctuation")


def check(text: str) -> int:
    """Compare all lines of a text that hold nothing but tokens; how many there were."""
    compared = 0
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lexing.lines("a.duly", text)[0]:
        tokens = [token for token in line.tokens if token.type != lexing.NEWLINE]
        if line.damaged or not tokens:
            continue
        row = rows[tokens[0].line - 1]
        wanted = [Piece(kind_of(token), token.column - 1, token.end - 1) for token in tokens]
        assert [piece for piece in TEXTMATE(row) if piece.kind != "COMMENT"] == wanted
        seen = [piece for piece in BROWSER(row) if piece.kind != "comment"]
        assert seen == [piece._replace(kind=colour_of(piece.kind)) for piece in wanted]
        compared += 1
    return compared


@pytest.mark.parametrize("path", generate.files(), ids=lambda path: path.name)
def test_the_generated_files_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.files()[path], "run `make assets`"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_seen_as_the_parser_sees_them(path: Path) -> None:
    assert check(path.read_text(encoding="utf-8")) > 10


def test_every_construct_is_seen_as_the_parser_sees_it() -> None:
    assert check("\n".join(construct.example for construct in constructs.TABLE.values())) > 100


@given(shaken())
@settings(max_examples=200, deadline=None)
def test_broken_files_too(text: str) -> None:
    check(text)


@given(respaced())
@settings(max_examples=20, deadline=None)
def test_respaced_files_too(text: str) -> None:
    assert check(text) > 100


@pytest.mark.parametrize("word", sorted(grammar.tables().keywords))
def test_every_keyword_is_coloured(word: str) -> None:
    kind = "STARTER" if word in STARTERS else "WORD"
    assert TEXTMATE(word) == [Piece(kind, 0, len(word))]
    assert TEXTMATE(word + "s-x")[0].kind == "NAME" and TEXTMATE("x" + word)[0].kind == "NAME"
    assert BROWSER(word) == [Piece(colour_of(kind), 0, len(word))]


def test_words_that_begin_statements() -> None:
    assert {"stage", "alert", "when", "verify", "expect", "subject", "use"} <= STARTERS
    assert not {"is", "before", "robin", "elapsed"} & STARTERS


def test_comments_and_unclosed_texts() -> None:
    assert TEXTMATE('tag "a#b" # "c') == [Piece("WORD", 0, 3), Piece("STRING", 4, 9), Piece("COMMENT", 10, 14)]
    assert TEXTMATE('tag "a b') == [Piece("WORD", 0, 3)]


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((VSCODE / "package.json").read_text(encoding="utf-8"))
    named = [package["main"], *(each["path"] for each in package["contributes"]["grammars"])]
    named += [each["configuration"] for each in package["contributes"]["languages"]]
    assert all((VSCODE / name).is_file() for name in named)
    assert package["contributes"]["configuration"]["properties"]["duly.command"]["default"] == ["duly", "lsp"]
    for name in ("language-configuration.json", "syntaxes/markdown.tmLanguage.json"):
        json.loads((VSCODE / name).read_text(encoding="utf-8"))
    client = (VSCODE / "src" / "extension.js").read_text(encoding="utf-8")
    assert set(re.findall(r'require\("([^"]+)"\)', client)) == {"node:path", "vscode", "vscode-languageclient/node"}
