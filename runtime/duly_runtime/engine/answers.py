"""Who gets no message from a rule, so that no two machines write to each other for ever (RFC 3834).

Nothing of this is about a person's own words: they go out whoever they are for.
"""

from __future__ import annotations

import datetime as dt
import re

from duly_dsl.program import Program
from duly_runtime import addresses
from duly_runtime.card import Card
from duly_runtime.engine.work import Work
from duly_runtime.events import AnyBody, CustomerMessage

PAUSE = dt.timedelta(hours=1)
"""Between two answers to one address, whatever the cards (PROMISES)."""

_NOBODY = re.compile(
    r"(?:no|not|non|nao|do[-_.]?not|dont|never|nunca|ne)[-_.]?(?:reply|respond|responder|responda|repondre)s?(?:[-_.+].*)?"
    r"|noreply.*|.*[-_.+]no[-_.]?reply"
    r"|mailer[-_.]?daemon|postmaster|bounces?(?:[-_.+=].*)?|listserv|majordomo|mdaemon|autoreply|auto[-_.]?responder"
    r"|.*-(?:request|owner|bounces)|owner-.*",
)


def why_not(work: Work, *, answer: bool) -> tuple[str, str]:
    """What keeps a message of a rule from the customer, and the address it was for; empty texts where nothing does.

    `automatic`: it answers a message no person wrote, or nobody but a machine has written on the card yet. `nobody`: the
    address takes no answers. `own`: it is one of ours. `hourly`: the address was answered less than an hour ago. `answer`
    says that a message of the customer set it off.
    """
    address = mail_address(work.graph.program, work.card)
    if work.answering == "machine" or work.card.by_machine:
        return "automatic", address
    if not address:
        return "", ""
    if _NOBODY.fullmatch(address.rpartition("@")[0]):
        return "nobody", address
    if addresses.without_tag(address) in work.graph.own_addresses:
        return "own", address
    if answer:
        last = work.world.answered.get(address)
        if address in work.answered or (last is not None and abs(work.now - last) < PAUSE):
            return "hourly", address
    return "", address


def mail_address(program: Program, card: Card) -> str:
    """Where a message to the customer goes by mail, in the form in which addresses are compared; empty where it goes by
    another channel."""
    connector = program.connectors.get(card.connector)
    if connector is not None and connector.kind != addresses.MAIL and connector.direction in ("sends", "connects"):
        return ""
    return addresses.folded(card.contact.email) or addresses.folded(card.contact.address)


def asked(body: AnyBody, card: Card | None) -> tuple[str, ...]:
    """The addresses an event may have answered: the store must say when they last were."""
    found: list[str] = []
    if isinstance(body, CustomerMessage):
        found += (body.contact.email, body.contact.address)
    if card is not None and (found or any(held.answer for held in card.held)):
        found += (card.contact.email, card.contact.address)
    return tuple(sorted({folded for text in found if "@" in text and (folded := addresses.folded(text))}))
