"""`duly demo`: a workspace with live traffic, to see Duly at work. Everything it needs runs in this process."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from duly_dsl import i18n
from duly_platform.cli.serve import StartError, guarded, say, serve
from duly_platform.demo import everything
from duly_platform.desk import Desk
from duly_platform.settings import Settings
from duly_runtime.store.api import User
from duly_runtime.time import SystemClock

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

INSTALLED = Path(__file__).parent.parent / "demo" / "workspace"
CHECKOUT = Path(__file__).parents[3] / "examples" / "support_desk"
SPEED = 30.0
ADMIN, AGENT = "diogo", "ana"


class Demo:
    """Serves the example workspace with made-up customers writing to its doors."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", help=_("address to listen on (DULY_HOST)"))
        parser.add_argument("--port", type=int, help=_("port to listen on, 0 for a free one (DULY_PORT)"))
        parser.add_argument(
            "--speed",
            type=float,
            default=SPEED,
            help=_("how many times faster the demo's clock runs (default: %(default)g)"),
        )
        parser.add_argument("--data", type=Path, default=Path(".demo"), help=_("folder of its database (default: .demo)"))
        parser.add_argument("--keep", action="store_true", help=_("go on with the cards of the last demo"))
        parser.add_argument("--quiet", action="store_true", help=_("no customers: an empty desk"))

    def run(self, options: argparse.Namespace) -> int:
        options.folder = INSTALLED if INSTALLED.is_dir() else CHECKOUT
        if options.data.exists() and not options.keep:
            if not (options.data / "demo").exists():
                say(_("`{folder}` was not made by the demo: choose another with --data").format(folder=options.data))
                return 1
            shutil.rmtree(options.data)
        options.data.mkdir(parents=True, exist_ok=True)
        (options.data / "demo").touch()
        return guarded(lambda: self._main(options))

    async def _main(self, options: argparse.Namespace) -> int:
        if not options.folder.is_dir():
            raise StartError(_("the demo's workspace is missing from this installation"))
        os.environ["DULY_DATA"] = str(options.data)
        os.environ["DULY_ALLOW_PRIVATE_ADDRESSES"] = "1"  # its mail catcher and its stand-in for Meta are on this machine
        everything.begin_in_the_morning(options.folder, options.data, options.speed, SystemClock().now())
        async with everything.Stage.open() as stage:
            for name, value in stage.secrets().items():
                os.environ[f"DULY_SECRET_{name}"] = value

            @contextlib.asynccontextmanager
            async def beside(desk: Desk, settings: Settings) -> AsyncIterator[None]:
                await self._accounts(desk)
                desk.mailbox = stage.mailbox
                async with stage.traffic(desk, settings, quiet=options.quiet):
                    yield

            return await serve(options, None, beside=beside)

    async def _accounts(self, desk: Desk) -> None:
        """Sign-ins for the two people of the workspace one wants to be; new passwords at each start."""
        say("")
        for name, role in ((ADMIN, "admin"), (AGENT, "agent")):
            password = secrets.token_urlsafe(9)
            before = await desk.store.user(name)
            await desk.accounts.save(
                User(
                    name=name, full_name=before.full_name, email=before.email, phone=before.phone, role=role,
                    language=before.language, active=True,
                ),
                password,
            )  # fmt: skip
            say(_("Sign in as {name} ({role}): password {password}").format(name=name, role=role, password=password))
