"""Facts of the outside world, normalised: what connectors, screens, the API and timers hand to the engine.

An event is journalled before anything is done about it, and never changed. All instants are UTC.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_dsl.units import Duration

Scalar = str | float | bool
"""A field's value; dates are ISO texts."""


class Body(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """What happened. One subclass a kind; the tag in the journal is the class's name."""


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The customer, as far as known. `address` is how the card's channel reaches them."""

    name: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    language: str = ""


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that belongs to a message; its content is in the store, never in the journal."""

    name: str = ""
    media_type: str = ""
    """As whoever sent it says (`image/png`). Not to be believed by what shows it to people."""
    size: int = 0
    """Bytes; 0 where that is not known yet."""
    sha256: str = ""
    """Of the content, in lower-case hexadecimal: its name in the store. Empty until it has been fetched."""
    inline: str = ""
    """The Content-ID of an image that belongs into the text of a mail, without the angle brackets."""
    reference: str = ""
    """The provider's name for content that is still to be fetched. Empty where it came along."""


class Thread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message says of the card it belongs to. It is a claim: the message joins the card only where its sender may
    write on it, and waits for a person otherwise (`store.threads`)."""

    card: int = 0
    """The card's id, from a token of ours that held; 0 for none."""
    references: tuple[str, ...] = ()
    """Provider ids of the messages it answers or follows, newest first."""
    sender: str = ""
    """Their address, as the message has it."""
    trusted: bool = True
    """False: our own mail server found that the message is not from the sender it names (DMARC)."""
    proved: bool = False
    """True: our own mail server found that it is. Else it may be from anybody who writes that name."""


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """A name by which a channel tells one customer from another. Kinds: `email`, `phone` and `whatsapp` (Meta's id of a
    user) mean the same person whatever the connector; any other word is a connector's own and means somebody there only.
    """

    kind: str
    value: str


class CustomerMessage(Body, frozen=True, kw_only=True):
    """A message from the customer. Opens a card where its conversation has none (the connector's rules say which)."""

    text: str
    quoted: str = ""
    """What it repeats of older messages, and its signature (e-mail): shown to people who ask, and no words of theirs."""
    html: str = ""
    """sha256 of the message as HTML, cleaned, where it came so: a content like those of its files, which it shows by
    `cid:`."""
    contact: Contact = Contact()
    identities: tuple[Identity, ...] = ()
    """Who wrote, as far as the channel itself vouches for it, what lasts longest first. What is only said in the message
    (an address in a form) stays out of here: it is in `contact`, and proves nothing. Empty: the contact's `address`, where
    it is a name of the connector's own."""
    title: str = ""
    channel: str = ""
    connector: str = ""
    conversation: str = ""
    """Names the conversation within the connector: one open card each."""
    known_as: tuple[str, ...] = ()
    """Weaker names by which the provider may tell the same conversation another time (a number beside a user id), what
    lasts longest first. A message under one of them joins it, unless somebody else has that name by then."""
    same_within: Duration | None = None
    """`same card when … within 14 calendar days`: a card of the conversation is joined only within this amount of the
    customer's last message on it, later the message opens a new one. None: for as long as the card can be joined."""
    same_customer: bool = False
    """`same card when customer`: it joins the card that the customer's latest message by this connector came to, where
    it is `sure_of_sender`."""
    pipeline: str = ""
    """Where a new card goes."""
    fields: dict[str, Scalar] = {}
    """Operands to set from the message (`priority`, `field:Tier`), by a mapping; on a card that exists they are changes."""
    provider_id: str = ""
    automatic: bool = False
    """An auto-reply or a bot: recorded, but no reply in the sense of the clocks (CLOCKS, point 13)."""
    kind: str = "text"
    """`text`, or the provider's word for what we can't show (`image`, `unsupported`)."""
    files: tuple[File, ...] = ()
    reply_to: str = ""
    """Provider's id of the message it answers by quoting it."""
    thread: Thread | None = None
    """What it says of its card (e-mail). None: the conversation alone tells, since the channel vouches for the sender."""

    @property
    def sure_of_sender(self) -> bool:
        """Whether somebody other than the message itself says whose it is."""
        return self.thread is None or self.thread.proved


class MessageChanged(Body, frozen=True, kw_only=True):
    """Something became of a message: it is shown with the message, whichever of the two comes first. No reply, so no clock
    takes notice and no rule is asked."""

    connector: str
    conversation: str = ""
    provider_id: str
    """Of the message concerned, received or sent."""
    change: str
    """`edited` (to `text`), `deleted`, `reacted` (with the emoji in `text`), `unreacted`."""
    text: str = ""
    author: str = ""
    """Who did it, where several people write in the conversation; empty: the customer."""
    ours: bool = False
    """It was done on our side, by another way than Duly."""


class SentElsewhere(Body, frozen=True, kw_only=True):
    """A message of ours that went to the customer by another way than Duly (the phone app of the same number). It is shown
    on the conversation's card and is a reply in the sense of the clocks; it opens no card."""

    text: str
    connector: str
    channel: str = ""
    conversation: str
    known_as: tuple[str, ...] = ()
    provider_id: str = ""
    kind: str = "text"
    files: tuple[File, ...] = ()
    reply_to: str = ""
    automatic: bool = False
    """No reply: a call nobody took, say."""


class ContactChanged(Body, frozen=True, kw_only=True):
    """The provider says that a customer goes by other names now. What they write under the new names joins the card they
    had under the old ones. Opens no card, and no clock takes notice."""

    connector: str
    conversation: str
    """The conversation's name from now on."""
    known_as: tuple[str, ...] = ()
    """As in CustomerMessage."""
    former: tuple[str, ...] = ()
    """Names it had, what lasted longest first."""
    contact: Contact = Contact()
    """What is new of them."""
    identities: tuple[Identity, ...] = ()
    former_identities: tuple[Identity, ...] = ()
    text: str = ""
    """What the provider says of it."""


class OpenCard(Body, frozen=True, kw_only=True):
    """A card opened by a person or the API, with no message."""

    pipeline: str
    title: str = ""
    stage: str = ""
    contact: Contact = Contact()
    channel: str = "manual"
    connector: str = ""
    conversation: str = ""
    fields: dict[str, Scalar] = {}
    text: str = ""


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something the customer can choose in answer to a message; the title comes back as theirs."""

    title: str
    description: str = ""


class AgentMessage(Body, frozen=True, kw_only=True):
    """A public reply by a person; the outbox items that send it are made by the engine. It has a text, files or both, or it
    is a template."""

    text: str
    author: str
    files: tuple[File, ...] = ()
    """Uploaded before: each has its `sha256`."""
    template: str = ""
    """A template of the rules in place of a text: what WhatsApp takes once its window has closed."""
    reply_to: str = ""
    """The provider's id of the message it quotes."""
    choices: tuple[Choice, ...] = ()
    """Answers to choose from: buttons, or a list where there are more than three or long ones."""
    language: str = ""
    """Of the template, where a person chose it; else the customer's."""
    variables: dict[str, str] = {}
    """What a person gave for placeholders of the template; the card has the others."""
    connector: str = ""
    """What it goes by; empty: the connector the card came by."""
    address: str = ""
    """The customer's name there; empty: the card's."""


class InternalNote(Body, frozen=True, kw_only=True):
    text: str
    author: str
    files: tuple[File, ...] = ()
    """As those of an AgentMessage."""


class MoveCard(Body, frozen=True, kw_only=True):
    stage: str
    author: str = ""
    reason: str = ""


class SetFields(Body, frozen=True, kw_only=True):
    """Operand -> value (`priority`, `type`, `title`, `field:Tier`); None empties a field."""

    values: dict[str, Scalar | None]
    author: str = ""


class TagCard(Body, frozen=True, kw_only=True):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    author: str = ""


class ChangeParticipants(Body, frozen=True, kw_only=True):
    """Let addresses write on the card by mail, or no longer. The customer's own always may."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    author: str = ""


class AssignCard(Body, frozen=True, kw_only=True):
    """Give the card to a person and/or a team; both empty unassigns."""

    owner: str = ""
    team: str = ""
    author: str = ""


class Acknowledge(Body, frozen=True, kw_only=True):
    """A person takes note of a running escalation: its ladder stops."""

    ladder: str
    author: str


class ExcuseMiss(Body, frozen=True, kw_only=True):
    """A person excuses a missed clock for one of the pipeline's reasons: it stays missed, with the excuse beside it."""

    metric: str
    reason: str
    cycle: int = 0
    """0: the latest that was missed."""
    author: str
    role: str = ""
    """The author's role at that moment; which reasons it may excuse for, the pipeline says."""


class WithdrawExcuse(Body, frozen=True, kw_only=True):
    """A person takes an excuse back. Who may is who may excuse for its reason."""

    metric: str
    cycle: int = 0
    """0: the latest that was excused."""
    author: str
    role: str = ""


class MergeCard(Body, frozen=True, kw_only=True):
    """A person makes the card part of another one: `into` is its id, `number` its number."""

    into: int
    number: int
    author: str


class AbsorbCard(Body, frozen=True, kw_only=True):
    """The other side of a MergeCard, journalled as that is handled: what the card `card` brings along."""

    card: int
    number: int
    title: str = ""
    last_customer_at: dt.datetime | None = None
    unanswered_since: dt.datetime | None = None
    missed: bool = False
    """The reply it waits for was late over there already."""
    writers: tuple[str, ...] = ()
    """Addresses that may write on it by mail."""
    author: str


class UnmergeCard(Body, frozen=True, kw_only=True):
    """A person undoes a merge: the card is one of its own again."""

    author: str


class ReleaseCard(Body, frozen=True, kw_only=True):
    """The other side of an UnmergeCard."""

    card: int
    number: int
    author: str


class SplitCard(Body, frozen=True, kw_only=True):
    """A person gives messages of the card to a new one. It holds what was seen of the card as they chose: with a message
    that came in since, they must choose anew."""

    messages: tuple[int, ...]
    last_customer_at: dt.datetime | None
    """When the customer last wrote."""
    unanswered_since: dt.datetime | None
    """Since when what is left waits for an answer."""
    title: str = ""
    pipeline: str = ""
    """Of the new card; empty: the same."""
    follow: bool = False
    """Later messages of the conversation go to the new card."""
    author: str


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that was given to a new card. `direction`: `in`, `out` or `note`."""

    at: dt.datetime
    direction: str
    text: str = ""
    author: str = ""
    automatic: bool = False


class SplitOff(Body, frozen=True, kw_only=True):
    """The other side of a SplitCard: a card that begins with messages (at least one, oldest first) of the card `card`."""

    card: int
    number: int
    said: tuple[Said, ...]
    pipeline: str
    title: str = ""
    contact: Contact = Contact()
    channel: str = ""
    connector: str = ""
    conversation: str = ""
    owner: str = ""
    team: str = ""
    """Of the other card: who has the new one where the rules give it to nobody."""
    follow: bool = False
    author: str


class TimerFired(Body, frozen=True, kw_only=True):
    """A timer of the card is due. Which one is for the record: the engine does all that is due at `now`."""

    key: str
    due_at: dt.datetime


class DeliveryStatus(Body, frozen=True, kw_only=True):
    """The provider's word on something we sent. States form a lattice; a lower one never replaces a higher."""

    provider_id: str = ""
    outbox_id: int = 0
    state: str = ""
    """`sent`, `delayed` (it is still tried), `delivered`, `read`, `failed`."""
    error: str = ""
    closed: bool = False
    """It failed since free text is not taken from us at this moment; a template the provider has approved would be."""


class TemplateChanged(Body, frozen=True, kw_only=True):
    """The provider's word on a template of an account: its new `status`, `category` or `quality`; what is empty it says
    nothing of."""

    account: str
    name: str
    language: str
    status: str = ""
    category: str = ""
    quality: str = ""
    reason: str = ""


class Recompute(Body, frozen=True, kw_only=True):
    """A publish reaches an open card. `choice` is the publisher's: `recompute` measures its clocks anew under the version
    now live, `keep` holds on to the promises of `before` (the version that was live), `from now on` lets running clocks
    keep their targets. Whichever it is, the card gets the names its stage and pipeline have now, and its timers."""

    author: str = ""
    choice: str = "recompute"
    before: str = ""


AnyBody = (
    CustomerMessage
    | MessageChanged
    | SentElsewhere
    | ContactChanged
    | OpenCard
    | AgentMessage
    | InternalNote
    | MoveCard
    | SetFields
    | TagCard
    | ChangeParticipants
    | AssignCard
    | Acknowledge
    | ExcuseMiss
    | WithdrawExcuse
    | MergeCard
    | AbsorbCard
    | UnmergeCard
    | ReleaseCard
    | SplitCard
    | SplitOff
    | TimerFired
    | DeliveryStatus
    | TemplateChanged
    | Recompute
)


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the journal.

    `id` is its place in the journal (0 before it has one), `at` when it happened in the world, which for a backfilled
    event may be long ago: such events recompute clocks and send nothing (CLOCKS, point 15).
    """

    id: int = 0
    at: dt.datetime
    body: AnyBody
    backfill: bool = False
