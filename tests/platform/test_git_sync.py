"""A server that follows a git branch: real repositories, real posts."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvicorn

from duly_platform.composition import open_desk
from duly_platform.desk import Desk
from duly_platform.git.push import believed
from duly_platform.git.repository import GitError, Repository, protocol, shown
from duly_platform.git.sync import Seen
from duly_platform.settings import SettingsError, load
from duly_platform.web.app import create_app
from duly_runtime.store.api import User
from duly_runtime.time import FakeClock
from support.office import MONDAY, RULES

SECRET = "push me"
FASTER = RULES.replace("first reply within 1h", "first reply within 30m")
BROKEN = RULES.replace('owner team "Desk"', 'owner team "Dnoe"')


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ana Sousa", "-c", "user.email=ana@desk.example")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Remote:
    """A repository somebody else works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        git(folder, "init", "-b", "main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def commit(self, text: str, subject: str, name: str = "rules/support.duly") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-m", subject)
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    made = Remote(tmp_path / "remote")
    (made.folder / "README").write_text("not a rule")
    made.commit(RULES, "The first rules")
    return made


def run(folder: Path, remote: Remote, scene: Callable[[Desk], Awaitable[None]], **settings: str) -> None:
    """`scene` with a Desk that follows the remote, looking only when it is asked to."""
    environ = {"DULY_GIT_REMOTE": remote.url, "DULY_GIT_PATH": "rules", "DULY_GIT_POLL": "0", **settings}

    async def main() -> None:
        async with open_desk(load(folder / "desk", environ), FakeClock(MONDAY)) as desk:
            assert desk.git is not None
            await desk.git.stop()  # the test looks by itself
            boss = User(name="boss", full_name="", email="", phone="", role="admin", language="pt-BR", active=True)
            await desk.store.save_user(boss)
            await scene(desk)

    asyncio.run(main())


async def look(desk: Desk) -> Seen:
    assert desk.git is not None
    return await desk.git.look()


async def told(desk: Desk) -> list[str]:
    return [row.text for row in reversed(await desk.store.notices("boss"))]


async def audited(desk: Desk) -> list[str]:
    return [
        row.action for row in reversed(await desk.store.audit_log()) if row.author == "git" and row.action != "user.made"
    ]


def test_a_commit_is_published_with_where_it_came_from(tmp_path: Path, remote: Remote) -> None:
    async def scene(desk: Desk) -> None:
        assert (await look(desk)).outcome == "published"
        commit = remote.commit(FASTER, "Answer within half an hour")
        seen = await look(desk)
        assert (seen.commit, seen.outcome) == (commit, "published")
        live = await desk.store.active_version()
        assert live is not None and live.sources == {"support.duly": FASTER}
        row = (await desk.store.versions())[0]
        assert (row.author, row.note, row.choice) == ("git", "Answer within half an hour", "keep")
        assert row.details["commit"] == commit
        assert row.details["commit_author"] == "Ana Sousa <ana@desk.example>"
        assert (row.details["branch"], row.details["via"]) == ("main", "git")
        (entry, *_) = [row for row in await desk.store.audit_log() if row.action == "rules.published"]
        assert entry.details["commit"] == commit and entry.details["plan"] == row.details["plan"]
        assert "está em vigor" in (await told(desk))[-1]
        before = len(await desk.store.versions())
        await look(desk)
        assert len(await desk.store.versions()) == before

    run(tmp_path, remote, scene, DULY_GIT_MODE="publish", DULY_GIT_OPEN_CARDS="keep")


def test_a_broken_commit_never_replaces_the_running_version(tmp_path: Path, remote: Remote) -> None:
    async def scene(desk: Desk) -> None:
        await look(desk)
        live = await desk.store.active_hash()
        commit = remote.commit(BROKEN, "Oops")
        assert (await look(desk)).outcome == "broken"
        assert await desk.store.active_hash() == live
        await look(desk)
        assert await audited(desk) == ["rules.published", "git.refused"]
        (entry,) = [row for row in await desk.store.audit_log() if row.action == "git.refused"]
        assert entry.subject == commit and "Dnoe" in entry.details["reason"]
        assert len(await told(desk)) == 2 and "Dnoe" in (await told(desk))[1]
        remote.commit(FASTER, "Mended")
        assert (await look(desk)).outcome == "published"
        assert await desk.store.active_hash() != live

    run(tmp_path, remote, scene, DULY_GIT_MODE="publish")


def test_plan_only_is_the_default(tmp_path: Path, remote: Remote) -> None:
    async def scene(desk: Desk) -> None:
        await desk.publish({"support.duly": RULES}, "ana", "by hand")
        assert (await look(desk)).outcome == "same"
        remote.commit(FASTER, "Faster")
        assert (await look(desk)).outcome == "planned"
        assert len(await desk.store.versions()) == 1
        (entry,) = [row for row in await desk.store.audit_log() if row.action == "git.planned"]
        assert entry.details["changes"] == "1" and len(entry.details["plan"]) == 20
        assert len(await told(desk)) == 1

    run(tmp_path, remote, scene)


def test_a_remote_that_is_away_is_said_once(tmp_path: Path, remote: Remote) -> None:
    async def scene(desk: Desk) -> None:
        await look(desk)
        away = remote.folder.rename(tmp_path / "away")
        for _ in range(3):
            assert (await look(desk)).failure
        assert await audited(desk) == ["rules.published", "git.failed"]
        assert len(await told(desk)) == 2
        away.rename(remote.folder)
        assert (await look(desk)).failure == ""
        remote.commit(FASTER, "Faster")
        assert (await look(desk)).outcome == "published"

    run(tmp_path, remote, scene, DULY_GIT_MODE="publish")


def test_history_that_was_rewritten_is_followed(tmp_path: Path, remote: Remote) -> None:
    async def scene(desk: Desk) -> None:
        remote.commit(FASTER, "Faster")
        await look(desk)
        git(remote.folder, "reset", "--hard", "HEAD~1")
        assert (await look(desk)).outcome == "published"
        live = await desk.store.active_version()
        assert live is not None and live.sources["support.duly"] == RULES

    run(tmp_path, remote, scene, DULY_GIT_MODE="publish")


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"DULY_GIT_PATH": "nowhere"}, "no folder `nowhere`"), ({"DULY_GIT_BRANCH": "other"}, "refs/heads/other")],
)
def test_what_is_not_there_is_said(tmp_path: Path, remote: Remote, settings: dict[str, str], words: str) -> None:
    async def scene(desk: Desk) -> None:
        assert words in (await look(desk)).failure

    run(tmp_path, remote, scene, **settings)


def test_links_and_hooks_have_no_part_in_it(tmp_path: Path, remote: Remote) -> None:
    outside = tmp_path / "outside.duly"
    outside.write_text(FASTER)
    (remote.folder / "rules" / "link.duly").symlink_to(outside)
    remote.commit(RULES + "\n", "A link")
    hook = tmp_path / "ran"

    async def main() -> None:
        folder = tmp_path / "repository"
        repository = Repository(folder, remote.url, "main", "rules", token=lambda: "")
        await repository.fetch()
        (folder / "hooks").mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-checkout", "post-merge"):
            (folder / "hooks" / name).write_text(f"#!/bin/sh\ntouch {hook}\n")
            (folder / "hooks" / name).chmod(0o755)
        commit = await repository.read(await repository.fetch())
        assert list(commit.files) == ["support.duly"]
        (remote.folder / "rules" / "big.duly").write_text("#" * 300_000)
        remote.commit(RULES, "Big")
        with pytest.raises(GitError, match=r"big\.duly` is too large"):
            await repository.read(await repository.fetch())

    asyncio.run(main())
    assert not hook.exists()


@pytest.mark.parametrize(
    "url", ["http://x/y", "ext::sh -c touch% /tmp/x", "--upload-pack=x", "/etc", "git://x/y", "-x@y:z"]
)
def test_no_other_protocol_is_spoken(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DULY_GIT_REMOTE"):
        load(tmp_path, {"DULY_GIT_REMOTE": url})
    with pytest.raises(ValueError, match=r"."):
        protocol(url)


def test_passwords_are_not_shown() -> None:
    assert shown("https://ana:hush@git.example/x.git") == "https://git.example/x.git"
    assert shown("git@git.example:x.git") == "git@git.example:x.git"


@pytest.mark.parametrize(
    ("name", "value"),
    [("DULY_GIT_BRANCH", "--x"), ("DULY_GIT_PATH", "../x"), ("DULY_GIT_MODE", "x"), ("DULY_GIT_OPEN_CARDS", "x"),
     ("DULY_GIT_POLL", "-1")],
)  # fmt: skip
def test_settings_that_can_not_be_meant_are_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(tmp_path, {"DULY_GIT_REMOTE": "https://x/y", name: value})


# --- the web hook ------------------------------------------------------------------------------------------------------


def signed(body: bytes, kind: str, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "github": {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "push"},
        "gitea": {"X-Gitea-Signature": digest},
        "gitlab": {"X-Gitlab-Token": secret},
    }[kind]


@contextlib.asynccontextmanager
async def serving(folder: Path, remote: Remote) -> AsyncIterator[tuple[Desk, httpx.AsyncClient]]:
    """A real server on a real port."""
    environ = {"DULY_GIT_REMOTE": remote.url, "DULY_GIT_PATH": "rules", "DULY_GIT_POLL": "0", "DULY_GIT_MODE": "publish"}
    settings = load(folder / "desk", environ)
    async with open_desk(settings, FakeClock(MONDAY)) as desk:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
            config = uvicorn.Config(create_app(desk, settings), log_level="error", lifespan="off")
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            try:
                async with httpx.AsyncClient(base_url=url, timeout=20) as client:
                    yield desk, client
            finally:
                server.should_exit = True
                await task


async def until(desk: Desk, commit: str) -> None:
    for _ in range(400):
        rows = await desk.store.versions()
        if rows and rows[0].details.get("commit") == commit:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the commit never went live")


@pytest.mark.parametrize("kind", ["github", "gitea", "gitlab"])
def test_a_push_is_published(tmp_path: Path, remote: Remote, kind: str) -> None:
    async def main() -> None:
        async with serving(tmp_path, remote) as (desk, client):
            await until(desk, git(remote.folder, "rev-parse", "HEAD"))
            body = json.dumps({"ref": "refs/heads/main"}).encode()
            answer = await client.post("/api/v1/git/push", content=body, headers=signed(body, kind))
            assert answer.status_code == 503 and "GIT_WEBHOOK" in answer.json()["detail"]
            desk.secrets.set("GIT_WEBHOOK", SECRET)
            commit = remote.commit(FASTER, "Faster")
            for headers in ({}, signed(body, kind, "wrong"), signed(body + b" ", "github"), {"X-Gitlab-Token": ""}):
                answer = await client.post("/api/v1/git/push", content=body, headers=headers)
                assert answer.status_code == 401, headers
            other = json.dumps({"ref": "refs/heads/other"}).encode()
            answer = await client.post("/api/v1/git/push", content=other, headers=signed(other, kind))
            assert answer.status_code == 200 and answer.json()["looking"] is False
            answer = await client.post("/api/v1/git/push", content=body, headers=signed(body, kind))
            assert answer.status_code == 202
            await until(desk, commit)

    asyncio.run(main())


def test_without_a_web_hook_the_branch_is_looked_at_now_and_then(tmp_path: Path, remote: Remote) -> None:
    async def main() -> None:
        environ = {"DULY_GIT_REMOTE": remote.url, "DULY_GIT_PATH": "rules", "DULY_GIT_MODE": "publish"}
        settings = load(tmp_path / "desk", {**environ, "DULY_GIT_POLL": "0.05"})
        async with open_desk(settings, FakeClock(MONDAY)) as desk:
            await until(desk, git(remote.folder, "rev-parse", "HEAD"))
            await until(desk, remote.commit(FASTER, "Faster"))

    asyncio.run(main())


def test_a_server_that_follows_nothing_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        settings = load(tmp_path, {})
        async with open_desk(settings, FakeClock(MONDAY)) as desk:
            transport = httpx.ASGITransport(app=create_app(desk, settings))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://duly.test") as client:
                answer = await client.post("/api/v1/git/push", content=b"{}")
                assert answer.status_code == 404 and "DULY_GIT_REMOTE" in answer.json()["detail"]

    asyncio.run(main())


def test_one_signature_that_is_wrong_is_not_made_good_by_another() -> None:
    body = b"{}"
    both = {name.lower(): value for name, value in signed(body, "gitlab").items()}
    assert believed(SECRET, both, body)
    assert not believed(SECRET, {**both, "x-hub-signature-256": "sha256=0"}, body)
    assert not believed(SECRET, {}, body)
