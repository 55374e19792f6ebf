"""A whole Duly in the test's own process: real store on SQLite, embedded worker, a clock the test moves."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

import argon2
import msgspec
from litestar.testing import AsyncTestClient

from duly_platform import accounts
from duly_platform.composition import open_desk
from duly_platform.desk import Desk
from duly_platform.settings import load
from duly_platform.web.app import create_app
from duly_runtime.store.api import User
from duly_runtime.time import UTC, FakeClock
from support.databases import sqlite_database

MONDAY = dt.datetime(2026, 11, 9, 12, 0, tzinfo=UTC)
"""09:00 in São Paulo, an ordinary Monday."""
PASSWORD = "correct horse battery"
accounts.HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

RULES = """
calendar "Office" {
  time zone "America/Sao_Paulo"
  open monday to friday 08:00-18:00
}

person ana {
  name "Ana"
}

person bruno {
  name "Bruno"
}

person diogo {
  name "Diogo"
}

team "Desk" {
  members ana, bruno
  lead ana
  manager diogo
}

pipeline "Support" {
  calendar "Office"
  priorities urgent, high, normal, low
  ticket types question, complaint

  field "Tier" choice gold, silver, basic default basic
  field "Resolution" text required to leave "New"

  stage "New" {
    start
    next "Done"
    owner team "Desk"
    first reply within 1h
    alert owner at 80% of first reply
  }

  stage "Done" {
    finish
  }

  rule "Gold is high" {
    when card is created and tier is gold
    then set priority to high
  }
}
"""
EXCUSES = RULES.replace(
    "  ticket types question, complaint\n",
    '  ticket types question, complaint\n  excuses "Outage" by agent\n  excuses "On holiday"\n',
)


class Office(msgspec.Struct, kw_only=True):
    """`client` speaks to the application without a network; `token(...)` makes headers."""

    desk: Desk
    client: AsyncTestClient
    clock: FakeClock

    async def token(self, *scopes: str, role: str = "admin") -> dict[str, str]:
        """Headers of a token with these scopes, of a new user with this role."""
        name = f"tester_{role}"
        user = User(name=name, full_name="", email="", phone="", role=role, language="", active=True)
        await self.desk.accounts.save(user, PASSWORD)
        _, secret = await self.desk.accounts.make_token("test", name, list(scopes), 30)
        return {"Authorization": f"Bearer {secret}"}


@contextlib.asynccontextmanager
async def office(
    folder: Path, rules: str = RULES, environ: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Office]:
    clock = FakeClock(MONDAY)
    settings = load(folder, environ, base_url="http://duly.test")
    if settings.database_url.startswith("sqlite:///"):
        sqlite_database(Path(settings.database_url.removeprefix("sqlite:///")))
    async with open_desk(settings, clock) as desk:
        if rules:
            published = await desk.publish({"support.duly": rules}, "tester", "first")
            assert published.hash, [d.message for d in published.diagnostics]
        async with AsyncTestClient(create_app(desk, settings, "setup-token"), base_url="http://duly.test") as client:
            yield Office(desk=desk, client=client, clock=clock)


async def sign_in(here: Office, name: str, role: str, language: str = "en") -> None:
    """As a browser does, with a new account of this role."""
    user = User(name=name, full_name=name.title(), email="", phone="", role=role, language=language, active=True)
    await here.desk.accounts.save(user, PASSWORD)
    page = (await here.client.get("/login")).text
    form = {"name": name, "password": PASSWORD, "_csrf_token": csrf(page)}
    answer = await here.client.post("/login", data=form, follow_redirects=False)
    assert answer.status_code in (302, 303), answer.text


def csrf(page: str) -> str:
    found = re.search(r'name="_csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]
