"""What a person or a program can ask of Duly. Screens and API only translate to and from these."""

from __future__ import annotations

import datetime as dt
import functools

import msgspec

from duly_connectors.registry import kinds
from duly_dsl import formatter
from duly_dsl.build import build
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from duly_platform.accounts import Accounts
from duly_platform.secrets import SecretStore
from duly_runtime import publishing
from duly_runtime.calendars import regions
from duly_runtime.events import AnyBody, OpenCard
from duly_runtime.node import Node
from duly_runtime.patterns import pattern_ok
from duly_runtime.store.api import Store
from duly_runtime.time import Clock


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was judged. `refused` says why it was not carried out; the card is then as it was."""

    card_id: int
    refused: str = ""


class Desk:
    """The application: one a process, made by `composition.open_desk`."""

    def __init__(self, *, store: Store, clock: Clock, node: Node, secrets: SecretStore, accounts: Accounts) -> None:
        self.store = store
        self.clock = clock
        self.node = node
        self.secrets = secrets
        self.accounts = accounts

    def now(self) -> dt.datetime:
        return self.clock.now()

    async def program(self) -> Program | None:
        """The rules now live; None before the first publish."""
        return await self.node.program()

    async def command(self, card_id: int, body: AnyBody, key: str = "") -> Done:
        """Journal what a person does to a card, and wait until it is judged. `key` makes a repeat harmless."""
        event_id = await self.store.command(card_id, body, self.now(), key)
        handled = await self.node.handle(event_id)
        return Done(card_id=handled.card_id or card_id, refused=handled.refused)

    async def open_card(self, body: OpenCard, key: str = "") -> Done:
        return await self.command(0, body, key)

    async def environment(self) -> Environment:
        """What a check on this server knows: plug-ins, regions, secrets and people."""
        people = frozenset(user.name for user in await self.store.users())
        return Environment(
            connector_kinds=kinds(),
            regions=regions(),
            secrets=self.secrets.names(),
            people=people,
            pattern_ok=pattern_ok,
        )

    async def check(self, sources: dict[str, str]) -> list[Diagnostic]:
        """Every problem of the files, in the order of the files."""
        files = [SourceFile(path, text) for path, text in sorted(sources.items())]
        return list(build(files, await self.environment()).diagnostics)

    @functools.cached_property
    def format(self):
        return formatter.format

    async def publish(self, sources: dict[str, str], author: str, note: str, choice: str = "keep") -> publishing.Published:
        """Make these files the running version, if they are sound; else nothing changes."""
        published = await publishing.publish(
            self.store, sources, await self.environment(), author, note, self.now(), choice
        )
        if published.hash:
            await self.store.discard_draft()
            await self.node.wake()
        return published
