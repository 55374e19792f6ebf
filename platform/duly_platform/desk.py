"""What a person or a program can ask of Duly. Screens and API only translate to and from these."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from duly_admin_ui import services
from duly_admin_ui.services import CaughtMail
from duly_connectors import registry
from duly_connectors.contract import Tools
from duly_dsl import formatter, meaning
from duly_dsl.build import Built, build
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.meaning import Change
from duly_dsl.program import Environment, Program, TemplateAtMeta
from duly_dsl.source import SourceFile
from duly_platform import knowledge
from duly_platform.accounts import Accounts
from duly_platform.connecting import Connecting
from duly_platform.git.sync import Follower
from duly_platform.secrets import SecretStore
from duly_platform.waiting import Waiting
from duly_runtime import approvals, changes, library, planning, publishing, replies, ways
from duly_runtime.card import Card
from duly_runtime.doors import Answer, Raw
from duly_runtime.events import AnyBody
from duly_runtime.node import Node
from duly_runtime.store.api import Accepted, Conflict, Handled, Message, Store
from duly_runtime.time import Clock, monotonic
from duly_runtime.ways import Way

COMMAND_SECONDS = 10.0
"""Real seconds a command may take before the caller is told that it is under way."""


class Desk:
    """The application: one a process, made by `composition.open_desk`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        node: Node,
        secrets: SecretStore,
        accounts: Accounts,
        tools: Tools,
        base_url: str,
    ) -> None:
        self.store = store
        self.clock = clock
        self.node = node
        self.secrets = secrets
        self.accounts = accounts
        self.base_url = base_url
        self.connectors = Connecting(self, tools, base_url)
        self.mailbox: Callable[[], list[CaughtMail]] | None = None
        """The demo's caught mail, newest first."""
        self.git: Follower | None = None
        """What follows a git branch, in the process that does."""
        self.waiting = Waiting(self)
        self.live: Program | None = None
        """The rules as of the last `program()`: pages ask for them at each request."""

    def now(self) -> dt.datetime:
        return self.clock.now()

    async def program(self) -> Program | None:
        """The rules now live; None before the first publish."""
        self.live = await self.node.program()
        return self.live

    # --- cards

    async def command(self, card_id: int, body: AnyBody, key: str = "") -> Handled:
        """Journal what a person does to a card (0: opens one), and wait until it is judged. `key` makes a repeat harmless.

        `Handled.refused` says why it was not carried out. Conflict where it could not be judged in time: it is journalled
        and will be.
        """
        return await self._judged(await self.store.command(card_id, body, self.now(), key))

    async def ways(self, card: Card, messages: Sequence[Message] | None = None) -> tuple[Way, ...]:
        """The ways to the card's customer; `messages` are its own, where they are known."""
        live = await self.program()
        if live is None:
            return ()
        said = messages if messages is not None else await self.store.messages(card.id)
        return await ways.of_card(self.store, live, self.node.doors, card, said, self.now())

    async def templates(
        self, card: Card, connector: str, given: Mapping[str, str] | None = None
    ) -> tuple[library.Offered, ...]:
        """What can be sent to the card's customer by a connector that takes approved templates; `given` are values of
        variables."""
        live = await self.program()
        if live is None:
            return ()
        about = await library.facts(self.store, live, card, self.base_url, given)
        return await library.of_card(self.store, self.node.doors, about, connector, self.now())

    async def reply(self, card: Card, draft: replies.Draft, key: str = "") -> Handled:
        """Send a person's reply; as `command`. replies.CannotReply where it can't be sent like this."""
        if key and (known := await self.store.commanded(card.id, key)):
            return await self._judged(known)  # a repeat: whether it could be sent now is not asked
        live = await self.program()
        if live is None:
            raise Conflict("no rules are published")
        messages = await self.store.messages(card.id)
        body = await replies.made(
            draft,
            replies.Desk(
                store=self.store,
                program=live,
                senders=self.node.doors,
                card=card,
                messages=messages,
                ways=await self.ways(card, messages),
                base_url=self.base_url,
                now=self.now(),
            ),
        )
        return await self.command(card.id, body, key)

    async def _judged(self, event_id: int) -> Handled:
        give_up = monotonic() + COMMAND_SECONDS
        while True:
            handled = await self.node.handle(event_id)
            if not handled.done:  # a worker may have been quicker
                handled = await self.store.outcome(event_id)
            if handled.done:
                return handled
            if monotonic() > give_up:
                raise Conflict("this is recorded and will be done, but it takes longer than usual: look again soon")
            await asyncio.sleep(0.02)

    async def fetch_again(self, key: str) -> None:
        """Try again to fetch a file that failed. Conflict where it has not failed; Missing."""
        await self.store.fetch_again(key, self.now())
        self.node.wake()

    async def receive(self, raw: Raw) -> Answer | Accepted:
        """A request at one of the doors; doors.Refused where it is not taken."""
        return await self.node.receive(raw)

    async def admit(self, event_id: int, *, as_new: bool, remember: bool, author: str) -> Handled:
        """Let a message out of quarantine, and wait until it is judged: `Handled.card_id` is the card it is on now.
        Conflict where somebody has decided already, or where it could not be judged in time."""
        first, *others = await self.store.admit(event_id, as_new, remember, author, self.now())
        self._quarantine_changed()
        handled = await self._judged(first)
        for other in others:
            await self._judged(other)
        return handled

    async def discard_quarantined(self, event_id: int, author: str) -> None:
        """Leave a message out for good; it is kept. Conflict where somebody has decided already."""
        await self.store.discard_quarantined(event_id, author, self.now())
        self._quarantine_changed()

    async def restore_quarantined(self, event_id: int, author: str) -> None:
        """Take a discarded message back for decision. Conflict where it is not discarded."""
        await self.store.restore_quarantined(event_id, author, self.now())
        self._quarantine_changed()

    def _quarantine_changed(self) -> None:
        self.node.changes.publish(changes.Change(topic="quarantine"))

    # --- rules

    async def environment(self, sources: dict[str, str]) -> Environment:
        """What a check on this server knows: plug-ins, regions, secrets and people."""
        people = frozenset(user.name for user in await self.store.users())
        return knowledge.environment(
            sources.values(),
            kinds=registry.kinds(),
            secrets=self.secrets.names(),
            people=people,
            today=self.now().date(),
            templates=await self._templates(),
        )

    async def _templates(self) -> tuple[tuple[TemplateAtMeta, ...], ...]:
        """What each account at Meta has, that the live connectors name and that was read lately."""
        live = await self.program()
        named = approvals.accounts(live, self.node.doors) if live is not None else {}
        known = [approvals.known(await self.store.approvals(account), self.now()) for account in named]
        return tuple(tuple(each.values()) for each in known if each is not None)

    async def check(self, sources: dict[str, str]) -> list[Diagnostic]:
        """Every problem of the files, in the order of the files."""
        return list((await self.built(sources)).diagnostics)

    async def built(self, sources: dict[str, str]) -> Built:
        """The files compiled, and every problem of them."""
        files = [SourceFile(path, text) for path, text in sorted(sources.items())]
        environment = await self.environment(sources)
        return await asyncio.to_thread(build, files, environment)

    def format(self, text: str) -> str:
        return formatter.format(text)

    async def plan(
        self, sources: dict[str, str], *, limit: int = 50, progress: planning.Progress | None = None
    ) -> planning.Plan:
        """What publishing these files would do now."""
        environment = await self.environment(sources)
        return await publishing.make_plan(self.store, sources, environment, self.now(), limit=limit, progress=progress)

    async def changes_between(self, before: str, after: str) -> tuple[Change, ...]:
        """By meaning, from one version to another; Missing where there is none of that hash."""
        old, new = await self.node.versions.program(before), await self.node.versions.program(after)
        return await asyncio.to_thread(meaning.changes, old, new)

    async def publish(
        self,
        sources: dict[str, str],
        author: str,
        note: str,
        choice: str = publishing.DEFAULT,
        base: str = "",
        *,
        plan: str = "",
        details: Mapping[str, str] | None = None,
    ) -> publishing.Published:
        """Make these files the running version, if they are sound; else nothing changes.

        `base`, where given, is the version they were made from: Conflict where another one is live by now. `plan` is the id
        of a plan to be held to: publishing.PlanChanged where it is not what would happen.
        """
        live = await self.store.active_hash()
        if base and base != live:
            raise Conflict(f"version {live[:12]} went live since {base[:12]}: look at what changed first")
        environment = await self.environment(sources)
        published = await publishing.publish(
            self.store, sources, environment, author, note, self.now(), choice, wanted=plan, details=details
        )
        if published.hash:
            await self.store.discard_draft()
            await self.program()
            self.node.wake()
        return published

    # --- live

    async def changes(self) -> AsyncIterator[services.Change]:
        """Everything that changes from now on, for pages that are open."""
        async for change in self.node.changes:
            yield services.Change(topic=change.topic, pipeline=change.pipeline, card=change.card_id, person=change.person)
