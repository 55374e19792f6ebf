"""People who sign in, their sessions, and API tokens. Secrets come here hashed. Each function is a unit of work."""

from __future__ import annotations

# Piccolo and asyncpg leave much of their typing open.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
import datetime as dt
from collections.abc import Sequence

import msgspec

from duly_runtime.store import api, unit
from duly_runtime.store.api import Conflict, Missing
from duly_runtime.store.rows import json
from duly_runtime.store.tables import Person, Session
from duly_runtime.store.unit import Row

_scopes = msgspec.json.Decoder(tuple[str, ...])

USED_EVERY = dt.timedelta(minutes=1)
"""`last_used_at` is no finer than this: a token's every use is not a write."""


def _user(row: Row) -> api.User:
    return api.User(
        name=row["name"],
        full_name=row["full_name"],
        email=row["email"],
        phone=row["phone"],
        role=row["role"],
        language=row["language"],
        active=bool(row["active"]),
    )


async def users() -> list[api.User]:
    return [_user(row) for row in await Person.select().order_by(Person.name)]


async def user(name: str) -> api.User:
    return _user(await _person(name))


async def password_hash(name: str) -> str:
    return (await _person(name))["password_hash"]


async def _person(name: str) -> Row:
    row = await Person.select().where(Person.name == name).first()
    if row is None:
        raise Missing(f"there is no user {name}")
    return row


async def save_user(user: api.User, password: str | None) -> None:
    """`password` is its hash, None to keep the one there is."""
    # All admins are locked in one order, so that two of them can't demote each other at once.
    admins = await unit.fetch("SELECT name FROM person WHERE role = 'admin' AND active ORDER BY name" + unit.locked())
    if [row["name"] for row in admins] == [user.name] and not (user.role == "admin" and user.active):
        raise Conflict(f"{user.name} is the last active admin: make somebody else an admin first")
    row = {
        "name": user.name,
        "full_name": user.full_name,
        "email": user.email,
        "phone": user.phone,
        "role": user.role,
        "language": user.language,
        "active": user.active,
        "password_hash": password or "",
    }
    kept = [column for column in row if column != "name" and (column != "password_hash" or password is not None)]
    sets = ", ".join(f"{column} = excluded.{column}" for column in kept)
    await unit.insert("person", [row], f"ON CONFLICT (name) DO UPDATE SET {sets}")
    if not user.active:
        await Session.delete().where(Session.person == user.name)


async def open_session(token_hash: str, user: str, now: dt.datetime, expires_at: dt.datetime) -> None:
    await Session.delete().where(Session.expires_at <= now)
    row = {"token_hash": token_hash, "person": user, "created_at": now, "expires_at": expires_at}
    await unit.insert("session", [row], "ON CONFLICT (token_hash) DO NOTHING")


async def session_user(token_hash: str, now: dt.datetime) -> api.User | None:
    row = await unit.first(
        "SELECT p.* FROM session s JOIN person p ON p.name = s.person"
        " WHERE s.token_hash = ? AND s.expires_at > ? AND p.active",
        token_hash,
        now,
    )
    return _user(row) if row else None


async def close_session(token_hash: str) -> None:
    await Session.delete().where(Session.token_hash == token_hash)


async def add_token(
    secret_hash: str, name: str, user: str, scopes: Sequence[str], now: dt.datetime, expires_at: dt.datetime | None
) -> int:
    row = {
        "secret_hash": secret_hash,
        "name": name,
        "person": user,
        "scopes": json(tuple(scopes)),
        "created_at": now,
        "expires_at": expires_at,
        "last_used_at": None,
    }
    new = await unit.insert("token", [row], "ON CONFLICT (secret_hash) DO NOTHING RETURNING id")
    new = new or await unit.fetch("SELECT id FROM token WHERE secret_hash = ?", secret_hash)
    return int(new[0]["id"])


async def token(secret_hash: str, now: dt.datetime) -> tuple[api.User, api.Token] | None:
    row = await unit.first(
        f"SELECT {_TOKEN}, p.full_name, p.email, p.phone, p.role, p.language, p.active"
        " FROM token t JOIN person p ON p.name = t.person"
        " WHERE t.secret_hash = ? AND p.active AND (t.expires_at IS NULL OR t.expires_at > ?)",
        secret_hash,
        now,
    )
    if row is None:
        return None
    return _user({**row, "name": row["person"]}), _token(row)


_TOKEN = "t.id, t.name, t.person, t.scopes, t.created_at, t.expires_at, t.last_used_at"  # noqa: S105


def _token(row: Row) -> api.Token:
    return api.Token(
        id=int(row["id"]),
        name=row["name"],
        user=row["person"],
        scopes=_scopes.decode(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )


async def used(token_id: int, now: dt.datetime) -> None:
    await unit.fetch("UPDATE token SET last_used_at = ? WHERE id = ?", now, token_id)


async def tokens() -> list[api.Token]:
    return [_token(row) for row in await unit.fetch(f"SELECT {_TOKEN} FROM token t ORDER BY t.id")]


async def remove_token(token_id: int) -> None:
    if not await unit.fetch("DELETE FROM token WHERE id = ? RETURNING id", token_id):
        raise Missing(f"there is no token {token_id}")
