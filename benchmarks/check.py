"""`duly check` as people feel it: the whole process, from start to exit, on a file of 200 lines."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
LINES = 200


def program(lines: int) -> str:
    """A sound workspace of about that many lines: one pipeline whose rules make up the length."""
    head = """calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 09:00-18:00
}

team "Desk" {
  members ana, bruno
  lead ana
  manager diogo
}

pipeline "Support" {
  calendar "Office"
  priorities urgent, high, normal, low

  field "Tier" choice gold, silver, basic default basic
  field "Amount" number

  stage "New" {
    start
    next "Done"
    owner team "Desk"
    targets {
      | priority | first reply | leave stage    |
      | urgent   | 15m         | 30m            |
      | else     | 4h          | 2 working days |
    }
    alert owner at 80% of first reply
  }

  stage "Done" {
    finish
  }
"""
    rules = []
    while head.count("\n") + sum(rule.count("\n") for rule in rules) < lines - 6:
        n = len(rules)
        rules.append(f"""
  rule "Amount over {n}" {{
    when "Amount" changes and "Amount" > {100 + n} and tier is gold
    then tag "over {n}"
  }}
""")
    return head + "".join(rules) + "}\n"


def seconds(command: list[str]) -> float:
    """Median whole-process time of a command that must succeed."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - began)
        if done.returncode:
            raise RuntimeError(f"{command} failed: {done.stdout}{done.stderr}")
    return statistics.median(times)


def run() -> list[tuple[str, float, str, str]]:
    """Seconds of the check, and the same as a multiple of starting Python at all."""
    duly = shutil.which("duly", path=str(Path(sys.executable).parent)) or "duly"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "support.duly"
        text = program(LINES)
        file.write_text(text)
        check = seconds([duly, "check", str(file)])
    bare = seconds([sys.executable, "-c", "pass"])
    lines = text.count("\n")
    return [
        (f"duly check of {lines} lines, whole process, seconds", check, "< 0.35", f"bare Python {bare * 1000:.0f} ms"),
        ("duly check over bare Python start", check / bare, "", ""),
    ]
