"""`duly test`: the tests of rule files, in simulated time.

Exit code 0 where all passed, 1 where one failed, the files have errors or less is covered than asked, 2 where there is
nothing to run as asked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from duly_dsl import i18n, render, syntax, workspace
from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.source import SourceFile
from duly_platform.cli import coverage, parallel, results
from duly_platform.cli.language import load, unreadable
from duly_runtime import scenario

LANGUAGE = i18n.of_environment()
_catalogue = i18n.translations("duly_platform", LANGUAGE)
_ = _catalogue.gettext
_n = _catalogue.ngettext

PASSED, FAILED = ".", "F"
COLUMNS = 80
"""Points of passed tests in a line."""
LONG_RUN = 200
"""From so many tests on a terminal shows a bar instead of points."""
BAR = 30


class Plan(msgspec.Struct, frozen=True):
    """The tests of one workspace that are to run. `prefix` goes before its paths to name them from here."""

    prefix: str
    sources: list[SourceFile]
    tests: list[syntax.Test]
    parts: parallel.Parts


class BrokenFiles(Exception):
    """The files have errors; the message shows them."""


class Test:
    """`duly test [PATH…] [-k TEXT] [--jobs N] [--watch] [--junit FILE] [--coverage…] [-v]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="PATH", help=_("folder of a workspace, or some of its files")
        )
        parser.add_argument("-k", dest="text", default="", metavar="TEXT", help=_("only tests whose name holds TEXT"))
        parser.add_argument("-v", "--verbose", action="store_true", help=_("name every test"))
        parser.add_argument(
            "--jobs",
            type=jobs,
            default=1,
            metavar="N",
            help=_("run in N processes at once; auto: as many as there are cores"),
        )
        parser.add_argument(
            "--watch", action="store_true", help=_("run again whenever a file changes; q stops, Enter runs")
        )
        parser.add_argument("--junit", type=Path, metavar="FILE", help=_("write the results as JUnit XML"))
        parser.add_argument("--coverage", action="store_true", help=_("show what the tests have tried, and what not"))
        parser.add_argument(
            "--coverage-html",
            type=Path,
            metavar="FOLDER",
            help=_("write the coverage as a page, with every line of the files"),
        )
        parser.add_argument("--coverage-json", type=Path, metavar="FILE", help=_("write the coverage for programs"))
        parser.add_argument(
            "--coverage-min", type=percentage, metavar="PERCENT", help=_("exit code 1 where less than this is covered")
        )

    def run(self, options: argparse.Namespace) -> int:
        if options.watch:
            from duly_platform.cli import watching  # late: only for who watches

            with watching.keys() as wait:
                return watching.watch(lambda: self._once(options), options.paths or [Path()], wait)
        return self._once(options)

    def _once(self, options: argparse.Namespace) -> int:
        try:
            plans = [plan(paths, options) for paths in grouped(options.paths)]
        except BrokenFiles as error:
            print(error, file=sys.stderr)
            return 1
        except (OSError, ValueError) as error:
            print(f"duly: {unreadable(error)}", file=sys.stderr)
            return 2
        if not any(each.tests for each in plans):
            print(_("duly: there are no tests to run"), file=sys.stderr)
            return 2
        show = Shown(sum(len(each.tests) for each in plans), verbose=options.verbose)
        found: list[results.Named] = []
        covered: list[coverage.File] = []
        for each in plans:
            seen: list[scenario.Covered] = []
            for result in parallel.run(each.parts, each.tests, options.jobs, seen):
                named = results.Named(each.prefix, result)
                show.result(named)
                found.append(named)
            covered += coverage.files(seen, {source.path: source.text for source in each.sources}, each.prefix)
        show.end()
        if options.junit:
            results.write_junit(options.junit, found)
        code = results.sum_up(found)
        return max(code, self._coverage(options, covered)) if covering(options) else code

    def _coverage(self, options: argparse.Namespace, files: Sequence[coverage.File]) -> int:
        report = coverage.Report(tuple(files))
        print("\n" + coverage.as_text(report))
        if options.coverage_json:
            coverage.write(options.coverage_json, coverage.as_json(report))
        if options.coverage_html:
            coverage.write(options.coverage_html / "index.html", coverage.as_html(report))
        if options.coverage_min is not None and report.percent < options.coverage_min:
            sentence = _("{percent} is covered, less than the {least} asked for")
            told = sentence.format(percent=coverage.percent(report.percent), least=coverage.percent(options.coverage_min))
            print(f"duly: {told}", file=sys.stderr)
            return 1
        return 0


def covering(options: argparse.Namespace) -> bool:
    wanted = (options.coverage_html, options.coverage_json, options.coverage_min)
    return bool(options.coverage) or any(each is not None for each in wanted)


def jobs(text: str) -> int:
    """The number of processes; 0 stands for as many as there are cores."""
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(_("a number from 1, or auto"))
    return int(text)


def percentage(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(_("a number from 0 to 100"))
    return value


def grouped(paths: Sequence[Path]) -> list[list[Path]]:
    """Every folder is a workspace of its own; files named are of one together, with all they use."""
    named = list(paths) or [Path()]
    files = [path for path in named if not path.is_dir()]
    return [*([path] for path in named if path.is_dir()), *([files] if files else [])]


def plan(paths: Sequence[Path], options: argparse.Namespace) -> Plan:
    """The tests of a folder, or those of the files named. BrokenFiles where the workspace has errors."""
    prefix, sources = load(paths)
    built = build(sources)
    if built.program is None:
        errors = [problem.under(prefix) for problem in built.diagnostics if problem.severity is Severity.ERROR]
        texts = {prefix + source.path: source.text for source in sources}
        raise BrokenFiles(render.text(errors, texts, color=sys.stderr.isatty(), language=LANGUAGE))
    root = workspace.root(paths)
    named = {path.resolve().relative_to(root).as_posix() for path in paths if not path.is_dir()}
    tests = [
        test
        for file in built.files
        if not named or file.path in named
        for test in file.tests
        if options.text.casefold() in test.name.text.casefold()
    ]
    timer = None
    if options.junit:
        from duly_runtime.time import monotonic as timer  # late: it brings asyncio along

    parts = parallel.Parts(built.program, built.files, sources, LANGUAGE, covering(options), timer)
    return Plan(prefix, sources, tests, parts)


class Shown:
    """What is seen while tests run: points, on a terminal with many tests a bar, or with -v the name of each."""

    def __init__(self, tests: int, *, verbose: bool, write: Callable[[str], object] | None = None, tty: bool | None = None):
        self._write = write or sys.stdout.write
        self._flush = sys.stdout.flush if write is None else lambda: None
        self._all = tests
        self._verbose = verbose
        tty = sys.stdout.isatty() if tty is None else tty
        self._bar = tty and not verbose and tests >= LONG_RUN
        self._done = self._failed = 0

    def result(self, named: results.Named) -> None:
        passed = named.result.passed
        self._done += 1
        self._failed += not passed
        if self._verbose:
            word = _("ok") if passed else _("FAILED")
            self._write(f"{word:<8} {named.place}  {named.result.name}\n")
        elif self._bar:
            full = BAR * self._done // self._all
            failed = "  " + _n("{n} failed", "{n} failed", self._failed).format(n=self._failed) if self._failed else ""
            self._write(f"\r{'█' * full}{'░' * (BAR - full)} {self._done}/{self._all}{failed}")
        else:
            self._write(PASSED if passed else FAILED)
            if self._done % COLUMNS == 0 and self._done < self._all:
                self._write("\n")
        self._flush()

    def end(self) -> None:
        self._write("\r\x1b[K" if self._bar else "\n")
