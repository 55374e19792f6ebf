"""Finds connector plug-ins and builds the doors of a version. The built-in connectors come in by the same entry points."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points

import msgspec

from duly_connectors.contract import Connector, MissingSecret, Tools
from duly_connectors.wording import Worded
from duly_dsl import i18n, program
from duly_runtime.doors import (
    Approver,
    Check,
    Failed,
    Fetcher,
    FetchOutcome,
    Library,
    Outcome,
    Outgoing,
    Retry,
    Sender,
    Sent,
    Source,
    Unknown,
)
from duly_runtime.events import File

GROUP = "duly.connectors"
HIDDEN = "•••"
"""In place of a secret."""
SHORTEST = 6
"""Characters below which a secret is none, and hiding it would tear words apart."""
CHECK_SECONDS = 30.0
"""For all checks of one connector; a person waits for them."""

log = logging.getLogger(__name__)


class Plugins:
    """`classes` by the name of their kind; `problems` says what could not be loaded and why (entry point -> words)."""

    def __init__(self, classes: Mapping[str, type[Connector]], problems: Mapping[str, str]) -> None:
        self.classes = dict(classes)
        self.problems = dict(problems)


@functools.cache
def plugins() -> Plugins:
    """Every connector plug-in that is installed. One that fails to load is reported, never fatal."""
    classes: dict[str, type[Connector]] = {}
    problems: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            found = entry.load()
        except Exception as error:
            problems[entry.name] = f"`{entry.value}` could not be loaded: {error!r}"
            continue
        kind = getattr(found, "KIND", None)
        if not (isinstance(found, type) and issubclass(found, Connector) and not inspect.isabstract(found)):
            problems[entry.name] = f"`{entry.value}` is not a subclass of duly_connectors.contract.Connector"
        elif not isinstance(kind, program.ConnectorKind) or kind.name != entry.name:
            problems[entry.name] = f"`{entry.value}` must have a KIND named `{entry.name}`, like its entry point"
        else:
            classes[entry.name] = found
    return Plugins(classes, problems)


def kinds() -> tuple[program.ConnectorKind, ...]:
    """What the checker may know of the installed connectors, by name."""
    return tuple(found.KIND for _, found in sorted(plugins().classes.items()))


class Registry:
    """The doors of one version. `problems` names the connectors that could not be built, and why."""

    def __init__(self, version: str, connectors: Mapping[str, Connector], problems: Mapping[str, str]) -> None:
        self.version = version
        self.connectors = dict(connectors)
        self.problems = dict(problems)
        self._sources = [
            (name, source)
            for name, connector in self.connectors.items()
            if connector.definition.direction != "sends"
            for source in connector.sources()
        ]
        self._by_path = {_path(c.definition.path): c for c in self.connectors.values() if _receives(c.definition)}

    def by_name(self, connector: str) -> Sender | None:
        """The connector of that name, if it sends."""
        found = self.connectors.get(connector)
        return Guarded(found) if found is not None and _sends(found.definition) else None

    def by_kind(self, kind: str) -> Sender | None:
        """The first connector of a kind that sends, in the order of the files."""
        for found in self.connectors.values():
            if found.definition.kind == kind and _sends(found.definition):
                return Guarded(found)
        return None

    def receiver_for(self, path: str) -> Connector | None:
        """The connector whose door is at this path of ours (`/in/shop`)."""
        return self._by_path.get(_path(path))

    def receiver(self, connector: str) -> Connector | None:
        """The connector of that name, if it receives."""
        found = self.connectors.get(connector)
        return found if found is not None and found.definition.direction != "sends" else None

    def mail_for(self) -> dict[str, str]:
        """E-mail address -> the connector that receives its mail; the first of the files where several do."""
        found: dict[str, str] = {}
        for name, connector in self.connectors.items():
            if connector.definition.direction != "sends":
                for address in connector.addresses():
                    found.setdefault(address, name)
        return found

    def sources(self) -> Sequence[tuple[str, Source]]:
        """What connectors fetch by themselves, with the connector's name."""
        return self._sources

    def approver(self, connector: str) -> Approver | None:
        """The connector of that name, if it sends."""
        found = self.connectors.get(connector)
        return Guarded(found) if found is not None and _sends(found.definition) else None

    def fetcher(self, connector: str) -> Fetcher | None:
        """The connector of that name, whichever way it works."""
        found = self.connectors.get(connector)
        return None if found is None else Guarded(found)

    async def close(self) -> None:
        for connector in self.connectors.values():
            try:
                await connector.close()
            except Exception:
                log.exception("connector %s did not close", connector.definition.name)


class Guarded:
    """A connector as the runtime sees it: whatever its code does, sending and fetching end in an outcome."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector

    async def send(self, item: Outgoing) -> Outcome:
        if item.files and not self.connector.SENDS_FILES:
            reason = self.connector._("The connector {name} can't send files.")
            return Failed(reason=reason.format(name=self.connector.definition.name))
        try:
            outcome = await self.connector.send(item)
        except MissingSecret as error:
            return Retry(reason=error.told(self.connector._))
        except Exception as error:
            log.exception("connector %s broke while sending %s", self.connector.definition.name, item.key)
            return Unknown(reason=f"the connector broke while sending: {type(error).__name__}")
        if not isinstance(outcome, Outcome):
            return Unknown(reason=f"the connector gave no outcome but {type(outcome).__name__}")
        return self._without_secrets(outcome)

    def _without_secrets(self, outcome: Outcome) -> Outcome:
        """What is kept and shown holds no secret, though the other side may repeat what it was sent."""
        if not outcome.answer and isinstance(outcome, Sent):
            return outcome
        secrets = self._secrets()
        changed = {
            field: _hidden(getattr(outcome, field), secrets) for field in ("reason", "answer") if hasattr(outcome, field)
        }
        return msgspec.structs.replace(outcome, **changed)

    def account(self) -> str:
        try:
            return self.connector.account()
        except MissingSecret:
            return ""
        except Exception:
            log.exception("connector %s broke while asked for its account", self.connector.definition.name)
            return ""

    async def templates(self) -> Library:
        try:
            return await self.connector.templates()
        except MissingSecret as error:
            return Retry(reason=error.told(self.connector._))
        except Exception as error:
            log.exception("connector %s broke while reading templates", self.connector.definition.name)
            return Retry(reason=f"the connector broke while reading templates: {type(error).__name__}")

    async def fetch(self, file: File) -> FetchOutcome:
        try:
            outcome = await self.connector.fetch(file)
        except MissingSecret as error:
            return Retry(reason=error.told(self.connector._))
        except Exception as error:
            log.exception("connector %s broke while fetching %s", self.connector.definition.name, file.reference)
            return Retry(reason=f"the connector broke while fetching: {type(error).__name__}")
        if not isinstance(outcome, FetchOutcome):
            return Failed(reason=f"the connector gave no outcome but {type(outcome).__name__}")
        return outcome

    async def check(self) -> tuple[Check, ...]:
        """The connector's checks; a bad one where it breaks or takes longer than CHECK_SECONDS."""
        import asyncio  # imported late: rule files are checked without a network

        label = self.connector._("Checks")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                checks = await self.connector.check()
        except Worded as error:
            checks = (Check(name=label, state="bad", detail=error.told(self.connector._)),)
        except TimeoutError:
            words = self.connector._("No answer within {seconds} seconds.").format(seconds=int(CHECK_SECONDS))
            checks = (Check(name=label, state="unknown", detail=words),)
        except Exception as error:
            log.exception("connector %s broke while checking", self.connector.definition.name)
            words = self.connector._("The connector broke while checking: {error}").format(error=type(error).__name__)
            checks = (Check(name=label, state="bad", detail=words),)
        secrets = self._secrets()
        return tuple(msgspec.structs.replace(each, detail=_hidden(each.detail, secrets)) for each in checks)

    def guide(self, address: str) -> tuple[str, ...]:
        """The connector's guide; none where it breaks or needs a secret that is not there."""
        try:
            return tuple(_hidden(step, self._secrets()) for step in self.connector.guide(address))
        except Exception:
            log.exception("connector %s has no guide", self.connector.definition.name)
            return ()

    def _secrets(self) -> set[str]:
        """The values no outcome may repeat."""
        secrets: set[str] = set()
        for name in self.connector.secret_names():
            with contextlib.suppress(MissingSecret):
                secrets.update(self.connector.secrets(name))
        return secrets


def _hidden(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text


def build(version: program.Program, tools: Tools, found: Plugins | None = None) -> Registry:
    """The doors of a version. A connector whose kind is not installed, or that can't be built, is left out and reported."""
    found = plugins() if found is None else found
    _ = i18n.translations("duly_connectors", tools.language).gettext
    connectors: dict[str, Connector] = {}
    problems: dict[str, str] = {}
    for name, definition in version.connectors.items():
        kind = found.classes.get(definition.kind)
        if kind is None:
            reason = found.problems.get(definition.kind, _("no connector of this kind is installed"))
            problems[name] = f"`{definition.kind}`: {reason}"
            continue
        try:
            connectors[name] = kind(definition, version.pipelines.get(definition.pipeline), tools)
        except Worded as error:
            problems[name] = error.told(_)
        except Exception as error:
            problems[name] = repr(error)
    for connector in connectors.values():
        others = (peer for peer in connectors.values() if peer is not connector)
        connector.peers = tuple(peer for peer in others if peer.definition.kind == connector.definition.kind)
    for name, words in problems.items():
        log.error("connector %s is out of service: %s", name, words)
    return Registry(version.hash, connectors, problems)


class Live:
    """The doors of the version that is live. Tell it with `use` when that changes; the old doors are closed then."""

    def __init__(self, tools: Tools, found: Plugins | None = None) -> None:
        self.tools = tools
        self.registry = Registry("", {}, {})
        self._found = found

    async def use(self, version: program.Program) -> Registry:
        """Build the doors of `version` unless they are the ones in use."""
        if version.hash != self.registry.version or not version.hash:
            old, self.registry = self.registry, build(version, self.tools, self._found)
            await old.close()
        return self.registry

    def by_name(self, connector: str) -> Sender | None:
        return self.registry.by_name(connector)

    def by_kind(self, kind: str) -> Sender | None:
        return self.registry.by_kind(kind)

    def receiver_for(self, path: str) -> Connector | None:
        return self.registry.receiver_for(path)

    def receiver(self, connector: str) -> Connector | None:
        return self.registry.receiver(connector)

    def sources(self) -> Sequence[tuple[str, Source]]:
        return self.registry.sources()

    def approver(self, connector: str) -> Approver | None:
        return self.registry.approver(connector)

    def fetcher(self, connector: str) -> Fetcher | None:
        return self.registry.fetcher(connector)

    async def close(self) -> None:
        await self.registry.close()


def _path(path: str) -> str:
    return "/" + path.strip("/")


def _receives(definition: program.Connector) -> bool:
    return definition.direction in ("receives", "connects") and bool(definition.path)


def _sends(definition: program.Connector) -> bool:
    return definition.direction in ("sends", "connects")
