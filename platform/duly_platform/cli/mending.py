"""`duly lint`, and the fixes of `duly check --fix` and `duly lint --fix`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from duly_dsl import config, i18n, render
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.fixing import Made
from duly_dsl.fixing import mend as mended
from duly_dsl.source import SourceFile
from duly_platform.cli.language import Check, check, difference, fail, unreadable, workspaces

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext
_n = i18n.translations("duly_platform", LANGUAGE).ngettext


class Lint(Check):
    """`duly lint [PATH…] [--fix] [--diff] [--list]`: as `duly check`, but a warning is a failure too. With --list the names
    of all lints and how they count here."""

    strict = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--list", action="store_true", help=_("only list the lints and how each counts here"))

    def run(self, options: argparse.Namespace) -> int:
        if not options.list:
            return super().run(options)
        try:
            found = workspaces(options.paths or [Path()])
        except (OSError, ValueError) as error:
            return fail(unreadable(error))
        read = [config.read(source)[0] for _prefix, sources in found for source in sources if source.path == config.FILE]
        levels = read[0] if read else config.Config()
        widest = max(map(len, config.lints()))
        for name, kind in sorted(config.lints().items()):
            print(f"{name:<{widest}}  {kind.code}  {levels.level(name).value}")
        return 0


def mend(
    prefix: str, sources: Sequence[SourceFile], *, write: bool, quiet: bool = False
) -> tuple[list[SourceFile], Sequence[Diagnostic], int]:
    """Make the sure fixes of a workspace, and say what was done: in words, or as a diff where nothing is to be written. The
    files after it, the problems left, and how many fixes were made. `quiet` leaves the output to the problems."""
    done = mended(sources, check)
    before = {source.path: source.text for source in sources}
    changed = [source for source in done.sources if source.text != before[source.path]]
    for source in changed:
        path = Path(prefix + source.path)
        if write:
            path.write_bytes(source.text.encode("utf-8"))
        else:
            sys.stdout.write(difference(path, before[source.path], source.text))
    if write and not quiet:
        for each in done.made:
            print(_said(prefix, each))
        if done.made:
            count = len(done.made)
            print(_n("{count} fix made", "{count} fixes made", count).format(count=count) + "\n")
    return list(done.sources), done.left, len(done.made)


def _said(prefix: str, made: Made) -> str:
    words = render.Words(LANGUAGE)
    span = made.problem.span.under(prefix)
    return (
        f"{span.path}:{span.line}: {made.problem.code} {words.message(made.problem)}: {words.title(made.problem, made.fix)}"
    )
