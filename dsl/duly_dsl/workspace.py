"""A workspace: a folder of `.duly` files with one namespace. Which files belong to it, and what their `use` lines say."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path

from duly_dsl import config, syntax
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.parser import MOST_BYTES, parse
from duly_dsl.source import SourceFile

SUFFIX = ".duly"


def root(paths: Sequence[Path | str]) -> Path:
    """The workspace folder: the folder named, or the nearest one that holds all that was named. OSError where something
    does not exist, ValueError where nothing holds all (two drives)."""
    named = [Path(path).resolve(strict=True) for path in paths]
    return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in named]))


def contents(folder: Path) -> list[Path]:
    """The `.duly` files of a folder and those below it, but for hidden ones; sorted."""
    return [
        path
        for path in sorted(folder.rglob(f"*{SUFFIX}"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def load(paths: Sequence[Path | str] = (".",)) -> list[SourceFile]:
    """The files of the folders named, and the files named with all they `use`; sorted by path.

    Paths in the result are relative to the workspace folder, see `root`. OSError where something named can't be read.
    """
    folder = root(paths)
    found: dict[str, SourceFile] = {}
    for path in (Path(path).resolve() for path in paths):
        if path.is_dir():
            for each in contents(path):
                relative = each.relative_to(folder).as_posix()
                found[relative] = _read(folder, relative)
        else:
            _follow(folder, path.relative_to(folder).as_posix(), found)
    return [found[path] for path in sorted(found)]


def settings(folder: Path) -> list[SourceFile]:
    """The `duly.toml` of a workspace folder, where it has one, as a source for `build`."""
    return [_read(folder, config.FILE)] if (folder / config.FILE).is_file() else []


def parse_all(sources: Iterable[SourceFile]) -> tuple[list[syntax.File], list[Diagnostic]]:
    """Read every file; the trees in the order of the sources, and every problem with the texts and their `use` lines."""
    parsed = [parse(source) for source in sources]
    files = [each.file for each in parsed]
    return files, [problem for each in parsed for problem in each.diagnostics] + check_uses(files)


def target(file: str, used: str) -> str | None:
    """The path a `use` in `file` stands for: it is relative to the file's folder. None where it leaves the workspace."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file), used.replace("\\", "/")))
    return None if path.startswith(("../", "/")) or path == ".." or ":" in path else path


def check_uses(files: Sequence[syntax.File]) -> list[Diagnostic]:
    """Every `use` must name another file of the workspace, and no file may use itself, be it through others."""
    known = {file.path for file in files}
    problems: list[Diagnostic] = []
    edges: dict[str, list[tuple[str, syntax.Use]]] = {file.path: [] for file in files}
    for file in files:
        for use in file.uses:
            path = target(file.path, use.path.value)
            if path is None:
                problems.append(kinds.USE_OUTSIDE.at(use.path.span, path=use.path.value))
            elif path not in known:
                close = nearest(path, known - {file.path})
                written = posixpath.relpath(close, posixpath.dirname(file.path) or ".") if close else ""
                fixes = (Fix(titles.WRITE, use.path.span, f'"{written}"'),) if close else ()
                problems.append(kinds.MISSING_USE.at(use.path.span, nearest=written, fixes=fixes, path=use.path.value))
            else:
                edges[file.path].append((path, use))
    return problems + _cycles(edges)


def _cycles(edges: dict[str, list[tuple[str, syntax.Use]]]) -> list[Diagnostic]:
    """One problem for each `use` that leads back to a file it came from. Walks without recursion: chains may be long."""
    problems: list[Diagnostic] = []
    done: set[str] = set()
    for start in sorted(edges):
        if start in done:
            continue
        trail = [start]
        walks = [iter(edges[start])]
        while trail:
            step = next(walks[-1], None)
            if step is None:
                done.add(trail.pop())
                walks.pop()
                continue
            path, use = step
            if path in trail:
                way = " → ".join([*trail[trail.index(path) :], path])
                problems.append(kinds.USE_CYCLE.at(use.path.span, way=way))
            elif path not in done:
                trail.append(path)
                walks.append(iter(edges[path]))
    return problems


def _follow(folder: Path, path: str, found: dict[str, SourceFile]) -> None:
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = _read(folder, path)
        for use in parse(found[path]).file.uses:
            used = target(path, use.path.value)
            if used and (folder / used).is_file():
                waiting.append(used)


def _read(folder: Path, path: str) -> SourceFile:
    """A file's text, no more of it than is needed to tell that it is too large; a broken encoding is found later."""
    with (folder / path).open("rb") as opened:
        return SourceFile(path, opened.read(MOST_BYTES + 1).decode("utf-8", "replace"))
