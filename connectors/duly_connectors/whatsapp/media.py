"""Files at Meta: which are sent as what, how they are put there, and which addresses a file is fetched from.

"Media" and "Supported media types" of the Cloud API, read for v25.0.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from duly_connectors.contract import clean
from duly_runtime.doors import MAX_FILE, Failed, OutFile

MEGABYTE = 1024 * 1024
TYPES: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("image/jpeg", "image/png"), ("image", 5 * MEGABYTE)),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), ("audio", 16 * MEGABYTE)),
    **dict.fromkeys(("video/mp4", "video/3gpp"), ("video", 16 * MEGABYTE)),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        ("document", 100 * MEGABYTE),
    ),
}
"""Media type -> the kind of message it is sent as, and the bytes Meta takes of it."""
CAPTIONED = frozenset(("image", "video", "document"))
LONGEST_CAPTION = 1024
HOSTS = ("facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net")
"""Where Meta keeps files; nowhere else gets to see the access token."""
NAME_CAP = 240
_ID = re.compile(r"[0-9A-Za-z_-]{1,200}")

Translate = Callable[[str], str]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is put at Meta, and the kind of message that shows it."""

    kind: str
    content_type: str
    body: bytes
    name: str


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file can be fetched for the next minutes, and what it will be."""

    url: str
    media_type: str
    size: int
    sha256: str
    """In lower-case hexadecimal; empty where Meta does not say."""


def sent_as(file: OutFile, _: Translate) -> tuple[str, str] | Failed:
    """The media type a file is sent under and the kind of message, or why it can't be."""
    given = file.media_type.partition(";")[0].strip().lower()
    if given.startswith("text/"):
        given = "text/plain"  # a table or a log is text, and Meta knows no other
    known = TYPES.get(given)
    if known is None:
        words = _("WhatsApp takes no files like `{name}` ({type}): send it as a PDF, or by e-mail.")
        return Failed(reason=words.format(name=_name(file), type=given or "?"))
    kind, most = known
    if len(file.data) > most or not file.data:
        words = _("WhatsApp takes files of this type from 1 byte to {count} MB, and `{name}` is not.")
        return Failed(reason=words.format(name=_name(file), count=most // MEGABYTE))
    return given, kind


def upload(file: OutFile, _: Translate) -> Upload | Failed:
    """The request's body for `POST /{phone number id}/media` (multipart/form-data, RFC 7578)."""
    sent = sent_as(file, _)
    if isinstance(sent, Failed):
        return sent
    media_type, kind = sent
    boundary = hashlib.sha256(file.data).hexdigest()
    while boundary.encode() in file.data:  # nobody can make this happen, and it costs nothing to be sure
        boundary = hashlib.sha256(boundary.encode()).hexdigest()
    name = _name(file)
    quoted = "".join({'"': "%22", "\r": "%0D", "\n": "%0A"}.get(c, c) for c in name)

    def field(key: str, text: str) -> bytes:
        return f'--{boundary}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'.encode()

    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{quoted}"\r\n'
    head += f"content-type: {media_type}\r\n\r\n"
    body = field("messaging_product", "whatsapp") + field("type", media_type)
    body += head.encode() + file.data + f"\r\n--{boundary}--\r\n".encode()
    return Upload(kind=kind, content_type=f"multipart/form-data; boundary={boundary}", body=body, name=name)


def content(kind: str, media_id: str, name: str, text: str) -> dict[str, Any]:
    """The part of a message that shows a file, `text` as its caption."""
    media: dict[str, Any] = {"id": media_id}
    if text:
        media["caption"] = text
    if kind == "document":
        media["filename"] = name
    return {"type": kind, kind: media}


def address(tree: dict[str, Any]) -> Address | None:
    """What `GET /{media id}` says; None where there is no address in it."""
    url = tree.get("url")
    if not isinstance(url, str) or not url:
        return None
    size, given = tree.get("file_size"), tree.get("mime_type")
    return Address(
        url=url,
        media_type=clean(given)[:200] if isinstance(given, str) else "",
        size=int(size) if isinstance(size, int | str) and str(size).isascii() and str(size).isdigit() else 0,
        sha256=_hexadecimal(tree.get("sha256")),
    )


def is_reference(text: str) -> bool:
    """Whether a text can be an id of Meta's, and so stand in an address."""
    return bool(_ID.fullmatch(text))


def is_metas(url: str, api: str) -> bool:
    """Whether an address is one of Meta's own, or of the server that stands in for Meta (`api` in the files)."""
    try:
        parts, ours = urlsplit(url), urlsplit(api)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    if (parts.scheme, host, port) == (ours.scheme, ours.hostname, ours.port):
        return True
    known = any(host == name or host.endswith(f".{name}") for name in HOSTS)
    return parts.scheme == "https" and port in (None, 443) and known


def wrong(data: bytes, said: Address, _: Translate) -> str:
    """How what came differs from what Meta said would come; empty where it does not."""
    if len(data) > MAX_FILE or said.size > MAX_FILE:
        return _("The file is larger than {count} MB.").format(count=MAX_FILE // MEGABYTE)
    if (said.size and len(data) != said.size) or (said.sha256 and hashlib.sha256(data).hexdigest() != said.sha256):
        return _("What came is not the file Meta said: its size or its hash differ.")
    return ""


def _hexadecimal(given: Any) -> str:
    """Meta writes hashes in hexadecimal here and in base64 there."""
    if not isinstance(given, str):
        return ""
    text = given.strip()
    try:
        if len(text) == 64:
            return bytes.fromhex(text).hex()
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return ""
    return raw.hex() if len(raw) == 32 else ""


def _name(file: OutFile) -> str:
    return "".join(c for c in clean(file.name) if c.isprintable()).strip()[:NAME_CAP] or "file"
