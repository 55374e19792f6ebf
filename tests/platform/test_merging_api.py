"""Merging and splitting over the API and on the pages of a running Duly."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.office import Office, office


def run(folder: Path, body: Callable[[Office], Awaitable[None]]) -> None:
    async def main() -> None:
        async with office(folder) as here:
            await body(here)

    asyncio.run(main())


async def opened(here: Office, headers: dict[str, str], text: str) -> int:
    card = {"pipeline": "Support", "title": text, "text": text, "email": "ana@example.com"}
    answer = await here.client.post("/api/v1/cards", json=card, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]


async def post(here: Office, headers: dict[str, str], path: str, **body: object) -> tuple[int, dict]:
    answer = await here.client.post(f"/api/v1/cards/{path}", json=body, headers=headers)
    return answer.status_code, answer.json()


def test_cards_are_merged_and_the_merge_undone(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write", role="agent")
        one, other = await opened(here, headers, "one"), await opened(here, headers, "other")
        status, kept = await post(here, headers, f"{other}/merge", into=one)
        assert (status, kept["number"], kept["absorbed"][0]["number"]) == (200, one, other)
        messages = (await here.client.get(f"/api/v1/cards/{one}/messages", headers=headers)).json()
        assert [(m["text"], m["origin"]) for m in messages] == [("one", 0), ("other", other)]
        status, problem = await post(here, headers, f"{other}/note", text="hello")
        assert (status, problem["detail"]) == (422, f"merged: The card is part of #{one} now.")
        board = (await here.client.get("/api/v1/pipelines/Support/board", headers=headers)).json()
        assert [row["number"] for row in board] == [one]
        status, back = await post(here, headers, f"{other}/unmerge")
        assert (status, back["number"], back.get("merged"), back.get("finished_at")) == (200, other, None, None)
        assert (await post(here, headers, f"{other}/unmerge"))[0] == 422
        assert (await post(here, headers, f"{other}/merge", into=99))[0] == 404
        status, problem = await post(here, headers, f"{one}/merge", into=one)
        assert (status, problem["detail"]) == (422, "merge-into-itself: A card can't be merged into itself.")

    run(tmp_path, body)


def test_messages_are_split_off(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write", role="agent")
        number = await opened(here, headers, "my order")
        here.clock.advance(dt.timedelta(minutes=20))
        at = here.clock.now()
        await post(here, headers, f"{number}/note", text="another thing")
        here.clock.advance(dt.timedelta(hours=3))
        messages = (await here.client.get(f"/api/v1/cards/{number}/messages", headers=headers)).json()
        ids = [message["id"] for message in messages]
        status, new = await post(here, headers, f"{number}/split", messages=ids[1:], title="The other thing")
        assert (status, new["title"], new["number"] != number) == (201, "The other thing", True)
        assert dt.datetime.fromisoformat(new["created_at"]) == at
        left = (await here.client.get(f"/api/v1/cards/{number}/messages", headers=headers)).json()
        assert [message["text"] for message in left] == ["my order"]
        status, problem = await post(here, headers, f"{number}/split", messages=ids[:1])
        assert (status, problem["detail"].partition(":")[0]) == (422, "unfit-messages")
        assert (await post(here, headers, f"{number}/split", messages=[]))[0] == 400
        whose = [
            (await here.client.get(f"/api/v1/cards/{n}/contact", headers=headers)).json() for n in (number, new["number"])
        ]
        assert whose[0]["id"] == whose[1]["id"]

    run(tmp_path, body)


def test_a_key_makes_a_repeated_merge_harmless(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write")
        one, other = await opened(here, headers, "one"), await opened(here, headers, "other")
        keyed = {**headers, "Idempotency-Key": "merge-1"}
        first = await post(here, keyed, f"{other}/merge", into=one)
        again = await post(here, keyed, f"{other}/merge", into=one)
        assert first == again
        assert first[0] == 200

    run(tmp_path, body)


def test_a_viewer_merges_nothing(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        number = await opened(here, await here.token("read", "write"), "one")
        viewer = await here.token("read", "write", role="viewer")
        status, problem = await post(here, viewer, f"{number}/merge", into=number)
        assert (status, "cards.merge" in problem["detail"]) == (403, True)

    run(tmp_path, body)
