"""Rules over the API: check, plan, publish, versions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.meaning import Change
from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_platform.desk import Desk
from duly_runtime.publishing import CHOICES, DEFAULT
from duly_runtime.store.api import Missing, User, VersionRow


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Path -> text of every `.duly` file of a workspace."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files whose publishing is to be planned. `limit` is how many cards of each kind of effect are named."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]
    limit: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 50


class Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the files come from, as the sender says."""

    commit: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{7,64}$")]
    commit_author: Annotated[str, msgspec.Meta(max_length=300)] = ""
    branch: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files to publish. `open_cards` says what becomes of open cards: `from now on`, `keep` or `recompute`. `plan`, where
    given, is the id of the plan this publish is held to, and `base` the version the files were made from: where another one
    is live meanwhile, or the plan is not what would happen, nothing is published (409)."""

    sources: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=262_144)]], msgspec.Meta(min_length=1)]
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    open_cards: str = DEFAULT
    base: str = ""
    plan: str = ""
    origin: Commit | None = None


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


@post("/plan", guards=[needs("read", "rules.read")], status_code=200, summary="What publishing these files would do")
async def plan(request: Request[User, Any, State], state: State, data: JSONBody[Planned]) -> Response[Any]:
    """Changes by meaning, and the effect on open cards under each choice, each with the id to publish it by. Whoever
    accepts `application/x-ndjson` gets a line of progress for each few hundred cards, and the plan as the last line."""
    if "application/x-ndjson" not in request.headers.get("accept", ""):
        return Response(await desk(state).plan(data.sources, limit=data.limit))
    return Stream(_lines(desk(state), data), media_type="application/x-ndjson")


async def _lines(here: Desk, data: Planned) -> AsyncIterator[bytes]:
    told: asyncio.Queue[dict[str, int]] = asyncio.Queue()
    making = asyncio.create_task(
        here.plan(data.sources, limit=data.limit, progress=lambda done, of: told.put_nowait({"done": done, "of": of}))
    )
    try:
        while not making.done() or not told.empty():
            with contextlib.suppress(TimeoutError):
                yield msgspec.json.encode(await asyncio.wait_for(told.get(), 0.1)) + b"\n"
        yield msgspec.json.encode({"plan": await making}) + b"\n"
    finally:
        making.cancel()


@post("/publish", guards=[needs("publish", "rules.publish")], summary="Make these files the running version")
async def publish(request: Request[User, Any, State], state: State, data: JSONBody[Publication]) -> Published:
    if data.open_cards not in CHOICES:
        raise Problem(400, "invalid", f"`open_cards` is one of {', '.join(CHOICES)}")
    origin = msgspec.to_builtins(data.origin) if data.origin is not None else {}
    result = await desk(state).publish(
        data.sources,
        request.user.name,
        data.note,
        data.open_cards,
        data.base,
        plan=data.plan,
        details={"via": "api", **origin},
    )
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


@get(
    "/versions/{version:str}/changes",
    guards=[needs("read", "rules.read")],
    summary="What a version changed, by meaning",
)
async def changes(state: State, version: FromPath[str], since: FromQuery[str]) -> list[Change]:
    """Changes from the version `since` to this one; `live` names the running one in both places."""
    live = await desk(state).store.active_hash()
    before, after = (live if each == "live" else each for each in (since, version))
    return list(await desk(state).changes_between(before, after))


router = Router("/", tags=["rules"], route_handlers=[check, plan, publish, versions, version, changes])
