"""The demo's stage: everything around Duly that a real installation has and a demo must bring along."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec

from duly_admin_ui.services import CaughtMail
from duly_dsl import workspace
from duly_dsl.build import build
from duly_platform.demo.agents import AgentApi
from duly_platform.demo.customers import Customers
from duly_platform.demo.graph import Graph
from duly_platform.demo.mailbox import Mailbox
from duly_platform.demo.traffic import Traffic
from duly_platform.desk import Desk
from duly_platform.settings import Settings
from duly_runtime.calendars import Calendars, WorkingTime
from duly_runtime.changes import Change
from duly_runtime.time import Clock, SystemClock

AGENTS = ("ana", "bruno", "carla", "elisa")
SEED = 20
"""The same customers at each start."""
NIGHT = dt.timedelta(hours=4)
"""A shorter rest is a break."""
BREAKS = 20
"""Breaks in a row after which an office has no nights."""
AFTER_OPENING = dt.timedelta(minutes=10)


class Stage:
    """A mail catcher and a stand-in for Meta and the shop, listening; then the traffic."""

    def __init__(self) -> None:
        clock: Clock = SystemClock()
        self._shop_key = secrets.token_urlsafe(24)
        self._app_secret = secrets.token_hex(16)
        self._access_token = secrets.token_urlsafe(24)
        self._mail = Mailbox(clock)
        self._graph = Graph(clock, self._access_token, random.Random(SEED))

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[Stage]:
        stage = cls()
        async with stage._mail.serving(), stage._graph.serving():
            yield stage

    def mailbox(self) -> list[CaughtMail]:
        """What was caught, newest first."""
        return self._mail.mails()

    def secrets(self) -> dict[str, str]:
        """The secrets the workspace names, by name; new ones at each start."""
        return {
            "SHOP_SIGNING_KEY": self._shop_key,
            "SHOP_EVENTS_URL": f"{self._graph.url}/shop/events",
            "SHOP_EVENTS_KEY": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
            "SMTP_URL": f"smtp://127.0.0.1:{self._mail.port}",
            "WHATSAPP_API": self._graph.url,
            "WHATSAPP_ACCESS_TOKEN": self._access_token,
            "WHATSAPP_APP_SECRET": self._app_secret,
            "WHATSAPP_VERIFY_TOKEN": secrets.token_urlsafe(12),
        }

    @contextlib.asynccontextmanager
    async def traffic(self, desk: Desk, settings: Settings, *, quiet: bool) -> AsyncIterator[None]:
        """Customers write to the server at `settings.base_url`, from when it answers until the block ends."""
        self._mail.clock = self._graph.clock = desk.clock
        self._mail.on_mail = lambda: desk.node.changes.publish(Change(topic="mail"))
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
        url = f"http://{host}:{settings.port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
            keys = {"shop_key": self._shop_key, "app_secret": self._app_secret}
            customers = Customers(http, desk.clock, random.Random(SEED), **keys)
            self._graph.customers = customers
            task = None if quiet else asyncio.create_task(self._run(desk, http, customers))
            try:
                yield
            finally:
                self._graph.customers = None
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def _run(self, desk: Desk, http: httpx.AsyncClient, customers: Customers) -> None:
        tokens: dict[str, str] = {}
        for name in AGENTS:
            user = await desk.store.user(name)
            if not user.active:
                await desk.accounts.save(msgspec.structs.replace(user, active=True))
            _, tokens[name] = await desk.accounts.make_token("demo", name, ["read", "write"], days=None)
        await answering(http)
        agents = AgentApi(http, tokens)
        # Where the demo goes on with its cards, other people write than the first time.
        seed = SEED + await agents.newest()
        await Traffic(customers, agents, desk.clock, random.Random(seed)).run()


async def answering(http: httpx.AsyncClient) -> None:
    """Return once the server answers; it may take as long as it likes to start."""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if (await http.get("/health/live")).is_success:
                return
        await asyncio.sleep(0.1)


def begin_in_the_morning(folder: Path, data: Path, speed: float, now: dt.datetime) -> None:
    """Let the demo's fast clock begin shortly after the next morning's opening: on a Sunday night nothing would fall due.

    Writes the file the clock is kept in (`time.shared_since`), where there is none yet. A clock at the machine's own speed
    can't be set, and a workspace with errors is told of when it is published.
    """
    kept = data / "fast-clock"
    program = build(workspace.load([folder])).program
    if speed <= 1 or kept.exists() or program is None or not program.pipelines:
        return
    office = Calendars(program).of(next(iter(program.pipelines.values())).calendar)
    begin = next_morning(office, now) + AFTER_OPENING
    # The clock shows since + (now - since) * speed.
    since = now - (begin - now) / (speed - 1)
    kept.write_text(since.isoformat())


def next_morning(office: WorkingTime, now: dt.datetime) -> dt.datetime:
    """The first opening after a night's rest; `now` where the office never rests so long."""
    opening = office.next_open(now)
    for _ in range(BREAKS):
        closing = office.next_close(opening)
        if closing is None:
            break
        opening = office.next_open(closing)
        if opening - closing >= NIGHT:
            return opening
    return now
