"""A clock that runs fast, shared by several processes and kept over restarts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from duly_runtime.time import SystemClock, shared_since


def test_all_who_share_a_file_share_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "fast-clock"
    first = shared_since(path)
    assert shared_since(path) == first
    assert [found.name for found in tmp_path.iterdir()] == ["fast-clock"]


def test_clocks_with_one_beginning_agree() -> None:
    since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=10)
    early, late = SystemClock(100, since), SystemClock(100, since)
    a, b = early.now(), late.now()
    assert a <= b
    assert b - since >= dt.timedelta(seconds=1000)


def test_a_clock_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        SystemClock(0)
