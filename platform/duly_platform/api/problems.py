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


class Problem(Exception):
    """An answer of the API that is not a success. `code` is stable, for programs; `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


def answer(status: int, code: str, detail: str, **extra: object) -> Response[dict[str, object]]:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "5"
    body = {"type": f"urn:duly:problem:{code}", "status": status, "title": code.replace("-", " "), "detail": detail}
    return Response({**body, **extra}, status_code=status, media_type="application/problem+json", headers=headers)


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, object]]:
    """Turn what a handler raised into a problem; an error of our own is logged and told without its insides."""
    match error:
        case Problem():
            return answer(error.status, error.code, error.detail, **error.extra)
        case ValidationException():
            return answer(400, "invalid", error.detail, errors=error.extra or [])
        case HTTPException():
            code = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed"}
            return answer(error.status_code, code.get(error.status_code, "invalid"), error.detail)
        case Missing():
            return answer(404, "not-found", str(error) or "there is no such thing")
        case PlanChanged():
            return answer(409, "plan-changed", str(error), plan=msgspec.to_builtins(error.plan))
        case Conflict():
            return answer(409, "conflict", str(error))
        case AccountError():
            return answer(422, "refused", str(error))
        case StoreUnavailable():
            return answer(503, "unavailable", "the database does not answer: nothing was changed, try again")
        case _:
            log.error("request failed", path=request.url.path, exc_info=error)
            return answer(500, "internal", "this is our mistake: it was logged, try again or tell an administrator")
