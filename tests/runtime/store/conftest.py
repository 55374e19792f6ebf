"""Every test that takes `store_url` runs on SQLite and on PostgreSQL, on an empty database."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

SERVER = os.environ.get("DULY_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def on_server(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """A database of this session's (and xdist worker's) own."""
    name = f"duly_test_{os.getpid()}_{secrets.token_hex(4)}"
    try:
        on_server(SERVER, f"CREATE DATABASE {name}")
    except (OSError, TimeoutError) as error:
        why = f"PostgreSQL does not answer at {SERVER}: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
    on_server(SERVER, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    on_server(postgres_database, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return postgres_database


@pytest.fixture
def sqlite_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("DULY_SQLITE_JOURNAL", raising=False)
    return f"sqlite:///{tmp_path / 'duly.sqlite3'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")
