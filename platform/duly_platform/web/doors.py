"""The doors: whatever comes in under /in/ goes, raw, to the connector whose path it is."""

from __future__ import annotations

from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.datastructures import State
from litestar.params import FromPath

from duly_platform.api.problems import Problem
from duly_runtime.doors import Answer, Raw, Refused

CODES = {400: "malformed", 401: "not-believed", 404: "not-found", 413: "too-large", 503: "unavailable"}


@route(
    "/in/{rest:path}",
    http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT],
    include_in_schema=False,
    request_max_body_size=26 * 1024 * 1024,  # mail; what a connector takes of others, it says itself
)
async def door(request: Request[Any, Any, State], state: State, rest: FromPath[str]) -> Response[Any]:
    """2xx only once the events are safe in the database; 503 where they could not be written, so the sender tries again."""
    raw = Raw(
        method=request.method,
        path="/in/" + rest.strip("/"),
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
        received_at=state.desk.now(),
    )
    try:
        taken = await state.desk.receive(raw)
    except Refused as refused:
        raise Problem(refused.status, CODES.get(refused.status, "refused"), refused.reason) from None
    if isinstance(taken, Answer):
        return Response(taken.body, status_code=taken.status, media_type=taken.content_type)
    told = {"accepted": len(taken.event_ids), "duplicates": taken.duplicates, "parked": taken.parked}
    return Response(told, status_code=200)
