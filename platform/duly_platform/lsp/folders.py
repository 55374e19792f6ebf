"""The workspaces an editor has open: the files on disk with the open buffers over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pygls import uris

from duly_dsl import config, workspace
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.parser import MOST_BYTES
from duly_dsl.program import Environment
from duly_dsl.services.index import Index
from duly_dsl.source import SourceFile

ALONE = "untitled.duly"
"""The path of a buffer that is no file."""

Check = Callable[[Sequence[SourceFile]], Sequence[Diagnostic]]
Knowing = Callable[[Sequence[SourceFile]], Environment]


class Folder:
    """One workspace: a folder, or a buffer that is no file. `revision` changes with its texts."""

    def __init__(self, root: Path | None, check: Check, knowing: Knowing) -> None:
        self.root = root
        self.revision = 0
        self.published: set[str] = set()
        """The addresses that were told problems."""
        self._check = check
        self._knowing = knowing
        self._disk: dict[str, SourceFile] = {}
        self._open: dict[str, SourceFile] = {}
        self._uris: dict[str, str] = {}
        self._index: tuple[int, Index] | None = None
        self._problems: tuple[int, Sequence[Diagnostic]] | None = None
        self.scan()

    def scan(self) -> None:
        """Read the files again. One that can't be read is left out."""
        if self.root is None:
            return
        found: dict[str, SourceFile] = {}
        for path in workspace.contents(self.root) if self.root.is_dir() else []:
            name = path.relative_to(self.root).as_posix()
            try:
                with path.open("rb") as opened:
                    text = opened.read(MOST_BYTES + 1).decode("utf-8", "replace")
            except OSError:
                continue
            kept = self._disk.get(name)
            found[name] = kept if kept is not None and kept.text == text else SourceFile(name, text)
        found.update((source.path, source) for source in workspace.settings(self.root))
        if found != self._disk:
            self._disk = found
            self.revision += 1

    def put(self, path: str, uri: str, text: str) -> None:
        """The text of an open buffer."""
        kept = self._open.get(path)
        self._uris[path] = uri
        if kept is None or kept.text != text:
            self._open[path] = SourceFile(path, text)
            self.revision += 1

    def drop(self, path: str) -> None:
        """The buffer was closed: what is on disk counts again."""
        if self._open.pop(path, None) is not None:
            self.revision += 1

    @property
    def idle(self) -> bool:
        """Whether nothing of it is open."""
        return not self._open

    def sources(self) -> list[SourceFile]:
        """The files as they are seen, sorted by path."""
        seen = {**self._disk, **self._open}
        return [seen[path] for path in sorted(seen)]

    def uri(self, path: str) -> str:
        """The address of a file: as the editor wrote it, where it has the file open."""
        if path in self._uris or self.root is None:
            return self._uris.get(path, path)
        return uris.from_fs_path(str(self.root / path)) or path

    def index(self) -> Index:
        """The names of the files as they are now."""
        if self._index is None or self._index[0] != self.revision:
            sources = [source for source in self.sources() if source.path.endswith(workspace.SUFFIX)]
            self._index = (self.revision, Index(sources, self._knowing(sources)))
        return self._index[1]

    def problems(self) -> Sequence[Diagnostic]:
        """What is wrong with the files as they are now."""
        revision, sources = self.revision, self.sources()
        if self._problems is None or self._problems[0] != revision:
            self._problems = (revision, self._check(sources))
        return self._problems[1]


class Folders:
    """All workspaces. Below a folder of the editor, the workspace of a file is the topmost folder on its way that holds
    rule files or a `duly.toml` itself: so a repository may hold several."""

    def __init__(self, check: Check, knowing: Knowing) -> None:
        self.roots: list[Path] = []
        self._check = check
        self._knowing = knowing
        self._folders: dict[str, Folder] = {}

    def __iter__(self) -> Iterator[Folder]:
        return iter(list(self._folders.values()))

    def of(self, uri: str) -> tuple[Folder, str]:
        """The workspace of a document and its path there."""
        named = uris.to_fs_path(uri) if uri.startswith("file:") else None
        if not named:
            if uri not in self._folders:
                self._folders[uri] = Folder(None, self._check, self._knowing)
            return self._folders[uri], ALONE
        path = Path(named).resolve()
        root = self.root_of(path)
        key = str(root)
        if key not in self._folders:
            self._folders[key] = Folder(root, self._check, self._knowing)
        return self._folders[key], path.relative_to(root).as_posix()

    def root_of(self, path: Path) -> Path:
        """The folder whose files belong with this one."""
        known = [folder.root for folder in self._folders.values() if folder.root is not None]
        for root in known:
            if path.is_relative_to(root):
                return root
        tops = [root for root in self.roots if path.is_relative_to(root)]
        if not tops:
            return path.parent
        top = max(tops, key=lambda root: len(root.parts))
        way = [top, *(top.joinpath(*path.relative_to(top).parts[:n]) for n in range(1, len(path.relative_to(top).parts)))]
        return next((folder for folder in way if _holds_rules(folder)), path.parent)

    def forget(self, folder: Folder) -> None:
        """Let go of a workspace nothing of which is open."""
        for key, known in list(self._folders.items()):
            if known is folder:
                del self._folders[key]


def _holds_rules(folder: Path) -> bool:
    return (folder / config.FILE).is_file() or any(folder.glob(f"*{workspace.SUFFIX}"))
