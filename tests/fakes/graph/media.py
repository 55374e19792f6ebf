"""Files at Meta: uploaded by us or sent by customers, each behind an id, downloaded at an address that expires."""

from __future__ import annotations

import dataclasses
import email.parser
import email.policy
import hashlib
import itertools
from typing import Any

from fakes.graph.errors import Answer, error

URL_SECONDS = 300
ID_SECONDS = 30 * 24 * 3600
LARGEST = 100 * 1024 * 1024
SIZES = {
    "image/jpeg": 5, "image/png": 5, "image/webp": 0.5,
    "audio/aac": 16, "audio/amr": 16, "audio/mpeg": 16, "audio/mp4": 16, "audio/ogg": 16,
    "video/mp4": 16, "video/3gpp": 16,
    "text/plain": 100, "application/pdf": 100, "application/msword": 100, "application/vnd.ms-excel": 100,
    "application/vnd.ms-powerpoint": 100,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": 100,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": 100,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": 100,
}  # fmt: skip
"""Megabytes Meta takes of each type."""


@dataclasses.dataclass
class Medium:
    id: str
    data: bytes
    media_type: str
    name: str
    made_at: float

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Media:
    """`downloads` counts what was fetched of each id. `tampered` ids come with another content than their hash says."""

    def __init__(self) -> None:
        self.kept: dict[str, Medium] = {}
        self.downloads: dict[str, int] = {}
        self.tampered: set[str] = set()
        self._addresses: dict[str, tuple[str, float]] = {}
        self._ids = itertools.count(1)

    def add(self, data: bytes, media_type: str, now: float, name: str = "") -> Medium:
        made = Medium(f"90010{next(self._ids):010}", data, media_type, name, now)
        self.kept[made.id] = made
        return made

    def upload(self, content_type: str, body: bytes, now: float) -> Answer:
        parts = _form(content_type, body)
        file = parts.get("file")
        if parts.get("messaging_product", (b"", "", ""))[0] != b"whatsapp" or file is None:
            return error(100, "messaging_product and file are required")
        data, media_type, name = file
        media_type = parts["type"][0].decode() if "type" in parts else media_type
        if not name or media_type not in SIZES:
            return error(131053, f"Param file must be a file with one of the types {', '.join(SIZES)}; got {media_type}")
        if not data or len(data) > SIZES[media_type] * 1024 * 1024:
            return error(131053, f"{media_type}: at most {SIZES[media_type]} MB")
        return 200, {"id": self.add(data, media_type, now, name).id}

    def address(self, base: str, media_id: str, now: float) -> Answer:
        found = self.kept.get(media_id)
        if found is None or now - found.made_at > ID_SECONDS:
            return error(100, f"Object with ID '{media_id}' does not exist", subcode=33)
        key = f"{media_id}.{len(self._addresses)}"
        self._addresses[key] = (media_id, now + URL_SECONDS)
        return 200, {
            "messaging_product": "whatsapp",
            "url": f"{base}/whatsapp_business/attachments/?mid={key}",
            "mime_type": found.media_type,
            "sha256": found.sha256,
            "file_size": len(found.data),
            "id": media_id,
        }

    def download(self, key: str, now: float) -> tuple[int, str, bytes]:
        """Status, type, content."""
        media_id, until = self._addresses.get(key, ("", 0.0))
        if media_id not in self.kept or now > until:
            return 404, "text/plain", b"Not found"
        found = self.kept[media_id]
        self.downloads[media_id] = self.downloads.get(media_id, 0) + 1
        return 200, found.media_type, found.data[::-1] if media_id in self.tampered else found.data

    def delete(self, media_id: str) -> Answer:
        if self.kept.pop(media_id, None) is None:
            return error(100, f"Object with ID '{media_id}' does not exist", subcode=33)
        return 200, {"success": True}

    def wrong(self, message: dict[str, Any]) -> Answer | None:
        """A message that names a file Meta does not have, or one of another kind."""
        kind = message.get("type")
        media = message.get(kind) if isinstance(kind, str) else None
        media_id = media.get("id") if isinstance(media, dict) and kind not in ("reaction", "interactive") else None
        if not media_id:
            return None
        found = self.kept.get(str(media_id))
        if found is None:
            return error(131009, f"Media with ID {media_id} does not exist")
        family = found.media_type.split("/")[0]
        if kind != ("document" if family in ("text", "application") else family) and kind not in ("document", "sticker"):
            return error(131053, f"{found.media_type} can't be sent as {kind}")
        return None


def _form(content_type: str, body: bytes) -> dict[str, tuple[bytes, str, str]]:
    """multipart/form-data: name -> (content, type, file name)."""
    head = f"content-type: {content_type}\r\nmime-version: 1.0\r\n\r\n".encode()
    tree = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: dict[str, tuple[bytes, str, str]] = {}
    for part in tree.iter_parts() if tree.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = (content, part.get_content_type(), part.get_filename() or "")
    return found
