"""The secrets that rule files name but never hold: from the environment, else a file only its owner can read.

A secret is replaced without a gap by rotating it: the value before it counts beside the new one until a date, both for what
comes in (either opens the door) and for what goes out (signed with both). `set` replaces it at once, as one that has leaked
must be.
"""

from __future__ import annotations

import base64
import datetime as dt
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from duly_dsl import i18n
from duly_platform.settings import make_data_folder
from duly_runtime.time import monotonic

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

PREFIX = "DULY_SECRET_"
PREVIOUS = "DULY_PREVIOUS_SECRET_"
NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


OVERLAP = dt.timedelta(days=7)
"""How long the value before counts, where nobody says: enough for somebody at the other end to be back from a holiday."""
LOOK_SECONDS = 0.1
"""After so long at most a change that another process made counts; a flood of webhooks would ask for each body."""
KEY_BYTES = 32
"""Random bytes of a key we make: Standard Webhooks asks for 24 to 64."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that has taken the place of another not long ago."""

    value: str
    previous: str
    until: dt.datetime


class SecretError(ValueError):
    """A secret can't be stored or is not there; the message says what to do."""


class SecretStore:
    """`DULY_SECRET_NAME` in the environment beats the file, so that a container needs no file at all; there
    `DULY_PREVIOUS_SECRET_NAME` is the value before, for as long as it is set."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.path = folder / "secrets.json"
        self._environ = environ
        self._seen: tuple[int, int] | None = None
        self._look_at = 0.0
        self._values: dict[str, str | Rotated] = {}

    def get(self, name: str) -> str:
        """The secret; SecretError where there is none."""
        value = self._environ.get(f"{PREFIX}{name}") or _current(self._read().get(name, ""))
        if not value:
            raise SecretError(_("secret `{name}` is not stored: run `duly secret set {name}`").format(name=name))
        return value

    def previous(self, name: str, now: dt.datetime) -> str:
        """What the secret was before it was rotated, while that still counts; else empty."""
        if self._environ.get(f"{PREFIX}{name}"):
            return self._environ.get(f"{PREVIOUS}{name}", "")
        kept = self._read().get(name)
        return kept.previous if isinstance(kept, Rotated) and now <= kept.until else ""

    def names(self) -> frozenset[str]:
        named = {key.removeprefix(PREFIX) for key, value in self._environ.items() if key.startswith(PREFIX) and value}
        return frozenset(named | self._read().keys())

    def from_environment(self, name: str) -> bool:
        """It can't be changed here."""
        return bool(self._environ.get(f"{PREFIX}{name}"))

    def until(self, name: str, now: dt.datetime) -> dt.datetime | None:
        """How long the value before still counts, where one does and its end is known."""
        kept = self._read().get(name)
        return kept.until if isinstance(kept, Rotated) and self.previous(name, now) == kept.previous else None

    def set(self, name: str, value: str) -> None:
        """Store it, or replace it at once: the value before counts no more."""
        self._check(name, value)
        self._write({**self._look(), name: value})

    def rotate(self, name: str, value: str, until: dt.datetime) -> None:
        """Replace it; the value before counts as well until then. Of three the oldest is let go."""
        self._check(name, value)
        if self._environ.get(f"{PREFIX}{name}"):
            words = _("`{name}` comes from the environment: set {new} to the new value there, and {old} to the one before")
            raise SecretError(words.format(name=name, new=f"{PREFIX}{name}", old=f"{PREVIOUS}{name}"))
        kept = self._look()
        previous = self.get(name)
        if previous == value:
            raise SecretError(_("the new value of `{name}` is the one it has").format(name=name))
        self._write({**kept, name: Rotated(value=value, previous=previous, until=until)})

    def retire(self, name: str) -> None:
        """End a rotation now: only the new value counts."""
        values = self._look()
        kept = values.get(name)
        if not isinstance(kept, Rotated):
            raise SecretError(_("there is no earlier value of `{name}` to end").format(name=name))
        self._write({**values, name: kept.value})

    def remove(self, name: str) -> None:
        values = dict(self._look())
        if values.pop(name, None) is None:
            raise SecretError(_("secret `{name}` is not stored here").format(name=name))
        self._write(values)

    def ensure(self, name: str) -> str:
        """The secret, made at random where there was none (the key of our own cookies)."""
        if name not in self.names():
            self.set(name, secrets.token_urlsafe(32))
        return self.get(name)

    @staticmethod
    def _check(name: str, value: str) -> None:
        if not NAME.fullmatch(name):
            raise SecretError(
                _("`{name}` can't name a secret: use capital letters, digits and underscores").format(name=name)
            )
        if not value:
            raise SecretError(_("the value of `{name}` is empty").format(name=name))

    def _read(self) -> dict[str, str | Rotated]:
        now = monotonic()
        if now < self._look_at:
            return self._values
        values = self._look()
        self._look_at = now + LOOK_SECONDS
        return values

    def _look(self) -> dict[str, str | Rotated]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._values, self._seen = {}, None
            return self._values
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:  # another process (`duly secret set`) may write while we run
            self._values = msgspec.json.decode(self.path.read_bytes(), type=dict[str, str | Rotated])
            self._seen = seen
        return self._values

    def _write(self, values: Mapping[str, str | Rotated]) -> None:
        make_data_folder(self.path.parent)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent)  # made with mode 600
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(dict(sorted(values.items())))))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(self.path)
        self._look_at = 0.0


def _current(kept: str | Rotated) -> str:
    return kept.value if isinstance(kept, Rotated) else kept


def make_key() -> str:
    """A new key to sign with, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
