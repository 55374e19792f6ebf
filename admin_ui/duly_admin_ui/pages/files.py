"""Files of messages: shown, taken home, fetched again; and those a person attaches."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.serving import answer
from duly_runtime.attaching import attached, file_name, media_type, too_large
from duly_runtime.doors import MAX_FILE
from duly_runtime.events import File
from duly_runtime.store.api import Missing
from duly_runtime.store.files_api import FileRow

FORM_SIZE = MAX_FILE + 1024 * 1024
"""Bytes of a form with files: them, the text, and what goes around."""


async def of_card(page: Page, number: int, key: str) -> FileRow:
    """The card's file of that key; Missing where another card's key is tried at this card's address."""
    store = page.services.store
    file = await store.file(key)
    if file.card_id != await store.card_id(number):
        raise Missing("there is no such file")
    return file


async def chosen(page: Page) -> tuple[File, ...]:
    """The files of the form that was posted: those chosen now, uploaded, and those kept from an attempt that was refused.
    Raises CannotAttach."""
    store = page.services.store
    form = await page.request.form()
    files: list[File] = []
    for text in form.getall("kept", []):
        try:
            files.append(msgspec.json.decode(str(text), type=File))
        except msgspec.DecodeError:
            continue  # not what our page wrote
    total = 0
    for upload in await page.uploads("files"):
        data = await upload.read()
        total += len(data)
        if total > MAX_FILE:
            raise too_large()
        if data or upload.filename:
            sha256 = await store.upload(data, page.now)
            name, kind = file_name(upload.filename), media_type(upload.content_type)
            files.append(File(name=name, media_type=kind, size=len(data), sha256=sha256))
    return await attached(store, files)


@get("/cards/{number:int}/files/{key:str}", guards=[needs("cards.read")])
async def download(page: NamedDependency[Page], number: FromPath[int], key: FromPath[str]) -> Response[Any]:
    return await answer(page.services.store, await of_card(page, number, key))


@get("/cards/{number:int}/files/{key:str}/view", guards=[needs("cards.read")])
async def view(page: NamedDependency[Page], number: FromPath[int], key: FromPath[str]) -> Response[Any]:
    """In the browser where that is safe, else a download."""
    file = await of_card(page, number, key)
    return await answer(page.services.store, file, show=True, ranged=page.request.headers.get("range", ""))


@post("/cards/{number:int}/files/{key:str}/fetch", status_code=200, guards=[needs("cards.work")])
async def fetch_again(page: NamedDependency[Page], number: FromPath[int], key: FromPath[str]) -> Response[Any]:
    await page.services.fetch_again(await of_card(page, number, key))
    return go(f"/cards/{number}")


HANDLERS = (download, view, fetch_again)
