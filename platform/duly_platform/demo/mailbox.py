"""A mail server that keeps what it is given, for people to read in the demo."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from duly_admin_ui.services import CaughtMail
from duly_runtime.time import Clock

KEPT = 500
"""Mails remembered; older ones go."""
LARGEST = 1_000_000
"""Bytes of a mail: more than any notice."""


class Mailbox:
    """Takes mail for any address by SMTP on a port of this machine and delivers none of it."""

    def __init__(self, clock: Clock, kept: int = KEPT) -> None:
        self.clock = clock
        self.on_mail: Callable[[], None] = lambda: None
        """Called after each mail."""
        self.port = 0
        self._mails: deque[CaughtMail] = deque(maxlen=kept)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listens on a free port (`port`) until the block ends."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="mail.demo", data_size_limit=LARGEST, loop=loop, enable_SMTPUTF8=True),
            "127.0.0.1",
            0,
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    def mails(self) -> list[CaughtMail]:
        """Newest first."""
        return list(reversed(self._mails))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        data = content.encode() if isinstance(content, str) else content or b""
        message = message_from_bytes(data, policy=policy.default)
        self._mails.append(
            CaughtMail(
                sender=str(message["From"] or envelope.mail_from or ""),
                to=", ".join(envelope.rcpt_tos),
                subject=str(message["Subject"] or ""),
                text=_text(message),
                at=self.clock.now(),
            )
        )
        self.on_mail()
        return "250 OK: kept"


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    try:
        return str(body.get_content()).strip()
    except (LookupError, ValueError, KeyError):  # an unknown charset or kind of part
        payload = body.get_payload(decode=True)
        return payload.decode("utf-8", "replace").strip() if isinstance(payload, bytes) else ""
