"""What the LMTP door answers: one line for each recipient whatever happens, and nothing for good that can be mended."""

from __future__ import annotations

import asyncio
import datetime as dt
import smtplib
from collections.abc import Callable
from typing import Any

import pytest

from duly_connectors.mail import lmtp
from duly_runtime.doors import Raw
from duly_runtime.store.api import StoreUnavailable

NOON = dt.datetime(2026, 11, 6, 12, tzinfo=dt.UTC)
DOORS = {"support@desk.example": "Mail", "sales@desk.example": "Sales"}


class Desk:
    """Takes what it is handed, unless `broken`."""

    def __init__(self) -> None:
        self.doors: dict[str, str] = dict(DOORS)
        self.taken: list[tuple[str, Raw]] = []
        self.broken: dict[str, Exception] = {}

    async def addresses(self) -> dict[str, str]:
        return self.doors

    async def take(self, connector: str, raw: Raw) -> bool:
        if connector in self.broken:
            raise self.broken[connector]
        self.taken.append((connector, raw))
        return True


def session(desk: Desk, work: Callable[[smtplib.LMTP], Any]) -> Any:
    def talk(port: int) -> Any:
        with smtplib.LMTP("127.0.0.1", port, timeout=30) as client:
            client.ehlo()
            return work(client)

    async def main() -> Any:
        server = await lmtp.listen(lmtp.Handler(desk.addresses, desk.take, lambda: NOON), "127.0.0.1", 0)
        try:
            return await asyncio.to_thread(talk, server.port)
        finally:
            await server.close()

    return asyncio.run(main())


def handed(client: smtplib.LMTP, body: bytes, *recipients: str) -> list[tuple[int, bytes]]:
    """The answers to the recipients it took, in their order, and then to a NOOP: what follows is in step."""
    client.mail("ana@client.example")
    taken = [name for name in recipients if client.rcpt(name)[0] == 250]
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.send(body + b"\r\n.\r\n")
    answers = [client.getreply() for _ in taken]
    assert client.noop()[0] == 250
    return answers


BOTH = ("support@desk.example", "sales@desk.example")


def test_each_recipient_is_answered_for_itself() -> None:
    desk = Desk()
    desk.broken = {"Sales": StoreUnavailable("the disk is full")}
    answers = session(desk, lambda client: handed(client, b"Subject: a\r\n\r\nb", *BOTH))
    assert [code for code, _ in answers] == [250, 451]
    ((connector, raw),) = desk.taken
    assert connector == "Mail"
    assert (raw.method, raw.body, raw.query["to"]) == ("MAIL", b"Subject: a\r\n\r\nb\r\n", BOTH[0])


def test_a_mistake_in_our_code_is_no_answer_for_good() -> None:
    desk = Desk()
    desk.broken = {"Mail": RuntimeError("a mistake")}
    assert [code for code, _ in session(desk, lambda client: handed(client, b"a", BOTH[0]))] == [451]


def test_a_mail_over_the_limit_is_refused_to_each_recipient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "MAX_MAIL", 1000)
    monkeypatch.setattr(lmtp, "SMTP_OVERHEAD", 0)
    desk = Desk()
    answers = session(desk, lambda client: handed(client, b"x" * 900 + b"\r\n" + b"y" * 900, *BOTH))
    assert [code for code, _ in answers] == [552, 552]
    assert desk.taken == []


def test_long_lines_are_taken_as_they_are() -> None:
    """Programs write them, and no answer of ours makes them stop."""
    desk = Desk()
    body = b"Subject: a\r\n\r\n" + b"w" * 200_000
    assert [code for code, _ in session(desk, lambda client: handed(client, body, BOTH[0]))] == [250]
    assert desk.taken[0][1].body == body + b"\r\n"


def test_a_line_without_end_is_refused_to_each_recipient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "LONGEST_LINE", 2000)
    answers = session(Desk(), lambda client: handed(client, b"w" * 5000, *BOTH))
    assert [code for code, _ in answers] == [500, 500]


def test_nothing_is_refused_for_good_while_nothing_receives() -> None:
    desk = Desk()
    desk.doors = {}

    def work(client: smtplib.LMTP) -> tuple[int, bytes]:
        client.mail("ana@client.example")
        return client.rcpt("support@desk.example")

    assert session(desk, work)[0] == 451
    desk.doors = dict(DOORS)
    assert session(desk, work)[0] == 250


def test_a_recipient_nobody_has_is_refused() -> None:
    def work(client: smtplib.LMTP) -> list[int]:
        client.mail("ana@client.example")
        names = ("nobody@desk.example", "SUPPORT+c42.abc@Desk.example", "support@other.example")
        return [client.rcpt(name)[0] for name in names]

    assert session(Desk(), work) == [550, 250, 550]
