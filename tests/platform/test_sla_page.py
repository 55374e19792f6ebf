"""The page of promises from end to end: worked cards, filters in the address, the cards of a number, an instant that is
past, and who may see it."""

from __future__ import annotations

import asyncio
import datetime as dt
import html
import re
from pathlib import Path
from urllib.parse import quote

from support.office import EXCUSES, Office, office, sign_in


async def worked(here: Office) -> None:
    """Five cards by the end of Monday: two answered in time, three late of which one (of bruno) is excused on Tuesday."""
    headers = await here.token("read", "write")
    post = here.client.post
    for number, owner in enumerate(("ana", "ana", "bruno", "bruno", "bruno"), 1):
        await post("/api/v1/cards", json={"pipeline": "Support", "fields": {"Resolution": "x"}}, headers=headers)
        await post(f"/api/v1/cards/{number}/assign", json={"owner": owner}, headers=headers)
    here.clock.advance(dt.timedelta(minutes=30))
    for number in (1, 3):
        await post(f"/api/v1/cards/{number}/reply", json={"text": "hi"}, headers=headers)
        await post(f"/api/v1/cards/{number}/move", json={"stage": "Done"}, headers=headers)
    here.clock.advance(dt.timedelta(hours=3))
    for number in (2, 4, 5):
        await post(f"/api/v1/cards/{number}/reply", json={"text": "sorry"}, headers=headers)
    here.clock.advance(dt.timedelta(days=1))
    done = await post("/api/v1/cards/5/excuse", json={"clock": "first reply", "reason": "Outage"}, headers=headers)
    assert done.status_code == 200, done.text
    here.clock.advance(dt.timedelta(days=1))
    await sign_in(here, "diogo", "manager")


def table(page: str) -> dict[str, list[str]]:
    """First cell -> the other cells, of each row."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page, re.S):
        cells = [
            html.unescape(re.sub(r"<[^>]*>", "", cell)).strip()
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)
        ]
        found[cells[0]] = cells[1:]
    return found


async def read(here: Office, query: str = "") -> str:
    answer = await here.client.get(f"/reports/sla{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_figures_by_anything_gross_and_net(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await worked(here)
            by_owner = table(await read(here, "?by=owner"))
            assert by_owner["Ana"][:6] == ["2", "1", "1", "0", "50.0%", "50.0%"]
            assert by_owner["Bruno"][:6] == ["3", "1", "1", "1", "33.3%", "50.0%"]
            assert by_owner["Total"] == [
                "5", "2", "2", "1", "40.0%", "50.0%", "3h 30m", "3h 30m", "3h 30m", "3h 30m"
            ]  # fmt: skip
            net = table(await read(here, "?by=owner&net=1"))
            assert net["Bruno"][:6] == ["2", "1", "1", "1", "33.3%", "50.0%"]
            assert table(await read(here, "?by=reason"))["Outage"][:4] == ["1", "0", "0", "1"]
            assert table(await read(here, "?by=owner&owner=ana"))["Total"][0] == "2"
            assert set(table(await read(here, "?by=channel&owner=ana"))) == {"Channel", "By hand", "Total"}
            stays = table(await read(here, "?measure=time+in+stage&by=stage"))
            assert stays["New"][:3] == ["2", "30m 00s", "30m 00s"]
            together = await read(here, "?by=all")
            assert "<svg width" not in together
            assert table(together)["Total"][0] == "5"

    asyncio.run(main())


def test_every_number_leads_to_its_cards(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await worked(here)
            page = await read(here, "?by=owner&owner=bruno&compare=1")
            targets = [html.unescape(each) for each in re.findall(r'href="(/reports/sla/cards[^"]+)"', page)]
            listed = {}
            for target in targets:
                answer = (await here.client.get(target)).text
                listed[target] = sorted(re.findall(r">#(\d+)</a>", answer))
            assert ["3", "4", "5"] in listed.values()
            assert next(cards for target, cards in listed.items() if "outcome=excused" in target) == ["5"]
            assert next(cards for target, cards in listed.items() if "outcome=missed" in target) == ["4"]
            assert next(cards for target, cards in listed.items() if "outcome=met" in target) == ["3"]
            # The bar's own link, and a day's.
            assert re.search(
                r'<a href="[^"]+">\s*<rect[^>]*/>\s*<text[^>]*>Bruno</text> <text[^>]*>33.3% of 3</text>', page
            )
            days = await read(here, "?by=day")
            (day,) = re.findall(r'<a href="([^"]+)">\s*<rect[^>]*/>\s*<text[^>]*>Nov 9, 2026<', days)
            assert "since=2026-11-09" in day and "until=2026-11-09" in day

    asyncio.run(main())


def test_an_address_with_an_instant_says_what_was_said_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await worked(here)
            now = here.clock.now()
            before = quote((now - dt.timedelta(days=1, seconds=1)).isoformat(), safe="")
            page = await read(here, f"?by=owner&since=2026-11-09&until=2026-11-09&as_of={before}")
            assert "As it was known on" in page
            assert table(page)["Bruno"][:6] == ["3", "1", "2", "0", "33.3%", "33.3%"]
            at_noon = quote("2026-11-09T12:31:00+00:00", safe="")
            assert (
                table(await read(here, f"?by=owner&since=2026-11-09&until=2026-11-09&as_of={at_noon}"))["Total"][0] == "2"
            )
            listed = (await here.client.get(f"/reports/sla/cards?since=2026-11-09&as_of={at_noon}")).text
            assert sorted(re.findall(r">#(\d+)</a>", listed)) == ["1", "3"]

    asyncio.run(main())


def test_words_that_mean_nothing_are_said_or_left_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await worked(here)
            assert "could not be read" in await read(here, "?since=yesterday")
            assert "could not be read" in await read(here, "?as_of=then")
            assert "before the first" in await read(here, "?since=2026-11-09&until=2026-11-01")
            assert "longer than ten years" in await read(here, "?since=1999-11-09&until=2026-11-01")
            assert table(await read(here, "?by=nothing&period=century&measure=luck&colour=red"))["Total"][0] == "5"
            nothing = await read(here, "?owner=carla")
            assert "Nothing to count" in nothing
            for query in ("?before=x", "?before=99999999999999999999", "?since=0", "?since=2026-11-09&until=2026-11-01"):
                assert (await here.client.get(f"/reports/sla/cards{query}")).status_code == 200

    asyncio.run(main())


def test_the_cards_of_a_number_come_in_pages(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            headers = await here.token("read", "write")
            for _ in range(57):
                await here.client.post("/api/v1/cards", json={"pipeline": "Support"}, headers=headers)
            here.clock.advance(dt.timedelta(hours=2))
            for number in range(1, 58):
                await here.client.post(f"/api/v1/cards/{number}/note", json={"text": "late"}, headers=headers)
            await sign_in(here, "diogo", "manager")
            first = (await here.client.get("/reports/sla/cards?since=2026-11-09")).text
            (older,) = re.findall(r'href="([^"]+)">Older ones', first)
            second = (await here.client.get(html.unescape(older))).text
            shown = re.findall(r">#(\d+)</a>", first) + re.findall(r">#(\d+)</a>", second)
            assert len(shown) == 57
            assert sorted(map(int, shown)) == list(range(1, 58))
            assert "Older ones" not in second

    asyncio.run(main())


def test_who_may_see_it_and_before_there_are_rules(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, "") as here:
            await sign_in(here, "diogo", "manager")
            assert "No rules yet" in await read(here)
            assert (await here.client.get("/reports/sla/cards")).status_code == 200
            await sign_in(here, "bruno", "agent")
            for path in ("/reports/sla", "/reports/sla/cards"):
                assert (await here.client.get(path)).status_code == 403
            assert 'href="/reports"' not in (await here.client.get("/help")).text

    asyncio.run(main())


def test_it_speaks_portuguese(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, EXCUSES) as here:
            await worked(here)
            await here.client.get("/help")
            await sign_in(here, "diogo", "manager", language="pt-BR")
            page = await read(here, "?by=owner")
            assert "Como as promessas foram cumpridas" in page
            assert table(page)["Bruno"][4:6] == ["33,3%", "50,0%"]

    asyncio.run(main())
