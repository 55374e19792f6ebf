"""What the rest of Duly may ask of the store about messages that wait in quarantine. Part of `store.api.Store`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from duly_runtime.events import CustomerMessage


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A message that names a card on which its sender may not write (`why` `stranger`), or that our own mail server found
    forged (`forged`). It is in the journal and does nothing until a person decides."""

    event_id: int
    connector: str
    why: str
    sender: str
    claim: int
    """The id of the card it names, 0 for none."""
    claim_number: int
    claim_title: str
    claim_pipeline: str
    at: dt.datetime
    """When it was put here."""
    message: CustomerMessage
    decision: str = ""
    """Empty while nobody has decided, else `card` (it joined the card), `new` (it opened one) or `discarded`."""
    author: str = ""
    """Who decided."""
    decided_at: dt.datetime | None = None


class QuarantineStore(Protocol):
    """What people decide here is in the audit log by the same transaction."""

    async def quarantined(self, decision: str = "", limit: int = 200, before: int = 0) -> list[Quarantined]:
        """Those with this decision, newest first, with an event id below `before` (0: all)."""
        ...

    async def quarantine_size(self) -> int:
        """How many messages wait for a decision."""
        ...

    async def quarantined_message(self, event_id: int) -> Quarantined:
        """Missing where there is none."""
        ...

    async def admit(self, event_id: int, as_new: bool, remember: bool, author: str, now: dt.datetime) -> Sequence[int]:
        """Let a message in: to the card it names, or as a card of its own. `remember`: from now on its sender may write on
        the card it joins. The events to handle now. Conflict where somebody has decided already, or it names no card."""
        ...

    async def discard_quarantined(self, event_id: int, author: str, now: dt.datetime) -> None:
        """Leave it out for good. It stays in the journal. Conflict where somebody has decided already."""
        ...

    async def restore_quarantined(self, event_id: int, author: str, now: dt.datetime) -> None:
        """Take a discarded message back for decision. Conflict where it is not discarded."""
        ...
