"""A WhatsApp message as text a card can show. Text stays as it is; the rest is told in brackets, with whatever the
customer wrote beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duly_connectors.contract import clean

Translate = Callable[[str], str]
Tree = dict[str, Any]


def told(message: Tree, _: Translate) -> tuple[str, str]:
    """Kind and text of a message. The kind is Meta's word (`image`), `text`, or `unsupported` where Meta or we can't tell
    what it is; the text is never empty."""
    kind = _said(message, "type") or next((name for name in (*_TELL, "contacts") if message.get(name)), "")
    if kind == "contacts":
        return kind, _contacts(message.get(kind), _)
    body = message.get(kind) if kind else None
    content: Tree = body if isinstance(body, dict) else {}
    tell = _TELL.get(kind)
    if tell is not None:
        text = tell(content, _)
        if text:
            return kind, text
    return "unsupported", _unsupported(kind, message, _)


def _text(content: Tree, _: Translate) -> str:
    return _said(content, "body")


def _image(content: Tree, _: Translate) -> str:
    return _beside(_("[Image]"), _said(content, "caption"))


def _video(content: Tree, _: Translate) -> str:
    return _beside(_("[Video]"), _said(content, "caption"))


def _audio(content: Tree, _: Translate) -> str:
    return _("[Voice message]") if content.get("voice") is True else _("[Audio]")


def _sticker(content: Tree, _: Translate) -> str:
    return _("[Sticker]")


def _document(content: Tree, _: Translate) -> str:
    return _beside(_("[Document]"), _said(content, "filename"), _said(content, "caption"))


def _location(content: Tree, _: Translate) -> str:
    place = [_said(content, key) for key in ("name", "address")]
    at = [content.get(key) for key in ("latitude", "longitude")]
    if all(isinstance(n, int | float) and not isinstance(n, bool) for n in at):
        place.append(", ".join(str(n) for n in at))
    return _beside(_("[Location]"), *place, _said(content, "url"))


def _interactive(content: Tree, _: Translate) -> str:
    for name in ("button_reply", "list_reply"):
        chosen = content.get(name)
        if isinstance(chosen, dict):
            return _beside(_said(chosen, "title"), _said(chosen, "description"))
    form = content.get("nfm_reply")
    if isinstance(form, dict):
        return _beside(_("[Form]"), _said(form, "body"), _said(form, "response_json"))
    return ""


def _button(content: Tree, _: Translate) -> str:
    return _said(content, "text") or _said(content, "payload")


def _reaction(content: Tree, _: Translate) -> str:
    emoji = _said(content, "emoji")
    return _beside(_("[Reaction]"), emoji) if emoji else _("[Reaction taken back]")


def _order(content: Tree, _: Translate) -> str:
    items = content.get("product_items")
    lines = [_order_line(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return "\n".join([_beside(_("[Order]"), _said(content, "text")), *lines])


def _order_line(item: Tree) -> str:
    price = " ".join(part for part in (_said(item, "item_price"), _said(item, "currency")) if part)
    return f"- {_said(item, 'quantity') or '?'} × {_said(item, 'product_retailer_id') or '?'}" + (
        f" ({price})" if price else ""
    )


def _system(content: Tree, _: Translate) -> str:
    changes = [_said(content, key) for key in ("wa_id", "new_wa_id", "user_id")]
    return _beside(_("[WhatsApp]"), _said(content, "body") or " ".join(part for part in changes if part))


def _edit(content: Tree, _: Translate) -> str:
    inner = content.get("message")
    text = told(inner, _)[1] if isinstance(inner, dict) and "edit" not in inner else ""
    return _beside(_("[Edited]"), text)


def _revoke(content: Tree, _: Translate) -> str:
    return _("[Deleted a message]")


def _welcome(content: Tree, _: Translate) -> str:
    return _("[Opened the chat]")


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
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
    "request_welcome": _welcome,
}


def _contacts(cards: Any, _: Translate) -> str:
    lines: list[str] = []
    for card in cards if isinstance(cards, list) else []:
        if not isinstance(card, dict):
            continue
        name, phones = card.get("name"), card.get("phones")
        shown = [_said(name, "formatted_name") if isinstance(name, dict) else ""]
        shown += [_said(p, "phone") for p in phones if isinstance(p, dict)] if isinstance(phones, list) else []
        lines.append(" ".join(part for part in shown if part))
    return _beside(_("[Contact]"), *lines)


def _unsupported(kind: str, message: Tree, _: Translate) -> str:
    errors = message.get("errors")
    said = (
        [_said(e, "title") or _said(e, "message") for e in errors if isinstance(e, dict)]
        if isinstance(errors, list)
        else []
    )
    named = kind if kind not in ("", "unsupported", "unknown") else ""
    return _beside(_("[A message that can't be shown here]"), named[:60], *said)


def _beside(label: str, *parts: str) -> str:
    return " ".join(part for part in (label, *parts) if part)


def _said(tree: Tree, key: str) -> str:
    """A text or number at a key; empty for anything else."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean(str(value)).strip()
