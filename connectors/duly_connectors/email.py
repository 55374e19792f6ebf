"""E-mail, in and out. Out by SMTP (RFC 5321): a message has the same Message-ID at every attempt, so that a second copy can
be told from a second message; what no person wrote says so (RFC 3834)."""

from __future__ import annotations

import base64
import datetime as dt
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace as replace_fields

from duly_connectors.contract import BadSetting, Connector, MissingSecret, Tools, clean
from duly_connectors.mail import threading
from duly_connectors.mail.access import OAuth, Place, SignInFailed, base_address
from duly_connectors.mail.threading import REPLY_KEY, Keys
from duly_connectors.outbound import NotSent
from duly_connectors.webhook.signing import TOKEN_HEADERS, TOKEN_QUERY, verify_token
from duly_connectors.wording import _
from duly_dsl import program
from duly_dsl.units import Duration, Unit
from duly_runtime.doors import (
    MAX_FILE,
    Check,
    Failed,
    Outcome,
    OutFile,
    Outgoing,
    Parsed,
    Raw,
    Refused,
    Source,
    send_seconds,
)

if TYPE_CHECKING:
    from duly_connectors.mail.smtp import Submission

SUBJECT_CAP = 250
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_MESSAGE_ID = re.compile(r"[^\s<>\x00-\x20\x7f-\uffff]{1,250}@[^\s<>\x00-\x20\x7f-\uffff]{1,250}")
"""Ids of others that are fit for a header: ASCII, and not so long that a line could not hold them."""
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,64}@[^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,253}")


def server_of(url: str) -> Place:
    """`smtp://user:password@host:587?starttls=1` or `smtps://…`; BadSetting where it is neither."""
    place = Place.read(url, "smtp", (465, 0))
    if place is None:
        raise BadSetting(_("`server` must be smtp://user:password@host:port or smtps://…"))
    return replace(place, port=place.port or (587 if place.starttls or place.user else 25))


OAUTH = ("endpoint", "client id", "client secret", "refresh token", "scope")
SENDING = ("sends", "connects")
FROM_NOW, ALL = "now", "always"
"""Words for which mail from before the first connection is taken."""


class Email(Connector):
    """`sends email`: replies to customers and notices to the people who work here. `receives email`: mail becomes cards,
    from mailboxes that are read by IMAP, from a mail server by LMTP, or posted to the connector's path."""

    SENDS_FILES = True
    TEST_TO = "email"
    LARGEST = MAX_FILE
    WAITS = True  # a mail is read by another process, and a hostile one may take it seconds

    KIND = program.ConnectorKind(
        name="email",
        directions=("receives", "sends", "connects"),
        accepts_verify=True,
        senders_proved_by="authentication server",
        settings=(
            program.SettingSpec(
                "server",
                required=True,
                secret=True,
                needed_to=SENDING,
                help=_("smtp://user:password@host:port?starttls=1, smtps://…"),
            ),
            program.SettingSpec("from", required=True, needed_to=SENDING, help=_('"Support <support@example.com>"')),
            program.SettingSpec(
                "reply to",
                help=_('where answers come in, with a tag for each card (support+c42.…@example.com); "plain" for no tags'),
            ),
            program.SettingSpec(
                "mailbox", secret=True, help=_("imaps://user:password@host/INBOX; several with blanks between them")
            ),
            program.SettingSpec(
                "take mail since",
                about="mailbox",
                duration=True,
                words=(FROM_NOW, ALL),
                help=_(
                    "which unseen mail counts that is in a mailbox when it is first connected: `now` for none, `2 calendar"
                    " days`, `always` for all"
                ),
            ),
            program.SettingSpec(
                "address", help=_('addresses mail comes in for, "support@example.com"; else that of `from`')
            ),
            program.SettingSpec(
                "authentication server",
                help=_(
                    "the name under which your mail server notes what it found out about senders (Authentication-Results)"
                ),
            ),
            program.SettingSpec("oauth endpoint", help=_("where a refresh token is changed for an access token; https://")),
            program.SettingSpec("oauth client id", help=_("the id of the application, as the provider gave it")),
            program.SettingSpec("oauth client secret", secret=True, help=_("the secret of the application, if it has one")),
            program.SettingSpec("oauth refresh token", secret=True, help=_("the consent of the mailbox's owner")),
            program.SettingSpec("oauth scope", help=_("what the token is for, where the provider asks for it")),
        ),
    )

    def __init__(self, definition: program.Connector, pipeline: program.Pipeline | None, tools: Tools) -> None:
        super().__init__(definition, pipeline, tools)
        self._tokens = OAuth(tools.network, {})
        self._way_out: Submission | None = None

    # --- in ----------------------------------------------------------------------------------------------------------

    def authenticate(self, raw: Raw) -> None:
        door = self.definition
        if raw.method.upper() not in ("POST", "PUT"):
            raise Refused(405, "send it with POST")
        if door.verify_scheme != "token":
            raise Refused(401, "this door has no `verify token` line, so nobody may come in")
        verify_token(raw, self.secrets(door.verify_secret), door.verify_header)

    def parse(self, raw: Raw) -> Parsed:
        from duly_connectors.mail import bounded, incoming  # imported late: rule files are checked without processes

        refused = raw.query.get(incoming.REFUSED, "")
        if refused:
            words = self._("A mail could not be read, so look at it in the mailbox: {error}")
            return Parsed(problems=(words.format(error=refused),))
        cut = raw.query.get(incoming.CUT, "")
        problems = (
            (self._("The mail is too large ({size} bytes): only its head was kept.").format(size=cut),) if cut else ()
        )
        mail = bounded.shared().read(raw.body, self.setting("authentication server"))
        mail = replace_fields(mail, problems=tuple(map(self._, mail.problems)))
        return incoming.events(self.definition, raw, mail, self._keys(), problems)

    def hidden(self) -> tuple[str, ...]:
        return (*TOKEN_HEADERS, TOKEN_QUERY, self.definition.verify_header)

    def sources(self) -> tuple[Source, ...]:
        if "mailbox" not in self.definition.settings:
            return ()
        from duly_connectors.mail.imap import Mailboxes  # imported late: rule files are checked without a network

        return (Mailboxes(self.tools, self._mailboxes, self._before()),)

    def _before(self) -> dt.timedelta | None:
        """How long before the first connection unseen mail must have come to be left alone; None: none is."""
        given = self.definition.settings.get("take mail since")
        value = given.value if given is not None else FROM_NOW
        if not isinstance(value, Duration):
            return None if value == ALL else dt.timedelta()
        if value.unit is Unit.CALENDAR_DAYS:
            return dt.timedelta(days=value.amount)
        return dt.timedelta(microseconds=value.amount)

    def addresses(self) -> tuple[str, ...]:
        """Whose mail is ours, in lower case and without what follows a plus."""
        given = self.setting("address") or self.setting("from")
        found = (address(part) for part in re.split(r"[\s,;]+(?=[^<>]*(?:<|$))", given) if part)
        return tuple(dict.fromkeys(base_address(one.addr_spec) for one in found if one is not None))

    def _mailboxes(self) -> tuple[tuple[Place, ...], OAuth]:
        from duly_connectors.mail.imap import boxes  # imported late: rule files are checked without a network

        places = boxes(self.setting("mailbox"))
        if places is None:
            raise BadSetting(_("`mailbox` must be imaps://user:password@host/INBOX, or several with blanks between them"))
        return places, self._oauth()

    def _oauth(self) -> OAuth:
        """The same while the settings are: an access token is good for many mails."""
        given = {name: self.setting(f"oauth {name}") for name in OAUTH}
        if not self._tokens.follows(given):
            self._tokens = OAuth(self.tools.network, given, self._renewed)
        return self._tokens

    def _renewed(self, token: str) -> None:
        """The provider has replaced the refresh token."""
        given = self.definition.settings.get("oauth refresh token")
        if given is not None and given.secret:
            self.tools.keep(str(given.value), token)

    # --- out ---------------------------------------------------------------------------------------------------------

    async def send(self, item: Outgoing) -> Outcome:
        from duly_connectors.mail.smtp import (
            STEP_SECONDS,
            Envelope,
        )  # imported late: rule files are checked without a network

        try:
            server = server_of(self.setting("server"))
            sender = address(self.setting("from"))
            if sender is None:
                raise BadSetting(_("`from` holds no e-mail address."))
            reply_to = self._reply_to(sender)
        except BadSetting as error:
            return Failed(reason=error.told(self._))
        whom = address(item.to.email or item.to.address)
        if whom is None:
            return Failed(reason=self._("The recipient has no e-mail address we can write to."))
        keys = self._keys()
        message = compose(item, sender, whom, keys, reply_to)
        content = await _written_aside(message, item.files) if item.files else message.as_bytes()
        mail = Envelope(sender, whom, message_id(item, sender, keys), content)
        return await self._submission().deliver(server, self._oauth(), mail, send_seconds(item.files) - STEP_SECONDS)

    def _submission(self) -> Submission:
        from duly_connectors.mail.smtp import Submission  # imported late: rule files are checked without a network

        if self._way_out is None:
            self._way_out = Submission(self.tools.network, self._)
        return self._way_out

    async def close(self) -> None:
        if self._way_out is not None:
            self._way_out.close()

    def _keys(self) -> Keys:
        """What signs the tokens of cards. Without it mail goes out all the same; answers then name only Message-IDs."""
        try:
            return Keys(" ".join(self.secrets(REPLY_KEY)))
        except MissingSecret:
            return Keys("")

    def _reply_to(self, sender: Address) -> Address | None:
        """The address to tag; None where answers just go to the sender. Raises BadSetting."""
        given = self.setting("reply to").strip()
        if not given:
            return sender if self.definition.direction == "connects" else None
        if given.casefold() == "plain":
            return None
        found = address(given)
        if found is None:
            raise BadSetting(_("`reply to` must be an e-mail address or `plain`"))
        return found

    def guide(self, address: str) -> tuple[str, ...]:
        steps: list[str] = []
        if self.definition.direction != "sends":
            try:
                ours = ", ".join(self.addresses())
            except MissingSecret:
                ours = ""
            steps.append(self._("Mail to these addresses becomes cards: {addresses}.").format(addresses=ours or "-"))
            if "mailbox" in self.definition.settings:
                steps.append(self._("Mailboxes are read by IMAP; how each goes is shown below."))
                steps.append(self._(self._first_connection()))
            steps.append(self._("A mail server may hand mail over by LMTP where the server was started with DULY_LMTP."))
            if address and self.definition.verify_scheme:
                steps.append(self._("Mail may be posted as it is (message/rfc822) to {address}.").format(address=address))
        return tuple(steps)

    def _first_connection(self) -> str:
        before = self._before()
        if before is None:
            return _("When a mailbox is first connected, all its unseen mail becomes cards (`take mail since always`).")
        if before:
            return _(
                "When a mailbox is first connected, unseen mail becomes cards as far back as `take mail since` says. Older"
                " mail is left alone, unseen as it is."
            )
        return _(
            "When a mailbox is first connected, what is in it is left alone, unseen mail too: only what comes from then on"
            " becomes cards. To take unseen mail of the last days as well, write `take mail since 2 calendar days`, now or"
            " later."
        )

    async def check(self) -> tuple[Check, ...]:
        checks = list(await super().check())
        ready = all(check.state == "ok" for check in checks)
        if self.definition.direction in SENDING:
            checks.append(await self._server_check(ready))
            state = "ok" if address(self.setting("from")) else "bad"
            checks.append(Check(name=self._("Sender"), state=state, detail=self.setting("from")))
        if "mailbox" in self.definition.settings:
            checks += await self._mailbox_checks(ready)
        return tuple(checks)

    async def _server_check(self, ready: bool) -> Check:
        label = self._("Mail server")
        if not ready:
            return Check(name=label, state="unknown", detail=self._("Store the secrets first."))
        from duly_connectors.mail.smtp import Refusal  # imported late: rule files are checked without a network

        try:
            await self._submission().check(server_of(self.setting("server")), self._oauth())
        except (BadSetting, NotSent, SignInFailed, Refusal) as error:
            return Check(name=label, state="bad", detail=error.told(self._))
        return Check(name=label, state="ok")

    async def _mailbox_checks(self, ready: bool) -> list[Check]:
        if not ready:
            return [Check(name=self._("Mailbox"), state="unknown", detail=self._("Store the secrets first."))]
        from duly_connectors.mail.imap import (
            Mailbox,
            Trouble,
            label,
        )  # imported late: rule files are checked without a network

        try:
            places, oauth = self._mailboxes()
        except BadSetting as error:
            return [Check(name=self._("Mailbox"), state="bad", detail=error.told(self._))]
        checks: list[Check] = []
        for place in places:
            name = self._("Mailbox {name}").format(name=label(place))
            box = Mailbox(self.tools, place, oauth)
            try:
                await box.open()
                count, unseen = await box.check()
            except (Trouble, NotSent, SignInFailed) as error:
                checks.append(Check(name=name, state="bad", detail=error.told(self._)))
            else:
                detail = self._("Mails in it: {count}, unseen: {unseen}").format(count=count, unseen=unseen)
                checks.append(Check(name=name, state="ok", detail=detail))
            finally:
                box.close()
        return checks


def message_id(item: Outgoing, sender: Address, keys: Keys) -> str:
    """The same at every attempt. Reports on the message are believed by this name, so strangers must not know it."""
    return f"{keys.name(item.key)}@{sender.domain}"


class _Ids(UnstructuredHeader, BaseHeader):
    """A header of Message-IDs, one a line: they must not be broken, and the library would encode those that are long."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {f'{policy.linesep} '.join(str(self).split())}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    registry.map_to_type("references", _Ids)
    registry.map_to_type("in-reply-to", _Ids)
    return SMTP.clone(header_factory=registry)


POLICY = _policy()


def compose(
    item: Outgoing, sender: Address, whom: Address, keys: Keys | None = None, reply_to: Address | None = None
) -> EmailMessage:
    """The message: plain text, UTF-8. The key names the message, the card's token heads the thread and is in the address
    answers go to, and the customer's own mails come after it. Its files come in when it is `written`."""
    keys = keys or Keys("")
    ascii_only = (sender.addr_spec + whom.addr_spec).isascii()
    message = EmailMessage(policy=POLICY if ascii_only else POLICY.clone(utf8=True))
    message["From"] = sender
    message["To"] = whom
    token = keys.token(item.card_id) if item.kind == "message" else ""
    back = threading.reply_address(reply_to, token) if reply_to is not None else None
    if back is not None or (reply_to is not None and reply_to.addr_spec != sender.addr_spec):
        message["Reply-To"] = back or reply_to
    message["Subject"] = _line(item.subject) or _line(item.text)[:80] or _line(item.reference) or "-"
    message["Date"] = format_datetime(item.now)
    message["Message-ID"] = f"<{message_id(item, sender, keys)}>"
    head = token or re.sub(r"[^A-Za-z0-9.-]", "-", item.reference)[:60]
    thread = [f"{head}@{sender.domain}"] if head else []
    thread += [name for name in item.answers if _MESSAGE_ID.fullmatch(name)]
    if thread:
        message["In-Reply-To"] = f"<{thread[-1]}>"
        message["References"] = " ".join(f"<{name}>" for name in thread)
    automatic = item.automatic or item.kind == "notice"
    if automatic:
        message["Auto-Submitted"] = "auto-replied" if item.answers and item.automatic else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
    if keys:
        message["X-Duly"] = f"{'automatic' if automatic else 'person'}; by={keys.mark()}"
    message.set_content(clean(item.text) or "\n", charset="utf-8")
    return message


def written(message: EmailMessage, files: Sequence[OutFile]) -> bytes:
    """The message with its files, as it goes over the wire. Their contents are put in last, in place of a random word: the
    library writes line by line, which takes seconds for 25 MB."""
    places: list[bytes] = []
    for file in files:
        main, _slash, sub = _media_type(file.media_type).partition("/")
        message.add_attachment(b"", maintype=main, subtype=sub, filename=_line(file.name) or "file")
        *_others, part = message.iter_attachments()
        places.append(secrets.token_hex(16).encode())
        part.set_payload(places[-1].decode())
    rest = message.as_bytes()
    pieces: list[bytes] = []
    for place, file in zip(places, files, strict=True):
        before, _place, rest = rest.partition(place)
        pieces += [before, base64.encodebytes(file.data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")]
    return b"".join((*pieces, rest))


async def _written_aside(message: EmailMessage, files: Sequence[OutFile]) -> bytes:
    """In a thread, so that others are served meanwhile."""
    import asyncio  # imported late: rule files are checked without a network

    return await asyncio.to_thread(written, message, files)


def _media_type(given: str) -> str:
    """As given, where a file may be of that type; what holds messages can't be sent as bytes (RFC 2046, 5.2)."""
    given = given.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(given) or given.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return given


def address(text: str) -> Address | None:
    """`Name <user@example.com>` or a bare address, None where there is no single plain one. Domains go out in ASCII."""
    if any(c in text for c in "\r\n\0"):
        return None
    found = _NAMED.fullmatch(text.strip())
    name, bare = (found[1].strip().strip('"'), found[2].strip()) if found else ("", text.strip())
    if not _ADDRESS.fullmatch(bare) or not bare.isprintable():
        return None
    local, _at, domain = bare.rpartition("@")
    try:
        return Address(_line(name), local, domain.encode("idna").decode())
    except (UnicodeError, ValueError, IndexError):
        return None


def _line(text: str) -> str:
    """A text as one header line: nothing in it can start another."""
    return re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", clean(text)).strip()[:SUBJECT_CAP]
