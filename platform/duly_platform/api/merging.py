"""Cards that become one, and part, over the API."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from duly_platform.api.access import needs
from duly_platform.api.cards import Key, desk
from duly_platform.api.problems import Problem
from duly_runtime import splitting
from duly_runtime.card import Card
from duly_runtime.events import AnyBody, MergeCard, UnmergeCard
from duly_runtime.store.api import Handled, User

MERGE = [needs("write", "cards.merge")]


class Into(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the card that stays."""

    into: Annotated[int, msgspec.Meta(ge=1)]


class Parts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`messages` are ids of the card's messages. `pipeline` empty: the same. `follow`: later messages of the conversation
    go to the new card."""

    messages: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=1000)]
    title: Annotated[str, msgspec.Meta(max_length=500)] = ""
    pipeline: str = ""
    follow: bool = False


async def _do(state: State, card_id: int, body: AnyBody, key: str) -> Handled:
    handled = await desk(state).command(card_id, body, key and f"api:{key}")
    if handled.refused:
        raise Problem(422, "refused", handled.refused)
    return handled


@post("/cards/{number:int}/merge", guards=MERGE, status_code=200, summary="Make a card part of another")
async def merge(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Into], key: Key = ""
) -> Card:
    """Answers the card that stays. The other one is finished, with its clocks cancelled; later messages go to this one."""
    store = desk(state).store
    into = await store.card_id(data.into)
    body = MergeCard(into=into, number=data.into, author=request.user.name)
    handled = await _do(state, await store.card_id(number), body, key)
    return await store.card(handled.other_id)


@post("/cards/{number:int}/unmerge", guards=MERGE, status_code=200, summary="Undo a merge")
async def unmerge(request: Request[User, Any, State], state: State, number: FromPath[int], key: Key = "") -> Card:
    """Answers the card, which is its own again. What came meanwhile stays with the other one."""
    store = desk(state).store
    handled = await _do(state, await store.card_id(number), UnmergeCard(author=request.user.name), key)
    return await store.card(handled.card_id)


@post("/cards/{number:int}/split", guards=MERGE, summary="Make a new card of some of a card's messages")
async def split(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Parts], key: Key = ""
) -> Card:
    """Answers the new card. Its clocks run from the first of the messages; for what lies in the past nothing is sent."""
    store = desk(state).store
    card = await store.card(await store.card_id(number))
    body = splitting.asked(
        card,
        await store.messages(card.id),
        frozenset(data.messages),
        title=data.title,
        pipeline=data.pipeline,
        follow=data.follow,
        author=request.user.name,
    )
    handled = await _do(state, card.id, body, key)
    return await store.card(handled.other_id)


router = Router("/", tags=["cards"], route_handlers=[merge, unmerge, split])
