"""An update of Telegram's as events. Nothing a person sent is lost: what can't be shown is named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from duly_connectors.contract import clean
from duly_dsl import program
from duly_runtime.doors import Inbound, Parsed
from duly_runtime.events import Contact, CustomerMessage, File, MessageChanged

CAP = 200
"""Characters of names and ids."""
NEW = ("message", "channel_post", "business_message")
EDITED = ("edited_message", "edited_channel_post", "edited_business_message")
FILES = ("animation", "document", "audio", "voice", "video", "video_note", "sticker")
"""Fields of a message that are a file. An animation comes a second time as a document."""
ABOUT = frozenset((
    "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
    "sender_business_bot", "date", "business_connection_id", "chat", "forward_origin", "is_topic_message",
    "is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story", "via_bot", "edit_date",
    "has_protected_content", "is_from_offline", "media_group_id", "author_signature", "paid_star_count", "text",
    "entities", "link_preview_options", "effect_id", "caption", "caption_entities", "show_caption_above_media",
    "has_media_spoiler", "reply_markup", "forward_date", "forward_from", "forward_from_chat",
))  # fmt: skip
"""Fields that say how a message came, not what it is."""
LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""

Gettext = Callable[[str], str]


def events_of(tree: object, received_at: dt.datetime, door: program.Connector, _: Gettext) -> Parsed:
    """The events of one update. `update_id` names it: Telegram repeats an update until it is answered with 2xx."""
    if not isinstance(tree, dict) or not _whole(tree.get("update_id")):
        return Parsed(problems=(_("The update has no update_id."),))
    for kind in (*NEW, *EDITED):
        message = tree.get(kind)
        if isinstance(message, dict):
            return _message(message, tree["update_id"], kind in EDITED, received_at, door, _)
    kinds = ", ".join(sorted(clean(str(key))[:CAP] for key in tree if key != "update_id")) or "-"
    return Parsed(problems=(_("An update of a kind that holds no message: {kind}.").format(kind=kinds),))


def _message(
    message: dict[str, Any], update: int, edited: bool, received_at: dt.datetime, door: program.Connector, _: Gettext
) -> Parsed:
    chat = _dict(message, "chat")
    if not _whole(chat.get("id")):
        return Parsed(problems=(_("The message names no chat."),))
    address, number = str(chat["id"]), message.get("message_id")
    sender = _dict(message, "from") or _dict(message, "sender_chat") or chat
    original = f"{address}/{number}" if _whole(number) else ""
    kind, text, files = _content(message, _)
    at = _time(message.get("edit_date") if edited else message.get("date"), received_at)
    if edited:
        if not original:
            return Parsed(problems=(_("The edit names no message."),))
        # What was said before stays; the edit is shown with it, and is no reply.
        body = MessageChanged(
            connector=door.name,
            conversation=address,
            provider_id=original,
            change="edited",
            text=text,
            author=_name(sender) if chat.get("type") != "private" else "",
        )
        return Parsed(items=(Inbound(key=f"update-{update}", at=at, body=body),))
    body = CustomerMessage(
        text=text,
        contact=Contact(name=_name(sender), address=address),
        channel="telegram",
        connector=door.name,
        conversation=address,
        pipeline=door.pipeline,
        provider_id=original,
        automatic=sender.get("is_bot") is True,
        kind=kind,
        files=files,
        reply_to=_answered(message, address),
    )
    return Parsed(items=(Inbound(key=f"update-{update}", at=at, body=body),))


def _answered(message: dict[str, Any], address: str) -> str:
    """The message it quotes, of the same chat; of another one nothing is known here."""
    quoted = _dict(message, "reply_to_message")
    chat, number = _dict(quoted, "chat").get("id"), quoted.get("message_id")
    return f"{address}/{number}" if _whole(number) and str(chat) == address else ""


def _content(message: dict[str, Any], _: Gettext) -> tuple[str, str, tuple[File, ...]]:
    """What the message is, as text and files."""
    text = _text(message, "text") or _text(message, "caption")
    if photo := _photo(message.get("photo")):
        return "image", text, (photo,)
    for kind in FILES:
        if file := _file(_dict(message, kind), kind):
            emoji = _text(_dict(message, kind), "emoji") if kind == "sticker" else ""
            return kind, text or emoji, (file,)
    if place := _place(message):
        return "location", "\n".join(part for part in (text, place) if part), ()
    if someone := _dict(message, "contact"):
        parts = (_name(someone), _text(someone, "phone_number"))
        return "contact", "\n".join(part for part in (text, *parts) if part) or _("A contact"), ()
    if isinstance(message.get("text"), str):
        return "text", text, ()
    kind = next((clean(str(key))[:CAP] for key in message if key not in ABOUT), "") or "unsupported"
    return kind, text or _("[{kind}]").format(kind=kind), ()


def _photo(sizes: object) -> File | None:
    """The largest size there is; Telegram lists them from small to large."""
    for size in reversed(sizes) if isinstance(sizes, list) else ():
        if isinstance(size, dict) and (file := _file(size, "photo")):
            return File(name="", media_type="image/jpeg", size=file.size, reference=file.reference)
    return None


def _file(found: dict[str, Any], kind: str) -> File | None:
    reference, size = found.get("file_id"), found.get("file_size")
    if not isinstance(reference, str) or not reference.strip() or len(reference) > CAP:
        return None
    return File(
        name=_text(found, "file_name")[:CAP] or ("" if kind == "photo" else kind.replace("_", " ")),
        media_type=_text(found, "mime_type")[:CAP] or {"sticker": "image/webp", "video_note": "video/mp4"}.get(kind, ""),
        size=size if _whole(size) and 0 <= size < 2**53 else 0,
        reference=clean(reference),
    )


def _place(message: dict[str, Any]) -> str:
    venue = _dict(message, "venue")
    where = _dict(message, "location") or _dict(venue, "location")
    latitude, longitude = where.get("latitude"), where.get("longitude")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in (latitude, longitude)):
        return ""
    return "\n".join(part for part in (_text(venue, "title"), _text(venue, "address"), f"{latitude}, {longitude}") if part)


def _name(person: dict[str, Any]) -> str:
    full = " ".join(part for part in (_text(person, "first_name"), _text(person, "last_name")) if part)
    return (full or _text(person, "title") or _text(person, "username"))[:CAP]


def _dict(tree: dict[str, Any], key: str) -> dict[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _text(tree: dict[str, Any], key: str) -> str:
    found = tree.get(key)
    return clean(found) if isinstance(found, str) else ""


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _time(seconds: object, received_at: dt.datetime) -> dt.datetime:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= LAST_SECOND:
        return received_at
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
