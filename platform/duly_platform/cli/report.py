"""`duly report`: the figures of a report the rules define, from the data of a workspace or from a running server."""

from __future__ import annotations

import argparse
import asyncio
import csv
import datetime as dt
import io
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import i18n
from duly_dsl.columns import pad, width
from duly_dsl.nearest import nearest
from duly_dsl.program import Program
from duly_platform.cli.accounts import workspace_argument
from duly_platform.settings import SettingsError, load
from duly_runtime.reports import TIME_IN_STAGE, BadPeriod, Figures, ReportResult, run
from duly_runtime.store.api import Store, StoreUnavailable
from duly_runtime.store.database import open_store
from duly_runtime.time import SystemClock

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

SECONDS = 30
"""A server that doesn't answer within this is not waited for."""


Found = TypeVar("Found")


class Refused(Exception):
    """The report can't be made; the message says why, for people."""


class Report:
    """`duly report [NAME]`; without a name, the reports there are. Exit code 1 where a goal was not reached, 2 where the
    report can't be made."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "name", nargs="?", metavar="NAME", help=_("name of the report; left out, the reports there are")
        )
        parser.add_argument("--since", type=_date, metavar="DATE", help=_("first day, instead of the report's own period"))
        parser.add_argument("--until", type=_date, metavar="DATE", help=_("last day"))
        parser.add_argument(
            "--format", choices=("table", "csv", "json"), default="table", help=_("how to show the figures")
        )
        parser.add_argument(
            "--server", metavar="URL", help=_("ask this server, with the API token in DULY_TOKEN, not the data here")
        )
        workspace_argument(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            if options.server:
                found = self._of_server(options)
            else:
                found = asyncio.run(self._of_store(_database(options.workspace), options))
        except (Refused, SettingsError, StoreUnavailable) as error:
            print(f"duly: {error}", file=sys.stderr)
            return 2
        if isinstance(found, ReportResult):
            sys.stdout.write(shown(found, options.format))
            return 1 if any(figures.reached is False for figures in found.totals) else 0
        if options.format == "json":
            print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        else:
            print("\n".join(found))
        return 0

    # --- the data here ------------------------------------------------------------------------------------------------

    async def _of_store(self, url: str, options: argparse.Namespace) -> ReportResult | list[str]:
        store: Store = open_store(url)
        await store.start()
        try:
            version = await store.active_version()
            if version is None:
                raise Refused(_("nothing is published yet"))
            program = Program.decode(version.program)
            if options.name is None:
                return list(program.reports)
            report = program.reports.get(options.name)
            if report is None:
                raise Refused(_unknown(options.name, list(program.reports)))
            try:
                return await run(store, program, report, SystemClock().now(), options.since, options.until)
            except BadPeriod as error:
                raise Refused(_("the period holds no day: {why}").format(why=error)) from None
        finally:
            await store.stop()

    # --- a server -----------------------------------------------------------------------------------------------------

    def _of_server(self, options: argparse.Namespace) -> ReportResult | list[str]:
        base = options.server.rstrip("/") + "/api/v1/reports"
        if not base.startswith(("http://", "https://")):
            raise Refused(_("the address of a server starts with https:// or http://"))
        if options.name is None:
            return [each.name for each in _decoded(base, list[_Named])]
        dates = {"since": options.since, "until": options.until}
        query = urllib.parse.urlencode({key: date.isoformat() for key, date in dates.items() if date})
        address = f"{base}/{urllib.parse.quote(options.name, safe='')}" + (f"?{query}" if query else "")
        return _decoded(address, ReportResult)


def _database(workspace: Path) -> str:
    """The URL of a workspace's database; Refused where it has none, so that a slip in a name makes no new one."""
    settings = load(workspace)
    path = settings.database_url.removeprefix("sqlite:///")
    if path != settings.database_url and not Path(path).exists():
        raise Refused(_("there is no database at {path}: name the folder with --workspace").format(path=path))
    return settings.database_url


class _Named(msgspec.Struct):
    name: str


def _decoded(address: str, kind: type[Found]) -> Found:
    try:
        return msgspec.json.decode(_get(address), type=kind)
    except msgspec.DecodeError:
        raise Refused(_("{address} is no Duly that knows reports").format(address=address)) from None


def _get(address: str) -> bytes:
    """What a server of ours answers; Refused with its own words where it does not."""
    token = os.environ.get("DULY_TOKEN", "")
    if not token:
        raise Refused(_("set DULY_TOKEN to an API token with the scope read"))
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Refused(_detail(error)) from None
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise Refused(_("{address} does not answer: {reason}").format(address=address, reason=reason)) from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(msgspec.json.decode(error.read())["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def _unknown(name: str, known: list[str]) -> str:
    sentence = _("there is no report `{name}`").format(name=name)
    if close := nearest(name, known):
        return sentence + "; " + _("did you mean `{name}`?").format(name=close)
    return sentence


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_("write a date like 2026-01-31")) from None


# --- words ------------------------------------------------------------------------------------------------------------


def shown(result: ReportResult, form: str) -> str:
    """A result as a table for people, as CSV (a line a row and total, times in seconds), or as JSON."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    return _csv(result) if form == "csv" else _table(result)


def _csv(result: ReportResult) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fields = ("count", "met", "missed", "excused", "compliance", "median_seconds", "p90_seconds", "reached")
    writer.writerow(("measure", *result.by, *fields))
    for row in result.rows or result.totals:
        cells = [getattr(row, field) for field in fields]
        values = [value if isinstance(value, int | float | str) else "" for value in cells]
        writer.writerow((row.measure, *(row.group.get(each, "") for each in result.by), *values))
    return out.getvalue()


def _table(result: ReportResult) -> str:
    zone = result.zone
    first, last = (_local(at, zone) for at in (result.since, result.until - dt.timedelta(microseconds=1)))
    lines = [f"{result.name}  {first} – {last}  ({zone})"]
    if result.goal:
        lines[0] += "  " + _("goal {goal}%").format(goal=result.goal)
    if result.without_excused:
        lines[0] += "  " + _("without excused")
    heads = [
        _("measure"), *result.by, _("count"), _("met"), _("missed"), _("excused"), _("compliance"), _("median"), "p90",
    ]  # fmt: skip
    rows = [heads]
    for measure in result.totals:
        mine = [row for row in result.rows if row.measure == measure.measure]
        rows += [_cells(row, result.by) for row in mine]
        rows.append(_cells(measure, result.by, total=bool(mine)))
    widths = [max(width(row[place]) for row in rows) for place in range(len(heads))]
    words = 1 + len(result.by)
    for row in rows:
        cells = [
            pad(cell, widths[place]) if place < words else " " * (widths[place] - width(cell)) + cell
            for place, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _cells(row: Figures, by: tuple[str, ...], *, total: bool = False) -> list[str]:
    group = [row.group.get(each, "") or "–" for each in by]
    if by and not row.group:
        group = [_("total") if total else "–", *[""] * (len(by) - 1)]
    clock = row.measure != TIME_IN_STAGE
    share = "–" if row.compliance is None else f"{row.compliance:.1%}"
    if row.reached is not None:
        share = ("✓ " if row.reached else "✗ ") + share
    counted = [str(row.met), str(row.missed), str(row.excused), share] if clock else [""] * 4
    return [row.measure, *group, str(row.count), *counted, span(row.median_seconds), span(row.p90_seconds)]


def span(seconds: float | None) -> str:
    """`1h05m`, `12m`, `40s`; a dash for nothing."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes = round(seconds / 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def _local(at: dt.datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()
