"""The secret store: environment above file, private file, no half-written state."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from duly_platform.secrets import SecretError, SecretStore


def test_stored_secrets_come_back_and_are_private(tmp_path: Path) -> None:
    SecretStore(tmp_path, {}).set("SHOP_KEY", "s3cret")
    store = SecretStore(tmp_path, {})
    assert store.get("SHOP_KEY") == "s3cret"
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"DULY_SECRET_SHOP_KEY": "from outside", "DULY_SECRET_EMPTY": ""})
    store.set("SHOP_KEY", "stored")
    assert store.get("SHOP_KEY") == "from outside"
    assert store.names() == {"SHOP_KEY"}


def test_another_process_is_seen(tmp_path: Path) -> None:
    running = SecretStore(tmp_path, {})
    running.set("A", "1")
    SecretStore(tmp_path, {}).set("B", "long enough to change the size")
    assert running.get("B") == "long enough to change the size"


def test_a_missing_one_says_how_to_store_it(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="duly secret set NOPE"):
        SecretStore(tmp_path, {}).get("NOPE")


@pytest.mark.parametrize("name", ["lower", "WITH-DASH", "", "9X", "A" * 65])
def test_names_are_capitals(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretError):
        SecretStore(tmp_path, {}).set(name, "x")
    with pytest.raises(SecretError, match="empty"):
        SecretStore(tmp_path, {}).set("GOOD", "")


def test_remove_and_ensure(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {})
    made = store.ensure("KEY")
    assert store.ensure("KEY") == made
    assert len(made) >= 40
    store.remove("KEY")
    assert store.names() == frozenset()
    with pytest.raises(SecretError):
        store.remove("KEY")
