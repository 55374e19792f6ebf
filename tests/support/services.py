"""What tests need beside Python: a test is skipped where that is missing, but never in CI."""

from __future__ import annotations

import os
import socket
from typing import NoReturn
from urllib.parse import urlsplit

import pytest


def missing(why: str) -> NoReturn:
    """Skip the test for this reason; fail it in CI, where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def need(service: str, url: str) -> None:
    """The service listens at this address, or is `missing`."""
    there = urlsplit(url)
    try:
        socket.create_connection((there.hostname or "", there.port or 0), timeout=3).close()
    except OSError:
        missing(f"{service} does not answer at {there.hostname}:{there.port}")
