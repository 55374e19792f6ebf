"""What we say to the Graph API and what its answers mean."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.outbound import Blocked, Interrupted, NotSent, Response
from duly_connectors.whatsapp import codes, media
from duly_connectors.whatsapp.codes import describe, said
from duly_connectors.whatsapp.people import GROUP
from duly_dsl import offers
from duly_runtime.doors import Approved, Choices, Failed, Outcome, Outgoing, Retry, Rich, Sent, Unknown

API = "https://graph.facebook.com"
VERSION = "v25.0"
LONGEST_TEXT = 4096
"""Characters of a text message; Meta refuses more."""
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{4,24}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9_-]{1,128}")

Translate = Callable[[str], str]


def problem(item: Outgoing, _: Translate) -> str:
    """Why it can't be sent, however often it is tried; empty where it can."""
    if item.kind == "call":
        return _("WhatsApp takes messages, not events.")
    if len(item.files) > 1:
        return _("WhatsApp takes one file a message.")
    text = clean(item.text)
    if not text.strip() and not item.files:
        return _("There is no text to send.")
    longest = media.LONGEST_CAPTION if item.files else LONGEST_TEXT
    if len(text) > longest:
        return _("WhatsApp takes at most {count} characters in a message.").format(count=longest)
    if not (recipient(item.to.address) or recipient(item.to.phone)):
        return _("No WhatsApp number or user id of the recipient is known.")
    return ""


def payload(item: Outgoing, content: dict[str, Any]) -> dict[str, Any]:
    """The message to post, `content` its type and what belongs to that."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **(recipient(item.to.address) or recipient(item.to.phone)),
        **({"context": {"message_id": item.reply_to}} if item.reply_to else {}),
        **content,
        "biz_opaque_callback_data": str(item.outbox_id),
    }


def content_of(item: Outgoing) -> dict[str, Any]:
    """What is said without a file of ours: a text, answers to choose from, or a template where free text is not taken."""
    if item.template is not None:
        return {"type": "template", "template": _template(item.template)}
    rich = item.rich
    if rich is not None and rich.choices is not None:
        longest = offers.LONGEST_ABOVE_LIST if rich.choices.label else offers.LONGEST_ABOVE_BUTTONS
        if len(rich.body) <= longest:
            return {"type": "interactive", "interactive": _interactive(rich, rich.choices, item.outbox_id)}
    elif rich is not None and rich.header is not None and rich.header.media and len(rich.body) <= media.LONGEST_CAPTION:
        shown = {"link": rich.header.link, "caption": clean(rich.body)}
        return {"type": rich.header.media, rich.header.media: shown}
    return {"type": "text", "text": {"preview_url": False, "body": clean(item.text)}}


def _template(template: Approved) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    if template.media is not None:
        shown = {"type": template.media.media, template.media.media: {"link": template.media.link}}
        components.append({"type": "header", "parameters": [shown]})
    elif template.header:
        components.append({"type": "header", "parameters": [{"type": "text", "text": clean(template.header)}]})
    if template.parameters:
        values = [{"type": "text", "text": clean(value)} for value in template.parameters]
        components.append({"type": "body", "parameters": values})
    named: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    return {**named, "components": components} if components else named


def _interactive(rich: Rich, choices: Choices, outbox_id: int) -> dict[str, Any]:
    """Buttons or a list. What is chosen comes back by its title; the ids only have to differ."""
    header = rich.header
    above: dict[str, Any] = {}
    if header is not None and header.media:
        above = {"header": {"type": header.media, header.media: {"link": header.link}}}
    elif header is not None:
        above = {"header": {"type": "text", "text": clean(header.text)}}
    rows: list[dict[str, str]] = []
    for number, row in enumerate(choices.rows, 1):
        said = {"description": clean(row.description)} if row.description else {}
        rows.append({"id": f"{outbox_id}.{number}", "title": clean(row.title), **said})
    action: dict[str, Any] = {"buttons": [{"type": "reply", "reply": row} for row in rows]}
    if choices.label:
        action = {"button": clean(choices.label), "sections": [{"rows": rows}]}
    return {"type": "list" if choices.label else "button", **above, "body": {"text": clean(rich.body)}, "action": action}


def recipient(address: str) -> dict[str, str]:
    """`to` for a phone number or a group, `recipient` for a business-scoped user id (`US.1349…`), nothing for anything
    else."""
    address = address.strip()
    if address.startswith(GROUP) and len(address) > len(GROUP):
        return {"to": address.removeprefix(GROUP), "recipient_type": "group"}
    if _NUMBER.fullmatch(address):
        return {"to": re.sub(r"[^0-9]", "", address)}
    if _USER_ID.fullmatch(address):
        return {"recipient": address}
    return {}


def not_sent(error: NotSent, _: Translate) -> Outcome:
    words = error.told(_)
    return Failed(reason=words) if isinstance(error, Blocked) else Retry(reason=words)


def interrupted(error: Interrupted, _: Translate) -> Outcome:
    words = _("WhatsApp may have taken it, but no answer came back ({error}). A status from Meta will tell.")
    return Unknown(reason=words.format(error=error.told(_)))


def outcome_of(answer: Response, now: dt.datetime, _: Translate) -> Outcome:
    """An answer with an error of Meta's is a clear no. One without (a gateway's page) is a no where HTTP says the request
    was not handled (4xx, 503), else unknown: Meta has no idempotency key, and a second message can't be taken back."""
    tree = tree_of(answer)
    if 200 <= answer.status < 300:
        name = message_id(tree)
        if name:
            return Sent(provider_id=name)
        return Unknown(reason=_("WhatsApp answered {status} without the message's id.").format(status=answer.status))
    error = tree.get("error")
    if isinstance(error, dict):
        return refused(error, answer, now, _)
    words = _("WhatsApp answered {status}.").format(status=answer.status)
    if answer.status in (408, 429, 503):
        return Retry(reason=words, after=answer.retry_after(now))
    if answer.status < 500:
        return Failed(reason=words)
    return Unknown(reason=words)


def refused(error: dict[str, Any], answer: Response, now: dt.datetime, _: Translate) -> Retry | Failed:
    """An error of Meta's: not now, or not like this."""
    words = describe(error, _)
    if codes.is_passing(error) or answer.status == 429:
        return Retry(reason=words, after=max(answer.retry_after(now), codes.PAUSES.get(codes.number(error), 0.0)))
    return Failed(reason=words, closed=codes.number(error) == codes.WINDOW_CLOSED)


def message_id(tree: dict[str, Any]) -> str:
    """The id Meta gave the message we posted; empty where the answer has none."""
    messages = tree.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    name = first.get("id") if isinstance(first, dict) else None
    return clean(name) if isinstance(name, str) else ""


def number_of(answer: Response, _: Translate) -> tuple[str, str]:
    """State and detail of the check of the phone number."""
    tree = tree_of(answer)
    error = tree.get("error")
    if isinstance(error, dict):
        return "bad", describe(error, _)
    if answer.status != 200:
        return "unknown", _("WhatsApp answered {status}.").format(status=answer.status)
    return "ok", " · ".join(part for part in (said(tree, "display_phone_number"), said(tree, "verified_name")) if part)


def tree_of(answer: Response) -> dict[str, Any]:
    """The JSON object of an answer, empty where it is none."""
    try:
        tree = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
