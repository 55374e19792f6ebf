"""Errors of the API as problem details (RFC 9457): what is wrong, and what to do."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from duly_platform.accounts import AccountError
from duly_runtime.publishing import PlanChanged
from duly_runtime.store.api import Conflict, Missing, StoreUnavailable

log = structlog.get_logger()


MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer of the API that is not a success. `code` is stable, for programs; `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra

    @property
    def body(self) -> dict[str, object]:
        return {
            "type": f"urn:duly:problem:{self.code}",
            "status": self.status,
            "title": self.code.replace("-", " "),
            "detail": self.detail,
            **self.extra,
        }

    @property
    def headers(self) -> dict[str, str]:
        return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(self.status, {})


def told(error: Exception, path: str) -> Problem:
    """What was raised as a problem; an error of our own is logged and told without its insides."""
    match error:
        case Problem():
            return error
        case ValidationException():
            return Problem(400, "invalid", error.detail, errors=error.extra or [])
        case HTTPException():
            code = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed"}
            return Problem(error.status_code, code.get(error.status_code, "invalid"), error.detail)
        case Missing():
            return Problem(404, "not-found", str(error) or "there is no such thing")
        case PlanChanged():
            return Problem(409, "plan-changed", str(error), plan=msgspec.to_builtins(error.plan))
        case Conflict():
            return Problem(409, "conflict", str(error))
        case AccountError():
            return Problem(422, "refused", str(error))
        case StoreUnavailable():
            return Problem(503, "unavailable", "the database does not answer: nothing was changed, try again")
        case _:
            log.error("request failed", path=path, exc_info=error)
            return Problem(500, "internal", "this is our mistake: it was logged, try again or tell an administrator")


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, object]]:
    """The problem as the answer of a handler."""
    problem = told(error, request.url.path)
    return Response(problem.body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers)
