"""Accounts, tokens and the audit log over the API."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter

from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_platform.api.problems import Problem
from duly_runtime.permissions import ROLES
from duly_runtime.store.api import AuditRow, Token, User

USERS = [needs("admin", "users.manage")]
TOKENS = [needs("admin", "tokens.manage")]


class Me(msgspec.Struct, frozen=True):
    user: User


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    full_name: str = ""
    email: str = ""
    phone: str = ""
    role: str = "agent"
    language: str = ""
    active: bool = True
    password: str | None = None


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`days` null: it never expires."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    user: str = ""
    scopes: list[str]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = 90


class MadeToken(msgspec.Struct, frozen=True):
    """`secret` is shown this once."""

    id: int
    secret: str


@get("/me", guards=[needs("read", "cards.read")], tags=["accounts"], summary="Whom this token acts for")
async def me(request: Request[User, Any, State]) -> Me:
    return Me(request.user)


@get("/users", guards=USERS, tags=["accounts"], summary="Accounts")
async def users(state: State) -> list[User]:
    return await desk(state).store.users()


@put("/users/{name:str}", guards=USERS, tags=["accounts"], summary="Make or change an account")
async def save_user(request: Request[User, Any, State], state: State, name: FromPath[str], data: JSONBody[Account]) -> User:
    if data.role not in ROLES:
        raise Problem(400, "invalid", f"`role` is one of {', '.join(ROLES)}")
    fields = {field: getattr(data, field) for field in data.__struct_fields__ if field != "password"}
    user = User(name=name, **fields)
    await desk(state).accounts.save(user, data.password)
    details = {"role": data.role, "active": str(data.active)}
    await desk(state).store.audit(request.user.name, "user.saved", name, details, desk(state).now())
    return user


@get("/tokens", guards=TOKENS, tags=["accounts"], summary="API tokens, without their secrets")
async def tokens(state: State) -> list[Token]:
    return await desk(state).store.tokens()


@post("/tokens", guards=TOKENS, tags=["accounts"], summary="Make an API token")
async def make_token(request: Request[User, Any, State], state: State, data: JSONBody[NewToken]) -> MadeToken:
    owner = data.user or request.user.name
    await desk(state).store.user(owner)
    token_id, secret = await desk(state).accounts.make_token(data.name, owner, data.scopes, data.days)
    details = {"name": data.name, "scopes": " ".join(data.scopes)}
    await desk(state).store.audit(request.user.name, "token.made", owner, details, desk(state).now())
    return MadeToken(token_id, secret)


@delete("/tokens/{token_id:int}", guards=TOKENS, tags=["accounts"], summary="Remove an API token")
async def remove_token(request: Request[User, Any, State], state: State, token_id: FromPath[int]) -> None:
    await desk(state).store.remove_token(token_id)
    await desk(state).store.audit(request.user.name, "token.removed", str(token_id), {}, desk(state).now())


@get("/audit", guards=[needs("admin", "audit.read")], tags=["operations"], summary="The audit log, newest first")
async def audit(
    state: State,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1000)] = 200,
    before: Annotated[int, QueryParameter(name="before", ge=0, le=2**62)] = 0,
) -> list[AuditRow]:
    return await desk(state).store.audit_log(limit, before)


router = Router(
    "/",
    route_handlers=[me, users, save_user, tokens, make_token, remove_token, audit],
)
