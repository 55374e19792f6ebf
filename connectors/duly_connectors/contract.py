"""What a connector is. Authors subclass `Connector` and name the class by an entry point of the group `duly.connectors`.

A request comes in by `receive`, which keeps one order for all connectors: a verification is answered, then the request is
believed or refused, then it is read. What goes out goes through `send`, which ends in exactly one outcome. How to write
one: docs/connectors/adding.md; the tests that prove it: `duly_connectors.testing`.

Importing a connector's module must stay cheap: `duly check` reads `KIND` and nothing else, so what talks to the network is
imported when it is first used.
"""

from __future__ import annotations

import abc
import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgspec

from duly_connectors.outbound import Blocked, Interrupted, Network, NotSent
from duly_connectors.wording import Worded, _
from duly_dsl import i18n, program
from duly_runtime.doors import (
    MAX_FILE,
    Answer,
    Check,
    Failed,
    Fetched,
    FetchOutcome,
    Library,
    Outcome,
    Outgoing,
    Parsed,
    Raw,
    Refused,
    Retry,
    Source,
)
from duly_runtime.events import Contact, CustomerMessage, File

if TYPE_CHECKING:
    from duly_runtime.time import Clock  # a name for the reader: the module brings asyncio

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body. WhatsApp promises at most 3 MB; the web server may stop reading there."""

TEXT_CAP = 100_000
"""Characters of one text; more is cut. Nobody reads a longer message on a card."""


def clean(text: str) -> str:
    """The text as every database can hold it: no NUL, no half of a surrogate pair, not endless."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:TEXT_CAP]


DOWNLOAD_SECONDS = 50.0
"""For the content of one file; below the 60 the runtime gives a fetch."""
LATER = frozenset((401, 403, 408, 425, 429))
"""Statuses besides 5xx that a mended token or a little patience changes."""


class MissingSecret(Worded):
    """A secret a rule file refers to is not stored (or empty)."""

    def __init__(self, name: str) -> None:
        super().__init__(_("the secret `{name}` is not stored: store it with `duly secret set {name}`"), name=name)
        self.name = name


class BadSetting(Worded):
    """A setting can't be used as it is; the message says which and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a connector is given. `secrets` returns a stored secret by name and raises MissingSecret; `language` is the one
    the people who run this server read. `previous` returns what a secret was before it was rotated, while that still
    counts, else nothing. `keep` stores a secret that its provider has replaced, where secrets can be stored."""

    secrets: Callable[[str], str]
    clock: Clock
    previous: Callable[[str], str] = lambda name: ""
    keep: Callable[[str, str], None] = lambda name, value: None
    network: Network = field(default_factory=Network)
    language: str = "en"


def _together(door: program.Connector, parsed: Parsed) -> Parsed:
    """What `same card when customer` and `same card when conversation` say, on every message, whatever the connector."""
    if door.same_path or not (door.same_customer or door.same_within):
        return parsed
    items = tuple(
        msgspec.structs.replace(item, body=_kept_together(door, item.body))
        if isinstance(item.body, CustomerMessage)
        else item
        for item in parsed.items
    )
    return msgspec.structs.replace(parsed, items=items)


def _kept_together(door: program.Connector, message: CustomerMessage) -> CustomerMessage:
    return msgspec.structs.replace(message, same_customer=door.same_customer, same_within=door.same_within)


class Connector(abc.ABC):
    """One door of the workspace. `pipeline` is the one new cards go to, None for a connector that only sends.

    Made anew whenever a version is published; holds no state that a restart could lose. The constructor does no I/O and
    may raise BadSetting. Secrets are read when they are needed, never kept.
    """

    KIND: ClassVar[program.ConnectorKind]
    DOMAIN: ClassVar[str] = "duly_connectors"
    """The package whose catalogue holds the connector's texts."""
    LARGEST: ClassVar[int] = MAX_BODY
    """Bytes of a request's body."""
    WAITS: ClassVar[bool] = False
    """`parse` waits for something else, as for another process: it is then called in a thread, so that other requests are
    answered meanwhile. (Large bodies are read in a thread whatever this says.)"""
    peers: tuple[Connector, ...] = ()
    """The other connectors of its kind in this version. A provider that calls one address for all of them needs to find the
    one an item is for (`Inbound.connector`)."""
    SENDS_FILES: ClassVar[bool] = False
    """Whether `send` delivers `Outgoing.files`. Where it does not, a message with files is failed before it gets there."""
    TEST_TO: ClassVar[str] = "address"
    """What `trial` needs to be told: `email`, `phone`, `address` (a name of the provider's own), or nothing."""

    def __init__(self, definition: program.Connector, pipeline: program.Pipeline | None, tools: Tools) -> None:
        self.definition = definition
        self.pipeline = pipeline
        self.tools = tools

    # --- in ----------------------------------------------------------------------------------------------------------

    def challenge(self, raw: Raw) -> Answer | None:
        """The answer to a verification request, or None where it is not one. May raise Refused."""
        return None

    def authenticate(self, raw: Raw) -> None:
        """Return where the request is surely from who it says, else raise Refused with 401 (not to be believed) or 400
        (not readable as something signed). Judges the raw bytes, before anything is parsed."""
        raise Refused(401, "this connector receives nothing")

    def parse(self, raw: Raw) -> Parsed:
        """The events of an authentic request. Pure: the same request gives the same events, with no I/O and no clock.

        Items that can't be mapped become `problems`, the others go on. Refused(400) only where the body as a whole is not
        of the format (JSON that isn't JSON).
        """
        return Parsed()

    def receive(self, raw: Raw) -> Answer | Parsed:
        """What the web server calls: challenge, authenticate, parse, in this order. Raises Refused."""
        if len(raw.body) > self.LARGEST:
            raise Refused(413, f"the body is larger than {self.LARGEST // 1024 // 1024} MB")
        try:
            answer = self.challenge(raw)
            if answer is not None:
                return answer
            self.authenticate(raw)
        except MissingSecret as error:
            # The stranger needn't know which; the set-up page names it. Not 401: a sender that is right should try again.
            raise Refused(503, "this door is not set up yet") from error
        return msgspec.structs.replace(self.read(raw), hide=self.hidden())

    def read(self, raw: Raw) -> Parsed:
        """`parse` for a request that is known to be authentic (a replay); a parser that breaks parks the whole request."""
        try:
            return _together(self.definition, self.parse(raw))
        except Refused:
            raise
        except Exception as error:
            return Parsed(problems=(self._("The connector could not read it: {error}").format(error=repr(error)[:300]),))

    def hidden(self) -> tuple[str, ...]:
        """Headers and query keys that hold a token for this door, so that it isn't kept with the request (signatures may
        be; `authorization` and `cookie` never are)."""
        return ()

    def addresses(self) -> tuple[str, ...]:
        """E-mail addresses whose mail a mail server may hand over to this connector: in lower case, without `+…`."""
        return ()

    def sources(self) -> tuple[Source, ...]:
        """What the connector fetches by itself while it is in use (a mailbox it reads). Nothing is opened here."""
        return ()

    # --- out ---------------------------------------------------------------------------------------------------------

    async def send(self, item: Outgoing) -> Outcome:
        """Deliver one thing, within `doors.send_seconds`. Retry only where it surely did not arrive, or where the other
        side takes a second one with the same key for the same; Unknown where it may have arrived."""
        return Failed(reason=self._("This connector does not send."))

    # --- approved templates ------------------------------------------------------------------------------------------

    def account(self) -> str:
        """The provider's name of the account whose templates it approves; empty where there is no such thing. May raise
        MissingSecret."""
        return ""

    async def templates(self) -> Library:
        """All templates of the account, in less than a minute. Asked every quarter of an hour."""
        return ()

    # --- files ---------------------------------------------------------------------------------------------------------

    async def fetch(self, file: File) -> FetchOutcome:
        """The content of a file that came by `reference`, in less than 60 seconds. Called in the background, again after a
        Retry and after a crash: fetching twice must do no harm. Read no more than `doors.MAX_FILE` bytes."""
        return Failed(reason=self._("This connector fetches no files."))

    async def download(self, url: str, headers: Mapping[str, str] | None = None) -> FetchOutcome:
        """The content at an address, as `fetch` may answer it: what is gone or not for us is Failed, what may be another
        tomorrow Retry. Looks at no address inside the house and follows no redirects."""
        try:
            answer = await self.tools.network.request(
                "GET", url, headers=headers, cap=MAX_FILE + 1, seconds=DOWNLOAD_SECONDS
            )
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except (NotSent, Interrupted) as error:
            return Retry(reason=error.told(self._))
        if answer.status == 200:
            return Fetched(data=answer.body, media_type=clean(answer.headers.get("content-type", ""))[:200])
        reason = self._("The server answered {status}.").format(status=answer.status)
        if answer.status in LATER or answer.status >= 500:
            return Retry(reason=reason, after=answer.retry_after(self.tools.clock.now()))
        return Failed(reason=reason)

    # --- life --------------------------------------------------------------------------------------------------------

    async def check(self) -> tuple[Check, ...]:
        """Named checks for the set-up page. The base checks that every secret the connector names is stored."""
        return tuple(self._secret_check(name) for name in self.secret_names())

    def guide(self, address: str) -> tuple[str, ...]:
        """What the person who sets up the other side must know, a step each. `address` is the URL of the connector's door,
        empty where it has none. Secrets are named, never told."""
        return ()

    def trial(self, to: str, key: str) -> Outgoing:
        """A test message for `to`, which somebody typed; `send` delivers it."""
        contact = Contact(
            address=to, email=to if self.TEST_TO == "email" else "", phone=to if self.TEST_TO == "phone" else ""
        )
        return Outgoing(
            outbox_id=0,
            key=key,
            kind="message",
            to=contact,
            subject=self._("Test message"),
            text=self._("This is a test message from Duly, sent by the connector {name}. It works.").format(
                name=self.definition.name
            ),
            automatic=True,
            now=self.tools.clock.now(),
        )

    async def close(self) -> None:  # noqa: B027 (most connectors hold nothing open)
        """Let go of what was opened; a send may still be under way."""

    # --- for authors -------------------------------------------------------------------------------------------------

    def setting(self, key: str, default: str = "") -> str:
        """A setting as text, its secret resolved; `default` where the file has no such line. Raises MissingSecret."""
        given = self.definition.settings.get(key)
        if given is None:
            return default
        if given.secret:
            return self.secret(str(given.value))
        if isinstance(given.value, float) and given.value.is_integer():
            return str(int(given.value))
        return str(given.value)

    def settings(self, key: str) -> tuple[str, ...]:
        """As `setting`, with every value that counts now: of a secret that is being rotated two, the new one first. Empty
        where the file has no such line. Raises MissingSecret."""
        given = self.definition.settings.get(key)
        if given is not None and given.secret:
            return self.secrets(str(given.value))
        return (self.setting(key),) if given is not None else ()

    def secret(self, name: str) -> str:
        """A stored secret; an empty one counts as missing (an empty key would sign anything). Raises MissingSecret."""
        value = self.tools.secrets(name)
        if not value.strip():
            raise MissingSecret(name)
        return value

    def secrets(self, name: str) -> tuple[str, ...]:
        """Every value of a secret that counts now, the current one first: while it is being rotated, two. Raises
        MissingSecret."""
        current, previous = self.secret(name), self.tools.previous(name)
        return (current, previous) if previous.strip() and previous != current else (current,)

    def secret_names(self) -> tuple[str, ...]:
        """Every secret the definition names, once."""
        named = [str(setting.value) for setting in self.definition.settings.values() if setting.secret]
        if self.definition.verify_secret:
            named.append(self.definition.verify_secret)
        return tuple(dict.fromkeys(named))

    def _secret_check(self, name: str) -> Check:
        label = self._("Secret `{name}`").format(name=name)
        try:
            self.secret(name)
        except MissingSecret:
            return Check(name=label, state="bad", detail=self._("It is not stored yet."))
        return Check(name=label, state="ok")

    @property
    def _catalogue(self) -> gettext.NullTranslations:
        return i18n.translations(self.DOMAIN, self.tools.language)

    def _(self, message: str) -> str:
        """The text in the language of this server."""
        return self._catalogue.gettext(message)
