"""Mailboxes read from a real Dovecot at the moments when mails are lost, late, or kept waiting."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from connectors.mailservers import PASSWORD, Authority, Dovecot, written
from duly_connectors.contract import Tools
from duly_connectors.mail import imap
from duly_connectors.mail.access import OAuth, Place
from duly_connectors.mail.imap import Mailboxes
from duly_runtime.doors import Raw
from duly_runtime.time import SystemClock

USER = "support@desk.example"
SECONDS = 30.0
"""Other programs do it: within this."""


class Basket:
    """A Feed that keeps what it is given. `taking` and `asked` are called where a mail is taken, and where it is asked how
    far the mailbox was read: between SELECT and the first search."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.refused: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.positions: dict[str, str] = {}
        self.taking: Callable[[], None] = lambda: None
        self.asked: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    async def take(self, raw: Raw) -> None:
        hook, self.taking = self.taking, lambda: None
        await asyncio.to_thread(hook)
        self.refused += [raw.query["refused"]] if "refused" in raw.query else []
        self.subjects += [line[9:].decode() for line in raw.body.splitlines() if line.startswith(b"Subject: ")]
        self._changed.set()

    async def position(self, name: str) -> str:
        hook, self.asked = self.asked, lambda: None
        await asyncio.to_thread(hook)
        return self.positions.get(name, "")

    async def keep(self, name: str, value: str) -> None:
        self.positions[name] = value

    async def tell(self, name: str, state: str, detail: str = "") -> None:
        self.told.append((state, detail))
        self._changed.set()

    async def forget(self, but: tuple[str, ...]) -> None:
        pass

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def holds(self, *subjects: str) -> None:
        try:
            await self.until(lambda: len(self.subjects) >= len(subjects))
        finally:
            assert self.subjects == list(subjects)


def read(authority: Authority, url: Callable[[], str], work: Callable[[Basket], Coroutine[Any, Any, None]]) -> Basket:
    """Read the mailbox at `url` while `work` goes on."""

    async def main() -> Basket:
        network, basket = authority.network(), Basket()
        tools = Tools(secrets=lambda name: "", clock=SystemClock(), network=network)

        def settings() -> tuple[tuple[Place, ...], OAuth]:
            found = imap.boxes(url())
            assert found is not None
            return found, OAuth(network, {})

        reading = asyncio.create_task(Mailboxes(tools, settings, before=None).run(basket))
        try:
            await work(basket)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return basket

    return asyncio.run(main())


def test_a_mail_that_comes_while_the_mailbox_is_opened_is_read(authority: Authority, server: Dovecot) -> None:
    async def work(basket: Basket) -> None:
        basket.asked = lambda: server.deliver(USER, written("Meanwhile"))
        await basket.holds("Before", "Meanwhile")
        await asyncio.to_thread(server.deliver, USER, written("After"))
        await basket.holds("Before", "Meanwhile", "After")

    server.deliver(USER, written("Before"))
    read(authority, lambda: server.url(USER), work)


def test_a_mail_that_comes_while_another_is_taken_is_read_at_once(authority: Authority, server: Dovecot) -> None:
    """Dovecot announces it with the answer to the STORE that marks the other, and then no more."""

    async def work(basket: Basket) -> None:
        await basket.until(lambda: ("ok", "") in basket.told[1:])
        basket.taking = lambda: server.deliver(USER, written("Second"))
        await asyncio.to_thread(server.deliver, USER, written("First"))
        await basket.holds("First", "Second")

    read(authority, lambda: server.url(USER), work)


def starttls(server: Dovecot) -> str:
    return f"imap://{USER.replace('@', '%40')}:{PASSWORD}@localhost:{server.imap}/INBOX?starttls=1"


@pytest.mark.parametrize("url", [lambda server: server.url(USER), starttls])
def test_nothing_is_left_of_a_mailbox_that_is_let_go(
    authority: Authority, server: Dovecot, url: Callable[[Dovecot], str]
) -> None:
    """Else a server would not stop before its IDLE ends."""

    async def work(basket: Basket) -> None:
        await basket.holds("Here")
        await basket.until(lambda: len(basket.told) == 2)

    server.deliver(USER, written("Here"))
    read(authority, lambda: url(server), work)
    for thread in threading.enumerate():
        if thread.name.startswith("imap"):
            thread.join(SECONDS)
            assert not thread.is_alive()


def test_what_fails_again_and_again_is_tried_less_and_less(
    authority: Authority, server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one gets in, and then no further."""
    gaps: list[float] = []

    async def rest(self: Mailboxes, seconds: float, *_: object) -> None:
        gaps.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Mailboxes, "_rest", rest)

    async def work(basket: Basket) -> None:
        await basket.until(lambda: len(basket.told) > len(imap.GAPS) + 1)

    basket = read(authority, lambda: server.url(USER, "Elsewhere"), work)
    assert gaps[: len(imap.GAPS)] == [*imap.GAPS[1:], imap.GAPS[-1]]
    assert "can't be opened" in basket.told[-1][1]


def test_a_password_that_was_put_right_counts_at_once(
    authority: Authority, server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "GAPS", (3600.0,))
    monkeypatch.setattr(imap, "LOOK_SECONDS", 0.05)
    url = server.url(USER).replace(PASSWORD, "wrong")

    async def work(basket: Basket) -> None:
        nonlocal url
        await basket.until(lambda: any(state == "bad" for state, _ in basket.told))
        assert "refuses to let us in" in basket.told[-1][1]
        url = server.url(USER)
        await basket.holds("Waited")

    server.deliver(USER, written("Waited"))
    read(authority, lambda: url, work)


def test_a_mail_the_server_will_not_give_out_holds_up_nothing_for_ever(
    authority: Authority, server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "GAPS", (0.0,))
    for subject in ("Before", "Broken", "After"):
        server.deliver(USER, written(subject))
    (broken,) = (mail for mail in (server.mail / USER / "new").iterdir() if b"Subject: Broken" in mail.read_bytes())
    broken.chmod(0)

    async def work(basket: Basket) -> None:
        await basket.until(lambda: "After" in basket.subjects)
        await basket.until(lambda: basket.told[-1][0] == "ok")

    basket = read(authority, lambda: server.url(USER), work)
    assert set(basket.subjects) == {"Before", "After"}
    assert len(basket.refused) == 1
    assert [state for state, _ in basket.told[1:]].count("bad") == imap.REFUSALS + 1
    assert server.seen(USER) == 2
