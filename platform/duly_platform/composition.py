"""The composition root: settings in, a running Duly out. Nothing else builds the parts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from duly_connectors.contract import Tools
from duly_connectors.registry import Registry
from duly_platform.accounts import Accounts
from duly_platform.desk import Desk
from duly_platform.secrets import SecretStore
from duly_platform.settings import Settings
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.database import open_store
from duly_runtime.time import Clock, SystemClock


@contextlib.asynccontextmanager
async def open_desk(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A started Desk: database up to date, connectors ready, loops of this process's roles running. Stops them after."""
    clock = clock or SystemClock(settings.speed)
    store = open_store(settings.database_url)
    secrets = SecretStore(settings.data)
    tools = Tools(secret=secrets.get, clock=clock, allow_private_addresses=settings.allow_private_addresses)
    await store.start()
    try:
        node = Node(
            NodeConfig(
                store=store,
                clock=clock,
                broker_url=settings.broker_url,
                roles=settings.roles,
                base_url=settings.base_url,
                doors=lambda program: Registry(program, tools),
            )
        )
        await node.start()
        try:
            yield Desk(store=store, clock=clock, node=node, secrets=secrets, accounts=Accounts(store, clock))
        finally:
            await node.stop()
    finally:
        await store.stop()
