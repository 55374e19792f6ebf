"""Reads mails from standard input for the process that started it (`bounded`), which kills it where one takes too long.

`python -m duly_connectors.mail.worker SECONDS BYTES`: the processor time of one mail, and the memory of the process.
Each request and each answer is eight bytes of length and as much msgpack.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import BinaryIO

import msgspec

from duly_connectors.mail.reading import read_mail

LENGTH = 8
Request = tuple[str, bytes]
"""(authserv-id, the mail)"""


def serve(source: BinaryIO, sink: BinaryIO, seconds: float) -> None:
    decoder = msgspec.msgpack.Decoder(Request)
    while len(head := source.read(LENGTH)) == LENGTH:
        authserv_id, data = decoder.decode(source.read(int.from_bytes(head, "big")))
        with _limited(seconds):
            answer = msgspec.msgpack.encode(read_mail(data, authserv_id))
        del data
        sink.write(len(answer).to_bytes(LENGTH, "big"))
        sink.write(answer)
        sink.flush()


@contextlib.contextmanager
def _limited(seconds: float):
    """The kernel ends this process once it has used so much processor time, whatever code it is in."""
    if not hasattr(signal, "setitimer"):
        yield  # the wall clock of the other process still holds
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def confine(memory: int) -> None:
    """No more memory than this, no files written, no core left behind; as far as the system has such limits."""
    try:
        import resource
    except ImportError:
        return
    for kind, limit in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, kind), (limit, limit))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the other process, which ends this one
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints gets between the answers
    import nh3  # noqa: F401 (before the memory is counted)

    confine(int(sys.argv[2]))
    try:
        serve(sys.stdin.buffer, sink, float(sys.argv[1]))
    except MemoryError:
        os._exit(MEMORY)


MEMORY = 99
"""Exit code for memory that ran out."""

if __name__ == "__main__":
    main()
