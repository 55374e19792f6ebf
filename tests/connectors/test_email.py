"""E-mail out: the message, and what every way a mail server can fail means."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from connectors import samples
from connectors.servers import Mail, mail
from duly_connectors.contract import BadSetting, Tools
from duly_connectors.email import Email, address, compose, server_of
from duly_connectors.mail import threading
from duly_connectors.mail.access import Place
from duly_connectors.mail.smtp import STEP_SECONDS
from duly_connectors.mail.threading import REPLY_KEY, Keys
from duly_connectors.outbound import Network
from duly_connectors.testing import NOON
from duly_dsl import program
from duly_runtime.doors import Failed, Outcome, OutFile, Retry, Sent, Unknown
from duly_runtime.events import Contact
from duly_runtime.time import FakeClock

SENDER = "Support, São Paulo <support@desk.example>"


def door(url: str, sender: str = SENDER, network: Network | None = None) -> Email:
    settings = {"server": program.Setting(value="SMTP", secret=True), "from": program.Setting(value=sender)}
    definition = program.Connector(name="Mail", kind="email", direction="sends", settings=settings)
    network = network or Network(allow_private=True)
    return Email(definition, None, Tools(secrets=lambda _: url, clock=FakeClock(NOON), network=network))


def deliver(login: str = "", says: dict[str, str] | None = None, **more: Any) -> tuple[Outcome, Mail]:
    async def main() -> tuple[Outcome, Mail]:
        async with mail(**(says or {})) as server:
            return await door(f"smtp://{login}127.0.0.1:{server.port}").send(samples.outgoing(**more)), server

    return asyncio.run(main())


def read(server: Mail) -> EmailMessage:
    (content,) = server.messages
    found = message_from_bytes(content.removesuffix(b".\r\n"), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_reply_goes_out() -> None:
    outcome, server = deliver()
    message = read(server)
    assert outcome == Sent(provider_id=message["Message-ID"].strip("<>"))
    assert message["To"] == "ana@cliente.example"
    assert message["From"].addresses[0].addr_spec == "support@desk.example"
    assert message["Subject"] == "Seu pedido"
    assert message["Date"].datetime == NOON
    assert message["References"] == message["In-Reply-To"] == "<duly-42@desk.example>"
    assert message.get_content().strip() == "Chega amanhã."
    assert message["Auto-Submitted"] is None


def test_files_are_attached() -> None:
    files = (
        OutFile(
            name="relatório final.pdf", media_type="application/pdf", data=b"%PDF-1.7\r\n\x00\xff." + bytes(range(256))
        ),
        OutFile(name="a\r\nBcc: x@y.example", media_type="text/plain; charset=latin-1", data=b"\xe1.\n"),
        OutFile(name="", media_type="message/rfc822", data=b"From: a\n\nb"),
        OutFile(name="d", media_type="nonsense", data=b""),
    )
    outcome, server = deliver(files=files)
    assert isinstance(outcome, Sent)
    message = read(server)
    assert set(message.keys()) & {"Bcc"} == set()
    text = message.get_body()
    assert text is not None and text.get_content().strip() == "Chega amanhã."
    found = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in message.iter_attachments()
    ]
    assert found == [
        ("relatório final.pdf", "application/pdf", files[0].data),
        ("a Bcc: x@y.example", "text/plain", files[1].data),
        ("file", "application/octet-stream", files[2].data),
        ("d", "application/octet-stream", b""),
    ]


@pytest.mark.parametrize("more", [{"kind": "notice"}, {"automatic": True}], ids=repr)
def test_what_no_person_wrote_says_so(more: dict[str, Any]) -> None:
    _, server = deliver(**more)
    assert read(server)["Auto-Submitted"] == "auto-generated"


def test_an_answer_to_a_message_is_told_from_news() -> None:
    _, server = deliver(automatic=True, answers=("m1@cliente.example",))
    assert read(server)["Auto-Submitted"] == "auto-replied"


KEYS = Keys("a-key-of-ours")


def tagged(**more: Any) -> EmailMessage:
    """What is made of a reply on card 42 where the installation has a key."""
    (sender, whom), reply_to = both(), more.pop("reply_to", address(SENDER))
    keys = more.pop("keys", KEYS)
    message = compose(samples.outgoing(card_id=42, **more), sender, whom, keys, reply_to)
    found = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_reply_carries_the_token_of_its_card_where_answers_bring_it_back() -> None:
    message = tagged(answers=("m1@cliente.example", "m2@cliente.example"))
    token = KEYS.token(42)
    (back,) = message["Reply-To"].addresses
    assert back.addr_spec == f"support+{token}@desk.example"
    assert back.display_name == "Support, São Paulo"
    assert message["From"].addresses[0].addr_spec == "support@desk.example"
    assert message["References"].split() == [
        f"<{token}@desk.example>",
        "<m1@cliente.example>",
        "<m2@cliente.example>",
    ]
    assert message["In-Reply-To"] == "<m2@cliente.example>"
    assert token not in message["Message-ID"], "it stays the same when keys are rotated"
    claim = threading.thread(KEYS, sender="x", recipients=[back.addr_spec])
    assert claim.card == 42
    assert threading.thread(KEYS, sender="x", recipients=[], references=message["References"].split()).card == 42


def test_long_ids_of_others_come_back_whole_and_unfit_ones_are_left_out() -> None:
    long = "a" * 200 + "@" + "b" * 200
    message = tagged(answers=(long, "bad id@x", "é@x", "evil@x>\r\nBcc: all@cliente.example", "m@" + "x" * 999, "last@x"))
    assert message["References"].split()[1:] == [f"<{long}>", "<last@x>"]
    assert message["Bcc"] is None


def test_without_a_tagged_address_the_thread_still_names_the_card() -> None:
    message = tagged(reply_to=None)
    assert message["Reply-To"] is None
    assert KEYS.token(42) in message["References"]


def test_a_notice_to_who_works_here_carries_no_token() -> None:
    message = tagged(kind="notice")
    assert KEYS.token(42) not in message.as_string()
    assert message["X-Duly"] == f"automatic; by={KEYS.mark()}"


@pytest.mark.parametrize(("automatic", "word"), [(True, "automatic"), (False, "person")])
def test_mail_of_ours_says_so_to_ourselves(automatic: bool, word: str) -> None:
    told = tagged(automatic=automatic)["X-Duly"]
    assert told == f"{word}; by={KEYS.mark()}"
    assert KEYS.ours(told)


REPLIES = {
    "": ("support+{token}@desk.example", None),
    "help@other.example": ("help+{token}@other.example",) * 2,
    "Plain": (None, None),
}


@pytest.mark.parametrize("given", REPLIES)
def test_where_answers_go_is_set(given: str) -> None:
    """By itself only where the same connector takes them in."""
    for direction, expected in zip(("connects", "sends"), REPLIES[given], strict=True):
        server = sent_by(direction, given)
        message = read(server)
        back = message["Reply-To"]
        token = KEYS.token(42)
        wanted = expected and expected.format(token=token)
        assert (back and back.addresses[0].addr_spec) == wanted
        assert token in message["References"]


def sent_by(direction: str, reply_to: str) -> Mail:
    async def main() -> Mail:
        async with mail() as server:
            settings = {
                "server": program.Setting(value="SMTP", secret=True),
                "from": program.Setting(value=SENDER),
                **({"reply to": program.Setting(value=reply_to)} if reply_to else {}),
            }
            secrets = {"SMTP": f"smtp://127.0.0.1:{server.port}", REPLY_KEY: "a-key-of-ours"}
            definition = program.Connector(name="Mail", kind="email", direction=direction, settings=settings)
            tools = Tools(secrets=secrets.__getitem__, clock=FakeClock(NOON), network=Network(allow_private=True))
            outcome = await Email(definition, None, tools).send(samples.outgoing(card_id=42))
            assert isinstance(outcome, Sent)
            return server

    return asyncio.run(main())


def test_the_name_of_a_message_stays_over_attempts() -> None:
    names = [tagged()["Message-ID"] for _ in range(2)]
    assert names[0] == names[1] != tagged(key="event-10/reply/1")["Message-ID"]
    assert names[0].endswith("@desk.example>")
    assert tagged(keys=Keys("new a-key-of-ours"))["Message-ID"] == names[0], "keys are being rotated"
    assert tagged(keys=Keys("of somebody else"))["Message-ID"] != names[0]


def test_nothing_in_a_text_starts_a_header() -> None:
    nasty = "Hi\r\nBcc: all@cliente.example\r\n\r\nbody\u2028\0"
    message = compose(samples.outgoing(subject=nasty, reference=nasty), *both())
    found = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert set(found.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert "Bcc: all@cliente.example" in found["Subject"]


def both() -> tuple[Any, Any]:
    return address(SENDER), address("ana@cliente.example")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@",
        "a@b@c.example",
        "a@b.example, c@d.example",
        "a@b.example\r\nBcc: x@y.example",
        "<>",
    ],
)
def test_addresses_we_can_not_write_to(text: str) -> None:
    assert address(text) is None
    outcome, server = deliver(to=Contact(email=text, address=text))
    assert isinstance(outcome, Failed)
    assert server.messages == []


def test_a_domain_of_another_script_goes_out_in_ascii() -> None:
    found = address("Zoë <z@bücher.example>")
    assert found is not None
    assert (found.addr_spec, found.display_name) == ("z@xn--bcher-kva.example", "Zoë")


def test_lines_that_start_with_a_dot_arrive() -> None:
    _, server = deliver(text=".\n.leading\n" + "x" * 2000)
    assert b"\r\n..leading\r\n" in server.messages[0]
    assert max(map(len, server.messages[0].split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ({"greeting": ""}, Retry),
        ({"greeting": "421 busy"}, Retry),
        ({"greeting": "554 no"}, Failed),
        ({"mail": "451 later"}, Retry),
        ({"mail": "553 no"}, Failed),
        ({"mail": ""}, Retry),
        ({"rcpt": "450 greylisted"}, Retry),
        ({"rcpt": "550 unknown"}, Failed),
        ({"rcpt": ""}, Retry),
        ({"data": "452 full"}, Retry),
        ({"end": "451 later"}, Retry),
        ({"end": "554 spam"}, Failed),
        ({"end": ""}, Unknown),
    ],
    ids=repr,
)
def test_what_a_server_says_decides(says: dict[str, str], kind: type[Retry]) -> None:
    outcome, _ = deliver(says=says)
    assert isinstance(outcome, kind)
    assert outcome.reason


def test_what_may_have_arrived_is_still_known_by_its_name() -> None:
    outcome, server = deliver(says={"end": ""})
    assert isinstance(outcome, Unknown)
    assert outcome.provider_id == read(server)["Message-ID"].strip("<>")


def test_reports_are_asked_to_name_the_message_where_the_server_knows_how() -> None:
    outcome, server = deliver(says={"ehlo": "250-mail.example\r\n250 DSN"})
    assert isinstance(outcome, Sent)
    local = outcome.provider_id.partition("@")[0]
    assert server.envelopes[0] == f"MAIL FROM:<support@desk.example> RET=HDRS ENVID={local}"
    assert deliver()[1].envelopes[0] == "MAIL FROM:<support@desk.example>"


def test_the_size_is_said_first_so_that_nothing_is_sent_in_vain() -> None:
    says = {"ehlo": "250-mail.example\r\n250 SIZE 10", "mail": "552 too large"}
    outcome, server = deliver(says=says)
    assert isinstance(outcome, Failed) and "552: too large" in outcome.reason
    assert re.fullmatch(r"MAIL FROM:<support@desk\.example> SIZE=\d+", server.envelopes[0])
    assert server.messages == []


def test_an_address_beyond_ascii_is_written_to_where_the_server_knows_how() -> None:
    to = Contact(name="João", email="joão@cliente.example")
    outcome, server = deliver(says={"ehlo": "250-mail.example\r\n250 SMTPUTF8"}, to=to)
    assert isinstance(outcome, Sent)
    assert server.envelopes == ["MAIL FROM:<support@desk.example> SMTPUTF8", "RCPT TO:<joão@cliente.example>"]
    assert "To: joão@cliente.example\r\n".encode() in server.messages[0]
    outcome, server = deliver(to=to)
    assert isinstance(outcome, Failed) and "SMTPUTF8" in outcome.reason
    assert server.envelopes == []


def test_a_message_whose_end_never_went_out_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow way is no reason to ask a person whether the customer has it."""
    monkeypatch.setattr("duly_connectors.email.send_seconds", lambda files: STEP_SECONDS + 1)

    async def main() -> tuple[Outcome, bytes]:
        read, begun = bytearray(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for said in ("220 ready", "250 mail.example", "250 ok", "250 ok", "354 go"):
                writer.write(said.encode() + b"\r\n")
                await writer.drain()
                if said != "354 go":
                    await reader.readline()
            await begun.wait()  # it reads no more until the other side has given up
            while chunk := await reader.read(1 << 20):
                read.extend(chunk)

        async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await serve(reader, writer)
            writer.close()
            ended.set()

        ended = asyncio.Event()
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            file = OutFile(name="film.mp4", media_type="video/mp4", data=bytes(20_000_000))
            outcome = await door(f"smtp://127.0.0.1:{port}").send(samples.outgoing(files=(file,)))
            begun.set()
            await ended.wait()
        return outcome, bytes(read)

    outcome, read = asyncio.run(main())
    assert isinstance(outcome, Retry) and "too long" in outcome.reason
    assert b"\r\n.\r\n" not in read


def test_nobody_there_is_tried_again() -> None:
    assert isinstance(asyncio.run(door("smtp://127.0.0.1:1").send(samples.outgoing())), Retry)


def test_private_servers_need_the_switch() -> None:
    assert isinstance(asyncio.run(door("smtp://127.0.0.1:1", network=Network()).send(samples.outgoing())), Failed)


def test_a_server_that_must_offer_tls_and_does_not() -> None:
    async def main() -> tuple[Outcome, Mail]:
        async with mail() as server:
            return await door(f"smtp://127.0.0.1:{server.port}?starttls=1").send(samples.outgoing()), server

    outcome, server = asyncio.run(main())
    assert isinstance(outcome, Retry)
    assert server.messages == []


def test_a_login() -> None:
    outcome, server = deliver(login="desk:p%40ss@")
    assert isinstance(outcome, Sent)
    assert base64.b64decode(server.logins[0]) == b"\0desk\0p@ss"
    outcome, server = deliver(login="desk:p%40ss@", says={"auth": "535 wrong"})
    assert isinstance(outcome, Retry), "a password can be put right, and then it goes out"
    assert outcome.reason == "the mail server refuses to let us in: 535 wrong"
    assert "p@ss" not in outcome.reason


def test_a_password_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duly_connectors.outbound.is_public", lambda _: True)

    async def main() -> tuple[Outcome, Mail]:
        async with mail() as server:
            url = f"smtp://desk:pass@127.0.0.1:{server.port}"
            return await door(url, network=Network()).send(samples.outgoing()), server

    outcome, server = asyncio.run(main())
    assert isinstance(outcome, Failed)
    assert server.logins == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Place("mail.example", 25)),
        ("smtps://mail.example", Place("mail.example", 465, secure=True, starttls=False)),
        ("smtp://u:p%2Fw@mail.example?starttls=1", Place("mail.example", 587, starttls=True, user="u", password="p/w")),
        ("smtp://mail.example:2525?starttls=0", Place("mail.example", 2525, starttls=False)),
    ],
)
def test_server_addresses(url: str, server: Place) -> None:
    assert server_of(url) == server


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port"])
def test_others_are_refused(url: str) -> None:
    with pytest.raises(BadSetting):
        server_of(url)


def test_a_server_address_that_is_none_fails_the_delivery() -> None:
    assert isinstance(asyncio.run(door("mail.example").send(samples.outgoing())), Failed)


def test_checks() -> None:
    async def main(says: dict[str, str]) -> list[str]:
        async with mail(**says) as server:
            return [check.state for check in await door(f"smtp://127.0.0.1:{server.port}").check()]

    assert asyncio.run(main({})) == ["ok", "ok", "ok"]
    assert asyncio.run(main({"greeting": "554 no"})) == ["ok", "bad", "ok"]
