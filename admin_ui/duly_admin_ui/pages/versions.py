"""What has been live: every published version, its text, and the way back."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go


@get("/versions", guards=[needs("rules.read")])
async def versions(page: NamedDependency[Page]) -> Response[Any]:
    published = page.request.query_params.get("published", "")
    return page.render("versions.html", rows=await page.services.store.versions(), published=published)


@get("/versions/{program_hash:str}", guards=[needs("rules.read")])
async def version(page: NamedDependency[Page], program_hash: FromPath[str]) -> Response[Any]:
    """Its files, read only; lines can be pointed at (`#L12`)."""
    found = await page.services.store.version(program_hash)
    paths = sorted(found.sources)
    wanted = page.request.query_params.get("file", "")
    chosen = wanted if wanted in found.sources else (paths[0] if paths else "")
    row = next((row for row in await page.services.store.versions() if row.hash == found.hash), None)
    text = found.sources.get(chosen, "")
    return page.render("version.html", version=found, row=row, paths=paths, chosen=chosen, text=text)


@post("/versions/{program_hash:str}/restore", status_code=303, guards=[needs("rules.edit")])
async def restore(page: NamedDependency[Page], program_hash: FromPath[str]) -> Response[Any]:
    """Make a draft of an old version's files; a draft someone else is writing is not overwritten without being seen."""
    store = page.services.store
    found = await store.version(program_hash)
    draft = await store.draft()
    form = await page.form()
    if draft is not None and form.get("revision") != str(draft.revision):
        return page.render("restore.html", status=409, version=found, draft=draft)
    revision = draft.revision if draft is not None else 0
    await store.save_draft(found.sources, await store.active_hash(), page.name, revision, page.now)
    return go("/rules")


HANDLERS = (versions, version, restore)
