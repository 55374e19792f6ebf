"""Excusing a miss on the card's page: who is offered which reason, and what it does."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

from support.office import EXCUSES, Office, csrf, office, sign_in


async def press(here: Office, number: int, **form: Any) -> str:
    """A button of the card's page; the page afterwards."""
    page = (await here.client.get(f"/cards/{number}")).text
    answer = await here.client.post(
        f"/cards/{number}/excuse", data={"_csrf_token": csrf(page), **form}, follow_redirects=True
    )
    return answer.text


def test_an_agent_excuses_and_a_manager_withdraws(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await sign_in(here, "bruno", "agent")
            headers = await here.token("read", "write")
            number = (await here.client.post("/api/v1/cards", json={"pipeline": "Support"}, headers=headers)).json()[
                "number"
            ]
            page = (await here.client.get(f"/cards/{number}")).text
            assert "Excuse the miss" not in page
            here.clock.advance(dt.timedelta(hours=2))
            await here.client.post(f"/api/v1/cards/{number}/note", json={"text": "late"}, headers=headers)
            page = (await here.client.get(f"/cards/{number}")).text
            assert "<option>Outage</option>" in page
            assert "<option>On holiday</option>" not in page
            refused = await press(here, number, metric="first reply", cycle="1", reason="On holiday")
            assert "takes the role manager" in refused
            done = await press(here, number, metric="first reply", cycle="1", reason="Outage")
            assert "Excused: Outage" in done
            assert "Withdraw the excuse" in done
            card = await here.desk.store.card(await here.desk.store.card_id(number))
            assert card.clocks[0].excuse is not None
            assert card.clocks[0].excuse.author == "bruno"
            await sign_in(here, "diogo", "manager")
            back = await press(here, number, metric="first reply", cycle="1", withdraw="1")
            assert "<option>On holiday</option>" in back
            card = await here.desk.store.card(card.id)
            assert (card.clocks[0].excuse, card.clocks[0].outcome) == (None, "missed")

    asyncio.run(main())


def test_a_manager_reads_reports_and_an_agent_does_not(tmp_path: Path) -> None:
    rules = (
        EXCUSES
        + """
report "Compliance" {
  of first reply, time in stage
  by owner
  period last 7 days
  goal 90%
}
"""
    )

    async def main() -> None:
        async with office(tmp_path, rules) as here:
            headers = await here.token("read", "write")
            await here.client.post("/api/v1/cards", json={"pipeline": "Support"}, headers=headers)
            here.clock.advance(dt.timedelta(hours=2))
            await here.client.post("/api/v1/cards/1/note", json={"text": "late"}, headers=headers)
            here.clock.advance(dt.timedelta(days=1))
            await sign_in(here, "bruno", "agent")
            assert (await here.client.get("/reports/Compliance")).status_code == 403
            await sign_in(here, "diogo", "manager")
            assert '<a href="/reports/Compliance">Compliance</a>' in (await here.client.get("/reports")).text
            page = (await here.client.get("/reports/Compliance")).text
            assert "goal not reached" in page
            assert "0.0%" in page
            assert (await here.client.get("/reports/Nothing")).status_code == 404

    asyncio.run(main())
