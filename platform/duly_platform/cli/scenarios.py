"""`duly test`: the tests of rule files, in simulated time.

Exit code 0 where all passed, 1 where one failed or the files have errors, 2 where there is nothing to run as asked.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as xml
from collections.abc import Sequence
from pathlib import Path

from duly_dsl import i18n, syntax, workspace
from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.parser import parse
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_runtime import scenario

LANGUAGE = i18n.of_environment()
_catalogue = i18n.translations("duly_platform", LANGUAGE)
_ = _catalogue.gettext
_n = _catalogue.ngettext

PASSED, FAILED = ".", "F"


class Test:
    """`duly test [PATH…] [-k TEXT] [--junit FILE] [-v]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="PATH", help=_("folder of a workspace, or some of its files")
        )
        parser.add_argument("-k", dest="text", default="", metavar="TEXT", help=_("only tests whose name holds TEXT"))
        parser.add_argument("--junit", type=Path, metavar="FILE", help=_("write the results as JUnit XML"))
        parser.add_argument("-v", "--verbose", action="store_true", help=_("name every test"))

    def run(self, options: argparse.Namespace) -> int:
        results: list[scenario.Result] = []
        for path in options.paths or [Path()]:
            try:
                ran = self._workspace(path, options)
            except (OSError, UnicodeDecodeError) as error:
                print(f"duly: {error}", file=sys.stderr)
                return 2
            if ran is None:
                return 1
            results += ran
        if not results:
            print(_("duly: there are no tests to run"), file=sys.stderr)
            return 2
        if options.junit:
            write_junit(options.junit, results)
        return self._sum_up(results)

    def _workspace(self, path: Path, options: argparse.Namespace) -> list[scenario.Result] | None:
        """Run the tests of a folder, or those of one file of a workspace; None where the files have errors."""
        sources = workspace.load([path])
        built = build(sources)
        if built.program is None:
            from duly_dsl import render  # imported late: only needed where something is wrong

            errors = [problem for problem in built.diagnostics if problem.severity is Severity.ERROR]
            texts = {source.path: source.text for source in sources}
            print(render.text(errors, texts, color=sys.stderr.isatty()), file=sys.stderr)
            return None
        files = [parse(source).file for source in sources]
        wanted = [
            test
            for file in files
            if path.is_dir() or file.path == path.name
            for test in file.tests
            if options.text.casefold() in test.name.text.casefold()
        ]
        return [self._test(built.program, files, test, sources, options) for test in wanted]

    def _test(
        self,
        program: Program,
        files: Sequence[syntax.File],
        test: syntax.Test,
        sources: Sequence[SourceFile],
        options: argparse.Namespace,
    ) -> scenario.Result:
        result = scenario.run(program, files, test, sources, LANGUAGE)
        if options.verbose:
            word = _("ok") if result.passed else _("FAILED")
            print(f"{word:<8} {result.span.path}:{result.span.line}  {result.name}")
        else:
            print(PASSED if result.passed else FAILED, end="", flush=True)
        return result

    def _sum_up(self, results: list[scenario.Result]) -> int:
        failed = [result for result in results if not result.passed]
        print()
        for result in failed:
            print(f"\n{result.span.path}:{result.span.line}  {result.name}")
            for failure in result.failures:
                print("\n" + tell(failure))
        passed = len(results) - len(failed)
        words = [_n("{n} test passed", "{n} tests passed", passed).format(n=passed)]
        if failed:
            words.append(_n("{n} failed", "{n} failed", len(failed)).format(n=len(failed)))
        expectations = sum(result.expectations for result in results)
        words.append(_n("{n} expectation", "{n} expectations", expectations).format(n=expectations))
        print(("\n" if failed else "") + ", ".join(words))
        return 1 if failed else 0


def tell(failure: scenario.Failure) -> str:
    """A failure as a story: expected, what happened, why."""
    lines = [
        f"  {failure.span.path}:{failure.span.line}",
        "  " + _("expected   {line}  [{moment}]").format(line=failure.expected, moment=failure.moment),
        "  " + _("but        {instead}").format(instead=failure.instead),
    ]
    for title, told in ((_("what happened"), failure.happened), (_("why"), failure.why)):
        if told:
            lines += [f"  {title}", *(f"    {line}" for line in told)]
    return "\n".join(lines)


def write_junit(path: Path, results: Sequence[scenario.Result]) -> None:
    failed = sum(1 for result in results if not result.passed)
    suite = xml.Element("testsuite", name="duly", tests=str(len(results)), failures=str(failed), errors="0")
    for result in results:
        case = xml.SubElement(
            suite,
            "testcase",
            classname=result.span.path,
            name=result.name,
            file=result.span.path,
            line=str(result.span.line),
        )
        if not result.passed:
            story = "\n\n".join(tell(failure) for failure in result.failures)
            xml.SubElement(case, "failure", message=result.failures[0].instead).text = story
    tree = xml.ElementTree(suite)
    xml.indent(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.write(path, encoding="utf-8", xml_declaration=True)
