"""Every text a person sees is in Brazilian Portuguese too, and the compiled catalogues are the ones of the sources."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "duly_dsl": ROOT / "dsl/duly_dsl",
    "duly_runtime": ROOT / "runtime/duly_runtime",
    "duly_connectors": ROOT / "connectors/duly_connectors",
    "duly_admin_ui": ROOT / "admin_ui/duly_admin_ui",
    "duly_platform": ROOT / "platform/duly_platform",
}
KEYWORDS = {"gettext": None, "translate": None, "_": None, "_n": (1, 2)}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    return request.param


def catalogue_file(package: str, ending: str) -> Path:
    return PACKAGES[package] / "locale/pt_BR/LC_MESSAGES" / f"{package}.{ending}"


def texts(package: str) -> set[str]:
    """Every text the sources mark, singular and plural."""
    found = extract_from_dir(PACKAGES[package], METHODS, keywords=KEYWORDS)
    messages = {message for _, _, message, _, _ in found}
    return {text for message in messages for text in (message if isinstance(message, tuple) else (message,))}


def test_every_text_is_translated(package: str) -> None:
    catalogue = read_po(io.BytesIO(catalogue_file(package, "po").read_bytes()), locale="pt_BR")
    known = set()
    for message in catalogue:
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and all(strings):
            known |= set(message.id if isinstance(message.id, tuple) else (message.id,))
    assert texts(package) - known == set()


def test_placeholders_survive_translation(package: str) -> None:
    catalogue = read_po(io.BytesIO(catalogue_file(package, "po").read_bytes()), locale="pt_BR")
    for message in catalogue:
        if not message.id or isinstance(message.id, tuple):
            continue
        wanted = sorted(re.findall(r"%\(\w+\)\w|\{\w*\}", message.id))
        assert sorted(set(re.findall(r"%\(\w+\)\w|\{\w*\}", message.string))) == sorted(set(wanted)), message.id


def entries(compiled: bytes) -> list[str]:
    return sorted(repr((message.id, message.string)) for message in read_mo(io.BytesIO(compiled)) if message.id)


def test_the_compiled_catalogue_is_the_sources(package: str) -> None:
    catalogue = read_po(io.BytesIO(catalogue_file(package, "po").read_bytes()), locale="pt_BR")
    compiled = io.BytesIO()
    write_mo(compiled, catalogue, use_fuzzy=True)
    assert entries(catalogue_file(package, "mo").read_bytes()) == entries(compiled.getvalue())
