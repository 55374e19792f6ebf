"""E-mail out, by SMTP (RFC 5321). A message has the same Message-ID at every attempt, so that a second copy can be told
from a second message; what no person wrote says so (RFC 3834)."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from duly_connectors.contract import BadSetting, Connector, MissingSecret, clean
from duly_connectors.mail import threading
from duly_connectors.mail.threading import REPLY_KEY, Keys
from duly_connectors.outbound import Blocked, NotSent
from duly_connectors.wording import Worded, _
from duly_dsl import program
from duly_runtime.doors import Check, Failed, Outcome, OutFile, Outgoing, Retry, Sent, Unknown

STEP_SECONDS = 5.0
"""For each answer of the server."""
SUBJECT_CAP = 250
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_MESSAGE_ID = re.compile(r"[^\s<>\x00-\x20\x7f-\uffff]{1,250}@[^\s<>\x00-\x20\x7f-\uffff]{1,250}")
"""Ids of others that are fit for a header: ASCII, and not so long that a line could not hold them."""
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,64}@[^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,253}")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in. `tls`: from the start (smtps). `starttls`: True demands it, None takes it if it is there."""

    host: str
    port: int
    tls: bool = False
    starttls: bool | None = None
    user: str = ""
    password: str = field(default="", repr=False)

    @staticmethod
    def read(url: str) -> Server:
        """`smtp://user:password@host:587?starttls=1` or `smtps://…`; BadSetting where it is neither."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadSetting(_("`server` must be smtp://user:password@host:port or smtps://…")) from error
        if parts.scheme not in ("smtp", "smtps") or not host:
            raise BadSetting(_("`server` must be smtp://user:password@host:port or smtps://…"))
        tls = parts.scheme == "smtps"
        wish = parse_qs(parts.query).get("starttls", [""])[-1].lower()
        starttls = None if not wish else wish in ("1", "true", "yes")
        usual = 465 if tls else 587 if starttls or parts.username else 25
        return Server(
            host,
            port or usual,
            tls,
            False if tls else starttls,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class Email(Connector):
    """`sends email`: replies to customers and notices to the people who work here."""

    SENDS_FILES = True
    TEST_TO = "email"

    KIND = program.ConnectorKind(
        name="email",
        directions=("sends",),
        settings=(
            program.SettingSpec(
                "server", required=True, secret=True, help=_("smtp://user:password@host:port?starttls=1, smtps://…")
            ),
            program.SettingSpec("from", required=True, help=_('"Support <support@example.com>"')),
            program.SettingSpec(
                "reply to",
                help=_('where answers come in, with a tag for each card (support+c42.…@example.com); "plain" for no tags'),
            ),
        ),
    )

    async def send(self, item: Outgoing) -> Outcome:
        try:
            server = Server.read(self.setting("server"))
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
        try:
            client = await self._connect(server)
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except NotSent as error:
            return Retry(reason=error.told(self._))
        except _Answer as error:
            return error.outcome(self._)
        try:
            return await self._hand_in(client, sender, whom, message_id(item, sender, keys), content)
        finally:
            client.close()

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

    async def check(self) -> tuple[Check, ...]:
        checks = list(await super().check())
        label = self._("Mail server")
        if any(check.state != "ok" for check in checks):
            return (*checks, Check(name=label, state="unknown", detail=self._("Store the secrets first.")))
        try:
            client = await self._connect(Server.read(self.setting("server")))
        except (BadSetting, NotSent, _Answer) as error:
            checks.append(Check(name=label, state="bad", detail=error.told(self._)))
        else:
            client.close()
            checks.append(Check(name=label, state="ok"))
        state = "ok" if address(self.setting("from")) else "bad"
        checks.append(Check(name=self._("Sender"), state=state, detail=self.setting("from")))
        return tuple(checks)

    async def _connect(self, server: Server) -> Any:
        """A client that has greeted, secured and signed in. Raises NotSent or _Answer."""
        import aiosmtplib  # imported late: rule files are checked without a network

        network = self.tools.network
        sock = await network.connect(server.host, server.port)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=sock,
            use_tls=server.tls,
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
                await client.login(server.user, server.password)
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

    async def _hand_in(self, client: Any, sender: Address, whom: Address, name: str, content: bytes) -> Outcome:
        import aiosmtplib  # imported late: rule files are checked without a network

        try:
            # Reports name the message by this (RFC 3461), also where they bring back nothing of it.
            told = ["RET=HDRS", f"ENVID={name.partition('@')[0]}"] if client.supports_extension("dsn") else []
            await client.mail(sender.addr_spec, options=told)
            await client.rcpt(whom.addr_spec)
        except aiosmtplib.SMTPResponseException as error:
            return _Answer(error.code, error.message).outcome(self._)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Retry(reason=str(error) or type(error).__name__)
        try:
            await client.data(content)
        except aiosmtplib.SMTPResponseException as error:
            return _Answer(error.code, error.message).outcome(self._)
        except (aiosmtplib.SMTPException, OSError) as error:
            words = self._("The mail server may have taken it, but no answer came back: {error}")
            return Unknown(reason=words.format(error=str(error) or type(error).__name__), provider_id=name)
        return Sent(provider_id=name)


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
    message = EmailMessage(policy=POLICY)
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
        ascii_domain = domain.encode("idna").decode()
        local.encode("ascii")  # a server would have to offer SMTPUTF8 for more, and few do
        return Address(_line(name), local, ascii_domain)
    except (UnicodeError, ValueError, IndexError):
        return None


def _line(text: str) -> str:
    """A text as one header line: nothing in it can start another."""
    return re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", clean(text)).strip()[:SUBJECT_CAP]
