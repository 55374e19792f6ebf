"""A file's content as an answer, so that nothing in it ever runs in the name of this server.

Everything is a download of no particular type, except what is on a short list of pictures, sounds and films: a browser may
show those, under the type on the list. Nobody looks into the content to guess a type (`nosniff`), and the answer's own
policy forbids it everything, also when it is opened as a page.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from litestar import Response

from duly_runtime.store.api import Missing, Store
from duly_runtime.store.files_api import FileRow

SHOWN = {
    "image/png": "image",
    "image/jpeg": "image",
    "image/gif": "image",
    "image/webp": "image",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/aac": "audio",
    "audio/ogg": "audio",
    "audio/wav": "audio",
    "audio/webm": "audio",
    "video/mp4": "video",
    "video/webm": "video",
    "video/ogg": "video",
}
"""Types a browser may show, and as what. No SVG, no PDF, no HTML: they hold scripts."""

POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A browser that opens a picture or a film makes a page around it, with styles of its own."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def shown_as(file: FileRow) -> str:
    """`image`, `audio` or `video` where it may be shown, else empty."""
    return SHOWN.get(plain_type(file), "") if file.state == "stored" else ""


def plain_type(file: FileRow) -> str:
    """The type as it was said, without parameters (`audio/ogg; codecs=opus`)."""
    return file.media_type.partition(";")[0].strip().lower()


async def answer(store: Store, file: FileRow, *, show: bool = False, ranged: str = "") -> Response[Any]:
    """The content of a file; `show` to be shown in the browser where that is safe. `ranged` is the request's Range header
    (one range; RFC 9110, 14.2), for players. Raises Missing where the content is not there."""
    if file.state != "stored":
        raise Missing("the content of this file is not there")
    kind = shown_as(file) if show else ""
    headers = {
        "content-disposition": disposition(file.name, inline=bool(kind)),
        "content-security-policy": POLICY,
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "private, max-age=86400",  # a key's content never changes
        "x-content-type-options": "nosniff",
        "accept-ranges": "bytes",
    }
    media_type = plain_type(file) if kind else "application/octet-stream"
    part = _part(ranged, file.size)
    if part is None:
        return Response(await store.content(file.sha256), media_type=media_type, headers=headers)
    start, end = part
    if start >= end:
        headers["content-range"] = f"bytes */{file.size}"
        return Response(b"", status_code=416, media_type=media_type, headers=headers)
    headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    data = await store.content(file.sha256, start, end - start)
    return Response(data, status_code=206, media_type=media_type, headers=headers)


def _part(ranged: str, size: int) -> tuple[int, int] | None:
    """The bytes asked for, end excluded; None for all. A start beyond the end can't be satisfied."""
    found = _RANGE.fullmatch(ranged.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(size - int(found[2]), 0), size
    return int(found[1]), min(int(found[2]) + 1, size) if found[2] else size


def disposition(name: str, *, inline: bool = False) -> str:
    """How to take it, and its name: in ASCII, and as it is (RFC 6266). Nothing in a name can end the header."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", plain).strip(". ") or "file"
    how = "inline" if inline else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
