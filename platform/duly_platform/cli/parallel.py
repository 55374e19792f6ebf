"""Running tests in several processes. What comes out, and in which order, is the same as in one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from duly_dsl import syntax
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_runtime import scenario

LEAST_EACH = 50
"""`auto` starts no process for fewer tests: starting it would take longer than running them."""
SHARES = 4
"""Each process gets its tests in about so many parts, so that all are done at about the same time."""


class Parts(NamedTuple):
    """All a runner is made of; goes to each process."""

    program: Program
    files: Sequence[syntax.File]
    sources: Sequence[SourceFile]
    language: str
    coverage: bool = False
    timer: Callable[[], float] | None = None
    """Seconds, where it is to be told how long each test took."""

    def runner(self) -> scenario.Runner:
        return scenario.Runner(self.program, self.files, self.sources, self.language, coverage=self.coverage)


def run(parts: Parts, tests: Sequence[syntax.Test], jobs: int, seen: list[scenario.Covered]) -> Iterator[scenario.Result]:
    """The results in the order of the tests, as they come. `jobs` 0: as many processes as cores. At the end `seen` holds
    what was covered, where that is asked for."""
    if jobs == 0:
        jobs = min(cores(), len(tests) // LEAST_EACH)
    if jobs <= 1 or len(tests) < 2:
        runner = parts.runner()
        for test in tests:
            yield _timed(runner, test, parts.timer)
        seen += runner.covered()
        return
    size = max(1, -(-len(tests) // (jobs * SHARES)))
    chunks = [tests[first : first + size] for first in range(0, len(tests), size)]
    from concurrent.futures import ProcessPoolExecutor  # late: it takes longer to load than most tests to run

    with ProcessPoolExecutor(min(jobs, len(chunks)), initializer=_begin, initargs=(parts,)) as pool:
        runs: list[Sequence[scenario.Covered]] = []
        for found, covered in pool.map(_run, chunks):
            yield from found
            runs.append(covered)
    seen += scenario.merged(*runs)


def cores() -> int:
    """Those this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_parts: Parts | None = None
_runner: scenario.Runner | None = None


def _begin(parts: Parts) -> None:
    global _parts, _runner
    _parts, _runner = parts, parts.runner()


def _run(tests: Sequence[syntax.Test]) -> tuple[list[scenario.Result], Sequence[scenario.Covered]]:
    """What a share of the tests gives, and of it what is covered."""
    assert _runner is not None and _parts is not None
    _runner.forget()
    return [_timed(_runner, test, _parts.timer) for test in tests], _runner.covered()


def _timed(runner: scenario.Runner, test: syntax.Test, timer: Callable[[], float] | None) -> scenario.Result:
    if timer is None:
        return runner.run(test)
    began = timer()
    result = runner.run(test)
    return replace(result, seconds=timer() - began)
