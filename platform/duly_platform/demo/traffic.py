"""Live traffic: conversations that begin one after another, some answered in time, some late, some not at all.

All pauses are seconds of the one Clock, so a faster clock makes a busier demo. The same seed gives the same customers.
"""

from __future__ import annotations

import asyncio
import random
import unicodedata
from collections.abc import Iterator

import httpx
import structlog

from duly_platform.demo.agents import AgentApi
from duly_platform.demo.conversations import ENGLISH, FIRST_NAMES, LAST_NAMES, PORTUGUESE, Script
from duly_platform.demo.customers import Customer, Customers
from duly_runtime.time import Clock

log = structlog.get_logger()

MINUTE, HOUR = 60.0, 3600.0

PACE = 8 * MINUTE
"""Mean time between two customers."""
FIRST = 5
"""Customers who write as soon as the doors are open, so that the board is not empty for long."""
MOST = 60
"""Conversations under way at once: the demo may run for days."""
LOOKS = 40
"""Times the agents look for a card whose message was taken."""

FATES = {"prompt": 9, "waits": 4, "late": 3, "stuck": 2, "ignored": 2}
"""How conversations go, and how often (of 20).

prompt: answered in time and done. waits: the customer is asked something and waited for. late: answered after the first
reply was due. stuck: answered, then left lying. ignored: nobody answers for hours.
"""
PRIORITIES = {"urgent": 4, "high": 5, "normal": 8, "low": 3}
TIERS = {"gold": 3, "silver": 5, "basic": 12}
FIRST_REPLY = {"urgent": 15 * MINUTE, "high": HOUR, "normal": 4 * HOUR, "low": 8 * HOUR}
"""What the workspace promises; gold customers get the promise of `high`."""


class Traffic:
    """Everybody who writes in the demo. `run` goes on until it is cancelled."""

    def __init__(
        self,
        customers: Customers,
        agents: AgentApi,
        clock: Clock,
        rng: random.Random,
        *,
        pace: float = PACE,
        first: int = FIRST,
    ) -> None:
        self._customers = customers
        self._agents = agents
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self._first = first
        self._people = strangers(random.Random(rng.random()))
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, most: int | None = None) -> None:
        """Start conversations, `most` of them where it is given, and see them through."""
        begun = 0
        async with asyncio.TaskGroup() as group:
            while most is None or begun < most:
                if len(self._under_way) < MOST:
                    task = group.create_task(self._guarded(random.Random(self._rng.random())))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
                    begun += 1
                if begun >= self._first:
                    await self._clock.sleep(self._rng.expovariate(1 / self._pace))
                else:
                    await asyncio.sleep(0)

    async def _guarded(self, rng: random.Random) -> None:
        """One conversation that goes wrong must not end the others."""
        try:
            await self._conversation(rng)
        except (httpx.HTTPError, KeyError, ValueError, TypeError) as error:
            log.warning("a conversation of the demo broke off", reason=repr(error))

    async def _conversation(self, rng: random.Random) -> None:
        who = next(self._people)
        script = rng.choice(PORTUGUESE if who.language == "pt-BR" else ENGLISH)
        fate, by_shop = _pick(rng, FATES), rng.random() < 0.6
        priority, tier = (_pick(rng, PRIORITIES), _pick(rng, TIERS)) if by_shop else ("normal", "basic")
        if by_shop and rng.random() < 0.03:
            await self._customers.shop_without_order(who, script.opening)
            return

        async def say(text: str) -> bool:
            text = text.format(order=who.order, name=who.first_name)
            if by_shop:
                return await self._customers.shop(who, script.subject, text, priority, tier)
            return await self._customers.whatsapp(who, text)

        before = await self._agents.newest()
        if not await say(script.opening):
            return
        number = await self._card_of(who, before)
        if number is None:
            return
        promise = FIRST_REPLY["high" if tier == "gold" and priority in ("normal", "low") else priority]
        agent = _Agent(self._agents, self._clock, rng, number, who)
        match fate:
            case "prompt":
                await agent.answer(script, promise * rng.uniform(0.1, 0.7))
                if rng.random() < 0.5:
                    await self._clock.sleep(rng.uniform(5, 40) * MINUTE)
                    await say(script.answer)
                    await agent.say(script.closing, rng.uniform(3, 20) * MINUTE)
                await agent.finish(script, rng.uniform(5, 45) * MINUTE)
                if rng.random() < 0.2:  # a kind word opens the card again
                    await self._clock.sleep(rng.uniform(0.5, 6) * HOUR)
                    await say(script.thanks)
                    await agent.finish(script, rng.uniform(5, 30) * MINUTE)
            case "waits":
                await agent.answer(script, promise * rng.uniform(0.2, 0.8))
                await agent.wait_for_customer(script, rng.uniform(2, 10) * MINUTE)
                if rng.random() < 0.75:
                    await self._clock.sleep(rng.uniform(0.3, 5) * HOUR)
                    await say(script.answer)
                    await agent.say(script.closing, rng.uniform(5, 25) * MINUTE)
                    await agent.finish(script, rng.uniform(5, 30) * MINUTE)
            case "late":
                await agent.answer(script, promise * rng.uniform(1.1, 1.6))
                await agent.finish(script, rng.uniform(20, 90) * MINUTE)
            case "stuck":
                await agent.say(script.reply, promise * rng.uniform(0.3, 0.9))
                await agent.answer(script, rng.uniform(3, 8) * HOUR)
                await agent.finish(script, rng.uniform(1, 4) * HOUR)
            case _:
                await self._clock.sleep(promise * rng.uniform(1.5, 3))
                await say(script.upset)
                await agent.answer(script, rng.uniform(2, 7) * HOUR)
                await agent.finish(script, rng.uniform(0.5, 2) * HOUR)

    async def _card_of(self, who: Customer, before: int) -> int | None:
        """The card that came of the first message. Looks in the machine's seconds: the worker has those too."""
        for _ in range(LOOKS):
            number = await self._agents.find(who.name, before)
            if number is not None:
                return number
            await asyncio.sleep(0.5)
        log.warning("a message of the demo was taken, but has no card", customer=who.name)
        return None


def strangers(rng: random.Random) -> Iterator[Customer]:
    """New customers for ever; a name comes again only after all the others, and then with a middle initial."""
    names = [(lang, first, last) for lang in FIRST_NAMES for first in FIRST_NAMES[lang] for last in LAST_NAMES[lang]]
    turn = 0
    while True:
        rng.shuffle(names)
        initial = f" {chr(ord('A') + (turn - 1) % 26)}." if turn else ""
        for language, first, last in names:
            digits = f"{rng.randrange(10**6):06}"
            name = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode().lower()
            yield Customer(
                name=f"{first}{initial} {last}",
                language=language,
                phone=f"5511900{digits}" if language == "pt-BR" else f"15550{digits}",
                email=f"{name}{digits}@customers.example",
                order=f"{rng.randrange(100_000, 1_000_000)}",
            )
        turn += 1


class _Agent:
    """Whoever has the card. Each step waits first, then does what is still possible."""

    def __init__(self, api: AgentApi, clock: Clock, rng: random.Random, number: int, who: Customer) -> None:
        self._api = api
        self._clock = clock
        self._rng = rng
        self._number = number
        self._who = who

    async def say(self, text: str, after: float) -> None:
        await self._clock.sleep(after)
        await self._api.reply(self._number, text.format(order=self._who.order, name=self._who.first_name))

    async def answer(self, script: Script, after: float) -> None:
        """Answer and take the card into work."""
        await self.say(script.reply, after)
        if await self._api.stage(self._number) in ("New", "Triage"):
            await self._clock.sleep(self._rng.uniform(0.5, 4) * MINUTE)
            await self._api.move(self._number, "In progress")

    async def wait_for_customer(self, script: Script, after: float) -> None:
        await self.say(script.question, after)
        await self._api.set(self._number, Resolution="asked back")
        await self._api.move(self._number, "Waiting for customer")

    async def finish(self, script: Script, after: float) -> None:
        await self._clock.sleep(after)
        if await self._api.stage(self._number) not in ("Done", ""):
            await self._api.set(self._number, Resolution=script.resolution)
            await self._api.move(self._number, "Done")


def _pick(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
