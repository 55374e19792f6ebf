"""A change of meaning, as a value: who reads it chooses the language (`words`)."""

from __future__ import annotations

import msgspec

from duly_dsl.source import NOWHERE, Span


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A thing of the files: `sort` is our word for it (`stage`), `name` the admin's; empty where it has none."""

    sort: str
    name: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change.

    `kind`: `added`, `removed`, `renamed` (a `was` says so), `changed`, or `order` (the same things in another order).
    `places` is what changed, then what it stands in (stage, pipeline). Of `changed`, `what` is a template over `values`
    naming the part; `before` and `after` are as the language writes them, empty where there was or is nothing.
    """

    kind: str
    places: tuple[Place, ...]
    what: str = ""
    values: dict[str, str] = {}
    before: str = ""
    after: str = ""
    old: Span = NOWHERE
    """Where it stood before; NOWHERE of something new."""
    new: Span = NOWHERE
    """Where it stands now; NOWHERE of something that is gone."""
