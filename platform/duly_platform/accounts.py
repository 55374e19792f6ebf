"""Who may come in: passwords, browser sessions, API tokens. Only hashes of secrets are stored."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import secrets

import argon2
import msgspec

from duly_dsl.i18n import marked as _
from duly_runtime.store.api import Missing, Store, Token, User
from duly_runtime.time import Clock

SESSION_LIFE = dt.timedelta(days=14)
MIN_PASSWORD = 10
"""Characters; said to people where it is asked for."""
SCOPES = ("read", "write", "publish", "admin")
FAILURES_ALLOWED = 8
"""Wrong passwords for one account within FAILURE_WINDOW before it has to wait."""
FAILURE_WINDOW = dt.timedelta(minutes=10)
HASHER = argon2.PasswordHasher()
"""At least what RFC 9106 recommends; tests, which make hundreds of accounts, take one that costs less."""


class AccountError(ValueError):
    """Something about an account can't be done; the message is for the person asking."""


class TooManyAttempts(AccountError):
    """The account has to wait before it is tried again."""


def digest(secret: str) -> str:
    """What is stored of a random secret. It has 256 bits of its own, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Accounts:
    """Sign-in and tokens over the store. Hashing a password takes tens of milliseconds, so it runs in a thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._hasher = HASHER
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._failures: dict[str, list[dt.datetime]] = {}

    async def needs_setup(self) -> bool:
        """No administrator who could sign in yet."""
        for user in await self._store.users():
            if user.role == "admin" and user.active and await self._store.password_hash(user.name):
                return False
        return True

    async def save(self, user: User, password: str | None = None) -> None:
        """Make or change an account; AccountError for a password too short."""
        if password is not None and len(password) < MIN_PASSWORD:
            raise AccountError(_("a password needs at least 10 characters"))
        hashed = None if password is None else await asyncio.to_thread(self._hasher.hash, password)
        await self._store.save_user(user, hashed)

    async def authenticate(self, name: str, password: str) -> User | None:
        """The user, or None. Takes as long for a name that doesn't exist; TooManyAttempts after many wrong ones."""
        now = self._clock.now()
        recent = [at for at in self._failures.get(name, []) if now - at < FAILURE_WINDOW]
        if len(recent) >= FAILURES_ALLOWED:
            raise TooManyAttempts("too many wrong passwords: wait ten minutes and try again")
        try:
            user = await self._store.user(name)
            stored = await self._store.password_hash(name)
        except Missing:
            user, stored = None, ""
        try:
            await asyncio.to_thread(self._hasher.verify, stored or self._nobody, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            user = None
        if user is None or not stored or not user.active:
            self._failures[name] = [*recent, now]
            return None
        self._failures.pop(name, None)
        return user

    async def open_session(self, user: User) -> str:
        """A new session's secret, for the cookie."""
        secret = secrets.token_urlsafe(32)
        now = self._clock.now()
        await self._store.open_session(digest(secret), user.name, now, now + SESSION_LIFE)
        return secret

    async def session_user(self, secret: str) -> User | None:
        return await self._store.session_user(digest(secret), self._clock.now())

    async def close_session(self, secret: str) -> None:
        await self._store.close_session(digest(secret))

    async def make_token(self, name: str, user: str, scopes: list[str], days: int | None) -> tuple[int, str]:
        """A new API token: its id and its secret, which can't be read again. AccountError for an unknown scope."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise AccountError(f"scopes are {', '.join(SCOPES)}; not `{', '.join(unknown)}`")
        secret = f"duly_{secrets.token_urlsafe(32)}"
        now = self._clock.now()
        expires = None if days is None else now + dt.timedelta(days=days)
        return await self._store.add_token(digest(secret), name, user, scopes, now, expires), secret

    async def token_user(self, secret: str) -> tuple[User, Token] | None:
        return await self._store.token(digest(secret), self._clock.now())


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: `scopes` limits a token, and is all of them for a browser session."""

    user: User
    scopes: frozenset[str] = frozenset(SCOPES)
    by_token: bool = False
