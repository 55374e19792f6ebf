"""The example plug-in as somebody would use it: installed into an environment of its own, without a network; its tests are
run there, and a workspace is checked that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "telegram_connector"
PARTS = ("dsl", "runtime", "connectors", "admin_ui", "platform")
SECONDS = 300
"""For a bound; on an idle machine the slowest takes ten."""


class House:
    """A virtual environment that sees what this one has, and Duly's own folders; none of it knows Telegram."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.EnvBuilder(with_pip=False).create(folder)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        seen = [sysconfig.get_path("purelib"), *(str(ROOT / part) for part in PARTS)]
        (site / "parent.pth").write_text("\n".join(seen) + "\n")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environ |= {
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in PARTS),
            "DULY_LANGUAGE": "en",
            "LANG": "C.UTF-8",
            "DULY_EXAMPLES": "" if os.environ.get("DULY_FULL") == "1" else "50",  # the built-in ones are tried with more
        }
        return subprocess.run(
            [str(self.python), *words],
            cwd=self.folder, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def install(self) -> None:
        done = self.run(
            "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
            "--no-build-isolation", str(EXAMPLE),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(tmp_path_factory.mktemp("house"))
    made.install()
    return made


def test_this_environment_does_not_know_it() -> None:
    assert "duly-telegram" not in {each.metadata["name"] for each in distributions()}


def test_without_it_its_kind_is_unknown(bare: House) -> None:
    done = bare.run("-m", "duly_platform", "check", str(EXAMPLE / "desk"))
    assert done.returncode == 1
    assert "E0901" in done.stdout + done.stderr


def test_a_workspace_that_uses_it_is_checked(house: House) -> None:
    done = house.run("-m", "duly_platform", "check", str(EXAMPLE / "desk"))
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = house.folder / "desk.duly"
    wrong.write_text((EXAMPLE / "desk" / "desk.duly").read_text().replace("secret token secret", "secrat token secret"))
    done = house.run("-m", "duly_platform", "check", str(wrong))
    assert done.returncode == 1 and "E0903" in done.stdout + done.stderr


def test_its_own_tests_pass_where_it_is_installed(house: House) -> None:
    done = house.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(EXAMPLE / "pyproject.toml"), str(EXAMPLE / "tests")
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    where = house.run("-c", "import duly_telegram; print(duly_telegram.__file__)")
    assert where.stdout.startswith(str(house.folder)), "the installed package was tested, not the folder"


def test_it_is_the_same_interpreter_that_runs_these_tests(house: House) -> None:
    done = house.run("-c", "import sys; print(sys.version_info[:3])")
    assert done.stdout.strip() == str(sys.version_info[:3])


def test_a_plug_in_that_does_not_load_is_named(bare: House) -> None:
    site = Path(sysconfig.get_path("purelib", vars={"base": str(bare.folder), "platbase": str(bare.folder)}))
    package = site / "duly_broken-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: duly-broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[duly.connectors]\ntelegram = duly_nowhere:Telegram\n")
    done = bare.run("-m", "duly_platform", "check", str(EXAMPLE / "desk"))
    assert done.returncode == 1
    assert "the plug-in telegram is left out" in done.stderr and "duly_nowhere" in done.stderr
