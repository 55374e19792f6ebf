"""The secrets that rule files name but never hold: from the environment, else a file only its owner can read."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from duly_dsl import i18n
from duly_platform.settings import make_data_folder

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class SecretError(ValueError):
    """A secret can't be stored or is not there; the message says what to do."""


class SecretStore:
    """`DULY_SECRET_NAME` in the environment beats the file, so that a container needs no file at all."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.path = folder / "secrets.json"
        self._environ = environ
        self._seen: tuple[int, int] | None = None
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str:
        """The secret; SecretError where there is none."""
        value = self._environ.get(f"DULY_SECRET_{name}") or self._read().get(name)
        if not value:
            raise SecretError(_("secret `{name}` is not stored: run `duly secret set {name}`").format(name=name))
        return value

    def names(self) -> frozenset[str]:
        prefix = "DULY_SECRET_"
        named = {key.removeprefix(prefix) for key, value in self._environ.items() if key.startswith(prefix) and value}
        return frozenset(named | self._read().keys())

    def set(self, name: str, value: str) -> None:
        if not NAME.fullmatch(name):
            raise SecretError(
                _("`{name}` can't name a secret: use capital letters, digits and underscores").format(name=name)
            )
        if not value:
            raise SecretError(_("the value of `{name}` is empty").format(name=name))
        self._write({**self._read(), name: value})

    def remove(self, name: str) -> None:
        values = dict(self._read())
        if values.pop(name, None) is None:
            raise SecretError(_("secret `{name}` is not stored here").format(name=name))
        self._write(values)

    def ensure(self, name: str) -> str:
        """The secret, made at random where there was none (the key of our own cookies)."""
        if name not in self.names():
            self.set(name, secrets.token_urlsafe(32))
        return self.get(name)

    def _read(self) -> dict[str, str]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return {}
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:  # another process (`duly secret set`) may write while we run
            self._values = msgspec.json.decode(self.path.read_bytes(), type=dict[str, str])
            self._seen = seen
        return self._values

    def _write(self, values: Mapping[str, str]) -> None:
        make_data_folder(self.path.parent)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent)  # made with mode 600
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(dict(sorted(values.items())))))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(self.path)
