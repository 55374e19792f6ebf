"""`python -m duly_platform` is `duly`."""

import sys

from duly_platform.cli import main

sys.exit(main())
