"""A WhatsApp message as a card shows it: its text and its files. Text stays as it is, a caption is the text of its file;
the rest is told in brackets, with whatever the customer wrote beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.whatsapp.people import short, text
from duly_runtime.events import File

Translate = Callable[[str], str]
Tree = dict[str, Any]

NAME_CAP = 200
"""Characters of a file's name; more is cut."""
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "application/pdf": ".pdf",
}
"""Of files without a name: the media types WhatsApp's apps send."""
FORM_LINES = 50
"""Answers of a form that are shown; the raw request keeps all."""


class Told(msgspec.Struct, frozen=True):
    """The kind is Meta's word (`image`), `text`, or `unsupported` where Meta or we can't tell what it is. The text is never
    empty but beside a file."""

    kind: str
    text: str
    files: tuple[File, ...] = ()


def told(message: Tree, _: Translate) -> Told:
    """A message in words."""
    kind = said(message, "type") or next((name for name in (*_TELL, "contacts") if message.get(name)), "")
    body = message.get(kind) if kind else None
    content: Tree = body if isinstance(body, dict) else {}
    files = _files(kind, content)
    words = _contacts(body, _) if kind == "contacts" else _content(kind, content, files, _)
    if not words and not files:
        kind, words = "unsupported", _unsupported(kind, message, _)
    return Told(kind, "\n".join(part for part in (*_context(message, _), words, *_advert(message, _)) if part), files)


def _content(kind: str, content: Tree, files: tuple[File, ...], _: Translate) -> str:
    if files:
        return said(content, "caption")
    tell = _TELL.get(kind)
    return tell(content, _) if tell is not None else ""


def _files(kind: str, content: Tree) -> tuple[File, ...]:
    """What is to be fetched by Meta's id of it."""
    reference = text(content.get("id")) if kind in MEDIA else ""
    if not reference or reference != short(reference):
        return ()
    media_type = said(content, "mime_type").partition(";")[0].strip().lower()[:NAME_CAP]
    ending = ENDINGS.get(media_type, "")
    name = said(content, "filename")[:NAME_CAP] or f"{'voice' if content.get('voice') is True else MEDIA[kind]}{ending}"
    return (File(name=name, media_type=media_type, reference=reference),)


def call(item: Tree, _: Translate, *, ours: bool) -> tuple[bool, str]:
    """Whether it was taken, and a call that is over in words."""
    seconds = item.get("duration")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:9])
    lasted = int(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e9 else 0
    status = item.get("status")
    if isinstance(status, list):
        status = status[0] if status else ""
    taken = bool(lasted) or text(status).upper() == "COMPLETED"
    if not taken:
        return False, _("[Our call was not taken]") if ours else _("[Missed call]")
    minutes, rest = divmod(lasted, 60)
    length = _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest) if lasted else ""
    return True, _beside(_("[We called]") if ours else _("[Call]"), length)


def _context(message: Tree, _: Translate) -> tuple[str, ...]:
    """What is said of where a message comes from."""
    context = message.get("context")
    if not isinstance(context, dict):
        return ()
    lines: list[str] = []
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        lines.append(_("[Forwarded]"))
    product = context.get("referred_product")
    if isinstance(product, dict) and (name := said(product, "product_retailer_id")):
        lines.append(_beside(_("[About the product]"), name))
    return tuple(lines)


def _advert(message: Tree, _: Translate) -> tuple[str, ...]:
    """The advertisement or post that brought the customer here."""
    referral = message.get("referral")
    if not isinstance(referral, dict):
        return ()
    return (_beside(_("[Came by an ad]"), *(said(referral, key) for key in ("headline", "body", "source_url"))),)


def _text(content: Tree, _: Translate) -> str:
    return said(content, "body")


def _image(content: Tree, _: Translate) -> str:
    return _beside(_("[Image]"), said(content, "caption"))


def _video(content: Tree, _: Translate) -> str:
    return _beside(_("[Video]"), said(content, "caption"))


def _audio(content: Tree, _: Translate) -> str:
    return _("[Voice message]") if content.get("voice") is True else _("[Audio]")


def _sticker(content: Tree, _: Translate) -> str:
    return _("[Sticker]")


def _document(content: Tree, _: Translate) -> str:
    return _beside(_("[Document]"), said(content, "filename"), said(content, "caption"))


def _location(content: Tree, _: Translate) -> str:
    place = [said(content, key) for key in ("name", "address")]
    at = [content.get(key) for key in ("latitude", "longitude")]
    if all(isinstance(n, int | float) and not isinstance(n, bool) for n in at):
        place.append(", ".join(str(n) for n in at))
    return _beside(_("[Location]"), *place, said(content, "url"))


def _interactive(content: Tree, _: Translate) -> str:
    for name in ("button_reply", "list_reply"):
        chosen = content.get(name)
        if isinstance(chosen, dict):
            return _beside(said(chosen, "title"), said(chosen, "description"))
    form = content.get("nfm_reply")
    if isinstance(form, dict):
        return _form(form, _)
    permission = content.get("call_permission_reply")
    if isinstance(permission, dict):
        allowed = said(permission, "response").lower() == "accept"
        return _("[May be called]") if allowed else _("[Does not want to be called]")
    return ""


def _form(form: Tree, _: Translate) -> str:
    """What was filled in, a line for each answer."""
    given = form.get("response_json")
    answers: Any = None
    if isinstance(given, str):
        try:
            answers = msgspec.json.decode(given)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            answers = None
    if not isinstance(answers, dict):
        return _beside(_("[Form]"), said(form, "body"), said(form, "response_json"))
    shown = [(str(name), value) for name, value in answers.items() if name != "flow_token"][:FORM_LINES]
    lines = [f"- {clean(name)}: {_answer(value)}" for name, value in shown]
    return "\n".join([_beside(_("[Form]"), said(form, "body")), *lines])


def _answer(value: Any) -> str:
    return clean(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _button(content: Tree, _: Translate) -> str:
    return said(content, "text") or said(content, "payload")


def _order(content: Tree, _: Translate) -> str:
    items = content.get("product_items")
    lines = [_order_line(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return "\n".join([_beside(_("[Order]"), said(content, "text")), *lines])


def _order_line(item: Tree) -> str:
    price = " ".join(part for part in (said(item, "item_price"), said(item, "currency")) if part)
    return f"- {said(item, 'quantity') or '?'} × {said(item, 'product_retailer_id') or '?'}" + (
        f" ({price})" if price else ""
    )


def _system(content: Tree, _: Translate) -> str:
    changes = [said(content, key) for key in ("wa_id", "new_wa_id", "user_id")]
    return _beside(_("[WhatsApp]"), said(content, "body") or " ".join(part for part in changes if part))


def _edit(content: Tree, _: Translate) -> str:
    inner = content.get("message")
    words = told(inner, _).text if isinstance(inner, dict) and "edit" not in inner else ""
    return _beside(_("[Edited]"), words)


def _welcome(content: Tree, _: Translate) -> str:
    return _("[Opened the chat]")


MEDIA = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "voice": "voice",
    "sticker": "sticker",
    "document": "document",
}
"""Types whose content is a file, and what one without a name is called."""

_TELL: dict[str, Callable[[Tree, Translate], str]] = {
    "text": _text,
    "image": _image,
    "video": _video,
    "audio": _audio,
    "voice": _audio,
    "sticker": _sticker,
    "document": _document,
    "location": _location,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "request_welcome": _welcome,
}


def _contacts(cards: Any, _: Translate) -> str:
    lines: list[str] = []
    for card in cards if isinstance(cards, list) else []:
        if not isinstance(card, dict):
            continue
        name, phones = card.get("name"), card.get("phones")
        shown = [said(name, "formatted_name") if isinstance(name, dict) else ""]
        shown += [said(p, "phone") for p in phones if isinstance(p, dict)] if isinstance(phones, list) else []
        lines.append(" ".join(part for part in shown if part))
    return _beside(_("[Contact]"), *lines)


def _unsupported(kind: str, message: Tree, _: Translate) -> str:
    errors = message.get("errors")
    why = (
        [said(e, "title") or said(e, "message") for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    )
    inner = message.get("unsupported")
    named = kind if kind not in ("", "unsupported", "unknown", "errors") else ""
    if not named and isinstance(inner, dict):
        named = said(inner, "type")
    return _beside(_("[A message that can't be shown here]"), named[:60], *why)


def _beside(label: str, *parts: str) -> str:
    return " ".join(part for part in (label, *parts) if part)


def said(tree: Tree, key: str) -> str:
    """A text or number at a key; empty for anything else."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean(str(value)).strip()
