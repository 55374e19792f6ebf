"""What we say to Telegram: the method and its body. Limits are those of the Bot API's documentation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec

from duly_connectors.contract import clean
from duly_runtime.doors import OutFile, Outgoing

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LARGEST_PHOTO = 10 * 1024 * 1024
PHOTOS = frozenset(("image/jpeg", "image/png", "image/webp"))
_CHAT = re.compile(r"-?[0-9]{1,19}|@[A-Za-z][A-Za-z0-9_]{3,31}")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    content_type: str
    body: bytes


def call_for(item: Outgoing, _: Callable[[str], str]) -> Call | str:
    """The call that delivers it, or why it can't be delivered, however often it is tried."""
    chat, text = item.to.address.strip(), clean(item.text)
    if item.kind == "call":
        return _("Telegram takes messages, not events.")
    if not _CHAT.fullmatch(chat):
        return _("No Telegram chat of the recipient is known.")
    if len(item.files) > 1:
        return _("Telegram takes one file a message.")
    if not item.files:
        if not text.strip():
            return _("There is no text to send.")
        if len(text) > LONGEST_TEXT:
            return _("Telegram takes at most {count} characters in a message.").format(count=LONGEST_TEXT)
        body = msgspec.json.encode({"chat_id": chat, "text": text, **_quoting(item, chat)})
        return Call(method="sendMessage", content_type="application/json", body=body)
    if len(text) > LONGEST_CAPTION:
        return _("Telegram takes at most {count} characters with a file.").format(count=LONGEST_CAPTION)
    (file,) = item.files
    photo = file.media_type.lower() in PHOTOS and len(file.data) <= LARGEST_PHOTO
    quoting = {key: msgspec.json.encode(value).decode() for key, value in _quoting(item, chat).items()}
    content_type, form = _form({"chat_id": chat, "caption": text, **quoting}, "photo" if photo else "document", file)
    return Call(method="sendPhoto" if photo else "sendDocument", content_type=content_type, body=form)


def _quoting(item: Outgoing, chat: str) -> dict[str, object]:
    """The message it answers, where that is of the same chat. One that was deleted meanwhile is no reason not to send."""
    where, _slash, number = item.reply_to.rpartition("/")
    if where != chat or not number.isdecimal():
        return {}
    return {"reply_parameters": {"message_id": int(number), "allow_sending_without_reply": True}}


def _form(fields: dict[str, str], name: str, file: OutFile) -> tuple[str, bytes]:
    """`multipart/form-data` (RFC 7578). The boundary is made of the content, so that a repeat is the same request."""
    boundary = "duly-" + hashlib.sha256(file.data).hexdigest()[:32]
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
        if value
    ]
    called = re.sub(r'[\x00-\x1f\x7f"\\]', "_", clean(file.name))[:200] or "file"
    media_type = file.media_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.media_type) else "application/octet-stream"
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="{called}"\r\n'
    parts += [f"{head}content-type: {media_type}\r\n\r\n".encode(), file.data, f"\r\n--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)
