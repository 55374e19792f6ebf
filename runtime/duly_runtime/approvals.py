"""Which templates the provider has approved: read from it every quarter of an hour, kept in the database, and asked before
one is sent.

Reading goes by account, and by one process at a time: who claims an account in the database has its turn.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import structlog

from duly_dsl.program import Program, TemplateAtMeta
from duly_runtime.doors import Approved, Approver, Doors, Retry, Senders
from duly_runtime.doors import Failed as NotRead
from duly_runtime.store.api import Store
from duly_runtime.store.approvals_api import Approvals
from duly_runtime.time import Clock
from duly_runtime.versions import Versions

EVERY = dt.timedelta(minutes=15)
LOOK_EVERY = dt.timedelta(seconds=30)
"""How often it is asked whose turn it is; a claim is a write."""
READ_SECONDS = 90.0
"""Real seconds one account may take."""
STALE = dt.timedelta(days=1)
"""What was last read so long ago decides nothing: then the provider says for itself."""
SENT = "APPROVED"

log = structlog.get_logger(__name__)


class Approving:
    """The loop of a process that works."""

    def __init__(self, store: Store, clock: Clock, versions: Versions, doors: Doors) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._doors = doors
        self._looked: dt.datetime | None = None

    async def look(self) -> bool:
        """Read the accounts whose turn it is. Never true."""
        now = self._clock.now()
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        live = await self._versions.live()  # also brings the doors up to date
        if live is None:
            return False
        for account, approver in accounts(live.program, self._doors).items():
            if await self._store.claim_approvals(account, now, now - EVERY):
                await read(self._store, account, approver, now)
        return False


async def at_once(store: Store, account: str, approver: Approver, now: dt.datetime) -> Approvals:
    """Read an account although it may not be its turn: somebody waits for it."""
    await store.claim_approvals(account, now, now)
    return await read(store, account, approver, now)


async def read(store: Store, account: str, approver: Approver, now: dt.datetime) -> Approvals:
    """Read an account and keep what it has, or why it can't be read."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            found = await approver.templates()
    except TimeoutError:
        found = Retry(reason=f"no answer within {READ_SECONDS:.0f} seconds")
    if isinstance(found, (Retry, NotRead)):
        log.warning("approvals_unread", account=account, reason=found.reason)
        await store.approvals_failed(account, found.reason)
    else:
        await store.keep_approvals(account, found, now)
    return await store.approvals(account)


def accounts(program: Program, doors: Doors) -> dict[str, Approver]:
    """Every account that has templates, each with one connector that can read it."""
    found: dict[str, Approver] = {}
    for name in program.connectors:
        approver = doors.approver(name)
        if approver is not None and (account := approver.account()):
            found.setdefault(account, approver)
    return found


async def of_connector(
    store: Store, senders: Senders, connector: str, now: dt.datetime
) -> dict[tuple[str, str], TemplateAtMeta] | None:
    """What is known of the account a connector sends by, as `known`; None also where it has none."""
    approver = senders.approver(connector)
    account = approver.account() if approver is not None else ""
    return known(await store.approvals(account), now) if account else None


def known(approvals: Approvals, now: dt.datetime) -> dict[tuple[str, str], TemplateAtMeta] | None:
    """By name and language; None where what we know is too old to go by."""
    if approvals.synced_at is None or now - approvals.synced_at > STALE:
        return None
    return {(each.name, each.language): each for each in approvals.templates}


def problem(approved: Approved, at_meta: TemplateAtMeta | None) -> str:
    """Why a template would not be taken: `missing` at Meta, `status`, another number of `variables`, another `header`;
    empty where it would."""
    if at_meta is None:
        return "missing"
    if at_meta.status != SENT:
        return "status"
    if at_meta.variables is None:
        return ""
    if at_meta.variables != len(approved.parameters):
        return "variables"
    header = approved.media.media.upper() if approved.media is not None else "TEXT" if approved.header else ""
    return "header" if header != header_asked(at_meta) else ""


def header_asked(at_meta: TemplateAtMeta) -> str:
    """What a message must give for the header: a kind of file, a `TEXT` with a variable, or nothing."""
    return at_meta.header if at_meta.header not in ("", "TEXT") or at_meta.header_variables else ""


def wrong(approved: Approved, at_meta: TemplateAtMeta | None) -> str:
    """`problem` in words."""
    named = f"`{approved.name}` in `{approved.language}`"
    found = problem(approved, at_meta)
    if at_meta is None:
        return f"Meta has no template {named}"
    match found:
        case "status":
            because = f" ({at_meta.reason})" if at_meta.reason else ""
            return f"Meta's template {named} is not approved: {at_meta.status}{because}"
        case "variables":
            return (
                f"Meta's template {named} has {at_meta.variables} variables, and its text here {len(approved.parameters)}"
            )
        case "header":
            return f"Meta's template {named} asks for another header: {header_asked(at_meta) or 'none'}"
        case _:
            return ""


def first_taken(
    candidates: Sequence[Approved], templates: dict[tuple[str, str], TemplateAtMeta] | None
) -> tuple[Approved | None, str]:
    """The first language the provider takes, or why it does not take the one that was wanted, which comes first of one or
    more."""
    if templates is None:
        return candidates[0], ""
    reasons = [wrong(each, templates.get((each.name, each.language))) for each in candidates]
    for each, reason in zip(candidates, reasons, strict=True):
        if not reason:
            return each, ""
    return None, reasons[0]
