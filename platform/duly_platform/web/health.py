"""Health: `/health/live` says the process answers, `/health` that it can do its work."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from duly_runtime.store.api import StoreUnavailable

STUCK_AFTER = 60.0
"""Seconds of real time without a scheduler's tick after which this process is not healthy."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """`scheduler_age` is seconds since the last tick, absent where this process has no scheduler."""

    status: str
    database: str
    version: str = ""
    scheduler_age: float | None = None


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    return {"status": "ok"}


@get("/health", include_in_schema=False)
async def ready(state: State) -> Response[Any]:
    """503 where the database does not answer or the scheduler is stuck."""
    age = state.desk.node.scheduler_age()
    database = "ok"
    version = ""
    try:
        await state.desk.store.ping()
        version = await state.desk.store.active_hash()
    except (StoreUnavailable, OSError):
        database = "unreachable"
    stuck = age is not None and age > STUCK_AFTER
    healthy = database == "ok" and not stuck
    body = Health("ok" if healthy else "stuck" if stuck else "degraded", database, version, age)
    return Response(body, status_code=200 if healthy else 503)
