"""The recipes of docs/ci.md and the hooks for pre-commit run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from duly_platform.cli import main

ROOT = Path(__file__).parents[2]
DESK = ROOT / "examples" / "support_desk"
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
NEEDS_MORE = ("duly plan", "duly backtest", "duly test --coverage-min")
"""Commands that need a git history, a server, or more tests than the example has."""
COMMANDS = sorted(set(re.findall(r"(?m)^ *- (?:run: )?(duly .*)$|^ +run: (duly .*)$|^\| `(duly .*?)` \|", PAGE)))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(DESK, tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_has_recipes() -> None:
    assert len(COMMANDS) >= 8


def test_what_needs_more_is_at_least_understood(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words nobody knows are told with `usage:`; these fail, if at all, for what is missing here."""
    found = [line.strip().removeprefix("run: ").split(" >> ")[0] for line in PAGE.splitlines() if "run: duly" in line]
    more = [line for line in found if line.startswith(NEEDS_MORE)]
    assert len(more) == 3
    for command in more:
        words = shlex.split(command)[1:]
        if words[0] == "backtest":
            words[words.index("--server") + 1] = "http://127.0.0.1:9"
        assert main(words) in (0, 1, 2)
        assert "usage:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "found",
    [each for each in COMMANDS if not "".join(each).startswith(NEEDS_MORE)],
    ids=lambda found: next(filter(None, found)),
)
def test_a_command_of_the_page_succeeds_on_sound_rules(
    found: tuple[str, ...], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = next(filter(None, found)).split(" > ")[0]
    assert main(shlex.split(command)[1:]) == 0
    capsys.readouterr()
    for name in re.findall(r"--junit (\S+)", command):
        assert "<testsuite" in (repository / name).read_text(encoding="utf-8")


def hooks() -> dict[str, dict[str, str]]:
    """The hooks by their ids: the plain `key: value` lines of each."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    found = [dict(re.findall(r"(?m)^[- ] (\w+): (.*)$", block)) for block in re.split(r"(?m)^(?=- id: )", text)[1:]]
    return {hook["id"]: hook for hook in found}


def test_the_hooks_pre_commit_needs_are_there() -> None:
    assert set(hooks()) == {"duly-check", "duly-fmt", "duly-test"}
    for name, hook in hooks().items():
        assert {"id", "name", "description", "entry", "language", "files"} <= hook.keys()
        assert hook["language"] == "python" and f"id: {name}" in PAGE
        assert re.search(hook["files"], "rules/a.duly") and not re.search(hook["files"], "a.py")


@pytest.mark.parametrize("name", ["duly-check", "duly-fmt", "duly-test"])
def test_a_hook_fails_on_broken_rules_only(
    name: str, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "rules")
    hook = hooks()[name]
    words = [*shlex.split(hook["entry"])[1:], *re.findall(r'"(.*?)"', hook.get("args", ""))]
    if hook.get("pass_filenames") != "false":
        words.append("support.duly")
    assert main(words) == 0
    before = Path("support.duly").read_text(encoding="utf-8")
    Path("support.duly").write_text(before.replace("    start\n", "start flub\n"), encoding="utf-8")
    code = main(words)
    changed = Path("support.duly").read_text(encoding="utf-8") != before.replace("    start\n", "start flub\n")
    assert changed if name == "duly-fmt" else code == 1  # pre-commit fails where a hook changes a file
    capsys.readouterr()
