"""The schema: the migrations make what the table classes say, once, whoever starts when."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from types import ModuleType

import pytest

from duly_runtime.store import migrations, unit
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.store.migrations import m0016_facts
from duly_runtime.store.tables import TABLES, Card
from support.store_scenes import HOUR, NOW, opened, said, sql, take_in

START = """
import asyncio, sys
from duly_runtime.store.database import open_store
async def main():
    store = open_store(sys.argv[1])
    await store.start()
    print(await store.counts())
    await store.stop()
asyncio.run(main())
"""


@pytest.fixture
def sqlite_url(bare_sqlite_url: str) -> str:
    return bare_sqlite_url


@pytest.fixture
def postgres_url(bare_postgres_url: str) -> str:
    return bare_postgres_url


async def columns(store: object, table: str) -> dict[str, tuple[str, bool]]:
    """Name -> (type, may be null)."""
    if unit_is_postgres(store):
        rows = await sql(
            store,  # type: ignore[arg-type]
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = ?",
            table,
        )
        names = {"timestamp with time zone": "TIMESTAMPTZ"}
        return {
            str(row["column_name"]): (
                names.get(row["data_type"], str(row["data_type"]).upper()),
                row["is_nullable"] == "YES",
            )
            for row in rows
        }
    rows = await sql(store, f"SELECT name, type, \"notnull\" AS filled, pk FROM pragma_table_info('{table}')")  # type: ignore[arg-type]
    return {str(row["name"]): (str(row["type"]), not row["filled"] and not row["pk"]) for row in rows}


def unit_is_postgres(store: object) -> bool:
    return store._database.engine_type == "postgres"  # type: ignore[attr-defined]


def test_migrations_make_what_the_classes_say(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            for table in TABLES:
                made = await columns(store, table._meta.tablename)
                said: dict[str, tuple[str, bool]] = {}

                async def types(table=table, said=said) -> None:  # type: ignore[no-untyped-def]
                    # A column's type depends on the engine it is asked on.
                    for column in table._meta.columns:
                        kind = {"BIGSERIAL": "BIGINT"}.get(column.column_type, column.column_type)
                        said[column._meta.db_column_name] = (kind, column._meta.null)

                await store._read(types)  # type: ignore[attr-defined]
                # SQLite keeps whole numbers of any declared width alike.
                alike = {"INTEGER": "BIGINT"}
                assert {name: (alike.get(kind, kind), null) for name, (kind, null) in made.items()} == {
                    name: (alike.get(kind, kind), null) for name, (kind, null) in said.items()
                }, table._meta.tablename

    asyncio.run(scene())


def test_starting_again_changes_nothing(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await take_in(store, said("m1"))
        async with opened(store_url) as store:
            assert (await store.counts())["events"] == 1
            rows = await sql(store, "SELECT number, name FROM schema_version")
            assert [(row["number"], row["name"]) for row in rows] == [
                (number, module.__name__.rpartition(".")[2]) for number, module in enumerate(migrations.MIGRATIONS, 1)
            ]

    asyncio.run(scene())


def test_processes_that_start_at_once_migrate_once(store_url: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", START, store_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
        assert b"'events': 0" in out


def test_a_migration_that_breaks_leaves_the_schema_as_it_was(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ModuleType("m0002_bad")
    bad.STEPS = ("CREATE TABLE half (id {id})", "CREATE TABLE nonsense (")  # type: ignore[attr-defined]
    good = ModuleType("m0002_good")
    good.STEPS = ("CREATE TABLE half (id {id})", "ALTER TABLE card ADD COLUMN mood TEXT NOT NULL DEFAULT ''")  # type: ignore[attr-defined]

    async def scene() -> None:
        async with opened(store_url) as store:
            await take_in(store, said("m1"))
        monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, bad))
        with pytest.raises(Exception, match=r"syntax|incomplete"):
            async with opened(store_url):
                pass
        monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS[:-1], good))
        async with opened(store_url) as store:
            assert await sql(store, "SELECT id FROM half") == []
            assert await store.waiting_events(NOW, 10) == [1]

    asyncio.run(scene())


def test_clocks_of_before_excuses_are_kept_and_can_be_excused(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = migrations.MIGRATIONS

    async def scene() -> None:
        monkeypatch.setattr(migrations, "MIGRATIONS", now[:1])
        async with opened(store_url) as store:
            await sql(
                store,
                "INSERT INTO clock (card_id, metric, cycle, pipeline, stage, visit, calendar, target, version, state,"
                " outcome, started_at, missed_at, owner_at_miss, owner, team, priority, type, channel) VALUES"
                " (1, 'resolved', 1, 'Support', '', 1, 'Office', '4h', 'v', 'running', 'missed', ?, ?, 'ana', 'ana', '',"
                " 'high', '', 'email')",
                NOW,
                NOW,
            )
        monkeypatch.setattr(migrations, "MIGRATIONS", now)
        async with opened(store_url) as store:
            (row,) = await sql(store, "SELECT outcome, missed_at, excuse, excused_at, excused_by FROM clock")
            assert (row["outcome"], row["excuse"], row["excused_at"], row["excused_by"]) == ("missed", "", None, "")
            assert row["missed_at"] == NOW

    asyncio.run(scene())


def test_deliveries_of_before_the_log_know_their_connector(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = migrations.MIGRATIONS
    before = [module.__name__.rpartition(".")[2] for module in now].index("m0010_deliveries")

    async def scene() -> None:
        monkeypatch.setattr(migrations, "MIGRATIONS", now[:before])
        async with opened(store_url) as store:
            for card_id, connector in ((1, "Chat"), (2, "")):
                await sql(
                    store,
                    "INSERT INTO card (id, number, pipeline, stage, title, customer, channel, connector, conversation,"
                    " priority, type, owner, team, tags, created_at, entered_at, clock, paused, missed, revision,"
                    " changed_at, search, data) VALUES (?, ?, 'Support', 'New', '', '', '', ?, '', '', '', '', '', '[]',"
                    " ?, ?, '', ?, ?, 1, ?, '', '{}')",
                    card_id,
                    card_id,
                    connector,
                    NOW,
                    NOW,
                    False,
                    False,
                    NOW,
                )
            for key, card_id, kind, recipient in (
                ("a", 1, "message", "+55"), ("b", 2, "message", "+56"), ("c", 1, "call", "CRM"), ("d", 1, "notice", "ana")
            ):  # fmt: skip
                await sql(
                    store,
                    "INSERT INTO outbox (card_id, event_id, key, kind, channel, recipient, effect, text, state, repeat,"
                    " attempts, token, version, created_at, error, provider_id) VALUES (?, 1, ?, ?, '', ?, '', '', 'sent',"
                    " ?, 1, '', '', ?, '', '')",
                    card_id,
                    key,
                    kind,
                    recipient,
                    True,
                    NOW,
                )
        monkeypatch.setattr(migrations, "MIGRATIONS", now)
        async with opened(store_url) as store:
            assert {row.key: row.connector for row in await store.deliveries()} == {
                "a": "Chat",
                "b": "",
                "c": "CRM",
                "d": "",
            }
            row, log, _ = await store.delivery(1)
            assert (row.discarded_at, list(log)) == (None, [])

    asyncio.run(scene())


def test_what_reports_count_is_made_of_the_clocks_and_visits_there_are(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", now[: now.index(m0016_facts)])
    late, left = NOW + 2.5 * HOUR, NOW + HOUR

    async def scene() -> None:
        async with opened(store_url) as store:
            row = {column._meta.db_column_name: "" for column in Card._meta.columns} | {
                "id": 1, "number": 1, "pipeline": "Support", "team": "Desk", "channel": "email", "created_at": NOW,
                "entered_at": NOW, "changed_at": NOW, "paused": False, "missed": False, "claimed": False, "revision": 1,
                "contact_id": 0, "identity_id": 0, "merged_into": 0,
            } | dict.fromkeys(("finished_at", "started_at", "due_at", "risk_at", "paused_at"))  # fmt: skip
            await store._write(lambda: unit.insert("card", [row]))  # type: ignore[attr-defined]
            await sql(
                store,
                "INSERT INTO visit (card_id, number, pipeline, stage, entered_at, left_at, owner, business_seconds)"
                " VALUES (1, 1, 'Support', 'New', ?, ?, 'ana', 1800), (1, 2, 'Support', 'Done', ?, NULL, 'ana', NULL)",
                NOW, left, left,
            )  # fmt: skip
            for cycle, outcome, missed, stopped, excused in (
                (1, "met", None, left, None), (2, "missed", left, late, None), (3, "missed", left, None, late),
                (4, "", None, left, None),
            ):  # fmt: skip
                await sql(
                    store,
                    "INSERT INTO clock (card_id, metric, cycle, pipeline, stage, visit, calendar, target, version, state,"
                    " outcome, started_at, stopped_at, missed_at, detected_at, owner_at_miss, owner, team, priority, type,"
                    " channel, business_seconds, excuse, excused_at, excused_by) VALUES (1, 'resolved', ?, 'Support', '',"
                    " 0, '', '1h', 'one', 'done', ?, ?, ?, ?, ?, 'bruno', 'ana', '', '', '', '', 60, ?, ?, '')",
                    cycle, outcome, NOW, stopped, missed, missed, "Outage" if excused else "", excused,
                )  # fmt: skip
        monkeypatch.setattr(migrations, "MIGRATIONS", now)
        async with opened(store_url) as store:
            facts = await sql(store, "SELECT * FROM fact ORDER BY measure, number, known_at")
            said = [
                (
                    row["measure"], row["number"], row["outcome"], row["reason"], row["owner"], row["at"], row["known_at"],
                    row["gone_at"], row["wall_seconds"],
                )
                for row in facts
            ]  # fmt: skip
            assert said == [
                ("resolved", 1, "met", "", "ana", left, left, None, 3600),
                ("resolved", 2, "missed", "", "bruno", left, left, None, 9000),
                ("resolved", 3, "missed", "", "bruno", left, left, late, None),
                ("resolved", 3, "excused", "Outage", "bruno", left, late, None, None),
                ("time in stage", 1, "", "", "ana", left, left, None, 3600),
            ]
            assert (facts[-1]["team"], facts[-1]["channel"], facts[-1]["seconds"]) == ("Desk", "email", 1800)

    asyncio.run(scene())


def test_an_older_duly_does_not_touch_a_newer_schema(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await sql(store, "INSERT INTO schema_version (number, name) VALUES (99, 'future')")
        with pytest.raises(StoreUnavailable, match="schema 99"):
            async with opened(store_url):
                pass

    asyncio.run(scene())


def test_ids_of_the_journal_are_never_used_twice(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            (first,) = await take_in(store, said("m1"))
            await sql(store, "DELETE FROM event")
            (second,) = await take_in(store, said("m2"))
            assert second > first

    asyncio.run(scene())


def test_the_queries_of_the_hot_path_use_their_indexes(sqlite_url: str) -> None:
    """Their cost must not grow with what is done and over."""
    statements = {
        "event_waiting": "SELECT id FROM event WHERE handled_at IS NULL AND parked_at IS NULL ORDER BY id LIMIT 9",
        "event_waiting_stream": "SELECT id FROM event WHERE stream IN ('a', 'b') AND id < 9 AND handled_at IS NULL"
        " AND parked_at IS NULL ORDER BY id LIMIT 1",
        "timer_wake": "SELECT id FROM timer WHERE wake_at <= '2026' ORDER BY wake_at, id LIMIT 9",
        "outbox_pending": "SELECT id FROM outbox WHERE state = 'pending' AND next_at <= '2026' ORDER BY next_at, id",
        "outbox_leased": "SELECT id FROM outbox WHERE state = 'leased' AND leased_until <= '2026' ORDER BY leased_until",
        "card_open": "SELECT id FROM card WHERE pipeline = 'x' AND finished_at IS NULL ORDER BY id",
        "card_stage": "SELECT COUNT(*) FROM card WHERE finished_at IS NULL AND ((pipeline = 'x' AND stage = 'y'))",
        "fact_at": "SELECT id FROM fact WHERE at >= '2026' AND at < '2027' ORDER BY at DESC, id DESC LIMIT 9",
        "fact_card": "UPDATE fact SET gone_at = '2' WHERE card_id = 1 AND measure = 'x' AND number = 1 AND gone_at IS NULL",
        "report_pack_until": "SELECT id FROM report_pack WHERE since <= '2026' AND until > '2026'",
        "file_waiting": "SELECT id FROM file WHERE state = 'waiting' AND next_at <= '2026' ORDER BY next_at, id LIMIT 9",
        "file_changed": "SELECT id FROM file WHERE changed_at >= '2026' ORDER BY changed_at LIMIT 9",
        "content_unused": "DELETE FROM content WHERE unused_since < '2026'",
        "attempt_at": "SELECT id FROM attempt WHERE at >= '2026' ORDER BY at, id LIMIT 9",
        "raw_received": "SELECT id FROM raw WHERE received_at >= '2026' ORDER BY received_at, id LIMIT 9",
        "event_raw": "SELECT COUNT(*) FROM event e WHERE e.raw_id = 7 AND e.raw_id > 0",
        "outbox_connector": "SELECT id FROM outbox WHERE connector = 'CRM' ORDER BY id DESC LIMIT 9",
        "card_changed": "SELECT id FROM card WHERE changed_at >= '2026' ORDER BY changed_at LIMIT 9",
    }

    async def scene() -> None:
        async with opened(sqlite_url):
            pass

    asyncio.run(scene())
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    for index, statement in statements.items():
        plan = " ".join(str(row) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert index in plan, plan
    connection.close()


def test_units_know_their_statements() -> None:
    assert unit.numbered("a = ? AND b IN (?,?)") == "a = $1 AND b IN ($2,$3)"
    assert list(unit.chunks([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
