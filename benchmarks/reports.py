"""Reports over a million stays in stages and a million promises of a year, on SQLite and on PostgreSQL: seconds from the
question to the figures, the median of three. PostgreSQL is the server of DULY_TEST_POSTGRES_URL, and left out without it.

The rows are written past the engine, into the table reports read; days are packed as a running Duly does by the minute.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import asyncpg

from duly_dsl.program import Pipeline, Program
from duly_runtime.reports import EVERY, TIME_IN_STAGE, Question, ask, rows_of
from duly_runtime.store import unit
from duly_runtime.store.database import DatabaseStore, open_store
from support.databases import postgres_database

VISITS = 1_000_000
DAYS = 365
LIMIT = "< 1"
ZONE = "America/Sao_Paulo"
START = dt.datetime(2025, 11, 1, 3, 0, tzinfo=dt.UTC)
PROGRAM = Program(pipelines={"Support": Pipeline(name="Support", calendar="Office")})
COLUMNS = (
    "card_id", "measure", "number", "pipeline", "stage", "owner", "team", "priority", "type", "channel", "outcome",
    "reason", "version", "started_at", "at", "seconds", "wall_seconds", "known_at", "gone_at",
)  # fmt: skip


def facts() -> Iterator[tuple[Any, ...]]:
    """A stay and the promise to leave the stage, of 40 people in 5 teams: 5 stages, 4 priorities, 3 types, 3 channels."""
    chance = random.Random(1)
    stages = ("New", "Triage", "Work", "Waiting", "Review")
    seconds = DAYS * 86_400
    for number in range(VISITS):
        person = int(chance.random() * 40)
        at = START + dt.timedelta(seconds=number * seconds / VISITS)
        spent = chance.expovariate(1 / 7200)
        wall = spent * 3
        began = at - dt.timedelta(seconds=wall)
        late = spent > 14_400
        shared = (
            "Support", stages[int(chance.random() * 5)], f"person{person}", f"team{person % 5}",
            ("urgent", "high", "normal", "low")[int(chance.random() * 4)], ("question", "complaint", "")[number % 3],
            ("email", "whatsapp", "webhook")[int(chance.random() * 3)],
        )  # fmt: skip
        outcome = ("excused" if number % 20 == 0 else "missed") if late else "met"
        times = (began, at, spent, wall, at, None)
        yield number // 5, TIME_IN_STAGE, number % 5 + 1, *shared, "", "", "", *times
        reason = "Outage" if outcome == "excused" else ""
        yield number // 5, "leave stage", number % 5 + 1, *shared, outcome, reason, "v1", *times


async def fill_sqlite(store: DatabaseStore) -> None:
    text = f"INSERT INTO fact ({', '.join(COLUMNS)}) VALUES ({unit.marks(len(COLUMNS))})"

    async def work() -> None:
        unit.ENGINE.get().current_transaction.get().connection.executemany(text, facts())

    await store._write(work)


async def fill_postgres(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("fact", records=facts(), columns=COLUMNS)
        await connection.execute("ANALYZE fact")
    finally:
        await connection.close()


FIRST, LAST = dt.date(2025, 11, 1), dt.date(2026, 10, 31)
YEAR = Question(measures=(TIME_IN_STAGE,), first=FIRST, last=LAST, zone=ZONE)


def asked(**changes: Any) -> Question:
    return Question(**{field: getattr(YEAR, field) for field in YEAR.__struct_fields__} | changes)


QUESTIONS = {
    "time in stage of a year, by stage": asked(by=("stage",)),
    "promises of a year, by owner, net": asked(measures=(EVERY,), by=("owner",), without_excused=True),
    "promises of a year, by month": asked(measures=(EVERY,), by=("month",)),
    "promises of a year, by day": asked(measures=(EVERY,), by=("day",)),
    "promises of a year, by team, type and channel": asked(measures=(EVERY,), by=("team", "type", "channel")),
    "one team by mail in a year, by stage": asked(only={"team": ("team1",), "channel": ("email",)}, by=("stage",)),
    "one team by mail in a year, by week": asked(only={"team": ("team1",), "channel": ("email",)}, by=("week",)),
    "promises of 90 days, by owner and stage": asked(
        measures=(EVERY,), first=LAST - dt.timedelta(days=89), by=("owner", "stage")
    ),
    "the year as of its end, by stage": asked(by=("stage",), as_of=START + dt.timedelta(days=366)),
}


async def measured(name: str, url: str) -> list[tuple[str, float, str, str]]:
    store = open_store(url)
    assert isinstance(store, DatabaseStore)
    await store.start()
    try:
        began = time.perf_counter()
        await (fill_sqlite(store) if name == "SQLite" else fill_postgres(url))
        filled = time.perf_counter()
        while await store.pack_facts(ZONE, START + dt.timedelta(days=DAYS, hours=2)):
            pass
        packed = time.perf_counter() - filled
        print(f"  {name}: {filled - began:.0f} s to write the rows, {packed:.0f} s to pack them", flush=True)
        found = [(f"{name}: packing a year, s", packed, "", f"written in {filled - began:.0f} s")]
        for title, question in QUESTIONS.items():
            times = []
            for _ in range(3):
                began = time.perf_counter()
                result = await ask(store, PROGRAM, question)
                times.append(time.perf_counter() - began)
            detail = f"{sum(row.count + row.excused * question.without_excused for row in result.totals):,} rows"
            print(f"  {name}: {title}: {', '.join(f'{each:.2f}' for each in times)} s", flush=True)
            found.append((f"{name}: {title}, s", statistics.median(times), LIMIT, f"{detail}, slowest {max(times):.2f}"))
        began = time.perf_counter()
        await rows_of(store, PROGRAM, asked(measures=(EVERY,), only={"outcome": ("missed",)}), 50)
        found.append((f"{name}: the first cards of a bar, s", time.perf_counter() - began, LIMIT, "50 rows"))
        return found
    finally:
        await store.stop()


def run() -> list[tuple[str, float, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measured("SQLite", f"sqlite:///{folder}/duly.sqlite3"))
    if os.environ.get("DULY_TEST_POSTGRES_URL"):
        with postgres_database() as url:
            found += asyncio.run(measured("PostgreSQL", url))
    return found
