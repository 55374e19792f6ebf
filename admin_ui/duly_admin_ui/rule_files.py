"""The files of rules as an editor sends them, and the place where they are kept."""

from __future__ import annotations

import re

import msgspec

from duly_admin_ui.page import Page
from duly_admin_ui.services import Refused
from duly_dsl.source import Span
from duly_runtime.store.api import Draft

FILE_NAME = re.compile(r"[\w-][\w .-]*(/[\w-][\w .-]*)*\.duly")


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What is being edited: the draft, or the live version where there is none."""

    sources: dict[str, str]
    base: str
    live: str
    draft: Draft | None

    @property
    def revision(self) -> int:
        return self.draft.revision if self.draft is not None else 0


async def workspace(page: Page) -> Workspace:
    active = await page.services.store.active_version()
    draft = await page.services.store.draft()
    live = active.hash if active is not None else ""
    if draft is not None:
        return Workspace(sources=draft.sources, base=draft.base, live=live, draft=draft)
    return Workspace(sources=active.sources if active is not None else {}, base=live, live=live, draft=None)


def proper(sources: dict[str, str]) -> dict[str, str]:
    """The same files, their names checked; Refused for a name that would lead out of the workspace."""
    for path in sources:
        if not FILE_NAME.fullmatch(path):
            raise Refused("a file's name ends in .duly and holds letters, digits, spaces, dots, - and _")
    return sources


def place(span: Span) -> dict[str, str | int]:
    """A span as the editor wants it. Lines and columns count from 1, columns in code points, ends exclusive."""
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
