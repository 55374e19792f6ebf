"""kill -9 while mail comes in: what Postfix has taken is on a card, once, by either way: read from Dovecot, or handed over.

Everything is real: the customers hand their mail to Postfix, which takes it for good before anything else happens.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import secrets
import smtplib
import threading
from pathlib import Path

import pytest

from acceptance.running import Duly, installed, until
from connectors.mailservers import PASSWORD, Authority, Dovecot, Postfix, free_port, open_folder, written

pytestmark = pytest.mark.xdist_group("acceptance")
RULES = Path(__file__).parent / "mail_workspace"
WAYS = {"mailbox": "support@desk.example", "handed": "help@handed.example"}
KINDS = [
    pytest.param("embedded", id="SQLite, one process"),
    pytest.param(
        "spread",
        marks=[
            pytest.mark.postgres,
            pytest.mark.redis,
            pytest.mark.skipif(os.environ.get("DULY_FULL") != "1", reason="in the full tier (DULY_FULL=1)"),
        ],
        id="PostgreSQL and Redis, three processes",
    ),
]
KILLS = 4
TAKEOVER = 60.0
"""Seconds: the lease of a process that is gone runs out, and another process reads the mailbox."""


class Customers:
    """Each writes one mail, to either address, until they are stopped; now and then the same mail twice."""

    def __init__(self, postfix: Postfix, seed: int) -> None:
        self._postfix = postfix
        self._dice = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.taken: dict[str, str] = {}
        """Subject -> the way it went, of the mails Postfix has answered for."""
        self.problem = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert not self.problem

    def _write(self) -> None:
        try:
            for number in range(100_000):
                if self._stop.wait(self._dice.uniform(0.02, 0.3)):
                    return
                way = self._dice.choice(sorted(WAYS))
                sender, subject = f"customer{number}@client.example", f"Order {number}"
                size = self._dice.choice((0, 0, 0, 300_000))
                data = written(subject, sender=sender, to=WAYS[way], size=size)
                for _ in range(self._dice.choice((1, 1, 1, 2))):
                    self._postfix.send(sender, WAYS[way], data)
                self.taken[subject] = way
        except (OSError, smtplib.SMTPException) as error:
            self.problem = repr(error)


def subjects(duly: Duly) -> collections.Counter[str]:
    """How many messages there are, by the title of their card."""

    async def read() -> collections.Counter[str]:
        async with duly.store() as store:
            found: collections.Counter[str] = collections.Counter()
            for card in await store.cards(limit=10_000):
                found[card.title] += len([m for m in await store.messages(card.id) if m.direction == "in"])
            return found

    return asyncio.run(read())


def marked(dovecot: Dovecot) -> int:
    return dovecot.seen(WAYS["mailbox"])


def comes_in(duly: Duly, customers: Customers) -> None:
    """A mail of each way gets on a card that was not there before."""
    before = subjects(duly)

    def ways() -> set[str | None]:
        return {customers.taken.get(name) for name in subjects(duly) - before}

    until(lambda: ways() >= set(WAYS), TAKEOVER, "mail comes in by both ways", pause=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_is_lost_or_doubled(kind: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("DULY_TEST_SEED") or secrets.randbelow(2**31))
    print(f"seed {seed} (DULY_TEST_SEED={seed} repeats the run)")
    dice = random.Random(seed)
    with open_folder() as folder:
        authority = Authority(folder)
        dovecot, door = Dovecot(folder, authority), free_port()
        dovecot.start()
        postfix = Postfix(folder, authority, dovecot.lmtp, {"handed.example": door})
        try:
            postfix.start()
            user = WAYS["mailbox"].replace("@", "%40")
            given = {"IMAP_URL": f"imaps://{user}:{PASSWORD}@localhost:{dovecot.imaps}/INBOX"}
            variables = {"DULY_LMTP": f"127.0.0.1:{door}", "SSL_CERT_FILE": str(authority.certificate), "DULY_SPEED": "1"}
            with installed(kind, tmp_path, given, rules=RULES, variables=variables) as duly:
                customers = Customers(postfix, seed)
                customers.start()
                for _ in range(KILLS):
                    comes_in(duly, customers)
                    victim = duly.processes[dice.choice(sorted(duly.processes))]
                    victim.kill()
                    victim.start()
                customers.stop()
                wanted = dict.fromkeys(customers.taken, 1)
                try:
                    until(lambda: subjects(duly) == wanted, TAKEOVER, "every mail is on a card, once", pause=0.5)
                except AssertionError:
                    found = subjects(duly)
                    lost, more = sorted(set(wanted) - set(found)), {name: n for name, n in found.items() if n > 1}
                    raise AssertionError(f"lost: {lost}, more than once: {more}, of {len(wanted)}") from None
                ways = collections.Counter(customers.taken.values())
                assert min(ways.values()) >= KILLS
                until(lambda: marked(dovecot) == len(dovecot.messages(WAYS["mailbox"])), TAKEOVER, "all is marked as seen")
                counts = duly.counts()
                assert (counts["parked"], counts["unhandled"], counts["quarantined"]) == (0, 0, 0)
        finally:
            postfix.stop()
            dovecot.stop()
