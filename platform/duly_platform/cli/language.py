"""`duly check`, `duly fmt` and `duly explain`: what can be told of rule files without running them."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from duly_dsl import config, i18n, render, workspace
from duly_dsl.catalogue import Kind, every
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.formatter import format as laid_out
from duly_dsl.nearest import nearest
from duly_dsl.parser import MOST_BYTES
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile
from duly_platform import knowledge
from duly_runtime.time import SystemClock

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext
_n = i18n.translations("duly_platform", LANGUAGE).ngettext

COLUMNS = 88
"""Width of the pages of `duly explain`."""
EXAMPLE_LINES = 40
"""Examples of what is too long are cut after this many lines."""


def fail(sentence: str) -> int:
    """Say why the command can't run as asked; the exit code."""
    print(f"duly: {sentence}", file=sys.stderr)
    return 2


def colors() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Check:
    """`duly check [PATH…] [--format text|json|github|gitlab|sarif] [--fix] [--diff]`. A folder is a workspace
    of its own; files named are one together, with all they use. Exit code 1 where there is an error."""

    strict = False
    """Whether a warning is a failure as well."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="PATH", help=_("folder of a workspace, or some of its files")
        )
        parser.add_argument(
            "--format",
            choices=("text", "json", "github", "gitlab", "sarif"),
            default="text",
            help=_(
                "how to show the problems: for people, for programs, as annotations of GitHub Actions, as GitLab's code "
                "quality report, or as SARIF"
            ),
        )
        parser.add_argument("--fix", action="store_true", help=_("make the fixes that leave nothing to choose"))
        parser.add_argument("--diff", action="store_true", help=_("with --fix: write nothing, only show what would change"))

    def run(self, options: argparse.Namespace) -> int:
        named: list[Path] = options.paths or [Path()]
        try:
            found = workspaces(named)
        except (OSError, ValueError) as error:
            return fail(unreadable(error))
        problems: list[Diagnostic] = []
        texts: dict[str, str] = {}
        changed = 0
        for prefix, sources in found:
            if options.fix or options.diff:
                from duly_platform.cli import mending  # late: most checks change nothing

                sources, left, count = mending.mend(prefix, sources, write=not options.diff, quiet=options.format != "text")
                changed += count
            else:
                left = check(sources)
            texts.update((prefix + source.path, source.text) for source in sources)
            problems += [problem.under(prefix) for problem in left]
        count = sum(path.endswith(workspace.SUFFIX) for path in texts)
        if not count:
            return fail(_("there are no .duly files in {paths}").format(paths=listed(named)))
        if options.diff:
            return 1 if changed else 0
        if options.format == "json":
            print(render.as_json(problems, language=LANGUAGE))
        elif options.format == "github":
            if problems:
                print(render.github(problems, language=LANGUAGE))
        elif options.format in ("gitlab", "sarif"):
            print(report(options.format, problems, texts))
        elif problems:
            print(render.text(problems, texts, color=colors(), language=LANGUAGE))
        else:
            print(_n("{count} file, no problems", "{count} files, no problems", count).format(count=count))
        if any(problem.code == "E0901" for problem in problems):
            _tell_left_out()
        return 1 if any(self.strict or problem.severity is Severity.ERROR for problem in problems) else 0


def _tell_left_out() -> None:
    """Which plug-ins could not be loaded, where a kind of connector is not known."""
    from duly_connectors import registry  # late: most checks meet no such problem

    for name, why in registry.plugins().problems.items():
        print(_("duly: the plug-in {name} is left out: {why}").format(name=name, why=why), file=sys.stderr)


def report(form: str, problems: Sequence[Diagnostic], texts: Mapping[str, str]) -> str:
    """The problems as a file other tools read."""
    from importlib.metadata import version  # late: slow, and only this needs it

    from duly_dsl import reports

    if form == "gitlab":
        return reports.gitlab(problems, texts, language=LANGUAGE)
    return reports.sarif(problems, texts, version=version("duly"), language=LANGUAGE)


def workspaces(named: Sequence[Path]) -> list[tuple[str, list[SourceFile]]]:
    """The workspaces of what was named: each folder is one, the files are one together. Raises as `load` does."""
    folders = [[path] for path in named if path.is_dir()]
    files = [path for path in named if not path.is_dir()]
    return [load(paths) for paths in [*folders, *([files] if files else [])]]


def load(paths: Sequence[Path]) -> tuple[str, list[SourceFile]]:
    """The files of a workspace, its `duly.toml` included, and what goes before their paths to name them from here."""
    root = workspace.root(paths)
    sources = [*workspace.load(paths), *workspace.settings(root)]
    if root == Path.cwd():
        return "", sources
    near = root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root
    return near.as_posix().rstrip("/") + "/", sources


def check(sources: Sequence[SourceFile]) -> Sequence[Diagnostic]:
    """All that is wrong with a workspace, as far as it can be told here."""
    from duly_dsl.build import problems  # late: formatting needs no checker

    return problems(sources, world(sources))


def world(sources: Sequence[SourceFile]) -> Environment:
    """What is known here of the world outside: the plug-ins installed, not the secrets and people of a server."""
    kinds = None
    if any("connector" in source.text for source in sources):
        from duly_connectors import registry  # late: only files with connectors need the plug-ins

        kinds = registry.kinds()
    today = SystemClock().now().date()
    return knowledge.environment([source.text for source in sources], kinds=kinds, today=today)


def unreadable(error: Exception) -> str:
    """Why a path named on the command line can't be used."""
    if isinstance(error, FileNotFoundError):
        return _("there is no `{path}`").format(path=error.filename)
    if isinstance(error, OSError):
        return _("`{path}` can't be read: {reason}").format(path=error.filename, reason=error.strerror)
    return _("the files named have no folder in common")


def listed(paths: Iterable[Path]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


class Format:
    """`duly fmt [PATH…] [--check] [--diff]`; the path `-` formats the standard input to the standard output. With --check
    or --diff nothing is written and the exit code is 1 where something would be."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH", help=_("folders and files; - is the standard input"))
        parser.add_argument("--check", action="store_true", help=_("write nothing, only name the files that would change"))
        parser.add_argument("--diff", action="store_true", help=_("write nothing, only show what would change"))

    def run(self, options: argparse.Namespace) -> int:
        if options.paths == ["-"]:
            sys.stdout.write(laid_out(sys.stdin.read()))
            return 0
        files: list[Path] = []
        for path in map(Path, options.paths or ["."]):
            files += workspace.contents(path) if path.is_dir() else [path]
        if not files:
            return fail(_("there are no .duly files in {paths}").format(paths=listed(map(Path, options.paths or ["."]))))
        changed = 0
        for path in dict.fromkeys(files):
            try:
                data = path.read_bytes()
                text = data.decode("utf-8")
            except OSError as error:
                return fail(unreadable(error))
            except UnicodeDecodeError:
                return fail(_("`{path}` isn't UTF-8 text; nothing was written to it").format(path=path))
            if len(data) > MOST_BYTES:
                return fail(_("`{path}` is too large to be a rule file; nothing was written to it").format(path=path))
            better = laid_out(text)
            if better == text:
                continue
            changed += 1
            if options.diff:
                sys.stdout.write(difference(path, text, better))
            elif options.check:
                print(path)
            else:
                path.write_bytes(better.encode("utf-8"))
                print(_("formatted {path}").format(path=path))
        return 1 if changed and (options.check or options.diff) else 0


def difference(path: Path, before: str, after: str) -> str:
    """A unified diff of the two texts."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path.as_posix()}", f"b/{path.as_posix()}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class Explain:
    """`duly explain [CODE|CARD]`: the page of a problem, by code or name; a card by its number (`12`, `#12`); without
    either, the list of all problems."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "code",
            nargs="?",
            metavar="CODE|CARD",
            help=_("a problem's code (E0203) or name (unknown-stage), or a card's number (12)"),
        )
        parser.add_argument("--clock", default="", metavar="NAME", help=_("of a card: only this clock"))
        parser.add_argument("--server", metavar="URL", help=_("of a card: ask this server, with the token in DULY_TOKEN"))
        parser.add_argument("--database", metavar="URL", help=_("of a card: read this database (DULY_DATABASE_URL)"))
        parser.add_argument(
            "--data", type=Path, metavar="FOLDER", help=_("of a card: the server's data folder (DULY_DATA, else .duly)")
        )
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help=_("of a card: for people or for programs")
        )

    def run(self, options: argparse.Namespace) -> int:
        number = (options.code or "").removeprefix("#")
        if number.isdecimal():
            from duly_platform.cli import cards  # late: brings the database along

            return cards.run(int(number), options)
        kinds = every()
        if not options.code:
            for kind in kinds.values():
                print(f"{kind.code}  {kind.name}")
            return 0
        by_name = {kind.name: kind for kind in kinds.values()}
        kind = kinds.get(options.code.upper()) or by_name.get(options.code.lower())
        if kind is None:
            close = nearest(options.code, [*kinds, *by_name])
            sentence = _("there is no problem `{code}`").format(code=options.code)
            return fail(sentence + ("; " + _("did you mean `{name}`?").format(name=close) if close else ""))
        print(page(kind))
        return 0


def page(kind: Kind) -> str:
    """What a problem means, why it is one, and a file that has it."""
    translate = i18n.translations("duly_dsl", LANGUAGE).gettext
    title = f"{kind.code} {kind.name} ({translate(kind.severity.value)})"
    paragraphs = [textwrap.fill(each, COLUMNS) for each in translate(kind.explanation).split("\n\n")]
    lines = kind.example.splitlines()
    shown = [line if len(line) <= COLUMNS else line[:COLUMNS] + "…" for line in lines[:EXAMPLE_LINES]]
    if len(lines) > EXAMPLE_LINES:
        shown.append("…")
    parts = [title, *paragraphs, _("For example:"), textwrap.indent("\n".join(shown), "  ")]
    example = SourceFile(kind.path, kind.example)
    asked = [SourceFile(config.FILE, f'[lints]\n{kind.name} = "warning"\n')] if kind.off else []
    problems = [problem for problem in check([example, *asked]) if problem.code == kind.code]
    if problems:
        parts += [
            _("What `duly check` says of it:"),
            textwrap.indent(render.text(problems, {example.path: example.text}, language=LANGUAGE), "  "),
        ]
    return "\n\n".join(parts)
