"""`duly explain CARD`: from the database and from a server, for people and for programs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest

from duly_platform.cli import cards, main
from duly_runtime import events
from support.office import MONDAY, Office, office

RULES_SEEN = """
#1 Where is it?
  Support · New · nobody's
  as of Mon 2026-11-09 13:30 (America/Sao_Paulo), version {version}

first reply, cycle 1: 6h on "Office", running, due Mon 2026-11-09 15:00
  begun under version {version}
  Mon 2026-11-09 09:00  Mon 2026-11-09 13:30  +4h30m  open  support.duly:4  open monday to friday 08:00-18:00
  used: 4h30m

Due next
  Mon 2026-11-09 13:48  alert about first reply at 80%
  Mon 2026-11-09 15:00  first reply is due

Rules
  Mon 2026-11-09 09:00  card is created
    near miss    "Gold is high"  support.duly:45
      true             `card is created`
      false            `tier is gold`   Tier = basic
"""


async def prepared(here: Office) -> cards.Found:
    """A card of half a day ago, as the API hands it out."""
    from support.office import RULES

    rules = RULES.replace("first reply within 1h", "first reply within 6h")
    assert (await here.desk.publish({"support.duly": rules}, "tester", "longer")).hash
    body = events.OpenCard(pipeline="Support", title="Where is it?", channel="manual")
    assert (await here.desk.command(0, body)).card_id
    headers = await here.token("read")
    paths = ["/cards/1", "/cards/1/trace", "/versions/live", f"/versions/{await here.desk.store.active_hash()}"]
    answers = {path: await here.client.get(f"/api/v1{path}", headers=headers) for path in [*paths, "/cards/2"]}
    with pytest.raises(cards.Unexplained, match="there is no card #2"):
        cards.fetched(lambda path: answers[path], 2)
    stranger = await here.client.get("/api/v1/cards/1")
    with pytest.raises(cards.Unexplained, match="the server answers 401"):
        cards.fetched(lambda path: stranger, 1)
    return cards.fetched(lambda path: answers[path], 1)


@pytest.fixture
def found(tmp_path: Path) -> cards.Found:
    async def run() -> cards.Found:
        async with office(tmp_path) as here:
            return await prepared(here)

    return asyncio.run(run())


def later(found: cards.Found) -> cards.Found:
    return cards.Found(found.card, found.traces, found.live, found.sources, MONDAY + dt.timedelta(hours=4, minutes=30))


def test_a_card_of_a_server_is_explained(found: cards.Found):
    text = cards.as_text(cards.explained(later(found), ""))
    wanted = RULES_SEEN.format(version=found.live[:10])
    assert [line.rstrip() for line in text.splitlines()] == wanted.strip().splitlines()


def test_for_programs(found: cards.Found):
    told = json.loads(cards.as_json(cards.explained(later(found), "first reply")))
    (clock,) = told["clocks"]
    assert clock["used"] == 16_200_000_000
    assert clock["stretches"][0]["source"] == {
        "version": found.live,
        "path": "support.duly",
        "line": 4,
        "text": "open monday to friday 08:00-18:00",
    }
    assert [each["at"] for each in told["next"]] == ["2026-11-09T16:48:00Z", "2026-11-09T18:00:00Z"]
    assert told["happenings"][0]["rules"][0]["near"] is True


def test_a_clock_it_does_not_have(found: cards.Found):
    with pytest.raises(cards.Unexplained, match="no clock `resolved`; it has: first reply"):
        cards.explained(found, "resolved")


def test_a_version_nobody_can_read_any_more(found: cards.Found):
    broken = cards.Found(found.card, found.traces, found.live, {found.live: {"a.duly": "nonsense"}}, found.now)
    with pytest.raises(cards.Unexplained, match="can't be read by this Duly"):
        cards.explained(broken, "")


def test_from_the_database(tmp_path: Path, found: cards.Found, capsys: pytest.CaptureFixture[str]):
    assert found.card.number == 1
    assert main(["explain", "#1", "--data", str(tmp_path / ".duly")]) == 0
    assert capsys.readouterr().out.startswith("#1 Where is it?\n  Support · New")
    assert main(["explain", "1", "--data", str(tmp_path / ".duly"), "--format", "json", "--clock", "first reply"]) == 0
    assert json.loads(capsys.readouterr().out)["card"] == 1
    assert main(["explain", "7", "--data", str(tmp_path / ".duly")]) == 2
    assert capsys.readouterr().err.endswith("duly: there is no card #7\n")


def test_what_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    assert main(["explain", "1", "--data", str(tmp_path)]) == 2
    assert "there is no database at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("DULY_TOKEN", raising=False)
    assert main(["explain", "1", "--server", "http://127.0.0.1:9"]) == 2
    assert "set DULY_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("DULY_TOKEN", "x")
    assert main(["explain", "1", "--server", "http://127.0.0.1:9"]) == 2
    assert "the server can't be reached" in capsys.readouterr().err


def test_codes_are_still_explained(capsys: pytest.CaptureFixture[str]):
    assert main(["explain", "E0203"]) == 0
    assert capsys.readouterr().out.startswith("E0203 ")
