"""One edit in an open workspace of 2,000 lines: from the new text to the problems, as the language server finds them."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.check import program
from duly_platform.lsp.folders import Folder
from duly_platform.lsp.server import checked, known

EDITS = 25
LINES = 2_000
FILES = 5


def files(count: int) -> dict[str, str]:
    """A sound workspace of that many files: people and calendar in the first, a pipeline in each."""
    texts: dict[str, str] = {}
    for number in range(count):
        text = program(LINES // count).replace('pipeline "Support"', f'pipeline "Support {number}"')
        if number:
            text = text[text.index("pipeline ") :]
        texts[f"support{number}.duly"] = text
    return texts


def milliseconds(texts: dict[str, str]) -> float:
    """Median time of a check after one edit in the middle of a file: some add a line, some leave a quote open."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in texts.items():
            (Path(name) / path).write_text(text)
        folder = Folder(Path(name).resolve(), checked, known)
        path = sorted(texts)[len(texts) // 2]
        lines = texts[path].split("\n")
        place = next(n for n in range(len(lines) // 2, len(lines)) if lines[n].strip().startswith("then tag"))
        times = []
        for edit in range(EDITS):
            edited = lines.copy()
            edited[place] += f' then tag "edit {edit}' + ('"' if edit % 3 else "")
            if edit % 2:
                edited.insert(place, f"    # note {edit}")
            folder.put(path, path, "\n".join(edited))
            began = time.perf_counter()
            problems = folder.problems()
            folder.index().files  # noqa: B018  what every request after it needs
            times.append((time.perf_counter() - began) * 1000)
            if bool(problems) != (edit % 3 == 0):
                raise RuntimeError(str(problems[:1]))
        return statistics.median(times)


def run() -> list[tuple[str, float, str, str]]:
    """Milliseconds for a workspace in several files, and for all of it in one."""
    several, one = milliseconds(files(FILES)), milliseconds(files(1))
    return [
        (f"re-check after an edit, {LINES} lines in {FILES} files, ms", several, "< 100", ""),
        (f"re-check after an edit, {LINES} lines in one file, ms", one, "< 100", ""),
    ]
