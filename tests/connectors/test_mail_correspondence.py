"""Correspondence over real SMTP and LMTP: who gets onto a card, and that machines stop writing to each other."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from connectors.test_mail_wire import program
from duly_connectors.contract import MissingSecret, Tools
from duly_connectors.mail import lmtp
from duly_connectors.mail.threading import REPLY_KEY
from duly_connectors.outbound import Network
from duly_connectors.registry import Live
from duly_runtime.card import Card
from duly_runtime.events import AgentMessage, AnyBody, MergeCard, MoveCard
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.database import open_store
from duly_runtime.time import SystemClock
from support.databases import sqlite_database

RULES = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

pipeline "Support" {
  calendar "Always"
  first reply within 4h
  stage "New" {
    start
    next "Done"
  }
  stage "Done" {
    finish
    reopen within 1 calendar day to "New"
  }
@rules@
}
"""
ANSWERS = """
  rule "Thank" {
    when card is created
    then reply "We got it."
  }
  rule "Note" {
    when customer replies
    then reply "Noted."
  }
"""
DOOR = """
connector "@name@" connects email {
  server secret "SMTP"
  from "@from@"
  authentication server "mx.a.example"
  open card in "Support"
}
"""
ANA, EVA = "ana@cliente.example", "eva@elsewhere.example"
SUPPORT = "support@a.example"


class Post:
    """Takes mail by SMTP, keeps a copy, and hands what is for an installation over by LMTP, as its mail server would.
    `drops` are headers it loses on the way."""

    def __init__(self, *drops: str) -> None:
        self.drops = drops
        self.doors: dict[str, int] = {}
        self.mails: list[EmailMessage] = []
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        mail = message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        for name in self.drops:
            del mail[name]
        for recipient in envelope.rcpt_tos:
            port = self.doors.get(recipient.rpartition("@")[2])
            if port is not None:
                await asyncio.to_thread(hand_over, port, str(envelope.mail_from), recipient, mail.as_bytes())
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"].addresses[0].addr_spec == address]


def hand_over(port: int, sender: str, recipient: str, data: bytes) -> None:
    with smtplib.LMTP("127.0.0.1", port, timeout=30) as client:
        client.sendmail(sender, [recipient], data)


@contextlib.asynccontextmanager
async def post_office(*drops: str) -> AsyncIterator[Post]:
    post = Post(*drops)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(post, enable_SMTPUTF8=True), "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()
        await server.wait_closed()


class Office:
    """An installation: a store, a node that handles and delivers, a door for mail."""

    def __init__(self, folder: Path, post: Post, domain: str, names: tuple[str, ...], rules: str, door: str = DOOR) -> None:
        self.post, self.domain = post, domain
        self.secrets = {"SMTP": f"smtp://127.0.0.1:{post.port}", REPLY_KEY: f"key-of-{domain}"}
        self.previous: dict[str, str] = {}
        doors = "".join(door.replace("@name@", name).replace("@from@", f"{name}@{domain}") for name in names)
        self.program = program(RULES.replace("@rules@", rules) + doors)
        self.clock = SystemClock()
        self.store = open_store(sqlite_database(folder / f"{domain}.sqlite"))
        tools = Tools(
            secrets=self.secret,
            previous=lambda name: self.previous.get(name, ""),
            clock=self.clock,
            network=Network(allow_private=True),
        )
        self.doors = Live(tools)
        self.node = Node(NodeConfig(store=self.store, clock=self.clock, doors=self.doors))

    def secret(self, name: str) -> str:
        if name not in self.secrets:
            raise MissingSecret(name)
        return self.secrets[name]

    async def addresses(self) -> dict[str, str]:
        await self.node.versions.live()
        return self.doors.registry.mail_for()

    # --- what people do

    async def does(self, card_id: int, body: AnyBody) -> None:
        self.node.wake_events([await self.store.command(card_id, body, self.clock.now())])
        await settled(self)

    async def replies(self, card_id: int, text: str, to: str = ANA) -> EmailMessage:
        """An agent replies; the mail as it came to the customer."""
        before = len(self.post.to(to))
        await self.does(card_id, AgentMessage(text=text, author="bea"))
        assert len(self.post.to(to)) == before + 1
        return self.post.to(to)[-1]

    # --- what is there

    async def texts(self) -> list[list[str]]:
        """The customers' words, card by card."""
        cards = sorted(await self.store.cards(), key=lambda card: card.id)
        found = [await self.store.messages(card.id) for card in cards]
        return [[message.text.strip() for message in messages if message.direction == "in"] for messages in found]

    async def waiting(self) -> list[tuple[str, str, str]]:
        rows = reversed(await self.store.quarantined())
        return [(row.message.text.strip(), row.why, row.sender) for row in rows]

    async def kept_back(self) -> list[str]:
        cards = await self.store.cards()
        histories = [await self.store.history(card.id) for card in cards]
        return [row.details["why"] for rows in histories for row in rows if row.kind == "message.dropped"]


@contextlib.asynccontextmanager
async def office(
    folder: Path,
    post: Post,
    domain: str = "a.example",
    *,
    names: tuple[str, ...] = ("support",),
    rules: str = "",
    door: str = DOOR,
) -> AsyncIterator[Office]:
    here = Office(folder, post, domain, names, rules, door)
    await here.store.start()
    try:
        version = here.program
        await here.store.publish(version.hash, version.encode(), {}, "tests", "", here.clock.now())
        await here.node.start()
        listener = await lmtp.listen(lmtp.Handler(here.addresses, here.node.take, here.clock.now), "127.0.0.1", 0)
        post.doors[domain] = listener.port
        try:
            yield here
        finally:
            await listener.close()
            await here.node.stop()
    finally:
        await here.store.stop()


async def idle(here: Office) -> bool:
    counts = await here.store.counts(here.clock.now())
    return not any(counts.get(name, 0) for name in ("unhandled", "outbox_pending", "outbox_leased"))


async def settled(*offices: Office, seconds: float = 60) -> None:
    """Until nothing is under way anywhere: all are idle, twice, and nothing was sent meanwhile."""
    post = offices[0].post
    for _ in range(int(seconds / 0.05)):
        before = len(post.mails)
        quiet = [await idle(here) for here in (*offices, *offices)]
        if all(quiet) and len(post.mails) == before:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still busy after {len(post.mails)} mails")


def letter(text: str, sender: str = ANA, to: str = SUPPORT, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Message-ID"] = f"<{text.replace(' ', '-')}@{sender.rpartition('@')[2]}>"
    for name, value in {"subject": text, **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def answer(mail: EmailMessage, text: str, sender: str = ANA, **headers: str) -> EmailMessage:
    """As a mail program makes it: to the address for answers, in the thread."""
    back = mail["Reply-To"] or mail["From"]
    thread = {"In-Reply-To": mail["Message-ID"], "References": f"{mail['References']} {mail['Message-ID']}"}
    return letter(text, sender, back.addresses[0].addr_spec, **{**thread, **headers})


async def comes(here: Office, mail: EmailMessage, sender: str = "") -> None:
    recipient = mail["To"].addresses[0].addr_spec if hasattr(mail["To"], "addresses") else str(mail["To"])
    whose = sender or str(mail["From"])
    await asyncio.to_thread(hand_over, here.post.doors[here.domain], whose, recipient, mail.as_bytes())
    await settled(here)


def scene(folder: Path, play: Callable[[Office], Awaitable[None]], door: str = DOOR) -> None:
    async def main() -> None:
        async with post_office() as post, office(folder, post, door=door) as here:
            await play(here)

    asyncio.run(main())


async def begun(here: Office) -> tuple[Card, EmailMessage]:
    """Ana has written, an agent has replied: the card and the reply as she has it."""
    await comes(here, letter("It is late"))
    (row,) = await here.store.cards()
    return await here.store.card(row.id), await here.replies(row.id, "We look into it.")


# --- who gets onto a card --------------------------------------------------------------------------------------------


def test_an_answer_finds_its_card(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        _, reply = await begun(here)
        assert reply["Reply-To"].addresses[0].addr_spec.startswith("support+c1.")
        assert "<It-is-late@cliente.example>" in reply["References"]
        await comes(here, answer(reply, "Thank you"))
        assert await here.texts() == [["It is late", "Thank you"]]

    scene(tmp_path, play)


def test_each_part_of_an_answer_that_names_the_card_is_enough(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        _, reply = await begun(here)
        back, thread = str(reply["Reply-To"]), str(reply["References"]).split()[0]
        await comes(here, letter("By address", to=back.rpartition("<")[2].rstrip(">")))
        await comes(here, letter("By thread", References=thread))
        await comes(here, letter("By message", In_Reply_To=str(reply["Message-ID"])))
        assert await here.texts() == [["It is late", "By address", "By thread", "By message"]]

    scene(tmp_path, play)


def test_a_stolen_token_does_not_let_its_thief_in(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        before = await here.store.card(card.id)
        await comes(here, answer(reply, "I am Ana", EVA))
        await comes(here, letter("Me too", EVA, In_Reply_To=str(reply["Message-ID"])))
        assert await here.texts() == [["It is late"]]
        assert await here.waiting() == [("I am Ana", "stranger", EVA), ("Me too", "stranger", EVA)]
        assert await here.store.card(card.id) == before

    scene(tmp_path, play)


def test_whom_our_own_server_found_forged_is_not_believed(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        _, reply = await begun(here)
        ours = "mx.a.example; spf=fail; dmarc=fail (p=reject) header.from=cliente.example"
        await comes(here, answer(reply, "Forged", Authentication_Results=ours))
        theirs = ours.replace("mx.a.example", "mx.elsewhere.example")
        await comes(here, answer(reply, "Slandered", Authentication_Results=theirs))
        assert await here.texts() == [["It is late", "Slandered"]]
        assert await here.waiting() == [("Forged", "forged", ANA)]

    scene(tmp_path, play)


ONE_EACH = DOOR.replace("  open card in", "  same card when customer\n  open card in")
NOBODY_SAYS = ONE_EACH.replace('authentication server "mx.a.example"', 'allow unproved-sender "to see what becomes of it"')
PROVED = "mx.a.example; dkim=pass header.d=cliente.example"


def test_a_proved_sender_joins_the_card_of_the_customer(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        await comes(here, letter("First", Authentication_Results=PROVED))
        await comes(here, letter("Second", Authentication_Results="mx.a.example; dmarc=pass header.from=cliente.example"))
        spf = "mx.a.example; spf=pass smtp.mailfrom=bounces@cliente.example"
        await comes(here, letter("Third", Authentication_Results=spf))
        assert await here.texts() == [["First", "Second", "Third"]]
        assert [await claimed(here, card.id) for card in await here.store.cards()] == [False]

    scene(tmp_path, play, ONE_EACH)


def test_whoever_only_writes_the_customers_address_does_not_join_and_leads_nobody_astray(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        await comes(here, letter("Mine", Authentication_Results=PROVED))
        await comes(here, letter("Without a word"))
        other = "mx.a.example; dkim=pass header.d=elsewhere.example; spf=pass smtp.mailfrom=eva@elsewhere.example"
        await comes(here, letter("Signed by another", Authentication_Results=other))
        theirs = PROVED.replace("mx.a.example", "mx.elsewhere.example")
        await comes(here, letter("By another server", Authentication_Results=theirs))
        await comes(
            here,
            letter("Disowned", Authentication_Results="mx.a.example; dmarc=fail; spf=pass smtp.mailfrom=x@cliente.example"),
        )
        await comes(here, letter("Mine again", Authentication_Results=PROVED))
        texts = await here.texts()
        assert texts == [["Mine", "Mine again"], ["Without a word"], ["Signed by another"], ["By another server"]]
        assert await here.waiting() == [("Disowned", "forged", ANA)]
        ids = sorted(card.id for card in await here.store.cards())
        assert [await claimed(here, card_id) for card_id in ids] == [False, True, True, True]

    scene(tmp_path, play, ONE_EACH)


def test_without_an_authentication_server_only_answers_join(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        await comes(here, letter("Anybody", Authentication_Results=PROVED))
        await comes(here, answer(reply, "An answer"))
        assert await here.texts() == [["It is late", "An answer"], ["Anybody"]]
        assert await claimed(here, card.id)

    scene(tmp_path, play, NOBODY_SAYS)


async def claimed(here: Office, card_id: int) -> bool:
    """Whether the card says that its customer is not proven."""
    return (await here.store.contact_of_card(card_id)).claimed


def test_a_guessed_token_and_a_number_in_the_subject_name_nothing(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        await begun(here)
        await comes(here, letter("Guessed", EVA, "support+c1.aaaaaaaaaaaaaaaaaaaa@a.example"))
        await comes(here, letter("Numbered", EVA, subject="Re: [#1] It is late (duly-1)"))
        await comes(here, letter("Her own number", subject="#1"))
        assert await here.texts() == [["It is late"], ["Guessed"], ["Numbered"], ["Her own number"]]
        assert await here.waiting() == []

    scene(tmp_path, play)


def test_who_is_copied_gets_neither_mail_nor_card(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        await comes(here, answer(reply, "With Eva", Cc=EVA))
        again = await here.replies(card.id, "Fine.")
        assert (again["Cc"], again["Bcc"]) == (None, None)
        assert here.post.to(EVA) == []
        await comes(here, answer(again, "Now me", EVA))
        assert await here.waiting() == [("Now me", "stranger", EVA)]
        assert (await here.store.card(card.id)).participants == ()

    scene(tmp_path, play)


def test_whom_a_person_lets_in_is_remembered(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        _, reply = await begun(here)
        await comes(here, answer(reply, "A colleague", EVA))
        (row,) = await here.store.quarantined()
        here.node.wake_events(list(await here.store.admit(row.event_id, False, True, "bea", here.clock.now())))
        await settled(here)
        await comes(here, answer(reply, "Once more", EVA))
        assert await here.texts() == [["It is late", "A colleague", "Once more"]]
        assert here.post.to(EVA) == []

    scene(tmp_path, play)


def test_an_answer_to_a_reply_from_before_the_key_was_rotated(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        here.previous[REPLY_KEY], here.secrets[REPLY_KEY] = here.secrets[REPLY_KEY], "a-new-key"
        await comes(here, answer(reply, "Old token"))
        new = await here.replies(card.id, "And now?")
        assert new["Reply-To"] != reply["Reply-To"]
        await comes(here, answer(new, "New token"))
        del here.previous[REPLY_KEY]
        only = letter("Token of a key that is gone", to=reply["Reply-To"].addresses[0].addr_spec)
        await comes(here, only)
        await comes(here, answer(reply, "Still known by the message"))
        assert await here.texts() == [
            ["It is late", "Old token", "New token", "Still known by the message"],
            ["Token of a key that is gone"],
        ]

    scene(tmp_path, play)


def test_an_answer_to_a_finished_card_opens_it_again_for_the_customer_only(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        await here.does(card.id, MoveCard(stage="Done", author="bea"))
        await comes(here, answer(reply, "Me", EVA))
        assert (await here.store.card(card.id)).stage == "Done"
        await comes(here, answer(reply, "It broke again"))
        assert (await here.store.card(card.id)).stage == "New"
        assert await here.texts() == [["It is late", "It broke again"]]

    scene(tmp_path, play)


def test_an_answer_to_a_card_that_was_merged_goes_to_the_other(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        await comes(here, letter("Another matter"))
        other = next(row for row in await here.store.cards() if row.id != card.id)
        await here.does(card.id, MergeCard(into=other.id, number=other.number, author="bea"))
        await comes(here, answer(reply, "Both"))
        await comes(here, answer(reply, "Neither", EVA))
        found = [message.text.strip() for message in await here.store.messages(other.id) if message.direction == "in"]
        assert "Both" in found and "Neither" not in found
        assert await here.waiting() == [("Neither", "stranger", EVA)]

    scene(tmp_path, play)


def test_a_report_is_shown_on_the_message_it_is_about(tmp_path: Path) -> None:
    async def play(here: Office) -> None:
        card, reply = await begun(here)
        states = [("delayed", "4.4.1 no answer yet"), ("failed", "5.1.1 user unknown")]
        for action, words in states:
            await comes(here, report(reply, action, words), "<>")
            (sent,) = [message for message in await here.store.messages(card.id) if message.direction == "out"]
            assert sent.state == action
            assert words.split(" ", 1)[1] in sent.error
        assert await here.texts() == [["It is late"]]

    scene(tmp_path, play)


def report(reply: EmailMessage, action: str, words: str) -> EmailMessage:
    """As a mail server writes it (RFC 3464)."""
    fields = f"Reporting-MTA: dns; mx.cliente.example\r\n\r\nFinal-Recipient: rfc822; {ANA}\r\nAction: {action}\r\n"
    fields += f"Status: {words.split()[0]}\r\nDiagnostic-Code: smtp; {words}\r\n"
    text = (
        f"From: mailer-daemon@mx.cliente.example\r\nTo: {SUPPORT}\r\nSubject: Report\r\nMessage-ID: <{action}@mx>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{fields}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {reply['Message-ID']}\r\n\r\n--b--\r\n"
    )
    made = message_from_bytes(text.encode(), policy=policy.default)
    assert isinstance(made, EmailMessage)
    return made


# --- machines --------------------------------------------------------------------------------------------------------

SAYS_SO = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Duly")
LOST = {
    "nothing": ((), 1, "automatic"),
    "what says that a machine wrote": (SAYS_SO, 2, "hourly"),
    "also what names the card": ((*SAYS_SO, "References", "In-Reply-To", "Reply-To"), 2, "hourly"),
}


@pytest.mark.parametrize("lost", LOST)
def test_two_installations_that_answer_everything_stop(tmp_path: Path, lost: str) -> None:
    """At most ten mails are promised; that each side stops at its first is how."""
    drops, most, why = LOST[lost]

    async def main() -> None:
        async with (
            post_office(*drops) as post,
            office(tmp_path, post, rules=ANSWERS) as one,
            office(tmp_path, post, "b.example", rules=ANSWERS) as other,
        ):
            await comes(one, letter("Hello", "support@b.example"))
            await settled(one, other)
            assert 1 <= len(post.mails) <= most
            kept_back = [*await one.kept_back(), *await other.kept_back()]
            assert why in kept_back
            assert all(mail["To"].addresses[0].domain in ("a.example", "b.example") for mail in post.mails)

    asyncio.run(main())


def test_an_installation_does_not_answer_itself(tmp_path: Path) -> None:
    async def main() -> None:
        names = ("support", "sales")
        async with post_office(*SAYS_SO) as post, office(tmp_path, post, names=names, rules=ANSWERS) as here:
            await comes(here, letter("Hello", "sales@a.example"))
            assert post.mails == []
            assert set(await here.kept_back()) == {"own"}

    asyncio.run(main())


def test_a_customer_is_answered_once_and_an_agent_always(tmp_path: Path) -> None:
    async def main() -> None:
        async with post_office() as post, office(tmp_path, post, rules=ANSWERS) as here:
            await comes(here, letter("First"))
            await comes(here, letter("Second"))
            (only,) = post.to(ANA)
            assert only["Auto-Submitted"] == "auto-replied"
            assert only.get_content().strip() == "We got it."
            assert set(await here.kept_back()) == {"hourly"}
            (row, *_) = await here.store.cards()
            personal = await here.replies(row.id, "A person here.")
            assert personal["Auto-Submitted"] is None

    asyncio.run(main())
