"""`duly backtest`: sources, comparison, formats, limits, and the journal over the API."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import gzip
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from duly_platform.cli import main
from duly_platform.cli.backtest import Bar
from duly_platform.past import PastError, Server
from duly_runtime import events
from duly_runtime.backtest import lines
from duly_runtime.card import Card
from duly_runtime.decision import Decision, World
from duly_runtime.engine.step import load, step
from duly_runtime.store.database import open_store
from support.office import RULES, office

MONDAY = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SHORTER = RULES.replace("first reply within 1h", "first reply within 30m")


def past() -> list[lines.Line]:
    """Two cards: one answered after 40 minutes, one after two hours."""
    made: list[lines.Line] = []

    def add(card: int, after: float, body: events.AnyBody) -> None:
        at = MONDAY + after * HOUR
        made.append(lines.Line(id=len(made) + 1, case=f"c{card}", card=card, at=at, now=at, body=body))

    add(1, 0, events.CustomerMessage(text="hello, a complaint", pipeline="Support", channel="chat"))
    add(2, 0.1, events.CustomerMessage(text="hi", pipeline="Support", channel="chat"))
    add(1, 0.67, events.AgentMessage(text="yes?", author="ana"))
    add(2, 2.1, events.AgentMessage(text="yes?", author="ana"))
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `new` and `old` rules, and a saved journal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DULY_DATABASE_URL", raising=False)
    monkeypatch.delenv("DULY_DATA", raising=False)
    for name, rules in (("old", RULES), ("new", SHORTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "support.duly").write_text(rules)
    (tmp_path / "past.ndjson").write_bytes(b"".join(lines.encode(line) + b"\n" for line in past()))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["backtest", *words]) == code
    return capsys.readouterr().out


def test_two_folders_over_a_saved_journal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "new", "--journal", "past.ndjson", "--against", "old", "--cards")
    assert out.startswith("+1 breach, ")
    assert "more breaches (first reply): #1" in out
    assert "fewer promises kept (first reply): #1" in out
    assert "By stage" in out


def test_json_names_every_number_and_its_cards(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "new", "--journal", "past.ndjson", "--against", "old", "--cards", "--format", "json")
    whole = json.loads(out)
    (breaches,) = [row for row in whole["totals"] if row["measure"] == "breaches"]
    assert breaches == {
        "measure": "breaches", "before": 1, "after": 2, "change": 1,
        "cards": {"1": 1, "2": 1}, "more": {"1": 1}, "less": {},
    }  # fmt: skip
    assert {row["stage"] for row in whole["by"]["stage"] if row["measure"] == "breaches"} == {"New"}
    assert whole["events"] == 4 and whole["lost"] == {}


def test_csv_and_markdown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "new", "--journal", "past.ndjson", "--against", "old", "--format", "csv", "--by", "stage")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {
        "measure": "breaches",
        "dimension": "",
        "value": "",
        "subject": "",
        "before": "1",
        "after": "2",
        "change": "1",
    } in rows
    assert any(row["dimension"] == "stage" and row["value"] == "New" for row in rows)
    out = told(capsys, "new", "--journal", "past.ndjson", "--against", "old", "--format", "markdown")
    assert out.startswith("**+1 breach, ")
    assert "| breaches | 1 | 2 | +1 |" in out


def test_one_version_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "new", "--journal", "past.ndjson")
    assert out.startswith("2 breaches")
    assert "change" not in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--fail-on", "breaches > +5%"], 1),
        (["--fail-on", "breaches > +100%"], 0),
        (["--fail-on", "breaches > 2"], 0),
        (["--fail-on", "escalations > 0", "--fail-on", "breaches > +0"], 1),
        (["--max-new-breaches", "0"], 1),
        (["--max-new-breaches", "1"], 0),
        (["--fail-on", "breaches"], 2),
        (["--by", "colour"], 2),
        (["--since", "yesterday"], 2),
        (["--since", "2026-11-03", "--until", "2026-11-01"], 2),
        (["--jobs", "0"], 2),
    ],
)
def test_exit_codes(here: Path, words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "new", "--journal", "past.ndjson", "--against", "old", *words]) == code
    shown = capsys.readouterr()
    assert ("limit crossed" in shown.out) == (code == 1)
    assert ("duly: " in shown.err) == (code == 2)


def test_the_period_is_said_in_days_or_dates(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = told(capsys, "new", "--journal", "past.ndjson", "--since", "2026-11-02T12:31:00", "--format", "json")
    totals = {row["measure"]: row["after"] for row in json.loads(late)["totals"]}
    assert totals["breaches"] == 1 and "opened" not in totals
    ended = told(capsys, "new", "--journal", "past.ndjson", "--until", "2026-11-02T12:05:00+00:00", "--format", "json")
    assert json.loads(ended)["events"] == 1


def test_a_git_revision(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-C", str(here), "-c", "user.name=t", "-c", "user.email=t@t.example", *words],
            check=True, capture_output=True,
        )  # fmt: skip

    git("init", "-q")
    (here / "rules").mkdir()
    (here / "rules" / "support.duly").write_text(RULES)
    git("add", "rules")
    git("commit", "-qm", "first")
    (here / "rules" / "support.duly").write_text(SHORTER)
    assert told(capsys, "rules", "--journal", "past.ndjson", "--against", "HEAD").startswith("+1 breach, ")
    for name in ("no-such-revision", "--upload-pack=x"):
        assert main(["backtest", "rules", "--journal", "past.ndjson", f"--against={name}"]) == 2
        assert name in capsys.readouterr().err


def test_the_database_of_a_workspace(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from duly_dsl.build import build
    from duly_dsl.source import SourceFile

    program = build([SourceFile("support.duly", RULES)]).program
    assert program is not None

    async def live() -> None:
        (here / "new" / ".duly").mkdir()
        store = open_store(f"sqlite:///{here / 'new' / '.duly' / 'duly.sqlite'}")
        await store.start()
        await store.publish(program.hash, program.encode(), {"support.duly": RULES}, "t", "", MONDAY)
        for line in past():
            event = await store.command(
                0 if isinstance(line.body, events.CustomerMessage) else line.card, line.body, line.now
            )

            def decide(event: events.Event, card: Card | None, world: World, now: dt.datetime = line.now) -> Decision:
                return step(load(program), card, event, now, world)

            handled = await store.handle(event, decide, program.hash, line.now)
            assert handled.card_id == line.card
        await store.stop()

    asyncio.run(live())
    assert told(capsys, "new").startswith("+1 breach, ")
    assert told(capsys, "new", "--against", program.hash[:12]).startswith("+1 breach, ")
    assert told(capsys, "new", "--against", "new").startswith("no change")


def test_what_can_not_be_read_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.ndjson").write_bytes(b'{"id":1}\n')
    (here / "deep.ndjson").write_bytes(b'{"x":' + b"[" * 100_000 + b"\n")
    (here / "cut.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    (here / "broken").mkdir()
    (here / "broken" / "x.duly").write_text("pipeline {")
    for words, said in (
        (["new"], "no database"),
        (["new", "--journal", "bad.ndjson"], "bad.ndjson, line 1"),
        (["new", "--journal", "deep.ndjson"], "deep.ndjson, line 1"),
        (["new", "--journal", "cut.gz"], "unpacked"),
        (["new", "--journal", "missing"], "`missing`"),
        (["broken", "--journal", "past.ndjson"], "have errors"),
        (["nowhere", "--journal", "past.ndjson"], "nowhere"),
        (["new", "--server", "https://duly.example"], "DULY_TOKEN"),
        (["new", "--journal", "past.ndjson", "--max-new-breaches", "1"], "--against"),
    ):
        assert main(["backtest", *words]) == 2
        assert said in capsys.readouterr().err, words


def test_a_packed_journal_and_two_processes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "past.gz").write_bytes(gzip.compress((here / "past.ndjson").read_bytes()))
    out = told(capsys, "new", "--journal", "past.gz", "--against", "old", "--jobs", "2")
    assert out.startswith("+1 breach, ")


def test_a_server_streams_its_journal(here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answers: dict[str, bytes] = {}

    async def main_() -> None:
        async with office(tmp_path / "server") as desk:
            headers = await desk.token("read", "write")
            for text in ("a secret complaint", "hi"):
                opened = await desk.client.post(
                    "/api/v1/cards", json={"pipeline": "Support", "text": text, "email": "a@b.example"}, headers=headers
                )
                assert opened.status_code == 201
            for path in ("/journal", "/journal?texts=true", "/journal?after=1", "/versions/live"):
                answer = await desk.client.get(f"/api/v1{path}", headers=headers)
                assert answer.status_code == 200
                answers[path] = answer.content
            agent = await desk.token("read", role="agent")
            assert (await desk.client.get("/api/v1/journal", headers=agent)).status_code == 403

    asyncio.run(main_())
    told_ = answers["/journal?texts=true"].splitlines()
    assert len(told_) == 2 and len(answers["/journal?after=1"].splitlines()) == 1
    assert b"secret" in told_[0] and b"a@b.example" in told_[0]
    assert b"secret" not in answers["/journal"] and b"a@b.example" not in answers["/journal"]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != "Bearer right":
            return httpx.Response(401, json={"detail": "this token is unknown"})
        path = request.url.path.removeprefix("/api/v1")
        return httpx.Response(200, content=answers[path])

    server = Server("https://duly.example", "right", texts=False, transport=httpx.MockTransport(answer))
    assert b"\n".join(server.lines()) + b"\n" == answers["/journal"]
    files = server.version("live")
    assert files is not None and files["support.duly"] == RULES
    wrong = Server("https://duly.example", "wrong", texts=False, transport=httpx.MockTransport(answer))
    with pytest.raises(PastError, match="this token is unknown"):
        list(wrong.lines())
    answers["/journal"] = answers["/journal"][:-20]
    with pytest.raises(PastError, match="cut off"):
        list(server.lines())


def test_portuguese(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "duly_platform", "backtest", "new", "--journal", "past.ndjson", "--against", "old"],
        env={**os.environ, "DULY_LANGUAGE": "pt-BR", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert done.stdout.startswith("+1 prazo estourado, ")
    assert "4 eventos repetidos até 2026-11-02 em " in done.stdout
    assert "Por etapa" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_it_without_a_word(jobs: str, here: Path) -> None:
    os.mkfifo(here / "pipe")
    command = ["-m", "duly_platform", "backtest", "new", "--journal", "pipe", "--against", "old", "--jobs", jobs]
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # it is ignored in a shell's background
    )  # fmt: skip
    with (here / "pipe").open("wb") as pipe:  # opens once the other side reads
        pipe.write((here / "past.ndjson").read_bytes())
        pipe.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_the_bar_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar(4000)
    bar.show(1000, MONDAY)
    shown = capsys.readouterr().err
    assert "█████░░░░░░░░░░░░░░░  25%" in shown and "1,000 events" in shown and "2026-11-02" in shown
    assert "/s" in shown and "s left" in shown
    bar.clear()
    assert capsys.readouterr().err == "\r\x1b[K"
    without = Bar(0)
    without.show(7, MONDAY)
    assert "left" not in capsys.readouterr().err
