"""What a check knows of the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_platform import knowledge


def test_regions_are_the_same_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY_CACHE", str(tmp_path))
    knowledge.regions.cache_clear()
    known = knowledge.regions()
    assert {"PT", "BR", "BR-SP", "US-CA"} <= known and "BR-XX" not in known
    (file,) = tmp_path.iterdir()
    knowledge.regions.cache_clear()
    assert knowledge.regions() == known
    file.write_bytes(b"damaged")
    knowledge.regions.cache_clear()
    assert knowledge.regions() == known
    knowledge.regions.cache_clear()


def test_regions_are_asked_for_only_where_a_file_speaks_of_holidays() -> None:
    assert knowledge.environment(['team "A" {']).regions is None
    assert knowledge.environment(['  holidays from "PT"']).regions
