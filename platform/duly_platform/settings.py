"""Everything that can be set from outside, in one place. Every variable here stands in docs/settings.md."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from duly_dsl import i18n

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext
"""Who runs Duly reads these in the terminal's language."""


KEPT_DAYS = 90
"""A quarter of a year: long enough to look into what went wrong."""


class SettingsError(ValueError):
    """A setting can't be used; the message names the variable and says what it takes."""


class GitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A branch whose rule files this server follows."""

    remote: str
    """DULY_GIT_REMOTE: `https://…`, `ssh://…`, `git@host:path` or `file://…`."""
    folder: Path
    """Where the repository is kept: `git` in the data folder."""
    branch: str = "main"
    """DULY_GIT_BRANCH."""
    path: str = ""
    """DULY_GIT_PATH: the folder of the rule files in the repository."""
    publish: bool = False
    """DULY_GIT_MODE=publish: a sound commit becomes the running version; `plan`: it is planned and announced only."""
    open_cards: str = "from now on"
    """DULY_GIT_OPEN_CARDS."""
    poll_seconds: float = 300.0
    """DULY_GIT_POLL: seconds between looks nobody asked for; 0 waits for the web hook alone."""
    key: Path | None = None
    """DULY_GIT_KEY: file with the SSH key to read with."""


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
    lmtp: tuple[str, int] | None = None
    """DULY_LMTP: `host:port` on which mail servers may hand over mail; none where empty."""
    keep_requests: dt.timedelta | None = dt.timedelta(days=KEPT_DAYS)
    """DULY_KEEP_REQUESTS, in days: how long requests that were read are kept; None (0) for ever."""
    keep_attempts: dt.timedelta | None = dt.timedelta(days=KEPT_DAYS)
    """DULY_KEEP_ATTEMPTS, in days: how long the logs of deliveries that are done are kept; None (0) for ever."""
    git: GitSettings | None = None
    roles: frozenset[str] = frozenset({"web", "worker", "scheduler"})
    """Which parts run in this process."""

    @property
    def embedded(self) -> bool:
        """One process holds everything."""
        return self.broker_url.startswith("memory")


def make_data_folder(folder: Path) -> None:
    """Customers' data and secrets lie in it: it is its owner's alone, and a repository around it leaves it out."""
    new = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if (new or folder.name == ".duly") and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


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
        "git": _git(environ, folder),
        "lmtp": _address(environ, "DULY_LMTP"),
        "keep_requests": _days(environ, "DULY_KEEP_REQUESTS"),
        "keep_attempts": _days(environ, "DULY_KEEP_ATTEMPTS"),
        "allow_private_addresses": environ.get("DULY_ALLOW_PRIVATE_ADDRESSES", "") in ("1", "true", "yes"),
    }
    values.update({key: value for key, value in given.items() if value is not None})
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was made with its field's type above
    if settings.speed <= 0:
        raise SettingsError(_("DULY_SPEED must be above zero"))
    if not settings.database_url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise SettingsError(_("DULY_DATABASE_URL must start with sqlite:/// or postgresql://"))
    if not settings.broker_url.startswith(("memory", "redis://", "rediss://", "amqp://", "amqps://")):
        raise SettingsError(_("DULY_BROKER_URL must start with memory://, redis:// or amqp://"))
    if settings.embedded and not settings.roles >= {"worker", "scheduler"}:
        raise SettingsError(_("separate processes need a broker between them: set DULY_BROKER_URL to redis:// or amqp://"))
    return settings


def _address(environ: Mapping[str, str], name: str) -> tuple[str, int] | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(_("{name} must be host:port, like 127.0.0.1:2424, not `{text}`").format(name=name, text=text))
    return host.strip("[]"), int(port)


def _git(environ: Mapping[str, str], data: Path) -> GitSettings | None:
    remote = environ.get("DULY_GIT_REMOTE", "").strip()
    if not remote:
        return None
    secure = remote.startswith(("https://", "ssh://", "file://")) or re.match(r"\w[\w.-]*@[\w.-]+:", remote)
    if not secure:
        raise SettingsError(_("DULY_GIT_REMOTE must start with https://, ssh:// or file://, or be like git@host:path"))
    branch = environ.get("DULY_GIT_BRANCH") or "main"
    if not re.fullmatch(r"[\w][\w./-]*", branch) or ".." in branch:
        raise SettingsError(_("DULY_GIT_BRANCH must name a branch, not `{branch}`").format(branch=branch))
    path = (environ.get("DULY_GIT_PATH") or "").strip("/")
    if ".." in path.split("/") or ":" in path:
        raise SettingsError(_("DULY_GIT_PATH must be a folder inside the repository"))
    mode = environ.get("DULY_GIT_MODE") or "plan"
    if mode not in ("plan", "publish"):
        raise SettingsError(_("DULY_GIT_MODE must be plan or publish, not `{mode}`").format(mode=mode))
    open_cards = (environ.get("DULY_GIT_OPEN_CARDS") or "from now on").replace("-", " ")
    if open_cards not in ("from now on", "keep", "recompute"):
        raise SettingsError(
            _("DULY_GIT_OPEN_CARDS must be from-now-on, keep or recompute, not `{open_cards}`").format(
                open_cards=open_cards
            )
        )
    poll = _number(environ, "DULY_GIT_POLL", float, 300.0)
    if poll < 0:
        raise SettingsError(_("DULY_GIT_POLL must not be below zero"))
    key = environ.get("DULY_GIT_KEY")
    return GitSettings(
        remote=remote,
        folder=data / "git",
        branch=branch,
        path=path,
        publish=mode == "publish",
        open_cards=open_cards,
        poll_seconds=poll,
        key=Path(key) if key else None,
    )


def _days(environ: Mapping[str, str], name: str) -> dt.timedelta | None:
    days = _number(environ, name, int, KEPT_DAYS)
    if not 0 <= days <= 36500:
        raise SettingsError(_("{name} must be a number of days, 0 for ever, not `{text}`").format(name=name, text=days))
    return dt.timedelta(days=days) if days else None


def _number(environ: Mapping[str, str], name: str, kind: type, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(_("{name} must be a number, not `{text}`").format(name=name, text=text)) from None
