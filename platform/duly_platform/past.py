"""Where a backtest gets the past and the rules of then: this machine's database, a server, a saved journal, git."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import httpx
import msgspec

from duly_dsl import i18n, workspace
from duly_platform.cli import revisions
from duly_platform.settings import Settings
from duly_runtime.backtest import lines
from duly_runtime.store.api import Missing, Store
from duly_runtime.store.database import open_store

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

PAGE = 2000
"""Events read from a database at once."""
LONGEST_LINE = 4 * 2**20
"""Bytes of a line in a journal: a message has 100,000 characters at most."""


class PastError(Exception):
    """The past, or the rules of then, can't be read; the message is for the person at the terminal."""


class Source(abc.ABC):
    """Lines in the order of the journal, and the versions that were live (none where it knows of none)."""

    @abc.abstractmethod
    def lines(self) -> Iterator[bytes]: ...

    def total(self) -> int:
        """About how many lines there are; 0 where that is not known."""
        return 0

    def version(self, name: str) -> dict[str, str] | None:
        """The files of a version by the start of its hash, or of the one now `live`; None where there is none such."""
        return None

    def close(self) -> None:  # noqa: B027 - a file needs nothing
        """Let go of what it reads from."""


def named(name: str, hashes: list[str]) -> str | None:
    """The one hash that begins with `name`."""
    found = [known for known in hashes if known.startswith(name)] if re.fullmatch("[0-9a-f]{7,64}", name) else []
    return found[0] if len(found) == 1 else None


class Database(Source):
    """The database of a workspace on this machine."""

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            raise PastError(
                _("there is no database at `{url}`; name another source: --server, --journal or --log").format(url=url)
            )
        self._runner = asyncio.Runner()
        self._store: Store = open_store(url)
        self._runner.run(self._store.start())

    def close(self) -> None:
        self._runner.run(self._store.stop())
        self._runner.close()

    def total(self) -> int:
        return self._runner.run(self._store.past_count(lines.LEFT_OUT))

    def lines(self) -> Iterator[bytes]:
        after = 0
        while page := self._runner.run(self._store.past_events(after, PAGE, lines.LEFT_OUT)):
            after = page[-1].id
            yield from map(lines.of_past, page)

    def version(self, name: str) -> dict[str, str] | None:
        return self._runner.run(self._version(name))

    async def _version(self, name: str) -> dict[str, str] | None:
        if name == "live":
            live = await self._store.active_version()
            return live.sources if live else None
        wanted = named(name, [row.hash for row in await self._store.versions()])
        try:
            return (await self._store.version(wanted)).sources if wanted else None
        except Missing:
            return None


class Server(Source):
    """A Duly server, by its API. Without `texts`, what people wrote stays there."""

    def __init__(self, url: str, token: str, *, texts: bool, transport: httpx.BaseTransport | None = None) -> None:
        self._texts = texts
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(30),
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def lines(self) -> Iterator[bytes]:
        parameters = {"texts": "true" if self._texts else "false"}
        try:
            with self._client.stream("GET", "/journal", params=parameters) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise PastError(self._refusal(answer))
                rest = b""
                for chunk in answer.iter_bytes():
                    *whole, rest = (rest + chunk).split(b"\n")
                    if len(rest) > LONGEST_LINE:
                        raise PastError(_("the server's answer is no journal"))
                    yield from whole
                if rest:
                    raise PastError(_("the server's answer was cut off; try again"))
        except httpx.HTTPError as error:
            raise PastError(self._unreachable(error)) from None

    def version(self, name: str) -> dict[str, str] | None:
        try:
            if name != "live":
                answer = self._client.get("/versions")
                if answer.status_code != 200:
                    raise PastError(self._refusal(answer))
                name = named(name, [row["hash"] for row in answer.json()]) or ""
                if not name:
                    return None
            answer = self._client.get(f"/versions/{name}")
        except httpx.HTTPError as error:
            raise PastError(self._unreachable(error)) from None
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise PastError(self._refusal(answer))
        return cast(dict[str, str], answer.json()["sources"])

    def _refusal(self, answer: httpx.Response) -> str:
        try:
            reason = str(answer.json().get("detail") or answer.status_code)
        except ValueError:
            reason = str(answer.status_code)
        return _("{url} refuses: {reason}").format(url=self._client.base_url, reason=reason)

    def _unreachable(self, error: httpx.HTTPError) -> str:
        return _("{url} can't be reached: {reason}").format(url=self._client.base_url, reason=error)


class Journal(Source):
    """A journal that was saved, as the server streams it; may be gzipped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> Iterator[bytes]:
        with opened(self._path) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                line = line.rstrip(b"\r\n")
                if not line:
                    continue
                try:
                    lines.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise PastError(
                        _("{path}, line {line}: this is no line of a journal ({reason})").format(
                            path=self._path, line=number, reason=error
                        )
                    ) from None
                yield line


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file, unpacked where it is gzipped (told by its first bytes); PastError where it can't be read."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"  # a pipe can't go back
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
    except (EOFError, gzip.BadGzipFile) as error:
        raise PastError(_("`{path}` can't be unpacked: {reason}").format(path=path, reason=error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PastError(_("`{path}` can't be read: {reason}").format(path=path, reason=reason)) from None


def files_of(name: str, folder: Path, source: Source) -> dict[str, str]:
    """The files that `--against NAME` means: `live`, a version, a folder, or a git revision of `folder`."""
    known = source.version(name)
    if known is not None:
        return known
    if name == "live":
        raise PastError(_("nothing is published there: say what to compare with, --against VERSION, FOLDER or REVISION"))
    if Path(name).is_dir():
        return {file.path: file.text for file in workspace.load([Path(name)])}
    try:
        found = revisions.files(folder, name)
    except revisions.GitError as error:
        raise PastError(
            _("`{name}` is no version, no folder, and no git revision: {reason}").format(name=name, reason=error)
        ) from None
    if not found:
        raise PastError(_("the revision `{name}` has no .duly files in `{folder}`").format(name=name, folder=folder))
    return {file.path: file.text for file in found}
