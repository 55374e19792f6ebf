"""Message catalogues: one gettext domain a component, shipped compiled inside its package."""

from __future__ import annotations

import functools
import gettext
import importlib.util
import os
from pathlib import Path

LANGUAGES = ("en", "pt-BR")
"""What Duly speaks to people; the messages in the code are the English ones."""


def choose(wanted: str) -> str:
    """The language of ours nearest to a tag or locale (`pt`, `pt_BR.UTF-8` -> `pt-BR`); English where none is."""
    tag = wanted.split(".")[0].split("@")[0].replace("_", "-").lower()
    return "pt-BR" if tag.split("-")[0] == "pt" else "en"


def of_environment() -> str:
    """The language of the terminal: DULY_LANGUAGE, else the usual locale variables."""
    for name in ("DULY_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return choose(os.environ[name])
    return "en"


def marked(text: str) -> str:
    """The text itself, imported as `_`: for the catalogue to know a text that is translated only when it is said."""
    return text


@functools.cache
def translations(package: str, language: str) -> gettext.NullTranslations:
    """The catalogue of a component (`duly_dsl`) in one of LANGUAGES; the untranslated English where it has none."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)
    folder = Path(found.submodule_search_locations[0]) / "locale"
    return gettext.translation(package, folder, [language.replace("-", "_")], fallback=True)
