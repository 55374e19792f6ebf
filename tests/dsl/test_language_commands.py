"""`duly check`, `duly fmt` and `duly explain` as people and tools call them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from duly_dsl.catalogue import every
from duly_platform.cli import main

DESK = Path(__file__).parents[2] / "examples" / "support_desk"
GOOD = 'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-17:00\n}\n'
BAD = GOOD.replace("time zone", "tiem zone")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_workspace_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(DESK)]) == 0
    assert capsys.readouterr().out == "6 files, no problems\n"


def test_check_names_files_from_here(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "rules" / "deep").mkdir(parents=True)
    (here / "rules" / "deep" / "a.duly").write_text(BAD)
    assert main(["check"]) == 1
    assert "--> rules/deep/a.duly:2:3" in capsys.readouterr().out
    assert main(["check", "rules/deep"]) == 1
    assert "--> rules/deep/a.duly:2:3" in capsys.readouterr().out
    assert main(["check", "rules/deep/a.duly"]) == 1
    assert "--> rules/deep/a.duly:2:3" in capsys.readouterr().out


def test_folders_are_workspaces_of_their_own_and_files_are_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
        (here / name / "x.duly").write_text(GOOD)
    assert main(["check", "a", "b"]) == 0
    assert capsys.readouterr().out == "2 files, no problems\n"
    assert main(["check", "a/x.duly", "b/x.duly"]) == 1
    assert "there is a calendar called `Office` already" in capsys.readouterr().out


def test_formats_of_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_text(BAD)
    assert main(["check", "--format", "json", "a.duly"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["path"], found["line"], found["code"], found["fixes"][0]["text"]) == ("a.duly", 2, "E0102", "time")
    assert main(["check", "--format", "github", "a.duly"]) == 1
    assert capsys.readouterr().out.startswith("::error file=a.duly,line=2,")
    (here / "a.duly").write_text(GOOD)
    assert main(["check", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["check", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


def test_warnings_alone_are_no_failure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_text(every()["W0213"].example)
    assert main(["check"]) == 0
    assert "warning[W0213]" in capsys.readouterr().out


def test_what_cannot_be_checked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere.duly"]) == 2
    assert "there is no" in capsys.readouterr().err
    assert main(["check"]) == 2
    assert "no .duly files" in capsys.readouterr().err


def test_fmt_writes_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_bytes(b'team "A" {\r\nmembers ana  # who\r\n}')
    assert main(["fmt", "--check"]) == 1
    assert capsys.readouterr().out == "a.duly\n"
    assert main(["fmt", "--diff"]) == 1
    shown = capsys.readouterr().out
    assert "+  members ana  # who" in shown and "\\ No newline at end of file" in shown
    assert (here / "a.duly").read_bytes() == b'team "A" {\r\nmembers ana  # who\r\n}'
    assert main(["fmt"]) == 0
    assert capsys.readouterr().out == "formatted a.duly\n"
    assert (here / "a.duly").read_bytes() == b'team "A" {\n  members ana  # who\n}\n'
    assert main(["fmt", "a.duly", "--check"]) == 0
    assert main(["fmt"]) == 0
    assert capsys.readouterr().out == ""


def test_fmt_reads_the_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("team   x"))
    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr().out == "team x\n"


def test_fmt_leaves_what_it_cannot_read_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_bytes("team   é".encode("latin-1"))
    assert main(["fmt"]) == 2
    assert (here / "a.duly").read_bytes() == "team   é".encode("latin-1")
    (here / "a.duly").write_bytes(b"#  x\n" * 60_000)
    assert main(["fmt"]) == 2
    assert "too large" in capsys.readouterr().err
    assert main(["fmt", "nowhere.duly"]) == 2


@pytest.mark.parametrize("code", ["E0120", "e0120", "ambiguous-day"])
def test_explain_by_code_and_by_name(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    page = capsys.readouterr().out
    assert page.startswith("E0120 ambiguous-day (error)\n") and "retry 6 times over 3d" in page
    assert "error[E0120]: `3d`" in page


def test_every_page_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in every().values():
        assert main(["explain", kind.code]) == 0
        page = capsys.readouterr().out
        assert kind.name in page and "%(" not in page
        assert max(map(len, page.splitlines())) <= 300


def test_explain_lists_all_and_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(every())
    assert main(["explain", "unknown-stge"]) == 2
    assert "unknown-stage" in capsys.readouterr().err


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duly_platform", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_terminals_language_is_spoken(here: Path) -> None:
    (here / "a.duly").write_text(BAD)
    done = run("check", DULY_LANGUAGE="pt_BR.UTF-8")
    assert done.returncode == 1
    assert "erro[E0102]: `tiem`" in done.stdout and "ajuda: escreva `time`" in done.stdout
    assert "1 erro" in done.stdout.splitlines()[-1]


def test_what_the_command_line_itself_says_is_in_the_terminals_language(here: Path) -> None:
    assert "uso: duly graph" in run("graph", "--help", DULY_LANGUAGE="pt-BR").stdout
    wrong = run("graph", "--format", "gif", DULY_LANGUAGE="pt-BR")
    assert wrong.returncode == 2
    assert "duly graph: erro: argumento --format: 'gif' não é uma das opções" in wrong.stderr
    assert "usage: duly" in run("--help", DULY_LANGUAGE="en").stdout


def test_no_cache_folder_is_no_failure(here: Path) -> None:
    (here / "a.duly").write_text(GOOD)
    (here / "file").write_text("")
    done = run("check", DULY_CACHE=str(here / "file" / "x"), DULY_LANGUAGE="en")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 file, no problems\n", "")


HEAVY = {
    *("litestar", "piccolo", "dramatiq", "httpx", "jinja2", "asyncpg", "redis", "pika"),
    *("uvicorn", "pygls", "lsprotocol", "argon2", "aiosmtplib"),
}


LIGHT = (
    ("check",),
    ("check", "--format", "sarif"),
    ("lint", "--fix"),
    ("fmt", "--check"),
    ("explain", "E0101"),
    ("test",),
    ("graph", "desk"),
    ("contract", "desk"),
    ("plan", "desk", "--against", "HEAD"),
)


@pytest.mark.parametrize("words", LIGHT, ids=lambda words: " ".join(words))
def test_the_light_commands_import_nothing_heavy(here: Path, words: tuple[str, ...]) -> None:
    shutil.copytree(DESK, here / "desk")
    if words[0] == "plan":
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "rules")):
            named = ("-c", "user.name=ana", "-c", "user.email=ana@support.example", "-c", "commit.gpgsign=false")
            subprocess.run(["git", *named, *command], cwd=here, check=True)
    script = (
        "import sys\nfrom duly_platform.cli import main\n"
        f"code = main({list(words)!r})\n"
        f"heavy = {HEAVY!r} & set(sys.modules)\n"
        "sys.exit(f'{code} {sorted(heavy)}' if code or heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_formatting_leaves_the_checker_alone(here: Path) -> None:
    (here / "a.duly").write_text(GOOD)
    script = (
        "import sys\nfrom duly_platform.cli import main\nassert main(['fmt', '--check']) == 0\n"
        "sys.exit(str({'duly_dsl.checker', 'duly_dsl.compiler', 'tomllib', 'importlib.metadata'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == "set()\n"


def test_a_check_without_holidays_or_doors_leaves_their_libraries_alone(here: Path) -> None:
    (here / "a.duly").write_text(GOOD)
    assert run("check").returncode == 0  # the grammar's tables are in the cache from here on
    script = (
        "import sys\nfrom duly_platform.cli import main\nassert main(['check']) == 0\n"
        "sys.exit(str({'holidays', 'lark', 're2', 'duly_connectors'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == "set()\n"


def test_check_mends_what_has_one_answer(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_text(BAD)
    assert main(["check", "--fix", "--diff"]) == 1
    shown = capsys.readouterr().out
    assert '-  tiem zone "Europe/Lisbon"' in shown and '+  time zone "Europe/Lisbon"' in shown
    assert (here / "a.duly").read_text() == BAD
    assert main(["check", "--fix"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("a.duly:2: E0102 `tiem`") and "write `time`" in said and "1 fix made" in said
    assert (here / "a.duly").read_text() == GOOD
    assert main(["check", "--fix", "--diff"]) == 0
    assert capsys.readouterr().out == ""


def test_places_that_call_a_stage_by_what_it_was_are_mended(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "desk"]) == 0
    path = here / "desk" / "support.duly"
    path.write_text(path.read_text().replace('stage "In progress" {', 'stage "Working" was "In progress" {'))
    assert main(["check", "desk"]) == 1
    assert "did you mean `Working`?" in capsys.readouterr().out
    assert main(["check", "--fix", "desk"]) == 0
    assert path.read_text().count('"In progress"') == 1
    assert "In progress" not in (here / "desk" / "tests.duly").read_text()


def test_lint_is_strict_and_heeds_the_workspaces_levels(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.duly").write_text(every()["W0213"].example)
    assert main(["lint"]) == 1
    assert "warning[W0213]" in capsys.readouterr().out
    (here / "duly.toml").write_text('[lints]\nunused-definition = "off"\n')
    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "1 file, no problems\n"
    assert main(["lint", "--list"]) == 0
    listed = dict(line.split()[::2] for line in capsys.readouterr().out.splitlines())
    assert listed["unused-definition"] == "off" and listed["unreachable-stage"] == "warning"
    (here / "duly.toml").write_text('[lints]\nunused-definition = "error"\n')
    assert main(["check"]) == 1
    assert "error[W0213]" in capsys.readouterr().out
    assert main(["check", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["severity"] == "error"
    assert main(["check", "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=a.duly,")
    (here / "duly.toml").write_text("[lints\n")
    assert main(["check"]) == 1
    assert "--> duly.toml:1:1" in capsys.readouterr().out
