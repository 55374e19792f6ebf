"""What we say to the Graph API and what its answers mean. Codes: Meta's "Error codes" of the Cloud API, read for v25.0."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.outbound import Blocked, Interrupted, NotSent, Response
from duly_runtime.doors import Approved, Failed, Outcome, Outgoing, Retry, Sent, Unknown

API = "https://graph.facebook.com"
VERSION = "v25.0"
LONGEST_TEXT = 4096
"""Characters of a text message; Meta refuses more."""
PAIR_LIMIT_SECONDS = 6.0
"""Meta takes one message each 6 seconds to one customer (131056)."""
PASSING = frozenset((1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057))
"""Codes that say: not now. Limits of the app, account, number or pair; Meta's own trouble; an account being moved."""
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{4,24}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9_-]{1,128}")

Translate = Callable[[str], str]


def payload(item: Outgoing, _: Translate) -> dict[str, Any] | Failed:
    """The message to post, or why there can't be one."""
    if item.kind == "call":
        return Failed(reason=_("WhatsApp takes messages, not events."))
    text = clean(item.text)
    if not text.strip():
        return Failed(reason=_("There is no text to send."))
    if len(text) > LONGEST_TEXT:
        return Failed(reason=_("WhatsApp takes at most {count} characters in a message.").format(count=LONGEST_TEXT))
    whom = recipient(item.to.address) or recipient(item.to.phone)
    if not whom:
        return Failed(reason=_("No WhatsApp number or user id of the recipient is known."))
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **whom,
        **_content(item.template, text),
        "biz_opaque_callback_data": str(item.outbox_id),
    }


def _content(template: Approved | None, text: str) -> dict[str, Any]:
    if template is None:
        return {"type": "text", "text": {"preview_url": False, "body": text}}
    named: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if template.parameters:
        values = [{"type": "text", "text": clean(value)} for value in template.parameters]
        named["components"] = [{"type": "body", "parameters": values}]
    return {"type": "template", "template": named}


def recipient(address: str) -> dict[str, str]:
    """`to` for a phone number, `recipient` for a business-scoped user id (`US.1349…`), nothing for anything else."""
    address = address.strip()
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
    tree = _tree(answer)
    if 200 <= answer.status < 300:
        name = message_id(tree)
        if name:
            return Sent(provider_id=name)
        return Unknown(reason=_("WhatsApp answered {status} without the message's id.").format(status=answer.status))
    error = tree.get("error")
    if isinstance(error, dict):
        code = _code(error)
        words = describe(error, _)
        if code in PASSING or error.get("is_transient") is True or answer.status == 429:
            pause = PAIR_LIMIT_SECONDS if code == 131056 else 0.0
            return Retry(reason=words, after=max(answer.retry_after(now), pause))
        return Failed(reason=words)
    words = _("WhatsApp answered {status}.").format(status=answer.status)
    if answer.status in (408, 429, 503):
        return Retry(reason=words, after=answer.retry_after(now))
    if answer.status < 500:
        return Failed(reason=words)
    return Unknown(reason=words)


def describe(error: dict[str, Any], _: Translate) -> str:
    """An error of Meta's in words, with its code: ours where we know what to do about it, else Meta's own."""
    code = _code(error)
    known = {
        131047: _("the customer last wrote more than 24 hours ago, so WhatsApp takes only an approved template now"),
        131026: _("the recipient can't get it: not on WhatsApp, or an app that is too old"),
        131030: _("the number is not on the list of a test account"),
        131031: _("Meta has locked the account"),
        131042: _("Meta has a problem with the payment of the account"),
        131049: _("Meta held it back, since this customer gets too many messages from businesses"),
        131056: _("too many messages to this customer at once"),
        130429: _("too many messages from this number at once"),
        132000: _("the template at Meta has another number of variables than the text here"),
        132001: _("Meta has no approved template of this name in this language"),
        132005: _("the template is too long with its variables filled in"),
        132007: _("the template's text breaks a rule of Meta's"),
        132012: _("a variable of the template has another form than Meta expects"),
        132015: _("Meta has paused the template, since people did not like it"),
        132016: _("Meta has disabled the template for good"),
        190: _("the access token is not valid or has expired: make a new one and store it"),
        10: _("the access token lacks the permission whatsapp_business_messaging"),
        368: _("Meta has blocked the account for breaking its policy"),
    }
    words = known[10] if 200 <= code <= 299 else known.get(code, "")
    if not words:
        words = ": ".join(part for part in (_said(error, "title") or _said(error, "message"), _details(error)) if part)
    return f"WhatsApp {code}: {words}" if code else f"WhatsApp: {words}"


def message_id(tree: dict[str, Any]) -> str:
    """The id Meta gave the message we posted; empty where the answer has none."""
    messages = tree.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    name = first.get("id") if isinstance(first, dict) else None
    return clean(name) if isinstance(name, str) else ""


def number_of(answer: Response, _: Translate) -> tuple[str, str]:
    """State and detail of the check of the phone number."""
    tree = _tree(answer)
    error = tree.get("error")
    if isinstance(error, dict):
        return "bad", describe(error, _)
    if answer.status != 200:
        return "unknown", _("WhatsApp answered {status}.").format(status=answer.status)
    return "ok", " · ".join(part for part in (_said(tree, "display_phone_number"), _said(tree, "verified_name")) if part)


def _tree(answer: Response) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _code(error: dict[str, Any]) -> int:
    """The number of an error of Meta's, 0 where it has none."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def _details(error: dict[str, Any]) -> str:
    data = error.get("error_data")
    return _said(data, "details") if isinstance(data, dict) else ""


def _said(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    return clean(value)[:300] if isinstance(value, str) else ""
