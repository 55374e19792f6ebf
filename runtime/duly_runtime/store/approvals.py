"""Templates as the provider has them: read whole by a sync, and one by one by what it tells. Later words stay.

Each function is a unit of work (`store.unit`), or a part of one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from duly_dsl.program import TemplateAtMeta
from duly_runtime.events import Event, TemplateChanged
from duly_runtime.store import unit
from duly_runtime.store.approvals_api import Approvals

_buttons = msgspec.json.Decoder(tuple[str, ...])
_COLUMNS = "account, name, language, status, category, quality, reason, variables, header, header_variables, buttons"


async def claim(account: str, now: dt.datetime, before: dt.datetime) -> bool:
    row = {"account": account, "tried_at": now, "synced_at": None, "error": ""}
    if await unit.insert("approval_sync", [row], "ON CONFLICT (account) DO NOTHING RETURNING account"):
        return True
    taken = await unit.fetch(
        "UPDATE approval_sync SET tried_at = ? WHERE account = ? AND tried_at <= ? RETURNING account", now, account, before
    )
    return bool(taken)


async def keep(account: str, templates: Sequence[TemplateAtMeta], now: dt.datetime) -> None:
    await unit.fetch("DELETE FROM approval WHERE account = ? AND changed_at <= ?", account, now)
    rows = [_row(account, each, now) for each in {(each.name, each.language): each for each in templates}.values()]
    await unit.insert("approval", rows, "ON CONFLICT (account, name, language) DO NOTHING")
    await unit.fetch("UPDATE approval_sync SET synced_at = ?, error = '' WHERE account = ?", now, account)


async def failed(account: str, error: str) -> None:
    await unit.fetch("UPDATE approval_sync SET error = ? WHERE account = ?", error, account)


async def apply(body: TemplateChanged, event: Event) -> None:
    """What the provider tells of one template: the parts it speaks of change, unless something later is known."""
    found = await unit.first(
        f"SELECT {_COLUMNS}, changed_at FROM approval WHERE account = ? AND name = ? AND language = ?" + unit.locked(),  # noqa: S608
        body.account,
        body.name,
        body.language,
    )
    if found is not None and found["changed_at"] > event.at:
        return
    known = _shown(found) if found is not None else TemplateAtMeta(name=body.name, language=body.language)
    told = {field: getattr(body, field) for field in ("status", "category", "quality") if getattr(body, field)}
    if body.status:
        told["reason"] = body.reason
    row = _row(body.account, msgspec.structs.replace(known, **told), event.at)
    changed = ", ".join(f"{column} = excluded.{column}" for column in row)
    await unit.insert("approval", [row], f"ON CONFLICT (account, name, language) DO UPDATE SET {changed}")


async def of_account(account: str) -> Approvals:
    return next(iter(await _all("WHERE account = ?", account)), Approvals(account=account))


async def of_all() -> list[Approvals]:
    return await _all("")


async def _all(where: str, *args: str) -> list[Approvals]:
    rows = await unit.fetch(f"SELECT {_COLUMNS} FROM approval {where} ORDER BY account, name, language", *args)  # noqa: S608
    syncs = await unit.fetch(f"SELECT account, synced_at, error FROM approval_sync {where} ORDER BY account", *args)  # noqa: S608
    known: dict[str, list[TemplateAtMeta]] = {sync["account"]: [] for sync in syncs}
    for row in rows:
        known.setdefault(row["account"], []).append(_shown(row))
    about = {sync["account"]: sync for sync in syncs}
    return [
        Approvals(
            account=account,
            templates=tuple(templates),
            synced_at=about[account]["synced_at"] if account in about else None,
            error=about[account]["error"] if account in about else "",
        )
        for account, templates in known.items()
    ]


def _row(account: str, template: TemplateAtMeta, at: dt.datetime) -> dict[str, Any]:
    return {
        "account": account,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "quality": template.quality,
        "reason": template.reason,
        "variables": template.variables,
        "header": template.header,
        "header_variables": template.header_variables,
        "buttons": msgspec.json.encode(template.buttons).decode(),
        "changed_at": at,
    }


def _shown(row: unit.Row) -> TemplateAtMeta:
    return TemplateAtMeta(
        name=row["name"],
        language=row["language"],
        status=row["status"],
        category=row["category"],
        quality=row["quality"],
        reason=row["reason"],
        variables=None if row["variables"] is None else int(row["variables"]),
        header=row["header"],
        header_variables=int(row["header_variables"]),
        buttons=_buttons.decode(row["buttons"]),
    )


class StoredApprovals:
    """`ApprovalStore`, for the store to inherit."""

    _write: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    _read: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]

    async def claim_approvals(self, account: str, now: dt.datetime, before: dt.datetime) -> bool:
        return await self._write(lambda: claim(account, now, before))

    async def keep_approvals(self, account: str, templates: Sequence[TemplateAtMeta], now: dt.datetime) -> None:
        await self._write(lambda: keep(account, templates, now))

    async def approvals_failed(self, account: str, error: str) -> None:
        await self._write(lambda: failed(account, error))

    async def approvals(self, account: str) -> Approvals:
        return await self._read(lambda: of_account(account))

    async def all_approvals(self) -> list[Approvals]:
        return await self._read(of_all)
