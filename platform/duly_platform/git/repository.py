"""One branch of a remote, fetched with the `git` command into a bare repository of ours.

Nothing is checked out and no hook, configuration or credential of this machine takes part. Only the protocol of the remote
is allowed. Secrets reach git by its environment, never by its arguments, which other users of the machine could read.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shlex
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from duly_dsl.parser import MOST_BYTES
from duly_dsl.workspace import SUFFIX

FETCH_SECONDS = 120.0
READ_SECONDS = 30.0
MOST_FILES = 1000
MOST_OUTPUT = 16 * 1024 * 1024
"""Bytes taken from one command."""
REF = "refs/duly/followed"


class GitError(Exception):
    """The repository can't be read; the message says why, without secrets."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """`files` are the rule files below the followed folder, by their path in it."""

    hash: str
    author: str
    subject: str
    files: dict[str, str]


def protocol(remote: str) -> str:
    """`https`, `ssh` or `file`; ValueError for anything else."""
    scheme = urlsplit(remote).scheme
    if not scheme and ":" in remote and not remote.startswith(("/", "-", ".")):
        scheme = "ssh"  # git@host:path
    if scheme not in ("https", "ssh", "file"):
        raise ValueError(remote)
    return scheme


def shown(remote: str) -> str:
    """The remote without a password somebody wrote into it."""
    parts = urlsplit(remote)
    if not parts.scheme or "@" not in parts.netloc:
        return remote
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Repository:
    def __init__(
        self, folder: Path, remote: str, branch: str, path: str = "", *, key: Path | None = None, token: Callable[[], str]
    ) -> None:
        """`folder` is ours alone. `key` is a file with an SSH key; `token` gives what HTTPS is asked with, or an empty
        text."""
        self.remote = remote
        self.branch = branch
        self._folder = folder
        self._path = path.strip("/")
        self._key = key
        self._token = token

    async def fetch(self) -> str:
        """Bring the branch's last commit here; its hash. GitError where that can't be done."""
        if not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            await self._git("init", "--quiet", "--bare", "--template=", seconds=READ_SECONDS)
        source = f"refs/heads/{self.branch}"
        await self._git(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force", "--end-of-options",
            self.remote, f"+{source}:{REF}", seconds=FETCH_SECONDS,
        )  # fmt: skip
        return (await self._git("rev-parse", "--verify", f"{REF}^{{commit}}")).decode().strip()

    async def read(self, commit: str) -> Commit:
        """The commit and its rule files. GitError where there is none, or more than a workspace may have."""
        told = (await self._git("log", "-1", "--format=%an <%ae>%n%s", commit)).decode("utf-8", "replace")
        author, _, subject = told.strip("\n").partition("\n")
        tree = f"{commit}:{self._path}" if self._path else commit
        try:
            listed = await self._git("ls-tree", "-r", "-z", "-l", tree)
        except GitError:
            raise GitError(f"there is no folder `{self._path}` in commit {commit[:12]}") from None
        files: dict[str, str] = {}
        for entry in listed.decode("utf-8", "replace").split("\0"):
            about, _, name = entry.partition("\t")
            if not name.endswith(SUFFIX) or any(part.startswith(".") for part in name.split("/")):
                continue
            mode, kind, blob, size = about.split()
            if kind != "blob" or mode == "120000":  # a link leads who knows where
                continue
            if int(size) > MOST_BYTES:
                raise GitError(f"`{name}` is too large to be a rule file")
            if len(files) == MOST_FILES:
                raise GitError(f"there are more than {MOST_FILES} rule files")
            files[name] = (await self._git("cat-file", "blob", blob)).decode("utf-8", "replace")
        if not files:
            raise GitError(f"there are no {SUFFIX} files in commit {commit[:12]}")
        return Commit(hash=commit, author=author, subject=subject, files=files)

    def _environment(self) -> dict[str, str]:
        ssh = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "-o", "ConnectTimeout=20"]
        if self._key is not None:
            ssh += ["-i", str(self._key), "-o", "IdentitiesOnly=yes"]
        allowed = protocol(self.remote)
        config = {
            "core.hooksPath": os.devnull,
            "core.askPass": "",
            "credential.helper": "",
            "fetch.fsckObjects": "true",
            "gc.auto": "0",
            "protocol.allow": "never",
            f"protocol.{allowed}.allow": "always",
            "http.followRedirects": "initial",
            "safe.bareRepository": "all",
            "safe.directory": "*",
        }
        token = self._token() if allowed == "https" else ""
        if token:
            secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            config["http.extraHeader"] = f"Authorization: Basic {secret}"
        numbered = {
            part: text
            for place, (name, value) in enumerate(config.items())
            for part, text in ((f"GIT_CONFIG_KEY_{place}", name), (f"GIT_CONFIG_VALUE_{place}", value))
        }
        passed = (
            "PATH",
            "HOME",
            "SSH_AUTH_SOCK",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "https_proxy",
            "HTTPS_PROXY",
            "no_proxy",
        )
        return {
            **{name: os.environ[name] for name in passed if name in os.environ},
            **numbered,
            "GIT_CONFIG_COUNT": str(len(config)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": allowed,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": shlex.join(ssh),
            "LC_ALL": "C",
        }

    async def _git(self, *arguments: str, seconds: float = READ_SECONDS) -> bytes:
        program = shutil.which("git")
        if program is None:
            raise GitError("git is not installed on this server")
        process = await asyncio.create_subprocess_exec(
            program,
            "--git-dir",
            str(self._folder),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), seconds)
        except TimeoutError:
            raise GitError(f"{shown(self.remote)} did not answer within {seconds:.0f} seconds") from None
        finally:
            if process.returncode is None:  # with the helpers it started
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise GitError(self._reason(err.decode("utf-8", "replace")))
        if len(out) > MOST_OUTPUT:
            raise GitError("the repository has more to say than a workspace can hold")
        return out

    def _reason(self, told: str) -> str:
        lines = [line.strip() for line in told.replace(self.remote, shown(self.remote)).splitlines() if line.strip()]
        fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
        return (fatal or lines or ["git failed"])[0][:300]
