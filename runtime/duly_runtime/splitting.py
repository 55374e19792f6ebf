"""What a person who splits a card asks for, from what they saw of it. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from duly_runtime.card import Card
from duly_runtime.events import SplitCard
from duly_runtime.store.api import Message


def asked(
    card: Card,
    messages: Sequence[Message],
    taken: Collection[int],
    *,
    title: str = "",
    pipeline: str = "",
    follow: bool = False,
    author: str,
) -> SplitCard:
    """The command by which the messages `taken` (ids) become a card of their own. `messages` are all of the card."""
    return SplitCard(
        messages=tuple(sorted(taken)),
        last_customer_at=card.last_customer_at,
        unanswered_since=waits_since([message for message in messages if message.id not in taken]),
        title=title,
        pipeline=pipeline,
        follow=follow,
        author=author,
    )


def waits_since(messages: Sequence[Message]) -> dt.datetime | None:
    """The first message of the customer that no person has answered afterwards."""
    answered = max((each.at for each in messages if each.direction == "out" and each.author), default=None)
    waiting = (each.at for each in messages if each.direction == "in" and not each.automatic)
    return min((at for at in waiting if answered is None or at > answered), default=None)
