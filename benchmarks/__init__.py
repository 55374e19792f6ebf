"""Speed, measured as ratios against a peer or a hand-written limit in the same run. `make bench`, never a test."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # what starts servers and makes databases for the tests
