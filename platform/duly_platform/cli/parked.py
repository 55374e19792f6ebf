"""`duly parked`: what waits for a person, tried again or discarded, on a server or a data folder at hand."""

from __future__ import annotations

import argparse
import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

import msgspec

from duly_dsl import i18n
from duly_platform.cli import remote
from duly_platform.cli.language import fail
from duly_platform.cli.remote import Remote, RemoteError

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

WIDTH = 200
"""Characters of a reason or a body that are shown in a line."""


class Parked:
    """`duly parked [list | show WHAT ID | replay [WHAT ID] | discard WHAT ID | restore WHAT ID]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "what_to_do",
            nargs="?",
            metavar="ACTION",
            choices=("list", "show", "replay", "discard", "restore"),
            default="list",
            help=_("list (the default), show, replay, discard or restore"),
        )
        parser.add_argument("what", nargs="?", choices=("raw", "event", "delivery"), help=_("raw, event or delivery"))
        parser.add_argument("id", nargs="?", type=int, metavar="ID", help=_("its number, as `list` shows it"))
        parser.add_argument("--connector", default="", metavar="NAME", help=_("only of this connector"))
        parser.add_argument("--all", action="store_true", help=_("with replay: everything that waits"))
        parser.add_argument("--discarded", action="store_true", help=_("with list or show: what was discarded"))
        parser.add_argument(
            "--twice", action="store_true", help=_("with replay: send it though it may arrive a second time")
        )
        parser.add_argument("--json", action="store_true", help=_("print JSON"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        action, named = options.what_to_do, options.what is not None and options.id is not None
        if action == "replay" and not (named or options.all or options.connector):
            return fail(_("say what to try again: `duly parked replay WHAT ID`, `--connector NAME` or `--all`"))
        if action in ("show", "discard", "restore") and not named:
            return fail(_("say which: `duly parked {action} WHAT ID`").format(action=action))
        try:
            return asyncio.run(self._run(options, named))
        except (OSError, RemoteError) as error:
            return fail(str(error))

    async def _run(self, options: argparse.Namespace, named: bool) -> int:
        async with remote.connect(options.server, Path(), options.data) as there:
            match options.what_to_do:
                case "list":
                    return await self._list(there, options)
                case "show":
                    return await self._show(there, options)
                case "replay" if named:
                    return await self._replay(there, options)
                case "replay":
                    return await self._replay_all(there, options)
                case action:
                    await there.post(f"/parked/{options.what}/{options.id}/{action}", {})
                    print(_("Discarded.") if action == "discard" else _("It waits again."))
                    return 0

    async def _items(self, there: Remote, options: argparse.Namespace) -> list[dict[str, Any]]:
        discarded = "true" if options.discarded else "false"
        return msgspec.json.decode(await there.get("/parked", connector=options.connector, discarded=discarded))

    async def _list(self, there: Remote, options: argparse.Namespace) -> int:
        items = await self._items(there, options)
        if options.json:
            print(msgspec.json.format(msgspec.json.encode(items)).decode())
            return 0
        for item in items:
            where = item["connector"] or "–"
            reason = " ".join(item["reason"].split())[:WIDTH]
            print(f"{item['what']} {item['id']}  {item['at'][:16].replace('T', ' ')}  {where}  {reason}")
        if not items:
            print(_("Nothing waits."))
        return 0

    async def _show(self, there: Remote, options: argparse.Namespace) -> int:
        for item in await self._items(there, options):
            if (item["what"], item["id"]) == (options.what, options.id):
                print(item["reason"], file=sys.stderr)
                sys.stdout.buffer.write(base64.b64decode(item["body_base64"]) + b"\n")
                sys.stdout.buffer.flush()
                return 0
        return fail(_("{what} {id} does not wait").format(what=options.what, id=options.id))

    async def _replay(self, there: Remote, options: argparse.Namespace) -> int:
        twice = "true" if options.twice else "false"
        try:
            answer = await there.post(f"/parked/{options.what}/{options.id}/replay?twice={twice}", {})
        except RemoteError as error:
            if error.code == "may-repeat":
                return fail(_("it may have arrived, and would then arrive twice: add --twice if it may"))
            raise
        result = msgspec.json.decode(answer)
        if not result["done"]:
            print(result["problem"], file=sys.stderr)
            return 1
        print(_("Under way again."))
        return 0

    async def _replay_all(self, there: Remote, options: argparse.Namespace) -> int:
        result = msgspec.json.decode(await there.post("/parked/replay", {"connector": options.connector}))
        if options.json:
            print(msgspec.json.format(msgspec.json.encode(result)).decode())
        else:
            print(_("Under way again: {count}").format(count=result["replayed"]))
            if result["skipped"]:
                print(_("Left alone, as they might arrive twice: {count}").format(count=result["skipped"]))
            for each in result["still"]:
                print(f"{each['what']} {each['id']}  {each['problem']}", file=sys.stderr)
        return 1 if result["still"] else 0
