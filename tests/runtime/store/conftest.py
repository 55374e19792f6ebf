"""Every test that takes `store_url` runs on SQLite and on PostgreSQL, on an empty database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import POSTGRES, migrate, on_server, postgres_database, sqlite_database
from support.services import missing


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A database of this session's (and xdist worker's) own."""
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_database())
        except (OSError, TimeoutError) as error:
            missing(f"PostgreSQL does not answer at {POSTGRES}: {error}")
        yield url


@pytest.fixture(scope="session")
def bare_database() -> Iterator[str]:
    with database() as url:
        yield url


@pytest.fixture
def bare_postgres_url(bare_database: str) -> str:
    """With nothing in it, for tests of the migrations."""
    on_server(bare_database, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return bare_database


@pytest.fixture
def bare_sqlite_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("DULY_SQLITE_JOURNAL", raising=False)
    return f"sqlite:///{tmp_path / 'duly.sqlite3'}"


MARK = """
CREATE SCHEMA seed;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE seed.%I AS SELECT * FROM public.%I', name, name);
  END LOOP;
END $$
"""
"""What the migrations put into their tables."""
CLEAN = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DELETE FROM public.%I', name);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM seed.%I', name, name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE public.%I RESTART', name);
  END LOOP;
END $$
"""
"""Ten times as fast as to make the schema anew. No test changes it, but those of the migrations."""


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    with database() as url:
        asyncio.run(migrate(url))
        on_server(url, MARK)
        yield url


@pytest.fixture
def postgres_url(migrated_database: str) -> str:
    on_server(migrated_database, CLEAN)
    return migrated_database


@pytest.fixture
def sqlite_url(bare_sqlite_url: str, tmp_path: Path) -> str:
    return sqlite_database(tmp_path / "duly.sqlite3")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bare_store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"bare_{request.param}_url")
