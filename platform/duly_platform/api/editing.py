"""Changing rule files over the API: operations of forms, and the fixes of problems. Nothing is stored or published."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import msgspec
from litestar import Router, post
from litestar.datastructures import State
from litestar.params import JSONBody

from duly_dsl import edits, fixing
from duly_dsl.build import build
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.source import SourceFile
from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_platform.api.rules import Files


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change. `path` says what is meant, from the outside in: `pipeline "Support"/stage "New"/next`. `at` is a place
    among the statements of a block, from 0; `file` may be left out where one file only has what the path names."""

    op: Literal["set", "insert", "remove", "move", "rename"]
    path: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    value: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    at: Annotated[int, msgspec.Meta(ge=0)] | None = None
    file: str = ""


class Edits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files and what to do with them, in this order."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]
    operations: Annotated[list[Operation], msgspec.Meta(min_length=1, max_length=100)]


class Edited(msgspec.Struct, frozen=True):
    """The files that changed, and the changes of text each operation made."""

    sources: dict[str, str]
    edits: list[tuple[edits.Edit, ...]]


class Fixed(msgspec.Struct, frozen=True):
    """The files that changed, what was mended, and what is left."""

    sources: dict[str, str]
    made: list[fixing.Made]
    diagnostics: list[Diagnostic]


@post("/edit", guards=[needs("read", "rules.read")], status_code=200, summary="These files after the changes of a form")
async def edit(data: JSONBody[Edits]) -> Edited:
    """Only the bytes a change is about are touched; every comment stays."""
    return await asyncio.to_thread(_edited, data)


def _edited(data: Edits) -> Edited:
    files = {path: SourceFile(path, text) for path, text in data.sources.items()}
    made: list[tuple[edits.Edit, ...]] = []
    for number, each in enumerate(data.operations):
        operation = edits.Operation(each.op, each.path, each.value, each.at, each.file)
        try:
            found = edits.changes(list(files.values()), operation)
        except edits.Refused as refused:
            raise Problem(422, "refused", str(refused), operation=number) from None
        made.append(found)
        for path in {change.span.path for change in found}:
            text = edits.apply(files[path].text, [change for change in found if change.span.path == path])
            files[path] = SourceFile(path, text)
    return Edited({path: file.text for path, file in files.items() if file.text != data.sources[path]}, made)


@post("/fix", guards=[needs("read", "rules.read")], status_code=200, summary="These files after all sure fixes")
async def fix(state: State, data: JSONBody[Files]) -> Fixed:
    """Fixes that leave nothing to choose are made until there is none."""
    environment = await desk(state).environment(data.sources)
    files = [SourceFile(path, text) for path, text in sorted(data.sources.items())]
    done = await asyncio.to_thread(fixing.mend, files, lambda sources: build(sources, environment).diagnostics)
    changed = {source.path: source.text for source in done.sources if source.text != data.sources[source.path]}
    return Fixed(changed, list(done.made), list(done.left))


router = Router("/", tags=["rules"], route_handlers=[edit, fix])
