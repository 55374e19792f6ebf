"""Handing mail to a mail server (RFC 5321, 6409). A connection is kept for a while after a message, for the next one.

A server that has answered 354 takes a message only with the line that ends it: whatever breaks before that line went out,
the message surely did not arrive. Once it went out and nothing came back, nobody knows. A connection that was kept may have
died meanwhile: where that shows before the server wants the message, another one is made at once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Any, TypeVar

from duly_connectors.contract import clean
from duly_connectors.mail.access import OAuth, Place, SignInFailed, bearer
from duly_connectors.outbound import Blocked, Network, NotSent
from duly_connectors.wording import Worded, _
from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown

STEP_SECONDS = 5.0
"""For each answer of the server."""
SIGN_IN_SECONDS = 9.0
"""For this answer: servers take their time to refuse a password, so that nobody tries many."""
PIECE = 64 * 1024
"""Bytes written at once."""
KEPT = 2
"""Connections of one connector that wait for another message."""
IDLE_SECONDS = 10.0
"""So long they wait: shorter than servers and routers take to forget them."""
MOST_MAILS = 50
"""On one connection: servers allow a hundred or so."""
_LINE_OF_DOT = re.compile(rb"(^|\n)\.")
Ended = TypeVar("Ended", bound=Outcome | None)


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


class Refusal(Worded):
    """The server said no (RFC 5321, 4.2.1): 4xx for now, 5xx for good."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(_("the mail server answered {code}: {text}"), code=code, text=clean(text)[:300])
        self.code = code

    def outcome(self, translate: Callable[[str], str]) -> Outcome:
        words = self.told(translate)
        return Failed(reason=words) if 500 <= self.code < 600 else Retry(reason=words)


GOODBYE = 421
"""The server closes the connection (RFC 5321, 3.8)."""


@dataclass(slots=True)
class Kept:
    """A connection that has greeted, secured and signed in; `mails` went over it."""

    server: Place
    client: Any
    mails: int = 0
    timer: asyncio.TimerHandle | None = None


class Submission:
    """The way out of one connector. `translate` puts reasons into the language of this server."""

    def __init__(self, network: Network, translate: Callable[[str], str]) -> None:
        self._network = network
        self._ = translate
        self._idle: list[Kept] = []
        self._closed = False

    async def deliver(self, server: Place, oauth: OAuth, mail: Envelope, seconds: float) -> Outcome:
        """Hand it over. `seconds`: for everything but the answer to its last line."""
        line: Kept | None = None
        try:
            async with asyncio.timeout(seconds):
                line = self._take(server)
                if line is not None:
                    try:
                        await _begin(line.client, mail)
                    except (NotSent, Refusal, TimeoutError) as error:
                        if isinstance(error, Blocked) or (isinstance(error, Refusal) and error.code != GOODBYE):
                            raise
                        line = self._hung_up(line, None)  # it died while it waited
                if line is None:
                    line = Kept(server, await self._connect(server, oauth))
                    await _begin(line.client, mail)
                await _write(line.client, mail)
        except Blocked as error:
            return self._hung_up(line, Failed(reason=error.told(self._)))
        except (NotSent, SignInFailed) as error:
            # Who may not sign in now may once a person has set it right.
            return self._hung_up(line, Retry(reason=error.told(self._)))
        except Refusal as error:
            return self._hung_up(line, error.outcome(self._))
        except TimeoutError:
            return self._hung_up(line, Retry(reason=self._("The mail server takes too long to take the message.")))
        except BaseException:
            self._hung_up(line, None)
            raise
        try:
            outcome = await self._end(line.client, mail.name)
        except BaseException:
            line.client.close()
            raise
        line.mails += 1
        if isinstance(outcome, Sent):
            self._keep(line)
        else:
            line.client.close()
        return outcome

    async def check(self, server: Place, oauth: OAuth) -> None:
        """Connect and sign in, no more. Raises NotSent, SignInFailed or Refusal."""
        (await self._connect(server, oauth)).close()

    def close(self) -> None:
        """Let go of what waits. A message that is on its way goes on."""
        self._closed = True
        for line in list(self._idle):
            self._let_go(line)

    # --- connections that wait ----------------------------------------------------------------------------------------

    def _take(self, server: Place) -> Kept | None:
        for line in reversed(self._idle):
            if line.server == server and line.client.is_connected:
                self._idle.remove(line)
                if line.timer is not None:
                    line.timer.cancel()
                return line
        return None

    def _keep(self, line: Kept) -> None:
        self._idle = [each for each in self._idle if each.client.is_connected]
        if self._closed or line.mails >= MOST_MAILS or len(self._idle) >= KEPT or not line.client.is_connected:
            _goodbye(line.client)
            return
        line.timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._let_go, line)
        self._idle.append(line)

    def _let_go(self, line: Kept) -> None:
        if line in self._idle:
            self._idle.remove(line)
        if line.timer is not None:
            line.timer.cancel()
        _goodbye(line.client)

    def _hung_up(self, line: Kept | None, outcome: Ended) -> Ended:
        """What was begun ends here, and nothing that waits to be written goes out any more: a message without its end is
        none (RFC 5321, 4.1.1.4)."""
        if line is not None:
            if line.client.transport is not None:
                line.client.transport.abort()
            line.client.close()
        return outcome

    # --- steps --------------------------------------------------------------------------------------------------------

    async def _connect(self, server: Place, oauth: OAuth) -> Any:
        """A client that has greeted, secured and signed in. Raises NotSent, SignInFailed or Refusal."""
        import aiosmtplib  # imported late: rule files are checked without a network

        network = self._network
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
                await _sign_in(client, server, oauth)
            await client._ehlo_or_helo_if_needed()
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise Refusal(error.code, error.message) from error
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

    async def _end(self, client: Any, name: str) -> Outcome:
        import aiosmtplib  # imported late: rule files are checked without a network

        try:
            answer = await client.execute_command(b".", timeout=STEP_SECONDS)
        except (aiosmtplib.SMTPException, OSError) as error:
            words = self._("The mail server may have taken it, but no answer came back: {error}")
            return Unknown(reason=words.format(error=str(error) or type(error).__name__), provider_id=name)
        return Sent(provider_id=name) if answer.code == 250 else Refusal(answer.code, answer.message).outcome(self._)


async def _sign_in(client: Any, server: Place, oauth: OAuth) -> None:
    import aiosmtplib  # imported late: rule files are checked without a network

    await client._ehlo_or_helo_if_needed()  # under TLS a server says anew what it can
    offered = client.server_auth_methods
    try:
        if oauth and not server.password:
            token = await oauth.token()
            if "oauthbearer" in offered:
                await _auth_bearer(client, server, token)
            else:
                await client.auth_xoauth2(server.user, token, timeout=SIGN_IN_SECONDS)
        elif "plain" in offered:
            await client.auth_plain(server.user, server.password, timeout=SIGN_IN_SECONDS)
        else:
            await client.login(server.user, server.password, timeout=SIGN_IN_SECONDS)
    except aiosmtplib.SMTPAuthenticationError as error:
        oauth.forget()
        if 400 <= error.code < 500:
            raise
        said = f"{error.code} {clean(error.message)[:300]}"
        raise SignInFailed(_("the mail server refuses to let us in: {error}"), error=said) from error


async def _auth_bearer(client: Any, server: Place, token: str) -> None:
    """OAUTHBEARER (RFC 7628). Why a token is refused is told in a challenge, which one octet answers (3.2.3)."""
    import aiosmtplib  # imported late: rule files are checked without a network

    first = base64.b64encode(bearer(server, token).encode())
    answer = await client.execute_command(b"AUTH", b"OAUTHBEARER", first, timeout=SIGN_IN_SECONDS)
    if answer.code == 334:
        answer = await client.execute_command(base64.b64encode(b"\x01"), timeout=SIGN_IN_SECONDS)
    if answer.code != 235:
        raise aiosmtplib.SMTPAuthenticationError(answer.code, answer.message)


async def _begin(client: Any, mail: Envelope) -> None:
    """From whom and to whom, until the server wants the message. Raises NotSent, Refusal or TimeoutError."""
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
    with _broken():
        await client.mail(mail.sender.addr_spec, options=told, encoding="utf-8")
        await client.rcpt(mail.whom.addr_spec, encoding="utf-8")
        answer = await client.execute_command(b"DATA")
    if answer.code != 354:
        raise Refusal(answer.code, answer.message)


async def _write(client: Any, mail: Envelope) -> None:
    """The message without the line that ends it. Raises as `_begin`."""
    lines = _LINE_OF_DOT.sub(rb"\1..", mail.content)
    with _broken():
        for start in range(0, len(lines), PIECE):
            client.protocol.write(lines[start : start + PIECE])
            await client.protocol._drain_helper()  # what is not on its way by the time we give up stays here


@contextlib.contextmanager
def _broken() -> Iterator[None]:
    import aiosmtplib  # imported late: rule files are checked without a network

    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise Refusal(error.code, error.message) from error
    except TimeoutError as error:
        raise TimeoutError from error  # also the library's own, which are SMTPExceptions too
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(_("the connection broke: {error}"), error=str(error) or type(error).__name__) from error


def _goodbye(client: Any) -> None:
    if client.is_connected:
        client.protocol.write(b"QUIT\r\n")
    client.close()
