"""What passes between the runtime and a connector. `duly_connectors` builds the contract for authors on these.

Parsing is pure: a raw request in, normalised events out. Sending answers with exactly one outcome.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar, Protocol

import msgspec

from duly_dsl import program
from duly_runtime.events import AnyBody, Choice, Contact, File

MAX_FILE = 25 * 1024 * 1024
"""Bytes of one file, and of all files of one reply together. Most mail servers take no more either."""


SEND_SECONDS = 15.0
"""Real seconds one send may take."""
SLOWEST = 256 * 1024
"""Bytes a second at which files must go out at least; a send may take as much longer."""


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came. Header names are lower case; `query` keeps the last of repeated keys."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""
    received_at: dt.datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What to say to the sender, for requests that carry no event (a verification)."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """One event found in a raw request. `key` is the provider's identity for it: the same key is the same event."""

    key: str
    at: dt.datetime
    body: AnyBody
    backfill: bool = False
    """As in `Event`: it is told long after it happened, and nothing is sent for it."""
    contents: dict[str, bytes] = {}
    """The contents of its files that came along, by their sha256 in lower-case hexadecimal."""
    connector: str = ""
    """Whose it is, where one door takes in for several; empty: the connector's that received it."""


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a raw request holds. `problems` are items that could not be mapped: each parks the whole raw request, while
    the good items go on."""

    items: tuple[Inbound, ...] = ()
    problems: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    """Headers and query keys that hold what opens the door (a token): left out of the request that is kept."""


class Refused(Exception):
    """The request is not to be believed (401) or not to be read (400): nothing of it is kept. Also 405 for the wrong
    method, 413 for too large a body, 503 where the door lacks its secret (a sender that is right tries again)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands above a text: a line of text, or a file (`image`, `video`, `document`) at a `link`."""

    text: str = ""
    media: str = ""
    link: str = ""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """A template the provider has approved: its name and language there (`pt_BR`), and the values of its variables.
    `header` is the value of the variable in a header of text, `media` the file of another one."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    header: str = ""
    media: Header | None = None


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What a message offers to choose from: buttons, or, with a `label` that opens it, a list."""

    rows: tuple[Choice, ...]
    label: str = ""


class Rich(msgspec.Struct, frozen=True, kw_only=True):
    """A message in its parts, for channels that show headers or choices. `Outgoing.text` has all of it as plain lines."""

    body: str
    header: Header | None = None
    choices: Choices | None = None


class OutFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to send along."""

    name: str
    media_type: str
    data: bytes


def send_seconds(files: Sequence[OutFile]) -> float:
    """Real seconds a send of these files may take."""
    return SEND_SECONDS + sum(len(file.data) for file in files) / SLOWEST


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to send. `key` is stable over attempts: use it as the provider's idempotency key or Message-ID."""

    outbox_id: int
    key: str
    kind: str
    """`message` (to a customer), `notice` (to a person who works here), `call` (an event to a webhook)."""
    to: Contact
    subject: str = ""
    text: str = ""
    rich: Rich | None = None
    """Its parts, where it has more than a text."""
    template: Approved | None = None
    """What to send in place of free text, by a channel that takes none at this moment; `text` is what it reads like."""
    event: str = ""
    payload: bytes = b""
    """For `call`: the JSON to post."""
    reference: str = ""
    """Names the card, for people and for threading (`duly-42`)."""
    card_id: int = 0
    """For `message`: the card that answers to it belong to."""
    answers: tuple[str, ...] = ()
    """Ids of the customer's latest messages (by e-mail their Message-IDs), oldest first: what it continues."""
    automatic: bool = False
    """No person wrote it: by e-mail it says so (RFC 3834), so that no two machines answer each other."""
    files: tuple[OutFile, ...] = ()
    reply_to: str = ""
    """The provider's id of the message it quotes, for channels that show that."""
    now: dt.datetime


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`answer`, here and below, is what the other side said, for the log of deliveries; long ones are cut."""

    provider_id: str = ""
    answer: str = ""


class Retry(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It surely did not arrive and may work later; `after` in seconds, 0 for the runtime's own schedule.

    `give_up` is the runtime's: the last attempt has failed too, and the store parks the delivery for a person.
    """

    reason: str
    after: float = 0
    give_up: bool = False
    answer: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It did not arrive and never will."""

    reason: str
    closed: bool = False
    """Free text is not taken from us at this moment; an approved template (`Outgoing.template`) would be."""
    answer: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It may have arrived (a time-out after the request went out). Never sent again by itself; shown to a person."""

    reason: str
    provider_id: str = ""
    """Its id, where we chose that: reports on it and answers to it are still known."""
    answer: str = ""


Outcome = Sent | Retry | Failed | Unknown


class Fetched(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The content of a file. `media_type` empty: as it was announced."""

    data: bytes
    media_type: str = ""


FetchOutcome = Fetched | Retry | Failed
"""`Retry`: it may be had later; `Failed`: it never can. `Retry.give_up` is the runtime's, as in `Outcome`."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One named check of a set-up page. `state` is `ok`, `bad` or `unknown`."""

    name: str
    state: str
    detail: str = ""


class Sender(Protocol):
    """Where the runtime hands a delivery to."""

    async def send(self, item: Outgoing) -> Outcome: ...


class Senders(Protocol):
    """Finds who delivers. None where the workspace has no such door."""

    def by_name(self, connector: str) -> Sender | None: ...

    def by_kind(self, kind: str) -> Sender | None:
        """The first connector of a kind that can send (`email`, `whatsapp`), for notices."""
        ...

    def approver(self, connector: str) -> Approver | None:
        """The connector as the keeper of approved templates."""
        ...


class Fetcher(Protocol):
    """Where the runtime gets the content of a file that came by reference."""

    async def fetch(self, file: File) -> FetchOutcome: ...


Library = tuple[program.TemplateAtMeta, ...] | Retry | Failed
"""The templates of an account, or why they can't be read (now)."""


class Approver(Protocol):
    """A connector whose provider approves templates."""

    def account(self) -> str:
        """The provider's name of the account that has them; empty where it has none, or none is set up."""
        ...

    async def templates(self) -> Library:
        """All of them. May take a minute."""
        ...


class Receiver(Protocol):
    """A connector as the way in sees it."""

    WAITS: ClassVar[bool]
    """Reading waits for something else (another process), so that it must never hold up other requests."""

    @property
    def definition(self) -> program.Connector: ...

    def receive(self, raw: Raw) -> Answer | Parsed:
        """Answer a verification, or authenticate and read the request. Raises Refused."""
        ...

    def read(self, raw: Raw) -> Parsed:
        """Read a request that was authenticated when it came (a replay). Raises Refused."""
        ...


class Feed(Protocol):
    """What a source is given. Its methods wait for as long as the database is away."""

    def now(self) -> dt.datetime: ...

    async def take(self, raw: Raw) -> None:
        """Take in what was fetched; returns once it is safe in the database. It is read by the connector's `parse`, and
        trusted: the source knows where it has it from."""
        ...

    async def position(self, name: str) -> str:
        """How far it has read, as it was kept; empty at first."""
        ...

    async def keep(self, name: str, value: str) -> None:
        """Remember how far it has read."""
        ...

    async def tell(self, name: str, state: str, detail: str = "") -> None:
        """How it goes, for the set-up page: `ok`, `bad` or `unknown`, and words. `name` may be a part of the source."""
        ...

    async def forget(self, but: tuple[str, ...]) -> None:
        """Forget how parts go that there are no more, all but these."""
        ...


class Source(Protocol):
    """What a connector fetches by itself. One process runs it at a time."""

    @property
    def name(self) -> str: ...

    async def run(self, feed: Feed) -> None:
        """Fetch until it is cancelled. It connects again by itself; what it raises is taken for a mistake in the code, and
        it is run again after half a minute. Something may be fetched twice: keys of events make sure it counts once."""
        ...


class Doors(Senders, Protocol):
    """All doors of the version that is live."""

    async def use(self, version: program.Program) -> object:
        """Build the doors of `version`, unless they are the ones in use."""
        ...

    def receiver_for(self, path: str) -> Receiver | None:
        """The connector whose door is at this path (`/in/shop`)."""
        ...

    def receiver(self, connector: str) -> Receiver | None:
        """The connector of that name."""
        ...

    def sources(self) -> Sequence[tuple[str, Source]]:
        """What connectors fetch by themselves, with the connector's name. The same objects while a version is live."""
        ...

    def fetcher(self, connector: str) -> Fetcher | None:
        """Who knows how to get the files of messages that came in by this connector."""
        ...

    async def close(self) -> None: ...
