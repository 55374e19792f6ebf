"""Everything that can be set from outside, in one place. Every variable here stands in docs/settings.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class SettingsError(ValueError):
    """A setting can't be used; the message names the variable and says what it takes."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one process of Duly runs. The defaults are the embedded one: SQLite and an in-process worker."""

    data: Path
    """DULY_DATA: folder of the database and the secrets; `.duly` in the workspace by default."""
    workspace: Path | None = None
    """The folder of `.duly` files this server starts from."""
    database_url: str
    """DULY_DATABASE_URL: `sqlite:///PATH` or `postgresql://…`."""
    broker_url: str = "memory://"
    """DULY_BROKER_URL: `memory://`, `redis://…` or `amqp://…`."""
    host: str = "127.0.0.1"
    """DULY_HOST."""
    port: int = 8000
    """DULY_PORT; 0 takes a free one."""
    base_url: str = ""
    """DULY_BASE_URL: how people reach this server, for links in notices; from host and port where empty."""
    speed: float = 1.0
    """DULY_SPEED: how many times faster the one Clock runs (demos and tests)."""
    allow_private_addresses: bool = False
    """DULY_ALLOW_PRIVATE_ADDRESSES=1: connectors may call hosts on private networks."""
    roles: frozenset[str] = frozenset({"web", "worker", "scheduler"})
    """Which parts run in this process."""

    @property
    def embedded(self) -> bool:
        """One process holds everything."""
        return self.broker_url.startswith("memory")


def load(
    workspace: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    data: Path | None = None,
    **given: str | int | float | bool | frozenset[str] | None,
) -> Settings:
    """Settings from the environment; `given` (command-line options, None where not given) beats it.

    Raises SettingsError for a value that can't be used.
    """
    folder = data or Path(environ.get("DULY_DATA") or (workspace or Path.cwd()) / ".duly")
    values: dict[str, object] = {
        "data": folder,
        "workspace": workspace,
        "database_url": environ.get("DULY_DATABASE_URL") or f"sqlite:///{folder / 'duly.sqlite'}",
        "broker_url": environ.get("DULY_BROKER_URL") or "memory://",
        "host": environ.get("DULY_HOST") or "127.0.0.1",
        "port": _number(environ, "DULY_PORT", int, 8000),
        "base_url": (environ.get("DULY_BASE_URL") or "").rstrip("/"),
        "speed": _number(environ, "DULY_SPEED", float, 1.0),
        "allow_private_addresses": environ.get("DULY_ALLOW_PRIVATE_ADDRESSES", "") in ("1", "true", "yes"),
    }
    values.update({key: value for key, value in given.items() if value is not None})
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was made with its field's type above
    if settings.speed <= 0:
        raise SettingsError("DULY_SPEED must be above zero")
    if not settings.database_url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise SettingsError("DULY_DATABASE_URL must start with sqlite:/// or postgresql://")
    if not settings.broker_url.startswith(("memory", "redis://", "rediss://", "amqp://", "amqps://")):
        raise SettingsError("DULY_BROKER_URL must start with memory://, redis:// or amqp://")
    if settings.embedded and not settings.roles >= {"worker", "scheduler"}:
        raise SettingsError("separate processes need a broker between them: set DULY_BROKER_URL to redis:// or amqp://")
    return settings


def _number(environ: Mapping[str, str], name: str, kind: type, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not `{text}`") from None
