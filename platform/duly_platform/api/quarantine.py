"""Messages in quarantine over the API: read them, decide on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter

from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_runtime.store.api import User
from duly_runtime.store.quarantine_api import Quarantined

REVIEW = [needs("write", "quarantine.review")]


class Admission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to`: `card` (the one the message names) or `new` (one of its own). `remember`: its sender may write on the card from
    now on."""

    to: Literal["card", "new"]
    remember: bool = False


class Admitted(msgspec.Struct, frozen=True):
    """The number of the card the message is on now."""

    card: int


Decision = Literal["", "card", "new", "discarded"]


@get("/quarantine", guards=REVIEW, summary="Messages with a decision, or without one, newest first")
async def quarantine(
    state: State,
    decision: Annotated[Decision, QueryParameter(name="decision")] = "",
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1000)] = 200,
    before: Annotated[int, QueryParameter(name="before", ge=0, le=2**62)] = 0,
) -> list[Quarantined]:
    """Without `decision`, those that wait for one. They have done nothing so far: no card, no clock, no rule."""
    return await desk(state).store.quarantined(decision, limit, before)


@get("/quarantine/{event:int}", guards=REVIEW, summary="One message of the quarantine")
async def message(state: State, event: FromPath[int]) -> Quarantined:
    return await desk(state).store.quarantined_message(event)


@post("/quarantine/{event:int}/admit", guards=REVIEW, status_code=200, summary="Let the message in")
async def admit(
    request: Request[User, Any, State], state: State, event: FromPath[int], data: JSONBody[Admission]
) -> Admitted:
    """409 where somebody has decided already, or where it is to join a card and names none."""
    here, new = desk(state), data.to == "new"
    handled = await here.admit(event, as_new=new, remember=data.remember, author=request.user.name)
    return Admitted(card=(await here.store.card(handled.card_id)).number if handled.card_id else 0)


@post("/quarantine/{event:int}/discard", guards=REVIEW, status_code=200, summary="Leave the message out for good")
async def discard(request: Request[User, Any, State], state: State, event: FromPath[int]) -> Quarantined:
    """It stays in the journal, and can be restored."""
    await desk(state).discard_quarantined(event, request.user.name)
    return await desk(state).store.quarantined_message(event)


@post("/quarantine/{event:int}/restore", guards=REVIEW, status_code=200, summary="Take a discarded message back")
async def restore(request: Request[User, Any, State], state: State, event: FromPath[int]) -> Quarantined:
    await desk(state).restore_quarantined(event, request.user.name)
    return await desk(state).store.quarantined_message(event)


router = Router("/", tags=["operations"], route_handlers=[quarantine, message, admit, discard, restore])
