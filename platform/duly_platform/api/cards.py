"""Cards over the API: read them, open them, work on them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from duly_platform.api.access import needs
from duly_platform.api.problems import Problem
from duly_platform.desk import Desk
from duly_runtime import events
from duly_runtime.attaching import MOST_FILES, CannotAttach, attached
from duly_runtime.card import Card
from duly_runtime.permissions import allows
from duly_runtime.store.api import BoardCard, Handled, HistoryRow, Message, OutboxRow, TraceRow, User, VisitRow

READ = [needs("read", "cards.read")]
WORK = [needs("write", "cards.work")]
Key = Annotated[str, HeaderParameter(name="Idempotency-Key")]
NOTHING = "give a text, files or both"


class PipelineSummary(msgspec.Struct, frozen=True):
    """A pipeline of the running version."""

    name: str
    stages: tuple[str, ...]
    priorities: tuple[str, ...]
    types: tuple[str, ...]
    fields: tuple[str, ...]


class NewCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card to open. `stage` empty: the start stage."""

    pipeline: str
    title: Annotated[str, msgspec.Meta(max_length=500)] = ""
    text: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    stage: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    fields: dict[str, events.Scalar] = {}
    """`priority`, `type`, or a field's name."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An uploaded file, as `POST /files` answered. `size` is not needed: it is what was uploaded."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    name: Annotated[str, msgspec.Meta(max_length=500)] = ""
    media_type: Annotated[str, msgspec.Meta(max_length=200)] = ""
    size: Annotated[int, msgspec.Meta(ge=0)] = 0


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text, files that were uploaded, or both."""

    text: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    files: Annotated[tuple[Attachment, ...], msgspec.Meta(max_length=MOST_FILES)] = ()


class MoveTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stage: str
    reason: str = ""


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both empty takes the card from whoever has it."""

    owner: str = ""
    team: str = ""


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`priority`, `type`, `title` or a field's name -> value; null empties a field."""

    values: dict[str, events.Scalar | None]


class Tags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Participants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """E-mail addresses, beside the customer's own."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class LadderName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ladder: str


class Excused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`clock` is a missed clock (`first reply`); `cycle` 0 is its latest miss. `reason` is one the pipeline lists."""

    clock: str
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    cycle: Annotated[int, msgspec.Meta(ge=0)] = 0


class ExcusedClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    clock: str
    cycle: Annotated[int, msgspec.Meta(ge=0)] = 0


def desk(state: State) -> Desk:
    return state.desk


def operand(name: str) -> str:
    """The engine's name for what a person calls a field."""
    return name if name in ("priority", "type", "title") else f"field:{name}"


@get("/pipelines", guards=READ, summary="Pipelines of the running version")
async def pipelines(state: State) -> list[PipelineSummary]:
    program = await desk(state).program()
    return [
        PipelineSummary(p.name, tuple(s.name for s in p.stages), p.priorities, p.types, tuple(f.name for f in p.fields))
        for p in (program.pipelines.values() if program else ())
    ]


@get("/cards", guards=READ, summary="Cards, newest first")
async def cards(
    state: State,
    pipeline: FromQuery[str] = "",
    stage: FromQuery[str] = "",
    owner: FromQuery[str] = "",
    text: Annotated[str, QueryParameter(name="query")] = "",
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 100,
    before: Annotated[int, QueryParameter(name="before", ge=0, le=2**62)] = 0,
) -> list[BoardCard]:
    return await desk(state).store.cards(pipeline, stage, owner, text, limit, before)


@get("/pipelines/{name:str}/board", guards=READ, summary="The open cards of a pipeline, with their clocks")
async def board(state: State, name: FromPath[str]) -> list[BoardCard]:
    program = await desk(state).program()
    if program is None or name not in program.pipelines:
        raise Problem(404, "not-found", f"there is no pipeline `{name}`")
    return await desk(state).store.board(name, desk(state).now() - dt.timedelta(days=1))


async def _id(state: State, number: int) -> int:
    return await desk(state).store.card_id(number)


async def card_of(state: State, number: int) -> Card:
    return await desk(state).store.card(await _id(state, number))


@get("/cards/{number:int}", guards=READ, summary="One card, with every clock and ladder")
async def card(state: State, number: FromPath[int]) -> Card:
    return await card_of(state, number)


@get("/cards/{number:int}/messages", guards=READ, summary="The conversation")
async def messages(state: State, number: FromPath[int]) -> list[Message]:
    return await desk(state).store.messages(await _id(state, number))


@get("/cards/{number:int}/history", guards=READ, summary="What happened to the card, in order")
async def history(state: State, number: FromPath[int]) -> list[HistoryRow]:
    return await desk(state).store.history(await _id(state, number))


@get("/cards/{number:int}/trace", guards=READ, summary="Why: the rules held against each event")
async def trace(state: State, number: FromPath[int]) -> list[TraceRow]:
    return await desk(state).store.trace(await _id(state, number))


@get("/cards/{number:int}/visits", guards=READ, summary="Time in every stage")
async def visits(state: State, number: FromPath[int]) -> list[VisitRow]:
    return await desk(state).store.visits(await _id(state, number))


@get("/cards/{number:int}/deliveries", guards=READ, summary="What was sent because of the card, and how it went")
async def card_deliveries(state: State, number: FromPath[int]) -> list[OutboxRow]:
    return await desk(state).store.deliveries(await _id(state, number))


async def _do(state: State, number: int, body: events.AnyBody, key: str) -> Card:
    return await card_or_refusal(state, await desk(state).command(await _id(state, number), body, key and f"api:{key}"))


async def card_or_refusal(state: State, handled: Handled) -> Card:
    """The card as it is now; a Problem where the command was refused, with the code as its `reason`."""
    if handled.refused:
        raise Problem(422, "refused", handled.refused, reason=handled.refused.partition(": ")[0])
    return await desk(state).store.card(handled.card_id)


@post("/cards", guards=WORK, summary="Open a card")
async def open_card(state: State, data: JSONBody[NewCard], key: Key = "") -> Card:
    program = await desk(state).program()
    if program is None or data.pipeline not in program.pipelines:
        raise Problem(422, "refused", f"there is no pipeline `{data.pipeline}`")
    stages = [stage.name for stage in program.pipelines[data.pipeline].stages]
    if data.stage and data.stage not in stages:
        raise Problem(422, "refused", f"there is no stage `{data.stage}` in `{data.pipeline}`: {', '.join(stages)}")
    body = events.OpenCard(
        pipeline=data.pipeline,
        title=data.title,
        stage=data.stage,
        text=data.text,
        contact=events.Contact(name=data.name, email=data.email, phone=data.phone, address=data.email),
        channel="email" if data.email else "manual",
        fields={operand(name): value for name, value in data.fields.items()},
    )
    return await card_or_refusal(state, await desk(state).command(0, body, key and f"api:{key}"))


async def attachments(state: State, data: Said) -> tuple[events.File, ...]:
    """The files of a message as a command may have them; a Problem where they can't be attached."""
    given = [events.File(name=file.name, media_type=file.media_type, sha256=file.sha256) for file in data.files]
    try:
        return await attached(desk(state).store, given)
    except CannotAttach as error:
        raise Problem(422, "refused", str(error)) from error


@post("/cards/{number:int}/note", guards=WORK, status_code=200, summary="Add an internal note")
async def note(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Said], key: Key = ""
) -> Card:
    if not data.text.strip() and not data.files:
        raise Problem(422, "refused", NOTHING)
    files = await attachments(state, data)
    return await _do(state, number, events.InternalNote(text=data.text, author=request.user.name, files=files), key)


@post("/cards/{number:int}/move", guards=WORK, status_code=200, summary="Move the card to another stage")
async def move(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[MoveTo], key: Key = ""
) -> Card:
    body = events.MoveCard(stage=data.stage, author=request.user.name, reason=data.reason)
    return await _do(state, number, body, key)


@post("/cards/{number:int}/assign", guards=WORK, status_code=200, summary="Give the card to a person or a team")
async def assign(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Assignment], key: Key = ""
) -> Card:
    if data.owner != request.user.name and not allows(request.user.role, "cards.assign"):
        raise Problem(403, "forbidden", f"the role `{request.user.role}` lacks the permission `cards.assign`")
    body = events.AssignCard(owner=data.owner, team=data.team, author=request.user.name)
    return await _do(state, number, body, key)


@post("/cards/{number:int}/fields", guards=WORK, status_code=200, summary="Set fields, priority, type or title")
async def fields(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Values], key: Key = ""
) -> Card:
    values = {operand(name): value for name, value in data.values.items()}
    return await _do(state, number, events.SetFields(values=values, author=request.user.name), key)


@post("/cards/{number:int}/tags", guards=WORK, status_code=200, summary="Add and remove tags")
async def tags(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Tags], key: Key = ""
) -> Card:
    body = events.TagCard(add=data.add, remove=data.remove, author=request.user.name)
    return await _do(state, number, body, key)


@post("/cards/{number:int}/participants", guards=WORK, status_code=200, summary="Say who may write on the card by mail")
async def participants(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Participants], key: Key = ""
) -> Card:
    """Mail that names the card joins it from these addresses and the customer's; from others it waits in quarantine."""
    body = events.ChangeParticipants(add=data.add, remove=data.remove, author=request.user.name)
    return await _do(state, number, body, key)


@post("/cards/{number:int}/acknowledge", guards=WORK, status_code=200, summary="Take note of a running escalation")
async def acknowledge(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[LadderName], key: Key = ""
) -> Card:
    return await _do(state, number, events.Acknowledge(ladder=data.ladder, author=request.user.name), key)


@post("/cards/{number:int}/excuse", guards=WORK, status_code=200, summary="Excuse a missed clock")
async def excuse(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[Excused], key: Key = ""
) -> Card:
    """The clock stays missed. Which role may excuse for which reason is said by the pipeline."""
    who = request.user
    body = events.ExcuseMiss(metric=data.clock, reason=data.reason, cycle=data.cycle, author=who.name, role=who.role)
    return await _do(state, number, body, key)


@post("/cards/{number:int}/withdraw-excuse", guards=WORK, status_code=200, summary="Take an excuse back")
async def withdraw_excuse(
    request: Request[User, Any, State], state: State, number: FromPath[int], data: JSONBody[ExcusedClock], key: Key = ""
) -> Card:
    who = request.user
    body = events.WithdrawExcuse(metric=data.clock, cycle=data.cycle, author=who.name, role=who.role)
    return await _do(state, number, body, key)


router = Router(
    "/",
    tags=["cards"],
    route_handlers=[
        pipelines, cards, board, card, messages, history, trace, visits, card_deliveries,
        open_card, note, move, assign, fields, tags, participants, acknowledge,
        excuse, withdraw_excuse,
    ],
)  # fmt: skip
