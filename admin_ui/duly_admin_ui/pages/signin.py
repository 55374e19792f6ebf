"""Coming in and going out; the first administrator; a person's own preferences."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency

from duly_admin_ui.access import signed_in
from duly_admin_ui.page import LANGUAGE_COOKIE, SESSION_COOKIE, THEME_COOKIE, Page, go, local
from duly_admin_ui.services import Refused
from duly_dsl.i18n import LANGUAGES

FOURTEEN_DAYS = 14 * 24 * 3600
"""As long as a session lives in the store."""


@get("/login")
async def login_form(page: NamedDependency[Page]) -> Response[Any]:
    target = local(page.request.query_params.get("next", "/"))
    if page.user is not None:
        return go(target)
    if await page.services.needs_setup():
        return go("/setup")
    return page.render("login.html", target=target, name="", problem="")


@post("/login", status_code=200)
async def login(page: NamedDependency[Page]) -> Response[Any]:
    form = await page.form()
    name, target = form.get("name", "").strip(), local(form.get("next", "/"))
    answer = await page.services.sign_in(name, form.get("password", ""))
    if answer.secret:
        cookie = page.cookie(SESSION_COOKIE, answer.secret, max_age=FOURTEEN_DAYS)
        return go(target, [cookie])
    _ = page.gettext
    if answer.reason == "wait":
        problem = _("Too many wrong passwords. Wait ten minutes and try again.")
    else:
        problem = _("This name and password don't belong together.")
    return page.render("login.html", status=422, target=target, name=name, problem=problem)


@post("/logout", status_code=303)
async def logout(page: NamedDependency[Page]) -> Response[Any]:
    if secret := page.request.cookies.get(SESSION_COOKIE):
        await page.services.sign_out(secret)
    return go("/login", [page.cookie(SESSION_COOKIE, "", max_age=0)])


@get("/setup")
async def setup_form(page: NamedDependency[Page]) -> Response[Any]:
    if not await page.services.needs_setup():
        return go("/login")
    token = page.request.query_params.get("token", "")
    return page.render("setup.html", token=token, form={}, problem="")


@post("/setup", status_code=200)
async def setup(page: NamedDependency[Page]) -> Response[Any]:
    if not await page.services.needs_setup():
        return go("/login")
    form = await page.form()
    _ = page.gettext
    problem = ""
    given, expected = form.get("token", "").strip(), page.services.setup_token
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        problem = _("This is not the token that `duly serve` printed.")
    elif form.get("password", "") != form.get("repeat", ""):
        problem = _("The two passwords are not the same.")
    name = form.get("name", "").strip()
    if not problem:
        try:
            await page.services.create_first_admin(
                name, form.get("full_name", "").strip(), form.get("email", "").strip(), form.get("password", "")
            )
        except Refused as error:
            problem = _(str(error))
    if problem:
        return page.render("setup.html", status=422, token=given, form=form, problem=problem)
    answer = await page.services.sign_in(name, form.get("password", ""))
    if not answer.secret:
        return go("/login")
    cookie = page.cookie(SESSION_COOKIE, answer.secret, max_age=FOURTEEN_DAYS)
    return go("/", [cookie])


@post("/preferences", status_code=303)
async def preferences(page: NamedDependency[Page]) -> Response[Any]:
    """Language (kept with the account where there is one) and colours (kept in the browser)."""
    form = await page.form()
    cookies = []
    if form.get("language") in LANGUAGES:
        cookies.append(page.cookie(LANGUAGE_COOKIE, form["language"]))
        if page.user is not None:
            await page.services.store.save_user(msgspec.structs.replace(page.user, language=form["language"]))
    if "theme" in form:
        cookies.append(page.cookie(THEME_COOKIE, form["theme"] if form["theme"] in ("light", "dark") else "auto"))
    return go(form.get("next", "/"), cookies)


@get("/help", guards=[signed_in])
async def help_page(page: NamedDependency[Page]) -> Response[Any]:
    """Keys and signs; also what `?` shows."""
    return page.render("help.html")


HANDLERS = (login_form, login, logout, setup_form, setup, preferences, help_page)
