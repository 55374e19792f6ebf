"""Connections to a mail server that are kept for the next message: fewer of them, and no message lost or sent twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from connectors.mailservers import PASSWORD, Authority
from connectors.samples import outgoing
from connectors.test_email import door
from connectors.test_mail_out import CARLA, arrived, servers
from connectors.test_mail_out import door as signed_in
from duly_connectors.email import Email
from duly_connectors.mail import smtp
from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown
from duly_runtime.events import Contact

SECONDS = 20.0
"""Other programs do it: within this."""


class Office:
    """A real SMTP server (aiosmtpd). `sessions` holds the texts that came by each connection; `before_mail` and `at_end`
    say what becomes of a session at these points (None: it goes on)."""

    def __init__(self) -> None:
        self.sessions: list[list[str]] = []
        self.open = 0
        self.goodbyes = 0
        self.changed = asyncio.Condition()
        self.telling: list[asyncio.Future[None]] = []
        self.before_mail: Any = lambda count: None
        self.at_rcpt: Any = lambda count: None
        self.at_end: Any = lambda count: None
        self.port = 0

    @property
    def texts(self) -> list[str]:
        return [text for session in self.sessions for text in session]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(SECONDS), self.changed:
            await self.changed.wait_for(condition)

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    # --- hooks of aiosmtpd

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        return answers

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        said = self.before_mail(len(session.texts))
        if said == "":
            server.transport.abort()
        envelope.mail_from = address
        return said or "250 ok"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        said = self.at_rcpt(len(session.texts))
        if not said:
            envelope.rcpt_tos.append(address)
        return said or "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        content = bytes(envelope.original_content or b"")
        session.texts.append(content.partition(b"\r\n\r\n")[2].decode().strip())
        said = self.at_end(len(session.texts))
        if said == "":
            server.transport.abort()
        return said or "250 taken"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.goodbyes += 1
        return "221 bye"


class Door(SMTP):
    """Tells the office of connections that come and go."""

    def __init__(self, office: Office) -> None:
        self._office = office
        super().__init__(office)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.session.texts = []  # type: ignore[union-attr]
        self._office.sessions.append(self.session.texts)  # type: ignore[union-attr]
        self._office.open += 1

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._office.open -= 1
        self._office.telling.append(asyncio.ensure_future(self._office.tell()))


@contextlib.asynccontextmanager
async def office() -> AsyncIterator[tuple[Office, Email]]:
    made = Office()
    server = await asyncio.get_running_loop().create_server(lambda: Door(made), "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    email = door(f"smtp://127.0.0.1:{made.port}")
    try:
        yield made, email
    finally:
        await email.close()
        server.close()
        await server.wait_closed()
        await made.until(lambda: made.open == 0)
        await asyncio.gather(*made.telling)


async def sends(email: Email, *texts: str) -> list[Outcome]:
    return [await email.send(outgoing(key=text, text=text)) for text in texts]


def sent(outcomes: list[Outcome]) -> bool:
    return all(isinstance(each, Sent) for each in outcomes)


def test_messages_one_after_another_go_by_one_connection() -> None:
    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one", ".two", "three"))
            assert there.sessions == [["one", ".two", "three"]]
            assert there.open == 1
            await email.close()
            await there.until(lambda: there.open == 0)
            assert there.goodbyes == 1
            assert sent(await sends(email, "a send that was under way"))
            await there.until(lambda: there.open == 0)  # a closed connector keeps nothing

    asyncio.run(main())


def test_a_connection_that_waits_too_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.05)

    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one"))
            await there.until(lambda: there.open == 0)
            assert there.goodbyes == 1
            assert sent(await sends(email, "two"))
            assert there.sessions == [["one"], ["two"]]

    asyncio.run(main())


def test_a_connection_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MOST_MAILS", 2)

    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one", "two", "three"))
            assert there.sessions == [["one", "two"], ["three"]]

    asyncio.run(main())


def test_only_so_many_wait() -> None:
    async def main() -> None:
        async with office() as (there, email):
            outcomes = await asyncio.gather(*(sends(email, f"m{n}") for n in range(6)))
            assert all(map(sent, outcomes))
            assert sorted(there.texts) == [f"m{n}" for n in range(6)]
            await there.until(lambda: there.open <= smtp.KEPT)

    asyncio.run(main())


@pytest.mark.parametrize("said", ["", "421 closing down"])
def test_one_that_died_while_it_waited_is_replaced_at_once(said: str) -> None:
    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one"))
            there.before_mail = lambda count: said if count else None
            assert sent(await sends(email, "two"))
            assert there.sessions == [["one"], ["two"]]

    asyncio.run(main())


def test_one_that_was_never_used_is_not_tried_twice() -> None:
    async def main() -> None:
        async with office() as (there, email):
            there.before_mail = lambda count: "421 closing down"
            (outcome,) = await sends(email, "one")
            assert isinstance(outcome, Retry)
            assert len(there.sessions) == 1

    asyncio.run(main())


def test_a_recipient_that_is_refused_is_refused_once() -> None:
    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one"))
            there.at_rcpt = lambda count: "550 nobody"
            (outcome,) = await sends(email, "two")
            assert isinstance(outcome, Failed) and "550" in outcome.reason
            assert there.sessions == [["one"]]
            there.at_rcpt = lambda count: None
            assert sent(await sends(email, "three"))

    asyncio.run(main())


def test_what_breaks_after_the_message_is_never_sent_again_by_itself() -> None:
    async def main() -> None:
        async with office() as (there, email):
            assert sent(await sends(email, "one"))
            there.at_end = lambda count: ""
            (outcome,) = await sends(email, "two")
            assert isinstance(outcome, Unknown)
            assert there.texts == ["one", "two"]

    asyncio.run(main())


def test_a_message_the_server_puts_off_ends_the_connection() -> None:
    async def main() -> None:
        async with office() as (there, email):
            there.at_end = lambda count: "451 later"
            (outcome,) = await sends(email, "one")
            assert isinstance(outcome, Retry)
            await there.until(lambda: there.open == 0)

    asyncio.run(main())


def test_by_postfix_with_tls_and_a_name(authority: Authority) -> None:
    async def main() -> None:
        with servers(authority) as (dovecot, postfix):
            user = "support%40support.example"
            secrets = {"SMTP": f"smtp://{user}:{PASSWORD}@localhost:{postfix.port}?starttls=1"}
            email = signed_in(authority.network(), secrets)
            for key in ("one", "two", "three"):
                assert isinstance(await email.send(outgoing(key=key, to=Contact(email=CARLA))), Sent)
            await arrived(dovecot, CARLA, 3)
            await email.close()
            log = postfix.log.read_text()
            # One connection is that which saw the server start.
            assert (log.count(": connect from"), log.count("sasl_method=PLAIN")) == (2, 3)

    asyncio.run(main())
