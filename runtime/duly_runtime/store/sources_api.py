"""What the rest of Duly may ask of the store about sources, which fetch by themselves. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

import msgspec


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a source goes, or a part of it (one mailbox of several). `state` is `ok`, `bad` or `unknown`, since `changed_at`;
    `detail` says it in words."""

    connector: str
    name: str
    state: str
    detail: str
    changed_at: dt.datetime


class SourceStore(Protocol):
    async def hold_source(self, connector: str, name: str, token: str, now: dt.datetime, until: dt.datetime) -> bool:
        """Lease a source, or hold on to it: true where nobody else has it. `token` names the process."""
        ...

    async def release_source(self, connector: str, name: str, token: str, now: dt.datetime) -> None:
        """Let go of a source, so that another process need not wait for the lease to end."""
        ...

    async def tell_source(self, connector: str, name: str, state: str, detail: str, now: dt.datetime) -> None:
        """Write how it goes."""
        ...

    async def forget_source(self, connector: str, but: tuple[str, ...]) -> None:
        """Of a connector's sources, forget how those go that are not named."""
        ...

    async def sources(self, connector: str = "") -> list[SourceRow]:
        """How sources go, of one connector or of all."""
        ...

    async def position(self, connector: str, name: str) -> str:
        """How far a source has read, in its own words; empty where it has not begun."""
        ...

    async def keep_position(self, connector: str, name: str, value: str) -> None: ...
