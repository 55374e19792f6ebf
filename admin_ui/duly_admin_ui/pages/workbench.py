"""What stands beside the text of the rules: its graph, its tests, and a form of what is under the cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from markupsafe import Markup

from duly_admin_ui import badges
from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, templates
from duly_admin_ui.rule_files import proper
from duly_dsl.build import Built
from duly_dsl.diagnostics import Severity
from duly_dsl.graph import ANY, Graph, Stage, graphs, svg
from duly_dsl.program import Pipeline

VIEWS = ("problems", "graph", "tests", "form")


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """All files as the editor holds them."""

    sources: dict[str, str]


class Load(msgspec.Struct, frozen=True):
    """The open cards of a stage, and those of them that are late."""

    cards: int = 0
    late: int = 0


def fragment(page: Page, template: str, values: Mapping[str, Any]) -> str:
    """A view without a page around it."""
    return templates(page.language).get_template(template).render(page=page, editable=page.may("rules.edit"), **values)


# --- the graph


async def graph_of(page: Page, built: Built) -> dict[str, Any]:
    """What the template of the graph needs."""
    if built.program is None:
        return {"broken": errors(built), "graphs": []}
    lines = built.program.pipelines
    drawn = [shown(page, each, await loads_of(page, lines[each.pipeline])) for each in graphs(built.program)]
    return {"broken": 0, "graphs": drawn}


def errors(built: Built) -> int:
    return sum(problem.severity is Severity.ERROR for problem in built.diagnostics)


async def loads_of(page: Page, pipeline: Pipeline) -> dict[str, Load]:
    """By stage of the draft; cards in a stage that is renamed there count under its new name."""
    names = {was: stage.name for stage in pipeline.stages for was in stage.was}
    found = {stage.name: Load() for stage in pipeline.stages if not stage.finish}
    for card in await page.services.store.board(pipeline.name, page.now):
        stage = names.get(card.stage, card.stage)
        if stage in found:
            badge = badges.of_card(card, page.now)
            found[stage] = Load(found[stage].cards + 1, found[stage].late + (badge is not None and badge.state == "late"))
    return found


def shown(page: Page, graph: Graph, loads: Mapping[str, Load]) -> dict[str, Any]:
    notes = {(graph.pipeline, name): [load_text(page, load)] for name, load in loads.items() if load.cards}
    title = page.gettext("Graph of {pipeline}").format(pipeline=graph.pipeline)
    picture = svg.draw([graph], page.language, svg.Page(link=link, notes=notes, title=title))
    unreached = graph.unreachable()
    return {
        "pipeline": graph.pipeline,
        "picture": Markup(picture),
        "stages": [
            {
                "stage": stage,
                "summary": svg.summary(stage),
                "load": load_text(page, loads[stage.name]) if stage.name in loads else "",
                "unreached": stage.name in unreached,
                "moves": [
                    move for move in graph.moves if move.source == stage.name or (move.source == ANY and not stage.finish)
                ],
            }
            for stage in graph.stages
        ],
    }


def load_text(page: Page, load: Load) -> str:
    if not load.late:
        return page.gettext("open cards: {cards}").format(cards=load.cards)
    return page.gettext("open cards: {cards}, late: {late}").format(cards=load.cards, late=load.late)


def link(stage: Stage) -> str:
    return f"/rules?file={quote(stage.path, safe='')}&view=graph&line={stage.line}"


@post("/rules/graph", status_code=200, guards=[needs("rules.read")])
async def graph(page: NamedDependency[Page], data: JSONBody[Beside]) -> dict[str, Any]:
    values = await graph_of(page, await page.services.built(proper(data.sources)))
    return {"broken": values["broken"], "html": fragment(page, "rules_graph.html", values)}


@post("/rules/graph.svg", status_code=200, guards=[needs("rules.read")])
async def picture(page: NamedDependency[Page], data: JSONBody[Beside]) -> Response[str]:
    """The picture of the text as typed, to keep; as `duly graph` draws it."""
    return await svg_of(page, proper(data.sources))


async def svg_of(page: Page, sources: dict[str, str]) -> Response[str]:
    built = await page.services.built(sources)
    if built.program is None:
        return Response("", status_code=409, media_type="text/plain")
    headers = {"content-disposition": 'attachment; filename="rules.svg"', "content-security-policy": "sandbox"}
    return Response(svg.draw(graphs(built.program), page.language), media_type="image/svg+xml", headers=headers)


HANDLERS = (graph, picture)
