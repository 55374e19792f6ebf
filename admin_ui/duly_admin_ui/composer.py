"""The form a reply is written in: by which way, what it quotes, and the templates where only they are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from duly_admin_ui.page import Page
from duly_runtime import window
from duly_runtime.card import Card
from duly_runtime.events import Choice
from duly_runtime.library import Offered
from duly_runtime.replies import quotable
from duly_runtime.store.api import Message
from duly_runtime.ways import Way

VARIABLE = "variable:"
"""Begins the names of fields for the variables of a template."""


class Composer(msgspec.Struct, frozen=True, kw_only=True):
    """`way` is what the reply would go by, None where nothing leads to the customer. `picked` is the template that is
    shown, `given` what was typed for its variables."""

    ways: Sequence[Way] = ()
    way: Way | None = None
    quote: Message | None = None
    quotable: frozenset[int] = frozenset()
    """Ids of the messages that the reply may quote."""
    templates: Sequence[Offered] = ()
    picked: Offered | None = None
    given: Mapping[str, str] = {}

    @property
    def closed(self) -> bool:
        return self.way is not None and self.way.closed

    @property
    def by_whatsapp(self) -> bool:
        return self.way is not None and self.way.usable and self.way.channel == window.CHANNEL


async def composer(page: Page, card: Card, messages: Sequence[Message], typed: Mapping[str, str]) -> Composer:
    """`typed` is what the form held when it was last sent."""
    ways = await page.services.ways(card, messages)
    connector, address = pair(typed.get("way", ""))
    way = next((each for each in ways if (each.connector, each.address) == (connector, address) and each.usable), None)
    way = way or next((each for each in ways if each.default), None)
    by = way.connector if way is not None else ""
    can = [message for message in messages if quotable(message, by)]
    made = Composer(
        ways=ways,
        way=way,
        quote=next((message for message in can if str(message.id) == typed.get("quote")), None),
        quotable=frozenset(message.id for message in can),
    )
    if way is None or not way.closed:
        return made
    given = variables(typed)
    templates = await page.services.templates(card, way.connector, given)
    wanted = pair(typed.get("template", ""))
    usable = [each for each in templates if each.usable]
    picked = next((each for each in usable if (each.template, each.language) == wanted), usable[0] if usable else None)
    return msgspec.structs.replace(made, templates=templates, picked=picked, given=given)


def variables(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed for the variables of a template, by their names."""
    return {key.removeprefix(VARIABLE): text.strip() for key, text in typed.items() if key.startswith(VARIABLE)}


def pair(text: str) -> tuple[str, str]:
    """Two names out of one field: a connector and an address, a template and a language. Both empty for no such field."""
    try:
        found = msgspec.json.decode(text, type=tuple[str, str])
    except msgspec.DecodeError:
        return "", ""
    return found


def paired(first: str, second: str) -> str:
    """The field `pair` reads."""
    return msgspec.json.encode((first, second)).decode()


def answers(text: str) -> tuple[Choice, ...]:
    """What the customer may choose from: a line each, what comes after `|` describes it."""
    lines = [line.partition("|") for line in text.split("\n") if line.strip()]
    return tuple(Choice(title=title.strip(), description=more.strip()) for title, _, more in lines)
