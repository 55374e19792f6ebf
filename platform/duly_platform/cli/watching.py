"""`duly test --watch`: run again whenever a rule file changes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from duly_dsl import i18n, workspace

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

EVERY = 0.3
"""Seconds between two looks at the files."""

Wait = Callable[[float], str]
"""Waits so many seconds, or until a key is pressed: the key, empty for none."""
State = dict[Path, tuple[int, int]]


def watch(run: Callable[[], int], paths: Sequence[Path], wait: Wait) -> int:
    """Run, and again on each change, until `q`; the last exit code. Enter runs without a change."""
    while True:
        before = state(paths)
        code = run()
        print("\n" + _("Waiting for changes: q stops, Enter runs again"), flush=True)
        while True:
            key = wait(EVERY)
            if key == "q":
                return code
            if key in ("\r", "\n") or state(paths) != before:
                break


def state(paths: Sequence[Path]) -> State:
    """When each file last changed, and its size. The files used by those that are named are in their folder."""
    found: State = {}
    for folder in {path if path.is_dir() else path.parent for path in paths}:
        with contextlib.suppress(OSError):
            for file in workspace.contents(folder):
                with contextlib.suppress(OSError):  # gone since it was listed
                    status = file.stat()
                    found[file] = (status.st_mtime_ns, status.st_size)
    return found


@contextlib.contextmanager
def keys() -> Iterator[Wait]:
    """A way to wait for a key of the terminal, without its Enter; where there is no terminal it only waits."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        termios = tty = None
    if termios is None or tty is None or not sys.stdin.isatty():
        yield _only_waits
        return
    import select  # late, like those above: not there, or of no use, on Windows

    stdin = sys.stdin.fileno()
    kept = termios.tcgetattr(stdin)

    def wait(seconds: float) -> str:
        ready, _writable, _failed = select.select([stdin], [], [], seconds)
        return os.read(stdin, 1).decode("latin-1") if ready else ""

    try:
        tty.setcbreak(stdin)
        yield wait
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, kept)


def _only_waits(seconds: float) -> str:
    import time  # only waits, asks for no time

    time.sleep(seconds)
    return ""
