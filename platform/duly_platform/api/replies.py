"""Answering customers over the API: by which way, with a text, with answers to choose from, or with a template."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody

from duly_dsl import offers
from duly_platform.api.cards import NOTHING, READ, WORK, Key, Said, attachments, card_of, card_or_refusal, desk
from duly_platform.api.problems import Problem
from duly_runtime import replies, window
from duly_runtime.card import Card
from duly_runtime.events import Choice
from duly_runtime.library import Offered
from duly_runtime.store.api import User
from duly_runtime.ways import Way

Short = Annotated[str, msgspec.Meta(max_length=320)]
Value = Annotated[str, msgspec.Meta(max_length=1000)]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something the customer can choose; the title comes back as their words."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=offers.LONGEST_ROW)]
    description: Annotated[str, msgspec.Meta(max_length=offers.LONGEST_DESCRIPTION)] = ""


class Reply(Said, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text, files or both; or a `template` by itself.

    `choices` go with a text: up to 3 short titles (20 characters) without descriptions are shown as buttons, up to 10 as a
    list. `variables` are values for the template's placeholders (`customer.first_name`, or a field's name); the card has
    those that are left out. `reply_to` is the id of one of the card's messages, to quote it. `connector` and `address` are
    one of the card's ways (`GET /cards/{number}/ways`); without them the reply goes by the default one.
    """

    choices: Annotated[tuple[Answer, ...], msgspec.Meta(max_length=100)] = ()
    template: Short = ""
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    """Of the template; empty: the customer's."""
    variables: dict[str, Value] = msgspec.field(default_factory=dict)
    reply_to: Annotated[int, msgspec.Meta(ge=0)] = 0
    connector: Short = ""
    address: Short = ""


class CardTemplates(msgspec.Struct, frozen=True, kw_only=True):
    """The templates that can be sent to the card's customer by `connector`. `open_until` is until when free text is taken
    as well: null where the customer never wrote by it. `closed`: only a template is taken now."""

    connector: str
    address: str
    open_until: dt.datetime | None
    closed: bool
    templates: tuple[Offered, ...]


@get("/cards/{number:int}/ways", guards=READ, summary="The ways to a card's customer")
async def card_ways(state: State, number: FromPath[int]) -> tuple[Way, ...]:
    """Each connector and address that a reply may go by, the default one first; `problem` says why one can't be used."""
    return await desk(state).ways(await card_of(state, number))


@get("/cards/{number:int}/templates", guards=READ, summary="Templates a card can be answered with by WhatsApp")
async def templates(state: State, number: FromPath[int], connector: FromQuery[str] = "") -> CardTemplates:
    """Those of the rules that need Meta's approval, in each of their languages, with Meta's word on them. 404 where the
    customer can't be reached by WhatsApp, or not by this connector."""
    card = await card_of(state, number)
    found = [way for way in await desk(state).ways(card) if way.channel == window.CHANNEL and way.usable]
    way = next((way for way in found if connector in ("", way.connector)), None)
    if way is None:
        by = f"the connector `{connector}`" if connector else "WhatsApp"
        raise Problem(404, "not-found", f"the customer of this card can't be reached by {by}: see the card's ways")
    return CardTemplates(
        connector=way.connector,
        address=way.address,
        open_until=way.open_until,
        closed=way.closed,
        templates=await desk(state).templates(card, way.connector),
    )


@post("/cards/{number:int}/reply", guards=WORK, status_code=200, summary="Answer the customer")
async def reply(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Reply], key: Key = ""
) -> Card:
    """By the way they wrote last, or by another one. 422 where it can't be sent like this; `reason` is a stable code then:
    `window-closed`, `unknown-template`, `not-approved`, `missing-variable`, `bad-choices`, …"""
    card = await card_of(state, number)
    if not (data.text.strip() or data.files or data.template):
        raise Problem(422, "refused", f"{NOTHING}, or a template", reason="empty-message")
    draft = replies.Draft(
        author=request.user.name,
        text=data.text,
        files=await attachments(state, data),
        choices=tuple(Choice(title=each.title, description=each.description) for each in data.choices),
        template=data.template,
        language=data.language,
        variables=data.variables,
        quote=data.reply_to,
        connector=data.connector,
        address=data.address,
    )
    try:
        handled = await desk(state).reply(card, draft, key and f"api:{key}")
    except replies.CannotReply as error:
        raise Problem(422, "refused", str(error), reason=error.code) from error
    return await card_or_refusal(state, handled)


router = Router("/", tags=["cards"], route_handlers=[card_ways, templates, reply])
