"""What a person writes to a customer, made into the reply it stands for: by which connector, quoting what, with which
template; or why it can't be sent like this."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from duly_dsl.i18n import marked as _
from duly_dsl.i18n import translations
from duly_dsl.program import Program
from duly_runtime import library, rendering, window
from duly_runtime.card import Card
from duly_runtime.doors import Senders
from duly_runtime.events import AgentMessage, Choice, File
from duly_runtime.store.api import Message, Store
from duly_runtime.ways import Way

SENTENCES = {
    "no-such-way": _("The customer can't be reached by {connector} at {address}: choose one of the ways of this card."),
    "no-sender": _("Nothing is sent by {connector}: choose another way."),
    "out-of-service": _("{connector} is out of service: choose another way, or see its page."),
    "no-address": _("The customer has no address for {connector}: add it on the contact's page."),
    "claimed": _("Somebody only said that {address} is the customer's: confirm it on the contact's page first."),
    "window-closed": _(
        "The customer has not written by {connector} in the last 24 hours, so WhatsApp takes only an approved template:"
        " choose one."
    ),
    "unknown-template": _('There is no template "{template}".'),
    "unknown-language": _('The template "{template}" has no text in {language}.'),
    "needs-approval": _(
        'The template "{template}" has no approval of Meta\'s, and free text is not taken now: choose one that has.'
    ),
    "not-approved": _('Meta does not take the template "{template}" in {language} now ({status}): choose another one.'),
    "missing-variable": _('Fill in "{variable}": the card does not say it, and Meta takes no empty variable.'),
    "cannot-quote": _("This message can't be quoted by {connector}: only those that came or went by it can."),
}
"""Code -> English sentence; the names in braces are the refusal's details."""


class CannotReply(ValueError):
    """Says why in English; `told` in the language of the person who writes. `code` is stable, for programs."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(SENTENCES[code].format(**details))
        self.code = code
        self.details = details

    def told(self, language: str) -> str:
        return translations("duly_runtime", language).gettext(SENTENCES[self.code]).format(**self.details)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as it was written. `quote` is the id of one of the card's messages. `connector` and `address` are one of the
    card's ways (`ways.Way`); empty: the default one."""

    author: str
    text: str = ""
    files: tuple[File, ...] = ()
    choices: tuple[Choice, ...] = ()
    template: str = ""
    language: str = ""
    variables: Mapping[str, str] = {}
    quote: int = 0
    connector: str = ""
    address: str = ""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply is judged by."""

    store: Store
    program: Program
    senders: Senders
    card: Card
    messages: Sequence[Message]
    ways: Sequence[Way]
    base_url: str
    now: dt.datetime


async def made(draft: Draft, desk: Desk) -> AgentMessage:
    """The command for the engine, which has a word of its own. Raises CannotReply."""
    way = chosen(desk.ways, draft.connector, draft.address)
    body = AgentMessage(
        text=draft.text,
        author=draft.author,
        files=draft.files,
        choices=draft.choices,
        template=draft.template,
        language=draft.language,
        variables=dict(draft.variables),
    )
    if draft.template:
        _known_template(draft, desk.program)
    if way is not None and way.usable:
        if not way.own:
            body = msgspec.structs.replace(body, connector=way.connector, address=way.address)
        if way.closed and not draft.template:
            raise CannotReply("window-closed", connector=way.connector)
        if draft.template:
            await _check_template(draft, way, desk)
    if draft.quote:
        by = way.connector if way is not None else desk.card.connector
        body = msgspec.structs.replace(body, reply_to=_quoted(draft.quote, by, desk.messages))
    return body


def chosen(ways: Sequence[Way], connector: str, address: str) -> Way | None:
    """The way a reply names, or the default one, which need not be usable: then the delivery says what is in the way. None
    where there is none at all. Raises CannotReply."""
    if not connector:
        return next((way for way in ways if way.default), None)
    named = [way for way in ways if way.connector == connector and address in ("", way.address)]
    if not named:
        raise CannotReply("no-such-way", connector=connector, address=address or "–")
    way = next((way for way in named if way.usable), named[0])
    if way.problem and not way.default:
        raise CannotReply(way.problem, connector=way.connector, address=way.address)
    return way


def _known_template(draft: Draft, program: Program) -> None:
    found = program.templates.get(draft.template)
    if found is None:
        raise CannotReply("unknown-template", template=draft.template)
    if draft.language and draft.language not in found.texts:
        raise CannotReply("unknown-language", template=draft.template, language=draft.language)


async def _check_template(draft: Draft, way: Way, desk: Desk) -> None:
    if way.channel != window.CHANNEL:
        return
    found = desk.program.templates[draft.template]
    about = await library.facts(desk.store, desk.program, desk.card, desk.base_url, draft.variables)
    language = draft.language or rendering.choose(tuple(found.texts), desk.card.contact.language, about.languages)
    if way.closed:
        if found.approval is None:
            raise CannotReply("needs-approval", template=found.name)
        offered = await library.of_card(desk.store, desk.senders, about, way.connector, desk.now)
        wanted = [each for each in offered if each.template == found.name and draft.language in ("", each.language)]
        if not any(each.usable for each in wanted):
            status = wanted[0].status or wanted[0].problem
            raise CannotReply("not-approved", template=found.name, language=wanted[0].language, status=status)
    for name in rendering.variables(found, language):
        if not rendering.value_of(name, about, language).strip():
            raise CannotReply("missing-variable", variable=name)


def _quoted(number: int, connector: str, messages: Sequence[Message]) -> str:
    found = next((message for message in messages if message.id == number), None)
    if found is None or not quotable(found, connector):
        raise CannotReply("cannot-quote", connector=connector or "–")
    return found.provider_id


def quotable(message: Message, connector: str) -> bool:
    """Whether a reply by the connector can quote it."""
    return bool(message.provider_id and connector) and message.connector == connector and message.deleted_at is None
