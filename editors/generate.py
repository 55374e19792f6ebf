"""Makes from duly.lark what editors colour files by: the TextMate grammar of the VS Code extension and the table of tokens
of the editor in the browser. Run it after a change of the grammar, `python editors/generate.py`; tests compare.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "dsl"))

from duly_dsl.parsing import grammar  # noqa: E402
from duly_dsl.parsing.engine import CLOSE, HEADERS, NAME, OPEN  # noqa: E402
from duly_dsl.parsing.grammar import Tables  # noqa: E402
from duly_dsl.parsing.lexing import NEWLINE  # noqa: E402
from duly_dsl.services import paths  # noqa: E402

TEXTMATE = ROOT / "editors" / "vscode" / "syntaxes" / "duly.tmLanguage.json"
BROWSER = ROOT / "admin_ui" / "src" / "tokens.js"

SCOPES = {
    "COMMENT": "comment.line.number-sign",
    "STRING": "string.quoted.double",
    "STARTER": "keyword.control",
    "WORD": "keyword.other",
    NAME: "variable.other",
    "YES_NO": "keyword.other.type",
    "SPAN": "constant.numeric.span",
    "DATE": "constant.numeric.date",
    "TIME": "constant.numeric.time",
    "OFFSET": "constant.numeric.offset",
    "PERCENT": "constant.numeric.percent",
    "DURATION": "constant.numeric.duration",
    "DECIMAL": "constant.numeric.decimal",
    "INT": "constant.numeric.integer",
    "CMP": "keyword.operator.comparison",
    "MINUS": "constant.language.none",
    "COMMA": "punctuation.separator",
    "VBAR": "punctuation.separator.cell",
    OPEN: "punctuation.section.block.begin",
    CLOSE: "punctuation.section.block.end",
    "LPAR": "punctuation.section.group.begin",
    "RPAR": "punctuation.section.group.end",
}
"""What a token is called in TextMate's words. STARTER are the keywords that begin statements, WORD the others."""

COLOURS = {
    "COMMENT": "comment",
    "STRING": "string",
    "STARTER": "keyword",
    "WORD": "operatorKeyword",
    "YES_NO": "operatorKeyword",
    NAME: "variableName",
}
"""The same in the browser; what begins with `constant` is a number there, all else punctuation."""


def starters(tables: Tables) -> set[str]:
    """Keywords that can begin a statement, in any block."""
    found: set[str] = set()
    waiting, seen = [paths.start()], set[frozenset[str]]()
    while waiting:
        states = waiting.pop()
        kinds = paths.accepted(states)
        if kinds in seen:
            continue
        seen.add(kinds)
        found |= kinds & set(tables.keywords.values())
        for kind in kinds & HEADERS.keys():
            at: paths.States | None = states
            for each in (kind, *HEADERS[kind], OPEN, NEWLINE):
                at = paths.shifted(at, each) if at is not None else None
            if at is not None:
                waiting.append(at)
    return {tables.literals[kind] for kind in found}


def tokens(tables: Tables) -> list[tuple[str, str]]:
    """Kinds of tokens and their patterns (of Python's `re`), in the order they are tried: the first that matches counts."""
    groups = re.findall(r"\(\?P<(\w+)>", tables.pattern)
    starts = [tables.pattern.index(f"(?P<{name}>") for name in groups] + [len(tables.pattern) + 1]
    patterns = {
        name: tables.pattern[start + len(f"(?P<{name}>") : end - 2]
        for name, start, end in zip(groups, starts[:-1], starts[1:], strict=True)
    }
    name = patterns[NAME]
    letters = re.findall(r"\[\\w[^\]]*\]", name)[0]
    ends = f"(?!{letters}|[.-]{letters})"
    begin = starters(tables)
    words = {True: sorted(begin), False: sorted(set(tables.keywords) - begin)}
    found: list[tuple[str, str]] = [("COMMENT", r"#[^\r\n]*")]
    for kind, pattern in patterns.items():
        if kind == NEWLINE:
            continue
        if kind == NAME:
            found += [
                (group, f"(?:{'|'.join(sorted(words[first], key=lambda word: (-len(word), word)))}){ends}")
                for group, first in (("STARTER", True), ("WORD", False))
            ]
        found.append((kind, pattern))
    return found


def textmate(tables: Tables) -> dict[str, Any]:
    """The grammar of TextMate: one list of patterns, no state, since no token spans lines."""
    patterns: list[dict[str, Any]] = []
    for kind, pattern in tokens(tables):
        made: dict[str, Any] = {"name": SCOPES[kind] + ".duly", "match": _escaped(pattern)}
        if kind == "STRING":
            made["captures"] = {"0": {"patterns": [{"include": "#inside"}]}}
        patterns.append(made)
    patterns.append({"name": "invalid.illegal.unclosed-text.duly", "match": '"[^"]*$'})
    inside = [
        {"name": "constant.character.escape.duly", "match": r'\\[nt"\\]'},
        {"name": "variable.parameter.placeholder.duly", "match": r"\{[ \t]*[^\s{}](?:[^{}]*[^\s{}])?[ \t]*\}"},
    ]
    return {
        "name": "Duly",
        "scopeName": "source.duly",
        "fileTypes": ["duly"],
        "patterns": patterns,
        "repository": {"inside": {"patterns": inside}},
    }


def _escaped(pattern: str) -> str:
    """Letters beyond ASCII as Oniguruma and every file viewer can read them."""
    return re.sub(r"[^\x20-\x7e]", lambda letter: f"\\x{{{ord(letter[0]):04X}}}", _plain(pattern))


def _plain(pattern: str) -> str:
    return re.sub(r"\\u([0-9A-F]{4})", lambda hit: chr(int(hit[1], 16)), pattern)


def browser(tables: Tables) -> str:
    """A module with the tokens as sticky expressions, each with its colour."""
    rows = []
    for kind, pattern in tokens(tables):
        colour = COLOURS.get(kind) or ("number" if SCOPES[kind].startswith("constant.numeric") else "punctuation")
        body = _plain(pattern).replace("[^\\W\\d]", "[\\p{L}\\p{Nl}\\p{No}_]").replace("\\w", "\\p{L}\\p{N}_")
        body = body.replace('\\"', '"').replace("\\-", "-").replace("/", "\\/")
        body = re.sub(r"[^\x20-\x7e]", lambda letter: f"\\u{{{ord(letter[0]):X}}}", body)
        rows.append(f'  ["{colour}", /^(?:{body})/u],\n')
    head = "// Made from the grammar by `python editors/generate.py`; don't edit.\n"
    return f"{head}export const TOKENS = [\n{''.join(rows)}];\n"


def files() -> dict[Path, str]:
    """What is generated, by the file it belongs in."""
    tables = grammar.tables()
    text = json.dumps(textmate(tables), indent=2, ensure_ascii=False) + "\n"
    return {TEXTMATE: text, BROWSER: browser(tables)}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
