"""Following a branch: each new commit is checked and planned, and where settings say so published.

A commit with an error changes nothing. What became of a commit is in the audit log and told to the administrators, once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import msgspec
import structlog

from duly_dsl import i18n
from duly_dsl.diagnostics import Severity
from duly_dsl.i18n import marked as _
from duly_platform.git.repository import Commit, GitError, Repository, shown
from duly_platform.settings import GitSettings
from duly_runtime.planning import Plan
from duly_runtime.publishing import PlanChanged, Published
from duly_runtime.store.api import Conflict, Store, StoreUnavailable
from duly_runtime.time import Clock

log = structlog.get_logger(__name__)

AUTHOR = "git"
TRIES = 3
"""Plans made for one commit while cards change."""

PUBLISHED = _("Commit {commit} by {author} is live: “{subject}”.")
PLANNED = _("Commit {commit} by {author} waits to be published: “{subject}” ({changes} changes).")
BROKEN = _("Commit {commit} by {author} was not published, the running version stays: {reason}")
FAILED = _("The rules can't be fetched from git: {reason}")


class Desk(Protocol):
    """What following needs of the application."""

    store: Store
    clock: Clock

    async def plan(self, sources: dict[str, str], *, limit: int = 50) -> Plan: ...

    async def publish(
        self, sources: dict[str, str], author: str, note: str, choice: str, *, plan: str, details: dict[str, str]
    ) -> Published: ...


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The last commit looked at and what became of it: `published`, `planned`, `broken`, `same`; or why the last fetch
    failed. Kept in the data folder, so that a restart tells nothing twice."""

    commit: str = ""
    outcome: str = ""
    failure: str = ""


class Follower:
    """Looks when it is poked, and every so often as a net below."""

    def __init__(self, desk: Any, settings: GitSettings, repository: Repository) -> None:
        self._desk: Desk = desk
        self._settings = settings
        self._repository = repository
        self._record = settings.folder / "seen.json"
        self._poked = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="git")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def poke(self) -> None:
        """Look now; pokes while it looks are one more look."""
        self._poked.set()

    @property
    def branch(self) -> str:
        return self._settings.branch

    async def _run(self) -> None:
        while True:
            self._poked.clear()
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("store_unavailable", loop="git", error=str(error))
            except Exception as error:
                log.exception("look_failed", loop="git", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), self._settings.poll_seconds or None)

    async def look(self) -> Seen:
        """Fetch, and deal with a commit that is new; what is known then."""
        async with self._lock:
            seen = self._seen()
            try:
                head = await self._repository.fetch()
                if head == seen.commit and not seen.failure:
                    return seen
                if head == seen.commit:
                    return self._keep(Seen(commit=head, outcome=seen.outcome))
                commit = await self._repository.read(head)
            except GitError as error:
                return await self._failed(seen, str(error))
            return self._keep(Seen(commit=head, outcome=await self._judge(commit)))

    async def _failed(self, seen: Seen, reason: str) -> Seen:
        log.warning("git_failed", reason=reason)
        if reason != seen.failure:
            await self._audit("git.failed", shown(self._settings.remote), {"reason": reason})
            await self._tell("git/failed/" + self._desk.clock.now().isoformat(), FAILED, reason=reason)
        return self._keep(Seen(commit=seen.commit, outcome=seen.outcome, failure=reason))

    async def _judge(self, commit: Commit) -> str:
        about = {"commit": commit.hash, "commit_author": commit.author, "branch": self._settings.branch}
        told = {"commit": commit.hash[:12], "author": commit.author, "subject": commit.subject}
        for attempt in range(TRIES):
            plan = await self._desk.plan(commit.files)
            errors = [problem for problem in plan.diagnostics if problem.severity is Severity.ERROR]
            if errors:
                reason = f"{errors[0].span}: {errors[0].message}"
                await self._audit("git.refused", commit.hash, {**about, "reason": reason, "errors": str(len(errors))})
                await self._tell(f"git/{commit.hash}", BROKEN, **told, reason=reason)
                return "broken"
            if plan.base == plan.version:
                return "same"
            effects = plan.choices[self._settings.open_cards]
            if not self._settings.publish:
                counts = {kind: str(count) for kind, count in effects.counts.items()}
                details = {**about, **counts, "plan": effects.id, "changes": str(len(plan.changes))}
                await self._audit("git.planned", commit.hash, details)
                await self._tell(f"git/{commit.hash}", PLANNED, **told, changes=str(len(plan.changes)))
                return "planned"
            try:
                await self._desk.publish(
                    commit.files,
                    AUTHOR,
                    commit.subject,
                    self._settings.open_cards,
                    plan=effects.id,
                    details={"via": "git", "remote": shown(self._settings.remote), **about},
                )
            except (PlanChanged, Conflict):
                if attempt == TRIES - 1:
                    raise
                continue
            await self._tell(f"git/{commit.hash}", PUBLISHED, **told)
            return "published"
        raise AssertionError("the last try returns or raises")

    async def _audit(self, action: str, subject: str, details: dict[str, str]) -> None:
        await self._desk.store.audit(AUTHOR, action, subject, details, self._desk.clock.now())

    async def _tell(self, key: str, sentence: str, **values: str) -> None:
        """A notice to each administrator, in their language."""
        for user in await self._desk.store.users():
            if user.role == "admin" and user.active:
                translate = i18n.translations("duly_platform", i18n.choose(user.language or "en")).gettext
                await self._desk.store.tell(
                    user.name, translate(sentence).format(**values), f"{key}/{user.name}", self._desk.clock.now()
                )

    def _seen(self) -> Seen:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Seen)
        except (FileNotFoundError, msgspec.DecodeError):
            return Seen()

    def _keep(self, seen: Seen) -> Seen:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        self._record.write_bytes(msgspec.json.encode(seen))
        return seen
