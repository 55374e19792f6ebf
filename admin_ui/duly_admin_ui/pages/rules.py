"""The rules of the workspace as text: written as a draft, checked as one types, published when they hold."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from duly_admin_ui import words
from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages import rule_editing, rule_tests
from duly_admin_ui.pages.workbench import VIEWS, Beside, graph_of, svg_of
from duly_admin_ui.rule_files import Workspace, place, proper, workspace
from duly_admin_ui.services import Refused
from duly_dsl import edits
from duly_dsl.build import Built
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.services.completion import complete
from duly_dsl.services.hover import hover
from duly_dsl.services.index import Index, Place
from duly_dsl.source import SourceFile
from duly_runtime.store.api import Conflict


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the files as the editor holds them; line and column count from 1, columns in code points."""

    sources: dict[str, str]
    path: str
    line: int
    column: int


class Unformatted(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` is the draft's that was loaded, 0 where there was none."""

    sources: dict[str, str]
    base: str
    revision: int


def problem(found: Diagnostic, language: str) -> dict[str, Any]:
    """A diagnostic as the editor wants it."""
    return {
        "code": found.code,
        "name": found.name,
        "severity": found.severity.value,
        "span": place(found.span),
        **words.diagnostic(found, language),
        "nearest": found.nearest,
        "fixes": [{"title": fix.title, "span": place(fix.span), "text": fix.text} for fix in found.fixes],
        "related": [{"span": place(span), "text": text} for span, text in found.related],
    }


async def show(
    page: Page, *, status: int = 200, refused: str = "", chosen: str = "", text: str | None = None, tested: bool = False
) -> Response[Any]:
    """The editor. `text` is what was typed into `chosen`, where it could not be saved; `tested`: run the tests first."""
    work = await workspace(page)
    sources = dict(work.sources)
    wanted = chosen or page.request.query_params.get("file", "")
    if text is not None and wanted:
        sources[wanted] = text
    paths = sorted(sources)
    file = wanted if wanted in sources else paths[0] if paths else ""
    built = await page.services.built(sources) if sources else None
    found = built.diagnostics if built is not None else ()
    asked = page.request.query_params.get("view", "")
    view = "tests" if tested else asked if asked in VIEWS else VIEWS[0]
    if built is None:
        view, values = VIEWS[0], {}
    elif tested:
        values = await _tested(page, sources, built)
    else:
        values = await _beside(page, view, sources, built, file)
    nonce = page.new_nonce()
    return page.render(
        "rules.html",
        status=status,
        nonce=nonce,
        work=work,
        view=view,
        views=VIEWS,
        paths=paths,
        chosen=file,
        sources=sources,
        state=msgspec.json.encode({"sources": sources, "base": work.base, "revision": work.revision})
        .decode()
        .replace("<", "\\u003c"),
        problems=[problem(item, page.language) for item in found],
        errors=sum(item.severity is Severity.ERROR for item in found),
        refused=refused,
        editable=page.may("rules.edit"),
        **values,
    )


async def _beside(page: Page, view: str, sources: dict[str, str], built: Built, file: str) -> dict[str, Any]:
    """What the template of a view needs."""
    match view:
        case "graph":
            return await graph_of(page, built)
        case "form":
            line = page.request.query_params.get("line", "")
            at = int(line) if line.isdecimal() and len(line) < 7 else 1
            return {"form": await rule_editing.form_at(sources, file, at)}
        case _:
            return {"tally": None}


async def _tested(page: Page, sources: dict[str, str], built: Built) -> dict[str, Any]:
    tally = rule_tests.Tally(0)
    async for so_far in rule_tests.runs(page, sources, built):
        tally = so_far
    return rule_tests.shown(page, tally)


@get("/rules", guards=[needs("rules.read")])
async def rules(page: NamedDependency[Page]) -> Response[Any]:
    return await show(page)


@get("/rules/graph.svg", guards=[needs("rules.read")])
async def picture(page: NamedDependency[Page]) -> Response[Any]:
    """The picture of what is saved; the editor asks for that of what is typed."""
    return await svg_of(page, (await workspace(page)).sources)


@post("/rules/tests/saved", status_code=200, guards=[needs("rules.read")])
async def test_saved(page: NamedDependency[Page]) -> Response[Any]:
    """The plain form: the tests of what was saved last."""
    return await show(page, chosen=(await page.form()).get("file", ""), tested=True)


@post("/rules/check", status_code=200, guards=[needs("rules.read")])
async def check(page: NamedDependency[Page], data: JSONBody[Beside]) -> dict[str, Any]:
    found = await page.services.check(proper(data.sources))
    return {"problems": [problem(item, page.language) for item in found]}


@post("/rules/complete", status_code=200, guards=[needs("rules.read")])
async def complete_text(page: NamedDependency[Page], data: JSONBody[Asked]) -> dict[str, Any]:
    """What can be written at a place: by the grammar, and by the names in all files."""
    here = Place(data.path, data.line, data.column)
    found = await asyncio.to_thread(complete, indexed(data.sources), here, page.language)
    return {
        "options": [
            {"label": each.label, "text": each.text, "kind": each.kind, "detail": each.detail, "doc": each.doc}
            for each in found
            if each.span == found[0].span
        ],
        "span": place(found[0].span) if found else None,
    }


@post("/rules/hover", status_code=200, guards=[needs("rules.read")])
async def explain_text(page: NamedDependency[Page], data: JSONBody[Asked]) -> dict[str, Any]:
    """What the word at a place means, as Markdown."""
    here = Place(data.path, data.line, data.column)
    found = await asyncio.to_thread(hover, indexed(data.sources), here, page.language)
    return {"text": found.text, "span": place(found.span)} if found is not None else {"text": "", "span": None}


def indexed(sources: dict[str, str]) -> Index:
    return Index([SourceFile(path, text) for path, text in sorted(proper(sources).items()) if path.endswith(".duly")])


@post("/rules/format", status_code=200, guards=[needs("rules.read")])
async def format_text(page: NamedDependency[Page], data: JSONBody[Unformatted]) -> dict[str, str]:
    return {"text": page.services.format(data.text)}


@post("/rules/draft", status_code=200, guards=[needs("rules.edit")])
async def save(page: NamedDependency[Page], data: JSONBody[Saved]) -> Response[dict[str, Any]]:
    """From the editor. 409 tells who was faster, what differs, and the revision to save over it knowingly."""
    store = page.services.store
    try:
        draft = await store.save_draft(proper(data.sources), data.base, page.name, data.revision, page.now)
    except Conflict as error:
        return Response(await conflict(page, data.sources, str(error)), status_code=409)
    return Response({"revision": draft.revision, "base": draft.base})


async def conflict(page: Page, sources: dict[str, str], told: str) -> dict[str, Any]:
    draft = await page.services.store.draft()
    if draft is None:
        gone = page.gettext("the draft was published or discarded meanwhile. Load the page again; copy your text first.")
        return {"message": gone, "revision": 0, "files": []}
    files = sorted(path for path in {*sources, *draft.sources} if sources.get(path, "") != draft.sources.get(path, ""))
    message = page.gettext("{person} saved the draft at {time}; it differs from yours in {files}.").format(
        person=page.person(draft.author), time=page.times.short(draft.updated_at), files=", ".join(files) or "-"
    )
    return {"message": message, "detail": told, "revision": draft.revision, "files": files}


@post("/rules/file", status_code=200, guards=[needs("rules.edit")])
async def save_file(page: NamedDependency[Page]) -> Response[Any]:
    """The plain form: one file's text; `add` a file or `remove` one."""
    form = await page.form()
    work = await workspace(page)
    path, text = form.get("file", "").strip(), form.get("text", "")
    if "add" in form and path and not path.endswith(".duly"):
        path += ".duly"
    sources = dict(work.sources)
    if "remove" in form:
        sources.pop(path, None)
        text = ""
    elif "add" in form:
        sources.setdefault(path, "")
    else:
        sources[path] = page.services.format(text)
    try:
        proper(sources)
    except Refused as error:
        return await show(page, status=422, refused=page.gettext(str(error)))
    then = "/rules" if "remove" in form else f"/rules?file={quote(path, safe='')}"
    return await _keep(page, form, work, sources, then, path, text or None)


@post("/rules/field", status_code=200, guards=[needs("rules.edit")])
async def save_field(page: NamedDependency[Page]) -> Response[Any]:
    """The plain form of a block: one change, kept in the draft."""
    form = await page.form()
    path, at, line = form.get("file", ""), form.get("at", ""), form.get("line", "1")
    value = ", ".join(str(each) for each in (await page.request.form()).getall("value", []))
    work = await workspace(page)
    operation = edits.Operation(form.get("op", ""), form.get("path", ""), value, int(at) if at.isdecimal() else None, path)
    try:
        made = await rule_editing.changes(page, work.sources, operation)
    except edits.Refused as error:
        return await show(page, status=422, refused=str(error), chosen=path)
    sources = dict(work.sources)
    for name in {each.span.path for each in made}:
        sources[name] = edits.apply(sources[name], [each for each in made if each.span.path == name])
    then = f"/rules?file={quote(path, safe='')}&view=form&line={quote(line, safe='')}"
    return await _keep(page, form, work, sources, then, path)


async def _keep(
    page: Page,
    form: dict[str, str],
    work: Workspace,
    sources: dict[str, str],
    then: str,
    path: str,
    text: str | None = None,
) -> Response[Any]:
    """Save the draft of a plain form and go on to `then`; where somebody was faster, show what differs, with the `text`
    that was typed into `path`."""
    base, revision = form.get("base", work.base), int(form.get("revision") or 0)
    try:
        await page.services.store.save_draft(sources, base, page.name, revision, page.now)
    except Conflict as error:
        told = await conflict(page, sources, str(error))
        return await show(page, status=409, refused=told["message"], chosen=path, text=text)
    return go(then)


@post("/rules/discard", status_code=303, guards=[needs("rules.edit")])
async def discard(page: NamedDependency[Page]) -> Response[Any]:
    await page.services.store.discard_draft()
    return go("/rules")


HANDLERS = (
    rules,
    picture,
    test_saved,
    check,
    complete_text,
    explain_text,
    format_text,
    save,
    save_file,
    save_field,
    discard,
)
