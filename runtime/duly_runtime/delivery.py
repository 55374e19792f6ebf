"""The way out: lease, commit, send outside any transaction, record with the lease's token."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from duly_dsl import program as p
from duly_dsl.units import Unit
from duly_runtime import addresses, approvals, catalogue, persons, rendering, report_mails, window
from duly_runtime.card import Card
from duly_runtime.changes import Changes
from duly_runtime.decision import AnyEffect, CallWebhook, MessageCustomer, NotifyPerson
from duly_runtime.doors import (
    SEND_SECONDS,
    Approved,
    Failed,
    Outcome,
    OutFile,
    Outgoing,
    Retry,
    Sender,
    Senders,
    Sent,
    Unknown,
    send_seconds,
)
from duly_runtime.engine.announcing import card_data
from duly_runtime.events import Contact, File
from duly_runtime.store.api import Missing, OutboxItem, Store, StoreUnavailable
from duly_runtime.time import Clock
from duly_runtime.under_way import UnderWay, written
from duly_runtime.versions import Versions

SLOTS = 16
"""Deliveries under way at once in one process."""
LEASE_SECONDS = 30.0
SPARE_SECONDS = LEASE_SECONDS - SEND_SECONDS
"""A lease outlives the send, so that no second worker begins while the first may still be sending."""
AGAIN_SECONDS = 8.0
"""For the template after free text was refused, which is an answer that comes at once."""
SETTLE_SECONDS = 12.0
"""How long an outcome that can't be written (the database is away) is held on to; within the lease."""
RETRIES = 8
RETRY_OVER = 86_400.0
"""Where the rules say nothing: 8 more tries over a day, then the delivery is parked."""
CONTINUED = 5
"""Of a customer's mails, those that a reply names. More don't help a mail program, and a header line has its end."""
GROWTH = 4
"""Each gap between tries is so many times the one before: 8 over a day begin 4 seconds after the first failure."""

WEBHOOK_GAPS = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 18 * 3600, 80_635)
"""Seconds between the tries of a webhook whose connector has no `retry` line. They add up to three days: a program that is
down over a weekend is told on Monday. Standard Webhooks names gaps like these."""

log = structlog.get_logger(__name__)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What to hand to whom. `sender` None: nothing leaves the house (a notice in the app). `text` is kept for the screens;
    `retry` belongs to the connector."""

    sender: Sender | None
    outgoing: Outgoing
    text: str
    connector: p.Connector | None = None

    @property
    def by(self) -> str:
        """The name of the connector it leaves by; empty where nothing leaves."""
        return self.connector.name if self.connector is not None and self.sender is not None else ""


class Impossible(Exception):
    """It can't be delivered, by anybody, at any time; the message is for the people of the card."""


class Outbox:
    """Delivers what the outbox holds. `wake` tells of some deliveries, `sweep` looks for all that are due."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        versions: Versions,
        senders: Senders,
        changes: Changes,
        base_url: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._senders = senders
        self._changes = changes
        self._base_url = base_url
        self._under_way = UnderWay(SLOTS)

    async def wake(self, ids: list[int]) -> None:
        """Begin these deliveries, where they are due and there is room; else a sweep finds them."""
        await self._begin(ids)

    async def sweep(self) -> None:
        """Begin as many due deliveries as there is room for."""
        await self._begin()

    @property
    def busy(self) -> bool:
        """Something is under way."""
        return bool(self._under_way)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more and wait for what is under way; what takes longer is left to its lease, as `unknown`."""
        await self._under_way.drain(seconds)

    async def _begin(self, ids: Sequence[int] = ()) -> None:
        room = self._under_way.room
        if room <= 0:
            return
        seconds = LEASE_SECONDS * self._clock.speed
        for item in await self._store.lease(self._clock.now(), room, seconds, ids):
            self._under_way.start(self._deliver(item), f"deliver {item.id}")
        if not ids and self._under_way.room > 0:
            for items in await self._store.lease_digests(self._clock.now(), self._under_way.room, seconds):
                self._under_way.start(self._deliver_digest(items), f"deliver digest {items[0].id}")

    async def _deliver(self, item: OutboxItem) -> None:
        try:
            text, outcome, connector = await self._attempt(item)
            await self._settle(item, outcome, text, connector)
        except Exception as error:
            # The lease runs out and the store calls it unknown: shown to a person, never dropped.
            log.exception("delivery_broke", outbox_id=item.id, key=item.key, error=repr(error))

    async def _deliver_digest(self, items: Sequence[OutboxItem]) -> None:
        try:
            ready: list[tuple[OutboxItem, Prepared]] = []
            for item in items:
                prepared = await self._ready(item)
                if isinstance(prepared, Prepared):
                    ready.append((item, prepared))
                else:
                    await self._settle(item, prepared, "")
            if ready:
                outcome = await self._attempt_digest(ready)
                await self._settle_all([(item, prepared.text) for item, prepared in ready], outcome, ready[0][1].by)
        except Exception as error:
            log.exception("digest_broke", outbox_id=items[0].id, error=repr(error))

    async def _attempt_digest(self, ready: Sequence[tuple[OutboxItem, Prepared]]) -> Outcome:
        """All the notices in one message. Its key says which they are: sent again with one more it is another message."""
        item, prepared = ready[0]
        if len(ready) == 1:
            return await self._sent(item, prepared)
        texts = [rendering.Text(each.outgoing.subject, each.text) for _, each in ready]
        short = prepared.connector is not None and prepared.connector.kind != "email"
        text = rendering.digest(texts, prepared.outgoing.to.language, short=short)
        key = "digest/" + hashlib.sha256("\n".join(sorted(each.key for each, _ in ready)).encode()).hexdigest()[:32]
        outgoing = msgspec.structs.replace(
            prepared.outgoing, key=key, subject=text.subject, text=text.text, reference=key.replace("/", "-")
        )
        return await self._sent(item, msgspec.structs.replace(prepared, outgoing=outgoing))

    async def _attempt(self, item: OutboxItem) -> tuple[str, Outcome, str]:
        """What was sent, how it went, and by which connector."""
        prepared = await self._ready(item)
        if not isinstance(prepared, Prepared):
            return "", prepared, ""
        outcome = await self._sent(item, prepared)
        if isinstance(outcome, Failed) and outcome.closed and prepared.outgoing.template is None:
            again = await self._ready(item, closed=True)
            if isinstance(again, Prepared):
                return again.text, await self._sent(item, again, AGAIN_SECONDS), again.by
        return prepared.text, outcome, prepared.by

    async def _ready(self, item: OutboxItem, *, closed: bool = False) -> Prepared | Outcome:
        try:
            return await self._prepare(item, closed)
        except Impossible as error:
            return Failed(reason=str(error))
        except StoreUnavailable as error:
            return Retry(reason=f"the database did not answer: {error}")

    async def _sent(self, item: OutboxItem, prepared: Prepared, most: float = 0) -> Outcome:
        if prepared.sender is None:
            return Sent()
        seconds = most or SEND_SECONDS
        longer = send_seconds(prepared.outgoing.files) - send_seconds(())
        if longer:
            seconds += longer
            problem = await self._hold(item, seconds + SPARE_SECONDS)
            if problem:
                return scheduled(Retry(reason=problem), item.attempts, prepared.connector)
        try:
            async with asyncio.timeout(seconds):
                outcome = await prepared.sender.send(prepared.outgoing)
        except TimeoutError:
            outcome = Unknown(reason=f"no answer within {seconds:.0f} seconds")
        except Exception as error:
            log.exception("sender_broke", outbox_id=item.id, key=item.key)
            outcome = Unknown(reason=f"the connector broke while sending: {type(error).__name__}")
        if isinstance(outcome, Retry):
            outcome = scheduled(outcome, item.attempts, prepared.connector)
        return outcome

    async def _hold(self, item: OutboxItem, seconds: float) -> str:
        """Lease it for longer, as large files take their time; what is in the way, if anything is."""
        until = self._clock.now() + dt.timedelta(seconds=seconds * self._clock.speed)
        try:
            return "" if await self._store.hold(item, until) else "the lease was lost"
        except StoreUnavailable as error:
            return f"the database did not answer: {error}"

    async def _settle(self, item: OutboxItem, outcome: Outcome, text: str, connector: str = "") -> None:
        await self._written(item, lambda: self._store.settle(item, outcome, text, self._clock.now(), connector))
        await self._tell(item, outcome)

    async def _settle_all(self, items: Sequence[tuple[OutboxItem, str]], outcome: Outcome, connector: str) -> None:
        first = items[0][0]
        await self._written(first, lambda: self._store.settle_all(items, outcome, self._clock.now(), connector))
        await self._tell(first, outcome)

    async def _written(self, item: OutboxItem, write: Callable[[], Awaitable[bool]]) -> None:
        if not await written(write, SETTLE_SECONDS):
            log.warning("lease_lost", outbox_id=item.id, key=item.key)

    async def _tell(self, item: OutboxItem, outcome: Outcome) -> None:
        match decode(item):
            case NotifyPerson(person=recipient):
                kind = "notice"
            case MessageCustomer():
                kind, recipient = "message", ""
            case CallWebhook(connector=recipient):
                kind = "call"
        match outcome:
            case Retry(give_up=give_up):
                became = "parked" if give_up else "retry"
            case _:
                became = type(outcome).__name__.lower()
        pipeline = await self._pipeline(item.card_id) if kind == "message" and item.card_id else ""
        self._changes.delivery(item.id, became, item.card_id, pipeline, kind, recipient)

    async def _pipeline(self, card_id: int) -> str:
        return (await self._store.card(card_id)).pipeline

    async def _prepare(self, item: OutboxItem, closed: bool) -> Prepared:
        """`closed`: the provider takes no free text to the customer, whatever we know of the window."""
        effect = decode(item)
        live = await self._versions.live()  # also brings the doors up to date
        if live is None:
            raise Impossible("no rules are published")
        if isinstance(effect, NotifyPerson) and effect.about == report_mails.ABOUT:
            return await self._report(item, effect, live.program)
        try:
            card = await self._store.card(item.card_id)
            decided_by = await self._versions.program(item.version)
        except Missing as error:
            raise Impossible(str(error)) from error
        facts = rendering.Facts(
            program=decided_by,
            card=card,
            base_url=self._base_url,
            owner=await persons.full_name(self._store, decided_by, card.owner),
            details={} if isinstance(effect, MessageCustomer) else effect.details,
            given=effect.variables if isinstance(effect, MessageCustomer) else {},
        )
        match effect:
            case NotifyPerson():
                return await self._notice(item, effect, facts, live.program)
            case MessageCustomer():
                return await self._message(item, effect, facts, live.program, closed or effect.approved)
            case CallWebhook():
                return self._call(item, effect, facts, live.program)

    # --- to people who work here -------------------------------------------------------------------------------------

    async def _report(self, item: OutboxItem, effect: NotifyPerson, live: p.Program) -> Prepared:
        """A report by e-mail: it is about no card."""
        person = await persons.known(self._store, live, effect.person)
        text = rendering.Text(effect.details["subject"], effect.details["text"])
        return self._to_person(item, effect.channel, person, text, live)

    async def _notice(self, item: OutboxItem, effect: NotifyPerson, facts: rendering.Facts, live: p.Program) -> Prepared:
        person = await persons.known(self._store, facts.program, effect.person)
        approved: Approved | None = None
        if effect.template:
            found = _template(facts.program, effect.template)
            text = rendering.template(found, facts, person.language)
            if effect.channel == window.CHANNEL:  # who works here has hardly written to the number
                approved = await self._approved(found, facts, person.language, _first(live, window.CHANNEL))
                if approved is not None:
                    text = rendering.template(found, facts, _tag(approved))
            if not text.subject:
                subject = rendering.notice(effect.about, facts, person.language).subject
                text = msgspec.structs.replace(text, subject=subject)
        else:
            text = rendering.notice(effect.about, facts, person.language)
        return self._to_person(item, effect.channel, person, text, live, approved, _reference(facts.card))

    def _to_person(
        self,
        item: OutboxItem,
        channel: str,
        person: p.Person,
        text: rendering.Text,
        live: p.Program,
        approved: Approved | None = None,
        reference: str = "",
    ) -> Prepared:
        sender, address = None, ""
        if channel == "email" or (not channel and person.email):
            sender, address = self._senders.by_kind("email"), person.email
        elif channel == "whatsapp":
            sender, address = self._senders.by_kind("whatsapp"), person.phone
        if channel in ("email", "whatsapp"):
            # A notice without a channel is in the app whatever else becomes of it; this one is nowhere.
            if sender is None:
                raise Impossible(f"there is no {channel} connector that sends")
            if not address:
                wanted = "e-mail address" if channel == "email" else "phone number"
                raise Impossible(f"{person.name} has no {wanted}")
        outgoing = Outgoing(
            outbox_id=item.id,
            key=item.key,
            kind="notice",
            to=Contact(
                name=person.full_name or person.name,
                email=person.email,
                phone=person.phone,
                address=address,
                language=person.language,
            ),
            subject=text.subject,
            text=text.text,
            template=approved,
            reference=reference,
            now=self._clock.now(),
        )
        connector = _first(live, channel or "email")
        return Prepared(sender=sender, outgoing=outgoing, text=text.text, connector=connector)

    # --- to the customer ---------------------------------------------------------------------------------------------

    async def _message(
        self, item: OutboxItem, effect: MessageCustomer, facts: rendering.Facts, live: p.Program, closed: bool
    ) -> Prepared:
        card = facts.card
        by = effect.connector or card.connector
        to = _reached(card.contact, effect)
        connector = live.connectors.get(by)
        approved: Approved | None = None
        # A person's own words are tried: Meta may know of a window that we don't (a call).
        by_whatsapp = connector is not None and connector.kind == window.CHANNEL
        if by_whatsapp and (effect.template or not effect.author):
            closed = closed or not window.still_open(await self._store.last_heard(card.id, by), self._clock.now())
        if by_whatsapp and closed:
            if effect.outside:
                effect = msgspec.structs.replace(effect, template=effect.outside, text="")
            if effect.template:
                found = _template(facts.program, effect.template)
                approved = await self._approved(found, facts, to.language, connector, effect.language)
            if approved is None:
                raise Impossible("the customer last wrote more than 24 hours ago, and this is no approved template")
        if effect.template:
            language = (effect.language or to.language) if approved is None else _tag(approved)
            text = rendering.template(_template(facts.program, effect.template), facts, language)
        elif effect.rendered:
            text = rendering.reply(effect.text, effect.choices, to.language or facts.languages[0])
        else:
            text = rendering.Text("", rendering.fill(effect.text, facts, to.language or facts.languages[0]))
        sender = self._senders.by_name(by) if by else None
        if sender is None and effect.connector:
            raise Impossible(f"nothing can be sent by `{by}`")
        if sender is None:
            door = by or card.channel
            sender, connector = self._senders.by_kind("email"), _first(live, "email")
            if sender is None:
                raise Impossible(f"nothing can be sent by `{door}`, and there is no e-mail connector that sends")
            if not to.email:
                raise Impossible(f"nothing can be sent by `{door}`, and the customer has no e-mail address")
            to = msgspec.structs.replace(to, address=to.email)
        outgoing = Outgoing(
            outbox_id=item.id,
            key=item.key,
            kind="message",
            to=to,
            subject=text.subject or rendering.fill("{card.title}", facts, "en") or f"#{card.number}",
            text=text.text,
            rich=text.rich,
            template=approved,
            reference=_reference(card),
            card_id=card.id,
            answers=await self._answers(card, connector),
            automatic=not effect.author,
            files=await self._files(effect.files),
            reply_to=effect.reply_to,
            now=self._clock.now(),
        )
        return Prepared(sender=sender, outgoing=outgoing, text=text.text, connector=connector)

    async def _approved(
        self, found: p.Template, facts: rendering.Facts, wanted: str, connector: p.Connector | None, chosen: str = ""
    ) -> Approved | None:
        """The template as the provider takes it, in the first language it does, or in the one that was `chosen`; None where
        it needs no approval."""
        candidates = rendering.approved(found, facts, chosen or wanted)[: 1 if chosen else None]
        if not candidates:
            return None
        by = connector.name if connector is not None else ""
        known = await approvals.of_connector(self._store, self._senders, by, self._clock.now())
        taken, why = approvals.first_taken(candidates, known)
        if why:
            raise Impossible(why)
        return taken

    async def _files(self, files: Sequence[File]) -> tuple[OutFile, ...]:
        found: list[OutFile] = []
        for file in files:
            try:
                data = await self._store.content(file.sha256)
            except Missing as error:
                raise Impossible(f"the content of the file `{file.name}` is not there") from error
            found.append(OutFile(name=file.name, media_type=file.media_type, data=data))
        return tuple(found)

    async def _answers(self, card: Card, connector: p.Connector | None) -> tuple[str, ...]:
        """What a mail continues in the customer's own mail program."""
        if connector is None or connector.kind != addresses.MAIL:
            return ()
        return tuple(await self._store.received_ids(card.id, addresses.MAIL, CONTINUED))

    # --- to programs -------------------------------------------------------------------------------------------------

    def _call(self, item: OutboxItem, effect: CallWebhook, facts: rendering.Facts, live: p.Program) -> Prepared:
        sender = self._senders.by_name(effect.connector)
        if sender is None:
            raise Impossible(f"there is no connector `{effect.connector}` that sends")
        card = msgspec.structs.replace(effect.card or card_data(facts.card), link=rendering.fill("{link}", facts, "en"))
        at = effect.at or item.created_at
        payload = catalogue.payload(effect.event, at, effect.details, card, effect.author)
        outgoing = Outgoing(
            outbox_id=item.id,
            key=item.key,
            kind="call",
            to=Contact(),
            event=effect.event,
            payload=payload,
            reference=_reference(facts.card),
            now=self._clock.now(),
        )
        connector = live.connectors.get(effect.connector)
        return Prepared(sender=sender, outgoing=outgoing, text=payload.decode(), connector=connector)


def decode(item: OutboxItem) -> AnyEffect:
    return msgspec.json.decode(item.effect, type=AnyEffect)


def scheduled(outcome: Retry, attempts: int, connector: p.Connector | None) -> Retry:
    """When to try again after `attempts` tries (this one included), by the connector's `retry N times over T`.

    The gaps grow and add up to T; a provider that names a longer wait gets it. After the last try, `give_up`.
    """
    times, over = RETRIES, RETRY_OVER
    if connector is not None and connector.kind == "webhook" and connector.retry_times is None:
        if attempts > len(WEBHOOK_GAPS):
            return msgspec.structs.replace(outcome, after=0, give_up=True)
        return msgspec.structs.replace(outcome, after=max(WEBHOOK_GAPS[attempts - 1], outcome.after))
    if connector is not None and connector.retry_times is not None:
        times = connector.retry_times
    if connector is not None and connector.retry_over is not None:
        unit, amount = connector.retry_over.unit, connector.retry_over.amount
        over = amount * 86_400.0 if unit in (Unit.CALENDAR_DAYS, Unit.WORKING_DAYS) else amount / 1_000_000
    if attempts > times:
        return msgspec.structs.replace(outcome, after=0, give_up=True)
    gap = over * (GROWTH - 1) / (GROWTH**times - 1) * GROWTH ** (attempts - 1)
    return msgspec.structs.replace(outcome, after=max(gap, outcome.after))


def _reached(contact: Contact, effect: MessageCustomer) -> Contact:
    """The customer by the name the message is for."""
    if not effect.address:
        return contact
    found = msgspec.structs.replace(contact, address=effect.address)
    return msgspec.structs.replace(found, email=effect.address) if effect.channel == addresses.MAIL else found


def _template(program: p.Program, name: str) -> p.Template:
    found = program.templates.get(name)
    if found is None:
        raise Impossible(f"there is no template `{name}`")
    return found


def _first(live: p.Program, kind: str) -> p.Connector | None:
    """The connector `Senders.by_kind` finds."""
    return next((c for c in live.connectors.values() if c.kind == kind and c.direction in ("sends", "connects")), None)


def _tag(approved: Approved) -> str:
    """Its language as the files write it."""
    return approved.language.replace("_", "-")


def _reference(card: Card) -> str:
    return f"duly-{card.number}"
