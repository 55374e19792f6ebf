"""`duly backtest`: what would have happened in the past under the files of a folder."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from duly_dsl import i18n, workspace
from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.program import ContainsAny, Program
from duly_dsl.source import SourceFile
from duly_platform.cli import backtest_report as report
from duly_platform.cli.language import fail, listed, unreadable
from duly_platform.eventlog.source import EventLog
from duly_platform.past import Database, Journal, PastError, Server, Source, files_of
from duly_platform.settings import SettingsError
from duly_platform.settings import load as load_settings
from duly_runtime.backtest.compare import Limit, limit, new_breaches
from duly_runtime.backtest.outcomes import DIMENSIONS, MEASURES
from duly_runtime.backtest.replay import Endless
from duly_runtime.backtest.running import Failed, Result, run
from duly_runtime.store.api import StoreUnavailable
from duly_runtime.time import SystemClock

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext
_n = i18n.translations("duly_platform", i18n.of_environment()).ngettext

BY = ("owner", "stage", "type")
TOKEN = "DULY_TOKEN"  # noqa: S105 - the name of a variable
AMOUNTS = {"h": dt.timedelta(hours=1), "d": dt.timedelta(days=1), "w": dt.timedelta(weeks=1)}
BAR_SECONDS = 0.2
"""Real seconds between two drawings of the progress bar."""


class Backtest:
    """`duly backtest [FOLDER] --since 90d`. Exit code 1 where a limit is crossed, 2 where it could not run."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help=_("folder of the .duly files to try")
        )
        parser.add_argument("--since", metavar="WHEN", help=_("count what happened since: 90d, 12w, 2026-01-31 (UTC)"))
        parser.add_argument(
            "--until",
            metavar="WHEN",
            help=_("end there: 7d (ago), 2026-03-31 (UTC); by default now, or with the last line of a file"),
        )
        parser.add_argument(
            "--against",
            metavar="WHAT",
            help=_("compare with: live, a version, another folder or a git revision (default: live, where there is one)"),
        )
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help=_("data folder of a Duly on this machine (default: .duly in the folder)"),
        )
        source.add_argument("--server", metavar="URL", help=_("take the past from a server; its token is in DULY_TOKEN"))
        source.add_argument("--journal", type=Path, metavar="FILE", help=_("take the past from a saved journal (NDJSON)"))
        source.add_argument("--log", type=Path, metavar="FILE", help=_("take the past from an event log (CSV or XES)"))
        parser.add_argument("--mapping", type=Path, metavar="FILE", help=_("what the log's columns and activities mean"))
        parser.add_argument(
            "--skip-bad-lines", action="store_true", help=_("go on without the lines of the log that can't be read")
        )
        parser.add_argument("--texts", action="store_true", help=_("with --server: fetch what people wrote, too"))
        parser.add_argument(
            "--by",
            default=",".join(BY),
            metavar="LIST",
            help=_("break the numbers down by: {dimensions}").format(dimensions=", ".join(DIMENSIONS)),
        )
        parser.add_argument(
            "--format", choices=report.FORMATS, default="text", help=_("how to show the result (default: text)")
        )
        parser.add_argument("--cards", action="store_true", help=_("name the cards behind each number"))
        parser.add_argument(
            "--fail-on",
            action="append",
            default=[],
            metavar="LIMIT",
            help=_("exit code 1 where it is crossed: 'breaches > +5%%', 'alerts > 100' (may be repeated)"),
        )
        parser.add_argument(
            "--max-new-breaches",
            type=int,
            metavar="N",
            help=_("exit code 1 where more than N clocks are missed that were not before"),
        )
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help=_("processes to use (default: 1)"))

    def run(self, options: argparse.Namespace) -> int:
        try:
            asked = _asked(options)
            files = _read(options.folder)
            if files is None:
                return 2
            program = compiled(files, str(options.folder))
            with contextlib.closing(_source(options, program)) as source:
                return _backtest(options, asked, program, source)
        except (PastError, SettingsError, StoreUnavailable, Failed) as error:
            return fail(str(error))
        except Endless as error:
            return fail(_("a card never comes to rest: {reason}").format(reason=error))
        except (msgspec.DecodeError, RecursionError) as error:
            return fail(_("the past can't be read: {reason}").format(reason=error))


class _Asked(msgspec.Struct, kw_only=True):
    """The options, read."""

    since: dt.datetime | None
    until: dt.datetime | None
    """None: with the last line of a journal or log."""
    by: list[str]
    limits: list[Limit]


def _asked(options: argparse.Namespace) -> _Asked:
    now = SystemClock().now()
    by = [name.strip() for name in options.by.split(",") if name.strip()]
    for name in by:
        if name not in DIMENSIONS:
            raise PastError(
                _("`{name}` is nothing to break numbers down by: {known}").format(name=name, known=", ".join(DIMENSIONS))
            )
    limits: list[Limit] = []
    for text in options.fail_on:
        try:
            limits.append(limit(text))
        except ValueError:
            raise PastError(
                _("`{text}` is no limit; write `breaches > +5%`. What is counted: {measures}").format(
                    text=text, measures=", ".join(MEASURES)
                )
            ) from None
    if options.jobs < 1:
        raise PastError(_("--jobs takes a number from 1"))
    since = moment(options.since, now, "--since") if options.since else None
    until = moment(options.until, now, "--until") if options.until else None
    if until is None and not options.journal and not options.log:
        until = now
    if since is not None and until is not None and since >= until:
        raise PastError(_("the period ends before it begins"))
    return _Asked(since=since, until=until, by=by, limits=limits)


def moment(text: str, now: dt.datetime, option: str) -> dt.datetime:
    """`90d` ago, or a date or instant (UTC where it says no zone)."""
    ago = re.fullmatch(r"([0-9]{1,5})([hdw])", text.strip())
    try:
        if ago:
            return now - int(ago[1]) * AMOUNTS[ago[2]]
        at = dt.datetime.fromisoformat(text.strip())
        return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise PastError(
            _("{option} takes 90d, 12w, 48h or a date like 2026-01-31, not `{text}`").format(option=option, text=text)
        ) from None


def _source(options: argparse.Namespace, program: Program) -> Source:
    if options.mapping and not options.log:
        raise PastError(_("--mapping goes with --log"))
    if options.log:
        return EventLog(options.log, options.mapping, program)
    if options.server:
        token = os.environ.get(TOKEN, "")
        if not token:
            raise PastError(_("--server needs a token with the scope `read` in the variable DULY_TOKEN"))
        if not options.server.startswith(("http://", "https://")):
            raise PastError(_("--server takes an address that begins with https:// or http://"))
        return Server(options.server, token, texts=options.texts)
    if options.journal:
        return Journal(options.journal)
    return Database(load_settings(options.folder, data=options.data))


def _backtest(options: argparse.Namespace, asked: _Asked, program: Program, source: Source) -> int:
    against: Program | None = None
    name = options.against
    if name is None and source.version("live") is not None:
        name = "live"
    if name is not None:
        against = compiled(files_of(name, options.folder, source), name)
    if against is None and (options.max_new_breaches is not None or any(each.relative for each in asked.limits)):
        raise PastError(_("a limit on what changes needs something to compare with: --against"))
    programs = [program] if against is None else [program, against]
    if options.server and not options.texts and any(reads_texts(each) for each in programs):
        print(
            _("duly: these rules read what customers write, which is left out: they find nothing (--texts fetches it)"),
            file=sys.stderr,
        )
    bar = Bar(source.total())
    began = time.perf_counter()
    try:
        results = run(
            programs,
            source.lines(),
            since=asked.since,
            until=asked.until,
            jobs=options.jobs,
            progress=bar.show if sys.stderr.isatty() else None,
        )
    finally:
        bar.clear()
    problems = source.problems if isinstance(source, EventLog) else None
    if problems is not None and problems.count:
        for line in problems.shown:
            print(f"duly: {options.log}, {line}", file=sys.stderr)
        if not options.skip_bad_lines:
            return fail(
                _n(
                    "{n} line of the log can't be used; mend it, or leave it out with --skip-bad-lines",
                    "{n} lines of the log can't be used; mend them, or leave them out with --skip-bad-lines",
                    problems.count,
                ).format(n=problems.count)
            )
    told = report.Told(
        after=results[0],
        before=results[1] if against is not None else None,
        name=name or "",
        since=asked.since,
        until=results[0].end,
        by=asked.by,
        cards=options.cards,
        seconds=time.perf_counter() - began,
    )
    if isinstance(source, EventLog):
        told.labels = source.labels
        told.skipped, told.ignored = source.problems.count, source.ignored
    told.crossed = _crossed(options, asked, results)
    print(report.FORMATS[options.format](told))
    if options.format != "text":
        for sentence in told.crossed:
            print(sentence, file=sys.stderr)
    return 1 if told.crossed else 0


def _crossed(options: argparse.Namespace, asked: _Asked, results: Sequence[Result]) -> list[str]:
    """Sentences on the limits that are crossed."""
    after, before = results[0].tally, results[1].tally if len(results) > 1 else None
    crossed: list[str] = []
    for each in asked.limits:
        if each.crossed(after, before):
            found = each.found(after, before)
            value = f"{found:+.4g}" if each.relative else f"{found:.0f}"
            crossed.append(
                _("limit crossed: {limit} (it is {value})").format(
                    limit=each.text, value=value + ("%" if each.percent else "")
                )
            )
    if options.max_new_breaches is not None and before is not None:
        count = new_breaches(after, before)
        if count > options.max_new_breaches:
            crossed.append(
                _("limit crossed: {count} new breaches, {most} are allowed").format(
                    count=count, most=options.max_new_breaches
                )
            )
    return crossed


def _read(folder: Path) -> dict[str, str] | None:
    try:
        files = {source.path: source.text for source in workspace.load([folder])}
    except (OSError, ValueError) as error:
        fail(unreadable(error))
        return None
    if not files:
        fail(_("there are no .duly files in {paths}").format(paths=listed([folder])))
        return None
    return files


def compiled(files: dict[str, str], name: str) -> Program:
    """PastError, with the problems, where the files have errors."""
    sources = [SourceFile(path, text) for path, text in sorted(files.items())]
    built = build(sources)
    if built.program is None:
        from duly_dsl import render  # late: only needed where something is wrong

        errors = [problem for problem in built.diagnostics if problem.severity is Severity.ERROR]
        shown = render.text(errors, files, color=False, language=i18n.of_environment())
        raise PastError(_("the files of {name} have errors:").format(name=name) + "\n\n" + shown)
    return built.program


def reads_texts(program: Program) -> bool:
    """Whether any condition reads a message."""
    return any(isinstance(predicate, ContainsAny) for predicate in program.predicates)


class Bar:
    """How far it is, on a terminal. `total` 0: nobody knows how much there is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.perf_counter()
        self._drawn = 0.0
        self._shown = False

    def show(self, count: int, at: dt.datetime) -> None:
        now = time.perf_counter()
        if now - self._drawn < BAR_SECONDS:
            return
        self._drawn = now
        rate = count / max(now - self._began, 1e-6)
        parts = [
            _("{count} events").format(count=report.number(count)),
            f"{at:%Y-%m-%d}",
            _("{rate}/s").format(rate=report.number(rate, ",.0f")),
        ]
        if self._total:
            share = min(count / self._total, 1.0)
            filled = round(share * 20)
            parts.insert(0, "█" * filled + "░" * (20 - filled) + f" {share:4.0%}")
            left = max(self._total - count, 0) / max(rate, 1e-6)
            parts.append(_("{seconds} s left").format(seconds=f"{left:.0f}"))
        sys.stderr.write("\r\x1b[K" + "  ".join(parts))
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
