"""Mail on the wire, by real servers: mailboxes read from Dovecot, mail handed over by Postfix, mail sent through it."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.mailservers import PASSWORD, Authority, Dovecot, Postfix, dovecot, open_folder, written
from connectors.servers import status, web
from duly_connectors import registry
from duly_connectors.contract import MissingSecret, Tools
from duly_connectors.email import Email
from duly_connectors.mail import imap, lmtp
from duly_connectors.registry import Live
from duly_dsl.build import build
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from duly_runtime.doors import Outgoing, Raw, Refused, Sent
from duly_runtime.events import Contact
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.api import Accepted, Message, StoreUnavailable
from duly_runtime.store.database import open_store
from duly_runtime.store.sources_api import SourceRow
from duly_runtime.time import Clock, SystemClock
from support.databases import sqlite_database

SUPPORT = "support@support.example"

DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

pipeline "Support" {
  calendar "Always"
  resolved within 4h
  stage "New" {
    start
    next "Done"
  }
  stage "Done" {
    finish
  }
}

connector "Mail" connects email {
  path "/in/mail"
  verify token with secret "MAIL_TOKEN"
  mailbox secret "IMAP_URL"
  take mail since always
  server secret "SMTP_URL"
  from "Support <support@support.example>"
  open card in "Support"
}
"""

OAUTH = """
  oauth endpoint "{url}/token"
  oauth client id "duly"
  oauth refresh token secret "MAIL_REFRESH"
  open card in"""


def program(text: str = DESK) -> Program:
    built = build([SourceFile("desk.duly", text)], Environment(connector_kinds=registry.kinds()))
    assert built.diagnostics == ()
    assert built.program is not None
    return built.program


class Desk:
    """An installation whose worker reads the mailboxes of `secrets`."""

    def __init__(self, folder: Path, authority: Authority, secrets: dict[str, str], clock: Clock, text: str = DESK) -> None:
        self.secrets = {"MAIL_TOKEN": "t", "SMTP_URL": "smtp://127.0.0.1:1", **secrets}
        self.network = authority.network()
        self.clock = clock
        self.program = program(text)
        self.store = open_store(sqlite_database(folder / "duly.sqlite"))
        self.doors = Live(Tools(secrets=self.secret, clock=clock, network=self.network))
        self.node = Node(NodeConfig(store=self.store, clock=clock, doors=self.doors))

    def secret(self, name: str) -> str:
        try:
            return self.secrets[name]
        except KeyError:
            raise MissingSecret(name) from None

    @property
    def door(self) -> Email:
        found = self.doors.registry.connectors["Mail"]
        assert isinstance(found, Email)
        return found

    async def cards(self) -> list[list[Message]]:
        return [await self.store.messages(card.id) for card in reversed(await self.store.cards())]

    async def titles(self) -> list[str]:
        return [card.title for card in reversed(await self.store.cards())]

    async def comes(self, *titles: str) -> None:
        """Cards of these titles, once each and no others."""
        await soon(lambda: self.titles(), list(titles))

    async def goes(self) -> list[SourceRow]:
        return [row for row in await self.store.sources() if row.name != "mailbox"]


async def soon(read: Callable[[], Any], wanted: Any, seconds: float = 40) -> None:
    """Other programs do it: looked at again and again, within a bound."""
    found: Any = None
    for _ in range(int(seconds / 0.1)):
        found = await read()
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found!r} is not {wanted!r}")


@contextlib.asynccontextmanager
async def desk(
    folder: Path, authority: Authority, secrets: dict[str, str], *, clock: Clock | None = None, text: str = DESK
) -> AsyncIterator[Desk]:
    made = Desk(folder, authority, secrets, clock or SystemClock(), text)
    await made.store.start()
    try:
        now = made.clock.now()
        if await made.store.active_hash() != made.program.hash:
            await made.store.publish(made.program.hash, made.program.encode(), {}, "tests", "", now)
        await made.node.start()
        try:
            yield made
        finally:
            await made.node.stop()
    finally:
        await made.store.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "GAPS", (0.1, 0.2, 0.5))
    monkeypatch.setattr(imap, "LOOK_SECONDS", 0.2)


# --- in, by IMAP -----------------------------------------------------------------------------------------------------


def test_mails_become_cards_while_the_mailbox_is_watched(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        server.deliver(SUPPORT, written("Before"))
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            await here.comes("Before")
            server.deliver(SUPPORT, written("While idle", name="idle"))
            await here.comes("Before", "While idle")
            (message,) = (await here.cards())[1]
            assert (message.text, message.author, message.channel) == ("It is late.", "Carla", "email")
            await soon(lambda: asyncio.to_thread(server.seen, SUPPORT), 2)
            assert len(server.messages(SUPPORT)) == 2  # nothing is deleted
            assert [(row.name, row.state) for row in await here.goes()] == [(f"INBOX {SUPPORT}@localhost", "ok")]
            assert [check.state for check in await here.door.check() if check.name.startswith("Mailbox")] == ["ok"]

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_mail_that_comes_just_before_the_wait_is_not_overslept(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(server: Dovecot) -> None:
        looks = imap.Mailbox._take_new
        late = [written("In between")]

        async def looked(self: imap.Mailbox, *given: Any) -> Any:
            reached = await looks(self, *given)
            if late:
                await asyncio.to_thread(server.deliver, SUPPORT, late.pop())
            return reached

        monkeypatch.setattr(imap.Mailbox, "_take_new", looked)
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            await here.comes("In between")

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_server_without_idle_is_looked_at_each_minute(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        clock = SystemClock(600.0)
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}, clock=clock) as here:
            await soon(lambda: states(here), ["ok"])
            server.deliver(SUPPORT, written("Polled"))
            await here.comes("Polled")

    with dovecot(authority, idle=False) as server:
        asyncio.run(main(server))


async def states(here: Desk) -> list[str]:
    return [row.state for row in await here.goes()]


def test_several_mailboxes_of_one_connector(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        urls = f"{server.url(SUPPORT)} {server.url('sales@support.example')}"
        async with desk(tmp_path, authority, {"IMAP_URL": urls}) as here:
            await soon(lambda: states(here), ["ok", "ok"])
            server.deliver(SUPPORT, written("One"))
            await here.comes("One")
            server.deliver("sales@support.example", written("Two", to="sales@support.example"))
            await here.comes("One", "Two")

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_server_that_was_away_is_read_on(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            server.deliver(SUPPORT, written("Before"))
            await here.comes("Before")
            server.stop()
            await soon(lambda: states(here), ["bad"])
            server.start()
            server.deliver(SUPPORT, written("After"))
            await here.comes("Before", "After")
            assert await states(here) == ["ok"]

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_mailbox_made_anew_brings_nothing_twice(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            for title in ("One", "Two"):
                server.deliver(SUPPORT, written(title))
            await here.comes("One", "Two")
            before = await here.store.position("Mail", f"INBOX {SUPPORT}@localhost")
            server.made_anew(SUPPORT)
            server.deliver(SUPPORT, written("Three"))
            await here.comes("One", "Two", "Three")
            after = await here.store.position("Mail", f"INBOX {SUPPORT}@localhost")
            validities = [msgspec.json.decode(kept, type=imap.Reached).validity for kept in (before, after)]
            assert validities[1] != validities[0]

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_killed_between_commit_and_seen_it_comes_once(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(server: Dovecot) -> None:
        server.deliver(SUPPORT, written("Once"))
        reached = asyncio.Event()
        marks = imap.Mailbox._asked

        async def dies(self: imap.Mailbox, work: Callable[[], Any]) -> Any:
            if "add_flags" in work.__code__.co_names:
                reached.set()
                await asyncio.Event().wait()  # nothing more is heard of this process
            return await marks(self, work)

        with monkeypatch.context() as broken:
            broken.setattr(imap.Mailbox, "_asked", dies)
            async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
                await asyncio.wait_for(reached.wait(), 30)
                await here.comes("Once")
        assert server.seen(SUPPORT) == 0
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            await soon(lambda: asyncio.to_thread(server.seen, SUPPORT), 1)
            assert await here.titles() == ["Once"]
            assert len((await here.cards())[0]) == 1

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_the_database_away_for_a_while_loses_nothing(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(server: Dovecot) -> None:
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            await soon(lambda: states(here), ["ok"])
            works, tries = here.store.accept, 0

            async def accept(*given: Any, **more: Any) -> Any:
                nonlocal tries
                tries += 1
                if tries <= 2:
                    raise StoreUnavailable("the disk is full")
                return await works(*given, **more)

            monkeypatch.setattr(here.store, "accept", accept)
            server.deliver(SUPPORT, written("Held on to"))
            await here.comes("Held on to")
            assert tries == 3

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_mail_that_is_too_large_waits_for_a_person(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "MAX_MAIL", 50_000)

    async def main(server: Dovecot) -> None:
        server.deliver(SUPPORT, written("Small"))
        server.deliver(SUPPORT, written("Huge", size=60_000))
        async with desk(tmp_path, authority, {"IMAP_URL": server.url(SUPPORT)}) as here:
            await soon(lambda: parked(here), 1)
            (waiting,) = await here.store.parked()
            assert "too large" in waiting.reason and waiting.connector == "Mail"
            await here.comes("Small", "Huge")
            assert (await here.cards())[1][0].text.strip() == ""

    with dovecot(authority) as server:
        asyncio.run(main(server))


async def parked(here: Desk) -> int:
    return len(await here.store.parked())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace(PASSWORD, "wrong"), "refuses to let us in"),
        (lambda url: url.replace("/INBOX", "/Elsewhere"), "can't be opened"),
        (lambda url: "imap://somewhere", "no connection to"),
        (lambda url: "pop3://x", "`mailbox` must be imaps://"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, authority: Authority, change: Callable[[str], str], words: str) -> None:
    async def main(server: Dovecot) -> None:
        async with desk(tmp_path, authority, {"IMAP_URL": change(server.url(SUPPORT))}) as here:

            async def told() -> bool:
                return any(row.state == "bad" and words in row.detail for row in await here.store.sources())

            if not change("").startswith("imap://"):
                await soon(told, True)
            await here.node.versions.live()
            (check,) = (check for check in await here.door.check() if check.name.startswith("Mailbox"))
            assert check.state == "bad"
            assert words in check.detail or "has no address" in check.detail

    with dovecot(authority) as server:
        asyncio.run(main(server))


def test_a_secret_stored_later_is_taken_up(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        server.deliver(SUPPORT, written("Waited"))
        async with desk(tmp_path, authority, {}) as here:

            async def told() -> list[str]:
                return [row.detail for row in await here.store.sources()]

            await soon(told, ["the secret `IMAP_URL` is not stored: store it with `duly secret set IMAP_URL`"])
            here.secrets["IMAP_URL"] = server.url(SUPPORT)
            await here.comes("Waited")

    with dovecot(authority) as server:
        asyncio.run(main(server))


# --- OAuth2 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bearers", ["xoauth2", "oauthbearer", "xoauth2 oauthbearer"])
def test_a_mailbox_is_opened_with_an_access_token(tmp_path: Path, authority: Authority, bearers: str) -> None:
    text = DESK.replace("  open card in", OAUTH.lstrip("\n"))

    async def main() -> None:
        answer = msgspec.json.encode({"access_token": "at-1", "expires_in": 3600, "user": SUPPORT, "active": "yes"})
        async with web(status(200, "content-type: application/json", body=answer)) as provider:
            with dovecot(authority, tokens=f"{provider.url}/whose?token=", bearers=bearers) as server:
                server.deliver(SUPPORT, written("By token"))
                url = server.url(SUPPORT).replace(f":{PASSWORD}@", "@")
                given = {"IMAP_URL": url, "MAIL_REFRESH": "rt-1"}
                async with desk(tmp_path, authority, given, text=text.replace("{url}", provider.url)) as here:
                    await here.comes("By token")
                asked = [(line, body) for line, _headers, body in provider.requests]
                assert asked[0] == (
                    "POST /token HTTP/1.1",
                    b"grant_type=refresh_token&refresh_token=rt-1&client_id=duly",
                )
                assert asked[1][0].startswith("GET /whose?token=at-1 ")

    asyncio.run(main())


@pytest.mark.parametrize("bearers", ["xoauth2", "oauthbearer"])
def test_an_access_token_of_somebody_else_opens_no_mailbox(tmp_path: Path, authority: Authority, bearers: str) -> None:
    text = DESK.replace("  open card in", OAUTH.lstrip("\n"))

    async def main() -> None:
        answer = msgspec.json.encode({"access_token": "at-1", "expires_in": 3600, "user": "eva@x.example", "active": "yes"})
        async with web(status(200, "content-type: application/json", body=answer)) as provider:
            with dovecot(authority, tokens=f"{provider.url}/whose?token=", bearers=bearers) as server:
                url = server.url(SUPPORT).replace(f":{PASSWORD}@", "@")
                given = {"IMAP_URL": url, "MAIL_REFRESH": "rt-1"}
                async with desk(tmp_path, authority, given, text=text.replace("{url}", provider.url)) as here:
                    await soon(lambda: states(here), ["bad"])
                    assert "refuses to let us in" in (await here.goes())[0].detail

    asyncio.run(main())


# --- in, by LMTP and HTTP --------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def listening(here: Desk) -> AsyncIterator[int]:
    async def addresses() -> dict[str, str]:
        await here.node.versions.live()
        return here.doors.registry.mail_for()

    server = await lmtp.listen(lmtp.Handler(addresses, here.node.take, here.clock.now), "127.0.0.1", 0)
    try:
        yield server.port
    finally:
        await server.close()


@contextlib.contextmanager
def postfix(authority: Authority, deliver_to: int, routes: dict[str, int] | None = None) -> Iterator[Postfix]:
    with open_folder() as folder:
        server = Postfix(folder, authority, deliver_to, routes or {})
        server.start()
        try:
            yield server
        finally:
            server.stop()


NO_MAILBOX = DESK.replace('  mailbox secret "IMAP_URL"\n  take mail since always\n', "")


def test_postfix_hands_mail_over(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with desk(tmp_path, authority, {}, text=NO_MAILBOX) as here, listening(here) as port:
            with postfix(authority, port) as server:
                send = asyncio.to_thread
                await send(server.send, "carla@customer.example", SUPPORT, written("Handed over"))
                await here.comes("Handed over")
                # With a plus, and the same mail once more by another recipient: known already.
                await send(server.send, "carla@customer.example", "Support+c1.abc@support.example", written("Plus"))
                await send(server.send, "carla@customer.example", SUPPORT, written("Plus"))
                await here.comes("Handed over", "Plus")
                # While the database is away the mail server keeps the mail.
                works, tries = here.store.accept, 0

                async def accept(*given: Any, **more: Any) -> Any:
                    nonlocal tries
                    tries += 1
                    if tries == 1:
                        raise StoreUnavailable("the disk is full")
                    return await works(*given, **more)

                monkeypatch.setattr(here.store, "accept", accept)
                await send(server.send, "carla@customer.example", SUPPORT, written("Later"))
                await here.comes("Handed over", "Plus", "Later")
                assert "451 4.3.0" in server.log.read_text()
                await send(server.send, "carla@customer.example", "nobody@support.example", written("Nobody"))

                async def refused() -> bool:
                    return "550 5.1.1 No connector" in server.log.read_text()

                await soon(refused, True)
                assert await here.titles() == ["Handed over", "Plus", "Later"]

    asyncio.run(main())


def test_each_recipient_has_an_answer(tmp_path: Path, authority: Authority) -> None:
    def talk(port: int) -> tuple[dict[str, Any], list[bytes]]:
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("a@b.example")
            answers = {name: client.rcpt(name) for name in (SUPPORT, "x@y.example", "support+more@support.example")}
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send(written("Two of us").replace(b"\n", b"\r\n") + b"\r\n.\r\n")
            return answers, [client.getreply()[1], client.getreply()[1]]

    async def main() -> None:
        async with desk(tmp_path, authority, {}, text=NO_MAILBOX) as here, listening(here) as port:
            answers, ends = await asyncio.to_thread(talk, port)
            assert [answers[name][0] for name in answers] == [250, 550, 250]
            assert ends == [b"2.6.0 Taken", b"2.6.0 Taken"]
            await here.comes("Two of us")
            assert len((await here.cards())[0]) == 1

    asyncio.run(main())


def test_a_mail_posted_to_the_door_needs_its_token(tmp_path: Path, authority: Authority) -> None:
    async def main() -> None:
        async with desk(tmp_path, authority, {}, text=NO_MAILBOX) as here:

            def posted(**headers: str) -> Raw:
                given = {"content-type": "message/rfc822", **headers}
                body = written("Posted")
                return Raw(method="POST", path="/in/mail", headers=given, body=body, received_at=here.clock.now())

            with pytest.raises(Refused, match="token"):
                await here.node.receive(posted())
            with pytest.raises(Refused, match="not the right one"):
                await here.node.receive(posted(authorization="Bearer x"))
            taken = await here.node.receive(posted(authorization="Bearer t"))
            assert isinstance(taken, Accepted) and len(taken.event_ids) == 1
            await here.comes("Posted")

    asyncio.run(main())


# --- out -------------------------------------------------------------------------------------------------------------


def outgoing(here: Desk, key: str, to: str) -> Outgoing:
    contact = Contact(email=to)
    return Outgoing(outbox_id=1, key=key, kind="message", to=contact, subject="Re: hi", text="Olá", now=here.clock.now())


def test_mail_goes_out_encrypted_through_postfix_to_a_mailbox(tmp_path: Path, authority: Authority) -> None:
    async def main(server: Dovecot) -> None:
        with postfix(authority, server.lmtp) as relay:
            given = {"SMTP_URL": f"smtp://localhost:{relay.port}?starttls=1"}
            async with desk(tmp_path, authority, given, text=NO_MAILBOX) as here:
                await here.node.versions.live()
                assert [check.state for check in await here.door.check() if check.name == "Mail server"] == ["ok"]
                sent = await here.door.send(outgoing(here, "k1", "carla@customer.example"))
                assert isinstance(sent, Sent)
                await soon(lambda: asyncio.to_thread(count, server, "carla@customer.example"), 1)
                (data,) = server.messages("carla@customer.example")
                assert f"<{sent.provider_id}>".encode() in data
                assert b"Return-Path: <support@support.example>" in data
                assert b"with ESMTPS" in data  # what Postfix notes of a session under TLS

    def count(server: Dovecot, user: str) -> int:
        return len(server.messages(user))

    with dovecot(authority) as server:
        asyncio.run(main(server))
