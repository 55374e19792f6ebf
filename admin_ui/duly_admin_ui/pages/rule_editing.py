"""The form beside the rules: what it shows of the text as typed, and its changes as changes of that text."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page
from duly_admin_ui.pages.workbench import fragment
from duly_admin_ui.rule_files import place, proper
from duly_admin_ui.rule_forms import Form, form_of
from duly_dsl import edits
from duly_dsl.source import SourceFile


class At(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file, from 1, in the files as the editor holds them."""

    sources: dict[str, str]
    path: str
    line: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A change by the form, to the files as the editor holds them."""

    sources: dict[str, str]
    operation: edits.Operation
    was: str | None = None
    """What the form showed at the path: where the text says something else by now, nothing is changed."""


async def form_at(sources: dict[str, str], path: str, line: int) -> Form | None:
    if path not in sources:
        return None
    return await asyncio.to_thread(form_of, SourceFile(path, sources[path]), line)


async def changes(page: Page, sources: dict[str, str], operation: edits.Operation) -> tuple[edits.Edit, ...]:
    """edits.Refused where it can't be made."""
    files = [SourceFile(path, text) for path, text in sorted(sources.items())]
    return await asyncio.to_thread(edits.changes, files, operation, page.language)


def value_at(sources: dict[str, str], operation: edits.Operation) -> str:
    return edits.read([SourceFile(path, text) for path, text in sources.items()], operation.path, operation.file)


@post("/rules/form", status_code=200, guards=[needs("rules.read")])
async def form(page: NamedDependency[Page], data: JSONBody[At]) -> dict[str, Any]:
    values = {"form": await form_at(proper(data.sources), data.path, data.line), "work": None, "csrf": ""}
    return {"broken": 0, "html": fragment(page, "rules_form.html", values)}


@post("/rules/edit", status_code=200, guards=[needs("rules.edit")])
async def edit(page: NamedDependency[Page], data: JSONBody[Changed]) -> Response[dict[str, Any]]:
    """The changes of texts, or why there are none. Spans count lines and code points from 1, ends exclusive."""
    sources = proper(data.sources)
    try:
        if data.was is not None and data.was != value_at(sources, data.operation):
            told = page.gettext("the text has changed meanwhile, and so has the form. Try again.")
            return Response({"edits": [], "refused": told})
        made = await changes(page, sources, data.operation)
    except edits.Refused as error:
        return Response({"edits": [], "refused": str(error)})
    return Response({"edits": [{**place(each.span), "text": each.text} for each in made], "refused": ""})


HANDLERS = (form, edit)
