"""A mail as it was written: its HTML, cleaned when it came in (`duly_connectors.mail.html`), as a page of its own.

The page's policy forbids whatever cleaning might have missed: no script, nothing from elsewhere, no forms. Pictures are the
message's own files. It has our origin, since browsers send no cookies for the pictures of a page without one, and it can do
nothing with that.
"""

from __future__ import annotations

import html
import re
from typing import Any

from litestar import Response

from duly_admin_ui.serving import shown_as
from duly_runtime.store.api import Message, Missing, Store

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
_PICTURE = re.compile(r'src="cid:([^"]*)"')
_STYLE = (
    "body{margin:1rem;font:1rem/1.5 system-ui,sans-serif;color:#111;background:#fff;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}"
)


async def answer(store: Store, number: int, message: Message, language: str, title: str, icon: str) -> Response[Any]:
    """`number` is the card's, `icon` an address. Raises Missing where the message did not come as HTML."""
    if not message.html:
        raise Missing("this message is text and nothing else")
    source = (await store.content(message.html)).decode()
    pictures = {file.inline: file.key for file in message.files if file.inline and shown_as(file) == "image"}

    def picture(found: re.Match[str]) -> str:
        key = pictures.get(html.unescape(found[1]))
        return f'src="/cards/{number}/files/{key}/view"' if key else ""

    page = (
        f'<!doctype html><html lang="{html.escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f'<link rel="icon" href="{html.escape(icon)}" type="image/svg+xml"><base target="_blank">'
        f"<style>{_STYLE}</style></head><body>{_PICTURE.sub(picture, source)}</body></html>"
    )
    headers = {
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "private, no-store",
    }
    return Response(page, media_type="text/html", headers=headers)
