"""Answering a customer, and notes beside it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec.structs import replace

from duly_admin_ui.access import needs
from duly_admin_ui.composer import answers, pair, variables
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages.card import act, answered, load, show
from duly_admin_ui.pages.files import FORM_SIZE, chosen
from duly_runtime.attaching import CannotAttach
from duly_runtime.events import InternalNote
from duly_runtime.replies import CannotReply, Draft
from duly_runtime.store.api import Missing

LOOKS = ("look", "quote-this", "unquote")
"""Buttons that send nothing to the customer: the form comes back as it was, with something else shown."""


@get("/cards/{number:int}/reply", guards=[needs("cards.read")])
async def form(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """The card; what its form answers has this address, and people load it again. `way` is what the form is for."""
    return await show(page, await load(page, number), typed={"way": page.request.query_params.get("way", "")})


@post(
    "/cards/{number:int}/reply",
    status_code=200,
    guards=[needs("cards.work")],
    request_max_body_size=FORM_SIZE,
)
async def reply(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    """A public reply: with `send-template` pressed a template, with `note` an internal note."""
    card = await load(page, number)
    typed = await page.form()
    text = typed.get("text", "").strip()
    try:
        files = await chosen(page)
    except CannotAttach as error:
        return await show(page, card, problem=error.told(page.language), typed=typed)
    if any(name in typed for name in LOOKS):
        typed["quote"] = "" if "unquote" in typed else typed.get("quote-this", typed.get("quote", ""))
        return await show(page, card, typed=typed, kept=files)
    by_template = "send-template" in typed and "note" not in typed
    if not text and not files and not by_template:
        return await show(page, card, problem=page.gettext("Write something first."), typed=typed)
    if "note" in typed:
        return await act(page, card, InternalNote(text=text, author=page.name, files=files), typed, files)
    draft = _draft(page, typed, by_template)
    if not by_template:
        draft = replace(draft, text=text, files=files, choices=answers(typed.get("choices", "")))
    try:
        reason = await page.services.reply(card, draft)
    except CannotReply as error:
        return await show(page, card, problem=error.told(page.language), typed=typed, kept=files)
    return await answered(page, card, reason, typed, files)


def _draft(page: Page, typed: dict[str, str], by_template: bool) -> Draft:
    connector, address = pair(typed.get("way", ""))
    quote = typed.get("quote", "")
    draft = Draft(author=page.name, connector=connector, address=address, quote=int(quote) if quote.isdecimal() else 0)
    if not by_template:
        return draft
    template, language = pair(typed.get("template", ""))
    return replace(draft, template=template, language=language, variables=variables(typed))


@post("/cards/{number:int}/deliveries/{delivery:int}/{what:str}", status_code=200, guards=[needs("parked.handle")])
async def judge(
    page: NamedDependency[Page], number: FromPath[int], delivery: FromPath[int], what: FromPath[str]
) -> Response[Any]:
    """A message of the card that did not arrive, or may not have: `again`, or `mark` it as sent, or `unmark`."""
    card = await load(page, number)
    message = next((each for each in await page.services.store.messages(card.id) if each.delivery == delivery), None)
    if message is None or not delivery:
        raise Missing("the card has no such message")
    match what:
        case "again":
            twice = (await page.form()).get("twice") == "1"
            if message.state == "unknown" and not message.repeat and not twice:
                return await show(page, card, problem=page.gettext("Say first that it may arrive twice."))
            await page.services.replay("delivery", delivery, page.name, twice=twice)
        case "mark":
            await page.services.mark_sent(delivery, page.name)
        case "unmark":
            await page.services.unmark_sent(delivery, page.name)
        case _:
            raise Missing("there is no such page")
    return go(f"/cards/{card.number}")


HANDLERS = (form, reply, judge)
