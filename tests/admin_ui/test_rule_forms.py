"""Forms of blocks: what is shown is what stands in the file, and giving it back changes no byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_admin_ui.rule_forms import Form, form_of
from duly_dsl import edits
from duly_dsl.outline import outline
from duly_dsl.source import SourceFile

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("examples/**/*.duly")) + sorted(ROOT.glob("platform/**/*.duly"))
EXAMPLE = ROOT / "examples" / "support_desk" / "support.duly"


def forms(source: SourceFile) -> list[Form]:
    return [form_of(source, entry.line) for entry in form_of(source, 1).entries]


def at(text: str, words: str) -> Form:
    line = next(number for number, each in enumerate(text.split("\n"), 1) if words in each)
    return form_of(SourceFile("a.duly", text), line)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_text_to_form_to_text_is_the_same_bytes(path: Path) -> None:
    source = SourceFile("a.duly", path.read_bytes().decode())
    controls = 0
    for form in forms(source):
        for row in form.rows:
            given = [(cell.path, cell.value) for cells in row.cells for cell in cells]
            if not row.headings and not row.inside:
                given.append((row.path, row.value))
            for where, value in given:
                controls += 1
                changed = edits.changes([source], edits.Operation("set", where, value, file="a.duly"))
                assert edits.apply(source.text, changed) == source.text, (where, value)
                last = row.line + len(row.cells) + 1 if row.headings else row.line  # the headings, then the rows
                assert {change.span.line for change in changed} <= set(range(row.line, last + 1)), where
    assert controls


def test_a_stage_has_its_next_stages_to_choose_from_and_its_targets_as_a_grid() -> None:
    form = at(EXAMPLE.read_text(), 'stage "New"')
    rows = {row.label: row for row in form.rows}
    assert form.title == 'stage "New"'
    assert dict(rows["next"].choices) == {
        '"Triage"': True,
        '"In progress"': True,
        '"Waiting for customer"': False,
        '"Done"': True,
    }
    assert rows["targets"].headings == ("priority", "tier", "first reply", "leave stage")
    assert [cell.value for cell in rows["targets"].cells[-1]] == ["else", "any", "8h", "2 working days"]
    assert rows["targets"].cells[1][2].path.endswith("/targets/row 2/cell first reply")


def test_a_cell_changes_its_bytes_alone() -> None:
    text = EXAMPLE.read_text()
    source = SourceFile("a.duly", text)
    form = at(text, 'stage "New"')
    cell = next(row for row in form.rows if row.headings).cells[0][2]
    changed = edits.apply(text, edits.changes([source], edits.Operation("set", cell.path, "20m", file="a.duly")))
    assert changed == text.replace("| 15m ", "| 20m ", 1)


def test_what_can_t_be_read_takes_away_its_own_row_only() -> None:
    text = EXAMPLE.read_text().replace("    alert owner at 80% of first reply", "    alert owner at at of first reply")
    rows = at(text, 'stage "New"').rows
    assert [row.label for row in rows if row.broken] == ["alert"]
    assert len(rows) == len(at(EXAMPLE.read_text(), 'stage "New"').rows)
    assert outline(text).statements
