"""What is in a mailbox when it is first connected, by a real Dovecot: left alone, or taken as far back as the rules say."""

from __future__ import annotations

import asyncio
import datetime as dt
import imaplib

import msgspec
import pytest

from connectors.mailservers import Authority, Dovecot, written
from connectors.test_imap_trouble import USER, Basket
from duly_connectors.contract import Tools
from duly_connectors.email import Email
from duly_connectors.mail import imap
from duly_connectors.mail.access import OAuth, Place
from duly_connectors.mail.imap import Mailboxes, Reached, label
from duly_connectors.testing import NOON
from duly_dsl import program
from duly_dsl.units import Duration, Unit
from duly_runtime.time import FakeClock, SystemClock

DAY = dt.timedelta(days=1)
FROM_NOW, ALL = dt.timedelta(), None


class Reader:
    """Reads the mailbox of USER, over several connections, into one basket."""

    def __init__(self, authority: Authority, server: Dovecot) -> None:
        self.basket = Basket()
        self._tools = Tools(secrets=lambda name: "", clock=SystemClock(), network=authority.network())
        self._server = server

    def _settings(self) -> tuple[tuple[Place, ...], OAuth]:
        found = imap.boxes(self._server.url(USER))
        assert found is not None
        return found, OAuth(self._tools.network, {})

    @property
    def place(self) -> Place:
        return self._settings()[0][0]

    @property
    def left(self) -> list[str]:
        """What the set-up page says of mails that were left alone."""
        return [detail for state, detail in self.basket.told if state == "ok" and detail]

    async def look(self, before: dt.timedelta | None) -> None:
        """Connect, take what is to be taken, and end."""
        self.basket.told.clear()
        box = imap.Mailbox(self._tools, self.place, OAuth(self._tools.network, {}))
        await box.open()
        following = asyncio.create_task(box.follow(self.basket, before))
        try:
            async with asyncio.timeout(30):
                while not box.followed:
                    await asyncio.wait([following], timeout=0.05)
                    if following.done():
                        following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            box.close()

    def sees(self, before: dt.timedelta | None) -> list[str]:
        asyncio.run(self.look(before))
        return self.basket.subjects


@pytest.fixture
def reader(authority: Authority, server: Dovecot) -> Reader:
    return Reader(authority, server)


def put(server: Dovecot, subject: str, ago: dt.timedelta, *, seen: bool = False) -> None:
    """A mail that came so long ago."""
    with server.box(USER) as client:
        at = imaplib.Time2Internaldate((dt.datetime.now(dt.UTC) - ago).astimezone())
        client.append("INBOX", "(\\Seen)" if seen else "", at, written(subject))


def test_what_was_there_is_left_alone_unseen_and_said(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    put(server, "This morning", DAY / 8)
    server.deliver(USER, written("Just before"))
    assert reader.sees(FROM_NOW) == []
    assert server.seen(USER) == 0
    assert len(reader.left) == 1 and "3" in reader.left[0] and "take mail since" in reader.left[0]
    server.deliver(USER, written("After"))
    assert reader.sees(FROM_NOW) == ["After"]
    assert server.seen(USER) == 1


def test_a_mail_with_an_old_date_that_is_moved_in_later_is_new(server: Dovecot, reader: Reader) -> None:
    put(server, "Left", DAY)
    assert reader.sees(FROM_NOW) == []
    put(server, "Moved in", 400 * DAY)
    assert reader.sees(FROM_NOW) == ["Moved in"]


def test_unseen_mail_is_taken_as_far_back_as_the_rules_say(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    put(server, "Three days ago", 3 * DAY)
    put(server, "Yesterday, answered", DAY, seen=True)
    put(server, "Yesterday", DAY)
    assert reader.sees(2 * DAY) == ["Yesterday"]
    assert server.seen(USER) == 2
    assert "2" in reader.left[0]


def test_all_unseen_mail_may_be_taken(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    put(server, "Answered", DAY, seen=True)
    put(server, "Yesterday", DAY)
    assert reader.sees(ALL) == ["Years ago", "Yesterday"]
    assert reader.left == []


def test_who_asks_for_more_later_gets_it_and_nothing_twice(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    put(server, "Yesterday", DAY)
    assert reader.sees(FROM_NOW) == []
    server.deliver(USER, written("After"))
    assert reader.sees(FROM_NOW) == ["After"]
    assert reader.sees(2 * DAY) == ["After", "Yesterday"]
    assert reader.sees(2 * DAY) == ["After", "Yesterday"]
    assert reader.sees(FROM_NOW) == ["After", "Yesterday"]
    assert reader.sees(ALL) == ["After", "Yesterday", "Years ago"]


def test_what_comes_while_it_is_first_connected_is_new(server: Dovecot, reader: Reader) -> None:
    put(server, "Left", DAY)
    reader.basket.asked = lambda: server.deliver(USER, written("Meanwhile"))
    assert reader.sees(FROM_NOW) == ["Meanwhile"]


def test_an_empty_mailbox_leaves_nothing_alone(server: Dovecot, reader: Reader) -> None:
    assert reader.sees(FROM_NOW) == []
    put(server, "Moved in", 400 * DAY)
    server.made_anew(USER)
    assert reader.sees(FROM_NOW) == ["Moved in"]


def test_a_mailbox_made_anew_brings_what_came_since_and_leaves_the_rest_alone(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    put(server, "Answered this morning", DAY / 8, seen=True)
    server.deliver(USER, written("Just before"))
    assert reader.sees(FROM_NOW) == []
    server.deliver(USER, written("Taken"))
    assert reader.sees(FROM_NOW) == ["Taken"]
    server.deliver(USER, written("Not taken yet"))
    with server.box(USER) as client:
        client.store(client.search(None, "SUBJECT", '"Not taken yet"')[1][0].decode(), "+FLAGS", "\\Seen")
    server.made_anew(USER)
    # What was taken before has the same key, and counts once where it is taken in.
    assert sorted(set(reader.sees(FROM_NOW))) == ["Not taken yet", "Taken"]
    server.deliver(USER, written("After"))
    assert reader.sees(FROM_NOW)[-1] == "After"
    assert sum(subject == "Years ago" for subject in reader.basket.subjects) == 0


def test_a_mailbox_made_anew_before_all_was_taken_brings_the_rest(server: Dovecot, reader: Reader) -> None:
    put(server, "Yesterday", DAY)
    assert reader.sees(2 * DAY) == ["Yesterday"]
    put(server, "Unseen, of last year", 300 * DAY)
    put(server, "Last week, not seen", 7 * DAY)
    server.made_anew(USER)
    assert set(reader.sees(2 * DAY)) == {"Yesterday"}


def test_a_crash_while_old_mail_is_taken_loses_none_of_it(server: Dovecot, reader: Reader) -> None:
    put(server, "Yesterday", DAY)
    put(server, "An hour ago", DAY / 24)

    def breaks() -> None:
        raise InterruptedError("the process is killed")

    reader.basket.taking = breaks
    with pytest.raises(InterruptedError):
        asyncio.run(reader.look(2 * DAY))
    server.deliver(USER, written("Meanwhile"))
    with server.box(USER) as client:  # somebody looks at it before we do
        client.store(client.search(None, "SUBJECT", "Meanwhile")[1][0].decode(), "+FLAGS", "\\Seen")
    assert reader.sees(2 * DAY) == ["Yesterday", "An hour ago", "Meanwhile"]


def test_a_mailbox_that_was_read_by_an_earlier_release_goes_on_as_it_was(server: Dovecot, reader: Reader) -> None:
    put(server, "Years ago", 900 * DAY)
    assert reader.sees(FROM_NOW) == []
    kept = msgspec.json.decode(reader.basket.positions[label(reader.place)], type=Reached)
    before = msgspec.json.encode({"validity": kept.validity, "uid": kept.uid, "day": ""}).decode()
    reader.basket.positions[label(reader.place)] = before
    server.deliver(USER, written("After"))
    assert reader.sees(FROM_NOW) == ["After"]
    assert reader.left == []


@pytest.mark.parametrize(
    ("given", "before", "words"),
    [
        (None, FROM_NOW, "is left alone, unseen mail too"),
        ("now", FROM_NOW, "is left alone, unseen mail too"),
        ("always", ALL, "all its unseen mail becomes cards"),
        (Duration(Unit.CALENDAR_DAYS, 2), 2 * DAY, "as far back as"),
        (Duration(Unit.BUSINESS, 36 * 3_600_000_000), dt.timedelta(hours=36), "as far back as"),
    ],
)
def test_the_line_and_what_the_set_up_page_says_of_it(
    given: str | Duration | None, before: dt.timedelta | None, words: str
) -> None:
    settings = {"mailbox": program.Setting(value="IMAP_URL", secret=True)}
    if given is not None:
        settings["take mail since"] = program.Setting(value=given)
    definition = program.Connector(name="Mail", kind="email", direction="receives", pipeline="Support", settings=settings)
    door = Email(definition, None, Tools(secrets=lambda name: "", clock=FakeClock(NOON)))
    (source,) = door.sources()
    assert isinstance(source, Mailboxes)
    assert source.before == before
    assert any(words in step for step in door.guide(""))
