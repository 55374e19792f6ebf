"""The web hook a git host calls after a push. It is believed by its signature, and only says: look."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State

from duly_platform.api import problems
from duly_platform.api.problems import Problem
from duly_platform.secrets import SecretError

SECRET = "GIT_WEBHOOK"  # noqa: S105 - its name
PATH = "/api/v1/git/push"


def believed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """GitHub and its likes sign the body in `X-Hub-Signature-256`, Gitea and its likes in `X-Gitea-Signature`; GitLab sends
    the secret itself in `X-Gitlab-Token`. Header names are in lower case."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    for name, expected in (
        ("x-hub-signature-256", f"sha256={digest}"),
        ("x-gitea-signature", digest),
        ("x-forgejo-signature", digest),
        ("x-gitlab-token", secret),
    ):
        if name in headers:
            return hmac.compare_digest(headers[name].encode(), expected.encode())
    return False


def about(body: bytes) -> str:
    """The ref that was pushed; empty where the body does not say."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    ref = found.get("ref", "") if isinstance(found, dict) else ""
    return ref if isinstance(ref, str) else ""


@post(PATH, exception_handlers={Exception: problems.handle}, status_code=202, include_in_schema=False)
async def push(request: Request[Any, Any, State], state: State) -> Response[dict[str, object]]:
    """Signed with the secret `GIT_WEBHOOK` (`duly secret set GIT_WEBHOOK`). 202: the branch is looked at; 200: it is no
    push to the branch that is followed."""
    follower = state.desk.git
    if follower is None:
        raise Problem(404, "not-found", "this server follows no git repository: set DULY_GIT_REMOTE")
    try:
        secret = state.desk.secrets.get(SECRET)
    except SecretError:
        raise Problem(503, "unavailable", f"no secret to believe pushes by: run `duly secret set {SECRET}`") from None
    body = await request.body()
    if not believed(secret, {name.lower(): value for name, value in request.headers.items()}, body):
        raise Problem(401, "not-believed", "the signature is missing or wrong")
    ref = about(body)
    if ref and ref != f"refs/heads/{follower.branch}":
        return Response({"looking": False, "ref": ref}, status_code=200)
    follower.poke()
    return Response({"looking": True}, status_code=202)
