"""The examples of docs/language.md and README.md are read and checked; its tables say what the code says.

A block that starts with ```duly is a whole file. One with a further word (```duly stage) is a part, put where it belongs in
the desk below; what the part says itself is left out of the desk. Run this file to write the table of codes anew.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from duly_connectors.registry import kinds
from duly_dsl.build import build
from duly_dsl.catalogue import every
from duly_dsl.placeholders import BUILT_IN
from duly_dsl.source import SourceFile
from duly_platform import knowledge

ROOT = Path(__file__).parents[2]
LANGUAGE = ROOT / "docs" / "language.md"
GRAMMAR = ROOT / "dsl" / "duly_dsl" / "duly.lark"
BEGIN = "<!-- codes: generated, write anew with `python tests/docs/test_language_docs.py` -->\n"
END = "<!-- end of codes -->\n"

HOURS = ('time zone "Europe/Lisbon"', "open monday to friday 09:00-18:00")

TOP = (
    'person ana {\n  name "Ana"\n  email "ana@support.example"\n  phone "+351210000001"\n}',
    'person bruno {\n  name "Bruno"\n  email "bruno@support.example"\n  phone "+351210000002"\n}',
    'person carla {\n  name "Carla"\n  email "carla@support.example"\n  phone "+351210000003"\n}',
    'team "Front desk" {\n  members ana, bruno\n  lead ana\n  manager carla\n}',
    'team "Billing" {\n  members carla, bruno\n  lead bruno\n  manager carla\n}',
    'template "Nearly late" {\n  "en" "Card {card.number} is nearly late."\n}',
    'template "Still there?" {\n  "en" "Do you still need help?"\n}',
    'template "Welcome" {\n  "en" "Thank you for writing."\n}',
    'connector "Mail" sends email {\n  server secret "SMTP_URL"\n  from "Support <support@support.example>"\n}',
    'connector "CRM" sends webhook {\n  url secret "CRM_URL"\n}',
)

PIPELINE = (
    'calendar "Office"',
    "priorities urgent, high, normal, low",
    "ticket types question, complaint",
    'field "Order number" text',
    'field "Tier" choice gold, silver, basic',
    'field "Refund amount" number',
    'field "Promised date" date',
    'field "Gift" yes/no',
    'field "Resolution" text',
    'excuses "Outage at provider"',
    "first reply within 8h",
    "next reply within 8h",
    "leave stage within 8h",
    "resolved within 3 working days",
    'stage "New" {\n  start\n}',
    'stage "Triage" {\n}',
    'stage "In progress" {\n}',
    'stage "Waiting for customer" {\n}',
    'stage "Done" {\n  finish\n}',
    'escalation "Late reply" {\n  when first reply is missed\n  level 1 at once notify owner\n}',
)

GIVEN = ('clock starts monday 2026-11-09 09:00 in "Office"', 'given card in "New"')

_HEAD = re.compile(
    r'(first reply|next reply|leave stage|resolved) within|[a-z]+ ?(?:"[^"]*"|types|starts|card|zone|[a-z]*)'
)


class Block(NamedTuple):
    where: str
    part: str
    text: str


def blocks() -> list[Block]:
    found: list[Block] = []
    for path in (ROOT / "README.md", LANGUAGE):
        text = path.read_text(encoding="utf-8")
        for hit in re.finditer(r"^```duly(?: (\w+))?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, hit.start()) + 1
            found.append(Block(f"{path.name}:{line}", hit[1] or "", hit[2]))
    return found


def _head(statement: str) -> str:
    """What a statement is about: two with one head can't stand in one block."""
    hit = _HEAD.match(statement)
    if hit is None:
        raise ValueError(statement)
    words = hit[0].split()
    return words[0] if words[0] in ("priorities", "calendar", "when", "then") else hit[0].strip()


def _with(desk: tuple[str, ...], own: str) -> str:
    """The statements of the desk that the part does not make itself, and the part."""
    lines = own.splitlines()
    kept = [each for each in desk if not any(line.startswith(_head(each)) for line in lines)]
    return "\n".join((*kept, own))


def _braced(head: str, inside: str) -> str:
    return f"{head} {{\n{textwrap.indent(inside.strip(), '  ')}\n}}\n"


def _desk(own: str = "", *, top: str = "", without: tuple[str, ...] = ()) -> str:
    lines = tuple(each for each in PIPELINE if each not in without)
    calendar = _braced('calendar "Office"', "\n".join(HOURS))
    pipeline = _braced('pipeline "Support"', _with(lines, own))
    return "\n".join((calendar, pipeline, _with(TOP, top)))


def whole(block: Block) -> str:
    """The part in its surrounding: a file that can be checked."""
    text = block.text
    match block.part:
        case "":
            return text
        case "calendar":
            return _desk(top=_braced('calendar "Other"', _with(HOURS[:1], text)))
        case "top":
            return _desk(top=text)
        case "pipeline":
            return _desk(text)
        case "stage":
            starts = re.search(r"^start$", text, re.MULTILINE) is not None
            return _desk(_braced('stage "Here"', text), without=('stage "New" {\n  start\n}',) if starts else ())
        case "rule":
            return _desk(_braced('rule "This"', _with(("when card is created", 'then tag "x"'), text)))
        case "test":
            return _desk(top=_braced('test "This"', _with(GIVEN, text)))
        case other:
            raise ValueError(f"{block.where}: there is no part `{other}`")


BLOCKS = blocks()


def test_both_pages_have_examples() -> None:
    assert {block.where.partition(":")[0] for block in BLOCKS} == {"README.md", "language.md"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_the_example_has_no_error(block: Block) -> None:
    text = whole(block)
    used = [SourceFile(path, "") for path in re.findall(r'^use "(.*)"$', text, re.MULTILINE)]
    built = build([SourceFile("example.duly", text), *used], knowledge.environment([text], kinds=kinds()))
    errors = [f"{each.span.line}: {each.code} {each.message}" for each in built.diagnostics if each.severity == "error"]
    assert errors == [], text
    assert built.program is not None


UNCLEAR = frozenset({"second", "seconds", "minute", "minutes", "hour", "hours", "week", "weeks"})
"""Words the grammar knows only to say what to write instead (E0121)."""


def test_every_word_of_the_language_has_an_example() -> None:
    grammar = "\n".join(line for line in GRAMMAR.read_text(encoding="utf-8").splitlines() if not line.startswith("//"))
    known = set(re.findall(r'"([a-z]+(?:/[a-z]+)?)"', grammar)) - UNCLEAR
    shown = {word for block in BLOCKS for word in re.findall(r"[a-z]+(?:/[a-z]+)?", re.sub(r'"[^"]*"', "", block.text))}
    assert len(known) > 100
    assert sorted(known - shown) == []


def test_every_setting_of_a_connector_is_described() -> None:
    text = LANGUAGE.read_text(encoding="utf-8")
    settings = [(kind.name, spec.key) for kind in kinds() for spec in kind.settings]
    missing = [f"{kind}: {key}" for kind, key in settings if f"| {kind} | `{key}` |" not in text]
    assert missing == []


def test_every_placeholder_is_described() -> None:
    text = LANGUAGE.read_text(encoding="utf-8")
    assert [name for name in BUILT_IN if f"`{{{name}}}`" not in text] == []


def codes() -> str:
    """The table of all problems, as it stands in the page."""
    rows = ["| code | name | what it says |", "|---|---|---|"]
    for kind in every().values():
        said = re.sub(r"%\(\w+\)s", "…", kind.template).replace("%%", "%").replace("|", "\\|")
        rows.append(f"| {kind.code} | {kind.name} | {said} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_codes_is_up_to_date() -> None:
    text = LANGUAGE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == codes(), "run `python tests/docs/test_language_docs.py`"


def test_the_page_names_problems_as_they_are_called() -> None:
    """`name CODE` in a sentence or a table."""
    text = LANGUAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    named = re.findall(r"([a-z]+(?:-[a-z0-9]+)+) ([EW][0-9]{4})", text)
    assert len(named) > 30
    assert [(name, code) for name, code in named if code not in every() or every()[code].name != name] == []


if __name__ == "__main__":
    page = LANGUAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    LANGUAGE.write_text(before + BEGIN + codes() + END + rest.partition(END)[2], encoding="utf-8")
