"""Duly as its users run it: real processes on real services, which tests may kill."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
import redis

from duly_runtime.store.database import open_store
from duly_runtime.time import SystemClock, shared_since
from support.databases import POSTGRES, postgres_database
from support.services import need

ROOT = Path(__file__).parents[2]
WORKSPACE = Path(__file__).parent / "workspace"
REDIS = os.environ.get("DULY_TEST_REDIS_URL", "redis://127.0.0.1:6379/11")
COMPONENTS = ("dsl", "runtime", "connectors", "admin_ui", "platform")
Found = TypeVar("Found")
SPEED = 600.0
"""Ten minutes of Duly's clock a second."""
EMBEDDED = {"serve": ()}
SPREAD = {"serve": ("--web-only",), "worker": (), "scheduler": ()}


class Process:
    """One `duly` command; what it prints is kept."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._running: subprocess.Popen[str] | None = None
        self.starts = 0

    def start(self) -> None:
        """Start, and return when it says that it runs."""
        self.starts += 1
        errors = self._log.open("a")
        self._running = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=self._log.parent
        )
        errors.close()
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self._running, ready), daemon=True).start()
        if not ready.wait(60) or self._running.poll() is not None:
            raise AssertionError(f"duly {self.name} did not start:\n{self._log.read_text()[-4000:]}")

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self._log.open("a") as log:
                    log.write(line)
                if re.search(r"at http://|is running", line):
                    ready.set()
        ready.set()  # it ended

    def kill(self) -> None:
        assert self._running is not None
        self._running.send_signal(signal.SIGKILL)
        self._running.wait(30)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM; its exit code. Fails where it does not end in time."""
        if self._running is None:
            return 0
        if self._running.poll() is None:
            self._running.terminate()
        try:
            return self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait(30)
            raise AssertionError(f"duly {self.name} did not stop within {seconds} s of SIGTERM") from None


class Duly:
    """An installation: its processes, its address, its clock and its database. `secrets` are those its files name,
    `variables` more of its environment."""

    def __init__(
        self,
        folder: Path,
        secrets: Mapping[str, str],
        database_url: str,
        broker_url: str,
        parts: dict[str, tuple[str, ...]],
        *,
        rules: Path = WORKSPACE,
        variables: Mapping[str, str] | None = None,
    ):
        self.folder = folder
        self.database_url = database_url
        workspace = folder / "workspace"
        shutil.copytree(rules, workspace)
        self.data = folder / "data"
        self.data.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("DULY_")}
        environment = {
            **inherited,
            "PYTHONPATH": os.pathsep.join(
                str(ROOT / name) for name in ("dsl", "runtime", "connectors", "admin_ui", "platform")
            ),
            "PYTHONUNBUFFERED": "1",
            "DULY_LANGUAGE": "en",
            "DULY_DATA": str(self.data),
            "DULY_DATABASE_URL": database_url,
            "DULY_BROKER_URL": broker_url,
            "DULY_PORT": str(port),
            "DULY_BASE_URL": self.url,
            "DULY_SPEED": str(SPEED),
            "DULY_ALLOW_PRIVATE_ADDRESSES": "1",
            **{f"DULY_SECRET_{name}": value for name, value in secrets.items()},
            **(variables or {}),
        }
        self.processes = {
            name: Process(
                name,
                [sys.executable, "-m", "duly_platform", name, str(workspace), *options],
                environment,
                folder / f"{name}.log",
            )
            for name, options in parts.items()
        }
        self._clock: SystemClock | None = None
        self._client = httpx.Client(trust_env=False)

    def start(self) -> None:
        for process in self.processes.values():
            process.start()

    def stop(self) -> dict[str, int]:
        """Stop every process; their exit codes."""
        self._client.close()
        return {name: process.stop() for name, process in self.processes.items()}

    def now(self) -> dt.datetime:
        """The time on Duly's fast clock."""
        if self._clock is None:
            self._clock = SystemClock(SPEED, shared_since(self.data / "fast-clock"))
        return self._clock.now()

    def post(self, body: bytes, headers: dict[str, str], timeout: float = 10) -> httpx.Response:
        return self._client.post(f"{self.url}/in/whatsapp", content=body, headers=headers, timeout=timeout)

    @contextlib.asynccontextmanager
    async def store(self):
        """The installation's database, beside the processes that use it."""
        store = open_store(self.database_url)
        await store.start()
        try:
            yield store
        finally:
            await store.stop()

    def counts(self) -> dict[str, int]:
        async def read() -> dict[str, int]:
            async with self.store() as store:
                return await store.counts()

        return asyncio.run(read())


def until(condition: Callable[[], Found], seconds: float, what: str, pause: float = 0.05) -> Found:
    """What `condition` gives as soon as that is true, looking each `pause` seconds; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


@contextlib.contextmanager
def installed(
    kind: str,
    folder: Path,
    secrets: Mapping[str, str],
    *,
    rules: Path = WORKSPACE,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Duly]:
    """A running installation: `embedded` is one process on SQLite, `spread` is three on PostgreSQL and Redis, `brokerless`
    three on SQLite whose broker is never there."""
    with contextlib.ExitStack() as stack:
        if kind == "embedded":
            database, broker, parts = f"sqlite:///{folder / 'duly.sqlite'}", "memory://", EMBEDDED
        elif kind == "brokerless":
            database, broker, parts = f"sqlite:///{folder / 'duly.sqlite'}", "redis://127.0.0.1:1/0", SPREAD
        else:
            need("PostgreSQL", POSTGRES)
            need("Redis", REDIS)
            redis.Redis.from_url(REDIS).flushdb()
            database, broker, parts = stack.enter_context(postgres_database()), REDIS, SPREAD
        duly = Duly(folder, secrets, database, broker, parts, rules=rules, variables=variables)
        stack.callback(duly.stop)
        duly.start()
        yield duly
