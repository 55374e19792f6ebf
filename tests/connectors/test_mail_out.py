"""Mail sent through a real Postfix, under TLS and with a name: a Dovecot says who may."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest

from connectors.mailservers import PASSWORD, Authority, Dovecot, Postfix, open_folder
from connectors.samples import outgoing
from connectors.servers import Web, status, web
from connectors.test_mail_wire import NO_MAILBOX, SUPPORT, desk, listening, soon
from duly_connectors.contract import Tools
from duly_connectors.email import Email
from duly_connectors.mail import smtp
from duly_connectors.outbound import Network
from duly_connectors.testing import NOON
from duly_dsl import program
from duly_runtime.doors import OutFile, Retry, Sent
from duly_runtime.events import Contact
from duly_runtime.time import FakeClock

CARLA = "carla@customer.example"
BEARERS = ("xoauth2", "oauthbearer", "xoauth2 oauthbearer")
"""By which a server may take access tokens."""


@contextlib.contextmanager
def servers(authority: Authority, tokens: str = "", bearers: str = BEARERS[-1]) -> Iterator[tuple[Dovecot, Postfix]]:
    """Postfix takes mail of whoever Dovecot knows, and hands all of it to Dovecot."""
    with open_folder() as folder, contextlib.ExitStack() as stack:
        dovecot = Dovecot(folder, authority, tokens=tokens, bearers=bearers)
        stack.callback(dovecot.stop)
        dovecot.start()
        postfix = Postfix(folder, authority, dovecot.lmtp, {}, sasl=dovecot.sasl)
        stack.callback(postfix.stop)
        postfix.start()
        yield dovecot, postfix


def door(network: Network, secrets: dict[str, str], **settings: str) -> Email:
    given = {"server": program.Setting(value="SMTP", secret=True), "from": program.Setting(value=f"Support <{SUPPORT}>")}
    for key, value in settings.items():
        secret = key == "oauth_refresh_token"
        given[key.replace("_", " ")] = program.Setting(value=value, secret=secret)
    definition = program.Connector(name="Mail", kind="email", direction="sends", settings=given)
    return Email(
        definition, None, Tools(secrets=lambda name: secrets.get(name, ""), clock=FakeClock(NOON), network=network)
    )


async def arrived(dovecot: Dovecot, user: str, count: int = 1) -> list[bytes]:
    async def many() -> int:
        return len(await asyncio.to_thread(dovecot.messages, user))

    await soon(many, count)
    return await asyncio.to_thread(dovecot.messages, user)


def test_a_reply_with_its_files_goes_out_under_tls_and_a_name(authority: Authority) -> None:
    data = b".\r\n..\r\n" + bytes(range(256)) * 400

    async def main() -> None:
        with servers(authority) as (dovecot, postfix):
            user = SUPPORT.replace("@", "%40")
            email = door(authority.network(), {"SMTP": f"smtp://{user}:{PASSWORD}@localhost:{postfix.port}?starttls=1"})
            assert ("Mail server", "ok") in [(check.name, check.state) for check in await email.check()]
            file = OutFile(name="relatório.bin", media_type="application/x-thing", data=data)
            text = ".\r\n.one dot, two dots:\r\n..\r\n"
            item = outgoing(to=Contact(email=CARLA), text=text, files=(file,))
            sent = await email.send(item)
            assert isinstance(sent, Sent)
            (raw,) = await arrived(dovecot, CARLA)
            message = message_from_bytes(raw, policy=policy.default)
            assert message["Message-ID"] == f"<{sent.provider_id}>"
            assert message["Return-Path"] == f"<{SUPPORT}>"
            body = message.get_body()
            assert body is not None and body.get_content().splitlines() == text.splitlines()
            (part,) = message.iter_attachments()
            assert (part.get_filename(), part.get_content_type()) == (file.name, file.media_type)
            assert part.get_payload(decode=True) == data
            assert "with ESMTPSA" in str(message["Received"]) + str(message.get_all("Received"))  # TLS and a name

    asyncio.run(main())


def test_who_is_not_let_in_is_tried_again_until_a_person_has_put_it_right(authority: Authority) -> None:
    async def main() -> None:
        with servers(authority) as (dovecot, postfix):
            user = SUPPORT.replace("@", "%40")
            secrets = {"SMTP": f"smtp://{user}:wrong@localhost:{postfix.port}?starttls=1"}
            email = door(authority.network(), secrets)
            item = outgoing(to=Contact(email=CARLA))
            outcome = await email.send(item)
            assert isinstance(outcome, Retry) and "refuses to let us in: 535" in outcome.reason
            assert "wrong" not in outcome.reason
            bad = {check.name: check.detail for check in await email.check() if check.state == "bad"}
            assert "refuses to let us in" in bad["Mail server"]
            secrets["SMTP"] = secrets["SMTP"].replace("wrong", PASSWORD)
            assert isinstance(await email.send(item), Sent)
            await arrived(dovecot, CARLA)

    asyncio.run(main())


def test_a_certificate_of_nobody_we_trust_gets_nothing(authority: Authority) -> None:
    async def main() -> None:
        with servers(authority) as (_dovecot, postfix):
            user = SUPPORT.replace("@", "%40")
            secrets = {"SMTP": f"smtp://{user}:{PASSWORD}@localhost:{postfix.port}?starttls=1"}
            outcome = await door(Network(allow_private=True), secrets).send(outgoing(to=Contact(email=CARLA)))
            assert isinstance(outcome, Retry) and "certificate" in outcome.reason.lower()
            assert "SASL LOGIN" not in postfix.log.read_text() and "sasl_username" not in postfix.log.read_text()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def provider(user: str) -> AsyncIterator[Web]:
    """Gives tokens, and says whose they are."""
    answer = msgspec.json.encode({"access_token": "at-1", "expires_in": 3600, "user": user, "active": "yes"})
    async with web(status(200, "content-type: application/json", body=answer)) as made:
        yield made


@pytest.mark.parametrize("bearers", BEARERS)
def test_an_access_token_is_good_for_many_mails(
    authority: Authority, bearers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MOST_MAILS", 1)

    async def main() -> None:
        async with provider(SUPPORT) as gives:
            with servers(authority, f"{gives.url}/whose?token=", bearers) as (dovecot, postfix):
                user = SUPPORT.replace("@", "%40")
                secrets = {"SMTP": f"smtp://{user}@localhost:{postfix.port}?starttls=1", "REFRESH": "rt-1"}
                email = door(
                    authority.network(), secrets, oauth_endpoint=f"{gives.url}/token", oauth_refresh_token="REFRESH"
                )
                for key in ("one", "two"):
                    assert isinstance(await email.send(outgoing(key=key, to=Contact(email=CARLA))), Sent)
                await arrived(dovecot, CARLA, 2)
                asked = [line.split()[:2] for line, _headers, _body in gives.requests]
                assert asked.count(["POST", "/token"]) == 1
                assert ["GET", "/whose?token=at-1"] in asked
                used = "OAUTHBEARER" if "oauthbearer" in bearers else "XOAUTH2"
                assert postfix.log.read_text().count(f"sasl_method={used}") == 2

    asyncio.run(main())


@pytest.mark.parametrize("bearers", BEARERS[:2])
def test_a_token_of_somebody_else_is_refused_and_another_is_asked_for(authority: Authority, bearers: str) -> None:
    async def main() -> None:
        async with provider("other@support.example") as gives:
            with servers(authority, f"{gives.url}/whose?token=", bearers) as (_dovecot, postfix):
                user = SUPPORT.replace("@", "%40")
                secrets = {"SMTP": f"smtp://{user}@localhost:{postfix.port}?starttls=1", "REFRESH": "rt-1"}
                email = door(
                    authority.network(), secrets, oauth_endpoint=f"{gives.url}/token", oauth_refresh_token="REFRESH"
                )
                for _ in range(2):
                    outcome = await email.send(outgoing(to=Contact(email=CARLA)))
                    assert isinstance(outcome, Retry) and "refuses to let us in" in outcome.reason
                assert [line.split()[0] for line, _headers, _body in gives.requests].count("POST") == 2

    asyncio.run(main())


def test_an_address_beyond_ascii_by_postfix_and_back_through_our_own_door(tmp_path: Path, authority: Authority) -> None:
    to = "joão@support.example"
    text = NO_MAILBOX.replace("  open card in", f'  address "{to}"\n  open card in')

    async def main() -> None:
        async with desk(tmp_path, authority, {}, text=text) as here, listening(here) as port:
            with open_folder() as folder:
                postfix = Postfix(folder, authority, port, {})
                postfix.start()
                try:
                    email = door(authority.network(), {"SMTP": f"smtp://localhost:{postfix.port}?starttls=1"})
                    sent = await email.send(outgoing(to=Contact(email=to), subject="Olá, João"))
                    assert isinstance(sent, Sent)
                    await here.comes("Olá, João")
                finally:
                    postfix.stop()

    asyncio.run(main())
