"""The composition root: settings in, a running Duly out. Nothing else builds the parts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from duly_connectors.contract import MissingSecret, Tools
from duly_connectors.mail import lmtp
from duly_connectors.mail.threading import REPLY_KEY
from duly_connectors.outbound import Network
from duly_connectors.registry import Live
from duly_dsl import i18n
from duly_platform.accounts import Accounts
from duly_platform.desk import Desk
from duly_platform.git.repository import Repository
from duly_platform.git.sync import Follower
from duly_platform.secrets import SecretError, SecretStore
from duly_platform.settings import GitSettings, Settings, make_data_folder
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.database import open_store
from duly_runtime.time import Clock, SystemClock, shared_since

log = structlog.get_logger(__name__)


def clock_of(settings: Settings) -> Clock:
    """The machine's time, or the fast clock that all processes of this data folder share."""
    if settings.speed == 1.0:
        return SystemClock()
    return SystemClock(settings.speed, shared_since(settings.data / "fast-clock"))


@contextlib.asynccontextmanager
async def open_desk(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A started Desk: database up to date, connectors ready, loops of this process's roles running. Stops them after."""
    make_data_folder(settings.data)
    clock = clock or clock_of(settings)
    store = open_store(settings.database_url)
    secrets = SecretStore(settings.data)
    secrets.ensure(REPLY_KEY)

    def secret(name: str) -> str:
        try:
            return secrets.get(name)
        except SecretError:
            raise MissingSecret(name) from None

    def previous(name: str) -> str:
        return secrets.previous(name, clock.now())

    network = Network(allow_private=settings.allow_private_addresses)
    tools = Tools(
        secrets=secret,
        previous=previous,
        keep=keeper(secrets),
        clock=clock,
        network=network,
        language=i18n.of_environment(),
    )
    doors = Live(tools)
    await store.start()
    try:
        node = Node(
            NodeConfig(
                store=store,
                clock=clock,
                doors=doors,
                broker_url=settings.broker_url,
                roles=settings.roles,
                base_url=settings.base_url,
                keep_requests=settings.keep_requests,
                keep_attempts=settings.keep_attempts,
            )
        )
        await node.start()
        try:
            desk = Desk(
                store=store,
                clock=clock,
                node=node,
                secrets=secrets,
                accounts=Accounts(store, clock),
                tools=tools,
                base_url=settings.base_url,
            )
            if settings.git is not None and "web" in settings.roles:
                desk.git = follower_of(desk, settings.git)
                desk.git.start()
            try:
                async with handed_over(desk, doors, settings):
                    yield desk
            finally:
                if desk.git is not None:
                    await desk.git.stop()
                await desk.connectors.close()
        finally:
            await node.stop()
    finally:
        await store.stop()


@contextlib.asynccontextmanager
async def handed_over(desk: Desk, doors: Live, settings: Settings) -> AsyncIterator[None]:
    """Listens for mail servers, where that is set."""
    if settings.lmtp is None or "web" not in settings.roles:
        yield
        return

    async def addresses() -> dict[str, str]:
        await desk.program()  # the doors follow it
        return doors.registry.mail_for()

    server = await lmtp.listen(lmtp.Handler(addresses, desk.node.take, desk.now), *settings.lmtp)
    try:
        yield
    finally:
        await server.close()


def keeper(secrets: SecretStore) -> Callable[[str, str], None]:
    """Stores what a provider has put in the place of a secret. Where that fails the one before goes on being used, for as
    long as the provider lets it."""

    def keep(name: str, value: str) -> None:
        try:
            if secrets.from_environment(name):
                log.warning("secret_was_replaced_by_its_provider_but_comes_from_the_environment", secret=name)
            else:
                secrets.set(name, value)
        except (SecretError, OSError) as error:
            log.error("secret_not_kept", secret=name, error=str(error))

    return keep


def follower_of(desk: Desk, settings: GitSettings) -> Follower:
    """HTTPS remotes are asked with the secret `GIT_TOKEN`, where it is stored."""

    def token() -> str:
        return desk.secrets.get("GIT_TOKEN") if "GIT_TOKEN" in desk.secrets.names() else ""

    repository = Repository(
        settings.folder / "repository", settings.remote, settings.branch, settings.path, key=settings.key, token=token
    )
    return Follower(desk, settings, repository)
