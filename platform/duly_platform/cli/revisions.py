"""Rule files as a git revision holds them, read with `git show`: nothing is checked out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from duly_dsl import i18n
from duly_dsl.source import SourceFile
from duly_dsl.workspace import SUFFIX

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

SECONDS = 60


class GitError(Exception):
    """Git can't say; the message is for the person at the terminal."""


def git(folder: Path, *arguments: str) -> str:
    """What `git` writes to its standard output."""
    program = shutil.which("git")
    if program is None:
        raise GitError(_("git is not installed, and a revision can't be read without it"))
    try:
        done = subprocess.run(
            [program, "-C", str(folder), *arguments],
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise GitError(_("git did not answer within {seconds} seconds").format(seconds=SECONDS)) from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(lines[-1].removeprefix("fatal: ") if lines else _("git failed"))
    return done.stdout.decode("utf-8", "replace")


def files(folder: Path, revision: str) -> list[SourceFile]:
    """The `.duly` files below a folder as of a revision; paths are relative to the folder. GitError where there is no
    such revision, or no repository."""
    if revision.startswith("-"):
        raise GitError(_("`{revision}` is no revision").format(revision=revision))
    try:
        commit = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except GitError as error:
        inside = _is_repository(folder)
        if inside:
            raise GitError(_("there is no revision `{revision}` here").format(revision=revision)) from None
        raise GitError(
            str(error) if inside is None else _("`{folder}` is in no git repository").format(folder=folder)
        ) from None
    prefix = git(folder, "rev-parse", "--show-prefix").strip()
    names = git(folder, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    wanted = [name for name in names if name.endswith(SUFFIX) and not any(part.startswith(".") for part in name.split("/"))]
    return [SourceFile(name, git(folder, "show", f"{commit}:{prefix}{name}")) for name in sorted(wanted)]


def _is_repository(folder: Path) -> bool | None:
    """None where git itself is missing."""
    if shutil.which("git") is None:
        return None
    try:
        git(folder, "rev-parse", "--git-dir")
    except GitError:
        return False
    return True


def origin(folder: Path) -> dict[str, str]:
    """The commit a folder's files are at, where they are those of the commit; else nothing."""
    try:
        if git(folder, "status", "--porcelain", "--", "."):
            return {}
        commit, author = git(folder, "log", "-1", "--format=%H%n%an <%ae>").strip().splitlines()[:2]
        branch = git(folder, "rev-parse", "--abbrev-ref", "HEAD").strip()
    except (GitError, ValueError):
        return {}
    return {"commit": commit, "commit_author": author[:300], "branch": "" if branch == "HEAD" else branch[:300]}
