"""What became of a message after it was said. Part of `store.api.Message`."""

from __future__ import annotations

import datetime as dt

import msgspec

DOUBTFUL = ("failed", "unknown", "parked")
"""States of deliveries of messages of which a person may say that they arrived."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """Words a message had, since `at`."""

    text: str
    at: dt.datetime


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """`author` names who, where several people write in the conversation. `ours`: it was given on our side."""

    emoji: str
    author: str
    ours: bool
    at: dt.datetime


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A person says that a message arrived, whatever became of its delivery."""

    author: str
    at: dt.datetime


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """The message another one answers by quoting it; it may be on an earlier card."""

    id: int
    card_id: int
    direction: str
    author: str
    text: str
    kind: str
    at: dt.datetime
    deleted: bool
    """Whoever wrote it has taken it back."""
