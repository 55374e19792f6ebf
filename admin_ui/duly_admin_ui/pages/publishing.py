"""Before a draft goes live: what it changes, and what that does to the cards now open."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages.rules import conflict, problem, show
from duly_admin_ui.rule_files import Workspace, workspace
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.meaning import Words
from duly_runtime.planning import CHOICES, Plan
from duly_runtime.publishing import DEFAULT, PlanChanged


async def show_plan(
    page: Page, work: Workspace, plan: Plan, *, status: int = 200, refused: str = "", choice: str = DEFAULT, note: str = ""
) -> Response[Any]:
    """The plan, and the form that publishes it; the editor where the files have errors."""
    _ = page.gettext
    if any(found.severity is Severity.ERROR for found in plan.diagnostics):
        refused = _("Not published: the files hold errors. The live version stays.")
        return await show(page, status=422, refused=refused, chosen=_broken(plan.diagnostics))
    said = Words(page.language)
    return page.render(
        "publish.html",
        status=status,
        work=work,
        plan=plan,
        changes=[
            (change.kind, said.sentence(change), change.new if change.new.path else change.old) for change in plan.changes
        ],
        problems=[problem(found, page.language) for found in plan.diagnostics],
        choice=choice if choice in CHOICES else DEFAULT,
        note=note,
        refused=refused,
    )


def _broken(diagnostics: tuple[Diagnostic, ...]) -> str:
    """The first file with an error."""
    return next((found.span.path for found in diagnostics if found.severity is Severity.ERROR), "")


@get("/rules/publish", guards=[needs("rules.publish")])
async def plan(page: NamedDependency[Page]) -> Response[Any]:
    work = await workspace(page)
    if work.draft is None:
        return await show(page, status=409, refused=page.gettext("There is no draft to publish."))
    return await show_plan(page, work, await page.services.plan(work.draft.sources))


@post("/rules/publish", status_code=200, guards=[needs("rules.publish")])
async def publish(page: NamedDependency[Page]) -> Response[Any]:
    """Make the saved draft live, if that does what was shown; where it holds an error the live version stays as it is."""
    form = await page.form()
    work = await workspace(page)
    _ = page.gettext
    if work.draft is None:
        return await show(page, status=409, refused=_("There is no draft to publish."))
    if form.get("revision") != str(work.revision):
        told = await conflict(page, {}, "")
        return await show(page, status=409, refused=_("Not published: the draft changed.") + " " + told["message"])
    choice = form.get("choice", DEFAULT)
    choice = choice if choice in CHOICES else DEFAULT
    note = form.get("note", "").strip()
    try:
        done = await page.services.publish(
            work.draft.sources, page.name, note, choice, work.base, form.get(f"plan {choice}", "-")
        )
    except PlanChanged as changed:
        refused = _("Not published: the effect on open cards has changed since. This is what would happen now.")
        return await show_plan(page, work, changed.plan, status=409, refused=refused, choice=choice, note=note)
    if not done.hash:
        refused = _("Not published: the files hold errors. The live version stays.")
        return await show(page, status=422, refused=refused, chosen=_broken(done.diagnostics))
    return go(f"/versions?published={done.hash}")


HANDLERS = (plan, publish)
