"""Making a version: files in, a running Program out, or diagnostics and nothing changed."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping

import msgspec

from duly_dsl.build import build
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.program import Environment, Program
from duly_dsl.source import SourceFile
from duly_runtime.planning import CHOICES, Plan, Progress, plan, renamed
from duly_runtime.store.api import Conflict, Store, User

__all__ = ["CHOICES", "DEFAULT", "PlanChanged", "Published", "make_plan", "publish"]

DEFAULT = "from now on"
"""What becomes of open cards where nobody chose."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """`hash` is the new version's, empty where `diagnostics` holds an error and nothing was changed."""

    hash: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


class PlanChanged(Conflict):
    """The plan a publish is held to is not what would happen now; `plan` is."""

    def __init__(self, plan: Plan, wanted: str) -> None:
        super().__init__(
            f"nothing was published: plan {wanted} is not what would happen now, since the live version or the effect on "
            "open cards has changed; look at the new plan"
        )
        self.plan = plan


async def make_plan(
    store: Store,
    sources: Mapping[str, str],
    environment: Environment,
    now: dt.datetime,
    *,
    choices: tuple[str, ...] = CHOICES,
    limit: int = 50,
    progress: Progress | None = None,
) -> Plan:
    """What publishing these files would do. With an error in them the plan holds its diagnostics and nothing else."""
    built = await _built(sources, environment)
    if built[0] is None:
        return Plan(base=await store.active_hash(), version="", diagnostics=built[1])
    return await plan(store, built[0], built[1], now, choices=choices, limit=limit, progress=progress)


async def _built(sources: Mapping[str, str], environment: Environment) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    files = [SourceFile(path, text) for path, text in sorted(sources.items())]
    built = await asyncio.to_thread(build, files, environment)
    return built.program, tuple(built.diagnostics)


async def publish(
    store: Store,
    sources: Mapping[str, str],
    environment: Environment,
    author: str,
    note: str,
    now: dt.datetime,
    choice: str = DEFAULT,
    *,
    wanted: str = "",
    details: Mapping[str, str] | None = None,
) -> Published:
    """Compile and make live. With an error in the files the version that runs goes on running.

    `wanted` is the id of a plan: PlanChanged where it is not what would happen now. `details` is kept with the version and
    in the audit log. Makes accounts, without a password, for people the files name who have none. Raises ValueError for a
    choice that is none of CHOICES, Conflict where another publish was faster.
    """
    if choice not in CHOICES:
        raise ValueError(f"open cards can be treated by {', '.join(CHOICES)}, not `{choice}`")
    program, diagnostics = await _built(sources, environment)
    if program is None:
        return Published(diagnostics=diagnostics)
    base = await store.active_hash()
    details = {key: value for key, value in (details or {}).items() if value}
    if wanted:
        found = await plan(store, program, diagnostics, now)
        if found.choices[choice].id != wanted:
            raise PlanChanged(found, wanted)
        base, details["plan"] = found.base, wanted
    live = Program.decode((await store.version(base)).program) if base else Program()
    made = await _make_accounts(store, program)
    await store.publish(
        program.hash,
        program.encode(),
        dict(sources),
        author,
        note,
        now,
        choice=choice,
        renamed=renamed(live, program),
        details=details,
        base=base,
    )
    await store.audit(author, "rules.published", program.hash, {"note": note, "open_cards": choice, **details}, now)
    for name in made:
        await store.audit(author, "user.made", name, {"reason": "named in the files"}, now)
    return Published(hash=program.hash, diagnostics=diagnostics)


async def _make_accounts(store: Store, program: Program) -> list[str]:
    """The names made. Leads and managers of teams become managers; nobody who has an account is changed."""
    known = {user.name for user in await store.users()}
    leading = {name for team in program.teams.values() for name in (team.lead, team.manager)}
    made: list[str] = []
    for name, person in sorted(program.people.items()):
        if name in known:
            continue
        await store.save_user(
            User(
                name=name,
                full_name=person.full_name,
                email=person.email,
                phone=person.phone,
                role="manager" if name in leading else "agent",
                language=person.language,
                active=True,
            )
        )
        made.append(name)
    return made
