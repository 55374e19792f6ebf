"""The doors of a whole server: what stands before the application, without its routing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from duly_platform.web import doors
from duly_runtime.doors import Raw
from duly_runtime.store.api import StoreUnavailable
from support.office import Office, office
from support.shop import KEY, SECRET, signed, with_door

ORDER = json.dumps({"id": "m1", "text": "Where is my order?"}).encode()


@pytest.fixture
def at_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Office], Awaitable[None]]], None]:
    monkeypatch.setenv(SECRET, KEY)

    def play(scene: Callable[[Office], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with office(tmp_path, with_door(), {SECRET: KEY}) as here:
                await scene(here)

        asyncio.run(whole())

    return play


Play = Callable[[Callable[[Office], Awaitable[None]]], None]


def test_each_answer_says_what_became_of_the_request(at_the_door: Play) -> None:
    async def scene(here: Office) -> None:
        async def ask(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
            return await here.client.request(method, path, content=ORDER, headers=headers)

        taken = await ask("POST", "/in/shop", signed(ORDER))
        assert taken.status_code == 200
        assert taken.json() == {"accepted": 1, "duplicates": 0, "parked": False}
        assert taken.headers["content-type"] == "application/json"
        assert (await ask("POST", "/in/shop/", signed(ORDER))).json() == {"accepted": 0, "duplicates": 1, "parked": False}

        for method, path, headers, status, code in (
            ("POST", "/in/shop", {}, 401, "not-believed"),
            ("POST", "/in/nowhere", signed(ORDER), 404, "not-found"),
            ("DELETE", "/in/shop", signed(ORDER), 405, "method-not-allowed"),
        ):
            refused = await ask(method, path, headers)
            assert refused.status_code == status, refused.text
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["type"] == f"urn:duly:problem:{code}" and refused.json()["detail"]
            assert (refused.headers.get("allow") == "GET, POST, PUT") is (status == 405)

        for answer in (taken, refused):
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in answer.headers

    at_the_door(scene)


def test_the_rest_of_the_application_is_behind_them(at_the_door: Play) -> None:
    async def scene(here: Office) -> None:
        assert (await here.client.get("/health/live")).json() == {"status": "ok"}
        page = await here.client.get("/login", headers={"accept": "text/html"}, follow_redirects=True)
        assert (
            "text/html" in page.headers["content-type"] and "script-src 'self'" in page.headers["content-security-policy"]
        )

    at_the_door(scene)


def test_a_body_larger_than_any_door_takes_is_not_read_to_its_end(
    at_the_door: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "LARGEST", 1000)

    async def scene(here: Office) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1
                yield b"x" * 400

        told = await here.client.post("/in/shop", content=b"x" * 1001)
        assert told.status_code == 413 and told.json()["type"] == "urn:duly:problem:too-large"
        async with asyncio.timeout(60):
            answers, ended = await spoken(here, endless())
        assert answers[0]["status"] == 413 and not ended and sent == 3

    at_the_door(scene)


def test_a_body_in_pieces_is_whole_and_one_that_breaks_off_is_not_taken(at_the_door: Play) -> None:
    async def scene(here: Office) -> None:
        async def pieces(whole: bool) -> AsyncIterator[bytes]:
            yield ORDER[:7]
            yield b""
            yield ORDER[7:20]
            if whole:
                yield ORDER[20:]

        answers, _ = await spoken(here, pieces(whole=False), break_off=True)
        assert answers == []
        assert not await here.desk.store.parked()
        answers, ended = await spoken(here, pieces(whole=True))
        assert ended and answers[0]["status"] == 200
        assert json.loads(answers[1]["body"])["accepted"] == 1

    at_the_door(scene)


@pytest.mark.parametrize(
    ("error", "status", "code", "again"),
    [(StoreUnavailable("away"), 503, "unavailable", "5"), (RuntimeError("inside"), 500, "internal", None)],
)
def test_what_breaks_is_told_without_its_insides(
    at_the_door: Play, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str, again: str | None
) -> None:
    async def scene(here: Office) -> None:
        async def broken(raw: Raw) -> None:
            raise error

        monkeypatch.setattr(here.desk, "receive", broken)
        told = await here.client.post("/in/shop", content=ORDER, headers=signed(ORDER))
        assert told.status_code == status and told.json()["type"] == f"urn:duly:problem:{code}"
        assert told.headers.get("retry-after") == again and "inside" not in told.text

    at_the_door(scene)


def test_what_is_asked_comes_through(at_the_door: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(here: Office) -> None:
        raws: list[Raw] = []
        receive = here.desk.receive

        async def seen(raw: Raw) -> Any:
            raws.append(raw)
            return await receive(raw)

        monkeypatch.setattr(here.desk, "receive", seen)
        await here.client.get("/in/shop?a=1&a=2&empty=&name=Jo%C3%A3o+S", headers={"X-Upper": "Yes"})
        assert raws[0].method == "GET" and raws[0].path == "/in/shop" and raws[0].body == b""
        assert raws[0].query == {"a": "2", "empty": "", "name": "João S"}
        assert raws[0].headers["x-upper"] == "Yes"

    at_the_door(scene)


async def spoken(
    here: Office, pieces: AsyncIterator[bytes], *, break_off: bool = False
) -> tuple[list[dict[str, Any]], bool]:
    """A request without a length, as ASGI; what was answered, and whether all of it was read."""
    ended = False
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal ended
        piece = await anext(pieces, None)
        if piece is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        ended = True
        return {"type": "http.disconnect"} if break_off else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in signed(ORDER).items()]
    scope = {"type": "http", "method": "POST", "path": "/in/shop", "query_string": b"", "headers": headers}
    await here.client.app(scope, receive, send)  # type: ignore[arg-type]
    return answers, ended
