"""The server a command speaks to: by its JSON API, over the network, or in this process for a data folder at hand. The
commands don't know which."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from duly_dsl import i18n

if TYPE_CHECKING:
    import httpx  # loaded when something is asked: `duly plan --against REV` asks nothing

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

PREFIX = "/api/v1"
SECONDS = 300.0


class RemoteError(Exception):
    """The server can't be asked, or says no; the message is for the person at the terminal. `body` is the problem's."""

    def __init__(self, message: str, status: int = 0, body: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body or {}

    @property
    def code(self) -> str:
        return str(self.body.get("type", "")).removeprefix("urn:duly:problem:")


class Remote:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **query: str) -> bytes:
        return await self._answer(self._client.build_request("GET", PREFIX + path, params=query))

    async def post(self, path: str, body: object) -> bytes:
        return await self._answer(self._request(path, body))

    async def lines(self, path: str, body: object, each: Callable[[dict[str, Any]], None]) -> bytes:
        """Post, and read a line of JSON at a time; all but the last go to `each`."""
        request = self._request(path, body)
        request.headers["accept"] = "application/x-ndjson"
        last = b""
        import httpx

        try:
            answer = await self._client.send(request, stream=True)
            try:
                if answer.is_error:
                    await answer.aread()
                    self._refuse(answer)
                async for line in answer.aiter_lines():
                    if last:
                        each(msgspec.json.decode(last))
                    last = line.encode()
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return last

    def _request(self, path: str, body: object) -> httpx.Request:
        return self._client.build_request(
            "POST", PREFIX + path, content=msgspec.json.encode(body), headers={"content-type": "application/json"}
        )

    async def _answer(self, request: httpx.Request) -> bytes:
        import httpx

        try:
            answer = await self._client.send(request)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.is_error:
            self._refuse(answer)
        return answer.content

    def _refuse(self, answer: httpx.Response) -> None:
        try:
            body = msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.DecodeError:
            body = {}
        told = body.get("detail") or _("the server answered {status}").format(status=answer.status_code)
        raise RemoteError(str(told), answer.status_code, body)

    def _unreachable(self, error: Exception) -> RemoteError:
        reason = str(error) or type(error).__name__
        return RemoteError(_("{url} can't be reached: {reason}").format(url=self._client.base_url, reason=reason))


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URL", help=_("address of a Duly server; DULY_TOKEN holds an API token of it"))
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help=_("data folder of a Duly on this machine (default: .duly in the folder)")
    )


@contextlib.asynccontextmanager
async def connect(server: str | None, folder: Path, data: Path | None) -> AsyncIterator[Remote]:
    """RemoteError where there is nothing to connect to."""
    import httpx

    if server:
        token = os.environ.get("DULY_TOKEN", "")
        if not token:
            raise RemoteError(_("set DULY_TOKEN to an API token of {server}").format(server=server))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=server.rstrip("/"), headers=headers, timeout=SECONDS) as client:
            yield Remote(client)
        return
    async with _here(folder, data) as remote:
        yield remote


@contextlib.asynccontextmanager
async def _here(folder: Path, data: Path | None) -> AsyncIterator[Remote]:
    """The same application in this process, for whoever may read the data folder. Its loops stay off: what a publish
    sets going is done by the server that runs on the data, or by the next one."""
    import httpx

    from duly_platform.accounts import SCOPES  # late: a server elsewhere needs none of this here
    from duly_platform.composition import open_desk
    from duly_platform.settings import SettingsError, load
    from duly_platform.web.app import create_api
    from duly_runtime.store.api import StoreUnavailable, Token, User
    from duly_runtime.time import SystemClock

    try:
        settings = load(folder, data=data)
    except SettingsError as error:
        raise RemoteError(str(error)) from None
    path = settings.database_url.removeprefix("sqlite:///")
    if settings.database_url.startswith("sqlite:") and not os.path.exists(path):  # noqa: ASYNC240 - nothing else runs yet
        raise RemoteError(
            _("there is no Duly data in {folder}: name a server with --server, or a data folder with --data").format(
                folder=settings.data
            )
        )
    name = getpass.getuser()
    user = User(name=name, full_name="", email="", phone="", role="admin", language="", active=True)

    class Local:
        """Whoever can read the data folder is its owner."""

        async def token_user(self, secret: str) -> tuple[User, Token]:
            now = SystemClock().now()
            token = Token(id=0, name="local", user=name, scopes=SCOPES, created_at=now, expires_at=None, last_used_at=None)
            return user, token

    settings = msgspec.structs.replace(settings, roles=frozenset())
    try:
        async with open_desk(settings) as desk:
            app = create_api(desk, settings)
            app.state.accounts = Local()
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
            headers = {"Authorization": "Bearer local"}
            async with httpx.AsyncClient(transport=transport, base_url="http://duly", headers=headers) as client:
                yield Remote(client)
    except StoreUnavailable as error:
        raise RemoteError(str(error)) from None
