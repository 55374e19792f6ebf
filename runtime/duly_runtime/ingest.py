"""The way in: a request becomes journalled events in one transaction, and only then is it acknowledged."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import msgspec

from duly_runtime.doors import Answer, Inbound, Raw, Receiver, Refused
from duly_runtime.store.api import Accepted, Store

Result = TypeVar("Result")

INLINE = 64 * 1024
"""Bytes of a body above which it is read in a thread, so that other requests are answered meanwhile."""
MAX_REASON = 2000
OPENERS = frozenset(("authorization", "proxy-authorization", "cookie"))
"""Headers whose values are credentials whoever sends them."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`problem` says why the request could still not be read as a whole; empty where it is dealt with now."""

    accepted: Accepted
    problem: str = ""


async def receive(store: Store, receiver: Receiver, raw: Raw, now: dt.datetime) -> Answer | Accepted:
    """Take a request in. An Answer is for a verification; Accepted means it is safe in the database.

    What could not be mapped parks the whole request for a person, while its good items go on. Raises doors.Refused where
    the request is not to be believed or read (nothing of it is kept) and StoreUnavailable where nothing could be written:
    the sender must try again.
    """
    read = await _in_turn(receiver, raw, receiver.receive)
    if isinstance(read, Answer):
        return read
    kept = _kept(raw, read.hide)
    return await store.accept(receiver.definition.name, kept, read.items, now, parked=_reason(read.problems))


async def take(store: Store, receiver: Receiver, raw: Raw, now: dt.datetime) -> Accepted:
    """Take in what a connector has fetched itself, or was handed by a server that was believed. What can't be read parks
    the whole of it. Raises StoreUnavailable where nothing could be written."""
    try:
        read = await _in_turn(receiver, raw, receiver.read)
        items, reason = read.items, _reason(read.problems)
    except Refused as refused:
        items, reason = (), refused.reason
    return await store.accept(receiver.definition.name, raw, items, now, parked=reason)


async def replay(store: Store, receiver: Receiver, raw_id: int, now: dt.datetime) -> Replayed:
    """Read a parked request again, under the rules that are live now. Events it gave before are not taken twice."""
    connector, raw = await store.raw(raw_id)
    problem = ""
    items: tuple[Inbound, ...] = ()
    try:
        read = await _in_turn(receiver, raw, receiver.read)
        items, problem = read.items, _reason(read.problems)
    except Refused as refused:
        problem = refused.reason
    accepted = await store.accept(connector, None, items, now)
    if not problem:
        await store.unpark("raw", raw_id, now)
    return Replayed(accepted=accepted, problem=problem)


def _kept(raw: Raw, hide: tuple[str, ...]) -> Raw:
    """The request without what would let its reader in elsewhere."""
    hidden = OPENERS | {name.lower() for name in hide}
    headers = {name: value for name, value in raw.headers.items() if name not in hidden}
    query = {name: value for name, value in raw.query.items() if name.lower() not in hidden}
    return msgspec.structs.replace(raw, headers=headers, query=query)


async def _in_turn(receiver: Receiver, raw: Raw, read: Callable[[Raw], Result]) -> Result:
    if receiver.WAITS or len(raw.body) > INLINE:
        return await asyncio.to_thread(read, raw)
    return read(raw)


def _reason(problems: tuple[str, ...]) -> str:
    return "; ".join(problems)[:MAX_REASON]
