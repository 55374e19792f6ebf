"""`duly check` as people feel it: the whole process, from start to exit; and the start of the light commands."""

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
MANY_FILES, MANY_LINES = 5, 10_000
LIGHT = (("check",), ("lint",), ("fmt", "--check"), ("test",))
"""Commands that must start fast."""


SMALL = """calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 09:00-18:00
}

person ana {
  name "Ana"
}

team "Desk" {
  members ana
  lead ana
}

pipeline "Support" {
  calendar "Office"
  first reply within 1h

  stage "New" {
    start
    owner team "Desk"
    next "Done"
  }

  stage "Done" {
    finish
  }
}

test "Late" {
  clock starts monday 2026-11-09 09:00 in "Office"
  given card in "New"
  at +1h  expect first reply is missed
}
"""


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
        large = Path(folder) / "large"
        large.mkdir()
        for number in range(MANY_FILES):
            part = program(MANY_LINES // MANY_FILES).replace('pipeline "Support"', f'pipeline "Support {number}"')
            (large / f"support{number}.duly").write_text(part[part.index("pipeline ") :] if number else part)
        many = seconds([duly, "check", str(large)])
        small = Path(folder) / "small.duly"
        small.write_text(SMALL)
        starts = {words: seconds([duly, *words, str(small)]) for words in LIGHT}
    bare = seconds([sys.executable, "-c", "pass"])
    lines = text.count("\n")
    return [
        (f"duly check of {lines} lines, whole process, seconds", check, "< 0.35", f"bare Python {bare * 1000:.0f} ms"),
        ("duly check over bare Python start", check / bare, "", ""),
        (f"duly check of {MANY_LINES} lines in {MANY_FILES} files, whole process, seconds", many, "< 2.5", ""),
        *(
            (f"duly {' '.join(words)} of a small file, whole process, seconds", taken, "< 0.25", "")
            for words, taken in starts.items()
        ),
    ]
