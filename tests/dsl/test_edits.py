"""Changes as forms make them: the laws, over programs with comments everywhere, and each operation by example."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.generator import programs
from dsl.test_formatter import comments, meaning
from duly_dsl.edits import Edit, Operation, Refused, apply, changes, inverse, read
from duly_dsl.formatter import format
from duly_dsl.outline import Outline, Statement, outline, split
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile

LAWS = settings(max_examples=60, deadline=None)


def problems(text: str) -> list[str]:
    return [problem.code for problem in parse(SourceFile("a.duly", text)).diagnostics]


# --- the generator's programs, and the laws of the formatter over them


@given(programs())
@LAWS
def test_programs_can_be_read_and_formatted(text: str) -> None:
    assert problems(text) == []
    once = format(text)
    assert problems(once) == []
    assert meaning(once) == meaning(text)
    assert format(once) == once
    assert comments(once) == comments(text)


# --- paths


def path_to(statement: Statement, lines: Outline) -> str:
    """A path of a statement, told apart from its siblings by a number."""
    siblings = (statement.parent.inside or []) if statement.parent is not None else lines.statements
    if statement.tokens[0].type == "VBAR":
        step = f"row {siblings.index(statement)}"
    else:
        words = [token.text for token in statement.tokens[:2] if token.type != "LBRACE"]
        alike = [each for each in siblings if [token.text for token in each.tokens[: len(words)]] == words]
        step = " ".join(words)
        if len(alike) > 1:
            step += f" {alike.index(statement) + 1}"
    return step if statement.parent is None else f"{path_to(statement.parent, lines)}/{step}"


@st.composite
def programs_and_statements(draw: st.DrawFn) -> tuple[str, Outline, Statement]:
    text = draw(programs())
    lines = outline(text)
    return text, lines, draw(st.sampled_from(list(lines.walk())))


def edit(text: str, operation: Operation) -> tuple[str, tuple[Edit, ...]]:
    made = changes([SourceFile("a.duly", text)], operation)
    after = apply(text, made)
    assert apply(after, inverse(text, made)) == text
    return after, made


NEW = {
    "next": '"Z"',
    "leave stage within": "7h",
    "calendar": '"Another office"',
    "time zone": '"UTC"',
    "priorities": "first, second",
    "when": "customer replies and not (agent replies)",
    "then": 'tag "z"',
    "resume when": "agent replies",
    "alert": 'team "Z" 10m before resolved',
    "lead": "zoe",
    "members": "zoe, yan",
    "path": '"/in/z"',
    "email": '"z@support.example"',
    "allow": 'dst-gap "z"',
    "level 1": "at once lower priority",
    "given": 'card in "Z"',
}
"""What each statement can say instead, after its first words."""


def _siblings(statement: Statement, lines: Outline) -> list[Statement]:
    return (statement.parent.inside or []) if statement.parent is not None else lines.statements


def _begins(statement: Statement, words: str) -> bool:
    said = words.split()
    return statement.inside is None and [token.text for token in statement.tokens[: len(said)]] == said


def heading(statement: Statement) -> bool:
    return (
        statement.tokens[0].type == "VBAR"
        and statement.parent is not None
        and statement is (statement.parent.inside or [None])[0]
    )


@given(programs_and_statements())
@LAWS
def test_what_is_set_is_there_and_nothing_else_changes(drawn: tuple[str, Outline, Statement]) -> None:
    text, lines, statement = drawn
    sources = [SourceFile("a.duly", text)]
    if statement.tokens[0].type == "VBAR":
        head = (statement.parent.inside or [])[0] if statement.parent else statement
        if statement is head:
            return
        path, new = f"{path_to(statement, lines)}/cell {head.tokens[1].text}", "else"
        if len([token for token in head.tokens if token.type == "VBAR"]) > 4 or head.tokens[2].type != "VBAR":
            return
    else:
        words = next((each for each in NEW if _begins(statement, each)), None)
        if words is None:
            return
        above = path_to(statement.parent, lines) if statement.parent is not None else ""
        alike = [each for each in _siblings(statement, lines) if _begins(each, words)]
        number = f" {alike.index(statement) + 1}" if len(alike) > 1 else ""
        path, new = f"{above}/{words}{number}".removeprefix("/"), NEW[words]
        assert read(sources, path) != new
    after, _made = edit(text, Operation("set", path, new))
    assert read([SourceFile("a.duly", after)], path) == new
    before_lines, after_lines = split(text), split(after)
    assert len(before_lines) == len(after_lines)
    changed = [at + 1 for at, (a, b) in enumerate(zip(before_lines, after_lines, strict=True)) if a != b]
    assert set(changed) <= {statement.line}
    assert [comment for comment, _ in comments(after)] == [comment for comment, _ in comments(text)]
    assert problems(after) == []


@given(programs_and_statements())
@LAWS
def test_removing_takes_a_statement_its_block_and_its_comments_only(drawn: tuple[str, Outline, Statement]) -> None:
    text, lines, statement = drawn
    if statement.tokens[0].type == "VBAR" or any(each.word == "when" for each in statement.walk() if each is statement):
        return
    try:
        after, _made = edit(text, Operation("remove", path_to(statement, lines)))
    except Refused:
        pytest.fail(f"{path_to(statement, lines)} can't be removed")
    was = split(text)
    kept = [*was[: statement.above - 1], *was[statement.last :]]
    assert "".join(kept).rstrip("\r\n") == after.rstrip("\r\n")
    assert problems(after) == []


@given(programs_and_statements(), st.integers(0, 6))
@LAWS
def test_what_is_put_in_and_taken_out_again_leaves_the_same_bytes(drawn: tuple[str, Outline, Statement], at: int) -> None:
    text, lines, statement = drawn
    block: Statement | None = statement
    while block is not None and (block.inside is None or block.word not in ("pipeline", "stage", "calendar", "test")):
        block = block.parent
    new = 'allow no-such-lint "put in"'
    path = path_to(block, lines) if block is not None else ""
    after, (made,) = edit(text, Operation("insert", path, new, at, file="a.duly"))
    assert len(split(after)) == len(split(text)) + 1 and made.text.strip() == new
    assert problems(after) == []
    assert [comment for comment, _ in comments(after)] == [comment for comment, _ in comments(text)]
    where = f"{path}/{new}" if path else new
    again, _back = edit(after, Operation("remove", where))
    assert again == text


@given(programs_and_statements(), st.integers(0, 6))
@LAWS
def test_a_move_there_and_back_leaves_the_same_bytes(drawn: tuple[str, Outline, Statement], at: int) -> None:
    text, lines, statement = drawn
    if heading(statement):
        return
    siblings = (statement.parent.inside or []) if statement.parent is not None else lines.statements
    table = bool(siblings) and siblings[0].tokens[0].type == "VBAR"
    old = siblings.index(statement) - table
    new = min(at, len(siblings) - 1 - table)
    path = path_to(statement, lines)
    after, _made = edit(text, Operation("move", path, at=new))
    assert problems(after) == []
    assert sorted(comments(after)) == sorted(comments(text))
    moved = outline(after)
    inside = moved.at[statement.parent.line].inside or [] if statement.parent is not None else moved.statements
    there = inside[new + table]
    assert [token.text for token in there.tokens] == [token.text for token in statement.tokens]
    again, _back = edit(after, Operation("move", path_to(there, moved), at=old))
    assert again == text


# --- by example

DESK = """calendar "Office" {
  time zone "Europe/Lisbon"  # ours
  open monday to friday 09:00-18:00
}

pipeline "Support" {
  calendar "Office"

  # where cards arrive
  stage "New" {
    start
    next "Done"  # only there
    targets {
      | priority | first reply | leave stage |
      | urgent   | 15m         | 30m         |
      # the rest
      | else     | 4h          | -           |
    }
    alert owner at 80% of first reply
    alert manager at 90% of first reply
  }

  stage "Done" {
    finish
  }
}
"""
OTHER = 'test "It starts" {\n  given card in "New"\n  agent moves card to "Done"\n}\n'
STAGE = 'pipeline "Support"/stage "New"'


def made(operation: Operation) -> dict[str, str]:
    sources = [SourceFile("a.duly", DESK), SourceFile("b.duly", OTHER)]
    edits = changes(sources, operation)
    return {source.path: apply(source.text, [e for e in edits if e.span.path == source.path]) for source in sources}


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (f"{STAGE}/target 2/cell first reply", "2h", "4h  ", "2h  "),
        (f"{STAGE}/targets/row 1/cell leave stage", "1 working day", "30m  ", "1 working day  "),
        (f"{STAGE}/next", '"Done", "New"', 'next "Done"  #', 'next "Done", "New"  #'),
        (f"{STAGE}/alert 2", "lead at 90% of first reply", "alert manager", "alert lead"),
        (f"{STAGE}/alert owner at", "85% of first reply", "80%", "85%"),
        ('calendar "Office"/time zone', '"Europe/Paris"', "Europe/Lisbon", "Europe/Paris"),
        (STAGE, 'was "Fresh"', 'stage "New" {', 'stage "New" was "Fresh" {'),
    ],
)
def test_set(path: str, value: str, old: str, new: str) -> None:
    assert DESK.count(old) == 1
    assert made(Operation("set", path, value)) == {"a.duly": DESK.replace(old, new), "b.duly": OTHER}


def test_set_to_nothing_takes_the_words_with_their_space() -> None:
    named = changes([SourceFile("a.duly", DESK)], Operation("set", STAGE, 'was "Fresh"'))
    text = apply(DESK, named)
    assert apply(text, changes([SourceFile("a.duly", text)], Operation("set", STAGE, ""))) == DESK


def test_insert_with_a_block_is_indented_like_its_neighbours() -> None:
    stage = 'stage "Later" {\n  next "Done"\n}'
    text = made(Operation("insert", 'pipeline "Support"', stage, 1))["a.duly"]
    assert text == DESK.replace("  # where cards", '  stage "Later" {\n    next "Done"\n  }\n  # where cards')
    assert made(Operation("insert", f"{STAGE}/targets", "| high | 1h | 2h |", 1))["a.duly"] == DESK.replace(
        "      # the rest", "      | high | 1h | 2h |\n      # the rest"
    )


def test_rename_follows_every_reference_in_every_file() -> None:
    after = made(Operation("rename", STAGE, "Fresh"))
    assert after["a.duly"] == DESK.replace('stage "New"', 'stage "Fresh"')
    assert after["b.duly"] == OTHER.replace('"New"', '"Fresh"')


@pytest.mark.parametrize(
    "operation",
    [
        Operation("change", STAGE),
        Operation("set", 'pipeline "Sales"', "x"),
        Operation("set", f"{STAGE}/target 9/cell first reply", "2h"),
        Operation("set", f"{STAGE}/target 1/cell resolved", "2h"),
        Operation("set", f"{STAGE}/next", "Done"),
        Operation("set", f"{STAGE}//next", "Done"),
        Operation("set", f"{STAGE}/next", '"Done"\n}'),
        Operation("insert", f"{STAGE}/next", "start"),
        Operation("insert", STAGE, "strat nothing"),
        Operation("move", f"{STAGE}/targets/row 0"),
        Operation("remove", f"{STAGE}/target 1/cell first reply"),
        Operation("rename", STAGE, "Done"),
        Operation("remove", ""),
    ],
)
def test_what_can_not_be_done_is_refused_in_a_sentence(operation: Operation) -> None:
    with pytest.raises(Refused) as refused:
        made(operation)
    assert len(str(refused.value)) > 10 and "%(" not in str(refused.value)
