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
from duly_runtime.store.api import Store, User

CHOICES = ("keep", "recompute")
"""What a publish does to the clocks of open cards: let them run as they were started, or measure them anew."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """`hash` is the new version's, empty where `diagnostics` holds an error and nothing was changed."""

    hash: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


async def publish(
    store: Store,
    sources: Mapping[str, str],
    environment: Environment,
    author: str,
    note: str,
    now: dt.datetime,
    choice: str = "keep",
) -> Published:
    """Compile and make live. With an error in the files the version that runs goes on running.

    Makes accounts, without a password, for people the files name who have none. Raises ValueError for a choice that is
    none of CHOICES.
    """
    if choice not in CHOICES:
        raise ValueError(f"open cards can be treated by {' or '.join(CHOICES)}, not `{choice}`")
    files = [SourceFile(path, text) for path, text in sorted(sources.items())]
    built = await asyncio.to_thread(build, files, environment)
    program = built.program
    if program is None:
        return Published(diagnostics=tuple(built.diagnostics))
    made = await _make_accounts(store, program)
    await store.publish(program.hash, program.encode(), dict(sources), author, note, now, recompute=choice == "recompute")
    await store.audit(author, "rules.published", program.hash, {"note": note, "open_cards": choice}, now)
    for name in made:
        await store.audit(author, "user.made", name, {"reason": "named in the files"}, now)
    return Published(hash=program.hash, diagnostics=tuple(built.diagnostics))


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
