"""The catalogue of events: what outgoing webhooks post, as types, and the JSON Schemas made of them.

A payload is `{"type": NAME, "timestamp": WHEN IT HAPPENED, "data": {…}}`; `data` always holds the card as the event left
it. A name is never given another meaning and no field is taken away: programs elsewhere read them. Fields may be added,
so receivers must not mind ones they don't know.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec

from duly_runtime.events import Contact, Scalar

DIALECT = "https://json-schema.org/draft/2020-12/schema"


When = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""UTC, ISO 8601."""


class CardData(msgspec.Struct, frozen=True, kw_only=True):
    """A card as programs see it. `revision` grows with all that happens to it: of two payloads about one card, which may
    arrive in any order, the higher one is newer. `owner` is a user name; unset texts are empty."""

    id: int
    number: int
    revision: int
    pipeline: str
    stage: str
    title: str
    priority: str
    type: str
    owner: str
    team: str
    channel: str
    customer: Contact
    fields: dict[str, Scalar]
    tags: tuple[str, ...]
    created_at: When
    finished_at: When | None
    link: str = ""
    """The card's page."""


class Data(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What every event says. `author` is a user name, `customer`, or empty where Duly did it by a rule or by time."""

    card: CardData
    author: str = ""


class CardCreated(Data, frozen=True, kw_only=True):
    """A card was opened, by a customer's message or by hand."""

    connector: str = ""


class CardMoved(Data, frozen=True, kw_only=True):
    """A card went from one stage to another. `rule` is the rule that moved it, if one did."""

    from_: str
    stage: str
    reason: str = ""
    rule: str = ""


class CardAssigned(Data, frozen=True, kw_only=True):
    """A card got another owner, another team, or lost one (then `to` or `to_team` is empty)."""

    from_: str = ""
    to: str = ""
    from_team: str = ""
    to_team: str = ""


class CardChanged(Data, frozen=True, kw_only=True):
    """A field of a card was set: `priority`, `type`, `title`, or `field:NAME` for one of the pipeline's own. Values are
    texts here; `card.fields` has them with their types."""

    field: str
    from_: str = ""
    to: str = ""
    rule: str = ""


class CardTagged(Data, frozen=True, kw_only=True):
    """A tag was put on a card."""

    tag: str
    rule: str = ""


class CardUntagged(CardTagged, frozen=True, kw_only=True):
    """A tag was taken off a card."""


class CardFinished(Data, frozen=True, kw_only=True):
    """A card came to a stage that finishes it."""

    stage: str


class CardReopened(Data, frozen=True, kw_only=True):
    """A finished card is open again."""

    from_: str
    stage: str


class CardMerged(Data, frozen=True, kw_only=True):
    """The card became part of another one, whose number is `number`: later messages go there."""

    number: int


class CardUnmerged(CardMerged, frozen=True, kw_only=True):
    """The card is its own again; it was part of the one whose number is `number`."""


class CardSplit(Data, frozen=True, kw_only=True):
    """Some of the card's messages became a card of their own, whose number is `number`."""

    number: int
    messages: int


class MessageReceived(Data, frozen=True, kw_only=True):
    """The customer wrote. `automatic` says that a machine did, for them."""

    text: str = ""
    automatic: bool = False


class MessageSent(Data, frozen=True, kw_only=True):
    """A message to the customer is on its way: a person's words in `text`, or what a rule sends, by text or template.
    Whether it arrived, the card's page shows."""

    text: str = ""
    template: str = ""
    rule: str = ""


class NoteAdded(Data, frozen=True, kw_only=True):
    """A note that only people who work here see."""

    text: str = ""
    rule: str = ""


class ClockData(Data, frozen=True, kw_only=True):
    """What every event of a clock says. `metric` is `first reply`, `next reply`, `leave stage`, `resolved`, or a clock's
    own name; `cycle` counts its runs from 1. `target` is written as in the rules (`8h`). No `due_at` while it is paused."""

    metric: str
    cycle: int
    stage: str = ""
    target: str = ""
    due_at: When | None = None


class ClockStarted(ClockData, frozen=True, kw_only=True):
    """A promise began to run."""

    started_at: When | None = None


class ClockPaused(ClockData, frozen=True, kw_only=True):
    """The clock of a promise stands still."""


class ClockResumed(ClockData, frozen=True, kw_only=True):
    """The clock of a promise runs again, with a new due instant."""


class ClockMet(ClockData, frozen=True, kw_only=True):
    """A promise was kept: what it waited for came in time."""


class ClockAtRisk(ClockData, frozen=True, kw_only=True):
    """The first alert of a clock is due, or, where it has none, 80 % of its time has passed. Once for each cycle."""

    threshold_at: When | None = None


class ClockBreached(ClockData, frozen=True, kw_only=True):
    """A promise was broken: `timestamp` is the due instant, `detected_at` when Duly saw it, `owner` whose card it was."""

    owner: str = ""
    detected_at: When | None = None


class ClockCancelled(ClockData, frozen=True, kw_only=True):
    """A clock ended and counts neither way: `why` is `resolved`, `merged`, `split`, `removed`, `stopped` or
    `no promise`."""

    why: str = ""


class ClockExcused(ClockData, frozen=True, kw_only=True):
    """A breach was excused; it stays a breach, with the excuse beside it."""

    reason: str = ""
    rule: str = ""


class EscalationStarted(Data, frozen=True, kw_only=True):
    """A breach set an escalation off."""

    escalation: str
    metric: str
    cycle: int = 1
    due_at: When | None = None


class EscalationLevel(Data, frozen=True, kw_only=True):
    """A level of an escalation was reached, or repeated for the `repeat`th time."""

    escalation: str
    metric: str
    level: int
    repeat: int = 0
    due_at: When | None = None


class EscalationStopped(Data, frozen=True, kw_only=True):
    """An escalation is over: `why` is `stop`, `left stage`, `acknowledged`, `finished`, `merged` or `removed`."""

    escalation: str
    metric: str
    level: int = 0
    why: str = ""


class RuleFired(Data, frozen=True, kw_only=True):
    """A rule, a level of an escalation or a silence said `call`. Which one it was is in `rule`, `escalation` and `level`,
    or `silence` (its length); what was missed, if anything, in `metric` and `due_at`; of a scheduled rule, the
    `occasion`."""

    rule: str = ""
    escalation: str = ""
    level: int = 0
    silence: str = ""
    stage: str = ""
    metric: str = ""
    due_at: When | None = None
    occasion: When | None = None


TYPES: dict[str, type[Data]] = {
    "card.created": CardCreated,
    "card.moved": CardMoved,
    "card.assigned": CardAssigned,
    "card.changed": CardChanged,
    "card.tagged": CardTagged,
    "card.untagged": CardUntagged,
    "card.finished": CardFinished,
    "card.reopened": CardReopened,
    "card.merged": CardMerged,
    "card.unmerged": CardUnmerged,
    "card.split": CardSplit,
    "message.received": MessageReceived,
    "message.sent": MessageSent,
    "note.added": NoteAdded,
    "clock.started": ClockStarted,
    "clock.paused": ClockPaused,
    "clock.resumed": ClockResumed,
    "clock.at_risk": ClockAtRisk,
    "clock.breached": ClockBreached,
    "clock.met": ClockMet,
    "clock.cancelled": ClockCancelled,
    "clock.excused": ClockExcused,
    "escalation.started": EscalationStarted,
    "escalation.level": EscalationLevel,
    "escalation.stopped": EscalationStopped,
    "rule.fired": RuleFired,
}
"""By name: those of `duly_dsl.events.EVENTS`, which a connector is sent because it asks for them, and what `call` sends."""


def payload(name: str, at: dt.datetime, details: Mapping[str, str], card: CardData, author: str = "") -> bytes:
    """The JSON of an event. `details` are those of the history line it comes from, texts all of them."""
    made = TYPES[name]
    given = {_KEYS.get(key, key): value for key, value in details.items()}
    if "automatic" in given:
        given["automatic"] = "true"
    own = msgspec.convert({**given, "author": author}, _own(made), strict=False)
    data = made(card=card, **{field: getattr(own, field) for field in own.__struct_fields__})
    return msgspec.json.encode({"type": name, "timestamp": at, "data": data})


_KEYS = {"ladder": "escalation"}
"""What history calls otherwise."""
_OWN: dict[type[Data], Any] = {}


def _own(made: type[Data]) -> Any:
    """The event's type without the card: what is read from texts."""
    found = _OWN.get(made)
    if found is None:
        fields = [
            (field.name, field.type) if field.required else (field.name, field.type, field.default)
            for field in msgspec.structs.fields(made)
            if field.name != "card"
        ]
        names = {field.name: field.encode_name for field in msgspec.structs.fields(made)}
        found = _OWN[made] = msgspec.defstruct(made.__name__, fields, rename=names, kw_only=True)
    return found


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of an event's payload; KeyError where there is no such event."""
    made = TYPES[name]
    (data,), found = msgspec.json.schema_components((made,), ref_template="#/$defs/{name}")
    parts = _one_line(found)
    return {
        "$schema": DIALECT,
        "title": name,
        "description": parts[made.__name__]["description"],
        "type": "object",
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": data,
        },
        "required": ["type", "timestamp", "data"],
        "$defs": parts,
    }


def _one_line(part: Any) -> Any:
    """Descriptions without the line breaks of our docstrings."""
    if isinstance(part, dict):
        each = cast("dict[str, Any]", part)
        return {
            key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _one_line(value)
            for key, value in each.items()
        }
    return [_one_line(value) for value in cast("list[Any]", part)] if isinstance(part, list) else part
