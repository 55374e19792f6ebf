"""Texts that go out: templates filled in, and Duly's own words for notices. Pure; customers' words are no templates."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence

import babel
import babel.dates
import msgspec

from duly_dsl import i18n, offers, placeholders
from duly_dsl.program import Approval, Program, Template
from duly_runtime import offering
from duly_runtime.card import Card
from duly_runtime.doors import Approved, Header, Rich
from duly_runtime.events import Choice

LONGEST_VARIABLE = 1000
WHOLE = 50
"""Notices of a digest by e-mail that are there in full."""
LONG_DIGEST = 40_000
SHORT_DIGEST = 3000
"""Characters of the lines of a digest, by e-mail and in a chat."""


class Text(msgspec.Struct, frozen=True):
    """`subject` is for mail; other channels drop it. `rich` are the parts of the text where it has several."""

    subject: str
    text: str
    rich: Rich | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What placeholders may say. `details` are an effect's; `owner` the full name of the card's owner; `given` what a
    person wrote for placeholders."""

    program: Program
    card: Card
    base_url: str = ""
    owner: str = ""
    details: Mapping[str, str] = {}
    given: Mapping[str, str] = {}

    @property
    def languages(self) -> tuple[str, ...]:
        pipeline = self.program.pipelines.get(self.card.pipeline)
        return pipeline.languages if pipeline else ("en",)


def choose(languages: Sequence[str], wanted: str, fallbacks: Sequence[str]) -> str:
    """Which of `languages` to use for somebody who reads `wanted` (`pt` takes `pt-BR`), else the first of `fallbacks` that
    is there, else the first. Empty where there are none."""
    for tag in (wanted, *fallbacks):
        for nearness in (_exactly, _loosely):
            for language in languages:
                if tag and nearness(language, tag):
                    return language
    return languages[0] if languages else ""


def template(found: Template, facts: Facts, wanted: str) -> Text:
    """A template in the language of the reader, filled in."""
    language = choose(tuple(found.texts), wanted, facts.languages)
    subject = found.subjects.get(choose(tuple(found.subjects), language, facts.languages), "")
    body = fill(found.texts.get(language, ""), facts, language)
    header, choices = offering.of_template(found, language, _header(found, facts, language))
    text = offering.plain(body, header, choices)
    return Text(_one_line(fill(subject, facts, language)), text, offering.rich(body, header, choices))


def reply(text: str, choices: Sequence[Choice], language: str) -> Text:
    """A person's words, with what they offer to choose from."""
    offered = offering.of_person(choices, language)
    return Text("", offering.plain(text, None, offered), offering.rich(text, None, offered))


def _header(found: Template, facts: Facts, language: str) -> str:
    """The line above the text, filled in; as short as it may be."""
    written = found.header.texts.get(language, "") if found.header is not None else ""
    return _one_line(fill(written, facts, language))[: offers.LONGEST_HEADER]


def approved(found: Template, facts: Facts, wanted: str) -> tuple[Approved, ...]:
    """The template as the provider knows it, in the language of the reader, then in the others of the pipeline; nothing
    where it needs no approval. A variable can't be empty there, nor hold line breaks."""
    if found.approval is None:
        return ()
    best = choose(tuple(found.texts), wanted, facts.languages)
    tags = dict.fromkeys((best, *(tag for tag in facts.languages if tag in found.texts)))
    return tuple(_approved(found, found.approval, facts, tag) for tag in tags)


def _approved(found: Template, approval: Approval, facts: Facts, language: str) -> Approved:
    names = placeholders.names(found.texts.get(language, ""))
    values = (" ".join(value_of(name, facts, language).split())[:LONGEST_VARIABLE] for name in names)
    header = found.header
    named = placeholders.names(header.texts.get(language, "")) if header is not None else ()
    return Approved(
        name=approval.name,
        language=language.replace("-", "_"),
        parameters=tuple(value or "–" for value in values),
        header=(_one_line(value_of(named[0], facts, language))[: offers.LONGEST_HEADER] or "–") if named else "",
        media=Header(media=header.media, link=header.link) if header is not None and header.media else None,
    )


def fill(text: str, facts: Facts, language: str) -> str:
    """`text` with its placeholders filled in. One whose value is not known becomes nothing."""
    parts: list[str] = []
    for part in placeholders.parse(text):
        parts.append(part if isinstance(part, str) else value_of(part.name, facts, language))
    return "".join(parts)


def notice(about: str, facts: Facts, wanted: str) -> Text:
    """Duly's own text for a notice without a template. `about` as in decision.NotifyPerson."""
    language = i18n.choose(wanted or facts.languages[0])
    _ = i18n.translations("duly_runtime", language).gettext
    details, card = facts.details, facts.card
    words = {
        "number": str(card.number),
        "customer": card.contact.name or card.contact.address or card.contact.email or card.title,
        "clock": metric(details.get("metric", ""), language),
        "due": value_of("due", facts, language),
        "stage": card.stage,
        "level": details.get("level", ""),
        "ladder": details.get("ladder", ""),
        "rule": details.get("rule", ""),
        "percent": f"{details['percent']}%" if details.get("percent") else "",
        "before": details.get("before", ""),
        "after": details.get("after", ""),
    }
    lines: list[str] = []
    if about == "alert" and words["after"]:
        subject = _("Card {number} is late: {clock} was due {due}")
        lines.append(_("Card {number} ({customer}) is in “{stage}” and late: {clock} was due {due}."))
        lines.append(_("It was missed {after} ago."))
    elif about == "alert":
        subject = _("Card {number}: {clock} is due {due}")
        lines.append(_("Card {number} ({customer}) is in “{stage}”: {clock} is due {due}."))
        if words["percent"]:
            lines.append(_("{percent} of the time has passed."))
        elif words["before"]:
            lines.append(_("Time left: {before}."))
    elif about == "escalation":
        subject = _("Card {number} is late: {clock}, level {level}")
        lines.append(_("Card {number} ({customer}) is in “{stage}” and late: {clock} was due {due}."))
        lines.append(_("This is level {level} of the escalation “{ladder}”."))
    elif about == "limit":
        words |= {"stage": details.get("stage", ""), "cards": details.get("cards", ""), "limit": details.get("limit", "")}
        subject = _("“{stage}” holds {cards} cards")
        lines.append(_("“{stage}” holds {cards} cards; {limit} are fine. The latest is card {number} ({customer})."))
    elif words["rule"]:
        subject = _("Card {number}: {rule}")
        lines.append(_("The rule “{rule}” points you to card {number} ({customer}) in “{stage}”."))
    else:
        subject = _("Card {number} needs you")
        lines.append(_("Card {number} ({customer}) in “{stage}” needs you."))
    body = [_put(line, words) for line in lines] + [value_of("link", facts, language)]
    return Text(_one_line(_put(subject, words)), "\n".join(line for line in body if line))


def digest(notices: Sequence[Text], wanted: str, *, short: bool) -> Text:
    """Several notices to one person as one: the first ones whole, a line each of the others, and how many more there are.
    `short`: no whole ones, for channels whose messages are short."""
    language = i18n.choose(wanted)
    _n = i18n.translations("duly_runtime", language).ngettext
    subject = _n("{count} notice", "{count} notices", len(notices)).format(count=len(notices))
    whole = () if short else notices[:WHOLE]
    parts = [subject, *(f"{each.subject}\n{each.text}" for each in whole)]
    lines: list[str] = []
    room = SHORT_DIGEST if short else LONG_DIGEST
    for place, each in enumerate(notices[len(whole) :], len(whole)):
        room -= len(each.subject) + 3
        if room < 0:
            left = len(notices) - place
            lines.append(_n("… and {count} more", "… and {count} more", left).format(count=left))
            break
        lines.append(f"• {each.subject}")
    if lines:
        parts.append("\n".join(lines))
    return Text(subject, ("\n" if short else "\n\n").join(parts))


def metric(name: str, language: str) -> str:
    """A clock's name for people: the built-in ones are translated, others are the workspace's own words."""
    _ = i18n.translations("duly_runtime", i18n.choose(language)).gettext
    names = {
        "first reply": _("first reply"),
        "next reply": _("next reply"),
        "leave stage": _("leaving the stage"),
        "resolved": _("resolution"),
    }
    return names.get(name, name)


def moment(at: dt.datetime, zone: str, language: str) -> str:
    """An instant as people at that place write it: `Fri, Nov 6, 5:45 PM`, `sex., 6 de nov., 17:45`."""
    try:
        locale = babel.Locale.parse(language, sep="-")
    except (ValueError, babel.UnknownLocaleError):
        locale = babel.Locale("en")
    where = zoneinfo.ZoneInfo(zone)
    day = babel.dates.format_skeleton("MMMEd", at, tzinfo=where, locale=locale)
    return f"{day}, {babel.dates.format_time(at, 'short', tzinfo=where, locale=locale)}"


def variables(found: Template, language: str = "") -> tuple[str, ...]:
    """The placeholders of a template's header and text, each once, in the order in which they stand; of all its languages
    where none is named."""
    above = found.header.texts if found.header is not None else {}
    tags = (language,) if language else found.texts
    return placeholders.names(*(texts.get(tag, "") for tag in tags for texts in (above, found.texts)))


def value_of(name: str, facts: Facts, language: str) -> str:
    """What a placeholder says; empty where that is not known."""
    if name in facts.given:
        return facts.given[name]
    filler = _FILLERS.get(name)
    if filler is not None:
        return filler(facts, language)
    value = facts.card.fields.get(name)
    if isinstance(value, bool):
        _ = i18n.translations("duly_runtime", i18n.choose(language)).gettext
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else str(value)


def _due(facts: Facts, language: str) -> str:
    due = facts.details.get("due_at", "")
    if not due:
        return ""
    pipeline = facts.program.pipelines.get(facts.card.pipeline)
    calendar = facts.program.calendars.get(pipeline.calendar) if pipeline else None
    return moment(dt.datetime.fromisoformat(due), calendar.zone if calendar else "UTC", language)


def _first_name(facts: Facts, _: str) -> str:
    names = facts.card.contact.name.split()
    return names[0] if names else ""


def _link(facts: Facts, _: str) -> str:
    return f"{facts.base_url}/cards/{facts.card.id}" if facts.base_url else ""


_FILLERS: dict[str, Callable[[Facts, str], str]] = {
    "customer.name": lambda facts, _: facts.card.contact.name,
    "customer.first_name": _first_name,
    "customer.email": lambda facts, _: facts.card.contact.email,
    "customer.phone": lambda facts, _: facts.card.contact.phone,
    "card.number": lambda facts, _: str(facts.card.number),
    "card.title": lambda facts, _: facts.card.title,
    "clock": lambda facts, language: metric(facts.details.get("metric", ""), language),
    "due": _due,
    "stage": lambda facts, _: facts.card.stage,
    "priority": lambda facts, _: facts.card.priority,
    "type": lambda facts, _: facts.card.type,
    "owner.name": lambda facts, _: facts.owner,
    "team": lambda facts, _: facts.card.team,
    "channel": lambda facts, _: facts.card.channel,
    "link": _link,
}
"""One for each of placeholders.BUILT_IN; any other name is a field of the card."""


def _exactly(language: str, tag: str) -> bool:
    return language.lower() == tag.lower()


def _loosely(language: str, tag: str) -> bool:
    return language.split("-")[0].lower() == tag.split("-")[0].lower()


def _put(text: str, words: Mapping[str, str]) -> str:
    # Not str.format: a catalogue with a mistake in it must not stop a notice.
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)


def _one_line(text: str) -> str:
    """A subject is a header: what a customer calls himself must not begin a new one."""
    return " ".join(text.split())[:200]
