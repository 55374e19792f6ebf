"""What the rest of Duly may ask of the store about files. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from duly_runtime.doors import FetchOutcome
from duly_runtime.events import File


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message. `key` is its random name in addresses; `state` is `stored`, `waiting` (to be fetched, next at
    `next_at`) or `failed` (`error` says why)."""

    id: int
    key: str
    card_id: int
    message_id: int
    name: str
    media_type: str
    size: int
    sha256: str
    inline: str
    fetchable: bool
    """It came by reference, so that it can be fetched again."""
    state: str
    attempts: int
    next_at: dt.datetime | None
    error: str


class WaitingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A leased file, to be fetched by `connector`. `token` must come back with the outcome or the write is refused."""

    id: int
    card_id: int
    pipeline: str
    connector: str
    file: File
    attempts: int
    token: str


class FileChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose state was written; for screens that are live."""

    id: int
    card_id: int
    pipeline: str
    at: dt.datetime


class FileStore(Protocol):
    """Contents are kept once, by their sha256, and never change."""

    async def upload(self, data: bytes, now: dt.datetime) -> str:
        """Keep a content that a message is going to use; its sha256. Nobody using it, `forget_unused` removes it."""
        ...

    async def forget_unused(self, before: dt.datetime) -> int:
        """Remove what was uploaded before that and never used; how many contents."""
        ...

    async def content(self, sha256: str, start: int = 0, size: int | None = None) -> bytes:
        """The whole of it, or `size` bytes from `start`. Raises Missing."""
        ...

    async def content_sizes(self, names: Sequence[str]) -> dict[str, int]:
        """The bytes of those contents that are there, by sha256."""
        ...

    async def file(self, key: str) -> FileRow:
        """Raises Missing."""
        ...

    async def lease_files(self, now: dt.datetime, limit: int, seconds: float) -> list[WaitingFile]:
        """Lease files that are due to be fetched. After `seconds` another worker may have them: fetching twice does no
        harm. One that was begun ten times and never settled has failed."""
        ...

    async def settle_file(self, item: WaitingFile, outcome: FetchOutcome, now: dt.datetime) -> bool:
        """Record an outcome, with the content; False where the lease was lost meanwhile (nothing is written)."""
        ...

    async def fetch_again(self, key: str, now: dt.datetime) -> None:
        """A person says: try again. Conflict where it has not failed, or has nothing to be fetched by; Missing."""
        ...

    async def files_changed_since(self, since: dt.datetime, limit: int = 1000) -> Sequence[FileChanged]:
        """Files that were settled at or after `since`, oldest first."""
        ...
