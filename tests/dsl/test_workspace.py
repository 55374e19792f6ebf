"""Which files belong to a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_dsl import workspace
from duly_dsl.source import SourceFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "rules"
    for path, text in {
        "main.duly": 'use "teams/desk.duly"\n',
        "teams/desk.duly": 'use "../people.duly"\nteam "Desk" {\n  members ana\n}\n',
        "people.duly": "person ana {\n}\n",
        "other.duly": "person bruno {\n}\n",
        "notes.txt": "not a rule file",
        ".git/x.duly": "hidden",
        "teams/.old/x.duly": "hidden",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def test_a_folder_is_all_its_files_but_hidden_ones(folder: Path) -> None:
    sources = workspace.load([folder])
    assert [source.path for source in sources] == ["main.duly", "other.duly", "people.duly", "teams/desk.duly"]
    files, problems = workspace.parse_all(sources)
    assert [file.path for file in files] == [source.path for source in sources]
    assert problems == []


def test_a_file_brings_what_it_uses(folder: Path) -> None:
    assert [source.path for source in workspace.load([folder / "main.duly"])] == [
        "main.duly",
        "people.duly",
        "teams/desk.duly",
    ]
    assert workspace.root([folder / "main.duly", folder / "teams" / "desk.duly"]) == folder


def test_a_use_does_not_leave_the_folder_of_the_file_named(folder: Path) -> None:
    sources = workspace.load([folder / "teams" / "desk.duly"])
    assert [source.path for source in sources] == ["desk.duly"]
    _, problems = workspace.parse_all(sources)
    assert [(problem.code, problem.name) for problem in problems] == [("E0152", "use-outside")]


def test_what_does_not_exist_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        workspace.load([tmp_path / "nowhere"])


def uses(**files: str) -> list[tuple[str, str]]:
    sources = [SourceFile(path.replace("_", "/") + ".duly", text) for path, text in files.items()]
    _, problems = workspace.parse_all(sources)
    return [(problem.code, str(problem.span)) for problem in problems]


def test_a_missing_file_is_named_with_the_nearest(folder: Path) -> None:
    text = 'use "peple.duly"\n'
    _, (problem,) = workspace.parse_all([SourceFile("a.duly", text), SourceFile("people.duly", "")])
    assert (problem.code, problem.nearest, problem.fixes[0].text) == ("E0150", "people.duly", '"people.duly"')


def test_circles_are_reported_where_they_close() -> None:
    assert uses(a='use "b.duly"\n', b='use "c.duly"\n', c='use "a.duly"\n') == [("E0151", "c.duly:1:5")]
    assert uses(a='use "a.duly"\n') == [("E0151", "a.duly:1:5")]
    assert uses(a='use "b.duly"\nuse "c.duly"\n', b='use "c.duly"\n', c="") == []


def test_paths_are_relative_to_the_file_and_stay_inside() -> None:
    assert uses(x_a='use "b.duly"\nuse "../c.duly"\n', x_b="", c='use "x/a.duly"\n') == [("E0151", "x/a.duly:2:5")]
    assert uses(a='use "../a.duly"\nuse "/etc/passwd"\nuse "C:/x.duly"\n') == [
        ("E0152", "a.duly:1:5"),
        ("E0152", "a.duly:2:5"),
        ("E0152", "a.duly:3:5"),
    ]


def test_a_long_chain_is_walked_without_recursion() -> None:
    sources = [SourceFile(f"{number}.duly", f'use "{number + 1}.duly"\n') for number in range(3_000)]
    sources.append(SourceFile("3000.duly", 'use "0.duly"\n'))
    _, problems = workspace.parse_all(sources)
    assert [problem.code for problem in problems] == ["E0151"]


def test_large_and_broken_files_are_read_no_further_than_needed(tmp_path: Path) -> None:
    (tmp_path / "large.duly").write_bytes(b"#" * 1_000_000)
    (tmp_path / "latin.duly").write_bytes('team "Suporte técnico" {\n}\n'.encode("latin-1"))
    sources = workspace.load([tmp_path])
    assert len(sources[0].text) == 256 * 1024 + 1
    _, problems = workspace.parse_all(sources)
    assert [(problem.code, problem.span.path) for problem in problems] == [("E0140", "large.duly"), ("E0143", "latin.duly")]
