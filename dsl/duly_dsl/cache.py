"""A folder for what is slow to work out and the same until an update. Losing it, or not being able to write it, only costs
time. It holds data, never code.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder() -> Path:
    """DULY_CACHE, else `duly` in the user's cache folder. RuntimeError where the user has no home."""
    if named := os.environ.get("DULY_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "duly"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "duly"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duly"


def read(name: str) -> bytes | None:
    """What was written under the name; None where there is nothing."""
    try:
        return (folder() / name).read_bytes()
    except (OSError, RuntimeError):
        return None


def write(name: str, data: bytes) -> None:
    """Keep `data` under a name, whole or not at all."""
    import tempfile  # late: most starts find what they need in the cache

    try:
        path = folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
            out.write(data)
        os.replace(out.name, path)
    except (OSError, RuntimeError):
        pass  # the next start works it out again
