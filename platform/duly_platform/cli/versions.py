"""`duly versions`, `duly pull` and `duly export`: what a server runs and ran, as files again."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec

from duly_dsl import i18n
from duly_dsl.meaning import Change, Words
from duly_platform.cli import remote
from duly_platform.cli.language import difference, fail
from duly_platform.cli.plan import folder_argument, server
from duly_platform.cli.remote import RemoteError
from duly_platform.settings import make_data_folder

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext

RECORD = Path(".duly", "pulled.json")
"""In the folder: what was pulled last, so that edits made since can be told."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def _there(work: Coroutine[Any, Any, int]) -> int:
    """The exit code of a command's work with a server or a data folder."""
    try:
        return asyncio.run(work)
    except (OSError, RemoteError) as error:
        return fail(str(error))


class Versions:
    """`duly versions [list | show VERSION | diff VERSION [VERSION]]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("what", nargs="?", choices=("list", "show", "diff"), default="list", help=_("what to do"))
        parser.add_argument("versions", nargs="*", metavar="VERSION", help=_("hash of a version, its beginning, or live"))
        parser.add_argument("--json", action="store_true", help=_("print JSON"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        wanted = {"list": (0,), "show": (1,), "diff": (1, 2)}[options.what]
        if len(options.versions) not in wanted:
            return fail(
                _("`{what}` takes {count} version(s)").format(what=options.what, count=" / ".join(map(str, wanted)))
            )
        return _there(self._run(options))

    async def _run(self, options: argparse.Namespace) -> int:
        async with server(options, Path()) as there:
            if options.what == "list":
                rows = await there.versions()
                print(
                    _json(rows) if options.json else "\n".join(line(row) for row in rows) or _("Nothing is published yet.")
                )
                return 0
            names = [await there.named(each) for each in options.versions]
            if options.what == "show":
                version, sources = await there.sources(names[0])
                rows = [row for row in await there.versions() if row["hash"] == version]
                if options.json:
                    print(_json({"version": version, "published": rows, "sources": sources}))
                    return 0
                print("\n".join(line(row) for row in rows))
                for path, text in sorted(sources.items()):
                    print(f"\n# --- {path}\n{text.rstrip()}")
                return 0
            before, after = names[0], names[1] if len(names) == 2 else await there.named("live")
            found = await there.changes(before, after)
        if options.json:
            print(found.decode())
            return 0
        words = Words(LANGUAGE)
        changes = msgspec.json.decode(found, type=list[Change])
        print("\n".join(words.sentence(change) for change in changes) or _("Nothing changes by meaning."))
        return 0


def line(row: dict[str, Any]) -> str:
    """One publishing in a line."""
    parts = [row["hash"][:12], row["created_at"][:16].replace("T", " "), row["author"]]
    parts += [f"[{_('live')}]"] if row["active"] else []
    details = row.get("details", {})
    commit = f"({_('commit')} {details['commit'][:12]})" if details.get("commit") else ""
    return "  ".join(filter(None, (*parts, row.get("choice", ""), row["note"], commit)))


def _json(thing: object) -> str:
    return msgspec.json.format(msgspec.json.encode(thing)).decode()


class Pull:
    """`duly pull [FOLDER]`: refuses to overwrite what was edited here, and shows it; with --force it keeps a copy."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        folder_argument(parser)
        parser.add_argument("--at", default="live", metavar="VERSION", help=_("an earlier version instead"))
        parser.add_argument("--force", action="store_true", help=_("overwrite edited files, keeping each as FILE.orig"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        return _there(self._run(options))

    async def _run(self, options: argparse.Namespace) -> int:
        async with server(options, options.folder) as there:
            version, sources = await there.sources(await there.named(options.at))
        return write(options.folder, version, sources, force=options.force)


def write(folder: Path, version: str, sources: dict[str, str], *, force: bool) -> int:
    """Bring a folder to a version's files; 1 where edits stood in the way and nothing was written."""
    for path in sources:
        parts = Path(path).parts
        if Path(path).is_absolute() or ".." in parts or not path.endswith(".duly"):
            raise RemoteError(_("the server names a file `{path}`, which can't be written here").format(path=path))
    known = _pulled(folder)
    here = {path: _read(folder / path) for path in {*sources, *known}}
    edited = {
        path: text
        for path, text in here.items()
        if text is not None and text != sources.get(path) and _digest(text) != known.get(path)
    }
    if edited and not force:
        for path, text in sorted(edited.items()):
            print(difference(Path(path), text, sources.get(path, "")), end="")
        names = ", ".join(f"`{path}`" for path in sorted(edited))
        fail(
            _("{files} was edited here, so nothing was written; --force overwrites and keeps FILE.orig").format(files=names)
        )
        return 1
    for path in sorted(edited):
        os.replace(folder / path, folder / f"{path}.orig")
        print(_("kept {path}").format(path=f"{path}.orig"))
    changed = 0
    for path, text in sorted(sources.items()):
        if here[path] != text:
            _write(folder / path, text)
            changed += 1
            print(_("wrote {path}").format(path=path))
    for path in sorted(known.keys() - sources.keys()):
        if here[path] is not None and path not in edited:
            (folder / path).unlink()
            changed += 1
            print(_("removed {path}").format(path=path))
    record = {"version": version, "files": {path: _digest(text) for path, text in sources.items()}}
    make_data_folder((folder / RECORD).parent)
    _write(folder / RECORD, _json(record) + "\n")
    if not changed:
        print(_("The files here are those of version {version} already.").format(version=version[:12]))
    return 0


def _pulled(folder: Path) -> dict[str, str]:
    try:
        return dict(msgspec.json.decode((folder / RECORD).read_bytes())["files"])
    except (FileNotFoundError, msgspec.DecodeError, KeyError, TypeError):
        return {}


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
    Path(temporary).chmod(0o644)
    os.replace(temporary, path)


class Export:
    """`duly export FILE.zip`: a version's files and `version.json` with its hash, author, note and origin."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("archive", type=Path, metavar="FILE", help=_("archive to write: .zip, .tar, .tar.gz or .tgz"))
        parser.add_argument("--at", default="live", metavar="VERSION", help=_("an earlier version instead"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        if not options.archive.name.endswith(ARCHIVES):
            return fail(_("an archive's name ends in {endings}").format(endings=", ".join(ARCHIVES)))
        return _there(self._run(options))

    async def _run(self, options: argparse.Namespace) -> int:
        async with server(options, Path()) as there:
            version, sources = await there.sources(await there.named(options.at))
            rows = [row for row in await there.versions() if row["hash"] == version]
        files = {**sources, "version.json": _json({"version": version, "published": rows}) + "\n"}
        options.archive.write_bytes(archive(options.archive.name, files))
        print(_("wrote {path}").format(path=options.archive))
        return 0


def archive(name: str, files: dict[str, str]) -> bytes:
    """The same bytes for the same files."""
    out = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, text in sorted(files.items()):
                packed.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text.encode(), zipfile.ZIP_DEFLATED)
        return out.getvalue()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as packed:
        for path, text in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            packed.addfile(info, io.BytesIO(text.encode()))
    if name.endswith(".tar"):
        return plain.getvalue()
    import gzip  # late: rarely wanted

    return gzip.compress(plain.getvalue(), mtime=0)
