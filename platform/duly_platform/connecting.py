"""Setting up connectors: how each is, its checks, a test message, and the secrets it names. Screens and API only translate
to and from these.

Connectors are made anew for the reader's language; those that serve are not touched.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from duly_admin_ui.services import Checked, ConnectorPage, MetaTemplates, NamedSecret, Refused, Trial
from duly_connectors import registry
from duly_connectors.contract import Connector, Tools
from duly_connectors.registry import Guarded, Registry
from duly_dsl import i18n, program
from duly_platform.secrets import OVERLAP, SecretError
from duly_runtime import approvals, library, window
from duly_runtime.doors import Check, Failed, Outcome, Outgoing, Retry, Sent, Unknown
from duly_runtime.store.api import Missing
from duly_runtime.store.sources_api import SourceRow
from duly_runtime.time import monotonic

if TYPE_CHECKING:
    from duly_platform.desk import Desk

SEND_SECONDS = 20.0
"""For a test message: a little more than the 15 a connector keeps to."""
OURS = "DULY_"
"""How the names of keys begin that are Duly's own."""
LONGEST_ANSWER = 2000
"""Characters of what the other side said."""
LONGEST_TO = 320
"""Characters of an address, the longest an e-mail address may have."""
OUTCOMES: Mapping[type, str] = {Sent: "sent", Failed: "failed", Retry: "retry", Unknown: "unknown"}


class Connecting:
    """What the last checks of each connector found is remembered for as long as this process runs and what they looked at
    stays as it is."""

    def __init__(self, desk: Desk, tools: Tools, base_url: str) -> None:
        self._desk = desk
        self._tools = tools
        self._base_url = base_url.rstrip("/")
        self._registries: dict[str, Registry] = {}
        self._checked: dict[str, tuple[program.Connector, Checked]] = {}

    async def pages(self, language: str) -> list[ConnectorPage]:
        live = await self._desk.program()
        if live is None:
            return []
        doors, sources = await self._doors(live, language), await self._desk.store.sources()
        return [self._page(definition, doors, sources) for definition in live.connectors.values()]

    async def page(self, name: str, language: str) -> ConnectorPage:
        definition, doors = await self._found(name, language)
        found = self._page(definition, doors, await self._desk.store.sources(name))
        return msgspec.structs.replace(found, templates=await self._templates(definition))

    def plugin_problems(self) -> dict[str, str]:
        return dict(registry.plugins().problems)

    async def check(self, name: str, language: str) -> Checked:
        definition, doors = await self._found(name, language)
        began = monotonic()
        connector = doors.connectors.get(name)
        if connector is None:
            label = i18n.translations("duly_connectors", language).gettext("Checks")
            checks: tuple[Check, ...] = (Check(name=label, state="bad", detail=doors.problems.get(name, "")),)
        else:
            checks = await Guarded(connector).check()
        done = Checked(at=self._desk.now(), seconds=monotonic() - began, checks=checks)
        self._checked[name] = (definition, done)
        return done

    async def try_out(self, name: str, to: str, language: str, author: str) -> Trial:
        definition, doors = await self._found(name, language)
        connector, to = doors.connectors.get(name), to.strip()
        if connector is None:
            raise Refused(doors.problems.get(name, ""))
        if not _sends(definition):
            raise Refused("this connector does not send")
        if connector.TEST_TO and not to:
            raise Refused("say where the test message goes")
        if len(to) > LONGEST_TO or not to.isprintable():
            raise Refused("this is no address")
        began = monotonic()
        item = connector.trial(to, f"test-{secrets.token_hex(8)}")
        outcome = await self._sent(connector, item)
        reason = "" if isinstance(outcome, Sent) else outcome.reason
        done = Trial(
            at=self._desk.now(),
            to=to,
            outcome=OUTCOMES[type(outcome)],
            reason=reason,
            seconds=monotonic() - began,
            answer=outcome.answer[:LONGEST_ANSWER],
        )
        details = {"to": to, "outcome": done.outcome, **({"reason": reason[:500]} if reason else {})}
        await self._desk.store.audit(author, "connector.tested", name, details, self._desk.now())
        return done

    async def _sent(self, connector: Connector, item: Outgoing) -> Outcome:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await Guarded(connector).send(item)
        except TimeoutError:
            return Unknown(reason=connector._("No answer within {seconds} seconds.").format(seconds=int(SEND_SECONDS)))

    async def sync(self, name: str) -> None:
        await self._found(name, "en")
        approver = self._desk.node.doors.approver(name)
        account = approver.account() if approver is not None else ""
        if approver is None or not account:
            raise Refused("the connector names no account at Meta, or cannot send: add the line `business account id`")
        await approvals.at_once(self._desk.store, account, approver, self._desk.now())

    async def _templates(self, definition: program.Connector) -> MetaTemplates | None:
        live = await self._desk.program()
        approver = self._desk.node.doors.approver(definition.name)
        if live is None or approver is None or definition.kind != window.CHANNEL:
            return None
        account = approver.account()
        if not account:
            return MetaTemplates(account="")
        known = await self._desk.store.approvals(account)
        rows = library.at_meta(live, known) if known.synced_at is not None or known.templates else ()
        return MetaTemplates(account=account, synced_at=known.synced_at, error=known.error, rows=rows)

    async def store_secret(self, name: str, secret: str, value: str, author: str, *, keep: bool = False) -> None:
        known = self._desk.secrets.names()
        if name:
            definition, _doors = await self._found(name, "en")
            if secret not in secrets_of(definition):
                raise Missing(f"connector `{name}` names no secret `{secret}`")
        elif secret in known or secret.startswith(OURS):
            raise Refused("this secret is stored already: replace it on the page of its connector")
        if self._from_environment(secret):
            raise Refused("this secret comes from the environment of the server: change it there")
        if not value.strip():
            raise Refused("the value is empty")
        try:
            if keep and secret in known:
                self._desk.secrets.rotate(secret, value, self._desk.now() + OVERLAP)
            else:
                self._desk.secrets.set(secret, value)
        except SecretError as error:
            raise Refused(str(error)) from error
        replaced = "no" if secret not in known else "rotated" if keep else "yes"
        details = {"connector": name, "replaced": replaced}
        await self._desk.store.audit(author, "secret.stored", secret, details, self._desk.now())
        for other, (seen, _checked) in list(self._checked.items()):
            if secret in secrets_of(seen):
                del self._checked[other]

    async def close(self) -> None:
        for doors in self._registries.values():
            await doors.close()

    # --- inside

    async def _found(self, name: str, language: str) -> tuple[program.Connector, Registry]:
        live = await self._desk.program()
        definition = live.connectors.get(name) if live is not None else None
        if live is None or definition is None:
            raise Missing(f"no connector of the running rules is called `{name}`")
        return definition, await self._doors(live, language)

    async def _doors(self, live: program.Program, language: str) -> Registry:
        """The connectors of the running rules, speaking the reader's language."""
        found = self._registries.get(language)
        if found is None or found.version != live.hash:
            self._registries[language] = registry.build(live, dataclasses.replace(self._tools, language=language))
            if found is not None:
                await found.close()
        return self._registries[language]

    def _page(self, definition: program.Connector, doors: Registry, sources: list[SourceRow]) -> ConnectorPage:
        connector = doors.connectors.get(definition.name)
        address = self._base_url + "/" + definition.path.strip("/") if _receives(definition) else ""
        seen = self._checked.get(definition.name)
        checked = seen[1] if seen is not None and seen[0] == definition else None
        named = tuple(
            NamedSecret(name=name, use=use, state=self._secret_state(name)) for name, use in secrets_of(definition).items()
        )
        problem = doors.problems.get(definition.name, "")
        own = tuple(row for row in sources if row.connector == definition.name)
        return ConnectorPage(
            name=definition.name,
            kind=definition.kind,
            direction=definition.direction,
            pipeline=definition.pipeline,
            state=state_of(problem, named, checked, own),
            problem=problem,
            address=address,
            guide=Guarded(connector).guide(address) if connector is not None else (),
            settings=tuple((key, _shown(given.value)) for key, given in definition.settings.items() if not given.secret),
            secrets=named,
            sources=own,
            sends=_sends(definition),
            test_to=connector.TEST_TO if connector is not None else "",
            checked=checked,
        )

    def _secret_state(self, name: str) -> str:
        if self._from_environment(name):
            return "environment"
        try:
            return "stored" if self._desk.secrets.get(name).strip() else "missing"
        except SecretError:
            return "missing"

    def _from_environment(self, name: str) -> bool:
        return self._desk.secrets.from_environment(name)


def secrets_of(definition: program.Connector) -> dict[str, str]:
    """The secrets a connector names -> the line that does."""
    named: dict[str, str] = {}
    if definition.verify_secret:
        named[definition.verify_secret] = "verify"
    for key, given in definition.settings.items():
        if given.secret:
            named.setdefault(str(given.value), key)
    return named


def state_of(
    problem: str, named: tuple[NamedSecret, ...], checked: Checked | None, sources: tuple[SourceRow, ...] = ()
) -> str:
    """How a connector is at a glance: the worst there is to say of it."""
    if problem or any(each.state == "missing" for each in named) or any(each.state == "bad" for each in sources):
        return "bad"
    if checked is None:
        return "unknown"
    states = {check.state for check in checked.checks}
    return "bad" if "bad" in states else "unknown" if states - {"ok"} else "ok"


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, bool) else str(value)


def _receives(definition: program.Connector) -> bool:
    return definition.direction != "sends" and bool(definition.path)


def _sends(definition: program.Connector) -> bool:
    return definition.direction != "receives"
