"""Several versions over one past, in this process or in several.

Cases are spread over processes where nothing a version decides depends on other cards. A version that deals cards in turn
or to whoever has least to do sees them all in one process, so that the numbers never depend on how many there are.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import multiprocessing
import signal
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TypeVar

import msgspec

from duly_dsl.program import Program
from duly_runtime.backtest import lines
from duly_runtime.backtest.outcomes import Key, Tally
from duly_runtime.backtest.replay import Replay, deals
from duly_runtime.engine.graph import load

BATCH = 200_000
"""Bytes sent to a process at once."""
TOLD_EVERY = 500
"""Lines between two calls of `progress`."""

Progress = Callable[[int, dt.datetime], None]
"""Gets the lines taken so far and the instant reached."""


class Result(msgspec.Struct, kw_only=True):
    """What came of one version. `events` and `timers` are steps of it."""

    tally: Tally
    events: int = 0
    timers: int = 0
    lost: Counter[str] = msgspec.field(default_factory=lambda: Counter[str]())
    end: dt.datetime | None = None
    """When the replay ended; None where there was nothing to replay and no end was asked for."""


class Failed(Exception):
    """A process of the backtest ended before its work did."""


class _Told(msgspec.Struct):
    """How a process hands over its result. `failure` is why there is none."""

    cells: list[tuple[Key, list[int]]] = []
    events: int = 0
    timers: int = 0
    lost: dict[str, int] = {}
    failure: str = ""


def run(
    programs: Sequence[Program],
    past: Iterable[bytes],
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Result]:
    """Replay encoded lines under each program. Outcomes count from `since`; time ends at `until`, or with the last line.

    msgspec.DecodeError for a line that is none.
    """
    counted = _Past(past, until, progress)
    if jobs <= 1:
        return _here(programs, counted, since, until)
    parts = [1 if deals(program) else max(1, jobs // len(programs)) for program in programs]
    return _there(programs, parts, counted, since, until)


Read = TypeVar("Read", lines.Line, lines.Heading)


class _Past:
    """Lines up to the end of the period; `last` is the instant of the last one."""

    def __init__(self, past: Iterable[bytes], until: dt.datetime | None, progress: Progress | None) -> None:
        self._past = past
        self._until = until
        self._progress = progress
        self.last: dt.datetime | None = None

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Each line with its case, still encoded."""
        for heading, line in self._up_to_the_end(lines.heading):
            yield heading.case, line

    def decoded(self) -> Iterator[lines.Line]:
        for line, _ in self._up_to_the_end(lines.decode):
            yield line

    def _up_to_the_end(self, read: Callable[[bytes], Read]) -> Iterator[tuple[Read, bytes]]:
        count = 0
        for count, data in enumerate(self._past, 1):
            line = read(data)
            if self._until is not None and line.now > self._until:
                break
            self.last = line.now if self.last is None or line.now > self.last else self.last
            yield line, data
            if self._progress is not None and count % TOLD_EVERY == 0:
                self._progress(count, line.now)
        if self._progress is not None and self.last is not None:
            self._progress(count, self.last)


def _here(programs: Sequence[Program], past: _Past, since: dt.datetime | None, until: dt.datetime | None) -> list[Result]:
    replays = [Replay(load(program), Tally(since, until)) for program in programs]
    with seldom_collected():
        for line in past.decoded():
            for replay in replays:
                replay.take(line)
        end = until or past.last
        for replay in replays:
            if end is not None:
                replay.finish(end)
    return [
        Result(tally=replay.tally, events=replay.events, timers=replay.timers, lost=replay.lost, end=end)
        for replay in replays
    ]


@contextlib.contextmanager
def seldom_collected() -> Generator[None]:
    """Python looks for cycles less often: cards make none, and there are very many of them."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


# --- processes --------------------------------------------------------------------------------------------------------


class _Worker:
    """Another process, seen from here."""

    def __init__(self, program: bytes, since: dt.datetime | None, until: dt.datetime | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._mine, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, program, since, until), daemon=True)
        self.process.start()
        theirs.close()
        self._waiting: list[bytes] = []
        self._size = 0

    def send(self, line: bytes) -> None:
        self._waiting.append(line)
        self._size += len(line)
        if self._size >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            # A process that has failed listens no more: why is in its last word.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._mine.send_bytes(b"\n".join(self._waiting))
            self._waiting.clear()
            self._size = 0

    def end(self, until: dt.datetime | None) -> None:
        self.flush()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._mine.send_bytes(b"")
            self._mine.send_bytes(msgspec.json.encode(until))

    def result(self) -> _Told:
        try:
            told = msgspec.msgpack.decode(self._mine.recv_bytes(), type=_Told)
        except (EOFError, ConnectionResetError):
            raise Failed("a process of the backtest was killed; is there too little memory?") from None
        if told.failure:
            raise Failed(told.failure)
        return told


def _there(
    programs: Sequence[Program],
    parts: Sequence[int],
    past: _Past,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> list[Result]:
    groups: list[list[_Worker]] = []
    try:
        for program, count in zip(programs, parts, strict=True):
            groups.append([])
            for _ in range(count):
                groups[-1].append(_Worker(program.encode(), since, until))
        for case, data in past:
            place = zlib.crc32(case.encode())
            for group in groups:
                group[place % len(group)].send(data)
        for group in groups:
            for worker in group:
                worker.end(until or past.last)
        results: list[Result] = []
        for group in groups:
            result = Result(tally=Tally(since, until), end=until or past.last)
            for worker in group:
                told = worker.result()
                result.tally.merge(told.cells)
                result.events += told.events
                result.timers += told.timers
                result.lost.update(told.lost)
            results.append(result)
        return results
    finally:
        for group in groups:
            for worker in group:
                worker.process.kill()
                worker.process.join()


def _work(pipe: Connection, program: bytes, since: dt.datetime | None, until: dt.datetime | None) -> None:
    """The life of a process: lines in, one result out. The parent ends it when a person stops the backtest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        replay = Replay(load(Program.decode(program)), Tally(since, until))
        with seldom_collected():
            while batch := pipe.recv_bytes():
                for data in batch.split(b"\n"):
                    replay.take(lines.decode(data))
        end = msgspec.json.decode(pipe.recv_bytes(), type=dt.datetime | None)
        if end is not None:
            replay.finish(end)
        told = _Told(list(replay.tally.cells.items()), replay.events, replay.timers, dict(replay.lost))
    except EOFError:
        return
    except Exception as error:
        told = _Told(failure=f"{type(error).__name__}: {error}")
    pipe.send_bytes(msgspec.msgpack.encode(told))
