"""The catalogue of events that outgoing webhooks post, as JSON Schemas."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Router, get
from litestar.params import FromPath

from duly_platform.api.access import needs
from duly_runtime import catalogue
from duly_runtime.store.api import Missing

READ = [needs("read", "cards.read")]


class EventSchema(msgspec.Struct, frozen=True):
    """`schema` is that of the whole payload (JSON Schema 2020-12)."""

    name: str
    description: str
    schema: dict[str, Any]


def described(name: str) -> EventSchema:
    schema = catalogue.schema(name)
    return EventSchema(name, schema["description"], schema)


@get("/events/schemas", guards=READ, summary="Events that webhooks can be sent, each with its JSON Schema")
async def schemas() -> list[EventSchema]:
    return [described(name) for name in catalogue.TYPES]


@get("/events/schemas/{name:str}", guards=READ, summary="The JSON Schema of one event, by itself")
async def schema(name: FromPath[str]) -> dict[str, Any]:
    if name not in catalogue.TYPES:
        raise Missing(f"there is no event `{name}`")
    return catalogue.schema(name)


router = Router("/", tags=["webhooks"], route_handlers=[schemas, schema])
