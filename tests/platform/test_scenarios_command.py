"""`duly test`: exit codes, the choice of tests, what it prints and writes, and what it doesn't import."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"

DESK = """calendar "Office" {
  time zone "Europe/Lisbon"
  open every day 00:00-24:00
}

person ana {
  name "Ana"
}

pipeline "Support" {
  calendar "Office"

  stage "Open" {
    start
    next "Done"
    owner agent ana
    leave stage within 2h
    alert owner at 50% of leave stage
  }

  stage "Done" {
    finish
  }
}
"""

TESTS = """use "desk.duly"

test "It is late after two hours" {
  clock starts monday 2026-03-02 10:00 in "Office"
  given card in "Open"
  at +2h expect leave stage is missed
}

test "The alert comes early" {
  clock starts monday 2026-03-02 10:00 in "Office"
  given card in "Open"
  at +30m expect alert to owner about leave stage
}
"""


def duly(*words: str | Path, folder: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with this worktree's packages."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DULY_LANGUAGE": language, "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "duly_platform", "test", *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.duly").write_text(DESK, encoding="utf-8")
    (tmp_path / "desk.tests.duly").write_text(TESTS, encoding="utf-8")
    return tmp_path


def test_the_example_passes():
    ran = duly("-v", EXAMPLE, folder=EXAMPLE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "A late first reply on Friday evening climbs to the lead on Saturday" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("3 tests passed, ")


def test_a_failure_is_a_story_and_exit_code_1(folder: Path):
    ran = duly(folder=folder)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        ".F",
        "",
        "desk.tests.duly:9  The alert comes early",
        "",
        "  desk.tests.duly:12",
        "  expected   at +30m expect alert to owner about leave stage  [Mon 2026-03-02 10:30]",
        "  but        alert about leave stage to ana: not now but Mon 2026-03-02 11:00",
        "  what happened",
        "    Mon 2026-03-02 10:00  the card is opened",
        '    Mon 2026-03-02 10:00  the card enters "Open"',
        "    Mon 2026-03-02 10:00  the card goes to ana (–)",
        "    Mon 2026-03-02 10:00  leave stage starts, due Mon 2026-03-02 12:00",
        "  why",
        '    clock leave stage, cycle 1: 2h from Mon 2026-03-02 10:00 on "Office", due Mon 2026-03-02 12:00, missed',
        "",
        "1 test passed, 1 failed, 2 expectations",
    ]


def test_only_some_tests(folder: Path):
    ran = duly("-k", "LATE", "-v", folder=folder)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0] == "ok       desk.tests.duly:3  It is late after two hours"
    assert duly("-k", "LATE", "desk.tests.duly", folder=folder).returncode == 0


def test_nothing_to_run_is_exit_code_2(folder: Path):
    assert duly("-k", "no such test", folder=folder).returncode == 2
    missing = duly("nowhere", folder=folder)
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr


def test_files_with_errors_are_not_run(folder: Path):
    (folder / "desk.duly").write_text(DESK.replace('next "Done"', 'next "Dnoe"'), encoding="utf-8")
    ran = duly(folder=folder)
    assert ran.returncode == 1
    assert "Dnoe" in ran.stderr
    assert ran.stdout == ""


def test_junit(folder: Path):
    assert duly("--junit", "out/results.xml", folder=folder).returncode == 1
    suite = xml.parse(folder / "out" / "results.xml").getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "2", "1")
    good, bad = suite.findall("testcase")
    assert (good.get("name"), good.get("classname"), good.get("line")) == (
        "It is late after two hours",
        "desk.tests.duly",
        "3",
    )
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == "alert about leave stage to ana: not now but Mon 2026-03-02 11:00"
    assert "what happened" in failure.text


def test_portuguese(folder: Path):
    ran = duly(folder=folder, language="pt-BR")
    assert ran.stdout.splitlines()[-1] == "1 teste passou, 1 falhou, 2 expectativas"
    assert '    seg 2026-03-02 10:00  o cartão entra em "Open"' in ran.stdout.splitlines()


def test_it_is_light(folder: Path):
    """No web server, database or queue for those who only keep rule files."""
    heavy = ("litestar", "piccolo", "dramatiq", "asyncpg", "duly_runtime.store")
    script = f"""
import sys
from duly_platform.cli import main
main(["test", "-k", "late"])
print([name for name in {heavy!r} if name in sys.modules])
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"
