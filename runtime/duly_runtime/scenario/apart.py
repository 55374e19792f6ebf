"""Running tests in a process of their own, which can be ended at any moment: what a draft says may take for ever.

The parent (`run`) hands a pickled `Work` to the child's standard input; the child answers with one line of JSON for each
test, then one with what was covered. The child ends with its parent's interest: when the generator is closed, the time is
over, or the parent is gone (its pipe breaks).
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncGenerator, Sequence

import msgspec

from duly_dsl import syntax as s
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_runtime.scenario.coverage import Covered
from duly_runtime.scenario.run import Result, Runner

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line: the coverage of a large workspace is one."""


class Work(msgspec.Struct, frozen=True):
    """A workspace that compiled without errors, and the language failures are told in."""

    program: Program
    files: Sequence[s.File]
    sources: Sequence[SourceFile]
    language: str = "en"

    @property
    def tests(self) -> list[s.Test]:
        return [test for file in self.files for test in file.tests]


class Done(msgspec.Struct, frozen=True):
    """The end of a run; `complete` is False where the time was over first."""

    complete: bool
    covered: tuple[Covered, ...] = ()


class Lost(Exception):
    """The process ended by itself before the tests did; the message is the end of what it said."""


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says: a result, at the end what was covered."""

    result: Result | None = None
    covered: tuple[Covered, ...] | None = None


async def run(work: Work, seconds: float) -> AsyncGenerator[Result | Done, None]:
    """The results in the order of the tests, as they come, then Done. Whatever happens, the process has ended when the
    iteration has; close the generator (`contextlib.aclosing`) to end it early. Lost where it broke."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from duly_runtime.scenario.apart import child; child()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        limit=LONGEST_LINE,
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    over = asyncio.Event()
    limit = asyncio.get_running_loop().call_later(seconds, _end, process, over)
    feeding = asyncio.create_task(_feed(process.stdin, work))
    complaints = asyncio.create_task(process.stderr.read())
    try:
        while line := await process.stdout.readline():
            told = msgspec.json.decode(line, type=_Line)
            if told.result is not None:
                yield told.result
            elif told.covered is not None:
                yield Done(complete=True, covered=told.covered)
                return
        if not over.is_set():
            raise Lost((await complaints).decode(errors="replace")[-2000:])
        yield Done(complete=False)
    finally:
        limit.cancel()
        feeding.cancel()
        complaints.cancel()
        _end(process)
        await process.wait()


def _end(process: asyncio.subprocess.Process, over: asyncio.Event | None = None) -> None:
    if over is not None:
        over.set()
    if process.returncode is None:
        process.kill()


async def _feed(pipe: asyncio.StreamWriter, work: Work) -> None:
    try:
        pipe.write(await asyncio.to_thread(pickle.dumps, work))
        await pipe.drain()
        pipe.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the process is gone, which its output tells


def child() -> None:
    """The process's side."""
    work: Work = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - the parent wrote it
    runner = Runner(work.program, work.files, work.sources, work.language, coverage=True)
    for test in work.tests:
        _tell(_Line(result=runner.run(test)))
    _tell(_Line(covered=runner.covered()))


def _tell(line: _Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()
