"""Reading mail in processes that can be killed: no mail takes more than two seconds of processor time or 256 MB, and none
takes the server down. A mail that is too much is reported as such, to be kept whole for a person.

A few processes wait for mails and are used again; one that was killed is replaced when the next mail comes. They get none
of the server's environment, so no secret is within reach of what reads strangers' mail.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading

import msgspec

from duly_connectors.mail import worker
from duly_connectors.mail.reading import MAX_MAIL, TOO_LARGE, ParsedMail
from duly_connectors.wording import _

SECONDS = 2.0
"""Processor time of one mail."""
WALL_SECONDS = 20.0
"""Time of one mail by the clock on the wall, for busy machines and systems that can't limit processor time."""
MEMORY = 256 * 1024 * 1024
"""Bytes of a process."""
PROCESSES = max(1, min(4, os.cpu_count() or 1))
TOO_MUCH_TIME = _("it could not be read within the limit of time")
TOO_MUCH_MEMORY = _("it could not be read within the limit of memory")
BROKEN = _("it could not be read: the reading process broke")

_TIME = {int(getattr(signal, name)) for name in ("SIGPROF", "SIGXCPU") if hasattr(signal, name)}
_MEMORY = {int(getattr(signal, name)) for name in ("SIGKILL", "SIGABRT") if hasattr(signal, name)}
"""How a process ends that wants more than there is: by the kernel, or by its own allocator."""

log = logging.getLogger(__name__)


class Readers:
    """Reads mails, as many at once as there are processes; from any thread."""

    def __init__(
        self, processes: int = PROCESSES, *, seconds: float = SECONDS, wall: float = WALL_SECONDS, memory: int = MEMORY
    ) -> None:
        self.seconds = seconds
        self.wall = wall
        self.memory = memory
        self.pid = os.getpid()
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _number in range(processes):
            self._free.put(None)
        self._processes = processes
        self._closed = False

    def read(self, data: bytes, authserv_id: str = "") -> ParsedMail:
        """The mail. What can't be read within the limits, or breaks its reader, has nothing but a problem."""
        if len(data) > MAX_MAIL:
            return ParsedMail(problems=(TOO_LARGE,))
        request = msgspec.msgpack.encode((authserv_id, data))
        process = self._free.get()
        try:
            while True:
                if process is not None and process.ended():
                    process.kill()
                    process = None
                if process is None:
                    process = _Process(self.seconds, self.memory)
                fresh = not process.used
                answer = process.ask(request, self.wall)
                if answer is not None:
                    return msgspec.msgpack.decode(answer, type=ParsedMail)
                words, process = process.kill(), None
                if fresh or words == TOO_MUCH_TIME:
                    log.warning("a mail of %d bytes: %s", len(data), words)
                    return ParsedMail(problems=(words,))
                # It may be what the mails before this one left behind: a new process decides.
        except BaseException:
            if process is not None:
                process.kill()
                process = None
            raise
        finally:
            if self._closed and process is not None:
                process.kill()
                process = None
            self._free.put(process)

    async def aread(self, data: bytes, authserv_id: str = "") -> ParsedMail:
        """`read` for an event loop."""
        return await asyncio.to_thread(self.read, data, authserv_id)

    def close(self) -> None:
        """End the processes; one that reads just now ends when it is done."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            for _number in range(self._processes):
                process = self._free.get_nowait()
                if process is not None:
                    process.kill()


_shared: Readers | None = None
_lock = threading.Lock()


def shared() -> Readers:
    """The readers of this process, started when they are first needed."""
    global _shared
    with _lock:
        if _shared is None or _shared.pid != os.getpid():  # pipes can't be shared with the parent of a fork
            _shared = Readers()
            atexit.register(_shared.close)
        return _shared


class _Process:
    """One process that reads. `used`: it has read a mail before."""

    def __init__(self, seconds: float, memory: int) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        kept = ("PATH", "SYSTEMROOT", "LANG", "LD_LIBRARY_PATH")
        self.used = False
        self._late = False
        self._popen = subprocess.Popen(
            [sys.executable, "-m", worker.__name__, str(seconds), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": path, **{name: os.environ[name] for name in kept if name in os.environ}},
        )

    def ask(self, request: bytes, wall: float) -> bytes | None:
        """The answer; None where the process ended, or had to be ended, before it gave one."""
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self.used = True
        timer = threading.Timer(wall, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            self._popen.stdin.write(len(request).to_bytes(worker.LENGTH, "big"))
            self._popen.stdin.write(request)
            self._popen.stdin.flush()
            head = self._popen.stdout.read(worker.LENGTH)
            length = int.from_bytes(head, "big")
            answer = self._popen.stdout.read(length) if len(head) == worker.LENGTH else b""
            return answer if answer and len(answer) == length else None
        except OSError:
            return None
        finally:
            timer.cancel()

    def _end_late(self) -> None:
        self._late = True
        self._popen.kill()

    def ended(self) -> bool:
        return self._popen.poll() is not None

    def kill(self) -> str:
        """Ends it; returns what its end says about the mail it was reading."""
        self._popen.kill()
        code = self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if self._late or -code in _TIME:
            return TOO_MUCH_TIME
        return TOO_MUCH_MEMORY if code == worker.MEMORY or -code in _MEMORY else BROKEN
