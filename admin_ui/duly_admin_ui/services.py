"""What the screens need of the rest of Duly. The platform hands one `Services` to `routes`."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from duly_dsl.build import Built
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Program
from duly_runtime.card import Card
from duly_runtime.doors import Check
from duly_runtime.events import AnyBody, MergeCard, SplitCard, UnmergeCard
from duly_runtime.library import AtMeta, Offered
from duly_runtime.planning import Plan
from duly_runtime.replies import Draft
from duly_runtime.store.api import Message, Store
from duly_runtime.store.files_api import FileRow
from duly_runtime.store.sources_api import SourceRow
from duly_runtime.time import Clock
from duly_runtime.ways import Way


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something changed; pages that show it fetch themselves again. Carries names only, never contents."""

    topic: str
    """`card`, `rules` (a draft or a publish), `notices` (of `person`), `parked`, `quarantine`, `deliveries`,
    `requests`, `mail`."""
    pipeline: str = ""
    card: int = 0
    """The card's id."""
    person: str = ""


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is the new session's, for the cookie; empty where it was refused, with `reason` `wrong` or `wait`."""

    secret: str = ""
    reason: str = ""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """`hash` is the new version's, empty where `diagnostics` holds an error and nothing was changed."""

    hash: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


class ReplayedAll(msgspec.Struct, frozen=True, kw_only=True):
    """`still` says why each one that waits still does; `skipped` might arrive twice and were left alone."""

    replayed: int
    skipped: int
    still: tuple[str, ...] = ()


class CaughtMail(msgspec.Struct, frozen=True, kw_only=True):
    """A message the demo's mail catcher holds."""

    sender: str
    to: str
    subject: str
    text: str
    at: dt.datetime


class NamedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret a connector refers to. `use` is the line that names it (`app secret`); `state` is `stored`, `missing` or
    `environment` (stored where no page can change it)."""

    name: str
    use: str
    state: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector's checks found, when, and after how many seconds."""

    at: dt.datetime
    seconds: float
    checks: tuple[Check, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test message. `outcome`: `sent`, `failed`, `retry` (not now) or `unknown` (it may have arrived)."""

    at: dt.datetime
    to: str
    outcome: str
    reason: str
    seconds: float
    answer: str = ""
    """What the other side said, as far as it is known."""


class MetaTemplates(msgspec.Struct, frozen=True, kw_only=True):
    """The templates of a connector's account at Meta. `account` is empty where the rules name none; `error` says why they
    could not be read when that was last tried."""

    account: str
    synced_at: dt.datetime | None = None
    error: str = ""
    rows: tuple[AtMeta, ...] = ()


class ConnectorPage(msgspec.Struct, frozen=True, kw_only=True):
    """A connector of the running rules. `state` says how it is at a glance: `ok`, `bad`, `unknown` (not checked yet)."""

    name: str
    kind: str
    direction: str
    pipeline: str
    state: str
    problem: str
    """Why it could not be built, empty where it could."""
    address: str
    """The URL of its door, empty where it has none."""
    guide: tuple[str, ...]
    """What the person who sets up the other side must know."""
    settings: tuple[tuple[str, str], ...]
    """What the rules say of it, but for secrets."""
    secrets: tuple[NamedSecret, ...]
    sources: tuple[SourceRow, ...]
    """How what it fetches by itself goes (a mailbox each)."""
    sends: bool
    test_to: str
    """What a test message needs: `email`, `phone`, `address` or nothing."""
    checked: Checked | None
    templates: MetaTemplates | None = None
    """None for connectors whose provider approves no templates; not told in lists."""


class Connectors(Protocol):
    """Setting up connectors. Texts of connectors come in `language`. Missing where no connector has the name."""

    async def pages(self, language: str) -> list[ConnectorPage]: ...

    async def page(self, name: str, language: str) -> ConnectorPage: ...

    def plugin_problems(self) -> dict[str, str]:
        """Plug-ins that could not be loaded, and why."""
        ...

    async def check(self, name: str, language: str) -> Checked: ...

    async def try_out(self, name: str, to: str, language: str, author: str) -> Trial:
        """Send a test message, by itself and now; it is no delivery of the outbox. Refused where it can't be tried."""
        ...

    async def sync(self, name: str) -> None:
        """Read the account's templates at Meta now. Refused where there is no account to read."""
        ...

    async def store_secret(self, name: str, secret: str, value: str, author: str, *, keep: bool = False) -> None:
        """Replace a secret the connector names; without a connector, store a new one, for rules still to be published.
        Refused where it can't be stored."""
        ...


class Refused(Exception):
    """What was asked can't be done; the message is for the person asking (`a password needs at least 10 characters`)."""


class Services(Protocol):
    """Every method may raise `store.api.Conflict`, `Missing` or `StoreUnavailable`; pages answer 409, 404 and 503."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def workspace_name(self) -> str: ...

    @property
    def setup_token(self) -> str:
        """What `duly serve` printed: whoever holds it may make the first administrator."""
        ...

    @property
    def secure_cookies(self) -> bool:
        """People reach this server by https."""
        ...

    def program(self) -> Program | None:
        """The version now live; None before the first publish."""
        ...

    # --- accounts
    async def needs_setup(self) -> bool:
        """There is no administrator who could sign in yet."""
        ...

    async def create_first_admin(self, name: str, full_name: str, email: str, password: str) -> None:
        """Refused for a bad name or password, or where an administrator exists already."""
        ...

    async def sign_in(self, name: str, password: str) -> SignIn: ...

    async def sign_out(self, secret: str) -> None: ...

    # --- cards
    async def command(self, card_id: int, body: AnyBody, author: str) -> str:
        """Journal it (0: opens a card) and wait, within bounds, until it is handled; why it was refused, or empty."""
        ...

    async def ways(self, card: Card, messages: Sequence[Message]) -> Sequence[Way]:
        """The ways to the card's customer, the default one first."""
        ...

    async def templates(self, card: Card, connector: str, given: Mapping[str, str]) -> Sequence[Offered]:
        """What can be sent to the card's customer by a connector that takes approved templates; `given` are values of
        variables."""
        ...

    async def reply(self, card: Card, draft: Draft) -> str:
        """As `command`, for a reply. replies.CannotReply where it can't be sent like this."""
        ...

    # --- what waits, and deliveries. All of it is audited; Conflict where somebody was quicker.
    async def command_spanning(self, card_id: int, body: MergeCard | UnmergeCard | SplitCard) -> tuple[str, int]:
        """The same for what spans two cards: why it was refused, or empty, and the id of the other card."""
        ...

    async def replay(self, what: str, item_id: int, author: str, *, twice: bool = False) -> str:
        """Try something parked again, or send a delivery again; why it failed once more, or empty. Conflict where it may
        arrive twice, unless `twice`."""
        ...

    async def replay_all(self, connector: str, author: str) -> ReplayedAll:
        """All that waits of a connector (empty: of every one)."""
        ...

    async def discard(self, what: str, item_id: int, author: str) -> None:
        """It waits no more; it is kept, and `restore` takes it back."""
        ...

    async def restore(self, what: str, item_id: int, author: str) -> None: ...

    async def cancel(self, outbox_id: int, author: str) -> None:
        """A delivery that has not gone yet is not sent."""
        ...

    async def mark_sent(self, outbox_id: int, author: str) -> None:
        """A message that failed, or may not have arrived, counts as sent by this person's word."""
        ...

    async def unmark_sent(self, outbox_id: int, author: str) -> None:
        """They take it back."""
        ...

    async def fetch_again(self, file: FileRow) -> None:
        """Try again to fetch a file that failed; Conflict where it has not."""
        ...

    # --- quarantine
    async def admit(self, event_id: int, as_new: bool, remember: bool, author: str) -> int:
        """Let a message out of quarantine, to the card it names or as one of its own; the id of the card it is on now."""
        ...

    async def discard_quarantined(self, event_id: int, author: str) -> None:
        """Leave a message in quarantine out for good."""
        ...

    async def restore_quarantined(self, event_id: int, author: str) -> None:
        """Take a discarded message back for decision."""
        ...

    # --- connectors
    @property
    def connectors(self) -> Connectors: ...

    # --- rules
    async def check(self, sources: dict[str, str]) -> list[Diagnostic]:
        """Problems of the files as a whole, errors and warnings."""
        ...

    async def built(self, sources: dict[str, str]) -> Built:
        """The files compiled, with what a check on this server knows."""
        ...

    def format(self, text: str) -> str: ...

    async def plan(self, sources: dict[str, str]) -> Plan:
        """What publishing these files would do now: changes by meaning, and the effect on open cards under each choice."""
        ...

    async def publish(
        self, sources: dict[str, str], author: str, note: str, choice: str, base: str, plan: str
    ) -> Published:
        """Make `sources` the live version if they hold no error. `choice` for open cards is one of planning.CHOICES.

        `base` is the hash of the version the sources started from; Conflict where another one has become live since. `plan`
        is the id of the plan that was shown; publishing.PlanChanged where that is not what would happen now.
        The draft is discarded with a successful publish, in the platform.
        """
        ...

    # --- live
    def changes(self) -> AsyncIterator[Change]:
        """Everything that changes from now on; ends when the server stops."""
        ...

    def mailbox(self) -> list[CaughtMail] | None:
        """Mails the demo caught, newest first; None outside the demo."""
        ...
