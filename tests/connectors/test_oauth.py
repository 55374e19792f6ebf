"""Access tokens for mail servers: asked for once, asked for again, and the refresh tokens providers replace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from connectors.servers import Web, status, web
from duly_connectors.contract import Tools
from duly_connectors.email import Email
from duly_connectors.mail import access
from duly_connectors.mail.access import OAuth, SignInFailed
from duly_connectors.outbound import Network, NotSent
from duly_connectors.testing import NOON
from duly_dsl import program
from duly_platform.composition import keeper
from duly_platform.secrets import SecretStore
from duly_runtime.time import FakeClock


def says(code: int = 200, **fields: object) -> bytes:
    return status(code, "content-type: application/json", body=msgspec.json.encode(fields))


GOOD = says(access_token="at-1", expires_in=3600)


def forms(provider: Web) -> list[dict[str, str]]:
    return [dict(parse_qsl(body.decode())) for _line, _headers, body in provider.requests]


def scene(answer: bytes, work: Callable[[Web, Callable[..., OAuth]], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with web(answer) as provider:

            def oauth(renewed: Callable[[str], None] = lambda token: None, **given: str) -> OAuth:
                network = Network(allow_private=True)
                named = {key.replace("_", " "): value for key, value in given.items()}
                return OAuth(network, {"endpoint": f"{provider.url}/token", **named}, renewed)

            await work(provider, oauth)

    asyncio.run(main())


def test_a_token_is_asked_for_once_and_again_shortly_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    real = 1000.0
    monkeypatch.setattr(access, "monotonic", lambda: real)

    async def work(provider: Web, oauth: Callable[..., OAuth]) -> None:
        nonlocal real
        tokens = oauth(refresh_token="rt", client_id="duly", client_secret="s", scope="mail")
        assert [await tokens.token() for _ in range(3)] == ["at-1"] * 3
        wanted = {"grant_type": "refresh_token", "refresh_token": "rt"}
        wanted |= {"client_id": "duly", "client_secret": "s", "scope": "mail"}
        assert forms(provider) == [wanted]
        real += 3600 - access.EARLY_SECONDS + 1
        await tokens.token()
        tokens.forget()
        await tokens.token()
        assert len(provider.requests) == 3

    scene(GOOD, work)


def test_an_application_without_a_person_signs_in_by_its_own_secret() -> None:
    async def work(provider: Web, oauth: Callable[..., OAuth]) -> None:
        tokens = oauth(client_id="duly", client_secret="s", scope="https://outlook.office365.com/.default")
        assert tokens
        assert await tokens.token() == "at-1"
        assert forms(provider)[0]["grant_type"] == "client_credentials"
        assert "refresh_token" not in forms(provider)[0]
        assert not oauth() and not oauth(client_id="duly")

    scene(GOOD, work)


def test_a_refresh_token_the_provider_replaces_is_used_from_then_on() -> None:
    kept: list[str] = []

    async def work(provider: Web, oauth: Callable[..., OAuth]) -> None:
        tokens = oauth(kept.append, refresh_token="rt-1", client_id="duly")
        before = dict(tokens.given)
        await tokens.token()
        assert kept == ["rt-2"]
        # What is stored is still the old one (it could not be kept), or already the new one: both are these settings.
        assert tokens.follows(before)
        tokens.forget()
        await tokens.token()
        assert forms(provider)[-1]["refresh_token"] == "rt-2"
        assert tokens.follows({**before, "refresh token": "rt-2"})
        assert await tokens.token() == "at-1"
        assert len(provider.requests) == 2  # the access token stays
        # A person stores the one of a new consent.
        assert tokens.follows({**before, "refresh token": "rt-new"})
        tokens.forget()
        await tokens.token()
        assert forms(provider)[-1]["refresh_token"] == "rt-new"
        assert not tokens.follows({**before, "client id": "another"})

    scene(says(access_token="at-1", expires_in=3600, refresh_token="rt-2"), work)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            says(400, error="invalid_grant", error_description="the consent has ended"),
            SignInFailed,
            "the consent has ended",
        ),
        (says(401, error="invalid_client"), SignInFailed, "invalid_client"),
        (says(200, token_type="bearer"), SignInFailed, "200"),
        (status(200, body=b"<html>"), SignInFailed, "200"),
        (says(503), NotSent, "503"),
        (says(429), NotSent, "429"),
    ],
)
def test_what_the_provider_says_decides(answer: bytes, kind: type[Exception], words: str) -> None:
    async def work(provider: Web, oauth: Callable[..., OAuth]) -> None:
        with pytest.raises(kind, match=words):
            await oauth(refresh_token="rt-secret").token()

    scene(answer, work)


def test_how_long_a_token_lasts_may_be_missing_or_nonsense() -> None:
    for answer in (says(access_token="at"), says(access_token="at", expires_in="soon")):

        async def work(provider: Web, oauth: Callable[..., OAuth]) -> None:
            tokens = oauth(refresh_token="rt")
            await tokens.token()
            await tokens.token()
            assert len(provider.requests) == 1

        scene(answer, work)


def test_a_connector_keeps_the_replaced_token_where_its_secret_is(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {})
    store.set("MAIL_REFRESH", "rt-1")

    async def main() -> None:
        async with web(says(access_token="at-1", expires_in=3600, refresh_token="rt-2")) as provider:
            settings = {
                "server": program.Setting(value="SMTP", secret=True),
                "from": program.Setting(value="a@b.example"),
                "oauth endpoint": program.Setting(value=f"{provider.url}/token"),
                "oauth refresh token": program.Setting(value="MAIL_REFRESH", secret=True),
            }
            definition = program.Connector(name="Mail", kind="email", direction="sends", settings=settings)
            network = Network(allow_private=True)
            tools = Tools(secrets=store.get, keep=keeper(store), clock=FakeClock(NOON), network=network)
            door = Email(definition, None, tools)
            for _ in range(3):
                assert await door._oauth().token() == "at-1"
            assert store.get("MAIL_REFRESH") == "rt-2"
            assert len(provider.requests) == 1

    asyncio.run(main())


def test_a_secret_of_the_environment_is_left_alone(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {"DULY_SECRET_MAIL_REFRESH": "rt-1"})
    keeper(store)("MAIL_REFRESH", "rt-2")
    assert store.get("MAIL_REFRESH") == "rt-1"
    keeper(store)("no name of a secret", "x")  # said in the log, and nothing breaks
