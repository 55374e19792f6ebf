"""Settings: the environment, the command line above it, and docs/settings.md telling all of them."""

from __future__ import annotations

import datetime as dt
import re
import stat
from pathlib import Path

import pytest

from duly_platform import settings
from duly_platform.settings import SettingsError, load, make_data_folder

ROOT = Path(__file__).parents[2]


def test_defaults_are_the_embedded_ones(tmp_path: Path) -> None:
    found = load(tmp_path, {})
    assert found.database_url == f"sqlite:///{tmp_path / '.duly' / 'duly.sqlite'}"
    assert found.embedded
    assert (found.host, found.port, found.speed) == ("127.0.0.1", 8000, 1.0)


def test_options_beat_the_environment(tmp_path: Path) -> None:
    found = load(tmp_path, {"DULY_PORT": "9000", "DULY_SPEED": "60"}, port=9100, speed=None)
    assert found.port == 9100
    assert found.speed == 60


def test_how_long_things_are_kept(tmp_path: Path) -> None:
    found = load(tmp_path, {})
    assert (found.keep_requests, found.keep_attempts) == (dt.timedelta(days=90), dt.timedelta(days=90))
    found = load(tmp_path, {"DULY_KEEP_REQUESTS": "7", "DULY_KEEP_ATTEMPTS": "0"})
    assert (found.keep_requests, found.keep_attempts) == (dt.timedelta(days=7), None)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DULY_PORT": "eighty"}, "DULY_PORT must be a number, not `eighty`"),
        ({"DULY_SPEED": "0"}, "DULY_SPEED must be above zero"),
        ({"DULY_KEEP_REQUESTS": "-1"}, "DULY_KEEP_REQUESTS must be a number of days, 0 for ever, not `-1`"),
        ({"DULY_KEEP_ATTEMPTS": "long"}, "DULY_KEEP_ATTEMPTS must be a number, not `long`"),
        ({"DULY_DATABASE_URL": "mysql://x"}, "sqlite:/// or postgresql://"),
        ({"DULY_BROKER_URL": "kafka://x"}, "memory://, redis:// or amqp://"),
    ],
)
def test_a_bad_value_says_which_and_what_it_takes(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        load(tmp_path, environ)


def test_separate_processes_need_a_broker(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DULY_BROKER_URL"):
        load(tmp_path, {}, roles=frozenset({"worker"}))
    assert load(tmp_path, {"DULY_BROKER_URL": "redis://h"}, roles=frozenset({"worker"})).roles == {"worker"}


def test_a_data_folder_is_private_and_kept_out_of_repositories(tmp_path: Path) -> None:
    for _again in range(2):
        make_data_folder(tmp_path / "desk" / ".duly")
    assert (tmp_path / "desk" / ".duly" / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE((tmp_path / "desk" / ".duly").stat().st_mode) == 0o700
    make_data_folder(tmp_path / "desk")  # a folder that is there, perhaps of rules, is left as it is
    assert [path.name for path in (tmp_path / "desk").iterdir()] == [".duly"]


def test_every_setting_is_documented() -> None:
    code = "".join(path.read_text() for folder in ("platform", "runtime", "dsl") for path in (ROOT / folder).rglob("*.py"))
    used = set(re.findall(r"\bDULY_[A-Z]+(?:_[A-Z]+)*\b", code)) - {"DULY_CSRF_KEY", "DULY_REPLY_KEY", "DULY_SECRET"}
    documented = set(re.findall(r"DULY_[A-Z_]+", (ROOT / "docs/settings.md").read_text()))
    assert used - documented == set()
    assert documented - used - {"DULY_SECRET_NAME"} == set()
    assert settings.__doc__
