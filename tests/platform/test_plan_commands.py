"""`duly plan`, `publish`, `versions`, `rollback`, `pull` and `export`: on a data folder at hand, against a git revision,
and against a server over the network."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from duly_platform.cli import main
from duly_platform.composition import open_desk
from duly_platform.settings import load
from duly_runtime.events import OpenCard
from support.office import RULES

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose rules are live in its data folder, with one open card."""
    for name in ("DULY_DATA", "DULY_DATABASE_URL", "DULY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    here = tmp_path / "desk"
    here.mkdir()
    (here / "support.duly").write_text(RULES)

    async def begin() -> None:
        async with open_desk(load(here, {})) as desk:
            assert (await desk.publish({"support.duly": RULES}, "tester", "first")).hash
            assert not (await desk.command(0, OpenCard(pipeline="Support", title="Parcel"))).refused

    asyncio.run(begin())
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def edit(folder: Path, before: str = "first reply within 1h", after: str = "first reply within 30m") -> None:
    path = folder / "support.duly"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def plan_id(text: str) -> str:
    found = re.search(r"Plan ([0-9a-f]{20}) ", text)
    assert found
    return found[1]


def test_a_plan_shows_changes_and_cards(folder: Path, run: Run) -> None:
    code, out, _ = run("plan")
    assert (code, "Nothing changes by meaning." in out) == (0, True)
    assert run("plan", "--detailed-exitcode")[0] == 0
    edit(folder)
    code, out, _ = run("plan", "--open-cards", "recompute")
    assert code == 0
    assert "stage `New` of `Support`: first reply 1h → 30m  (support.duly:" in out
    assert "1 open card, `recompute`:" in out
    assert "the deadline of 1 card moves" in out
    assert re.search(r"#1 Parcel: first reply due \S+ \S+ UTC → ", out)
    assert "with `keep`: no open card is affected" in out
    assert run("plan", "--detailed-exitcode")[0] == 2
    whole = msgspec.json.decode(run("plan", "--format", "json")[1])
    assert whole["changes"][0]["sentence"] == "stage `New` of `Support`: first reply 1h → 30m"
    assert whole["choices"]["recompute"]["counts"] == {"moved": 1}
    markdown = run("plan", "--format", "markdown", "--open-cards", "recompute")[1]
    assert "- stage `New`" in markdown and "| #1 Parcel | first reply due" in markdown


def test_files_with_errors_have_exit_code_1(folder: Path, run: Run) -> None:
    edit(folder, 'next "Done"', 'next "Dnoe"')
    code, out, _ = run("plan")
    assert code == 1 and "error[E0203]" in out
    assert run("publish", "--yes")[0] == 1


def test_publish_with_a_plan_and_back_again(folder: Path, run: Run) -> None:
    edit(folder)
    wanted = plan_id(run("plan", "--open-cards", "recompute")[1])
    code, out, _ = run("publish", "--plan", wanted, "--open-cards", "recompute", "--note", "faster")
    assert code == 0 and re.search(r"Published: version [0-9a-f]{12} is live", out)
    code, _, err = run("publish", "--plan", wanted, "--open-cards", "recompute")
    assert code == 2 and "nothing was published" in err and "look at the new plan" in err
    rows = run("versions")[1].splitlines()
    assert len(rows) == 2 and "[live]" in rows[0] and rows[0].endswith("recompute  faster")
    first = rows[1].split()[0]
    assert run("versions", "diff", first)[1].strip() == "stage `New` of `Support`: first reply 1h → 30m"
    assert "first reply within 1h" in run("versions", "show", first)[1]
    code, out, _ = run("rollback", first, "--yes")
    assert code == 0 and "first reply 30m → 1h" in out
    rows = run("versions")[1].splitlines()
    assert len(rows) == 3 and f"back to version {first}" in rows[0]
    code, out, _ = run("rollback", first, "--yes")
    assert code == 0 and "running version already" in out


def test_publish_asks(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder)
    code, _, err = run("publish")
    assert code == 2 and "nobody can be asked here" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    code, out, _ = run("publish")
    assert code == 1 and "Nothing was published." in out
    monkeypatch.setattr("builtins.input", lambda _: "y")
    code, out, _ = run("publish")
    assert code == 0 and "is live" in out


def test_a_version_that_is_not_there(folder: Path, run: Run) -> None:
    code, _, err = run("rollback", "abc", "--yes")
    assert code == 2 and "there is no version `abc`" in err


def test_pull_writes_files_and_spares_edits(folder: Path, run: Run, tmp_path: Path) -> None:
    there = tmp_path / "copy"
    there.mkdir()
    data = ("--data", str(folder / ".duly"))
    code, out, _ = run("pull", str(there), *data)
    assert code == 0 and "wrote support.duly" in out
    assert (there / "support.duly").read_text() == RULES
    assert "already" in run("pull", str(there), *data)[1]
    edit(folder)
    assert run("publish", str(folder), "--yes")[0] == 0
    assert run("pull", str(there), *data)[0] == 0
    assert "within 30m" in (there / "support.duly").read_text()
    edit(there, "within 30m", "within 20m")
    code, out, err = run("pull", str(there), *data)
    assert code == 1 and "--force" in err
    assert "-    first reply within 20m" in out and "+    first reply within 30m" in out
    assert "within 20m" in (there / "support.duly").read_text()
    assert run("pull", str(there), "--force", *data)[0] == 0
    assert "within 30m" in (there / "support.duly").read_text()
    assert "within 20m" in (there / "support.duly.orig").read_text()


def test_pull_takes_away_what_is_gone(folder: Path, run: Run, tmp_path: Path) -> None:
    (folder / "more.duly").write_text('template "Hello" {\n  "en" "Hello"\n}\n')
    assert run("publish", "--yes")[0] == 0
    there = tmp_path / "copy"
    there.mkdir()
    data = ("--data", str(folder / ".duly"))
    assert run("pull", str(there), *data)[0] == 0 and (there / "more.duly").exists()
    (folder / "more.duly").unlink()
    assert run("publish", "--yes")[0] == 0
    code, out, _ = run("pull", str(there), *data)
    assert code == 0 and "removed more.duly" in out and not (there / "more.duly").exists()


@pytest.mark.parametrize("name", ["rules.zip", "rules.tar.gz"])
def test_export_writes_files_and_what_is_known_of_them(folder: Path, run: Run, name: str) -> None:
    assert run("export", name)[0] == 0
    first = (folder / name).read_bytes()
    assert run("export", name)[0] == 0 and (folder / name).read_bytes() == first
    if name.endswith(".zip"):
        with zipfile.ZipFile(name) as packed:
            files = {each: packed.read(each) for each in packed.namelist()}
    else:
        with tarfile.open(name) as packed:
            files = {each.name: packed.extractfile(each).read() for each in packed}  # type: ignore[union-attr]
    assert files["support.duly"].decode() == RULES
    about = msgspec.json.decode(files["version.json"])
    assert about["published"][0]["note"] == "first"
    assert run("export", "rules.rar")[0] == 2


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@desk.example")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_a_plan_against_a_git_revision(folder: Path, run: Run) -> None:
    code, _, err = run("plan", "--against", "HEAD")
    assert code == 2 and "is in no git repository" in err
    git(folder, "init", "-b", "main")
    git(folder, "add", "support.duly")
    git(folder, "commit", "-m", "rules")
    edit(folder)
    code, out, _ = run("plan", "--against", "main", "--detailed-exitcode")
    assert code == 2 and "first reply 1h → 30m" in out and "open card" not in out
    for wrong in ("nonsense", "--output=x"):
        code, _, err = run("plan", f"--against={wrong}")
        assert code == 2 and "revision" in err


def test_a_publish_from_a_clean_checkout_keeps_the_commit(folder: Path, run: Run) -> None:
    edit(folder)
    git(folder, "init", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "rules")
    assert run("publish", "--yes")[0] == 0
    (row, _) = msgspec.json.decode(run("versions", "--json")[1])
    assert (row["details"]["branch"], row["details"]["commit_author"]) == ("main", "Ana <ana@desk.example>")
    assert len(row["details"]["commit"]) == 40


def test_without_git_the_reason_is_said(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code, _, err = run("plan", "--against", "HEAD")
    assert code == 2 and "git is not installed" in err


def test_a_plan_against_a_revision_starts_without_the_server(folder: Path) -> None:
    git(folder, "init", "-b", "main")
    git(folder, "add", "support.duly")
    git(folder, "commit", "-m", "rules")
    heavy = ("litestar", "piccolo", "dramatiq", "asyncpg", "httpx", "jinja2", "redis", "pika")
    code = (
        "import sys\nfrom duly_platform.cli import main\n"
        f"main(['plan', '--against', 'main'])\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "duly_platform", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        try:
            assert found, line
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)


def test_the_same_over_the_network(folder: Path, server: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder)
    code, _, err = run("plan", "--server", server)
    assert code == 2 and "DULY_TOKEN" in err
    monkeypatch.setenv("DULY_TOKEN", "nope")
    code, _, err = run("plan", "--server", server)
    assert code == 2 and "unknown, expired or removed" in err
    assert run("user", "boss", "--role", "admin", "--no-password")[0] == 0
    code, out, err = run("user", "bos", "--token", "read")
    assert (code, out) == (2, "") and "bos" in err
    out = run("user", "boss", "--token", "read,publish")[1]
    monkeypatch.setenv("DULY_TOKEN", out.split()[-1])
    code, out, _ = run("plan", "--server", server, "--open-cards", "recompute")
    assert code == 0 and "1 open card" in out
    code, out, _ = run("publish", "--server", server, "--plan", plan_id(out), "--open-cards", "recompute")
    assert code == 0 and "is live" in out
    assert run("versions", "--server", server)[1].count("\n") == 2
    monkeypatch.setenv("DULY_TOKEN", "x")
    code, _, err = run("versions", "--server", "http://127.0.0.1:9")
    assert code == 2 and "can't be reached" in err
