"""Mail handed over by a mail server of ours, by LMTP (RFC 2033): one answer for each recipient, and 250 only once the mail
is safe in the database.

The server listens on an address of this machine or its network: whoever can connect is believed, as with any LMTP server.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from duly_connectors.mail.access import base_address
from duly_connectors.mail.reading import MAX_MAIL
from duly_runtime.doors import Raw
from duly_runtime.store.api import StoreUnavailable

RECIPIENTS = 100
SMTP_OVERHEAD = 64 * 1024
"""Bytes over MAX_MAIL that are read, so that a mail of exactly that size gets in whatever the server adds."""
LONGEST_LINE = 1024 * 1024
"""Bytes. No line should be longer than 1,000 (RFC 5321, 4.5.3.1.6); programs write them, and people wait for answers."""
REFUSED = ("500 Line too long", "552 Error: Too much mail data")
"""What aiosmtpd says of a mail it has read to the end and won't take."""

log = structlog.get_logger(__name__)

Take = Callable[[str, Raw], Awaitable[bool]]
"""Hands a mail to the connector of a name; returns once it is safe. False where there is no such connector any more."""


class Handler:
    """What aiosmtpd calls. `doors` says at this moment which addresses belong to which connector."""

    def __init__(
        self, doors: Callable[[], Awaitable[Mapping[str, str]]], take: Take, now: Callable[[], dt.datetime]
    ) -> None:
        self._doors = doors
        self._take = take
        self._now = now

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        try:
            doors = await self._doors()
        except StoreUnavailable:
            return "451 4.3.0 The database does not answer, try again later"
        if not doors:
            # Nothing is published yet, or what should receive it is out of service: that can be mended.
            return "451 4.3.5 No connector receives mail at the moment"
        if base_address(address) not in doors:
            return "550 5.1.1 No connector receives mail for this address"
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 4.5.3 Too many recipients at once"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """The answers, one for each recipient, as lines."""
        answers: list[str] = []
        taken: dict[str, str] = {}
        for recipient in envelope.rcpt_tos:
            try:
                connector = (await self._doors()).get(base_address(recipient), "")
                # One mail for two addresses of a connector comes in once.
                if connector not in taken:
                    taken[connector] = await self._hand_over(connector, recipient, envelope)
                answers.append(taken[connector])
            except StoreUnavailable:
                answers.append("451 4.3.0 The database does not answer, try again later")
            except Exception as error:
                log.exception("lmtp_failed", recipient=recipient, error=repr(error))
                answers.append("451 4.3.0 Something went wrong, try again later")
        return "\r\n".join(answers)

    async def _hand_over(self, connector: str, recipient: str, envelope: Any) -> str:
        now = self._now()
        query = {"to": recipient, "from": envelope.mail_from or "", "arrived": now.isoformat()}
        raw = Raw(method="MAIL", path="lmtp", query=query, body=bytes(envelope.original_content), received_at=now)
        if not connector or not await self._take(connector, raw):
            return "550 5.1.1 No connector receives mail for this address"
        return "250 2.6.0 Taken"


class Listener:
    """A server that listens. `close` ends its sessions too: what was not answered, the other side sends again."""

    def __init__(self, server: asyncio.Server, sessions: set[Any]) -> None:
        self._server = server
        self._sessions = sessions
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.close()
        await self._server.wait_closed()


async def listen(handler: Handler, host: str, port: int) -> Listener:
    """OSError where the port is taken. Port 0 takes a free one."""
    from aiosmtpd.lmtp import LMTP

    sessions: set[Any] = set()

    class Session(LMTP):
        line_length_limit = LONGEST_LINE

        async def push(self, status: Any) -> None:
            if str(status).startswith(REFUSED) and self.envelope is not None:
                # aiosmtpd refuses a whole mail with one answer; each recipient has one (RFC 2033, 4.2).
                status = "\r\n".join([str(status)] * len(self.envelope.rcpt_tos))
            await super().push(status)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sessions.add(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            sessions.discard(self)
            super().connection_lost(error)

    def session() -> LMTP:
        return Session(
            handler, data_size_limit=MAX_MAIL + SMTP_OVERHEAD, enable_SMTPUTF8=True, hostname="duly", ident="Duly LMTP"
        )

    return Listener(await asyncio.get_running_loop().create_server(session, host, port), sessions)
