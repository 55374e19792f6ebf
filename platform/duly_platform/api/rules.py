"""Rules over the API: check, publish, versions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from duly_dsl.diagnostics import Diagnostic, Severity
from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_runtime.publishing import CHOICES
from duly_runtime.store.api import Missing, User, VersionRow


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Path -> text of every `.duly` file of a workspace."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files to publish. `open_cards` says what becomes of running clocks: `keep` or `recompute`. `base`, where given, is
    the version they were made from: another one live meanwhile is a conflict."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    open_cards: str = "keep"
    base: str = ""


class Problems(msgspec.Struct, frozen=True):
    """`sound` is true where nothing stands in the way of publishing."""

    sound: bool
    diagnostics: list[Diagnostic]


class Published(msgspec.Struct, frozen=True):
    version: str
    diagnostics: list[Diagnostic]


class VersionFiles(msgspec.Struct, frozen=True):
    version: str
    sources: dict[str, str]


def sound(diagnostics: list[Diagnostic]) -> bool:
    return not any(found.severity is Severity.ERROR for found in diagnostics)


@post("/check", guards=[needs("read", "rules.read")], status_code=200, summary="Every problem of these files")
async def check(state: State, data: JSONBody[Files]) -> Problems:
    found = await desk(state).check(data.sources)
    return Problems(sound(found), found)


@post("/publish", guards=[needs("publish", "rules.publish")], summary="Make these files the running version")
async def publish(request: Request[User, Any, State], state: State, data: JSONBody[Publication]) -> Published:
    if data.open_cards not in CHOICES:
        raise Problem(400, "invalid", f"`open_cards` is one of {', '.join(CHOICES)}")
    result = await desk(state).publish(data.sources, request.user.name, data.note, data.open_cards, data.base)
    if not result.hash:
        raise Problem(
            422,
            "broken-rules",
            "the files have errors: the running version stays",
            diagnostics=msgspec.to_builtins(list(result.diagnostics)),
        )
    return Published(result.hash, list(result.diagnostics))


@get("/versions", guards=[needs("read", "rules.read")], summary="Every version ever published, newest first")
async def versions(state: State) -> list[VersionRow]:
    return await desk(state).store.versions()


@get("/versions/{version:str}", guards=[needs("read", "rules.read")], summary="The files of a version")
async def version(state: State, version: FromPath[str]) -> VersionFiles:
    """`live` names the running one."""
    wanted = await desk(state).store.active_hash() if version == "live" else version
    if not wanted:
        raise Missing("nothing is published yet")
    found = await desk(state).store.version(wanted)
    return VersionFiles(found.hash, found.sources)


router = Router("/", tags=["rules"], route_handlers=[check, publish, versions, version])
