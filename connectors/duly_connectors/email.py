"""E-mail, in and out. Out by SMTP (RFC 5321): a message has the same Message-ID at every attempt, so that a second copy can
be told from a second message; what no person wrote says so (RFC 3834)."""

from __future__ import annotations

import base64
import datetime as dt
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import Any, TypeVar

from msgspec.structs import replace as replace_fields

from duly_connectors.contract import BadSetting, Connector, MissingSecret, Tools, clean
from duly_connectors.mail import threading
from duly_connectors.mail.access import OAuth, Place, SignInFailed, base_address
from duly_connectors.mail.threading import REPLY_KEY, Keys
from duly_connectors.outbound import Blocked, NotSent
from duly_connectors.webhook.signing import TOKEN_HEADERS, TOKEN_QUERY, verify_token
from duly_connectors.wording import Worded, _
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
    Retry,
    Sent,
    Source,
    Unknown,
    send_seconds,
)

STEP_SECONDS = 5.0
"""For each answer of the server."""
SIGN_IN_SECONDS = 9.0
"""For this answer: servers take their time to refuse a password, so that nobody tries many."""
PIECE = 64 * 1024
"""Bytes written at once."""
SUBJECT_CAP = 250
_LINE_OF_DOT = re.compile(rb"(^|\n)\.")
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


Ended = TypeVar("Ended", bound=Outcome | None)
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
        return await self._delivered(server, Envelope(sender, whom, message_id(item, sender, keys), content), item)

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
        try:
            client = await self._connect(server_of(self.setting("server")))
        except (BadSetting, NotSent, SignInFailed, _Answer) as error:
            return Check(name=label, state="bad", detail=error.told(self._))
        client.close()
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

    async def _connect(self, server: Place) -> Any:
        """A client that has greeted, secured and signed in. Raises NotSent or _Answer."""
        import aiosmtplib  # imported late: rule files are checked without a network

        network = self.tools.network
        sock = await network.connect(server.host, server.port)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=sock,
            use_tls=server.secure,
            start_tls=server.starttls,
            tls_context=network.tls(),
            timeout=STEP_SECONDS,
            local_hostname="localhost",
        )
        try:
            await client.connect()
            if server.user:
                secured = client.transport is not None and client.transport.get_extra_info("sslcontext") is not None
                if not secured and not network.allow_private:
                    raise Blocked(_("the mail server offers no TLS, so the password is not sent: use smtps://"))
                await self._sign_in(client, server)
            await client._ehlo_or_helo_if_needed()  # under TLS a server says anew what it can
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise _Answer(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            words = str(error) or type(error).__name__
            raise NotSent(
                _("no connection to `{host}`: {error}"), host=f"{server.host}:{server.port}", error=words
            ) from error
        except BaseException:
            client.close()
            raise
        return client

    async def _sign_in(self, client: Any, server: Place) -> None:
        import aiosmtplib  # imported late: rule files are checked without a network

        oauth = self._oauth()
        try:
            if oauth and not server.password:
                await client.auth_xoauth2(server.user, await oauth.token(), timeout=SIGN_IN_SECONDS)
            elif "plain" in client.supported_auth_methods:
                await client.auth_plain(server.user, server.password, timeout=SIGN_IN_SECONDS)
            else:
                await client.login(server.user, server.password, timeout=SIGN_IN_SECONDS)
        except aiosmtplib.SMTPAuthenticationError as error:
            oauth.forget()
            if 400 <= error.code < 500:
                raise
            said = f"{error.code} {clean(error.message)[:300]}"
            raise SignInFailed(_("the mail server refuses to let us in: {error}"), error=said) from error

    async def _delivered(self, server: Place, mail: Envelope, item: Outgoing) -> Outcome:
        import asyncio  # imported late: rule files are checked without a network

        client: Any = None
        try:
            async with asyncio.timeout(send_seconds(item.files) - STEP_SECONDS):
                client = await self._connect(server)
                await self._hand_in(client, mail)
        except Blocked as error:
            return self._hung_up(client, Failed(reason=error.told(self._)))
        except (NotSent, SignInFailed) as error:
            # Who may not sign in now may once a person has set it right.
            return self._hung_up(client, Retry(reason=error.told(self._)))
        except _Answer as error:
            return self._hung_up(client, error.outcome(self._))
        except TimeoutError:
            reason = self._("The mail server takes too long to take the message.")
            return self._hung_up(client, Retry(reason=reason))
        except BaseException:
            self._hung_up(client, None)
            raise
        try:
            return await self._end(client, mail.name)
        finally:
            client.close()

    def _hung_up(self, client: Any, outcome: Ended) -> Ended:
        """What was begun ends here, and nothing that waits to be written goes out any more: a message without its end is
        none (RFC 5321, 4.1.1.4)."""
        if client is not None:
            if client.transport is not None:
                client.transport.abort()
            client.close()
        return outcome

    async def _hand_in(self, client: Any, mail: Envelope) -> None:
        """Everything but the line that ends the message. Raises NotSent, _Answer or TimeoutError."""
        import aiosmtplib  # imported late: rule files are checked without a network

        told: list[str] = []
        if not mail.ascii:
            if not client.supports_extension("smtputf8"):
                raise Blocked(_("the mail server takes no addresses with letters beyond ASCII (SMTPUTF8)"))
            told.append("SMTPUTF8")
        if client.supports_extension("size"):
            told.append(f"SIZE={len(mail.content)}")
        if client.supports_extension("dsn"):
            # Reports name the message by this (RFC 3461), also where they bring back nothing of it.
            told += ["RET=HDRS", f"ENVID={mail.name.partition('@')[0]}"]
        try:
            await client.mail(mail.sender.addr_spec, options=told, encoding="utf-8")
            await client.rcpt(mail.whom.addr_spec, encoding="utf-8")
            answer = await client.execute_command(b"DATA")
            if answer.code != 354:
                raise _Answer(answer.code, answer.message)
            lines = _LINE_OF_DOT.sub(rb"\1..", mail.content)
            for start in range(0, len(lines), PIECE):
                client.protocol.write(lines[start : start + PIECE])
                await client.protocol._drain_helper()  # what is not on its way by the time we give up stays here
        except aiosmtplib.SMTPResponseException as error:
            raise _Answer(error.code, error.message) from error
        except TimeoutError as error:
            raise TimeoutError from error  # also the library's own, which are SMTPExceptions too
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotSent(_("the connection broke: {error}"), error=str(error) or type(error).__name__) from error

    async def _end(self, client: Any, name: str) -> Outcome:
        import aiosmtplib  # imported late: rule files are checked without a network

        try:
            answer = await client.execute_command(b".", timeout=STEP_SECONDS)
        except (aiosmtplib.SMTPException, OSError) as error:
            words = self._("The mail server may have taken it, but no answer came back: {error}")
            return Unknown(reason=words.format(error=str(error) or type(error).__name__), provider_id=name)
        return Sent(provider_id=name) if answer.code == 250 else _Answer(answer.code, answer.message).outcome(self._)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message and its way. `name` is its Message-ID, `content` its lines, each with its end."""

    sender: Address
    whom: Address
    name: str
    content: bytes

    @property
    def ascii(self) -> bool:
        return (self.sender.addr_spec + self.whom.addr_spec).isascii()


class _Answer(Worded):
    """The server said no (RFC 5321, 4.2.1): 4xx for now, 5xx for good."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(_("the mail server answered {code}: {text}"), code=code, text=clean(text)[:300])
        self.code = code

    def outcome(self, translate: Callable[[str], str]) -> Outcome:
        words = self.told(translate)
        return Failed(reason=words) if 500 <= self.code < 600 else Retry(reason=words)


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
