"""For all tests."""

from __future__ import annotations

import os
import sys

# The tests start dozens of Pythons. Where the environment says that none may keep its bytecode, each compiles all of
# Duly anew, which takes longer than most of what they are started for.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
