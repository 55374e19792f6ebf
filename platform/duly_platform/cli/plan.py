"""`duly plan`, `duly publish` and `duly rollback`: what would change, and making it so."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from duly_dsl import i18n, workspace
from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.meaning import changes
from duly_dsl.meaning.problems import Held, problems
from duly_dsl.source import SourceFile
from duly_platform.cli import plan_text, remote, revisions
from duly_platform.cli.language import fail, world
from duly_platform.cli.remote import Remote, RemoteError
from duly_runtime.planning import CHOICES, Plan

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

DEFAULT = CHOICES[0]
TRIES = 3
"""Plans a publish with --yes makes where cards change while it is at it."""


def choice_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--open-cards",
        type=lambda text: text.replace("-", " "),
        choices=CHOICES,
        default=DEFAULT,
        metavar="{" + ",".join(each.replace(" ", "-") for each in CHOICES) + "}",
        help=_("what becomes of open cards: new promises for what starts from now on, for new cards only, or for all"),
    )


def folder_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help=_("folder of .duly files"))


def show(plan: Plan, choice: str, form: str) -> None:
    shown = {"json": plan_text.as_json, "markdown": plan_text.as_markdown}.get(form, plan_text.as_text)
    print(shown(plan, choice))


def broken(plan: Plan) -> bool:
    return any(problem.severity is Severity.ERROR for problem in plan.diagnostics)


def sources_of(folder: Path) -> dict[str, str]:
    """Path -> text; FileNotFoundError or ValueError with a sentence where there is nothing."""
    if not folder.is_dir():
        raise ValueError(_("`{folder}` is not a folder").format(folder=folder))
    found = {source.path: source.text for source in workspace.load([folder])}
    if not found:
        raise ValueError(_("there are no .duly files in `{folder}`").format(folder=folder))
    return found


class PlanCommand:
    """`duly plan [FOLDER] --against live|REV`: exit code 1 where the files have errors. With --detailed-exitcode 0 means
    that nothing changes and 2 that something does."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        folder_argument(parser)
        parser.add_argument(
            "--against",
            default="live",
            metavar="live|REV",
            help=_("what to compare with: the running version (default), or a git revision, which knows no cards"),
        )
        choice_argument(parser)
        parser.add_argument(
            "--format", choices=("text", "json", "markdown"), default="text", help=_("how to show the plan")
        )
        parser.add_argument(
            "--detailed-exitcode", action="store_true", help=_("exit with 0: no change, 1: error, 2: changes")
        )
        parser.add_argument("--limit", type=int, default=50, help=_("cards named for each kind of effect"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            sources = sources_of(options.folder)
            if options.against == "live":
                plan = asyncio.run(self._live(options, sources))
            else:
                plan = against(options.folder, options.against, sources)
        except (ValueError, OSError, revisions.GitError, RemoteError) as error:
            fail(str(error))
            return 1 if options.detailed_exitcode else 2
        show(plan, options.open_cards, options.format)
        if broken(plan):
            return 1
        return 2 if options.detailed_exitcode and plan.changes else 0

    async def _live(self, options: argparse.Namespace, sources: dict[str, str]) -> Plan:
        async with server(options, options.folder) as there:
            return await there.plan(sources, options.limit)


def against(folder: Path, revision: str, sources: dict[str, str]) -> Plan:
    """The plan of replacing a revision's files; without cards, since git knows none."""
    then = revisions.files(folder, revision)
    now = [SourceFile(path, text) for path, text in sources.items()]
    before, after = build(then, world(then)), build(now, world(now))
    if after.program is None:
        return Plan(base="", version="", diagnostics=after.diagnostics)
    if before.program is None:
        raise revisions.GitError(_("the files of `{revision}` have errors of their own").format(revision=revision))
    return Plan(
        base=before.program.hash,
        version=after.program.hash,
        changes=changes(before.program, after.program),
        diagnostics=(*after.diagnostics, *problems(before.program, after.program, Held())),
    )


class Server:
    """What these commands ask of a server."""

    def __init__(self, asked: Remote) -> None:
        self._remote = asked

    async def plan(self, sources: dict[str, str], limit: int = 50) -> Plan:
        terminal = sys.stderr.isatty()

        def progress(line: dict[str, Any]) -> None:
            if terminal:
                told = _("{done} of {of} cards looked at").format(done=line.get("done", 0), of=line.get("of", 0))
                print(f"\r{told}", end="", file=sys.stderr, flush=True)

        last = await self._remote.lines("/plan", {"sources": sources, "limit": limit}, progress)
        if terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        return msgspec.json.decode(last, type=_Line).plan

    async def publish(self, body: dict[str, Any]) -> str:
        """The new version's hash."""
        return str(msgspec.json.decode(await self._remote.post("/publish", body))["version"])

    async def sources(self, version: str) -> tuple[str, dict[str, str]]:
        found = msgspec.json.decode(await self._remote.get(f"/versions/{version}"))
        return found["version"], found["sources"]

    async def versions(self) -> list[dict[str, Any]]:
        return msgspec.json.decode(await self._remote.get("/versions"), type=list[dict[str, Any]])

    async def changes(self, before: str, after: str) -> bytes:
        return await self._remote.get(f"/versions/{after}/changes", since=before)

    async def named(self, version: str) -> str:
        """The full hash of what a person wrote: `live`, or its beginning."""
        rows = await self.versions()
        if version == "live":
            found = [row["hash"] for row in rows if row["active"]]
        else:
            found = list(dict.fromkeys(row["hash"] for row in rows if row["hash"].startswith(version)))
        if not found:
            raise RemoteError(_("there is no version `{version}`").format(version=version))
        if len(found) > 1:
            raise RemoteError(_("`{version}` begins several versions: write more of it").format(version=version))
        return str(found[0])


class _Line(msgspec.Struct):
    plan: Plan


@contextlib.asynccontextmanager
async def server(options: argparse.Namespace, folder: Path) -> AsyncIterator[Server]:
    """The one the options name; RemoteError where there is none."""
    async with remote.connect(options.server, folder, options.data) as found:
        yield Server(found)


class Publish:
    """`duly publish [FOLDER] [--plan ID]`: without a plan it makes one, shows it and asks."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        folder_argument(parser)
        publish_arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            sources = sources_of(options.folder)
            return asyncio.run(self._publish(options, sources))
        except (ValueError, OSError, RemoteError) as error:
            return fail(str(error))

    async def _publish(self, options: argparse.Namespace, sources: dict[str, str]) -> int:
        async with server(options, options.folder) as there:
            return await publish(there, options, sources, options.note, revisions.origin(options.folder))


class Rollback:
    """`duly rollback VERSION`: a publish of an earlier version's files, with its plan."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("earlier", metavar="VERSION", help=_("hash of an earlier version, or its beginning"))
        publish_arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            return asyncio.run(self._rollback(options))
        except (ValueError, OSError, RemoteError) as error:
            return fail(str(error))

    async def _rollback(self, options: argparse.Namespace) -> int:
        async with server(options, Path()) as there:
            version, sources = await there.sources(await there.named(options.earlier))
            note = options.note or _("back to version {version}").format(version=version[:12])
            return await publish(there, options, sources, note, {})


def publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", default="", metavar="ID", help=_("publish only if this plan is still what would happen"))
    parser.add_argument("--yes", action="store_true", help=_("don't ask: for scripts"))
    parser.add_argument("--note", default="", help=_("what changed, and why"))
    choice_argument(parser)
    remote.arguments(parser)


async def publish(
    there: Server, options: argparse.Namespace, sources: dict[str, str], note: str, origin: dict[str, str]
) -> int:
    body: dict[str, Any] = {"sources": sources, "note": note, "open_cards": options.open_cards}
    if origin:
        body["origin"] = origin
    if options.plan:
        print(told(await there.publish({**body, "plan": options.plan})))
        return 0
    plan = await there.plan(sources)
    for attempt in range(TRIES):
        show(plan, options.open_cards, "text")
        if broken(plan):
            return 1
        if plan.base == plan.version:
            print(_("These files are the running version already; nothing was published."))
            return 0
        if not options.yes:
            if not sys.stdin.isatty():
                raise RemoteError(_("nobody can be asked here: publish with --plan ID, or with --yes"))
            if input(  # noqa: ASYNC250 - nothing else runs
                _("Publish this? [y/N] ")
            ).strip().casefold() not in (_("y"), "y", "yes"):
                print(_("Nothing was published."))
                return 1
        try:
            print(told(await there.publish({**body, "plan": plan.choices[options.open_cards].id})))
            return 0
        except RemoteError as error:
            if error.code != "plan-changed" or attempt == TRIES - 1:
                raise
            print(_("The effect has changed meanwhile. This is the new plan:"))
            plan = msgspec.convert(error.body["plan"], Plan)
    return 1


def told(version: str) -> str:
    return _("Published: version {version} is live.").format(version=version[:12])
