"""`python -m benchmarks [NAME …] [--json FILE]`: run the benchmarks and print a row for each figure.

Exit code 1 where a figure misses its goal.
"""

from __future__ import annotations

import argparse
import importlib
import json
import operator
import platform
import sys
from pathlib import Path

NAMES = (
    "matching",
    "check",
    "recheck",
    "deadlines",
    "backtest",
    "ingest",
    "whatsapp",
    "scenarios",
    "mailbox",
    "reports",
)
COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def met(ratio: float, goal: str) -> bool | None:
    """Whether a figure reaches its goal (`<= 3`); None where it has none."""
    if not goal:
        return None
    sign, limit = goal.split()
    return COMPARE[sign](ratio, float(limit))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    rows = []
    missed = 0
    print(f"Python {platform.python_version()}, {platform.machine()}", flush=True)
    for name in options.names or NAMES:
        print(f"\n{name}", flush=True)
        for title, ratio, goal, detail in importlib.import_module(f"benchmarks.{name}").run():
            reached = met(ratio, goal)
            missed += reached is False
            verdict = {True: "ok", False: "MISSED", None: ""}[reached]
            print(f"  {title:<58} {ratio:>10.3g}  {goal:<8} {verdict:<7} {detail}", flush=True)
            rows.append(
                {"benchmark": name, "figure": title, "ratio": ratio, "goal": goal, "met": reached, "detail": detail}
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
