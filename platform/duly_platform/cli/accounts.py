"""`duly user` and `duly secret`: what has to be done at the machine itself."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import getpass
import sys
from pathlib import Path

from duly_dsl import i18n
from duly_platform.accounts import AccountError, Accounts
from duly_platform.composition import clock_of
from duly_platform.secrets import OVERLAP, SecretError, SecretStore, make_key
from duly_platform.settings import SettingsError, load, make_data_folder
from duly_runtime.permissions import ROLES
from duly_runtime.store.api import Conflict, Missing, Store, User
from duly_runtime.store.database import open_store
from duly_runtime.time import SystemClock

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

LONGEST_OVERLAP = 90


def workspace_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace",
        type=Path,
        default=Path(),
        help=_("folder of the workspace (default: this one); its data is in .duly, or where DULY_DATA says"),
    )


def read_secret(prompt: str) -> str:
    """From the keyboard without echo, or one line of standard input where that is not a terminal."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


class UserCommand:
    """`duly user NAME --role admin`: makes the account or changes it, and sets its password."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help=_("user name, the word rule files use (ana)"))
        parser.add_argument("--role", choices=ROLES, help=_("what the account may do (default: agent for a new one)"))
        parser.add_argument("--full-name", help=_("name as people write it"))
        parser.add_argument("--email", help=_("address for notices"))
        parser.add_argument("--language", choices=i18n.LANGUAGES, help=_("language of its pages and notices"))
        parser.add_argument("--disable", action="store_true", help=_("switch the account off"))
        parser.add_argument("--no-password", action="store_true", help=_("leave the password as it is"))
        parser.add_argument("--token", metavar="SCOPES", help=_("make an API token with these scopes: read,write"))
        workspace_argument(parser)

    def run(self, options: argparse.Namespace) -> int:
        password = None
        if not (options.no_password or options.disable or options.token):
            password = read_secret(_("Password for {name}: ").format(name=options.name))
        try:
            settings = load(options.workspace)
            make_data_folder(settings.data)
            asyncio.run(self._save(open_store(settings.database_url), options, password))
        except (AccountError, Conflict, Missing, SettingsError) as error:
            print(f"duly: {_(str(error))}", file=sys.stderr)
            return 2
        return 0

    async def _save(self, store: Store, options: argparse.Namespace, password: str | None) -> None:
        clock = SystemClock()
        accounts = Accounts(store, clock)
        await store.start()
        try:
            if options.token:
                await store.user(options.name)  # Missing, rather than a token that opens nothing
                _id, secret = await accounts.make_token("duly user", options.name, options.token.split(","), days=None)
                await store.audit("cli", "token.made", options.name, {"scopes": options.token}, clock.now())
                print(secret)
                return
            try:
                before = await store.user(options.name)
            except Missing:
                before = User(name=options.name, full_name="", email="", phone="", role="agent", language="", active=True)
            user = User(
                name=options.name,
                full_name=options.full_name or before.full_name,
                email=options.email or before.email,
                phone=before.phone,
                role=options.role or before.role,
                language=options.language or before.language,
                active=not options.disable,
            )
            await accounts.save(user, password)
            await store.audit("cli", "user.saved", user.name, {"role": user.role}, clock.now())
            print(_("Saved account {name} ({role}).").format(name=user.name, role=user.role))
        finally:
            await store.stop()


class SecretCommand:
    """`duly secret set NAME`, `rotate NAME --days 7`, `retire NAME`, `list`, `remove NAME`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "action",
            choices=("set", "rotate", "retire", "list", "remove"),
            help=_("set replaces a value at once; rotate keeps the one before for some days; retire ends that"),
        )
        parser.add_argument("name", nargs="?", metavar="NAME", help=_('name as in `secret "NAME"`; the value is asked for'))
        parser.add_argument(
            "--days", type=int, default=OVERLAP.days, help=_("with rotate: how long both values count (default: 7)")
        )
        parser.add_argument(
            "--random", action="store_true", help=_("with set or rotate: make a new key (whsec_…) and print it")
        )
        workspace_argument(parser)

    def run(self, options: argparse.Namespace) -> int:
        try:
            settings = load(options.workspace)
            store = SecretStore(settings.data)
            now = clock_of(settings).now()
            if options.action == "list":
                self._list(store, now)
                return 0
            if not options.name:
                raise SecretError(_("say which secret: duly secret {action} NAME").format(action=options.action))
            self._change(store, now, options)
        except (SecretError, SettingsError) as error:
            print(f"duly: {error}", file=sys.stderr)
            return 2
        return 0

    def _list(self, store: SecretStore, now: dt.datetime) -> None:
        for name in sorted(store.names()):
            until = store.until(name, now)
            words = _("the value before counts until {day}")
            print(name if until is None else f"{name}  ({words.format(day=until.date().isoformat())})")

    def _change(self, store: SecretStore, now: dt.datetime, options: argparse.Namespace) -> None:
        name = options.name
        match options.action:
            case "set":
                value = self._value(options)
                store.set(name, value)
                self._stored(options, value, _("Stored secret {name}.").format(name=name))
            case "rotate":
                if not 1 <= options.days <= LONGEST_OVERLAP:
                    raise SecretError(_("--days is a number from 1 to {most}").format(most=LONGEST_OVERLAP))
                store.get(name)  # say that there is none before asking for a value
                until = now + dt.timedelta(days=options.days)
                value = self._value(options)
                store.rotate(name, value, until)
                words = _("Stored the new value of {name}. The one before counts as well until {day}.")
                self._stored(options, value, words.format(name=name, day=until.date().isoformat()))
            case "retire":
                store.retire(name)
                print(_("Only the new value of {name} counts now.").format(name=name))
            case _:
                store.remove(name)
                print(_("Removed secret {name}.").format(name=name))

    def _value(self, options: argparse.Namespace) -> str:
        return make_key() if options.random else read_secret(_("Value of {name}: ").format(name=options.name))

    def _stored(self, options: argparse.Namespace, value: str, words: str) -> None:
        """A key that was made is all of the output, so that it can be piped to whoever needs it."""
        print(words, file=sys.stderr if options.random else sys.stdout)
        if options.random:
            print(value)
