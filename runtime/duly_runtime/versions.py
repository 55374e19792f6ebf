"""Programs by their hash, ready to run: read once, kept while they are used."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from duly_dsl.program import Program
from duly_runtime.doors import Doors
from duly_runtime.engine.graph import Graph, load
from duly_runtime.engine.kept import Keeper
from duly_runtime.store.api import Missing, Store
from duly_runtime.time import monotonic

FRESH_SECONDS = 1.0
"""Real seconds for which most work takes another process's word on which version is live."""
KEPT = 8
"""Older versions kept in memory: deliveries render under the version that decided them."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The version that is live, and its graph."""

    program: Program
    graph: Graph

    @property
    def hash(self) -> str:
        return self.program.hash


class Versions:
    """Reads which version is live, and the rest only where that changed."""

    def __init__(self, store: Store, doors: Doors) -> None:
        self._store = store
        self._doors = doors
        self._live: Live | None = None
        self._read_at = -FRESH_SECONDS
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._lock = asyncio.Lock()
        self.keeper = Keeper()

    @property
    def recent(self) -> Live | None:
        """The live version where that was read less than FRESH_SECONDS ago: what `live` would very likely say."""
        return self._live if monotonic() - self._read_at < FRESH_SECONDS else None

    async def live(self) -> Live | None:
        """None before the first publish. The doors follow the version."""
        at = monotonic()
        wanted = await self._store.active_hash()
        if not wanted:
            return None
        if self._live is None or self._live.hash != wanted:
            async with self._lock:
                if self._live is None or self._live.hash != wanted:
                    program = await self.program(wanted)
                    graph = await asyncio.to_thread(load, program)
                    await self._doors.use(program)
                    self._live = Live(program=program, graph=graph)
        self._read_at = max(self._read_at, at)
        return self._live

    async def learn(self, versions: Iterable[str]) -> None:
        """Let the keeper know older versions; one that can't be read any more is stood in for by the live one."""
        for version in versions:
            try:
                self.keeper.learn(version, await self.program(version))
            except (Missing, msgspec.ValidationError, msgspec.DecodeError):
                self.keeper.learn(version, None)

    async def program(self, version: str) -> Program:
        """The program with this hash; store.api.Missing where there is none."""
        found = self._programs.get(version)
        if found is None:
            found = Program.decode((await self._store.version(version)).program)
            self._programs[version] = found
        self._programs.move_to_end(version)
        if len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        return found
