"""The tests of the rules, run on what is typed: in a process of their own, with a limit, told as they come."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page
from duly_admin_ui.pages.workbench import Beside, errors, fragment
from duly_admin_ui.rule_files import proper
from duly_dsl.build import Built
from duly_dsl.source import SourceFile
from duly_runtime.scenario import SORTS, Covered, Result, apart

LONGEST = 60.0
"""Seconds a run may take."""
MOST_RUNS = 2
"""At once, of all people: each takes a core."""

_running: set[object] = set()


class Tally(msgspec.Struct):
    """A run so far."""

    all: int
    results: list[Result] = []
    complete: bool = False
    covered: tuple[Covered, ...] = ()
    refused: str = ""
    """Why nothing was run, or how it broke."""

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.passed]


async def runs(page: Page, sources: dict[str, str], built: Built) -> AsyncGenerator[Tally, None]:
    """The same tally after each test, and at the end. `built` is what the sources make."""
    if built.program is None:
        broken = page.gettext("The tests need files without errors; errors now: {count}.")
        yield Tally(0, refused=broken.format(count=errors(built)))
        return
    work = apart.Work(
        built.program, built.files, [SourceFile(path, text) for path, text in sorted(sources.items())], page.language
    )
    tally = Tally(len(work.tests))
    if len(_running) >= MOST_RUNS:
        tally.refused = page.gettext("Others are running tests just now. Try again in a moment.")
        yield tally
        return
    mine = object()
    _running.add(mine)
    try:
        async with contextlib.aclosing(apart.run(work, LONGEST)) as found:
            async for each in found:
                if isinstance(each, Result):
                    tally.results.append(each)
                else:
                    tally.complete, tally.covered = each.complete, each.covered
                yield tally
    except apart.Lost as error:
        tally.refused = page.gettext("The run broke off: {why}").format(why=str(error).strip().rpartition("\n")[2])
        yield tally
    finally:
        _running.discard(mine)


def shown(page: Page, tally: Tally) -> dict[str, Any]:
    """What the template of results needs."""
    names = sort_names(page)
    rows = [
        (names[sort], sum(each.count > 0 for each in points), len(points))
        for sort in SORTS
        if (points := [each for each in tally.covered if each.point.sort == sort])
    ]
    missed = [
        (names[each.point.sort], each.point.name, branch(page, each.point.branch), each.point.span)
        for each in tally.covered
        if not each.count
    ]
    return {"tally": tally, "rows": rows, "missed": missed, "longest": int(LONGEST)}


def branch(page: Page, name: str) -> str:
    told = {"true": page.gettext("never true"), "false": page.gettext("never false")}
    return told.get(name, "")


def sort_names(page: Page) -> dict[str, str]:
    _ = page.gettext
    return {
        "stage": _("Stages"),
        "target": _("Targets"),
        "assignment": _("Assignments"),
        "alert": _("Alerts"),
        "silence": _("Silences"),
        "resume": _("Resumes"),
        "level": _("Levels of escalations"),
        "rule": _("Rules"),
        "condition": _("Conditions"),
    }


def lines(covered: Iterable[Covered]) -> dict[str, dict[int, str]]:
    """By file and line: `all` of its points were reached, `some`, or `none`."""
    found: dict[str, dict[int, list[bool]]] = {}
    for each in covered:
        span = each.point.span
        found.setdefault(span.path, {}).setdefault(span.line, []).append(each.count > 0)
    return {
        path: {line: "all" if all(points) else "some" if any(points) else "none" for line, points in by_line.items()}
        for path, by_line in found.items()
    }


@post("/rules/tests", status_code=200, guards=[needs("rules.read")])
async def run_tests(page: NamedDependency[Page], data: JSONBody[Beside]) -> Stream:
    """Lines of JSON: `done`, `all` and `failed` after each test, at the end `html` and the coverage of `lines`. The run
    ends when nobody reads any more."""
    return Stream(told(page, proper(data.sources)), media_type="application/x-ndjson")


async def told(page: Page, sources: dict[str, str]) -> AsyncGenerator[bytes, None]:
    tally = Tally(0)
    async with contextlib.aclosing(runs(page, sources, await page.services.built(sources))) as found:
        async for tally in found:
            so_far = {"done": len(tally.results), "all": tally.all, "failed": len(tally.failed)}
            yield msgspec.json.encode(so_far) + b"\n"
    html = fragment(page, "rules_results.html", shown(page, tally))
    yield msgspec.json.encode({"html": html, "lines": lines(tally.covered)}) + b"\n"


HANDLERS = (run_tests,)
