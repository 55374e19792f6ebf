"""Deliveries, requests and what waits for a person, over the API."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_platform.waiting import MayRepeat, ReplayedAll
from duly_runtime.store.api import Missing, OutboxRow, User
from duly_runtime.store.log_api import Attempt, DeliveryFilter, RequestEvent, RequestFilter, RequestRow

READ = [needs("read", "deliveries.read")]
PARKED = [needs("write", "parked.handle")]
WHATS = ("raw", "event", "delivery")

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=1000)]
Before = Annotated[int, QueryParameter(name="before", ge=0, le=2**62)]
Named = Annotated[str, QueryParameter(name="state")]


class DeliveryDetail(msgspec.Struct, frozen=True):
    """`log` is oldest first: what became of each attempt, what the provider said, and what people did."""

    delivery: OutboxRow
    log: list[Attempt]
    effect: msgspec.Raw
    """What the rules asked for."""


class RequestDetail(msgspec.Struct, frozen=True):
    """A request as it came, without what would open a door elsewhere, and the events it made."""

    request: RequestRow
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body_base64: str
    events: list[RequestEvent]


class ReplayResult(msgspec.Struct, frozen=True):
    """`problem` says why it is still parked."""

    done: bool
    problem: str = ""


class ReplayAll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`connector` empty: of all."""

    connector: str = ""


class ParkedItem(msgspec.Struct, frozen=True):
    """`repeat` false: sent again, it might arrive twice."""

    what: str
    id: int
    connector: str
    reason: str
    at: dt.datetime
    body_base64: str
    repeat: bool
    discarded_at: dt.datetime | None


# --- what went out


@get("/deliveries", guards=READ, summary="Deliveries, newest first")
async def deliveries(
    state: State,
    delivery_state: Named = "",
    connector: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    since: FromQuery[dt.datetime | None] = None,
    until: FromQuery[dt.datetime | None] = None,
    before: Before = 0,
    limit: Limit = 200,
) -> list[OutboxRow]:
    """`state` may be `waiting`: what waits for a person. `since` and `until` are instants, `before` an id."""
    wanted = DeliveryFilter(
        connector=connector, state=delivery_state, kind=kind, since=_instant(since), until=_instant(until), before=before,
        limit=limit,
    )  # fmt: skip
    return await desk(state).store.delivery_log(wanted)


@get("/deliveries/{delivery_id:int}", guards=READ, summary="A delivery with its log")
async def delivery(state: State, delivery_id: FromPath[int]) -> DeliveryDetail:
    return await _detail(state, delivery_id)


@post("/deliveries/{delivery_id:int}/replay", guards=PARKED, status_code=200, summary="Send a delivery again")
async def send_again(
    request: Request[User, Any, State], state: State, delivery_id: FromPath[int], twice: FromQuery[bool] = False
) -> ReplayResult:
    """Under the same key. Where it may have arrived and its receiver can't tell a second one, `twice` must say that this is
    known."""
    return await _replay(request, state, "delivery", delivery_id, twice)


@post("/deliveries/{delivery_id:int}/cancel", guards=PARKED, status_code=200, summary="Don't send what has not gone yet")
async def cancel(request: Request[User, Any, State], state: State, delivery_id: FromPath[int]) -> DeliveryDetail:
    await desk(state).waiting.cancel(delivery_id, request.user.name)
    return await _detail(state, delivery_id)


@post("/deliveries/{delivery_id:int}/mark-sent", guards=PARKED, status_code=200, summary="Say that a message arrived")
async def mark_sent(request: Request[User, Any, State], state: State, delivery_id: FromPath[int]) -> DeliveryDetail:
    """A message to a customer that failed, was parked or may not have arrived counts as sent from now on; nothing is sent.
    The card's history says who said so."""
    await desk(state).waiting.mark(delivery_id, request.user.name)
    return await _detail(state, delivery_id)


@post("/deliveries/{delivery_id:int}/unmark-sent", guards=PARKED, status_code=200, summary="Take `mark-sent` back")
async def unmark_sent(request: Request[User, Any, State], state: State, delivery_id: FromPath[int]) -> DeliveryDetail:
    await desk(state).waiting.unmark(delivery_id, request.user.name)
    return await _detail(state, delivery_id)


async def _detail(state: State, delivery_id: int) -> DeliveryDetail:
    row, log, effect = await desk(state).store.delivery(delivery_id)
    return DeliveryDetail(row, list(log), msgspec.Raw(effect or b"null"))


# --- what came in


@get("/requests", guards=READ, summary="Requests that came in, newest first")
async def requests(
    state: State,
    request_state: Named = "",
    connector: FromQuery[str] = "",
    since: FromQuery[dt.datetime | None] = None,
    until: FromQuery[dt.datetime | None] = None,
    before: Before = 0,
    limit: Limit = 200,
) -> list[RequestRow]:
    """`state` is `taken`, `parked` or `discarded`. A repeat that changed nothing is not kept."""
    wanted = RequestFilter(
        connector=connector, state=request_state, since=_instant(since), until=_instant(until), before=before, limit=limit
    )
    return await desk(state).store.requests(wanted)


@get("/requests/{request_id:int}", guards=PARKED, summary="A request as it came, and what it made")
async def one_request(state: State, request_id: FromPath[int]) -> RequestDetail:
    row, raw, events = await desk(state).store.request(request_id)
    body = base64.b64encode(raw.body).decode()
    return RequestDetail(row, raw.method, raw.path, raw.query, raw.headers, body, list(events))


# --- what waits


@get("/parked", guards=PARKED, summary="What waits for a person, whole")
async def parked(
    state: State, connector: FromQuery[str] = "", discarded: FromQuery[bool] = False, limit: Limit = 1000
) -> list[ParkedItem]:
    """At most `limit` of each kind, oldest first. With `discarded`, what was discarded instead."""
    return [
        ParkedItem(
            row.what, row.id, row.connector, row.reason, row.at, base64.b64encode(row.body).decode(), row.repeat,
            row.discarded_at,
        )
        for row in await desk(state).store.parked(connector, limit, discarded=discarded)
    ]  # fmt: skip


@post("/parked/replay", guards=PARKED, status_code=200, summary="Try all again that waits")
async def replay_all(request: Request[User, Any, State], state: State, data: JSONBody[ReplayAll]) -> ReplayedAll:
    """Of one connector or of all. Deliveries that might arrive twice are skipped."""
    return await desk(state).waiting.replay_all(data.connector, request.user.name)


@post("/parked/{what:str}/{item_id:int}/replay", guards=PARKED, status_code=200, summary="Try a parked item again")
async def replay(
    request: Request[User, Any, State],
    state: State,
    what: FromPath[str],
    item_id: FromPath[int],
    twice: FromQuery[bool] = False,
) -> ReplayResult:
    return await _replay(request, state, _known(what), item_id, twice)


@post("/parked/{what:str}/{item_id:int}/discard", guards=PARKED, status_code=204, summary="Have it wait no more")
async def discard(request: Request[User, Any, State], state: State, what: FromPath[str], item_id: FromPath[int]) -> None:
    """It is kept, and `restore` takes it back."""
    await desk(state).waiting.discard(_known(what), item_id, request.user.name)


@post("/parked/{what:str}/{item_id:int}/restore", guards=PARKED, status_code=204, summary="Take a discarded item back")
async def restore(request: Request[User, Any, State], state: State, what: FromPath[str], item_id: FromPath[int]) -> None:
    await desk(state).waiting.restore(_known(what), item_id, request.user.name)


async def _replay(request: Request[User, Any, State], state: State, what: str, item_id: int, twice: bool) -> ReplayResult:
    try:
        problem = await desk(state).waiting.replay(what, item_id, request.user.name, twice=twice)
    except MayRepeat as error:
        raise Problem(409, "may-repeat", str(error)) from None
    return ReplayResult(not problem, problem)


def _known(what: str) -> str:
    if what not in WHATS:
        raise Missing(f"there is nothing parked called `{what}`")
    return what


def _instant(given: dt.datetime | None) -> dt.datetime | None:
    """An instant without a zone is UTC."""
    return given.replace(tzinfo=dt.UTC) if given is not None and given.tzinfo is None else given


router = Router(
    "/",
    tags=["operations"],
    route_handlers=[
        deliveries, delivery, send_again, cancel, mark_sent, unmark_sent,
        requests, one_request, parked, replay_all, replay, discard, restore,
    ],
)  # fmt: skip
