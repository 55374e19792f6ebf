"""One request for a page: who asks, in which language and zone, and how the answer is rendered."""

from __future__ import annotations

import functools
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from babel.numbers import format_decimal, format_percent
from litestar import Request, Response
from litestar.datastructures import Cookie, UploadFile
from litestar.response import Redirect
from litestar.template.base import csrf_token

from duly_admin_ui import serving, times, words
from duly_admin_ui.services import Services
from duly_dsl.i18n import LANGUAGES, choose, translations
from duly_runtime.permissions import allows
from duly_runtime.store.api import User

STATIC = Path(__file__).parent / "static"
SESSION_COOKIE = "duly_session"
LANGUAGE_COOKIE = "duly_language"
THEME_COOKIE = "duly_theme"
YEAR = 365 * 24 * 3600

FRAGMENT = "x-duly-fragment"
"""Sent by our own scripts: answer with the middle of the page only, or in JSON where something was posted."""


@functools.cache
def asset(name: str) -> str:
    """The address of a built file, with its content in it so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@functools.cache
def templates(language: str) -> jinja2.Environment:
    """The templates with one language's messages."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("duly_admin_ui"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations("duly_admin_ui", language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        asset=asset, path=functools.partial(quote, safe=""), amount=times.amount, shown_as=serving.shown_as
    )
    environment.filters["lines"] = str.splitlines
    return environment


def content_security_policy(nonce: str = "") -> str:
    """Only our own files; `nonce` admits the style sheet CodeMirror makes (its page only)."""
    styles = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Page:
    """What every handler works with."""

    def __init__(self, request: Request[Any, Any, Any], services: Services) -> None:
        self.request = request
        self.services = services
        self.user: User | None = request.scope.get("user")
        self.language = self._language()
        self.now = services.clock.now()
        self.program = services.program()
        self.wants_fragment = FRAGMENT in request.headers
        self.quarantined = 0
        """Messages that wait for a decision, for those who may take it."""
        self._pipeline = ""

    def _language(self) -> str:
        if self.user is not None and self.user.language:
            return choose(self.user.language)
        if chosen := self.request.cookies.get(LANGUAGE_COOKIE):
            return choose(chosen)
        first = self.request.headers.get("accept-language", "").split(",")[0].split(";")[0]
        return choose(first)

    @property
    def name(self) -> str:
        """The user's name; empty for nobody."""
        return self.user.name if self.user is not None else ""

    def about(self, pipeline: str) -> None:
        """The page is about this pipeline: its zone is used."""
        self._pipeline = pipeline

    @property
    def times(self) -> times.Times:
        return times.Times(self.language, times.zone_of(self.program, self._pipeline), self.now)

    def gettext(self, text: str) -> str:
        return translations("duly_admin_ui", self.language).gettext(text)

    def may(self, permission: str) -> bool:
        return self.user is not None and allows(self.user.role, permission)

    def person(self, name: str) -> str:
        """What to call someone: the full name where it is known."""
        known = self.program.people.get(name) if self.program is not None else None
        return known.full_name if known is not None and known.full_name else name

    @property
    def words(self) -> words.Words:
        return words.Words(self.gettext)

    @property
    def locale(self) -> str:
        """As Babel names it."""
        return self.language.replace("-", "_")

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self.locale)

    def percent(self, share: float | None) -> str:
        """With one decimal; a dash for nothing."""
        return "–" if share is None else format_percent(share, "#,##0.0%", locale=self.locale)

    def points(self, change: float) -> str:
        """A difference of percentages: `+1.2 pp`."""
        return format_decimal(round(change, 1), "+#,##0.0;−#,##0.0", locale=self.locale) + " pp"

    async def form(self) -> dict[str, str]:
        """The fields posted, as texts with LF line ends; the last of repeated names."""
        data = await self.request.form()
        return {key: str(value).replace("\r\n", "\n") for key, value in data.items() if not isinstance(value, UploadFile)}

    async def uploads(self, name: str) -> list[UploadFile]:
        """The files posted under a name."""
        data = await self.request.form()
        return [value for value in data.getall(name, []) if isinstance(value, UploadFile)]

    def render(self, template: str, *, status: int = 200, nonce: str = "", **context: Any) -> Response[str]:
        """A page, or only its middle where our own script asked for that."""
        text = templates(self.language).get_template(template)
        content = text.render(
            layout="fragment.html" if self.wants_fragment else "base.html",
            page=self,
            user=self.user,
            may=self.may,
            language=self.language,
            languages=LANGUAGES,
            times=self.times,
            now=self.now,
            speed=getattr(self.services.clock, "speed", 1.0),
            theme=self.theme,
            workspace=self.services.workspace_name,
            program=self.program,
            csrf=csrf_token({"request": self.request}),
            here=self.here,
            nonce=nonce,
            words=self.words,
            size=functools.partial(words.size, language=self.language),
            texts=json.dumps(words.for_scripts(self.gettext), ensure_ascii=False).replace("<", "\\u003c"),
            has_mailbox=self.services.mailbox() is not None,
            **context,
        )
        headers = {
            "content-security-policy": content_security_policy(nonce),
            "cache-control": "no-store",
            "x-duly-now": self.now.isoformat(),
        }
        return Response(content, status_code=status, media_type="text/html", headers=headers)

    @property
    def theme(self) -> str:
        chosen = self.request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in ("light", "dark") else ""

    @property
    def here(self) -> str:
        """This page's own address, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def new_nonce(self) -> str:
        return secrets.token_urlsafe(16)

    def cookie(self, name: str, value: str, *, httponly: bool = True, max_age: int | None = YEAR) -> Cookie:
        return Cookie(
            key=name,
            value=value,
            path="/",
            httponly=httponly,
            samesite="lax",
            secure=self.services.secure_cookies,
            max_age=max_age,
        )


def go(target: str, cookies: list[Cookie] | None = None) -> Redirect:
    """See other: after a form was handled. Only to our own pages, whatever the target says."""
    return Redirect(local(target), status_code=303, cookies=cookies)


def local(target: str) -> str:
    """The target if it is a path of ours, else the first page: no form field can send people elsewhere."""
    parts = urlsplit(target)
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if safe else "/"
