"""The shop's door, for the tests of webhooks that come in."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from connectors import samples
from connectors.samples import ORDER, SHOP_KEY
from duly_connectors.contract import Tools
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_runtime.doors import Parsed, Raw, Refused
from duly_runtime.events import CustomerMessage
from duly_runtime.time import FakeClock

BODY = json.dumps(ORDER).encode()


def door(secret: str = SHOP_KEY, **changes: Any) -> Webhook:
    tools = Tools(secrets=lambda name: {"SHOP_KEY": secret}[name], clock=FakeClock(NOON))
    return Webhook(msgspec.structs.replace(samples.SHOP, **changes), samples.PIPELINE, tools)


def received(raw: Raw, **changes: Any) -> Parsed:
    found = door(**changes).receive(raw)
    assert isinstance(found, Parsed)
    return found


def only(parsed: Parsed) -> CustomerMessage:
    assert parsed.problems == ()
    (item,) = parsed.items
    assert isinstance(item.body, CustomerMessage)
    return item.body


def refused(raw: Raw, **changes: Any) -> Refused:
    with pytest.raises(Refused) as told:
        door(**changes).receive(raw)
    return told.value
