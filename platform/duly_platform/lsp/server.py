"""The server: features of the protocol over the language services, and diagnostics while somebody types.

Texts are checked a short while after the last change, in a thread; what was found is dropped if they changed meanwhile. A
request looks at the texts as they are at that moment.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

from duly_dsl import i18n
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Environment
from duly_dsl.render import Words
from duly_dsl.services import edits, outline
from duly_dsl.services.completion import complete
from duly_dsl.services.hover import hover
from duly_dsl.services.index import Place, lines_of
from duly_dsl.services.rename import Refused, rename, target
from duly_dsl.source import SourceFile, Span
from duly_platform.lsp import pages
from duly_platform.lsp.folders import Folder, Folders
from duly_platform.lsp.protocol import SYMBOLS, Places, fold, message, severity
from duly_platform.lsp.timers import Debounce, Handle, Schedule

QUIET = 0.15
"""Seconds without a change before the texts are checked."""

WATCHED = ("**/*.duly", "**/duly.toml")
FIX_ALL = "source.fixAll.duly"

_ = i18n.marked
_LONE = re.compile("[\ud800-\udfff]")
"""Halves of a character, which can't be sent back."""

log = logging.getLogger(__name__)


def known(sources: Sequence[SourceFile]) -> Environment:
    """The same as `duly check` knows."""
    from duly_platform.cli.language import world

    return world(sources)


def checked(sources: Sequence[SourceFile]) -> Sequence[Diagnostic]:
    """The same as `duly check` finds."""
    from duly_platform.cli.language import check

    return check(sources)


def untold(record: logging.LogRecord) -> bool:
    """A filter for the log of pygls: a refused request, such as a rename to a name that is taken, is no trouble. Whoever
    asked is told."""
    return not (record.exc_info and isinstance(record.exc_info[1], JsonRpcInvalidParams))


class Answering(LanguageServerProtocol):
    """Answers a request that can't be read with an error, too: its sender waits."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


class Server(LanguageServer):
    """One editor's server. `schedule` is given by tests; else the loop's own timers are used."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        super().__init__("duly", version("duly"), protocol_cls=Answering)
        self.folders = Folders(checked, known)
        self.debounce = Debounce(schedule or _later)
        self.language = i18n.of_environment()
        self._running: set[asyncio.Task[None]] = set()
        _register(self)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Into the log, not before the eyes of who types; but for what was answered with a refusal."""
        if not isinstance(error, JsonRpcInvalidParams):
            log.error("%s: %s", getattr(source, "__name__", source), error)

    # --- documents

    def text_changed(self, uri: str, delay: float) -> None:
        """An open document has a text; look at it once `delay` seconds are quiet."""
        folder, path = self.folders.of(uri)
        text = self.workspace.get_text_document(uri).source
        folder.put(path, uri, _LONE.sub("\ufffd", text))
        self.check_later(folder, delay)

    def check_later(self, folder: Folder, delay: float) -> None:
        self.debounce.call(str(id(folder)), delay, lambda: self._start(folder))

    def _start(self, folder: Folder) -> None:
        task = asyncio.ensure_future(self._check(folder))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _check(self, folder: Folder) -> None:
        revision = folder.revision
        try:
            problems = await asyncio.to_thread(folder.problems)
        except Exception:
            log.exception("the check failed")
            return
        if folder.revision == revision:  # else a later one is on its way
            self.publish(folder, problems)

    def publish(self, folder: Folder, problems: Sequence[Diagnostic]) -> None:
        """Tell the editor the problems of a workspace, and of which files there are none any more."""
        by_path: dict[str, list[Diagnostic]] = {}
        for problem in problems:
            by_path.setdefault(problem.span.path, []).append(problem)
        texts = {source.path: source.text for source in folder.sources()}
        told: set[str] = set()
        for path in texts:
            uri = folder.uri(path)
            document = self.workspace.text_documents.get(uri)
            found = by_path.get(path, [])
            if not found and uri not in folder.published and document is None:
                continue
            shown = self.diagnostics(folder, found)
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(uri, shown, document.version if document else None)
            )
            if found or document is not None:
                told.add(uri)
        for uri in folder.published - told - {folder.uri(path) for path in texts}:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        folder.published = told

    def diagnostics(self, folder: Folder, problems: Sequence[Diagnostic]) -> list[types.Diagnostic]:
        words = Words(self.language)
        found: list[types.Diagnostic] = []
        for problem in problems:
            href = pages.link(problem.code, self.language)
            found.append(
                types.Diagnostic(
                    range=self.places(folder, problem.span.path).range(problem.span),
                    severity=severity(problem),
                    code=problem.code,
                    code_description=types.CodeDescription(href) if href else None,
                    source="duly",
                    message=message(problem, words),
                    related_information=[
                        types.DiagnosticRelatedInformation(self.location(folder, span), words.note(problem, note))
                        for span, note in problem.related
                    ],
                )
            )
        return found

    # --- places

    def places(self, folder: Folder, path: str) -> Places:
        source = folder.index().sources.get(path)
        encoding = self.workspace.position_encoding or types.PositionEncodingKind.Utf16
        return Places(lines_of(source.text if source else ""), encoding)

    def place(self, uri: str, position: types.Position) -> tuple[Folder, Place]:
        folder, path = self.folders.of(uri)
        return folder, Place(path, position.line + 1, self.places(folder, path).column(position))

    def location(self, folder: Folder, span: Span) -> types.Location:
        return types.Location(folder.uri(span.path), self.places(folder, span.path).range(span))

    def edit(self, folder: Folder, changes: Sequence[edits.Edit]) -> types.WorkspaceEdit:
        """Changes for the client, with the versions they are meant for where it can take those."""
        by_path: dict[str, list[edits.Edit]] = {}
        for change in changes:
            by_path.setdefault(change.span.path, []).append(change)
        texts = {path: self.places(folder, path).edits(found) for path, found in by_path.items()}
        client = self.client_capabilities.workspace
        if client and client.workspace_edit and client.workspace_edit.document_changes:
            return types.WorkspaceEdit(
                document_changes=[
                    types.TextDocumentEdit(
                        types.OptionalVersionedTextDocumentIdentifier(folder.uri(path), self._version(folder.uri(path))),
                        list(found),
                    )
                    for path, found in texts.items()
                ]
            )
        return types.WorkspaceEdit(changes={folder.uri(path): found for path, found in texts.items()})

    def _version(self, uri: str) -> int | None:
        document = self.workspace.text_documents.get(uri)
        return document.version if document else None


def _later(delay: float, action: Any) -> Handle:
    return asyncio.get_running_loop().call_later(delay, action)


def _register(server: Server) -> None:
    """The features. Each handler is given the server by pygls."""
    feature = server.feature

    @feature(types.INITIALIZE)
    def initialize(ls: Server, params: types.InitializeParams) -> None:
        if params.locale:
            ls.language = i18n.choose(params.locale)
        named = [folder.uri for folder in params.workspace_folders or []] or [params.root_uri or ""]
        paths = [uris.to_fs_path(uri) for uri in named if uri.startswith("file:")]
        ls.folders.roots = [Path(path).resolve() for path in paths if path]

    @feature(types.INITIALIZED)
    async def initialized(ls: Server, _params: types.InitializedParams) -> None:
        client = ls.client_capabilities.workspace
        watching = client.did_change_watched_files if client else None
        if watching and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            )
            await ls.client_register_capability_async(
                types.RegistrationParams(
                    [types.Registration("duly-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)]
                )
            )

    @feature(types.SHUTDOWN)
    def shutdown(ls: Server, _params: Any = None) -> None:
        ls.debounce.cancel_all()

    @feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        ls.text_changed(params.text_document.uri, 0)

    @feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        ls.text_changed(params.text_document.uri, QUIET)

    @feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
        folder, _path = ls.folders.of(params.text_document.uri)
        folder.scan()
        ls.check_later(folder, 0)

    @feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        folder, path = ls.folders.of(params.text_document.uri)
        folder.drop(path)
        folder.scan()
        if folder.root is None:
            ls.debounce.cancel(str(id(folder)))
            ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))
            ls.folders.forget(folder)
        else:
            ls.check_later(folder, 0)

    @feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
        for folder in list(ls.folders):
            before = folder.revision
            folder.scan()
            if folder.revision != before:
                ls.check_later(folder, QUIET)

    @feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def roots_changed(ls: Server, _params: types.DidChangeWorkspaceFoldersParams) -> None:
        paths = [uris.to_fs_path(uri) for uri in ls.workspace.folders]
        ls.folders.roots = [Path(path).resolve() for path in paths if path]

    @feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=['"', " ", "{", "|"]))
    def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
        folder, place = ls.place(params.text_document.uri, params.position)
        places = ls.places(folder, place.path)
        line = places.lines[place.line - 1] if place.line <= len(places.lines) else ""
        found = complete(folder.index(), place, ls.language)
        items = [
            places.item(each, number, line[each.span.column - 1 : place.column - 1]) for number, each in enumerate(found)
        ]
        return types.CompletionList(is_incomplete=False, items=items)

    @feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(ls: Server, params: types.HoverParams) -> types.Hover | None:
        folder, place = ls.place(params.text_document.uri, params.position)
        found = hover(folder.index(), place, ls.language)
        if found is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, found.text)
        return types.Hover(content, ls.places(folder, place.path).range(found.span))

    @feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: Server, params: types.DefinitionParams) -> list[types.Location]:
        folder, place = ls.place(params.text_document.uri, params.position)
        return [ls.location(folder, span) for span in folder.index().definition(place)]

    @feature(types.TEXT_DOCUMENT_REFERENCES)
    def references(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
        folder, place = ls.place(params.text_document.uri, params.position)
        found = folder.index().references(place, definitions=params.context.include_declaration)
        return [ls.location(folder, span) for span in found]

    @feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlights(ls: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        folder, place = ls.place(params.text_document.uri, params.position)
        places = ls.places(folder, place.path)
        found = folder.index().references(place)
        return [types.DocumentHighlight(places.range(span)) for span in found if span.path == place.path]

    @feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def renamed_what(ls: Server, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        folder, place = ls.place(params.text_document.uri, params.position)
        found = target(folder.index(), place)
        if found is None:
            return None
        return types.PrepareRenamePlaceholder(ls.places(folder, place.path).range(found[0]), found[1])

    @feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit:
        folder, place = ls.place(params.text_document.uri, params.position)
        try:
            done = rename(folder.index(), place, params.new_name, ls.language)
        except Refused as error:
            raise JsonRpcInvalidParams(str(error)) from None
        return ls.edit(folder, [*done.edits, *done.keeping])

    @feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        folder, path = ls.folders.of(params.text_document.uri)
        source = folder.index().sources.get(path)
        return [ls.places(folder, path).entry(entry) for entry in outline.outline(source)] if source else []

    @feature(types.WORKSPACE_SYMBOL)
    def all_symbols(ls: Server, params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
        wanted = params.query.casefold()
        return [
            types.SymbolInformation(
                location=ls.location(folder, mention.span),
                name=mention.symbol.name,
                kind=SYMBOLS[mention.symbol.kind],
                container_name=mention.symbol.within[-1] if mention.symbol.within else None,
            )
            for folder in list(ls.folders)
            for mentions in folder.index().mentions.values()
            for mention in mentions
            if mention.defines and mention.symbol.kind in SYMBOLS and wanted in mention.symbol.name.casefold()
        ]

    @feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def foldings(ls: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        folder, path = ls.folders.of(params.text_document.uri)
        source = folder.index().sources.get(path)
        return [fold(each) for each in outline.folds(source.text)] if source else []

    @feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        folder, path = ls.folders.of(params.text_document.uri)
        source = folder.index().sources.get(path)
        return ls.places(folder, path).edits(outline.formatting(source)) if source else []

    @feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        folder, path = ls.folders.of(params.text_document.uri)
        only = params.context.only
        problems = folder.problems()
        found: list[types.CodeAction] = []
        if not only or any(str(kind) in ("quickfix", "") for kind in map(_kind, only)):
            words = Words(ls.language)
            span = ls.places(folder, path).span(path, params.range)
            for problem, fix in edits.fixes_at(problems, span):
                title = words.title(problem, fix)
                found.append(
                    types.CodeAction(
                        title=title[:1].upper() + title[1:],
                        kind=types.CodeActionKind.QuickFix,
                        diagnostics=ls.diagnostics(folder, [problem]),
                        is_preferred=len(problem.fixes) == 1 and fix.sure,
                        edit=ls.edit(folder, [edits.of(fix)]),
                    )
                )
        if only and any(FIX_ALL.startswith(kind) for kind in map(_kind, only)):
            changes = edits.sure_fixes(problems, path)
            if changes:
                title = i18n.translations("duly_platform", ls.language).gettext(_("Fix what has one way to mend it"))
                found.append(types.CodeAction(title=title, kind=FIX_ALL, edit=ls.edit(folder, changes)))
        return found


def _kind(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind
