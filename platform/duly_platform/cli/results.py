"""What came of tests: the sum, each failure as a story, and JUnit XML for build servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from collections.abc import Sequence
from pathlib import Path

import msgspec

from duly_dsl import i18n
from duly_platform.cli.language import colors
from duly_runtime import scenario

_catalogue = i18n.translations("duly_platform", i18n.of_environment())
_ = _catalogue.gettext
_n = _catalogue.ngettext


BOLD, FAINT, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
"""For terminals: the story stays in the background."""


class Named(msgspec.Struct, frozen=True):
    """A result, with what goes before its workspace's paths to name them from here."""

    prefix: str
    result: scenario.Result

    @property
    def path(self) -> str:
        return self.prefix + self.result.span.path

    @property
    def place(self) -> str:
        return f"{self.path}:{self.result.span.line}"


def sum_up(found: Sequence[Named]) -> int:
    """Tell every failure and the sum; the exit code."""
    failed = [each for each in found if not each.result.passed]
    color = colors()
    for each in failed:
        print("\n" + _styled(BOLD, f"{each.place}  {each.result.name}", color))
        for failure in each.result.failures:
            print("\n" + tell(failure, each.prefix, color=color))
    passed = len(found) - len(failed)
    words = [_n("{n} test passed", "{n} tests passed", passed).format(n=passed)]
    if failed:
        words.append(_n("{n} failed", "{n} failed", len(failed)).format(n=len(failed)))
    expectations = sum(each.result.expectations for each in found)
    words.append(_n("{n} expectation", "{n} expectations", expectations).format(n=expectations))
    print(("\n" if failed else "") + ", ".join(words))
    return 1 if failed else 0


def tell(failure: scenario.Failure, prefix: str = "", *, color: bool = False) -> str:
    """A failure as a story: expected, what happened, why."""
    but = _("but        {instead}").format(instead=failure.instead)
    lines = [
        f"  {prefix}{failure.span.path}:{failure.span.line}",
        "  " + _("expected   {line}  [{moment}]").format(line=failure.expected, moment=failure.moment),
        "  " + _styled(RED, but, color),
    ]
    for title, told, style in ((_("what happened"), failure.happened, FAINT), (_("why"), failure.why, "")):
        if told:
            lines += [f"  {_styled(BOLD, title, color)}", *(f"    {_styled(style, line, color)}" for line in told)]
    return "\n".join(lines)


def _styled(style: str, text: str, color: bool) -> str:
    return f"{style}{text}{PLAIN}" if color and style else text


def write_junit(path: Path, found: Sequence[Named]) -> None:
    """As build servers' schema has it: a test's file is its class, its line stands in the failure."""
    failed = sum(1 for each in found if not each.result.passed)
    time = sum(each.result.seconds for each in found)
    suite = xml.Element(
        "testsuite",
        name="duly",
        tests=str(len(found)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time=f"{time:.3f}",
    )
    for each in found:
        result = each.result
        case = xml.SubElement(
            suite,
            "testcase",
            name=_printable(result.name),
            classname=_printable(each.path),
            assertions=str(result.expectations),
            time=f"{result.seconds:.3f}",
        )
        if not result.passed:
            story = "\n\n".join([each.place, *(tell(failure, each.prefix) for failure in result.failures)])
            first = result.failures[0]
            xml.SubElement(case, "failure", type="expectation", message=_printable(first.instead)).text = _printable(story)
    tree = xml.ElementTree(suite)
    xml.indent(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """Without the characters XML has no way to write."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
