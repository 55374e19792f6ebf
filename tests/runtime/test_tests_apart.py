"""Tests of a draft in a process of their own: the same results, and an end at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.source import SourceFile
from duly_runtime.scenario import Result, Runner, apart

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"


def work(extra: str = "") -> apart.Work:
    sources = [*workspace.load([EXAMPLE]), SourceFile("more.duly", extra)]
    built = build(sources)
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    return apart.Work(built.program, built.files, sources)


async def all_of(given: apart.Work, seconds: float) -> list[Result | apart.Done]:
    return [each async for each in apart.run(given, seconds)]


def test_results_and_coverage_are_those_of_this_process() -> None:
    given = work()
    *results, done = asyncio.run(all_of(given, 300))
    runner = Runner(given.program, given.files, given.sources, coverage=True)
    assert results == [runner.run(test) for test in given.tests]
    assert isinstance(done, apart.Done)
    assert done.complete
    assert done.covered == runner.covered()


def test_a_run_ends_when_its_time_is_over() -> None:
    assert asyncio.run(all_of(work(), 0)) == [apart.Done(complete=False)]


def test_whoever_stops_listening_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def remember(*args: object, **options: object) -> asyncio.subprocess.Process:
        process = await create(*args, **options)  # type: ignore[arg-type]
        started.append(process)
        return process

    async def first() -> None:
        async with contextlib.aclosing(apart.run(work(), 300)) as found:
            async for _each in found:
                return

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    asyncio.run(first())
    assert [process.returncode is None for process in started] == [False]
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


def test_a_process_that_breaks_says_why() -> None:
    given = work()
    broken = apart.Work(given.program, given.files, given.sources, language=None)  # type: ignore[arg-type]
    with pytest.raises(apart.Lost, match="Traceback"):
        asyncio.run(all_of(broken, 300))
