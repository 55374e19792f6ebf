"""What the screens are given: `duly_admin_ui.services.Services` over one Desk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from duly_admin_ui.services import CaughtMail, Change, Published, Refused, ReplayedAll, SignIn
from duly_dsl.build import Built
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Program
from duly_platform.accounts import AccountError, TooManyAttempts
from duly_platform.connecting import Connecting
from duly_platform.desk import Desk
from duly_platform.settings import Settings
from duly_runtime.card import Card
from duly_runtime.events import AnyBody, MergeCard, SplitCard, UnmergeCard
from duly_runtime.library import Offered
from duly_runtime.planning import Plan
from duly_runtime.replies import Draft
from duly_runtime.store.api import Message, Store, User
from duly_runtime.store.files_api import FileRow
from duly_runtime.time import Clock
from duly_runtime.ways import Way

USER_NAME = re.compile(r"[^\W\d]\w{1,39}")
"""As rule files write people: a bare word."""


class ScreenServices:
    """Translates between pages and Desk; holds nothing of its own but the setup token."""

    def __init__(self, desk: Desk, settings: Settings, setup_token: str) -> None:
        self._desk = desk
        self._settings = settings
        self.setup_token = setup_token

    @property
    def store(self) -> Store:
        return self._desk.store

    @property
    def clock(self) -> Clock:
        return self._desk.clock

    @property
    def workspace_name(self) -> str:
        folder = self._settings.workspace
        return folder.resolve().name.replace("_", " ").replace("-", " ").title() if folder else "Duly"

    @property
    def secure_cookies(self) -> bool:
        return self._settings.base_url.startswith("https://")

    def program(self) -> Program | None:
        return self._desk.live

    async def needs_setup(self) -> bool:
        return await self._desk.accounts.needs_setup()

    async def create_first_admin(self, name: str, full_name: str, email: str, password: str) -> None:
        if not await self.needs_setup():
            raise Refused("there is an administrator already: sign in")
        if not USER_NAME.fullmatch(name):
            raise Refused("a user name is one word of letters and digits, like ana")
        user = User(name=name, full_name=full_name, email=email, phone="", role="admin", language="", active=True)
        try:
            await self._desk.accounts.save(user, password)
        except AccountError as error:
            raise Refused(str(error)) from error
        await self.store.audit(name, "user.saved", name, {"role": "admin", "first": "yes"}, self.clock.now())

    async def sign_in(self, name: str, password: str) -> SignIn:
        try:
            user = await self._desk.accounts.authenticate(name, password)
        except TooManyAttempts:
            return SignIn(reason="wait")
        if user is None:
            return SignIn(reason="wrong")
        return SignIn(secret=await self._desk.accounts.open_session(user))

    async def sign_out(self, secret: str) -> None:
        await self._desk.accounts.close_session(secret)

    async def command(self, card_id: int, body: AnyBody, author: str) -> str:
        return (await self._desk.command(card_id, body)).refused

    async def command_spanning(self, card_id: int, body: MergeCard | UnmergeCard | SplitCard) -> tuple[str, int]:
        handled = await self._desk.command(card_id, body)
        return handled.refused, handled.other_id

    async def ways(self, card: Card, messages: Sequence[Message]) -> Sequence[Way]:
        return await self._desk.ways(card, messages)

    async def templates(self, card: Card, connector: str, given: Mapping[str, str]) -> Sequence[Offered]:
        return await self._desk.templates(card, connector, given)

    async def reply(self, card: Card, draft: Draft) -> str:
        return (await self._desk.reply(card, draft)).refused

    async def replay(self, what: str, item_id: int, author: str, *, twice: bool = False) -> str:
        return await self._desk.waiting.replay(what, item_id, author, twice=twice)

    async def replay_all(self, connector: str, author: str) -> ReplayedAll:
        found = await self._desk.waiting.replay_all(connector, author)
        still = tuple(each.problem for each in found.still)
        return ReplayedAll(replayed=found.replayed, skipped=found.skipped, still=still)

    async def discard(self, what: str, item_id: int, author: str) -> None:
        await self._desk.waiting.discard(what, item_id, author)

    async def restore(self, what: str, item_id: int, author: str) -> None:
        await self._desk.waiting.restore(what, item_id, author)

    async def cancel(self, outbox_id: int, author: str) -> None:
        await self._desk.waiting.cancel(outbox_id, author)

    async def mark_sent(self, outbox_id: int, author: str) -> None:
        await self._desk.waiting.mark(outbox_id, author)

    async def unmark_sent(self, outbox_id: int, author: str) -> None:
        await self._desk.waiting.unmark(outbox_id, author)

    async def fetch_again(self, file: FileRow) -> None:
        await self._desk.fetch_again(file.key)

    @property
    def connectors(self) -> Connecting:
        return self._desk.connectors

    async def admit(self, event_id: int, as_new: bool, remember: bool, author: str) -> int:
        return (await self._desk.admit(event_id, as_new=as_new, remember=remember, author=author)).card_id

    async def discard_quarantined(self, event_id: int, author: str) -> None:
        await self._desk.discard_quarantined(event_id, author)

    async def restore_quarantined(self, event_id: int, author: str) -> None:
        await self._desk.restore_quarantined(event_id, author)

    async def check(self, sources: dict[str, str]) -> list[Diagnostic]:
        return await self._desk.check(sources)

    async def built(self, sources: dict[str, str]) -> Built:
        return await self._desk.built(sources)

    def format(self, text: str) -> str:
        return self._desk.format(text)

    async def plan(self, sources: dict[str, str]) -> Plan:
        return await self._desk.plan(sources)

    async def publish(
        self, sources: dict[str, str], author: str, note: str, choice: str, base: str, plan: str
    ) -> Published:
        details = {"via": "browser"}
        published = await self._desk.publish(sources, author, note, choice, base, plan=plan, details=details)
        return Published(hash=published.hash, diagnostics=tuple(published.diagnostics))

    def changes(self) -> AsyncIterator[Change]:
        return self._desk.changes()

    def mailbox(self) -> list[CaughtMail] | None:
        return None if self._desk.mailbox is None else self._desk.mailbox()
