"""What the rest of Duly may ask of the store about templates a provider approves. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from duly_dsl.program import TemplateAtMeta


class Approvals(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is known to have. `synced_at` is when all of it was last read, None before that; `error` why the last
    attempt to read it failed."""

    account: str
    templates: tuple[TemplateAtMeta, ...] = ()
    synced_at: dt.datetime | None = None
    error: str = ""


class ApprovalStore(Protocol):
    async def claim_approvals(self, account: str, now: dt.datetime, before: dt.datetime) -> bool:
        """Whether it is the caller's turn to read the account: nobody has tried since `before`."""
        ...

    async def keep_approvals(self, account: str, templates: Sequence[TemplateAtMeta], now: dt.datetime) -> None:
        """All the templates of an account, as they were at `now`. What is said of one later than that stays."""
        ...

    async def approvals_failed(self, account: str, error: str) -> None: ...

    async def approvals(self, account: str) -> Approvals: ...

    async def all_approvals(self) -> list[Approvals]: ...
