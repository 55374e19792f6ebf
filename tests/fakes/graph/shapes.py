"""What Meta would say of a message's shape, by its type; empty where it is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9_-]{1,128}")


def wrong(message: Any) -> str:
    if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
        return "(#100) The parameter messaging_product is required."
    to, recipient = message.get("to"), message.get("recipient")
    if not to and not recipient:
        return "One of to and recipient must be given."
    if to and not str(to).lstrip("+").isdigit():
        return "to is not a phone number."
    if recipient and not _USER_ID.fullmatch(str(recipient)):
        return "recipient is not a business-scoped user id."
    if len(str(message.get("biz_opaque_callback_data", ""))) > 512:
        return "biz_opaque_callback_data must be at most 512 characters long."
    context = message.get("context")
    if context is not None and not (isinstance(context, dict) and isinstance(context.get("message_id"), str)):
        return "context.message_id must be the id of a message."
    kind = message.get("type", "text")
    check = _KINDS.get(kind)
    if check is None:
        return f"type must be one of {', '.join(_KINDS)}."
    content = message.get(kind)
    return check(content) if isinstance(content, dict) else f"{kind} must be an object."


def _length(text: Any, longest: int, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        return f"{what} must be 1 to {longest} characters long."
    return ""


def _text(text: Tree) -> str:
    return _length(text.get("body"), 4096, "text.body")


def _media(longest_caption: int, *, name: bool = False) -> Callable[[Tree], str]:
    def check(media: Tree) -> str:
        if bool(media.get("id")) == bool(media.get("link")):
            return "Exactly one of id and link must be given."
        caption = media.get("caption")
        if caption is not None and (not longest_caption or _length(caption, longest_caption, "caption")):
            return f"caption must be 1 to {longest_caption} characters long." if longest_caption else "No caption here."
        if "filename" in media and not name:
            return "Only a document has a filename."
        return ""

    return check


def _reaction(reaction: Tree) -> str:
    fine = isinstance(reaction.get("message_id"), str) and isinstance(reaction.get("emoji"), str)
    return "" if fine else "A reaction names a message and an emoji."


def _interactive(content: Tree) -> str:
    body = content.get("body")
    text = body.get("text") if isinstance(body, dict) else None
    action = content.get("action")
    if not isinstance(action, dict):
        return "interactive.action is required."
    problem = _above(content["header"], content.get("type")) if "header" in content else ""
    if problem:
        return problem
    match content.get("type"):
        case "button":
            return _length(text, 1024, "interactive.body.text") or _buttons(action.get("buttons"))
        case "list":
            return (
                _length(text, 4096, "interactive.body.text")
                or _length(action.get("button"), 20, "interactive.action.button")
                or _sections(action.get("sections"))
            )
        case _:
            return "interactive.type must be button or list."


def _above(header: Any, kind: Any) -> str:
    sort = header.get("type") if isinstance(header, dict) else None
    if sort == "text":
        return _length(header.get("text"), 60, "interactive.header.text")
    if kind == "list" or sort not in ("image", "video", "document"):
        return "interactive.header must be a text, or above buttons an image, a video or a document."
    return _media(0)(header.get(sort, {}))


def _buttons(buttons: Any) -> str:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        return "There must be 1 to 3 buttons."
    for button in buttons:
        reply = button.get("reply", {})
        problem = _length(reply.get("id"), 256, "button id") or _length(reply.get("title"), 20, "button title")
        if problem or button.get("type") != "reply":
            return problem or "A button is of the type reply."
    return _unlike([button["reply"] for button in buttons])


def _sections(sections: Any) -> str:
    if not isinstance(sections, list) or not 1 <= len(sections) <= 10:
        return "There must be 1 to 10 sections."
    rows = [row for section in sections for row in section.get("rows", [])]
    if not 1 <= len(rows) <= 10:
        return "There must be 1 to 10 rows in all sections together."
    if len(sections) > 1 and any(_length(section.get("title"), 24, "section title") for section in sections):
        return "Each of several sections has a title of 1 to 24 characters."
    for row in rows:
        problem = _length(row.get("id"), 200, "row id") or _length(row.get("title"), 24, "row title")
        if not problem and "description" in row:
            problem = _length(row["description"], 72, "row description")
        if problem:
            return problem
    return _unlike(rows)


def _unlike(answers: list[Tree]) -> str:
    for key in ("id", "title"):
        if len({one[key] for one in answers}) < len(answers):
            return f"Two answers have the same {key}."
    return ""


def _template(template: Tree) -> str:
    if not re.fullmatch(r"[a-z0-9_]{1,512}", str(template.get("name", ""))):
        return "template.name must be small letters, digits and underscores."
    language = template.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(code, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2,4})?", code):
        return "template.language.code must be a locale like pt_BR."
    components = template.get("components", [])
    if not isinstance(components, list):
        return "template.components must be a list."
    for component in components:
        if component.get("type") not in ("header", "body", "button"):
            return "A component is a header, a body or a button."
        values = component.get("parameters")
        if not isinstance(values, list) or not values:
            return "A component has parameters."
        problem = next((problem for value in values if (problem := _parameter(value))), "")
        if problem:
            return problem
    return ""


def _parameter(value: Tree) -> str:
    kind = value.get("type")
    if kind in ("image", "video", "document"):
        return _media(0, name=kind == "document")(value.get(kind, {}))
    text = value.get("text")
    if kind != "text" or not isinstance(text, str) or not text.strip():
        return "(#131008) A parameter must be a text that is not empty."
    if re.search(r"[\n\t]|    ", text):
        return "A parameter can't have new lines, tabs or more than 4 spaces."
    return ""


_KINDS: dict[Any, Callable[[Tree], str]] = {
    "text": _text,
    "image": _media(1024),
    "video": _media(1024),
    "document": _media(1024, name=True),
    "audio": _media(0),
    "sticker": _media(0),
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _template,
}
