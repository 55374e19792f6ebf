"""`duly test`: exit codes, the choice of tests, what it prints and writes, and what it doesn't import."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path

import pytest

from duly_dsl.source import Span
from duly_platform.cli import results, scenarios, watching
from duly_runtime.scenario import Failure, Result

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
        "    Mon 2026-03-02 10:00  the card goes to ana",
        "    Mon 2026-03-02 10:00  leave stage starts, due Mon 2026-03-02 12:00",
        "  why",
        '    clock leave stage, cycle 1: 2h from Mon 2026-03-02 10:00 on "Office", due Mon 2026-03-02 12:00, missed',
        "    its target stands in desk.duly:17: leave stage within 2h",
        "    desk.duly:18: alert owner at 50% of leave stage",
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


def test_the_settings_of_lints_are_no_rules(folder: Path):
    (folder / "duly.toml").write_text("", encoding="utf-8")
    assert duly("-k", "LATE", "--coverage", folder=folder).returncode == 0


def test_junit(folder: Path):
    assert duly("--junit", "out/results.xml", folder=folder).returncode == 1
    suite = xml.parse(folder / "out" / "results.xml").getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "2", "1")
    good, bad = suite.findall("testcase")
    assert (good.get("name"), good.get("classname"), good.get("assertions")) == (
        "It is late after two hours",
        "desk.tests.duly",
        "1",
    )
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == "alert about leave stage to ana: not now but Mon 2026-03-02 11:00"
    assert "what happened" in failure.text and "desk.tests.duly:9" in failure.text


ALLOWED = {
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"name", "classname", "assertions", "time"},
    "failure": {"type", "message"},
}
"""Of what the schema of build servers has, the attributes written here; it refuses any other (`file`, `line`)."""


def test_junit_keeps_to_the_schema(folder: Path):
    tests = TESTS.replace("The alert comes early", "A <bell> & a\N{VERTICAL LINE}" + chr(7))
    (folder / "desk.tests.duly").write_text(tests, encoding="utf-8")
    assert duly("--junit", "out.xml", "--jobs", "2", folder=folder).returncode == 1
    root = xml.parse(folder / "out.xml").getroot()
    for element in root.iter():
        assert set(element.attrib) <= ALLOWED[element.tag]
        for name in ("time",):
            assert float(element.get(name, "0")) >= 0
        for name in ("tests", "failures", "errors", "skipped", "assertions"):
            assert element.get(name, "0").isdecimal()
    assert [case.get("name") for case in root] == ["It is late after two hours", "A <bell> & a|\ufffd"]
    assert [[child.tag for child in case] for case in root] == [[], ["failure"]]


def many(folder: Path, count: int) -> None:
    """A file of so many tests, every third of which fails."""
    blocks = [
        f"""test "number {n}" {{
  clock starts monday 2026-03-02 10:00 in "Office"
  given card in "Open"
  at +{2 if n % 3 else 1}h expect leave stage is missed
}}
"""
        for n in range(count)
    ]
    (folder / "desk.tests.duly").write_text('use "desk.duly"\n\n' + "\n".join(blocks), encoding="utf-8")


def test_several_processes_say_the_same_as_one(folder: Path):
    many(folder, 25)
    wanted = ("--coverage", "--coverage-json", "one.json")
    one = duly(*wanted, folder=folder)
    three = duly(*wanted[:-1], "three.json", "--jobs", "3", folder=folder)
    assert (one.returncode, three.returncode) == (1, 1)
    assert one.stdout.startswith("F..F..")
    assert one.stdout == three.stdout
    assert (folder / "one.json").read_text("utf-8") == (folder / "three.json").read_text("utf-8")
    assert duly("--jobs", "auto", folder=folder).returncode == 1
    for wrong in ("0", "many"):
        assert duly("--jobs", wrong, folder=folder).returncode == 2


def test_coverage(folder: Path):
    ran = duly("-k", "late", "--coverage", folder=folder)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[3:] == [
        "coverage 75 %, 3 of 4",
        "",
        "  stages entered            1/2     50 %",
        "  target rows chosen        1/1    100 %",
        "  alerts given              1/1    100 %",
        "",
        "desk.duly",
        '    21  stage "Done" {',
        '        stage "Done" is never entered',
    ]


def test_a_least_coverage(folder: Path):
    few = duly("-k", "late", "--coverage-min", "75.1", folder=folder)
    assert few.returncode == 1
    assert few.stderr == "duly: 75 % is covered, less than the 75.1 % asked for\n"
    assert duly("-k", "late", "--coverage-min", "75%", folder=folder).returncode == 0
    assert duly("--coverage-min", "101", folder=folder).returncode == 2


def test_coverage_for_programs(folder: Path):
    assert duly("-k", "late", "--coverage-json", "out/coverage.json", folder=folder).returncode == 0
    told = json.loads((folder / "out" / "coverage.json").read_text("utf-8"))
    assert (told["format"], told["hit"], told["found"], told["percent"]) == (1, 3, 4, 75.0)
    assert told["sorts"]["stage"] == {"hit": 1, "found": 2, "percent": 50.0}
    (file,) = told["files"]
    assert (file["path"], file["lines"]) == ("desk.duly", {"13": 1, "17": 1, "18": 1, "21": 0})
    assert file["points"][0] == {
        "line": 13,
        "column": 3,
        "sort": "stage",
        "pipeline": "Support",
        "name": "Open",
        "count": 1,
    }


def test_coverage_as_a_page_that_needs_nothing_else(folder: Path):
    desk = DESK.replace('"Done"', "\"<Done> & 'gone'\"")
    (folder / "desk.duly").write_text(desk, encoding="utf-8")
    assert duly("-k", "late", "--coverage-html", "pages", folder=folder).returncode == 0
    page = (folder / "pages" / "index.html").read_text("utf-8")
    assert "<Done>" not in page and "&lt;Done&gt; &amp;" in page
    assert not re.findall(r"(?:src|href)=\"(?!#)", page) and "url(" not in page and "<script" not in page
    assert page.count('<div class="row never">') == 1 and page.count('<div class="row all">') == 3


class Keys:
    """Stands for the terminal: changes a file, then presses keys."""

    def __init__(self, *acts: str | Callable[[], object]) -> None:
        self._acts = list(acts)

    def __call__(self, seconds: float) -> str:
        act = self._acts.pop(0)
        if isinstance(act, str):
            return act
        act()
        return ""


def test_watching_runs_again_on_a_change_and_on_enter(folder: Path, capsys: pytest.CaptureFixture[str]):
    file = folder / "desk.duly"
    runs: list[int] = []

    def run() -> int:
        runs.append(len(file.read_bytes()))
        return 1

    size = len(file.read_bytes())
    wait = Keys("", "x", lambda: file.write_text(DESK + "\n"), "", "\n", lambda: (folder / "new.duly").touch(), "q")
    assert watching.watch(run, [folder], wait) == 1
    assert runs == [size, size + 1, size + 1, size + 1]
    assert capsys.readouterr().out.count("q stops, Enter runs again") == 4


def test_watching_outlives_a_file_that_goes(folder: Path):
    file = folder / "desk.duly"
    codes = iter((0, 2))
    assert watching.watch(lambda: next(codes), [file], Keys(file.unlink, "q")) == 2


def test_a_long_run_on_a_terminal_shows_a_bar():
    shown: list[str] = []
    show = scenarios.Shown(400, verbose=False, write=shown.append, tty=True)
    span = Span("a.duly", 1, 1, 1, 2)
    failure = Failure(span, "", "", "", (), ())
    for failures in ((), (failure,)):
        show.result(results.Named("", Result("one", span, failures)))
    show.end()
    assert [text.strip("\r█░ ") for text in shown] == ["1/400", "2/400  1 failed", "\x1b[K"]
    shown.clear()
    short = scenarios.Shown(100, verbose=False, write=shown.append, tty=True)
    for _ in range(100):
        short.result(results.Named("", Result("one", span)))
    short.end()
    assert "".join(shown) == "." * 80 + "\n" + "." * 20 + "\n"


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


def test_on_a_terminal_a_failure_has_colours_and_elsewhere_none():
    span = Span("a.duly", 3, 1, 3, 9)
    failure = Failure(span, "expect refused", "Mon 10:00", "it was carried out", ("Mon 10:00  opened",), ("because",))
    plain = results.tell(failure)
    assert "\x1b" not in plain
    colored = results.tell(failure, color=True)
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain
    assert "\x1b[31mbut        it was carried out\x1b[0m" in colored
