"""`duly test`: scenario tests a second on one core, and what counting their coverage costs."""

from __future__ import annotations

import time
from pathlib import Path

from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.source import SourceFile
from duly_runtime import scenario

EXAMPLE = Path(__file__).parents[1] / "examples" / "support_desk"
COPIES = 100
"""Of the example's tests, in a file each: a workspace of some hundred tests."""
ROUNDS = 3


def sources() -> list[SourceFile]:
    found = workspace.load([EXAMPLE])
    tests = next(source for source in found if source.path.endswith(".tests.duly"))
    others = [source for source in found if source is not tests]
    copies = [SourceFile(f"{n:03}.tests.duly", tests.text.replace('test "', f'test "{n} ')) for n in range(COPIES)]
    return [*others, *copies]


def run() -> list[tuple[str, float, str, str]]:
    texts = sources()
    began = time.perf_counter()
    built = build(texts)
    program, files = built.program, built.files
    if program is None:
        raise RuntimeError("the example has errors")
    read = time.perf_counter() - began
    tests = [test for file in files for test in file.tests]
    seconds: dict[bool, float] = {}
    for coverage in (False, True):
        best = float("inf")
        for _ in range(ROUNDS):
            runner = scenario.Runner(program, files, texts, coverage=coverage)
            began = time.perf_counter()
            failed = [test.name.text for test in tests if not runner.run(test).passed]
            best = min(best, time.perf_counter() - began)
            if failed:
                raise RuntimeError(f"{failed[0]} fails")
        seconds[coverage] = best
    plain = seconds[False]
    whole = len(tests) / (read + plain)
    return [
        (f"{len(tests)} tests a second, run", len(tests) / plain, ">= 500", f"{plain / len(tests) * 1e3:.2f} ms each"),
        (f"{len(tests)} tests a second, read, checked and run", whole, ">= 500", f"reading them took {read:.2f} s"),
        ("with coverage, over without", seconds[True] / plain, "<= 1.5", ""),
    ]
