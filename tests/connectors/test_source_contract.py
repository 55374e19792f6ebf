"""The contract of what fetches by itself: held to by mailboxes on a real Dovecot, and by a small source that also shows
that the contract notices each way of breaking it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import ClassVar

import msgspec
import pytest

from connectors.mailservers import PASSWORD, Authority, Dovecot, dovecot, written
from connectors.samples import PIPELINE
from duly_connectors import testing_sources
from duly_connectors.contract import Connector, MissingSecret, Tools
from duly_connectors.email import Email
from duly_connectors.mail import imap
from duly_connectors.outbound import NotSent, Response
from duly_connectors.testing import ScriptedNetwork
from duly_connectors.testing_sources import FakeFeed, SourceContract
from duly_dsl import program
from duly_runtime.doors import Feed, Inbound, Parsed, Raw, Source
from duly_runtime.events import CustomerMessage

# --- mailboxes -------------------------------------------------------------------------------------------------------


class Mailbox:
    """One of Dovecot's, as the other side."""

    def __init__(self, server: Dovecot, user: str, tools: Tools) -> None:
        self._server = server
        self._user = user
        self.tools = tools

    async def put(self, name: str) -> None:
        await asyncio.to_thread(self._server.deliver, self._user, written(name, name=name))


class TestMailboxes(SourceContract):
    secrets: ClassVar = {"IMAP_URL": f"imaps://support:{PASSWORD}@mail.example", "SMTP_URL": "smtp://mail.example"}
    authority: ClassVar[Authority]
    server: ClassVar[Dovecot]
    users: ClassVar = itertools.count()

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def mailboxes(cls, authority: Authority) -> Iterator[None]:
        cls.authority = authority
        with dovecot(authority) as cls.server:
            yield

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imap, "GAPS", (0.1,))
        monkeypatch.setattr(imap, "LOOK_SECONDS", 0.1)

    def make(self, tools: Tools) -> Connector:
        settings = {
            "mailbox": program.Setting(value="IMAP_URL", secret=True),
            "server": program.Setting(value="SMTP_URL", secret=True),
            "from": program.Setting(value="Support <support@support.example>"),
            "take mail since": program.Setting(value="always"),
        }
        door = program.Connector(name="Mail", kind="email", direction="connects", pipeline="Support", settings=settings)
        return Email(door, PIPELINE, tools)

    @contextlib.asynccontextmanager
    async def other_side(self) -> AsyncIterator[Mailbox]:
        user = f"box{next(self.users)}@support.example"
        secrets = {**self.secrets, "IMAP_URL": self.server.url(user)}
        yield Mailbox(self.server, user, self.tools(self.authority.network(), secrets))


# --- a small one -----------------------------------------------------------------------------------------------------


class Shelf(Connector):
    """A service that shows all it has as a JSON list of names; asked again and again."""

    KIND = program.ConnectorKind(
        name="shelf",
        directions=("receives",),
        settings=(program.SettingSpec("address", required=True, secret=True, help="where the list is"),),
    )

    def parse(self, raw: Raw) -> Parsed:
        message = CustomerMessage(text=raw.body.decode(), connector="Shelf", provider_id=raw.body.decode())
        return Parsed(items=(Inbound(key=raw.body.decode(), at=raw.received_at, body=message),))

    def sources(self) -> tuple[Source, ...]:
        return (Looking(self),)


class Looking:
    name = "shelf"

    def __init__(self, door: Connector) -> None:
        self.door = door

    async def run(self, feed: Feed) -> None:
        while True:
            try:
                answer = await self.door.tools.network.request("GET", self.door.setting("address"))
            except (NotSent, MissingSecret) as error:
                await self.fails(feed, error)
            else:
                await feed.tell(self.name, "ok")
                await self.read(feed, msgspec.json.decode(answer.body, type=list[str]))
            await asyncio.sleep(0.01)

    async def read(self, feed: Feed, names: list[str]) -> None:
        reached = int(await feed.position(self.name) or 0)
        for number, name in enumerate(names[reached:], reached + 1):
            await feed.take(self.raw(feed, name))
            await feed.keep(self.name, str(number))

    async def fails(self, feed: Feed, error: Exception) -> None:
        await feed.tell(self.name, "bad", str(error))

    def raw(self, feed: Feed, name: str) -> Raw:
        return Raw(method="GET", path="shelf", body=name.encode(), received_at=feed.now())


class Shelves:
    def __init__(self, contract: SourceContract) -> None:
        self._network = ScriptedNetwork(Response(status=200, body=b"[]"))
        self._names: list[str] = []
        self.tools = contract.tools(self._network)

    async def put(self, name: str) -> None:
        self._names.append(name)
        self._network.answer = Response(status=200, body=msgspec.json.encode(self._names))


class ShelfContract(SourceContract):
    secrets: ClassVar = {"SHELF": "https://shelf.example/a-name-nobody-guesses"}
    source: type[Looking] = Looking

    def make(self, tools: Tools) -> Connector:
        settings = {"address": program.Setting(value="SHELF", secret=True)}
        made = Shelf(
            program.Connector(name="Shelf", kind="shelf", direction="receives", settings=settings), PIPELINE, tools
        )
        made.sources = lambda: (self.source(made),)  # type: ignore[method-assign]
        return made

    @contextlib.asynccontextmanager
    async def other_side(self) -> AsyncIterator[Shelves]:
        yield Shelves(self)


class TestShelf(ShelfContract):
    pass


class Hasty(Looking):
    """Notes that it has read what it only fetched."""

    async def read(self, feed: Feed, names: list[str]) -> None:
        reached = int(await feed.position(self.name) or 0)
        await feed.keep(self.name, str(len(names)))
        for name in names[reached:]:
            await feed.take(self.raw(feed, name))


class Newest(Looking):
    """Begins with what comes after its start."""

    async def read(self, feed: Feed, names: list[str]) -> None:
        if not hasattr(self, "begun"):
            self.begun = int(await feed.position(self.name) or 0) and len(names)
        for name in names[self.begun :]:
            await feed.take(self.raw(feed, name))
            await feed.keep(self.name, str(len(names)))
        self.begun = len(names)


class Numbering(Looking):
    """Names items by when it saw them."""

    count = itertools.count()

    def raw(self, feed: Feed, name: str) -> Raw:
        return super().raw(feed, f"{name}-{next(self.count)}")


class Giving(Looking):
    """Ends when nobody is there."""

    async def fails(self, feed: Feed, error: Exception) -> None:
        await super().fails(feed, error)
        raise error


class Silent(Looking):
    async def fails(self, feed: Feed, error: Exception) -> None:
        pass


class Talking(Looking):
    """Tells the address, which is a secret."""

    async def fails(self, feed: Feed, error: Exception) -> None:
        address = "nowhere" if isinstance(error, MissingSecret) else self.door.setting("address")
        await feed.tell(self.name, "bad", f"{error} {address}")


class Clinging(Looking):
    """Does not hear at once that it shall end."""

    async def run(self, feed: Feed) -> None:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await super().run(feed)


@pytest.mark.parametrize(
    ("source", "test", "words"),
    [
        (Hasty, "test_nothing_is_passed_over_before_it_is_safe", "what never got in is fetched again"),
        (Newest, "test_a_restart_misses_nothing", "what came meanwhile is fetched"),
        (Numbering, "test_what_is_fetched_twice_has_the_same_key", "counts once"),
        (Giving, "test_with_nobody_there_it_says_so_and_tries_on", "shelf ended by itself"),
        (Silent, "test_with_nobody_there_it_says_so_and_tries_on", "it is told that nobody is there"),
        (Talking, "test_with_nobody_there_it_says_so_and_tries_on", "a secret would be shown"),
        (Clinging, "test_what_is_there_is_fetched_and_what_comes_later", "a source that is cancelled ends"),
    ],
)
def test_the_contract_notices(source: type[Looking], test: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    until = FakeFeed.until

    async def short(self: FakeFeed, done: Callable[[], bool], what: str) -> None:
        """What can't happen is not waited for long."""
        with monkeypatch.context() as patch:
            if what == words:
                patch.setattr(testing_sources, "BOUND", 0.2)
            await until(self, done, what)

    monkeypatch.setattr(FakeFeed, "until", short)
    monkeypatch.setattr(testing_sources, "END_SECONDS", 0.2 if source is Clinging else testing_sources.END_SECONDS)
    contract = ShelfContract()
    contract.source = source
    with pytest.raises(AssertionError, match=words):
        getattr(contract, test)()


def test_a_shut_feed_holds_what_it_is_offered() -> None:
    async def main() -> None:
        feed = FakeFeed({"a": "1"}, shut=True)
        raw = Raw(method="GET", path="x", received_at=feed.now())
        taking = asyncio.create_task(feed.take(raw))
        await feed.until(lambda: feed.offered == [raw], "it is offered")
        assert feed.taken == [] and not taking.done()
        assert (await feed.position("a"), await feed.position("b")) == ("1", "")
        taking.cancel()

    asyncio.run(main())
