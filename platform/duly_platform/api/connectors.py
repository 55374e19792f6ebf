"""Connectors over the API: how each is, its checks, and a test message."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromQuery, JSONBody

from duly_admin_ui.services import Checked, ConnectorPage, MetaTemplates, Refused, Trial
from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_runtime.store.api import User
from duly_runtime.store.log_api import RequestFilter
from duly_runtime.store.sources_api import SourceRow

LANGUAGE = "en"
"""Programs read English, as in all of the API."""


class SecretState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: `stored`, `missing` or `environment`. The value is never told."""

    name: str
    use: str
    state: str


class ConnectorState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: `ok`, `bad`, or `unknown` (nothing was checked yet). `checked` is what the last checks found."""

    name: str
    kind: str
    direction: str
    pipeline: str
    state: str
    problem: str
    address: str
    guide: tuple[str, ...]
    secrets: tuple[SecretState, ...]
    sources: tuple[SourceRow, ...]
    """How what it fetches by itself goes: a mailbox each."""
    checked: Checked | None
    last_received_at: dt.datetime | None
    """Of what was kept; what was refused is not."""


class Connectors(msgspec.Struct, frozen=True, kw_only=True):
    """`plugin_problems`: plug-ins that could not be loaded, and why."""

    connectors: list[ConnectorState]
    plugin_problems: dict[str, str]


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connector: str


class TrialOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to` is an e-mail address, a phone number or what the connector takes; webhooks need none."""

    connector: str
    to: Annotated[str, msgspec.Meta(max_length=320)] = ""


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome`: `sent`, `failed`, `retry` (it did not arrive, and may later) or `unknown` (it may have arrived)."""

    outcome: str
    reason: str
    at: dt.datetime
    seconds: float
    answer: str


@get("/connectors", guards=[needs("read", "connectors.manage")], tags=["connectors"],
     summary="The connectors of the running rules, and how each is")  # fmt: skip
async def connectors(state: State) -> Connectors:
    pages = await desk(state).connectors.pages(LANGUAGE)
    last = {page.name: await desk(state).store.requests(RequestFilter(connector=page.name, limit=1)) for page in pages}
    found = [_state(page, next((each.received_at for each in last[page.name]), None)) for page in pages]
    return Connectors(connectors=found, plugin_problems=desk(state).connectors.plugin_problems())


@post("/connectors/check", guards=[needs("write", "connectors.manage")], status_code=200, tags=["connectors"],
      summary="Run a connector's checks")  # fmt: skip
async def check(state: State, data: JSONBody[Which]) -> Checked:
    return await desk(state).connectors.check(data.connector, LANGUAGE)


@post("/connectors/test", guards=[needs("write", "connectors.manage")], status_code=200, tags=["connectors"],
      summary="Send a test message")  # fmt: skip
async def try_out(request: Request[User, Any, State], state: State, data: JSONBody[TrialOf]) -> TrialResult:
    try:
        trial: Trial = await desk(state).connectors.try_out(data.connector, data.to, LANGUAGE, request.user.name)
    except Refused as error:
        raise Problem(422, "refused", str(error)) from error
    return TrialResult(outcome=trial.outcome, reason=trial.reason, at=trial.at, seconds=trial.seconds, answer=trial.answer)


@get("/connectors/templates", guards=[needs("read", "connectors.manage")], tags=["connectors"],
     summary="The templates of a connector's account at Meta")  # fmt: skip
async def meta_templates(state: State, connector: FromQuery[str]) -> MetaTemplates:
    """With what the rules want of each. 404 for a connector whose provider approves no templates."""
    found = (await desk(state).connectors.page(connector, LANGUAGE)).templates
    if found is None:
        raise Problem(404, "not-found", f"the connector `{connector}` has no templates to approve")
    return found


@post("/connectors/templates/sync", guards=[needs("write", "connectors.manage")], status_code=200, tags=["connectors"],
      summary="Read the templates at Meta now")  # fmt: skip
async def sync(state: State, data: JSONBody[Which]) -> MetaTemplates:
    """`error` says why they could not be read; what was known before stays."""
    try:
        await desk(state).connectors.sync(data.connector)
    except Refused as error:
        raise Problem(422, "refused", str(error)) from error
    return await meta_templates.fn(state, data.connector)


def _state(page: ConnectorPage, last: dt.datetime | None) -> ConnectorState:
    return ConnectorState(
        name=page.name,
        kind=page.kind,
        direction=page.direction,
        pipeline=page.pipeline,
        state=page.state,
        problem=page.problem,
        address=page.address,
        guide=page.guide,
        secrets=tuple(SecretState(name=each.name, use=each.use, state=each.state) for each in page.secrets),
        sources=page.sources,
        checked=page.checked,
        last_received_at=last,
    )


router = Router("/", route_handlers=[connectors, check, try_out, meta_templates, sync])
