"""`duly new`: every template is a sound, tidy workspace whose tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_platform.cli import main
from duly_platform.cli.new import GALLERY, TEMPLATES


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_folder_of_the_gallery_is_a_template() -> None:
    assert {path.name for path in GALLERY.iterdir() if path.is_dir()} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_workspace_is_sound_and_tidy_and_its_tests_pass(
    here: Path, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "rules/desk", "--template", template]) == 0
    said = capsys.readouterr().out
    assert "duly serve rules/desk" in said
    assert sorted(str(path.relative_to(here)) for path in (here / "rules" / "desk").iterdir()) == sorted(
        line for line in said.splitlines() if line.startswith("rules/")
    )
    assert main(["lint", "rules/desk"]) == 0, capsys.readouterr().out
    assert main(["fmt", "rules/desk", "--check"]) == 0
    assert main(["test", "rules/desk"]) == 0
    assert "expectations" in capsys.readouterr().out


@pytest.mark.parametrize("template", TEMPLATES)
def test_customers_are_written_to_in_both_languages_and_files_say_what_they_are(template: str) -> None:
    for path in (GALLERY / template).glob("*.duly"):
        text = path.read_text(encoding="utf-8")
        assert "# " in text
        for sent in parse(SourceFile(path.name, text)).file.templates:
            assert {each.language.value for each in sent.variants} == {"en", "pt-BR"}
            assert {each.language.value for each in sent.subject} == {"en", "pt-BR"}
            assert len({each.text.value for each in sent.variants}) == 2


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "desk").mkdir()
    (here / "desk" / "people.duly").write_text("# mine\n")
    assert main(["new", "desk"]) == 2
    assert "people.duly" in capsys.readouterr().err
    assert [path.name for path in (here / "desk").iterdir()] == ["people.duly"]
    assert (here / "desk" / "people.duly").read_text() == "# mine\n"
    assert main(["new", "desk/people.duly"]) == 2
    assert "no folder" in capsys.readouterr().err


def test_without_a_folder_the_templates_are_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TEMPLATES)
    assert list(here.iterdir()) == []
