"""Coverage-guided fuzzing of the mail path; DULY_FULL=1 lets it run on."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

RUNS = 50_000 if os.environ.get("DULY_FULL") == "1" else 500
SEED = int(os.environ.get("DULY_TEST_SEED") or 1)
TARGET = Path(__file__).with_name("fuzz_mail.py")


@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris, which this Python or system has no build of")
def test_no_mail_breaks_the_reader(tmp_path: Path) -> None:
    options = (f"-runs={RUNS}", "-max_len=20000", "-timeout=10", f"-seed={SEED}", f"-artifact_prefix={tmp_path}/")
    ended = subprocess.run([sys.executable, str(TARGET), *options], capture_output=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:].decode(errors="replace")
    assert f"Done {RUNS} runs".encode() in ended.stderr
