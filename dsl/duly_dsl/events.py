"""Names of what outgoing webhooks can be told: `send events card.created, clock`. What each holds says the runtime's
catalogue, `duly_runtime.catalogue`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

EVENTS = (
    "card.created",
    "card.moved",
    "card.assigned",
    "card.changed",
    "card.tagged",
    "card.untagged",
    "card.finished",
    "card.reopened",
    "card.merged",
    "card.unmerged",
    "card.split",
    "message.received",
    "message.sent",
    "note.added",
    "clock.started",
    "clock.paused",
    "clock.resumed",
    "clock.at_risk",
    "clock.breached",
    "clock.met",
    "clock.cancelled",
    "clock.excused",
    "escalation.started",
    "escalation.level",
    "escalation.stopped",
)
"""In the order of a card's life. A name is never reused for something else: programs elsewhere read them."""

FAMILIES = tuple(dict.fromkeys(name.partition(".")[0] for name in EVENTS))
"""What events begin with: each stands for all of them."""


def named(names: Iterable[str]) -> tuple[str, ...]:
    """The events that names of events and families stand for, each once, in the order of EVENTS. Unknown ones are left out:
    the checker has told them."""
    wanted = frozenset(names)
    return tuple(name for name in EVENTS if name in wanted or name.partition(".")[0] in wanted)
