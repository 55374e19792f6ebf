"""The page of each problem as a file the editor can open from its code; written where the caches are, when first needed."""

from __future__ import annotations

import functools

from pygls import uris

from duly_dsl import cache, i18n
from duly_dsl.catalogue import every


@functools.cache
def link(code: str, language: str) -> str | None:
    """The address of a problem's page; None where it can't be written."""
    kind = every().get(code)
    if kind is None:
        return None
    translate = i18n.translations("duly_dsl", language).gettext
    text = f"# {kind.code} {kind.name}\n\n{translate(kind.explanation)}\n\n```duly\n{kind.example.rstrip()}\n```\n"
    name = f"problems/{language}/{kind.code}.md"
    if cache.read(name) != text.encode():
        cache.write(name, text.encode())
        if cache.read(name) != text.encode():
            return None
    return uris.from_fs_path(str(cache.folder() / name))
