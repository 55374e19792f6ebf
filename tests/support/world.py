"""What the tests of the checker suppose of the world outside the files."""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_dsl.catalogue import Kind
from duly_dsl.program import ConnectorKind, Environment, SettingSpec, TemplateAtMeta
from duly_platform.knowledge import pattern_ok

WORLD = Environment(
    connector_kinds=(
        ConnectorKind(
            "webhook", ("receives", "sends", "connects"), (SettingSpec("url"),), accepts_map=True, accepts_events=True
        ),
        ConnectorKind(
            "email",
            ("sends", "connects"),
            (
                SettingSpec("server", required=True, secret=True),
                SettingSpec("from", required=True),
                SettingSpec("mailbox", secret=True),
                SettingSpec("take mail since", duration=True, words=("now", "always"), about="mailbox"),
                SettingSpec("authentication server"),
            ),
            senders_proved_by="authentication server",
        ),
        ConnectorKind("whatsapp", ("receives", "sends", "connects"), (SettingSpec("phone number id", required=True),)),
    ),
    regions=frozenset({"PT", "BR", "BR-SP", "LK"}),
    secrets=frozenset({"SMTP", "SHOP_KEY"}),
    pattern_ok=pattern_ok,
    today=dt.date(2026, 11, 9),
    holidays_until={"LK": 2026},
)

AT_META = (
    TemplateAtMeta(name="not_yet", language="en", status="PENDING", category="utility", variables=1),
    TemplateAtMeta(name="not_alike", language="en", status="APPROVED", category="utility", variables=2),
)


def world_of(kind: Kind) -> Environment:
    """What the example of a kind supposes: only those about templates at Meta know of any."""
    return msgspec.structs.replace(WORLD, templates=(AT_META,)) if kind.needs == "templates" else WORLD
