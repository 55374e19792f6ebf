"""The secret store: environment above file, private file, no half-written state."""

from __future__ import annotations

import datetime as dt
import io
import stat
from pathlib import Path

import pytest

from duly_platform.cli import main
from duly_platform.secrets import SecretError, SecretStore, make_key

NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
WEEK = NOON + dt.timedelta(days=7)


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


# --- rotation --------------------------------------------------------------------------------------------------------


def test_the_value_before_counts_until_its_day(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {})
    store.set("KEY", "old")
    assert store.previous("KEY", NOON) == ""
    store.rotate("KEY", "new", WEEK)
    for here in (store, SecretStore(tmp_path, {})):
        assert (here.get("KEY"), here.previous("KEY", NOON), here.until("KEY", NOON)) == ("new", "old", WEEK)
        assert (here.previous("KEY", WEEK), here.previous("KEY", WEEK + dt.timedelta(seconds=1))) == ("old", "")
        assert here.until("KEY", WEEK + dt.timedelta(seconds=1)) is None
    assert store.names() == {"KEY"}


def test_a_third_value_lets_the_first_go_and_setting_one_lets_all_go(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {})
    store.set("KEY", "one")
    store.rotate("KEY", "two", WEEK)
    store.rotate("KEY", "three", WEEK)
    assert (store.get("KEY"), store.previous("KEY", NOON)) == ("three", "two")
    store.set("KEY", "leaked, so replaced")
    assert store.previous("KEY", NOON) == ""


def test_a_rotation_is_ended_by_hand(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {})
    store.set("KEY", "old")
    store.set("OTHER", "x")
    store.rotate("KEY", "new", WEEK)
    store.retire("KEY")
    assert (store.get("KEY"), store.previous("KEY", NOON)) == ("new", "")
    for name in ("KEY", "OTHER", "NONE"):
        with pytest.raises(SecretError, match="no earlier value"):
            store.retire(name)


def test_what_can_not_be_rotated(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"DULY_SECRET_OUTSIDE": "x"})
    with pytest.raises(SecretError, match="DULY_PREVIOUS_SECRET_OUTSIDE"):
        store.rotate("OUTSIDE", "new", WEEK)
    with pytest.raises(SecretError, match="not stored"):
        store.rotate("NONE", "new", WEEK)
    store.set("KEY", "same")
    with pytest.raises(SecretError, match="the one it has"):
        store.rotate("KEY", "same", WEEK)
    with pytest.raises(SecretError, match="empty"):
        store.rotate("KEY", "", WEEK)


def test_the_environment_has_a_value_before_too(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"DULY_SECRET_KEY": "new", "DULY_PREVIOUS_SECRET_KEY": "old"})
    assert (store.get("KEY"), store.previous("KEY", NOON), store.until("KEY", NOON)) == ("new", "old", None)
    assert store.names() == {"KEY"}
    inside = SecretStore(tmp_path, {"DULY_PREVIOUS_SECRET_KEY": "old"})
    inside.set("KEY", "stored")
    assert inside.previous("KEY", NOON) == ""


def test_keys_we_make_are_long_and_each_is_another() -> None:
    made = {make_key() for _ in range(20)}
    assert len(made) == 20
    assert all(key.startswith("whsec_") and len(key) == 50 for key in made)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed + "\n"))
        code = main(["secret", *words, "--workspace", str(tmp_path)])
        told = capsys.readouterr()
        return code, told.out, told.err

    assert run("set", "KEY", typed="old") == (0, "Stored secret KEY.\n", "")
    code, out, err = run("rotate", "KEY", "--days", "3", "--random")
    assert (code, out.startswith("whsec_"), "The one before counts as well until" in err) == (0, True, True)
    assert run("list")[1].startswith("KEY  (the value before counts until 20")
    assert "old" not in run("list")[1]
    assert run("retire", "KEY") == (0, "Only the new value of KEY counts now.\n", "")
    assert run("list") == (0, "KEY\n", "")
    assert run("rotate", "KEY", "--days", "91")[0] == 2
    assert run("rotate", "NONE", typed="x") == (2, "", "duly: secret `NONE` is not stored: run `duly secret set NONE`\n")
    store = SecretStore(tmp_path / ".duly", {})
    assert store.get("KEY") == out.strip()
    assert run("remove", "KEY")[0] == 0
