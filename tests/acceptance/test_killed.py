"""kill -9 at random, 25 times, while customers write: nothing acknowledged is lost, nothing is done twice.

The outside is the witness: what was acknowledged, what the database holds and what the receivers took must agree.
DULY_TEST_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import secrets
import threading
from pathlib import Path

import httpx
import pytest

from acceptance.outside import Outside, outside, whatsapp_body
from acceptance.running import Duly, installed, until
from acceptance.test_the_way_of_a_message import KINDS
from duly_connectors.mail.threading import REPLY_KEY, Keys
from duly_connectors.webhook.posting import message_name
from duly_platform.secrets import SecretStore
from duly_runtime.delivery import SLOTS
from duly_runtime.store.api import BoardCard, Message, OutboxRow

pytestmark = pytest.mark.xdist_group("acceptance")
KILLS = 25
CUSTOMERS = 60
AT_ONCE = 3


class Customers:
    """Write until they are stopped, each message again until it is acknowledged, as Meta does; now and then twice."""

    def __init__(self, duly: Duly, seed: int) -> None:
        self._duly = duly
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._next = 0
        self.acknowledged: dict[str, str] = {}
        """Text -> customer."""
        self.unsure: set[str] = set()
        """Texts that were posted and not acknowledged when the customers stopped."""
        self.wrong: list[str] = []
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(AT_ONCE)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _write(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._next += 1
                number, customer = self._next, f"55119{self._random.randrange(CUSTOMERS):08d}"
                twice, pause = self._random.random() < 0.2, self._random.uniform(0.02, 0.3)
            text = f"message {number}"
            body, headers = whatsapp_body(customer, "Maria Silva", f"wamid.{number}", text, self._duly.now().timestamp())
            if self._acknowledged(body, headers):
                self.acknowledged[text] = customer
                if twice:
                    self._acknowledged(body, headers)
            else:
                self.unsure.add(text)
            self._stop.wait(pause)

    def _acknowledged(self, body: bytes, headers: dict[str, str]) -> bool:
        while not self._stop.is_set():
            try:
                answer = self._duly.post(body, headers, timeout=5)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return True
            if answer is not None and answer.status_code != 503:
                self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            self._stop.wait(0.05)
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled(kind: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("DULY_TEST_SEED") or secrets.randbelow(2**31))
    print(f"seed {seed} (DULY_TEST_SEED={seed} repeats the run)")
    dice = random.Random(seed)
    with outside() as world, installed(kind, tmp_path, world.secrets) as duly:
        customers = Customers(duly, seed)
        customers.start()
        for _ in range(KILLS):
            victim = duly.processes[dice.choice(sorted(duly.processes))]
            goal = len(customers.acknowledged) + dice.randint(1, 20)
            until(lambda goal=goal: len(customers.acknowledged) >= goal, 60, "messages are taken after a kill")
            victim.kill()
            victim.start()
        customers.stop()
        until(lambda: settled(duly), 180, "everything handled and delivered", pause=0.5)
        assert sum(process.starts for process in duly.processes.values()) == KILLS + len(duly.processes)
        assert customers.wrong == []
        assert len(customers.acknowledged) >= KILLS
        asyncio.run(check(duly, world, customers))


def settled(duly: Duly) -> bool:
    """Nothing waits any more: events, timers of ladders, deliveries (leases of the killed have run out)."""

    async def read() -> bool:
        async with duly.store() as store:
            counts = await store.counts(duly.now())
            if counts["unhandled"] or counts["overdue_timers"]:
                return False
            rows = await store.deliveries(limit=100_000)
            if any(row.state in ("pending", "leased") for row in rows):
                return False
            done = collections.Counter(row.card_id for row in rows)
            return all(done[card.id] >= 5 for card in await store.cards(limit=10_000))

    return asyncio.run(read())


async def check(duly: Duly, world: Outside, customers: Customers) -> None:
    async with duly.store() as store:
        cards = await store.cards(limit=10_000)
        rows = await store.deliveries(limit=100_000)
        messages = {card.id: await store.messages(card.id) for card in cards}
        counts = await store.counts()
        contacts = {card.id: (await store.card(card.id)).contact.address for card in cards}
    no_message_is_lost_or_doubled(customers, messages, contacts)
    every_card_has_its_deliveries_once(cards, rows)
    the_receivers_agree(world, rows, Keys(SecretStore(duly.data).get(REPLY_KEY)))
    unknown = sum(row.state == "unknown" for row in rows)
    assert (counts["parked_events"], counts["parked_requests"], counts["parked"]) == (0, 0, unknown)


def no_message_is_lost_or_doubled(
    customers: Customers, messages: dict[int, list[Message]], contacts: dict[int, str]
) -> None:
    assert len(set(contacts.values())) == len(contacts), "a customer has two cards"
    kept = collections.Counter(
        message.text for found in messages.values() for message in found if message.direction == "in"
    )
    assert {text: count for text, count in kept.items() if count > 1} == {}
    assert set(customers.acknowledged) - set(kept) == set()
    assert set(kept) - set(customers.acknowledged) <= customers.unsure
    for card_id, found in messages.items():
        for message in found:
            if message.direction == "in" and message.text in customers.acknowledged:
                assert customers.acknowledged[message.text] == contacts[card_id]


def every_card_has_its_deliveries_once(cards: list[BoardCard], rows: list[OutboxRow]) -> None:
    """Greeting, alert, level 1, level 2 and the call: each once a card, each sent, or unknown where a kill cut it off."""
    assert len({row.key for row in rows}) == len(rows)
    kinds = collections.Counter((row.card_id, row.channel) for row in rows)
    assert len(rows) == 5 * len(cards)
    for card in cards:
        assert sorted(kinds[key] for key in kinds if key[0] == card.id) == [1, 1, 3], card.number
    assert {row.state for row in rows} <= {"sent", "unknown"}
    unknown = [row for row in rows if row.state == "unknown"]
    assert len(unknown) <= len(rows) / 4


def the_receivers_agree(world: Outside, rows: list[OutboxRow], keys: Keys) -> None:
    """What is `sent` has arrived. WhatsApp, which does not tell copies apart, arrived once at most; a mail or a webhook
    whose worker was killed may come again, under the key of the first. `keys` make the names of mails."""
    mails = collections.Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in world.mailbox.messages)
    texts = collections.Counter(taken["key"] for taken in world.graph.deliveries)
    calls = collections.Counter(key for key, _ in world.receiver.calls)
    assert world.receiver.unsigned == 0
    known: set[str] = set()
    for row in rows:
        mail, name = keys.name(row.key), message_name(row.key)
        known |= {mail, str(row.id), name}
        if row.state == "sent":
            assert mails[mail] + texts[str(row.id)] + calls[name] >= 1, f"{row.key} was sent and never arrived"
    assert {*mails, *texts, *calls} <= known, "something arrived that nobody sent"
    assert max(texts.values()) == 1
    again = sum((mails - collections.Counter(set(mails))).values()) + sum(
        (calls - collections.Counter(set(calls))).values()
    )
    assert again <= KILLS * SLOTS
