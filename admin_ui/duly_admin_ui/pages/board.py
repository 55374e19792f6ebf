"""Boards: a pipeline's cards by stage, with their clocks."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui import badges
from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_dsl.program import Pipeline
from duly_runtime.events import Contact, OpenCard, Scalar
from duly_runtime.store.api import BoardCard, Missing

FINISHED_FOR = dt.timedelta(days=1)
"""How long a finished card stays on its board."""


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    card: BoardCard
    badge: badges.Badge | None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """`next` holds the stages a card may go to from here; empty means any."""

    stage: str
    next: tuple[str, ...]
    finish: bool
    tiles: list[Tile]
    held: int = 0
    """Open cards, whatever is filtered."""
    limit: int | None = None

    @property
    def over(self) -> bool:
        """More cards than the stage's limit."""
        return self.limit is not None and self.held > self.limit

    @property
    def late(self) -> int:
        return sum(1 for tile in self.tiles if tile.badge is not None and tile.badge.state == "late")


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    owner: str = ""
    state: str = ""
    query: str = ""

    def keep(self, tile: Tile) -> bool:
        card = tile.card
        if self.owner and card.owner != ("" if self.owner == "-" else self.owner):
            return False
        if self.state and (tile.badge is None or tile.badge.state != self.state):
            return False
        if not self.query:
            return True
        text = " ".join((str(card.number), card.title, card.customer, card.owner, card.team, *card.tags)).casefold()
        return all(word.lstrip("#") in text for word in self.query.casefold().split())


def pipeline_of(page: Page, name: str) -> Pipeline:
    """The pipeline of an address; Missing where the live version has none of that name."""
    found = page.program.pipelines.get(name.lstrip("/")) if page.program is not None else None
    if found is None:
        raise Missing(name)
    page.about(found.name)
    return found


def columns(pipeline: Pipeline, cards: list[BoardCard], filters: Filters, now: dt.datetime) -> list[Column]:
    """One column a stage, earliest due first; cards of a stage the live version no longer has come last."""
    tiles = [Tile(card=card, badge=badges.of_card(card, now)) for card in cards]
    stages = {stage.name: (stage.next, stage.finish) for stage in pipeline.stages}
    limits = {stage.name: stage.limit for stage in pipeline.stages if not stage.finish}
    for card in cards:
        stages.setdefault(card.stage, ((), False))
    return [
        Column(
            stage=name,
            next=allowed,
            finish=finish,
            held=sum(1 for t in tiles if t.card.stage == name),
            limit=limits.get(name),
            tiles=sorted((t for t in tiles if t.card.stage == name and filters.keep(t)), key=_order),
        )
        for name, (allowed, finish) in stages.items()
    ]


def _order(tile: Tile) -> tuple[int, float, int]:
    card = tile.card
    if card.due_at is not None and not card.paused:
        return (0, card.due_at.timestamp(), card.number)
    return (1 if card.paused else 2, card.entered_at.timestamp(), card.number)


@get("/", guards=[needs("cards.read")])
async def boards(page: NamedDependency[Page]) -> Response[Any]:
    """The list of boards; the board itself where there is but one."""
    pipelines = list(page.program.pipelines.values()) if page.program is not None else []
    if len(pipelines) == 1:
        return go("/board/" + quote(pipelines[0].name, safe=""))
    since = page.now - FINISHED_FOR
    rows = []
    for pipeline in pipelines:
        found = columns(pipeline, await page.services.store.board(pipeline.name, since), Filters(), page.now)
        open_cards = sum(len(column.tiles) for column in found if not column.finish)
        rows.append((pipeline, open_cards, sum(column.late for column in found)))
    return page.render("boards.html", rows=rows)


@get("/board/{pipeline:path}", guards=[needs("cards.read")])
async def board(page: NamedDependency[Page], pipeline: FromPath[str]) -> Response[Any]:
    line = pipeline_of(page, pipeline)
    query = page.request.query_params
    filters = Filters(owner=query.get("owner", ""), state=query.get("state", ""), query=query.get("q", "").strip())
    cards = await page.services.store.board(line.name, page.now - FINISHED_FOR)
    shown = columns(line, cards, filters, page.now)
    owners = sorted({card.owner for card in cards if card.owner} | {filters.owner} - {"", "-"}, key=page.person)
    return page.render(
        "board.html",
        pipeline=line,
        columns=shown,
        filters=filters,
        filtered=filters != Filters(),
        owners=owners,
        total=len(cards),
        late=sum(column.late for column in shown),
        doors=[door for door in _doors(page) if door.pipeline == line.name],
    )


def _doors(page: Page) -> list[Any]:
    return [door for door in page.program.connectors.values() if door.direction != "sends"] if page.program else []


@get("/new-card/{pipeline:path}", guards=[needs("cards.work")])
async def new_card(page: NamedDependency[Page], pipeline: FromPath[str]) -> Response[Any]:
    return page.render("new_card.html", pipeline=pipeline_of(page, pipeline), form={}, problem="")


@post("/new-card/{pipeline:path}", status_code=303, guards=[needs("cards.work")])
async def open_card(page: NamedDependency[Page], pipeline: FromPath[str]) -> Response[Any]:
    """Open a card by hand."""
    line = pipeline_of(page, pipeline)
    form = await page.form()
    fields: dict[str, Scalar] = {key: form[key] for key in ("priority", "type") if form.get(key)}
    title = form.get("title", "").strip()
    if not title:
        problem = page.gettext("A card needs a title.")
        return page.render("new_card.html", status=422, pipeline=line, form=form, problem=problem)
    contact = Contact(
        name=form.get("name", "").strip(), email=form.get("email", "").strip(), phone=form.get("phone", "").strip()
    )
    body = OpenCard(pipeline=line.name, title=title, contact=contact, fields=fields, text=form.get("text", "").strip())
    if reason := await page.services.command(0, body, page.name):
        problem = reason.partition(": ")[2] or reason
        return page.render("new_card.html", status=422, pipeline=line, form=form, problem=problem)
    return go("/board/" + quote(line.name, safe=""))


HANDLERS = (boards, board, new_card, open_card)
