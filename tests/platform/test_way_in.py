"""What `duly serve` puts before the application: the short way for webhooks answers as the application itself does."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from duly_platform.web.app import with_short_way_in
from support.office import office
from support.shop import KEY, SECRET, signed, with_door

REQUESTS = {
    "a message": ("POST", "/in/shop", True, 200),
    "a message that came before": ("POST", "/in/shop", True, 200),
    "not signed": ("POST", "/in/shop", False, 401),
    "no such door": ("POST", "/in/nowhere", True, 404),
    "not that way": ("DELETE", "/in/shop", True, 405),
}


def test_the_short_way_answers_as_the_application_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, KEY)

    async def told(client: httpx.AsyncClient, name: str, number: int) -> tuple[int, object, dict[str, str]]:
        method, path, believed, status = REQUESTS[name]
        body = json.dumps({"id": f"m{number}", "text": "Where is my order?"}).encode()
        headers = signed(body)
        if not believed:
            del headers["x-hub-signature-256"]
        answer = await client.request(method, path, content=body, headers=headers)
        assert answer.status_code == status, (name, answer.text)
        nonce = re.compile("'nonce-[^']*'")
        kept = {key: nonce.sub("nonce", value) for key, value in answer.headers.items()}
        return answer.status_code, answer.json(), kept

    async def scene() -> None:
        async with office(tmp_path, with_door(), {SECRET: KEY}) as here:
            app = here.client.app
            answers = []
            for number, served in enumerate((app, with_short_way_in(app))):
                transport = httpx.ASGITransport(app=served, raise_app_exceptions=False)  # type: ignore[arg-type]
                async with httpx.AsyncClient(transport=transport, base_url="http://duly.test") as client:
                    answers.append([await told(client, name, number) for name in REQUESTS])
                    assert (await client.get("/health/live")).json() == {"status": "ok"}
                    page = await client.get("/login", headers={"accept": "text/html"}, follow_redirects=True)
                    assert "text/html" in page.headers["content-type"]
            assert answers[0] == answers[1]
            assert "nonce" in answers[1][0][2]["content-security-policy"]
            assert answers[0][0][1] == {"accepted": 1, "duplicates": 0, "parked": False}
            assert answers[0][1][1] == {"accepted": 0, "duplicates": 1, "parked": False}

    asyncio.run(scene())
