"""One card: its conversation, its clocks, its life, and why it is as it is."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui import badges, why
from duly_admin_ui.access import needs, require
from duly_admin_ui.composer import Composer, composer, paired
from duly_admin_ui.history import Teller
from duly_admin_ui.page import Page, go
from duly_admin_ui.timeline import timeline
from duly_dsl.program import Field, Pipeline
from duly_runtime.attaching import MOST_FILES
from duly_runtime.card import Card, Clock
from duly_runtime.doors import MAX_FILE
from duly_runtime.engine.refusal import sentence
from duly_runtime.events import (
    Acknowledge,
    AnyBody,
    AssignCard,
    ChangeParticipants,
    ExcuseMiss,
    File,
    MoveCard,
    Scalar,
    SetFields,
    TagCard,
    WithdrawExcuse,
)
from duly_runtime.permissions import ROLES
from duly_runtime.store.messages_api import DOUBTFUL

VIEWS = ("conversation", "timeline", "history", "why")


class ClockLine(msgspec.Struct, frozen=True, kw_only=True):
    clock: Clock
    badge: badges.Badge
    reasons: tuple[str, ...] = ()
    """What the reader may excuse this miss for."""
    withdrawable: bool = False


async def load(page: Page, number: int) -> Card:
    card = await page.services.store.card(await page.services.store.card_id(number))
    page.about(card.pipeline)
    return card


def pipeline_of(page: Page, card: Card) -> Pipeline | None:
    """None where the live version has the card's pipeline no longer."""
    return page.program.pipelines.get(card.pipeline) if page.program is not None else None


async def show(
    page: Page, card: Card, *, problem: str = "", typed: dict[str, str] | None = None, kept: tuple[File, ...] = ()
) -> Response[Any]:
    """The card's page; with `problem`, what was refused, and what was typed and attached is kept."""
    store = page.services.store
    view = page.request.query_params.get("view", VIEWS[0])
    view = view if view in VIEWS else VIEWS[0]
    line = pipeline_of(page, card)
    context: dict[str, Any] = {}
    if view == "conversation":
        said = await store.messages(card.id)
        may = page.may("cards.work") and card.merged is None
        context["messages"] = said
        context["reply"] = await composer(page, card, said, typed or {}) if may else Composer()
        context["paired"] = paired
        context["doubtful"] = DOUBTFUL
    elif view == "timeline":
        stages = [stage.name for stage in line.stages] if line is not None else []
        context["timeline"] = timeline(card, await store.visits(card.id), stages, page.now)
    elif view == "history":
        teller = Teller(page.gettext, page.language, page.times.short, page.person)
        rows = reversed(await store.history(card.id))
        context["history"] = [(row, teller.tell(row), teller.quote(row)) for row in rows]
    else:
        context["happenings"] = await why.happenings(store, await store.trace(card.id))
    clocks = [
        ClockLine(
            clock=clock,
            badge=badges.of_clock(clock, badges.risk_of(clock, line), page.now),
            reasons=excusable(page, line, clock),
            withdrawable=clock.excuse is not None and _may_excuse(page, line, clock.excuse.reason),
        )
        for clock in card.clocks
    ]
    clocks.sort(key=lambda row: (not row.clock.open, row.clock.due_at or row.clock.started_at))
    stage = next((stage for stage in line.stages if stage.name == card.stage), None) if line is not None else None
    allowed = stage.next if stage is not None and stage.next else [s.name for s in line.stages] if line else []
    return page.render(
        "card.html",
        status=409 if problem else 200,
        card=card,
        whose=await store.contact_of_card(card.id),
        pipeline=line,
        view=view,
        views=VIEWS,
        problem=problem,
        typed=typed or {},
        kept=kept,
        as_json=as_json,
        max_bytes=MAX_FILE,
        max_files=MOST_FILES,
        clocks=clocks,
        ladders=[ladder for ladder in card.ladders if ladder.stopped_at is None],
        stages=[name for name in allowed if name != card.stage],
        people=sorted(page.program.people, key=page.person) if page.program is not None else [],
        **context,
    )


def excusable(page: Page, line: Pipeline | None, clock: Clock) -> tuple[str, ...]:
    """The reasons the reader may excuse a clock for; none where it was not missed or is excused."""
    if line is None or clock.missed_at is None or clock.excuse is not None:
        return ()
    return tuple(reason for reason in line.excuses if _may_excuse(page, line, reason))


def _may_excuse(page: Page, line: Pipeline | None, reason: str) -> bool:
    role = page.user.role if page.user is not None else ""
    least = (line.excuses.get(reason) if line is not None else None) or "manager"
    return role in ROLES and ROLES.index(role) >= ROLES.index(least)


def as_json(file: File) -> str:
    return msgspec.json.encode(file).decode()


async def act(
    page: Page, card: Card, body: AnyBody, typed: dict[str, str] | None = None, kept: tuple[File, ...] = ()
) -> Response[Any]:
    """Hand a command over and answer: back to the card, or why not."""
    return await answered(page, card, await page.services.command(card.id, body, page.name), typed, kept)


async def answered(
    page: Page, card: Card, reason: str, typed: dict[str, str] | None = None, kept: tuple[File, ...] = ()
) -> Response[Any]:
    """Back to the card, or why a command was refused."""
    if reason:
        reason = await refusal(page, card, reason)
    if page.wants_fragment:
        return Response({"reason": reason}, status_code=409) if reason else Response(None, status_code=204)
    if reason:
        return await show(page, card, problem=reason, typed=typed, kept=kept)
    view = page.request.query_params.get("view", "")
    return go(f"/cards/{card.number}" + (f"?view={view}" if view in VIEWS else ""))


async def refusal(page: Page, card: Card, reason: str) -> str:
    """`code: words` in the reader's language, by the entry the refusal left in the history."""
    code, _, words = reason.partition(": ")
    rows = await page.services.store.history(card.id)
    for row in reversed(rows):
        if row.kind == "refused" and row.details.get("code") == code:
            return sentence(row.details, page.language)
    return words or reason


@get("/cards/{number:int}", guards=[needs("cards.read")])
async def card_page(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    return await show(page, await load(page, number))


@post("/cards/{number:int}/move", status_code=200, guards=[needs("cards.work")])
async def move(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    card = await load(page, number)
    form = await page.form()
    body = MoveCard(stage=form.get("stage", ""), author=page.name, reason=form.get("reason", "").strip())
    return await act(page, card, body, form)


@post("/cards/{number:int}/assign", status_code=200, guards=[needs("cards.work")])
async def assign(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Taking a free card oneself is work; giving cards to others is a permission of its own."""
    card = await load(page, number)
    form = await page.form()
    owner, team = form.get("owner", ""), form.get("team", "")
    if owner != page.name or card.owner not in ("", page.name):
        require(page, "cards.assign")
    return await act(page, card, AssignCard(owner=owner, team=team or card.team, author=page.name))


@post("/cards/{number:int}/fields", status_code=200, guards=[needs("cards.work")])
async def fields(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Only what differs is sent, so that two people changing two fields don't undo each other."""
    card = await load(page, number)
    form = await page.form()
    line = pipeline_of(page, card)
    values: dict[str, Scalar | None] = {}
    for name, now in (("title", card.title), ("priority", card.priority), ("type", card.type)):
        if name in form and form[name].strip() != now:
            values[name] = form[name].strip() or None
    for field in line.fields if line is not None else ():
        key = f"field:{field.name}"
        if key not in form:
            continue
        try:
            value = read_field(field, form[key].strip())
        except ValueError:
            problem = page.gettext("{field} must be a number.").format(field=field.name)
            return await show(page, card, problem=problem, typed=form)
        if value != card.fields.get(field.name):
            values[key] = value
    if not values:
        return go(f"/cards/{number}")
    return await act(page, card, SetFields(values=values, author=page.name), form)


def read_field(field: Field, text: str) -> Scalar | None:
    """What was typed as the field's own kind of value; ValueError where it isn't one."""
    if not text:
        return None
    if field.type == "number":
        return float(text.replace(",", "."))
    if field.type == "yes/no":
        return text == "yes"
    return text


@post("/cards/{number:int}/tags", status_code=200, guards=[needs("cards.work")])
async def tags(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    card = await load(page, number)
    form = await page.form()
    added = tuple(tag for tag in (part.strip() for part in form.get("add", "").split(",")) if tag)
    removed = (form["remove"],) if form.get("remove") else ()
    if not added and not removed:
        return go(f"/cards/{number}")
    return await act(page, card, TagCard(add=added, remove=removed, author=page.name))


@post("/cards/{number:int}/participants", status_code=200, guards=[needs("cards.work")])
async def participants(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Let an address write on the card, or with `remove` pressed no longer."""
    card = await load(page, number)
    form = await page.form()
    if gone := form.get("remove", ""):
        return await act(page, card, ChangeParticipants(remove=(gone,), author=page.name))
    body = ChangeParticipants(add=(form.get("participant", "").strip(),), author=page.name)
    return await act(page, card, body, form)


@post("/cards/{number:int}/acknowledge", status_code=200, guards=[needs("cards.work")])
async def acknowledge(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    card = await load(page, number)
    form = await page.form()
    return await act(page, card, Acknowledge(ladder=form.get("ladder", ""), author=page.name))


@post("/cards/{number:int}/excuse", status_code=200, guards=[needs("cards.work")])
async def excuse(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """Excuse a missed clock, or with `withdraw` pressed take the excuse back."""
    card = await load(page, number)
    form = await page.form()
    metric, cycle = form.get("metric", ""), form.get("cycle", "")
    at = int(cycle) if cycle.isdecimal() else 0
    role = page.user.role if page.user is not None else ""
    if "withdraw" in form:
        return await act(page, card, WithdrawExcuse(metric=metric, cycle=at, author=page.name, role=role))
    body = ExcuseMiss(metric=metric, cycle=at, reason=form.get("reason", ""), author=page.name, role=role)
    return await act(page, card, body)


HANDLERS = (card_page, move, assign, fields, tags, participants, acknowledge, excuse)
