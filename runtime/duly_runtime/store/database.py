"""The Store on SQLite and PostgreSQL.

    store = open_store("sqlite:///var/duly.sqlite3")        # or postgresql://user@host/database
    await store.start()

Every method is one unit of work, so one transaction (`handle` one for each event). Where the database asks for a unit to be
run again (a lost race, a lost connection), it is; units are written so that one whose commit was not heard of does no harm
when it is run again. StoreUnavailable means that nothing was acknowledged.

Which deliveries are sent again after their worker died, and which become `unknown`: see `store.outbox`.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from duly_runtime.card import Card
from duly_runtime.doors import Inbound, Outcome, Raw
from duly_runtime.engine.kept import Unready
from duly_runtime.events import AnyBody
from duly_runtime.store import (
    accounts,
    audit,
    handling,
    journal,
    messages,
    migrations,
    outbox,
    past,
    reading,
    unit,
    versions,
)
from duly_runtime.store.accepting import Arrival, Gathering, goes_along
from duly_runtime.store.api import (
    Accepted,
    AuditRow,
    BoardCard,
    Changed,
    Decide,
    Draft,
    Handled,
    HistoryRow,
    Limited,
    Measure,
    Message,
    OutboxItem,
    OutboxRow,
    PastEvent,
    Store,
    Token,
    TraceRow,
    User,
    Version,
    VersionRow,
    VisitRow,
)
from duly_runtime.store.approvals import StoredApprovals
from duly_runtime.store.contacts import StoredContacts
from duly_runtime.store.deliveries import StoredDeliveries
from duly_runtime.store.files import StoredFiles, sound
from duly_runtime.store.handling import Broken, Contended, Earlier
from duly_runtime.store.judging import StoredJudging
from duly_runtime.store.packs import StoredReports
from duly_runtime.store.parking import StoredParking
from duly_runtime.store.quarantine import StoredQuarantine
from duly_runtime.store.report_mails import StoredReportMails
from duly_runtime.store.retention import StoredRetention
from duly_runtime.store.sources import StoredSources


def open_store(url: str) -> Store:
    """A store that is not started yet. Raises ValueError for a URL it can't read.

    `sqlite:///relative/path`, `sqlite:////absolute/path`, `postgresql://user:password@host:port/database`.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        path = unquote(url.removeprefix("sqlite://").removeprefix("/"))
        if not path or path.startswith(":memory:"):
            raise ValueError(f"the database URL `{url}` names no file: write sqlite:///PATH")
        from duly_runtime.store.sqlite import SQLiteDatabase  # lazy: start-up time

        return DatabaseStore(SQLiteDatabase(path))
    if scheme in ("postgresql", "postgres"):
        from duly_runtime.store.postgres import PostgresDatabase  # lazy: start-up time

        return DatabaseStore(PostgresDatabase(url))
    raise ValueError(f"the database URL must begin with `sqlite://` or `postgresql://`, not `{scheme}://`")


class DatabaseStore(
    StoredFiles,
    StoredContacts,
    StoredQuarantine,
    StoredDeliveries,
    StoredJudging,
    StoredParking,
    StoredRetention,
    StoredSources,
    StoredApprovals,
    StoredReports,
    StoredReportMails,
):
    def __init__(self, database: unit.Database) -> None:
        self._database = database
        self._write = database.write
        self._read = database.read
        first = getattr(database, "write_first", None)  # PostgreSQL's; SQLite's one writer gathers by itself
        self._gathering = Gathering(first) if first is not None else None

    # life
    async def start(self) -> None:
        try:
            await self._database.open()
            await migrations.migrate(self._database.write)
        except BaseException:
            await self._database.close()
            raise

    async def stop(self) -> None:
        await self._database.close()

    async def ping(self) -> None:
        await self._read(reading.ping)

    # journal
    async def accept(
        self, connector: str, raw: Raw | None, items: Sequence[Inbound], now: dt.datetime, parked: str = ""
    ) -> Accepted:
        contents = await sound(items)
        if raw is not None and not contents and self._gathering is not None and goes_along(raw, items):
            arrival = Arrival(connector=connector, raw=raw, items=tuple(items), now=now, parked=parked)
            return await self._gathering.accept(arrival)
        return await self._write(lambda: journal.accept(connector, raw, items, now, parked, contents))

    async def commanded(self, card_id: int, key: str) -> int:
        return await self._read(lambda: journal.commanded(f"{card_id}/{key}"))

    async def command(
        self,
        card_id: int,
        body: AnyBody,
        now: dt.datetime,
        key: str = "",
        at: dt.datetime | None = None,
        backfill: bool = False,
    ) -> int:
        # Without a key of the caller it gets one of ours: if its commit is not heard of, it is not journalled twice.
        name = f"{card_id}/{key}" if key else secrets.token_hex(16)
        return await self._write(lambda: journal.command(card_id, body, name, at or now, now, backfill))

    async def handle(
        self,
        event_id: int,
        decide: Decide,
        version: str,
        now: dt.datetime,
        measure: Measure | None = None,
        limited: Limited = (),
    ) -> Handled:
        woken: list[int] = []
        under_way = [event_id]
        contended = quarantined = False
        while True:
            current = under_way[-1]
            try:
                result = await self._write(
                    lambda it=current, alone=contended: handling.handle(it, decide, version, now, measure, alone, limited)
                )
            except Contended:
                contended = True
                continue
            except Broken as error:
                cause = error.__cause__ or error
                if current == event_id or isinstance(cause, Unready):
                    raise cause from None
                await self.event_failed(current, f"{type(cause).__name__}: {cause}", now)
                return Handled(done=False, outbox_ids=tuple(woken))
            if isinstance(result, Earlier):
                if result.put_off:
                    return Handled(done=False, outbox_ids=tuple(woken))
                under_way.append(result.event_id)
                continue
            woken += result.outbox_ids
            quarantined |= result.quarantined
            under_way.pop()
            if not under_way:
                return Handled(
                    done=result.done,
                    card_id=result.card_id,
                    pipeline=result.pipeline,
                    refused=result.refused,
                    outbox_ids=tuple(woken),
                    other_id=result.other_id,
                    quarantined=quarantined,
                )

    async def handle_together(
        self,
        event_ids: Sequence[int],
        decide: Decide,
        version: str,
        now: dt.datetime,
        measure: Measure | None = None,
        limited: Limited = (),
    ) -> dict[int, Handled]:
        if self._database.engine_type == "postgres":
            return {}
        try:
            return await self._write(
                lambda: handling.handle_together(sorted(event_ids), decide, version, now, measure, limited)
            )
        except (Broken, Contended):
            return {}

    async def outcome(self, event_id: int) -> Handled:
        return await self._read(lambda: journal.outcome(event_id))

    async def event_failed(self, event_id: int, error: str, now: dt.datetime) -> None:
        await self._write(lambda: journal.failed(event_id, error, now))

    async def waiting_events(self, now: dt.datetime, limit: int) -> list[int]:
        return await self._read(lambda: journal.waiting(now, limit))

    # timers
    async def claim_due(self, now: dt.datetime, limit: int) -> list[int]:
        return await self._write(lambda: journal.claim_due(now, limit))

    # outbox
    async def lease(self, now: dt.datetime, limit: int, seconds: float, ids: Sequence[int] = ()) -> list[OutboxItem]:
        token = secrets.token_hex(16)
        return await self._write(lambda: outbox.lease(now, limit, seconds, ids, token))

    async def lease_digests(self, now: dt.datetime, limit: int, seconds: float) -> list[list[OutboxItem]]:
        token = secrets.token_hex(16)
        return await self._write(lambda: outbox.lease_digests(now, limit, seconds, token))

    async def hold(self, item: OutboxItem, until: dt.datetime) -> bool:
        return await self._write(lambda: outbox.hold(item, until))

    async def settle_all(
        self, items: Sequence[tuple[OutboxItem, str]], outcome: Outcome, now: dt.datetime, connector: str = ""
    ) -> bool:
        async def work() -> bool:
            done = [await outbox.settle(item, outcome, text, now, connector) for item, text in items]
            return all(done)

        return await self._write(work)

    async def settle(self, item: OutboxItem, outcome: Outcome, text: str, now: dt.datetime, connector: str = "") -> bool:
        return await self._write(lambda: outbox.settle(item, outcome, text, now, connector))

    # versions
    async def publish(
        self,
        program_hash: str,
        program: bytes,
        sources: dict[str, str],
        author: str,
        note: str,
        now: dt.datetime,
        choice: str = "from now on",
        renamed: Sequence[tuple[str, str]] = (),
        details: Mapping[str, str] | None = None,
        base: str | None = None,
    ) -> None:
        await self._write(
            lambda: versions.publish(
                program_hash, program, sources, author, note, now, choice, renamed, details or {}, base
            )
        )

    async def active_version(self) -> Version | None:
        return await self._read(versions.active)

    async def active_hash(self) -> str:
        return await self._read(versions.active_hash)

    async def version(self, program_hash: str) -> Version:
        return await self._read(lambda: versions.version(program_hash))

    async def versions(self) -> list[VersionRow]:
        return await self._read(versions.versions)

    async def draft(self) -> Draft | None:
        return await self._read(versions.draft)

    async def save_draft(self, sources: dict[str, str], base: str, author: str, revision: int, now: dt.datetime) -> Draft:
        return await self._write(lambda: versions.save_draft(sources, base, author, revision, now))

    async def discard_draft(self) -> None:
        await self._write(versions.discard_draft)

    async def open_cards(self, after: int, limit: int) -> list[Card]:
        return await self._read(lambda: reading.open_cards(after, limit))

    # reading
    async def card(self, card_id: int) -> Card:
        return await self._read(lambda: reading.card(card_id))

    async def card_id(self, number: int) -> int:
        return await self._read(lambda: reading.card_id(number))

    async def board(self, pipeline: str, finished_since: dt.datetime) -> list[BoardCard]:
        return await self._read(lambda: reading.board(pipeline, finished_since))

    async def cards(
        self,
        pipeline: str = "",
        stage: str = "",
        owner: str = "",
        query: str = "",
        limit: int = 100,
        before: int = 0,
    ) -> list[BoardCard]:
        return await self._read(lambda: reading.cards(pipeline, stage, owner, query, limit, before))

    async def changed_since(self, since: dt.datetime, limit: int = 1000) -> list[Changed]:
        return await self._read(lambda: reading.changed_since(since, limit))

    async def messages(self, card_id: int) -> list[Message]:
        return await self._read(lambda: messages.of_card(card_id))

    async def last_heard(self, card_id: int, connector: str) -> dt.datetime | None:
        return await self._read(lambda: messages.last_heard(card_id, connector))

    async def received_ids(self, card_id: int, channel: str, limit: int) -> list[str]:
        return await self._read(lambda: reading.received_ids(card_id, channel, limit))

    async def history(self, card_id: int) -> list[HistoryRow]:
        return await self._read(lambda: reading.history(card_id))

    async def trace(self, card_id: int) -> list[TraceRow]:
        return await self._read(lambda: reading.trace(card_id))

    async def visits(self, card_id: int) -> list[VisitRow]:
        return await self._read(lambda: reading.visits(card_id))

    async def notices(self, person: str, limit: int = 50) -> list[OutboxRow]:
        return await self._read(lambda: reading.notices(person, limit))

    async def past_events(self, after: int, limit: int, without: Sequence[str] = ("",)) -> list[PastEvent]:
        return await self._read(lambda: past.events(after, limit, without))

    async def past_count(self, without: Sequence[str] = ("",)) -> int:
        return await self._read(lambda: past.count(without))

    async def tell(self, person: str, text: str, key: str, now: dt.datetime) -> None:
        await self._write(lambda: outbox.tell(person, text, key, now))

    async def counts(self, now: dt.datetime | None = None) -> dict[str, int]:
        return await self._read(lambda: reading.counts(now))

    # accounts
    async def users(self) -> list[User]:
        return await self._read(accounts.users)

    async def user(self, name: str) -> User:
        return await self._read(lambda: accounts.user(name))

    async def save_user(self, user: User, password_hash: str | None = None) -> None:
        await self._write(lambda: accounts.save_user(user, password_hash))

    async def password_hash(self, name: str) -> str:
        return await self._read(lambda: accounts.password_hash(name))

    async def open_session(self, token_hash: str, user: str, now: dt.datetime, expires_at: dt.datetime) -> None:
        await self._write(lambda: accounts.open_session(token_hash, user, now, expires_at))

    async def session_user(self, token_hash: str, now: dt.datetime) -> User | None:
        return await self._read(lambda: accounts.session_user(token_hash, now))

    async def close_session(self, token_hash: str) -> None:
        await self._write(lambda: accounts.close_session(token_hash))

    async def add_token(
        self, secret_hash: str, name: str, user: str, scopes: Sequence[str], now: dt.datetime,
        expires_at: dt.datetime | None,
    ) -> int:  # fmt: skip
        return await self._write(lambda: accounts.add_token(secret_hash, name, user, scopes, now, expires_at))

    async def token(self, secret_hash: str, now: dt.datetime) -> tuple[User, Token] | None:
        found = await self._read(lambda: accounts.token(secret_hash, now))
        if found is not None:
            token_id, last = found[1].id, found[1].last_used_at
            if last is None or now - last >= accounts.USED_EVERY:
                await self._write(lambda: accounts.used(token_id, now))
        return found

    async def tokens(self) -> list[Token]:
        return await self._read(accounts.tokens)

    async def remove_token(self, token_id: int) -> None:
        await self._write(lambda: accounts.remove_token(token_id))

    # audit
    async def audit(self, author: str, action: str, subject: str, details: dict[str, str], now: dt.datetime) -> None:
        nonce = secrets.token_hex(16)
        await self._write(lambda: audit.append(nonce, author, action, subject, details, now))

    async def audit_log(self, limit: int = 200, before: int = 0) -> list[AuditRow]:
        return await self._read(lambda: audit.log(limit, before))

    async def verify_audit(self) -> int:
        return await self._read(audit.verify)
