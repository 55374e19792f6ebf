"""What the engine asks the runtime to deliver. Kept with a card while it is held, else with the outbox."""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_runtime.catalogue import CardData
from duly_runtime.events import Choice, File


class Effect(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Something to deliver. `key` is (cause, action, recipient) in one text, unique for ever: a second one with the same
    key is the same delivery (PROMISES)."""

    key: str


class NotifyPerson(Effect, frozen=True, kw_only=True):
    """Tell someone who works here. `channel` `app`, `email`, `whatsapp`, or empty for the person's own choice.

    `about` is what it is about: `alert`, `escalation`, `limit`, `rule`. `template` renders the text; where empty the
    runtime has a text of its own for each `about`, from `details`.
    """

    person: str
    channel: str = ""
    about: str
    template: str = ""
    details: dict[str, str] = {}
    """Untranslated facts: `metric`, `due_at`, `level`, `ladder`, `rule`, `percent`, `before`, `after`."""
    digest: str = ""
    """What it is gathered with into one message (`alerts, notices`); empty: it goes by itself."""
    gather_until: dt.datetime | None = None
    """When the digest it belongs to goes out."""


class MessageCustomer(Effect, frozen=True, kw_only=True):
    """A message to the customer, by the card's channel unless it names another: a template, or a text (with placeholders
    where `rendered` is false; a person's own words go out as they are)."""

    template: str = ""
    text: str = ""
    rendered: bool = False
    author: str = ""
    """User name, or empty for Duly itself."""
    outside: str = ""
    """The template instead, should WhatsApp's window have closed by then."""
    choices: tuple[Choice, ...] = ()
    """What a person offers to choose from; a template has its own."""
    approved: bool = False
    """As the template Meta has approved, whatever we know of the window."""
    reply_to: str = ""
    """The provider's id of the message it quotes."""
    files: tuple[File, ...] = ()
    language: str = ""
    """Of the template; empty: the customer's."""
    variables: dict[str, str] = {}
    """What a person gave for placeholders of the template."""
    connector: str = ""
    """What it goes by; empty: the card's own."""
    channel: str = ""
    """With `connector`: its kind."""
    address: str = ""
    """With `connector`: the customer's name there."""


class CallWebhook(Effect, frozen=True, kw_only=True):
    """Post an event about the card to an outgoing webhook connector: `event` and `details` as in the catalogue, which makes
    the payload. The card is as the step left it, so that each attempt posts the same."""

    connector: str
    event: str
    """`card.created`, `rule.fired`, … from the catalogue."""
    details: dict[str, str] = {}
    author: str = ""
    at: dt.datetime | None = None
    """When it happened; None, like the card, in effects of Dulys before this."""
    card: CardData | None = None


AnyEffect = NotifyPerson | MessageCustomer | CallWebhook
