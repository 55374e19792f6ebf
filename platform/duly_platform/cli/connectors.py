"""`duly connectors`: the connectors of the running rules and how each is; `check` runs their checks."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from duly_dsl import i18n
from duly_platform.cli import remote
from duly_platform.cli.remote import Remote, RemoteError

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext


class Connectors:
    """`duly connectors [list|check] [NAME]`. Exit code 1 where a connector is not in order, 2 where it can't be asked."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "action",
            nargs="?",
            choices=("list", "check"),
            default="list",
            help=_("list shows them; check runs their checks"),
        )
        parser.add_argument("name", nargs="?", metavar="NAME", help=_("one connector (default: all)"))
        parser.add_argument("--folder", type=Path, default=Path(), help=_("folder of the workspace (default: this one)"))
        remote.arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            return asyncio.run(self._run(options))
        except RemoteError as error:
            print(f"duly: {error}", file=sys.stderr)
            return 2

    async def _run(self, options: argparse.Namespace) -> int:
        async with remote.connect(options.server, options.folder, options.data) as server:
            found = msgspec.json.decode(await server.get("/connectors"))
            shown = [each for each in found["connectors"] if options.name in (None, each["name"])]
            if options.name is not None and not shown:
                raise RemoteError(_("no connector of the running rules is called {name}").format(name=options.name))
            for name, why in found["plugin_problems"].items():
                print(f"{_SIGNS['bad']} {name}: {why}")
            states = [await self._show(server, each, check=options.action == "check") for each in shown]
        return 1 if "bad" in states or found["plugin_problems"] else 0

    async def _show(self, server: Remote, each: dict[str, Any], *, check: bool) -> str:
        checks: list[dict[str, str]] = []
        if check:
            checks = msgspec.json.decode(await server.post("/connectors/check", {"connector": each["name"]}))["checks"]
        states = {found["state"] for found in checks}
        state = each["state"] if not check else "bad" if "bad" in states else "unknown" if states - {"ok"} else "ok"
        line = f"{_SIGNS[state]} {each['name']}  {each['direction']} {each['kind']}"
        print(f"{line}  {each['address']}" if each["address"] else line)
        if each["problem"]:
            print(f"    {each['problem']}")
        for found in checks:
            detail = f": {found['detail']}" if found["detail"] else ""
            print(f"    {_SIGNS[found['state']]} {found['name']}{detail}")
        if not check:
            for secret in each["secrets"]:
                if secret["state"] == "missing":
                    print("    " + _("secret {name} is missing: duly secret set {name}").format(name=secret["name"]))
        return state


_SIGNS = {"ok": "✓", "bad": "✗", "unknown": "?"}
