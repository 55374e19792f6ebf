"""`duly.toml`: how the lints of a workspace count.

[lints]
unreachable-stage = "error"
unused-definition = "off"
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from duly_dsl.catalogue import _, every
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import lints as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.source import SourceFile, Span

FILE = "duly.toml"
"""Its name, in the folder of the workspace."""

MOST_BYTES = 64 * 1024


class Level(enum.StrEnum):
    """How a lint counts."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


class Config(msgspec.Struct, frozen=True):
    """`levels` holds those lints whose level differs from the catalogue's."""

    levels: Mapping[str, Level] = {}

    def level(self, name: str) -> Level:
        """The level of a lint of the catalogue."""
        return self.levels.get(name) or (Level.OFF if lints()[name].off else Level.WARNING)


@functools.cache
def lints() -> dict[str, Any]:
    """All lints by name: the kinds that are warnings."""
    return {kind.name: kind for kind in every().values() if kind.lint}


def read(source: SourceFile) -> tuple[Config, tuple[Diagnostic, ...]]:
    """What the file says, and what is wrong with it; what can't be read counts for nothing."""
    if len(source.text) > MOST_BYTES:
        return Config(), (_bad(source, 1, _("it is too large")),)
    import tomllib  # late: most workspaces have no such file

    try:
        said = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = re.search(r"at line (\d+)", str(error))
        line = int(where[1]) if where else max(1, source.text.count("\n"))
        return Config(), (_bad(source, line, _("this is no TOML")),)
    problems: list[Diagnostic] = []
    for key, value in said.items():
        if key != "lints" or not isinstance(value, dict):
            problems.append(_bad(source, _line(source, key), _("only the table `lints` is known")))
    found = said.get("lints")
    table = cast(dict[str, Any], found) if isinstance(found, dict) else {}
    levels: dict[str, Level] = {}
    known = lints()
    for name, level in table.items():
        line = _line(source, name)
        if name not in known:
            problems.append(unknown(name, _key(source, line, name)))
        elif level not in tuple(Level):
            problems.append(_bad(source, line, _("a level is `error`, `warning` or `off`")))
        else:
            levels[name] = Level(level)
    return Config(levels), tuple(problems)


def unknown(name: str, span: Span) -> Diagnostic:
    """No lint has this name."""
    known = lints()
    close = next((kind.name for kind in known.values() if kind.code == name.upper()), "") or nearest(name, known)
    fixes = (Fix(titles.WRITE, span, close),) if close else ()
    return kinds.UNKNOWN_LINT.at(span, nearest=close, fixes=fixes, name=name)


def _bad(source: SourceFile, line: int, reason: str) -> Diagnostic:
    lines = source.text.split("\n")
    line = min(line, len(lines))
    end = max(2, len(lines[line - 1].rstrip()) + 1)
    return kinds.BAD_CONFIG.at(Span(source.path, line, 1, line, end), reason=reason)


def _line(source: SourceFile, key: str) -> int:
    """The line a key stands in: TOML's reader doesn't say."""
    hit = re.search(rf"""^\s*\[?\s*["']?{re.escape(key)}["']?\s*[=\].]""", source.text, re.MULTILINE)
    return source.text.count("\n", 0, hit.end()) + 1 if hit else 1


def _key(source: SourceFile, line: int, name: str) -> Span:
    column = source.text.split("\n")[line - 1].find(name) + 1
    if column == 0:
        return Span(source.path, line, 1, line, 2)
    return Span(source.path, line, column, line, column + len(name))
