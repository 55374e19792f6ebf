"""The templates a person can answer a card with by WhatsApp, as Meta has approved them: each in each language, with what it
would say and what is still to be filled in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import msgspec

from duly_dsl.program import Program, Template, TemplateAtMeta
from duly_runtime import approvals, persons, rendering
from duly_runtime.card import Card
from duly_runtime.doors import Approved, Senders
from duly_runtime.events import Choice
from duly_runtime.store import approvals_api
from duly_runtime.store.api import Store


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A placeholder of the text, and what the card says for it; empty where a person has to say it."""

    name: str
    value: str


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A template in one language. `status` is Meta's word for it (`APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, …), empty
    where it is not known: then Meta decides as it is sent."""

    template: str
    language: str
    name: str
    """At Meta."""
    status: str = ""
    reason: str = ""
    """Why it was rejected or paused, in Meta's words."""
    problem: str = ""
    """Why it can't be used: `missing` at Meta, its `status`, another number of `variables` there, another `header`. Empty
    where it can."""
    category: str = ""
    text: str
    """With its placeholders."""
    preview: str
    """As the card fills it in, with its header and what it offers to choose from."""
    choices: tuple[Choice, ...] = ()
    variables: tuple[Variable, ...] = ()

    @property
    def usable(self) -> bool:
        return not self.problem


class AtMeta(msgspec.Struct, frozen=True, kw_only=True):
    """A template at Meta, one of the rules, or both, in one language. `template` is its name in the rules."""

    name: str
    language: str
    """As Meta writes it (`pt_BR`)."""
    template: str = ""
    status: str = ""
    category: str = ""
    quality: str = ""
    reason: str = ""
    """Why it was rejected or paused, in Meta's words."""
    problem: str = ""
    """`unused` by the rules, or as in `Offered`; `category` where the rules name another one, which stops nothing."""


def at_meta(program: Program, known: approvals_api.Approvals) -> tuple[AtMeta, ...]:
    """Everything an account has, and what the rules want of it, by name and language."""
    there = {(each.name, each.language): each for each in known.templates}
    found: dict[tuple[str, str], AtMeta] = {}
    for template in program.templates.values():
        for approved in _shapes(program, template):
            key = approved.name, approved.language
            found[key] = _row(key, there.get(key), template.name, approvals.problem(approved, there.get(key)))
            wanted = template.approval.category if template.approval is not None else ""
            if not found[key].problem and found[key].category not in ("", wanted):
                found[key] = msgspec.structs.replace(found[key], problem="category")
    for key, each in there.items():
        found.setdefault(key, _row(key, each, "", "unused"))
    return tuple(found[key] for key in sorted(found))


def _row(key: tuple[str, str], at_meta: TemplateAtMeta | None, template: str, problem: str) -> AtMeta:
    name, language = key
    if at_meta is None:
        return AtMeta(name=name, language=language, template=template, problem=problem)
    return AtMeta(
        name=name,
        language=language,
        template=template,
        status=at_meta.status,
        category=at_meta.category,
        quality=at_meta.quality,
        reason=at_meta.reason,
        problem=problem,
    )


def _shapes(program: Program, template: Template) -> Iterator[Approved]:
    """The template in each language, as Meta must have it: on a card that says nothing."""
    nobody = Card(id=0, number=0, pipeline="", stage="", created_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    about = rendering.Facts(program=program, card=nobody)
    for language in template.texts:
        yield from rendering.approved(template, about, language)[:1]


async def facts(
    store: Store, program: Program, card: Card, base_url: str, given: Mapping[str, str] | None = None
) -> rendering.Facts:
    """What placeholders of a template say on a card."""
    owner = await persons.full_name(store, program, card.owner)
    return rendering.Facts(program=program, card=card, base_url=base_url, owner=owner, given=given or {})


async def of_card(
    store: Store, senders: Senders, about: rendering.Facts, connector: str, now: dt.datetime
) -> tuple[Offered, ...]:
    """All that need Meta's approval: in the order of the files, of each the customer's language first."""
    known = await approvals.of_connector(store, senders, connector, now)
    return tuple(each for found in about.program.templates.values() for each in _languages(found, about, known))


def _languages(
    found: Template, about: rendering.Facts, known: Mapping[tuple[str, str], TemplateAtMeta] | None
) -> Iterator[Offered]:
    if found.approval is None:
        return
    first = rendering.choose(tuple(found.texts), about.card.contact.language, about.languages)
    for language in dict.fromkeys((first, *found.texts)):
        approved = rendering.approved(found, about, language)[0]
        at_meta = known.get((approved.name, approved.language)) if known is not None else None
        yield Offered(
            template=found.name,
            language=language,
            name=approved.name,
            status=at_meta.status if at_meta is not None else "",
            reason=at_meta.reason if at_meta is not None else "",
            problem=approvals.problem(approved, at_meta) if known is not None else "",
            category=(at_meta.category if at_meta is not None else "") or found.approval.category,
            text=found.texts[language],
            preview=rendering.template(found, about, language).text,
            choices=tuple(
                Choice(title=row.title, description=row.description)
                for row in (found.choices[language].rows if language in found.choices else ())
            ),
            variables=tuple(
                Variable(name=name, value=rendering.value_of(name, about, language).strip())
                for name in rendering.variables(found, language)
            ),
        )
