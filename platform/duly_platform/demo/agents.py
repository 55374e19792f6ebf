"""The demo's agents: they work through the JSON API, each with a token of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import structlog

log = structlog.get_logger()


class AgentApi:
    """What an agent does. False means that it was refused or is no longer possible: somebody else was quicker, say."""

    def __init__(self, http: httpx.AsyncClient, tokens: Mapping[str, str]) -> None:
        """`tokens` by user name; the first is who acts where a card has no owner or one without a token."""
        self._http = http
        self._tokens = dict(tokens)

    async def newest(self) -> int:
        """The number of the newest card, 0 where there is none."""
        cards = await self._get("/cards?limit=1")
        return int(cards[0]["number"]) if cards else 0

    async def find(self, customer: str, after: int) -> int | None:
        """The number of a customer's newest card above `after`; None where there is none yet."""
        for card in await self._get("/cards?limit=200") or []:
            if card["number"] > after and card["customer"] == customer:
                return int(card["number"])
        return None

    async def stage(self, number: int) -> str:
        """Where the card is; empty where it can't be read."""
        card = await self._get(f"/cards/{number}")
        return str(card.get("stage", "")) if card else ""

    async def owner(self, number: int) -> str:
        card = await self._get(f"/cards/{number}")
        return str(card.get("owner", "")) if card else ""

    async def reply(self, number: int, text: str) -> bool:
        return await self._do(number, "reply", {"text": text})

    async def note(self, number: int, text: str) -> bool:
        return await self._do(number, "note", {"text": text})

    async def move(self, number: int, stage: str, reason: str = "") -> bool:
        return await self._do(number, "move", {"stage": stage, "reason": reason})

    async def set(self, number: int, **values: str) -> bool:
        return await self._do(number, "fields", {"values": values})

    async def _do(self, number: int, verb: str, body: dict[str, Any]) -> bool:
        token = self._tokens.get(await self.owner(number)) or next(iter(self._tokens.values()))
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self._http.post(f"/api/v1/cards/{quote(str(number))}/{verb}", json=body, headers=headers)
        except httpx.HTTPError:  # the server is stopping
            return False
        if not answer.is_success and answer.status_code not in (404, 409, 422):
            log.warning("an agent of the demo could not act", card=number, verb=verb, reason=answer.text[:200])
        return answer.is_success

    async def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {next(iter(self._tokens.values()))}"}
        try:
            answer = await self._http.get(f"/api/v1{path}", headers=headers)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.is_success else None
