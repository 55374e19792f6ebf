"""Reports from end to end: worked cards, the API, and `duly report` on the data and against the server."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from duly_platform.cli import main
from duly_platform.cli import report as command
from duly_runtime.time import FakeClock
from support.office import MONDAY, RULES, Office, office

REPORTS = (
    RULES.replace("  ticket types question, complaint\n", '  ticket types question, complaint\n  excuses "Outage"\n')
    + """
report "Compliance" {
  of first reply, time in stage
  by owner
  period last 7 days
  without excused
  goal 90%
}
"""
)


async def worked(here: Office) -> dict[str, str]:
    """Four cards: one answered in time, two missed of which one is excused, one that waits."""
    headers = await here.token("read", "write")
    post = here.client.post
    for number in range(1, 5):
        answer = await post("/api/v1/cards", json={"pipeline": "Support", "fields": {"Resolution": "x"}}, headers=headers)
        assert answer.json()["number"] == number
        await post(
            f"/api/v1/cards/{number}/assign", json={"owner": ["ana", "ana", "bruno", "ana"][number - 1]}, headers=headers
        )
        if number == 3:
            here.clock.advance(dt.timedelta(minutes=30))
            await post("/api/v1/cards/1/reply", json={"text": "hi"}, headers=headers)
            await post("/api/v1/cards/1/move", json={"stage": "Done"}, headers=headers)
            here.clock.advance(dt.timedelta(hours=2))
            for late in (2, 3):
                await post(f"/api/v1/cards/{late}/reply", json={"text": "sorry"}, headers=headers)
            done = await post("/api/v1/cards/3/excuse", json={"clock": "first reply", "reason": "Outage"}, headers=headers)
            assert done.status_code == 200, done.text
    here.clock.advance(dt.timedelta(days=1))
    return headers


def test_figures_over_the_api_and_who_may_see_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, REPORTS) as here:
            headers = await worked(here)
            (listed,) = (await here.client.get("/api/v1/reports", headers=headers)).json()
            assert (listed["name"], listed["measures"], listed["goal"]) == (
                "Compliance",
                ["first reply", "time in stage"],
                90,
            )
            found = (await here.client.get("/api/v1/reports/Compliance", headers=headers)).json()
            rows = {(row["measure"], row["group"]["owner"]): row for row in found["rows"]}
            ana = rows["first reply", "ana"]
            assert (ana["count"], ana["met"], ana["missed"], ana["excused"], ana["compliance"]) == (2, 1, 1, 0, 0.5)
            assert ana["reached"] is False
            bruno = rows["first reply", "bruno"]
            assert (bruno["count"], bruno["excused"], bruno["compliance"]) == (0, 1, None)
            assert (ana["median_seconds"], ana["p90_seconds"]) == (5400.0, 8280.0)
            assert rows["time in stage", "ana"]["count"] == 1
            assert found["zone"] == "America/Sao_Paulo"
            other = "/api/v1/reports/Compliance?since=2026-11-01&until=2026-11-08"
            assert (await here.client.get(other, headers=headers)).json()["totals"][0]["count"] == 0
            backwards = "/api/v1/reports/Compliance?since=2026-11-08&until=2026-11-01"
            assert (await here.client.get(backwards, headers=headers)).status_code == 400
            assert (await here.client.get("/api/v1/reports/Nothing", headers=headers)).status_code == 404
            agent = await here.token("read", role="agent")
            assert (await here.client.get("/api/v1/reports/Compliance", headers=agent)).status_code == 403

    asyncio.run(main())


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def main() -> None:
        async with office(tmp_path, REPORTS) as here:
            await worked(here)

    asyncio.run(main())
    monkeypatch.setattr(command, "SystemClock", lambda: FakeClock(MONDAY + dt.timedelta(days=1)))
    monkeypatch.setenv("DULY_LANGUAGE", "en")
    return tmp_path


def test_a_date_that_is_none_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", "Compliance", "--since", "yesterday"])
    assert left.value.code == 2
    assert "write a date like 2026-01-31" in capsys.readouterr().err


def test_the_command_reads_the_data_here(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ["--workspace", str(data)]
    assert main(["report", *here]) == 0
    assert capsys.readouterr().out == "Compliance\n"
    assert main(["report", "Compliance", *here]) == 1
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("Compliance  2026-11-03 – 2026-11-09  (America/Sao_Paulo)  goal 90%  without excused")
    assert [line.split() for line in table[1:4]] == [
        ["measure", "owner", "count", "met", "missed", "excused", "compliance", "median", "p90"],
        ["first", "reply", "ana", "2", "1", "1", "0", "✗", "50.0%", "1h30m", "2h18m"],
        ["first", "reply", "bruno", "0", "0", "0", "1", "–", "–", "–"],
    ]
    assert main(["report", "Compliance", "--format", "csv", *here]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["measure"], row["owner"], row["count"], row["compliance"]) for row in rows] == [
        ("first reply", "ana", "2", "0.5"),
        ("first reply", "bruno", "0", ""),
        ("time in stage", "ana", "1", ""),
    ]
    assert main(["report", "Compliance", "--format", "json", *here]) == 1
    assert json.loads(capsys.readouterr().out)["totals"][0]["met"] == 1
    assert main(["report", "Compliance", "--since", "2026-11-01", "--until", "2026-11-02", *here]) == 0


def test_what_can_not_be_reported_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["report", "Complience", "--workspace", str(data)]) == 2
    assert "did you mean `Compliance`?" in capsys.readouterr().err
    assert main(["report", "--workspace", str(tmp_path / "nowhere")]) == 2
    assert "there is no database" in capsys.readouterr().err
    period = ["--since", "2026-11-02", "--until", "2026-11-01"]
    assert main(["report", "Compliance", *period, "--workspace", str(data)]) == 2
    assert "holds no day" in capsys.readouterr().err
    monkeypatch.delenv("DULY_TOKEN", raising=False)
    assert main(["report", "--server", "http://127.0.0.1:9"]) == 2
    assert "DULY_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("DULY_TOKEN", "x")
    assert main(["report", "--server", "ftp://desk"]) == 2
    assert "https://" in capsys.readouterr().err


class Server(BaseHTTPRequestHandler):
    """Answers as the API does; what it was asked is kept."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012
    answer = b""

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        known = self.path.startswith("/api/v1/reports/Compliance")
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(self.answer if known else b'{"detail": "there is no report of that name"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked = []
    with HTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_command_asks_a_server(
    data: Path, server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["report", "Compliance", "--format", "json", "--workspace", str(data)])
    Server.answer = capsys.readouterr().out.encode()
    monkeypatch.setenv("DULY_TOKEN", "a token")
    assert main(["report", "Compliance", "--since", "2026-11-01", "--format", "csv", "--server", server]) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("first reply,ana,2,1,1,0,0.5,")
    ((path, token),) = Server.asked
    asked = urllib.parse.urlsplit(path)
    assert (asked.path, asked.query) == ("/api/v1/reports/Compliance", "since=2026-11-01")
    assert token == "Bearer a token"
    assert main(["report", "Other", "--server", server]) == 2
    assert "there is no report of that name" in capsys.readouterr().err
